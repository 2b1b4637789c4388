"""Trying again: how often and how long one request is tried before its caller is told.

Which failures are worth it says ``retry``, by class; here is the loop, with one budget of time.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from cbr_warehouse.errors import SourceError
from cbr_warehouse.source.failures import ConnectionFailedError, MalformedResponseError, RetryableError
from cbr_warehouse.source.messages import ApiRequest
from cbr_warehouse.source.retry import MOST_WAIT_SECONDS_UNREADABLE, backoff_seconds
from cbr_warehouse.source.runtime import Runtime, Timeouts
from cbr_warehouse.source.transport import Transport

_log = logging.getLogger("cbr_warehouse.source")

T = TypeVar("T")


@dataclass
class Attempts:
    """One request with all its tries.

    Attributes:
        asked: The request.
        began_at: Since when the budget of time runs.
        tries: Tries made.
        unreadable: Tries whose answer gave no records.
    """

    asked: ApiRequest
    began_at: float
    tries: int = 0
    unreadable: int = 0

    def extend(self, seconds: float) -> None:
        """Leaves some time out of the budget: waiting for one's turn is not trying."""
        self.began_at += seconds


class Retrier:
    """Tries again. Safe to share between threads.

    Args:
        name: Name of the source.
        wire: Says whether a server was ever reached.
        surroundings: Time and chance.
        patience: How long to wait for what.
    """

    def __init__(self, name: str, wire: Transport, surroundings: Runtime, patience: Timeouts) -> None:
        self._name = name
        self._wire = wire
        self._surroundings = surroundings
        self._patience = patience

    def begin(self, asked: ApiRequest) -> Attempts:
        """Begins a request."""
        return Attempts(asked, self._surroundings.monotonic())

    def persist(self, trial: Attempts, attempt: Callable[[], T]) -> T:
        """Tries until it succeeds, fails for good, or the budget is used up.

        Args:
            trial: The request.
            attempt: Makes one try.

        Returns:
            What a try returned.

        Raises:
            SourceError: No try succeeded: what was tried, how often, what came last.
        """

        def count_and_attempt() -> T:
            trial.tries += 1
            return attempt()

        retrying = Retrying(
            retry=retry_if_exception_type(RetryableError),
            wait=self._wait_seconds,
            stop=partial(self._gives_up, trial),
            before_sleep=partial(self._warn, trial),
            sleep=self._surroundings.sleep,
            reraise=True,
        )
        try:
            return retrying(count_and_attempt)
        except RetryableError as error:
            last = error
        raise self._given_up(trial, last)

    def _wait_seconds(self, state: RetryCallState) -> float:
        error = _error_of(state)
        own = backoff_seconds(
            state.attempt_number, is_too_many=error.is_too_many, random=self._surroundings.random
        )
        if isinstance(error, MalformedResponseError):
            return min(own, MOST_WAIT_SECONDS_UNREADABLE)
        if error.retry_after is None:
            return own
        # Not all threads that were told the same second shall come back in it.
        return error.retry_after + self._surroundings.random.uniform(0.0, 1.0)

    def _gives_up(self, trial: Attempts, state: RetryCallState) -> bool:
        error = _error_of(state)
        if isinstance(error, MalformedResponseError):
            trial.unreadable += 1
            if trial.unreadable >= error.most:
                return True
        return self._spent(trial) + state.upcoming_sleep > self._budget(trial, error)

    def _spent(self, trial: Attempts) -> float:
        return self._surroundings.monotonic() - trial.began_at

    def _budget(self, trial: Attempts, error: RetryableError) -> float:
        if isinstance(error, ConnectionFailedError) and not self._wire.has_reached(trial.asked.endpoint):
            return min(self._patience.contact_seconds, self._patience.budget_seconds)
        return self._patience.budget_seconds

    def _warn(self, trial: Attempts, state: RetryCallState) -> None:
        _log.warning(
            "%s: %s %s; try %d follows in %.1f s",
            self._name,
            trial.asked.label,
            _error_of(state).what,
            trial.tries + 1,
            state.upcoming_sleep,
        )

    def _given_up(self, trial: Attempts, last: RetryableError) -> SourceError:
        times = "once" if trial.tries == 1 else f"{trial.tries} times"
        waits = ""
        if last.retry_after is not None and last.retry_after > self._patience.budget_seconds:
            waits = (
                f" It asks to wait {last.retry_after:.0f} s, longer than the "
                f"{self._patience.budget_seconds:.0f} s that a request may take."
            )
        return last.final(
            f"Source {self._name}: {trial.asked.label} was tried {times} in {self._spent(trial):.0f} s; "
            f"at last it {last.what}.{waits} {last.remedy}"
        )


def _error_of(state: RetryCallState) -> RetryableError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RetryableError):
        raise TypeError(f"retried without a passing failure: {error!r}")
    return error
