"""Requests and responses, without types of the HTTP library and without secrets in a ``repr``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from urllib.parse import quote, unquote, urlencode, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ApiRequest:
    """A request before it is signed.

    Attributes:
        method: HTTP method.
        endpoint: The address up to, not including, ``/v3``.
        segments: The path segments after that, not percent-encoded.
        query: Names and values, not percent-encoded.
        body: The body; may contain a password.
    """

    method: str
    endpoint: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    @cached_property
    def address(self) -> str:
        """The address without the query, percent-encoded."""
        return "/".join((self.endpoint, *(quote(segment, safe="~") for segment in self.segments)))

    @property
    def label(self) -> str:
        """Method and address without the query, for messages."""
        return f"{self.method} {self.address}"

    @cached_property
    def url(self) -> str:
        """The whole address, percent-encoded."""
        return f"{self.address}?{encode_query(self.query)}" if self.query else self.address

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


@dataclass(frozen=True)
class ApiResponse:
    """A complete response.

    Attributes:
        status: HTTP status.
        headers: Its headers, names in lower case; one of them may be a token.
        body: Its body.
        arrived_at: When it had arrived completely, UTC, by this machine's clock.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    arrived_at: datetime

    @property
    def served_at(self) -> datetime | None:
        """The server's own time when it responded (its Date header), UTC; None where it is missing."""
        return parse_http_date(self.headers.get("date", ""))


def encode_query(query: Iterable[tuple[str, str]]) -> str:
    """Encodes and sorts a query, as it is signed and sent: only RFC 3986's unreserved characters stay."""
    return urlencode(sorted(query), safe="~", quote_via=quote)


def parse_http_date(text: str) -> datetime | None:
    """Parses a date as HTTP headers print it.

    >>> parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT")
    datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.timezone.utc)

    Returns:
        The instant, UTC; None for text that is no date, or one that no calendar has.
    """
    try:
        instant = parsedate_to_datetime(text)
        # Within the block too: 31 December 9999 in a zone behind UTC is in the year 10000.
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
