"""The real command on a terminal of a given width, as a person sees it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread, Timer

from support.command_line import COMMAND, PACKAGES, Finished, Workplace

CONVERSATION_SECONDS = 120.0
"""A command that waits for what nobody types is killed after this."""

CTRL_C = "\x03"
AGAIN_SECONDS = 2.0
"""Ctrl-C is typed again after this, as a person does: Python sees a signal that arrives between showing a
prompt and waiting for a key at the next key only."""


def run_on_terminal(workplace: Workplace, columns: int, *words: str) -> Finished:
    """Runs a command with stdout on a pseudo-terminal; stderr goes to a pipe.

    Args:
        workplace: Where to run it.
        columns: Width of the terminal.
        words: The command's words.

    Returns:
        What it printed, its line ends as the program wrote them.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=workplace.folder,
        env=environ | {"PYTHONPATH": str(PACKAGES), "CBR_TOKEN": "demo-token", "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    out = b""
    try:
        while chunk := os.read(ours, 65_536):
            out += chunk
    except OSError:  # Linux reports the end of a terminal as an error
        pass
    os.close(ours)
    _, err = process.communicate(timeout=60)
    return Finished(process.returncode, out.decode().replace("\r\n", "\n"), err.decode())


@contextmanager
def terminal_as_stdout(columns: int) -> Iterator[Callable[[], str]]:
    """Makes stdout of this process a pseudo-terminal; gives what reads all that was printed on it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # line ends as they were written
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    printed: list[bytes] = []

    def drain() -> None:
        with suppress(OSError):  # Linux reports the end of a terminal as an error
            while chunk := os.read(ours, 65_536):
                printed.append(chunk)

    reader = Thread(target=drain)
    reader.start()
    stream = open(theirs, "w", encoding="utf-8")  # noqa: PTH123, SIM115  a descriptor, closed below
    before, sys.stdout = sys.stdout, stream

    def read() -> str:
        stream.close()
        reader.join(timeout=30)
        return b"".join(printed).decode()

    try:
        yield read
    finally:
        sys.stdout = before
        stream.close()
        reader.join(timeout=30)
        os.close(ours)


def converse(
    workplace: Workplace, replies: list[tuple[str, str]], *words: str, **environ: str
) -> tuple[int, str]:
    """Runs a command with all three streams on a pseudo-terminal, as a person does, and answers it.

    Args:
        workplace: Where to run it.
        replies: What it asks, a part of it, and what to type then.
        words: The command's words.
        environ: More variables.

    Returns:
        Its status, and all that was on the screen.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "TERM": "dumb", "HOME": str(workplace.folder)}
        | environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),  # noqa: PLW1509  so Ctrl-C is a signal
    )
    os.close(theirs)
    too_long = Timer(CONVERSATION_SECONDS, process.kill)
    too_long.start()
    waiting, screen, seen, typed = list(replies), b"", 0, ""
    with suppress(OSError):  # Linux reports the end of a terminal as an error
        while True:
            if typed == CTRL_C and not select.select([ours], [], [], AGAIN_SECONDS)[0]:
                os.write(ours, typed.encode())
                continue
            if not (chunk := os.read(ours, 65_536)):
                break
            screen += chunk
            while waiting and (at := screen.find(waiting[0][0].encode(), seen)) >= 0:
                shown, typed = waiting.pop(0)
                seen = at + len(shown.encode())
                os.write(ours, typed.encode())
    os.close(ours)
    status = process.wait(timeout=60)
    too_long.cancel()
    assert not waiting, (waiting, screen.decode())
    return status, screen.decode().replace("\r\n", "\n")
