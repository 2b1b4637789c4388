"""What computes shares of work: the protocol, and its default, this process.

Another engine is a module of its own beside ``spark``, with these few methods.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

S = TypeVar("S")
R = TypeVar("R")


class ShareRunner(Protocol):
    """Computes shares of work, each by itself, in any order.

    A share may be computed more than once, even twice at the same time: its worker may be killed, or only
    be believed dead. So a share changes no file that anybody reads: it writes new ones, and the caller puts
    those of the result that it gets in their places.
    """

    def prepare(self) -> None:
        """Fails where the runner cannot be used at all; cheap, and does not start anything.

        Raises:
            UsageError: Something is not installed.
        """

    def distributes(self, measure_bytes: Callable[[], int]) -> bool:
        """Whether work is to be divided into shares for ``run``, or done by the caller itself.

        Args:
            measure_bytes: Returns the bytes of the raw files to process, as they are on the disk.
        """

    def start(self) -> None:
        """Connects to the workers, and fails where they cannot work; does nothing if it was done before.

        Raises:
            ComputeError: They are not reached, lack something, or do not see the data directory.
        """

    def run(self, work: Callable[[S], R], shares: Sequence[S]) -> Iterator[R]:
        """Computes shares; called from several threads.

        Args:
            work: What is done with a share: a function of a module that the workers have too.
            shares: Frozen values that can be pickled.

        Returns:
            The result of each share, in their order.

        Raises:
            ComputeError: A share failed on several workers.
            CbrWarehouseError: What ``work`` raised.
        """

    def close(self) -> None:
        """Gives the workers back."""


class InProcess:
    """Computes everything in this process, one share after another: the default."""

    def prepare(self) -> None:
        """There is nothing to prepare."""

    def distributes(self, measure_bytes: Callable[[], int]) -> bool:
        """Never: the caller does the work itself, with one engine for all of it."""
        del measure_bytes
        return False

    def start(self) -> None:
        """There is nothing to start."""

    def run(self, work: Callable[[S], R], shares: Sequence[S]) -> Iterator[R]:
        """Computes one share after another."""
        return map(work, shares)

    def close(self) -> None:
        """There is nothing to give back."""


class Always:
    """A runner that gets all work, however little: of many sources, each of which may be small.

    Args:
        runner: The runner, which its owner closes.
    """

    def __init__(self, runner: ShareRunner) -> None:
        self._runner = runner

    def prepare(self) -> None:
        """As of the runner."""
        self._runner.prepare()

    def distributes(self, measure_bytes: Callable[[], int]) -> bool:
        """Always."""
        del measure_bytes
        return True

    def start(self) -> None:
        """As of the runner."""
        self._runner.start()

    def run(self, work: Callable[[S], R], shares: Sequence[S]) -> Iterator[R]:
        """As of the runner."""
        return self._runner.run(work, shares)

    def close(self) -> None:
        """As of the runner."""
        self._runner.close()


IN_PROCESS = InProcess()
"""The default."""
