"""Failures without an answer told: from an exception of the HTTP library to what happened and what to do."""

import socket
import ssl
from collections.abc import Iterator

import httpx

from cbr_warehouse.errors import PermanentSourceError, SourceError
from cbr_warehouse.source.failures import ConnectionFailedError, RetryableError
from cbr_warehouse.source.messages import ApiRequest
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.runtime import Timeouts

_PROXY = "behind a proxy, HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
_LATER = f"Try again later; if it stays so, check the network and, {_PROXY}."


def tell_failure(
    name: str, asked: ApiRequest, error: httpx.HTTPError, redactor: Redactor, patience: Timeouts
) -> RetryableError | SourceError:
    """Tells why there was no answer.

    Args:
        name: Name of the source.
        asked: The request.
        error: What the HTTP library raised. Its own words may repeat a header, so they are cleaned,
            or left out.
        redactor: Cleans them.
        patience: How long was waited for what.

    Returns:
        The failure to raise: a passing one where another try may have an answer.
    """
    causes = list(_causes(error))
    said = redactor.clean(next((str(cause) for cause in causes if str(cause)), ""))
    final = _final(error, causes, said)
    if final is not None:
        return PermanentSourceError(f"Source {name}: {asked.label} {final}")
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectionFailedError(
            f"could not be reached within {patience.connect_seconds:g} s",
            f"Check the endpoint, the network and, {_PROXY}.",
        )
    if isinstance(error, httpx.TimeoutException):
        return RetryableError("gave no whole answer in time", _LATER)
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return _unreached(asked, causes, said)
    return RetryableError(f"broke off ({said or type(error).__name__})", _LATER)


def _final(error: httpx.HTTPError, causes: list[BaseException], said: str) -> str | None:
    """Why no try will have an answer; None where one may."""
    if isinstance(error, httpx.ProxyError) and said[:3].isdigit() and said[:3] < "500":
        return (
            f"does not get through the proxy, which answered {said}. "
            "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY, user and password in them included."
        )
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return (
            f"was not sent: the server's certificate is not trusted ({said}). Check the endpoint; if the "
            "certificate comes from your own authority or proxy, name the authority's certificates with the "
            "key ca_bundle of the source."
        )
    if any(isinstance(cause, ssl.SSLError) and "WRONG_VERSION" in str(cause) for cause in causes):
        return "was not sent: the server does not speak TLS. Check whether the endpoint begins with http://."
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return "cannot be sent. Check the endpoint, the sign-in and the proxies of the source."
    return None


def _unreached(asked: ApiRequest, causes: list[BaseException], said: str) -> ConnectionFailedError:
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return ConnectionFailedError(
            "could not be reached: its name is not known here",
            f"Check the spelling of the endpoint, the network and, {_PROXY}.",
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return ConnectionFailedError(
            "could not be reached: the connection was refused",
            f"Check the endpoint with its port ({asked.host}), whether the server runs and, {_PROXY}.",
        )
    return ConnectionFailedError(
        f"could not be reached ({said})", f"Check the endpoint, the network and, {_PROXY}."
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
