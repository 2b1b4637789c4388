"""Verifies SDK-HMAC-SHA256 signatures as the vendor describes them; shares no code with the client."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

ALGORITHM = "SDK-HMAC-SHA256"
WINDOW = timedelta(minutes=15)
"""Maximum difference between the signer's clock and the server's."""


@dataclass(frozen=True)
class SignedRequest:
    """The parts of a request that are signed.

    Attributes:
        method: HTTP method.
        path: Decoded path.
        query: Raw query string.
        headers: Headers by lower-case name.
        body: Raw body.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def signature_error(signed: SignedRequest, access_key: str, secret_key: str, now: datetime) -> str | None:
    """Returns the error message for an invalid signature; None if it is valid.

    Args:
        signed: The request.
        access_key: The expected access key.
        secret_key: The secret key for verification.
        now: The server's time, UTC.
    """
    parts = _authorization(signed.headers.get("authorization", ""))
    if parts is None or parts.get("Access") != access_key:
        return "verify aksk signature fail"
    names = parts.get("SignedHeaders", "").split(";")
    date = signed.headers.get("x-sdk-date", "")
    try:
        signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "verify aksk signature fail"
    if abs(now - signed_at) > WINDOW:
        return "calc ak sk signature fail:signature expired"
    if "x-sdk-date" not in names or any(name not in signed.headers for name in names):
        return "verify aksk signature fail"
    expected = hmac.new(
        secret_key.encode(), _to_sign(signed, names, date).encode(), hashlib.sha256
    ).hexdigest()
    given = parts.get("Signature", "").encode()  # compare_digest takes non-ASCII only as bytes
    return None if hmac.compare_digest(expected.encode(), given) else "verify aksk signature fail"


def _authorization(header: str) -> dict[str, str] | None:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        return None
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {key: value for key, _, value in pairs}


def _to_sign(signed: SignedRequest, names: list[str], date: str) -> str:
    path = "/".join(quote(segment, safe="~") for segment in signed.path.split("/"))
    path = path if path.endswith("/") else path + "/"
    pairs = sorted(
        (quote(key, safe="~"), quote(value, safe="~"))
        for key, value in parse_qsl(signed.query, keep_blank_values=True)
    )
    canonical = "\n".join(
        [
            signed.method,
            path,
            "&".join(f"{key}={value}" for key, value in pairs),
            "".join(f"{name}:{signed.headers[name].strip()}\n" for name in names),
            ";".join(names),
            hashlib.sha256(signed.body).hexdigest(),
        ]
    )
    return f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
