"""Asking the API: each try in its turn, signed in, its answer judged.

What an answer holds, the caller reads. Trying again is ``persistence``' business.
"""

from collections.abc import Callable
from typing import TypeVar

from cbr_warehouse.errors import SignInError
from cbr_warehouse.source.auth import Authenticator, Renewal
from cbr_warehouse.source.channel import Connection
from cbr_warehouse.source.messages import ApiRequest, ApiResponse
from cbr_warehouse.source.persistence import Attempts
from cbr_warehouse.source.rate_limit import RateLimiter
from cbr_warehouse.source.retry import PASSING_STATUSES, TOO_MANY

MOST_SIGN_INS = 3
"""Tries with credentials that others renewed meanwhile; with those one renewed oneself there is just one."""

_PAUSING_STATUSES = {TOO_MANY, 503}

T = TypeVar("T")


class ApiSession:
    """Asks the API of one source. Safe to share between threads.

    Args:
        channel: The way to the servers.
        sign_in: Signs requests in.
        throttle: Gives leave to make requests.
        longest_pause: A longer pause is not kept: the request that met it fails instead.
    """

    def __init__(
        self, channel: Connection, sign_in: Authenticator, throttle: RateLimiter, longest_pause: float
    ) -> None:
        self._channel = channel
        self._sign_in = sign_in
        self._throttle = throttle
        self._longest_pause = longest_pause
        self._signed_out: str | None = None

    def ask(self, asked: ApiRequest, read: Callable[[ApiResponse], T]) -> T:
        """Asks until there is an answer that can be read.

        Args:
            asked: The request.
            read: Reads an answer whose status is neither passing nor 401. It may raise PassingError
                for another try, and SourceError for good.

        Returns:
            What was read.

        Raises:
            SourceError: There is no such answer.
        """
        trial = self._channel.persistence.begin(asked)
        return self._channel.persistence.persist(trial, lambda: self._attempt(asked, read, trial))

    def _attempt(self, asked: ApiRequest, read: Callable[[ApiResponse], T], trial: Attempts) -> T:
        answer = self._signed_in(asked, trial)
        if answer.status in PASSING_STATUSES:
            failure = self._channel.refusals.passing(answer)
            pause = failure.retry_after
            if pause is not None and answer.status in _PAUSING_STATUSES and pause <= self._longest_pause:
                self._throttle.pause(pause)
            raise failure
        if answer.status == 401:
            error = self._channel.refusals.signed_out(asked, answer, self._sign_in.remedy)
            # Keys and accounts are locked after some failures: this client makes no more of them.
            self._signed_out = str(error)
            raise error
        return read(answer)

    def _signed_in(self, asked: ApiRequest, trial: Attempts) -> ApiResponse:
        """Sends a request; where its credentials are refused, once more with new ones."""
        sign_ins = 1
        while True:
            answer, headers = self._send(asked, trial)
            if answer.status != 401 or sign_ins >= MOST_SIGN_INS:
                return answer
            match self._sign_in.renew(headers):
                case Renewal.IMPOSSIBLE:
                    return answer
                case Renewal.DONE:
                    sign_ins = MOST_SIGN_INS
                case Renewal.BY_ANOTHER:
                    sign_ins += 1

    def _send(self, asked: ApiRequest, trial: Attempts) -> tuple[ApiResponse, dict[str, str]]:
        with self._throttle.slot() as slot:
            trial.extend(slot.waited_seconds)
            if self._signed_out is not None:
                raise SignInError(self._signed_out)
            # Signed only now: a signature made before a long wait would have expired.
            headers = self._sign_in.headers(asked)
            answer = self._channel.wire.send(asked, headers)
            if answer.status == TOO_MANY:
                slot.rejected()
            elif answer.status < 500:
                slot.succeed()
            return answer, headers
