"""A response whose connection is reset in the middle of the body."""

import asyncio
import os
import socket
import struct

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

LINGER_ZERO = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of 0: closing the socket then sends RST instead of FIN."""


class ResetResponse(Response):
    """Sends the headers and half of the body, then resets the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the first half and resets the connection."""
        del scope
        body = bytes(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(0.05)  # let the data arrive before the reset
        # ASGI cannot reset a connection; uvicorn's receive() is a method of the transport's owner.
        transport: asyncio.Transport = receive.__self__.transport  # type: ignore[attr-defined]
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        transport.abort()
        await receive()  # returns when the connection is closed
