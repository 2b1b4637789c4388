"""Log lines as JSON, one object a line, with the ids of what they are about: source, load and run.

The ids belong to the code that is running, not to the message: whoever knows an id sets it, and every line
that is written meanwhile has it. Text for people is in ``cli.terminal_text``.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

_IDS: ContextVar[Mapping[str, str]] = ContextVar("log_ids", default=MappingProxyType({}))


def log_ids() -> Mapping[str, str]:
    """The ids of what is running."""
    return _IDS.get()


def add_log_ids(ids: Mapping[str, str]) -> None:
    """Adds ids until the enclosing ``with_log_ids`` ends; also how a new thread takes over those of another.

    Args:
        ids: ``source``, ``load`` or ``run``.
    """
    _IDS.set({**_IDS.get(), **ids})


@contextmanager
def with_log_ids(**ids: str) -> Iterator[None]:
    """Adds ids while the block runs."""
    token = _IDS.set({**_IDS.get(), **ids})
    try:
        yield
    finally:
        _IDS.reset(token)


def json_line(
    level: str,
    message: str,
    *,
    logger: str,
    at: float | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """One line.

    Args:
        level: Name of the level, in capitals.
        message: What is said.
        logger: Who says it.
        at: When, in Unix seconds; None for now.
        more: Further keys.
    """
    moment = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    line = {"at": stamp, "level": level, "logger": logger, **_IDS.get(), **more, "message": message}
    return json.dumps(line, ensure_ascii=True)


class JsonFormatter(logging.Formatter):
    """Formats records of ``logging`` so; a configuration of Dagster's loggers can name it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, with its traceback where it has one."""
        more = {}
        # Dagster's own records name their run.
        if run := getattr(record, "dagster_meta", {}).get("run_id"):
            more["run"] = str(run)
        if record.exc_info:
            more["traceback"] = self.formatException(record.exc_info)
        return json_line(
            record.levelname, record.getMessage(), logger=record.name, at=record.created, more=more
        )
