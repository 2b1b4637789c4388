"""What goes out and what comes back, without a type of the HTTP library and without secrets in a ``repr``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote, urlsplit

from cbr_warehouse.source.signing import encode, encode_query

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ApiRequest:
    """A request before it is signed in.

    Attributes:
        method: HTTP method.
        endpoint: What stands before ``/v3``.
        segments: The segments of the path after that, not percent-encoded.
        query: Names and values, not percent-encoded.
        body: The body; may hold a password.
    """

    method: str
    endpoint: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    @property
    def label(self) -> str:
        """Method and address without the query, for a message."""
        return f"{self.method} {self._address}"

    @property
    def url(self) -> str:
        """The whole address."""
        query = encode_query(self.query)
        return f"{self._address}{'?' if query else ''}{query}"

    @property
    def path(self) -> str:
        """The whole path, not percent-encoded, as it is signed."""
        return "/".join((unquote(urlsplit(self.endpoint).path), *self.segments))

    @property
    def host(self) -> str:
        """The value of the Host header."""
        parts = urlsplit(self.endpoint)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
        is_default = parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)}
        return host if is_default else f"{host}:{parts.port}"

    @property
    def _address(self) -> str:
        return "/".join((self.endpoint, *map(encode, self.segments)))


@dataclass(frozen=True)
class ApiResponse:
    """A whole answer.

    Attributes:
        status: HTTP status.
        headers: Its headers, names in lower case; one may be a token.
        body: Its body.
        arrived_at: When all of it had arrived, UTC.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    arrived_at: datetime
