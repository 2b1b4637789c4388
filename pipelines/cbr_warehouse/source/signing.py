"""SDK-HMAC-SHA256: the signature that a request carries instead of a token. Pure.

The algorithm is that of the vendor's own signer; the tests compare the two.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from cbr_warehouse.source.http_messages import encode_query

ALGORITHM = "SDK-HMAC-SHA256"
DATE_HEADER = "X-Sdk-Date"


@dataclass(frozen=True)
class Signable:
    """The signed parts of a request.

    Attributes:
        method: HTTP method.
        path: Path, its segments not percent-encoded.
        query: Names and values, not percent-encoded.
        headers: The headers to sign, including host and date.
        body: The body.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes = b""


def print_date(instant: datetime) -> str:
    """Prints the value of the date header.

    >>> print_date(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '20260102T030405Z'
    """
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def canonical_request(signable: Signable) -> str:
    """The canonical form of a request, which both sides sign."""
    path = quote(signable.path, safe="~/")
    headers = sorted((name.lower(), value.strip()) for name, value in signable.headers.items())
    return "\n".join(
        (
            signable.method.upper(),
            path if path.endswith("/") else f"{path}/",
            encode_query(signable.query),
            "".join(f"{name}:{value}\n" for name, value in headers),
            ";".join(name for name, _ in headers),
            hashlib.sha256(signable.body).hexdigest(),
        )
    )


def authorization(signable: Signable, access_key: str, secret_key: str) -> str:
    """Signs a request.

    Args:
        signable: The signed parts of the request; its headers include :data:`DATE_HEADER`.
        access_key: The access key.
        secret_key: The secret key.

    Returns:
        The value of the Authorization header.
    """
    date = next(value for name, value in signable.headers.items() if name.lower() == DATE_HEADER.lower())
    digest = hashlib.sha256(canonical_request(signable).encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{date}\n{digest}"
    signature = hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    signed = ";".join(sorted(name.lower() for name in signable.headers))
    return f"{ALGORITHM} Access={access_key}, SignedHeaders={signed}, Signature={signature}"
