"""Runs one command of a shell in a process that ``support.command_server`` forks, with this one's streams.

``python -IS command_client.py SOCKET WORDS...``: an interpreter without packages starts in a twentieth of the
time that a command takes to import its own.
"""

import json
import os
import signal
import socket
import sys


def main(address: str, *words: str) -> int:
    """Runs the command in this working directory, with this environment, and gives its exit status."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(address)
        wanted = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()  # noqa: PTH109  pathlib takes as long as all else here
        socket.send_fds(asked, [b"%16d" % len(wanted)], [0, 1, 2])
        asked.sendall(wanted)
        status = asked.recv(16)
    if not status:
        return 1  # the server has ended
    if int(status) < 0:
        signal.signal(-int(status), signal.SIG_DFL)
        os.kill(os.getpid(), -int(status))
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
