"""Cron expressions: Dagster decides which ones are valid, since it is what runs them."""

import re
import warnings

ALLOWED_CRON = (
    "five fields in quotes (minute, hour, day of month, month, day of week) as in crontab, "
    'such as "0 * * * *" for every full hour, or @hourly, @daily, @weekly, @monthly, @yearly'
)

_USUAL = re.compile(r"(?:[1-5]?\d|\*/[1-9]) (?:1?\d|\*) \* \* (?:[0-6]|\*)", re.ASCII)
"""Expressions that are certainly valid: to import Dagster takes longer than most commands."""


def parse_cron(value: object) -> str:
    """Checks a cron expression.

    >>> parse_cron("30  6 * * MON-FRI")
    '30 6 * * mon-fri'

    Args:
        value: What the user wrote.

    Returns:
        The expression in lower case, its fields one space apart.

    Raises:
        ValueError: It is not a text, or Dagster does not accept it.
    """
    if not isinstance(value, str):
        raise ValueError("not a text in quotes")  # noqa: TRY004  pydantic reports ValueError, not TypeError
    expression = " ".join(value.lower().split())
    if not _USUAL.fullmatch(expression) and not _is_accepted_by_dagster(expression):
        raise ValueError("not a cron expression that Dagster accepts")
    return expression


def _is_accepted_by_dagster(expression: str) -> bool:
    import dagster as dg  # noqa: PLC0415  slow to import, and needed for unusual schedules alone

    with warnings.catch_warnings():
        # It warns of a step beyond its range, such as */90, which would come due more often than it says.
        warnings.simplefilter("error", UserWarning)
        try:
            dg.ScheduleDefinition(job_name="load", cron_schedule=expression)
        except (dg.DagsterInvalidDefinitionError, UserWarning):
            return False
    return True
