"""An answer that never ends: the connection is reset in the middle of its body."""

import asyncio
import os
import socket
import struct

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER without any lingering: closing then resets the connection instead of ending it."""


class ResetResponse(Response):
    """Sends its headers and half of its body, then resets the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends what comes before the reset, and resets."""
        del scope
        body = bytes(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(0.05)  # what was sent is to arrive before the reset overtakes it
        # ASGI has no way to break a connection; uvicorn's receive belongs to what holds it.
        transport: asyncio.Transport = receive.__self__.transport  # type: ignore[attr-defined]
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        transport.abort()
        await receive()  # comes back once the connection is gone; nothing may be sent any more
