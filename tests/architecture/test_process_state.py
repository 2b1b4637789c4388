"""What tests leave behind in their process is taken back, or found."""

import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from support.process_state import restored


def test_what_a_test_leaves_behind_is_taken_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHANGED", "before")
    folder, path, zone = Path.cwd(), [*sys.path], time.tzname
    handler, level = signal.getsignal(signal.SIGHUP), logging.root.level
    umask = os.umask(0o22)
    with restored():
        os.environ.update({"LEFT": "1", "CHANGED": "now", "TZ": "Asia/Tokyo"})
        time.tzset()
        os.chdir(tmp_path)
        os.umask(0o77)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        sys.path.insert(0, str(tmp_path))
        logging.root.setLevel(3)
        socket.setdefaulttimeout(1.0)
    assert os.umask(umask) == 0o22
    assert "LEFT" not in os.environ
    assert os.environ["CHANGED"] == "before"
    assert (Path.cwd(), sys.path, time.tzname) == (folder, path, zone)
    assert (signal.getsignal(signal.SIGHUP), logging.root.level) == (handler, level)
    assert socket.getdefaulttimeout() is None


def test_what_cannot_be_taken_back_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    left = ZeroDivisionError("as a traced generator leaves it")
    with pytest.raises(AssertionError, match="exception: None is ZeroDivisionError"), restored():
        monkeypatch.setattr(sys, "exception", lambda: left)
