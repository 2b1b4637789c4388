"""Failures without a response: from an exception of the HTTP library to what happened and what to do."""

import socket
import ssl
from collections.abc import Iterator

import httpx

from cbr_warehouse.errors import PermanentSourceError, SourceError
from cbr_warehouse.source.http_messages import ApiRequest
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.retry import ConnectionFailedError, RetryableError
from cbr_warehouse.source.runtime import Owner

_PROXY = "behind a proxy, HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
_LATER = f"Try again later; if it stays so, check the network and, {_PROXY}."


def translate_network_error(
    owner: Owner,
    request: ApiRequest,
    error: httpx.HTTPError,
    redactor: Redactor,
    *,
    connect_seconds: float,
    was_reached_before: bool,
) -> RetryableError | SourceError:
    """Says why there was no response.

    Args:
        owner: The source or account.
        request: The request.
        error: What the HTTP library raised. Its own words may repeat a header, so they are redacted
            or left out.
        redactor: Redacts them.
        connect_seconds: How long the connection was waited for.
        was_reached_before: Whether the endpoint ever responded.

    Returns:
        The error to raise: a retryable one where another attempt may get a response.
    """
    causes = list(_causes(error))
    reason = redactor.clean(next((str(cause) for cause in causes if str(cause)), ""))
    final = _final_problem(error, causes, reason)
    if final is not None:
        return PermanentSourceError(f"{owner}: {request.label} {final}")
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return RetryableError("gave no whole answer in time", _LATER)
    if isinstance(error, httpx.ConnectTimeout):
        what = f"could not be reached within {connect_seconds:g} s"
        remedy = f"Check the endpoint, the network and, {_PROXY}."
    elif isinstance(error, httpx.ConnectError | httpx.ProxyError):
        what, remedy = _connection_problem(request, causes, reason)
    else:
        return RetryableError(f"broke off ({reason or type(error).__name__})", _LATER)
    return ConnectionFailedError(what, remedy, was_reached_before=was_reached_before)


def _final_problem(error: httpx.HTTPError, causes: list[BaseException], reason: str) -> str | None:
    """Why no attempt will get a response; None where one may."""
    if isinstance(error, httpx.ProxyError) and reason[:3].isdigit() and reason[:3] < "500":
        return (
            f"does not get through the proxy, which answered {reason}. "
            "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY, including user and password in them."
        )
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return (
            f"was not sent: the server's certificate is not trusted ({reason}). Check the endpoint; if the "
            "certificate comes from your own authority or proxy, name the authority's certificates with the "
            "key ca_bundle of the source."
        )
    if any(isinstance(cause, ssl.SSLError) and "WRONG_VERSION" in str(cause) for cause in causes):
        return "was not sent: the server does not speak TLS. Check whether the endpoint begins with http://."
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return "cannot be sent. Check the endpoint, the sign-in and the proxies of the source."
    return None


def _connection_problem(request: ApiRequest, causes: list[BaseException], reason: str) -> tuple[str, str]:
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return (
            "could not be reached: its name cannot be resolved",
            f"Check the spelling of the endpoint, the network and, {_PROXY}.",
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return (
            "could not be reached: the connection was refused",
            f"Check the endpoint with its port ({request.host}), whether the server runs and, {_PROXY}.",
        )
    return f"could not be reached ({reason})", f"Check the endpoint, the network and, {_PROXY}."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
