"""Converts our errors to Dagster failures, with the message to show and whether a retry is allowed.

Dagster retries only transient errors of a source. The client has already retried each request, and any
other failure (credentials, a full disk, a broken contract) would repeat, with requests to the API each time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from cbr_warehouse.errors import CbrWarehouseError, TransientSourceError


@contextmanager
def as_dagster_failures() -> Iterator[None]:
    """Converts an error raised by the block to a Dagster failure with the same message.

    Raises:
        Failure: The block raised one of our errors.
    """
    try:
        yield
    except CbrWarehouseError as error:
        raise failure(str(error), error) from error


def failure(sentence: str, cause: Exception | None) -> dg.Failure:
    """A failure that Dagster retries only if its cause is transient."""
    return dg.Failure(sentence, allow_retries=isinstance(cause, TransientSourceError))


def has_failed_step(context: dg.AssetExecutionContext) -> bool:
    """Whether a step of the run failed after all retries, so that Dagster skips the steps downstream."""
    return bool(context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE))
