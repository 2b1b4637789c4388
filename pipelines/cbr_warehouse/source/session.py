"""A signed-in session with the API of one source: each attempt gets a permit, is signed, sent and judged.

Repeating attempts is done by ``retry``; reading a good response, by the caller.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from cbr_warehouse.errors import SignInError
from cbr_warehouse.source.auth import Authenticator, Renewal
from cbr_warehouse.source.http_errors import ErrorTranslator
from cbr_warehouse.source.http_messages import ApiRequest, ApiResponse
from cbr_warehouse.source.rate_limit import RateLimiter
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.retry import RATE_LIMITED, RETRYABLE_STATUSES, Attempts, Retrier
from cbr_warehouse.source.runtime import Runtime
from cbr_warehouse.source.transport import Transport

MAX_SIGN_INS = 3
"""Maximum attempts while other threads refresh the token; after our own refresh, one."""

_PAUSING_STATUSES = {RATE_LIMITED, 503}

T = TypeVar("T")


@dataclass(frozen=True)
class Connection:
    """What everything that talks to the servers of one source shares.

    Attributes:
        transport: Sends requests.
        retrier: Repeats failed attempts.
        errors: Translates error responses to sentences.
        redactor: Removes secrets from texts.
        runtime: Time and randomness.
    """

    transport: Transport
    retrier: Retrier
    errors: ErrorTranslator
    redactor: Redactor
    runtime: Runtime


class ApiSession:
    """Signed-in requests to the API of one source. Safe to share between threads.

    Args:
        connection: The way to the servers.
        authenticator: Signs requests in.
        rate_limiter: Issues permits for requests.
        longest_pause: Seconds; after a longer Retry-After only the request that got it fails, and
            other threads are not paused.
    """

    def __init__(
        self,
        connection: Connection,
        authenticator: Authenticator,
        rate_limiter: RateLimiter,
        longest_pause: float,
    ) -> None:
        self._connection = connection
        self._authenticator = authenticator
        self._rate_limiter = rate_limiter
        self._longest_pause = longest_pause
        self._refused: str | None = None

    def request(self, request: ApiRequest, read: Callable[[ApiResponse], T]) -> T:
        """Sends a request, with retries, until there is a response that can be read.

        Args:
            request: The request.
            read: Reads a response whose status is neither retryable nor 401. It raises RetryableError
                for another attempt, and SourceError to give up.

        Returns:
            What was read.

        Raises:
            SourceError: There is no such response.
        """

        def attempt(attempts: Attempts) -> T:
            response = self._send_signed_in(request, attempts)
            if response.status == 401 or response.status in RETRYABLE_STATUSES:
                self._fail(request, response)
            return read(response)

        return self._connection.retrier.run(request, attempt)

    def _send_signed_in(self, request: ApiRequest, attempts: Attempts) -> ApiResponse:
        """Sends a request once; where its credentials are refused, once more with renewed ones."""
        sign_ins = 1
        while True:
            with self._rate_limiter.slot() as slot:
                attempts.extend(slot.waited_seconds)
                if self._refused is not None:
                    raise SignInError(self._refused, 401)
                # Signed only now: a signature made before a long wait would have expired.
                headers = self._uncounted(attempts, lambda: self._authenticator.headers(request))
                response = self._connection.transport.send(request, headers)
                if response.status == RATE_LIMITED:
                    slot.rejected()
                elif response.status < 500:
                    slot.succeed()
            if response.status != 401 or sign_ins >= MAX_SIGN_INS:
                return response
            match self._uncounted(attempts, partial(self._authenticator.renew, headers)):
                case Renewal.IMPOSSIBLE:
                    return response
                case Renewal.DONE:
                    sign_ins = MAX_SIGN_INS
                case Renewal.BY_ANOTHER:
                    sign_ins += 1

    def _uncounted(self, attempts: Attempts, sign_in: Callable[[], T]) -> T:
        """Signs in without spending the request's budget: that can take retries or another thread's wait."""
        monotonic = self._connection.runtime.monotonic
        began_at = monotonic()
        try:
            return sign_in()
        finally:
            attempts.extend(monotonic() - began_at)

    def _fail(self, request: ApiRequest, response: ApiResponse) -> None:
        errors = self._connection.errors
        if response.status == 401:
            error = errors.unauthorized(request, response, self._authenticator.remedy)
            # Keys and accounts are locked after some failures: this client makes no more of them.
            self._refused = str(error)
            raise error
        failure = errors.retryable(response)
        pause = failure.retry_after
        if pause is not None and response.status in _PAUSING_STATUSES and pause <= self._longest_pause:
            self._rate_limiter.pause(pause)
        raise failure
