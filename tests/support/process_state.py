"""What the tests of one process share without wanting to: environment, folder, signal handlers and the like.

Commands and code locations that a test runs in its own process set some of it, as is right for theirs.
"""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cbr_warehouse.storage.permissions import current_umask

SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD)
"""Without SIGTERM, which Dagster handles as SIGINT from the moment that it is imported."""

SET_ONCE = {"PYTEST_CURRENT_TEST", "ARROW_DEFAULT_MEMORY_POOL", "_RJEM_MALLOC_CONF"}
"""Variables that pytest changes, and those that are set as soon as pyarrow or polars is imported."""


@contextmanager
def restored() -> Iterator[None]:
    """Takes back what the block leaves behind.

    Raises:
        AssertionError: It left something that cannot be taken back.
    """
    before = _state()
    yield
    for name in os.environ.keys() - before["environment"].keys() - SET_ONCE:
        del os.environ[name]
    os.environ.update(before["environment"])
    time.tzset()
    os.chdir(before["folder"])
    os.umask(before["umask"])
    for number, handler in before["signals"].items():
        signal.signal(number, handler)
    sys.path[:] = before["path"]
    logging.root.setLevel(before["log level"])
    logging.disable(before["disabled logs"])
    socket.setdefaulttimeout(before["socket timeout"])
    now = _state()
    left = [f"{name}: {value!r} is {now[name]!r}" for name, value in before.items() if value != now[name]]
    if left:
        raise AssertionError("; ".join(left))


def _state() -> dict[str, Any]:
    return {
        "environment": {name: value for name, value in os.environ.items() if name not in SET_ONCE},
        "folder": Path.cwd(),
        "umask": current_umask(),
        "signals": {number: signal.getsignal(number) for number in SIGNALS},
        "path": [*sys.path],
        "log level": logging.root.level,
        "disabled logs": logging.root.manager.disable,
        "socket timeout": socket.getdefaulttimeout(),
        "time zone": time.tzname,
        "exception": sys.exception(),
    }
