"""``--config``, ``--data-dir`` and ``--debug``, which every command takes, before its name or after it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cbr_warehouse.cli.terminal_text import log_to_stderr


@dataclass(frozen=True)
class GlobalOptions:
    """What the options say.

    Attributes:
        config: The configuration file named on the command line.
        data_dir: The data directory, or its address in a store, named on the command line.
        debug: Whether everything is logged.
        log_format: What stderr gets.
    """

    config: Path | None = None
    data_dir: Path | str | None = None
    debug: bool = False
    log_format: str = "text"


def _note(context: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Stores an option of either position; the last one wins."""
    root = context.find_root()
    noted = root.obj or GlobalOptions()
    given = value
    if value is not None and (param.name == "config" or (param.name == "data_dir" and "://" not in value)):
        given = Path(value)
    root.obj = noted if given is None else replace(noted, **{str(param.name): given})
    return value


class LogFormat(StrEnum):
    """What stderr gets: sentences, or JSON with one object a line."""

    TEXT = "text"
    JSON = "json"


def _set_up_logging(context: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Sets up logging by both options about it, of either position."""
    if value:
        options = _note(context, param, value)
        noted = context.find_root().obj
        log_to_stderr(debug=noted.debug, as_json=noted.log_format == LogFormat.JSON)
        return options
    return value


# Texts, not paths: Typer would check whether they can be read, and import pydantic to do so.
Config = Annotated[
    str | None,
    typer.Option(
        help="Configuration file instead of cbr-warehouse.toml.",
        metavar="<path>",
        show_default=False,
        callback=_note,
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        help="Data directory instead of the configured one; also s3://bucket/prefix.",
        metavar="<path>",
        show_default=False,
        callback=_note,
    ),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Log every step, and show tracebacks.", callback=_set_up_logging)
]


Format = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        help="What stderr gets: text, or json, one object a line with source and load.",
        show_default=False,
        callback=_set_up_logging,
    ),
]


def take_global_options(
    config: Config = None,
    data_dir: DataDir = None,
    debug: Debug = False,
    log_format: Format = None,
) -> None:
    """Does nothing itself: its parameters are added to every command."""


def global_options_of(context: typer.Context) -> GlobalOptions:
    """The global options of a command."""
    options = context.find_root().obj
    return options if isinstance(options, GlobalOptions) else GlobalOptions()
