"""What a Spark task does: computes its share in its own Python process, and answers with bytes.

It is imported on the workers, so it imports nothing of Spark.
"""

import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cbr_warehouse import __version__
from cbr_warehouse.errors import CbrWarehouseError

if TYPE_CHECKING:
    import pyarrow as pa

DONE, FAILED, OTHER_VERSION = b"done", b"failed", b"version"
"""How a share ended: with its result, with an error of ours, or not computed by another version."""


def compute(
    batches: "Iterable[pa.RecordBatch]", version: str, work: bytes, shares: Sequence[bytes]
) -> "Iterator[pa.RecordBatch]":
    """Computes the shares with the numbers that a task is given.

    An error that a user can do something about is an answer; any other one fails the task, and Spark has it
    done again.

    Args:
        batches: Numbers of shares, in column ``id``.
        version: The version of cbr-warehouse that made the shares.
        work: The pickled function that computes one.
        shares: All shares of the job, each pickled.

    Yields:
        Rows of the number, how the share ended, and its pickled result, or the name of the error's class and
        its message.
    """
    import pyarrow as pa  # noqa: PLC0415  the driver imports this module too

    for batch in batches:
        for row in batch.to_pylist():
            ending, content = _answer(version, work, shares[row["id"]])
            yield pa.RecordBatch.from_pylist([{"id": row["id"], "ending": ending, "content": content}])


def _answer(version: str, work: bytes, share: bytes) -> tuple[bytes, bytes]:
    if version != __version__:
        return OTHER_VERSION, pickle.dumps(__version__)
    function: Any = pickle.loads(work)  # noqa: S301  from the driver, which sent this function too
    try:
        return DONE, pickle.dumps(function(pickle.loads(share)))  # noqa: S301  likewise
    except CbrWarehouseError as error:
        return FAILED, pickle.dumps((type(error).__name__, str(error)))
