"""A runner that computes shares as a cluster would, in this process: all of them pickled, in any order."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any


class PickledShares:
    """Pickles what goes to a worker and what comes back, and computes each share more than once.

    Args:
        times: How often each share is computed; the last result counts.

    Attributes:
        computed: Shares that were asked for, by the name of the function.
    """

    def __init__(self, times: int = 1) -> None:
        self._times = times
        self.computed: list[str] = []

    def prepare(self) -> None:
        """Nothing is needed."""

    def distributes(self, measure_bytes: Callable[[], int]) -> bool:
        """Everything, however little; it is measured as for a cluster."""
        return measure_bytes() >= 0

    def start(self) -> None:
        """Nothing is started."""

    def run(self, work: Callable[[Any], Any], shares: Sequence[Any]) -> Iterator[Any]:
        """Computes the last share first."""
        self.computed += [getattr(work, "func", work).__name__] * len(shares)
        results = []
        for share in reversed(shares):
            for _ in range(self._times):
                result = pickle.loads(pickle.dumps(work))(pickle.loads(pickle.dumps(share)))
            results.append(pickle.loads(pickle.dumps(result)))
        return reversed(results)

    def close(self) -> None:
        """Nothing is open."""
