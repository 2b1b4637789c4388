"""The wire: one request out, one whole answer back, or the failure told. Trying again is ``persistence``."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock

import httpx

from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.source.failures import RetryableError
from cbr_warehouse.source.messages import ApiRequest, ApiResponse
from cbr_warehouse.source.network_errors import tell_failure
from cbr_warehouse.source.quiet_logs import keep_headers_out_of_logs
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.runtime import Runtime, Timeouts
from cbr_warehouse.source.trust import make_http_client

_log = logging.getLogger("cbr_warehouse.source")


class Transport:
    """Sends requests. Safe to share between threads.

    Args:
        name: Name of the source.
        ca_bundle: The certificates that are trusted, instead of the usual ones.
        redactor: Cleans what others say.
        surroundings: Time and chance.
        patience: How long to wait for what.
        transport: Stands for the network in tests.

    Attributes:
        requests_made: Requests sent, failed ones included.
    """

    def __init__(
        self,
        name: str,
        ca_bundle: Path | None,
        redactor: Redactor,
        surroundings: Runtime,
        patience: Timeouts,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        keep_headers_out_of_logs()
        self._name = name
        self._redactor = redactor
        self._surroundings = surroundings
        self._patience = patience
        self._http = make_http_client(name, ca_bundle, patience, transport)
        self._lock = Lock()
        self.requests_made = 0
        self._reached: set[str] = set()

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def has_reached(self, endpoint: str) -> bool:
        """Whether there ever was an answer from an endpoint."""
        return endpoint in self._reached

    def send(self, asked: ApiRequest, headers: Mapping[str, str]) -> ApiResponse:
        """Sends a request once.

        Args:
            asked: The request.
            headers: Its headers, those that sign it in among them.

        Returns:
            The whole answer, whatever its status.

        Raises:
            RetryableError: There was no whole answer, and another try may have one.
            SourceError: There was none, and there will be none.
        """
        with self._lock:
            self.requests_made += 1
        began_at = self._surroundings.monotonic()
        try:
            answer = self._exchange(asked, headers, began_at)
        except httpx.HTTPError as error:
            failure = tell_failure(self._name, asked, error, self._redactor, self._patience)
        except (httpx.InvalidURL, UnicodeError):
            failure = PermanentSourceError(
                f"Source {self._name}: {asked.label} cannot be sent: the address is none. Check the endpoint."
            )
        else:
            self._reached.add(asked.endpoint)
            self._tell(asked, f"{answer.status}, {len(answer.body)} bytes", began_at)
            return answer
        self._tell(asked, failure.what if isinstance(failure, RetryableError) else "no answer", began_at)
        # Outside the except block: what the HTTP library says may repeat a header.
        raise failure

    def _exchange(self, asked: ApiRequest, headers: Mapping[str, str], began_at: float) -> ApiResponse:
        with self._http.stream(
            asked.method, asked.url, headers=headers, content=asked.body or None
        ) as response:
            body = b"".join(self._chunks(response, began_at))
            return ApiResponse(
                response.status_code,
                {name.lower(): value for name, value in response.headers.items()},
                body,
                self._surroundings.clock(),
            )

    def _chunks(self, response: httpx.Response, began_at: float) -> Iterator[bytes]:
        for chunk in response.iter_bytes():
            yield chunk
            # The read timeout starts anew with each byte; an answer that drips needs a bound of its own.
            if self._surroundings.monotonic() - began_at > self._patience.attempt_seconds:
                raise httpx.ReadTimeout("the answer drips")

    def _tell(self, asked: ApiRequest, came: str, began_at: float) -> None:
        seconds = self._surroundings.monotonic() - began_at
        _log.debug("%s: %s %s: %s in %.3f s", self._name, asked.method, asked.url, came, seconds)
