"""Shares computed by Apache Spark: a task each, in which our own code and DuckDB do the work.

Spark starts Python processes on its workers, gives each share to one of them, and to another one if that
is killed. It sees no row of data. ``spark_task`` is what a task does.
"""

import logging
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from cbr_warehouse import __version__, errors
from cbr_warehouse.compute.spark_task import DONE, FAILED, compute
from cbr_warehouse.errors import CbrWarehouseError, ComputeError, UsageError
from cbr_warehouse.storage.files import may_write_in

logger = logging.getLogger(__name__)

S = TypeVar("S")
R = TypeVar("R")

LARGE_BYTES = 8 * 2**20
"""Raw files, as they are on the disk, that are worth a start of Spark: some 100,000 tasks, which take one
process as long as Spark takes to start."""

ATTEMPTS = 8
"""How often a share is tried before the run fails; a killed executor counts as a try of its shares."""

FIRST_ANSWER_SECONDS = 180.0
"""How long the cluster may take to compute a first, empty share: a cluster without workers never does."""

_CONNECT_PREFIX = "sc://"


class SparkRunner:
    """Computes shares on a Spark cluster; connects when the first ones come.

    Args:
        remote: Spark Connect (``sc://HOST:15002``), a master (``spark://HOST:7077``, ``k8s://…``, ``yarn``),
            or ``local[N]``: N processes of this machine.
        root: The data directory, which every worker must have at this path.
        large_bytes: Raw files from which on work is given to the cluster.
        first_answer_seconds: How long to wait for a first worker.
    """

    def __init__(
        self,
        remote: str,
        root: Path,
        *,
        large_bytes: int = LARGE_BYTES,
        first_answer_seconds: float = FIRST_ANSWER_SECONDS,
    ) -> None:
        self._remote = remote
        self._root = root
        self._large_bytes = large_bytes
        self._first_answer_seconds = first_answer_seconds
        self._lock = threading.Lock()
        self._session: Any = None

    def prepare(self) -> None:
        """Fails where pyspark or Java is missing.

        Raises:
            UsageError: With the command that installs it.
        """
        if find_spec("pyspark") is None:
            raise UsageError(
                'engine = "spark" needs pyspark, which is not installed. Install it with '
                "pip install 'cbr-warehouse[spark]', or remove the key engine: DuckDB alone needs nothing."
            )
        # Spark asks for it; what hides it while a load runs lets modules pass that are imported already.
        import pandas  # noqa: F401, PLC0415

    def distributes(self, measure_bytes: Callable[[], int]) -> bool:
        """Whether there is more to do than a start of Spark is worth, or it runs already."""
        return self._session is not None or measure_bytes() >= self._large_bytes

    def start(self) -> None:
        """Connects to the cluster and has it compute a first, empty share.

        Raises:
            ComputeError: The cluster is not reached, has no workers, or they lack something.
        """
        with self._lock:
            if self._session is not None:
                return
            self.prepare()
            session = self._connect()
            try:
                self._probe(session)
            except BaseException:
                _stop(session)
                raise
            self._session = session

    def run(self, work: Callable[[S], R], shares: Sequence[S]) -> Iterator[R]:
        """Computes shares in one job, a task each, and returns when all are done.

        Raises:
            ComputeError: A share failed on several workers.
            CbrWarehouseError: What ``work`` raised.
        """
        self.start()
        return iter(self._run(self._session, work, shares))

    def close(self) -> None:
        """Ends the session, so that its workers are free for others."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            _stop(session)

    def _connect(self) -> Any:
        from pyspark.sql import SparkSession  # noqa: PLC0415  slow to import, and an extra

        # The interpreter that workers start; ours is at the same path where the same environment is.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder: Any = SparkSession.builder
        try:
            if self._remote.startswith(_CONNECT_PREFIX):
                return builder.remote(self._remote).getOrCreate()
            options = {
                "spark.task.maxFailures": ATTEMPTS,
                "spark.ui.showConsoleProgress": "false",
                "spark.log.level": "ERROR",
            }
            for name, value in options.items():
                builder = builder.config(name, value)
            return builder.appName("cbr-warehouse").master(self._remote).getOrCreate()
        except Exception as error:
            raise ComputeError(
                f"Spark cannot be reached at {_without_parameters(self._remote)} ({_first_line(error)}). "
                "Check spark_remote, that the cluster runs, and that Java 17 is installed here (not for "
                "sc://)."
            ) from error

    def _probe(self, session: Any) -> None:
        """Has one worker look at the data directory.

        Raises:
            ComputeError: No worker answers in time, or it does not see the directory.
        """
        answers: list[Any] = []

        def ask() -> None:
            try:
                answers.extend(self._run(session, sees_directory, [self._root]))
            except Exception as error:  # noqa: BLE001  raised below, in the thread that waits
                answers.append(error)

        asking = threading.Thread(target=ask, name="spark-probe", daemon=True)
        asking.start()
        asking.join(self._first_answer_seconds)
        if not answers:
            raise ComputeError(
                f"Spark at {_without_parameters(self._remote)} has computed nothing within "
                f"{self._first_answer_seconds:g} seconds. Check that it has workers, and that they have "
                "cores and memory left for this application."
            )
        if isinstance(answers[0], Exception):
            raise answers[0]
        if not answers[0]:
            raise ComputeError(
                f"The workers of Spark do not see {self._root}, or may not write there. data_dir must be "
                "the same folder at the same path on every worker, for the same user: a local disk, or a "
                "shared one such as NFS."
            )

    def _run(self, session: Any, work: Callable[[S], R], shares: Sequence[S]) -> list[R]:
        task = partial(
            compute,
            version=__version__,
            work=pickle.dumps(work),
            shares=[pickle.dumps(share) for share in shares],
        )
        # One row a partition, so one share a task.
        numbers = session.range(0, len(shares), 1, len(shares))
        schema = "id long, ending binary, content binary"
        try:
            rows = numbers.mapInArrow(task, schema).collect()
        except Exception as error:
            logger.debug("Spark failed", exc_info=error)
            raise ComputeError(
                f"Spark could not compute a share ({_cause(error)}). Every worker needs cbr-warehouse "
                f"{__version__} in the Python that it starts (PYSPARK_PYTHON), memory for it, and the data "
                f"directory {self._root}. Nothing is lost: run the command again."
            ) from error
        results: dict[int, R] = {
            row["id"]: _result(bytes(row["ending"]), bytes(row["content"])) for row in rows
        }
        return [results[number] for number in range(len(shares))]


def sees_directory(root: Path) -> bool:
    """Whether this worker may write into the data directory."""
    return may_write_in(root)


def _result(ending: bytes, content: bytes) -> Any:
    value = pickle.loads(content)  # noqa: S301  from our own workers, which compute whatever we send them
    if ending == DONE:
        return value
    if ending == FAILED:
        kind, message = value
        raise _error(kind, message)
    raise ComputeError(
        f"A worker of Spark has cbr-warehouse {value}, this is {__version__}. Install the same version on "
        "every worker: another one could make other tables."
    )


def _error(kind: str, message: str) -> CbrWarehouseError:
    """An error as a worker raised it; of its next general class where that needs more than the message."""
    named = getattr(errors, kind, CbrWarehouseError)
    plain = next(one for one in named.__mro__ if "__init__" not in vars(one) or one is CbrWarehouseError)
    error: CbrWarehouseError = plain(message)
    return error


def _cause(error: Exception) -> str:
    """What went wrong in a task: the last line of the worker's traceback, else the first of the message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    python = [line for line in lines if line.partition(":")[0].endswith(("Error", "Exception"))]
    return (python or lines or [type(error).__name__])[-1 if python else 0][:300]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _without_parameters(remote: str) -> str:
    """The address without what may follow it, such as a token."""
    return remote.partition(";")[0]


def _stop(session: Any) -> None:
    try:
        session.stop()
    except Exception as error:
        logger.debug("the Spark session could not be stopped", exc_info=error)
