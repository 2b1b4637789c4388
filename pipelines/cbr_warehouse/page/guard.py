"""Refuses what does not come from the page itself, and tells browsers to let nothing else in.

Listening on loopback keeps other machines out, not the pages of others in the same browser: such a page could
send requests here, and by changing its DNS record (rebinding) read the answers as its own.
"""

from collections.abc import Iterable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every response."""


class Guard:
    """Lets requests through that a page or a person at this machine made.

    Args:
        app: What answers them.
        port: The port that it listens on.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        if port == 80:
            self._hosts |= {"127.0.0.1", "localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        refused = self._refusal(scope)
        answer: ASGIApp = self._app
        if refused is not None:
            status, sentence = refused
            allow = {"Allow": "GET"} if status == 405 else None
            answer = PlainTextResponse(f"{sentence}\n", status, allow)
        await answer(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 403, "This page answers under http://127.0.0.1 and http://localhost with its port only."
        origins = {f"http://{host}" for host in self._hosts}
        if any(origin.lower() not in origins for origin in _values(scope, b"origin")):
            return 403, "Requests of other pages are refused."
        if _is_embedded(scope):
            return 403, "Other pages may link to this page, not embed it or load parts of it."
        if scope["method"] != "GET":
            return 405, "This page is read-only; only GET is allowed."
        return None


def _is_embedded(scope: Scope) -> bool:
    """Whether the browser says that another page loads this one into itself; following a link is no such."""
    sites = _values(scope, b"sec-fetch-site")
    if not sites or set(sites) <= {"same-origin", "none"}:
        return False
    followed = (_values(scope, b"sec-fetch-mode"), _values(scope, b"sec-fetch-dest"))
    return followed != (["navigate"], ["document"])


def _values(scope: Scope, name: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *added]
        await send(message)

    return send_with_headers
