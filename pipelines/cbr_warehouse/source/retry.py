"""The retry policy, all of it: which failures are retried, how long to wait, how often, for how long.

Which failure is which is decided where it is seen (``http_errors``, ``network_errors``,
``parse_response``), by raising one of the errors below; whatever else an attempt raises is final.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from threading import Lock
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from cbr_warehouse.errors import SourceError, TransientSourceError
from cbr_warehouse.source.http_messages import ApiRequest, ApiResponse, parse_http_date
from cbr_warehouse.source.runtime import Owner, Runtime, Timeouts

RATE_LIMITED = 429
RETRYABLE_STATUSES = frozenset({408, RATE_LIMITED, 500, 502, 503, 504})
"""Statuses that may change by themselves; any other one stays the same however often it is requested."""

FIRST_WAIT_SECONDS = 1.0
MAX_WAIT_SECONDS = 60.0
# Rejected requests count against the quota too, and quotas of 5 minutes exist
# (terraform-provider-huaweicloud issue 1335, which waits minutes): wait longer from the start.
FIRST_WAIT_SECONDS_RATE_LIMITED = 4.0
MAX_WAIT_SECONDS_RATE_LIMITED = 120.0
# A server that responds, if only with garbage, needs no long rest.
MAX_WAIT_SECONDS_MALFORMED = 4.0

MAX_ATTEMPTS = 40
"""For one request. The budget of time usually ends it earlier; this holds even where no clock moves."""

MAX_RETRY_AFTER_SECONDS = 366 * 86_400.0
"""A server that asks for more asks for this: longer than any budget, and still a number to print."""

NOTICE_SECONDS = 300.0
"""A source's retries are announced at most once in this time, and logged one by one at DEBUG only."""

_log = logging.getLogger("cbr_warehouse.source")

T = TypeVar("T")


class RetryableError(Exception):
    """One attempt failed, and the next may succeed. Never leaves this room.

    Attributes:
        what: What happened, to be read after "it", free of secrets: ``answered 503 …``.
        remedy: What to do if it stays so: one or more sentences.
        retry_after: Seconds that the server asks to wait; None where it does not.
        is_rate_limited: Whether the server rejected the request because of its quota.
        final: What to raise when no attempt is left.
    """

    def __init__(
        self,
        what: str,
        remedy: str,
        *,
        retry_after: float | None = None,
        is_rate_limited: bool = False,
        final: type[SourceError] = TransientSourceError,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.retry_after = retry_after
        self.is_rate_limited = is_rate_limited
        self.final = final


class ConnectionFailedError(RetryableError):
    """No connection was established.

    Attributes:
        was_reached_before: Whether the endpoint ever responded to this client.
    """

    def __init__(self, what: str, remedy: str, *, was_reached_before: bool) -> None:
        super().__init__(what, remedy)
        self.was_reached_before = was_reached_before


class MalformedResponseError(RetryableError):
    """A response without records, or with records that are not JSON.

    Attributes:
        max_attempts: After how many of them one request is given up.
    """

    def __init__(self, what: str, remedy: str, *, max_attempts: int, final: type[SourceError]) -> None:
        super().__init__(what, remedy, final=final)
        self.max_attempts = max_attempts


@dataclass
class Attempts:
    """One request with all its attempts.

    Attributes:
        request: The request.
        began_at: Since when the time budget runs, monotonic seconds.
        made: Attempts made.
        malformed: Attempts whose response was malformed, by the error that they end in: each kind has its
            own limit.
    """

    request: ApiRequest
    began_at: float
    made: int = 0
    malformed: Counter[type[SourceError]] = field(default_factory=Counter)

    def extend(self, seconds: float) -> None:
        """Leaves some time out of the budget: waiting for a permit is not an attempt."""
        self.began_at += seconds


class Retrier:
    """Repeats attempts. Safe to share between threads.

    Args:
        owner: The source or account.
        runtime: Time and randomness.
        timeouts: The budgets of one request.
    """

    def __init__(self, owner: Owner, runtime: Runtime, timeouts: Timeouts) -> None:
        self._owner = owner
        self._runtime = runtime
        self._timeouts = timeouts
        self._lock = Lock()
        self._announced_at = float("-inf")
        self._answered: set[str] = set()  # endpoints that ever answered a request well

    def run(self, request: ApiRequest, attempt: Callable[[Attempts], T]) -> T:
        """Repeats until an attempt succeeds, one fails for good, or the budget is used up.

        Args:
            request: The request.
            attempt: Makes one attempt. RetryableError means that another one may succeed.

        Returns:
            What the successful attempt returned.

        Raises:
            SourceError: No attempt succeeded: what was requested, how often, the last failure.
        """
        attempts = Attempts(request, self._runtime.monotonic())

        def count_and_attempt() -> T:
            attempts.made += 1
            return attempt(attempts)

        retrying = Retrying(
            retry=retry_if_exception_type(RetryableError),
            wait=self._wait_seconds,
            stop=partial(self._is_over, attempts),
            before_sleep=partial(self._log_wait, attempts),
            sleep=self._runtime.sleep,
            reraise=True,
        )
        try:
            value = retrying(count_and_attempt)
        except RetryableError as error:
            last = error
        else:
            self._answered.add(request.endpoint)
            return value
        # Outside the except block: the error raised carries the last failure's words, not its traceback.
        raise self._give_up(attempts, last)

    def _wait_seconds(self, state: RetryCallState) -> float:
        error = _error_of(state)
        random = self._runtime.random
        own = backoff_seconds(state.attempt_number, is_rate_limited=error.is_rate_limited, random=random)
        if isinstance(error, MalformedResponseError):
            return min(own, MAX_WAIT_SECONDS_MALFORMED)
        if error.retry_after is None:
            return own
        # Never sooner than by the client's own backoff: a server that always says 0 would be hammered.
        # And scattered: threads that were given the same second must not all return in it.
        return max(own, error.retry_after + random.uniform(0.0, 1.0))

    def _is_over(self, attempts: Attempts, state: RetryCallState) -> bool:
        error = _error_of(state)
        if isinstance(error, MalformedResponseError):
            attempts.malformed[error.final] += 1
            if attempts.malformed[error.final] >= error.max_attempts:
                return True
        if attempts.made >= MAX_ATTEMPTS:
            return True
        return self._spent_seconds(attempts) + state.upcoming_sleep > self._budget_seconds(attempts, error)

    def _spent_seconds(self, attempts: Attempts) -> float:
        return self._runtime.monotonic() - attempts.began_at

    def _budget_seconds(self, attempts: Attempts, error: RetryableError) -> float:
        budget = self._timeouts.budget_seconds
        if isinstance(error, ConnectionFailedError) and not error.was_reached_before:
            return min(self._timeouts.contact_seconds, budget)
        if attempts.request.endpoint not in self._answered and not error.is_rate_limited:
            return min(self._timeouts.first_answer_seconds, budget)
        return budget

    def _log_wait(self, attempts: Attempts, state: RetryCallState) -> None:
        error, now = _error_of(state), self._runtime.monotonic()
        with self._lock:
            is_due = now - self._announced_at >= NOTICE_SECONDS
            if is_due:
                self._announced_at = now
        _log.log(
            logging.WARNING if is_due else logging.DEBUG,
            "%s: %s %s; attempt %d follows in %.1f s, and more for up to %.0f s",
            self._owner.name,
            attempts.request.label,
            error.what,
            attempts.made + 1,
            state.upcoming_sleep,
            self._budget_seconds(attempts, error) - self._spent_seconds(attempts),
        )

    def _give_up(self, attempts: Attempts, last: RetryableError) -> SourceError:
        times = "once" if attempts.made == 1 else f"{attempts.made} times"
        waits = ""
        budget = self._budget_seconds(attempts, last)
        if last.retry_after is not None and last.retry_after > budget:
            waits = (
                f" It asks to wait {last.retry_after:.0f} s, longer than the "
                f"{budget:.0f} s that a request may take."
            )
        return last.final(
            f"{self._owner}: {attempts.request.label} was tried {times} in "
            f"{self._spent_seconds(attempts):.0f} s; at last it {last.what}.{waits} {last.remedy}"
        )


def backoff_seconds(attempts: int, *, is_rate_limited: bool, random: Random) -> float:
    """The client's own wait: exponential, scattered by half.

    Args:
        attempts: Attempts made so far, at least 1.
        is_rate_limited: Whether the server rejected the request because of its quota.
        random: Jitter, so that threads rejected together do not return together.

    Returns:
        Seconds.
    """
    first, longest = (
        (FIRST_WAIT_SECONDS_RATE_LIMITED, MAX_WAIT_SECONDS_RATE_LIMITED)
        if is_rate_limited
        else (FIRST_WAIT_SECONDS, MAX_WAIT_SECONDS)
    )
    return min(longest, first * 2.0 ** min(attempts - 1, 30)) * random.uniform(0.5, 1.0)


def parse_retry_after(response: ApiResponse) -> float | None:
    """How long a server asks to wait.

    Args:
        response: The response; a Retry-After that is a date is read by the server's own clock.

    Returns:
        Seconds, never negative; None where the header is missing or unusable.
    """
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until = parse_http_date(text)
        if until is None:
            return None
        seconds = (until - (response.served_at or response.arrived_at)).total_seconds()
    return min(max(0.0, seconds), MAX_RETRY_AFTER_SECONDS) if math.isfinite(seconds) else None


def _error_of(state: RetryCallState) -> RetryableError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RetryableError):
        raise TypeError(f"retried without a retryable failure: {error!r}")
    return error
