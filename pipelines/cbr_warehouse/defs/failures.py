"""Our errors as Dagster's failures: the sentence is what its pages show, and who may try again.

Only a source that failed in passing is tried again by Dagster. The client has retried each request
before, and what it gives up for another reason (credentials, a full disk, a broken contract)
would fail the same way, each time asking the API again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from cbr_warehouse.errors import CbrWarehouseError, TransientSourceError


@contextmanager
def told_as_failures() -> Iterator[None]:
    """Turns an error of ours that the block raises into a failure with its sentence.

    Raises:
        Failure: The block failed.
    """
    try:
        yield
    except CbrWarehouseError as error:
        raise failure(str(error), error) from error


def failure(sentence: str, cause: Exception | None) -> dg.Failure:
    """A failure that Dagster tries again only if its cause may pass."""
    return dg.Failure(sentence, allow_retries=isinstance(cause, TransientSourceError))


def has_failed_step(context: dg.AssetExecutionContext) -> bool:
    """Whether a step of the run failed for good, so that Dagster skips what depends on it."""
    return bool(context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE))
