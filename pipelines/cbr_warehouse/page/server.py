"""Runs the page: binds a port of 127.0.0.1, prints its URL and serves until SIGINT or SIGTERM."""

import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from cbr_warehouse.errors import UsageError
from cbr_warehouse.page.app import create_app
from cbr_warehouse.page.snapshots import Snapshots
from cbr_warehouse.warehouse.place import WarehousePlace

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(
    place: WarehousePlace,
    port: int,
    on_ready: Callable[[str], None],
    bring_up: Callable[[], None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        place: The published warehouse, which need not be there yet.
        port: The port of 127.0.0.1; 0 for any free one.
        on_ready: Called with the URL once connections are accepted.
        bring_up: Called before each page, where the file is a copy of one that others replace.

    Raises:
        UsageError: The port cannot be used.
    """
    for sent in _STOP_SIGNALS:
        signal.signal(sent, _exit)  # until uvicorn installs its own handlers
    snapshots = Snapshots(place, bring_up)
    with bind(port) as listener:
        Server(snapshots, listener.getsockname()[1], on_ready).run(sockets=[listener])


class Server(uvicorn.Server):
    """Reports the URL once connections are accepted; a signal ends it with status 0.

    Args:
        snapshots: The warehouse to show; closed at the end.
        port: The port that it listens on.
        on_ready: Called with the URL.
    """

    def __init__(self, snapshots: Snapshots, port: int, on_ready: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(snapshots, port),
                log_level="critical",
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._snapshots = snapshots
        self._url = f"http://127.0.0.1:{port}"
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts connections and reports the URL."""
        await super().startup(sockets)
        self._on_ready(self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops the query that is running, and ends open requests."""
        self._snapshots.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the shutdown; uvicorn's own method would raise the signal again afterwards."""
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def bind(port: int) -> socket.socket:
    """Opens the listening socket on 127.0.0.1.

    Args:
        port: The port; 0 for any free one.

    Raises:
        UsageError: The port cannot be used.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} on 127.0.0.1 cannot be used ({error.strerror}). "
            "Choose another with --port, or leave it out for any free one."
        ) from error
    return listener


def _exit(sig: int, frame: FrameType | None) -> None:
    del sig, frame
    raise SystemExit(0)
