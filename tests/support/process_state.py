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

from cbr_warehouse.storage.permissions import current_umask

SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD)
"""Without SIGTERM, which Dagster handles as SIGINT from the moment that it is imported."""

SET_ONCE = {"PYTEST_CURRENT_TEST", "ARROW_DEFAULT_MEMORY_POOL", "_RJEM_MALLOC_CONF"}
"""Variables that pytest changes, and those that are set as soon as pyarrow or polars is imported."""


@contextmanager
def restored() -> Iterator[None]:
    """Takes back what the block leaves behind.

    Raises:
        AssertionError: It left an exception set, as tracing does.
    """
    environment, folder, umask, path = {**os.environ}, Path.cwd(), current_umask(), [*sys.path]
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    level, disabled, timeout = logging.root.level, logging.root.manager.disable, socket.getdefaulttimeout()
    exception = sys.exception()
    yield
    for name in os.environ.keys() - environment.keys() - SET_ONCE:
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if name not in SET_ONCE})
    time.tzset()
    os.chdir(folder)
    os.umask(umask)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    sys.path[:] = path
    logging.root.setLevel(level)
    logging.disable(disabled)
    socket.setdefaulttimeout(timeout)
    left = sys.exception()
    if left is not exception:  # it cannot be taken back
        raise AssertionError(f"exception: {exception!r} is {left!r}")
