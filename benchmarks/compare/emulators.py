"""Emulator processes as difficult sources: their truth and their clock."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from loaders import CHECKOUT, COMMAND

NOW = datetime.now(UTC).replace(microsecond=0)
"""Current time of every source, so that both loaders get the same tasks."""


@contextmanager
def served(*options: str) -> Iterator[str]:
    """Runs an emulator with a frozen clock and yields its base URL."""
    process = subprocess.Popen(
        [*COMMAND, "emulator", "--port", "0", "--freeze", "--now", NOW.isoformat(), *options],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.communicate()


def truth(url: str) -> dict[str, str]:
    """Status of every task that is served now, by id."""
    return {record["id"]: record["status"] for record in _ask(f"{url}/__emulator/truth")["operation_logs"]}


def advance(url: str, span: str) -> None:
    """Advances the emulator's clock."""
    body = json.dumps({"advance": span}).encode()
    _ask(urllib.request.Request(f"{url}/__emulator/clock", data=body, method="POST"))  # noqa: S310


def _ask(what: Any) -> Any:
    with urllib.request.urlopen(what, timeout=60) as answer:  # noqa: S310  # http on the loopback
        return json.load(answer)
