"""The HTTP exchange: one request out, one complete response back, or the failure as an error.

The HTTP library is configured here too: certificates, proxies, timeouts, and its own log, which
would print tokens. Retrying is done by ``retry``.
"""

import logging
import os
import ssl
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock

import httpx

from cbr_warehouse import __version__
from cbr_warehouse.errors import PermanentSourceError, SettingsError, SourceError
from cbr_warehouse.source.http_messages import ApiRequest, ApiResponse
from cbr_warehouse.source.network_errors import translate_network_error
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.retry import RATE_LIMITED, RetryableError
from cbr_warehouse.source.runtime import Owner, Runtime, Timeouts

_LIBRARY_LOGGERS = tuple(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))
_HEADERS_EVENT = "receive_response_headers"

MAX_BODY_BYTES = 64 * 2**20
"""Of a response, as sent and decompressed. The largest page, 1,000 records, has 64 KiB for each of them;
real ones take 1 to 2 KiB. Whatever is larger is no page of tasks, and may be a gzip bomb."""

_PIECE_BYTES = 2**20
"""Decompressed at once; a bomb of 64 KiB can hold 64 MiB."""

_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")

_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

_log = logging.getLogger("cbr_warehouse.source")


class Transport:
    """Sends requests. Safe to share between threads.

    Args:
        owner: The source or account.
        ca_bundle: PEM file with the certificates to trust instead of the usual ones.
        redactor: Removes secrets from the texts of others.
        runtime: Time.
        timeouts: The limits of one attempt.
        transport: Replaces the network in tests.

    Attributes:
        requests_made: Requests sent, failed ones included.
        rate_limited: Those of them that were answered with 429.
        received_bytes: Bytes received in bodies, as transferred, those of failed requests included.

    Raises:
        SettingsError: The certificates or the environment's proxies are unusable.
    """

    def __init__(
        self,
        owner: Owner,
        ca_bundle: Path | None,
        redactor: Redactor,
        runtime: Runtime,
        timeouts: Timeouts,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        _keep_headers_out_of_library_logs()
        self._owner = owner
        self._redactor = redactor
        self._runtime = runtime
        self._timeouts = timeouts
        self._http = _make_http_client(owner, ca_bundle, timeouts, transport)
        self._lock = Lock()
        self.requests_made = 0
        self.rate_limited = 0
        self.received_bytes = 0
        self._reached: set[str] = set()

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def send(self, request: ApiRequest, headers: Mapping[str, str]) -> ApiResponse:
        """Sends a request once.

        Args:
            request: The request.
            headers: Its headers, including those that sign it in.

        Returns:
            The complete response, whatever its status.

        Raises:
            RetryableError: There was no complete response, and another attempt may get one.
            SourceError: There was none, and there will be none.
        """
        with self._lock:
            self.requests_made += 1
        began_at = self._runtime.monotonic()
        try:
            response = self._exchange(request, headers, began_at)
        except httpx.HTTPError as error:
            failure = self._translate(request, error)
            result = failure.what if isinstance(failure, RetryableError) else "no response"
            self._log(request, result, began_at)
        except (httpx.InvalidURL, UnicodeError):
            failure = self._unsendable(request)
        else:
            with self._lock:
                self.rate_limited += response.status == RATE_LIMITED
            self._reached.add(request.endpoint)
            self._log(request, f"{response.status}, {len(response.body)} bytes", began_at)
            return response
        # Outside the except block: the HTTP library's own words may repeat a header.
        raise failure

    def _exchange(self, request: ApiRequest, headers: Mapping[str, str], began_at: float) -> ApiResponse:
        with self._http.stream(
            request.method, request.url, headers=headers, content=request.body or None
        ) as response:
            body = self._read_body(request, response, began_at)
            return ApiResponse(
                response.status_code,
                dict(response.headers),  # names in lower case, repeated ones joined
                body,
                self._runtime.clock(),
            )

    def _read_body(self, request: ApiRequest, response: httpx.Response, began_at: float) -> bytes:
        # Decompressed here, piece by piece: the library decompresses whatever came at once.
        is_compressed = response.headers.get("content-encoding", "").strip().lower() in _COMPRESSED
        decompressor = zlib.decompressobj(_GZIP_OR_ZLIB) if is_compressed else None
        body = bytearray()
        received = 0
        for chunk in response.iter_raw():
            received += len(chunk)
            with self._lock:
                self.received_bytes += len(chunk)
            for piece in _decompress(decompressor, chunk) if decompressor else (chunk,):
                body += piece
                if max(received, len(body)) > MAX_BODY_BYTES:
                    raise self._too_large(request, response.status_code)
            # The read timeout starts again with each byte; a response that trickles needs a limit of its own.
            if self._runtime.monotonic() - began_at > self._timeouts.attempt_seconds:
                raise httpx.ReadTimeout("the response trickles")
        if decompressor and received and not decompressor.eof:
            raise httpx.DecodingError("the compressed response is cut off")
        return bytes(body)

    def _too_large(self, request: ApiRequest, status: int) -> PermanentSourceError:
        return PermanentSourceError(
            f"{self._owner}: {request.label} answered {status} with more than "
            f"{MAX_BODY_BYTES // 2**20} MiB, which is no page of tasks; the rest was not read. Check the "
            "endpoint; if it is right, report this to the operator of the service.",
            status,
        )

    def _translate(self, request: ApiRequest, error: httpx.HTTPError) -> RetryableError | SourceError:
        return translate_network_error(
            self._owner,
            request,
            error,
            self._redactor,
            connect_seconds=self._timeouts.connect_seconds,
            was_reached_before=request.endpoint in self._reached,
        )

    def _unsendable(self, request: ApiRequest) -> PermanentSourceError:
        return PermanentSourceError(
            f"{self._owner}: {request.method} {request.endpoint} cannot be sent: the address or a "
            "value sent with it has characters that HTTP does not allow. Check the endpoint and the sign-in."
        )

    def _log(self, request: ApiRequest, result: str, began_at: float) -> None:
        seconds = self._runtime.monotonic() - began_at
        _log.debug("%s: %s %s: %s in %.3f s", self._owner.name, request.method, request.url, result, seconds)


def _make_http_client(
    owner: Owner, ca_bundle: Path | None, timeouts: Timeouts, transport: httpx.BaseTransport | None
) -> httpx.Client:
    """Makes the client of the HTTP library. Proxies and default certificates come from the environment."""
    own = None if ca_bundle is None else _read_certificates(owner, ca_bundle)
    try:
        return httpx.Client(
            verify=own or _usual_certificates(*(os.environ.get(name) for name in _CERTIFICATE_VARIABLES)),
            transport=transport,
            timeout=httpx.Timeout(
                connect=timeouts.connect_seconds,
                read=timeouts.read_seconds,
                write=timeouts.write_seconds,
                pool=timeouts.pool_seconds,
            ),
            # Never follow a redirect: it would carry the credentials to another server.
            follow_redirects=False,
            headers={
                "User-Agent": f"cbr-warehouse/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            },
        )
    except ImportError:
        problem = "names a SOCKS proxy, which needs the package socksio"
    except (ValueError, httpx.InvalidURL):
        problem = "is not the address of a proxy"
    except OSError:
        raise SettingsError(
            f"{owner}: the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read. "
            "Correct the variable, or unset it."
        ) from None
    # Outside the except block: the library's own words repeat a proxy's password.
    raise SettingsError(
        f"{owner}: HTTP_PROXY, HTTPS_PROXY or ALL_PROXY {problem}. "
        "Allowed: an address such as http://proxy.example.com:3128."
    )


def _decompress(decompressor: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """Decompresses a chunk in pieces of bounded size."""
    try:
        while not decompressor.eof:
            piece = decompressor.decompress(chunk, _PIECE_BYTES)
            yield piece
            chunk = decompressor.unconsumed_tail
            if not chunk and len(piece) < _PIECE_BYTES:
                return
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from None


@lru_cache(maxsize=4)
def _usual_certificates(file: str | None, folder: str | None) -> ssl.SSLContext:
    """The certificates of the system or environment, read once: each reading takes 20 ms of CPU and 1 MB.

    Args:
        file: Value of the variable that names a file, which the HTTP library reads itself.
        folder: The same for a folder.
    """
    del file, folder
    return httpx.create_ssl_context()


def _read_certificates(owner: Owner, ca_bundle: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_bundle))
    except OSError:  # ssl.SSLError is one
        raise SettingsError(
            f"{owner}: ca_bundle {ca_bundle} contains no certificates that can be read. "
            "Allowed: a file with certificates in PEM form (-----BEGIN CERTIFICATE-----)."
        ) from None


def _keep_headers_out_of_library_logs() -> None:
    """At DEBUG the HTTP library logs the headers of responses, IAM's token among them."""
    for name in _LIBRARY_LOGGERS:
        logging.getLogger(name).addFilter(_drop_headers)  # a filter that is there is not added again


def _drop_headers(record: logging.LogRecord) -> bool:
    if _HEADERS_EVENT in str(record.msg):
        record.msg, record.args = f"{str(record.msg).split(' ', 1)[0]} (headers left out)", ()
    return True
