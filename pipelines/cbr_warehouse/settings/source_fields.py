"""Fields that a source and an account share: how its projects are loaded. Each is defined here alone."""

from datetime import timedelta
from typing import Any

from pydantic import Field

from cbr_warehouse.settings.day_boundaries import ALLOWED_ANCHOR, ALLOWED_TIMEZONE
from cbr_warehouse.settings.durations import ALLOWED_DURATION
from cbr_warehouse.settings.endpoints import ALLOWED_ENDPOINT
from cbr_warehouse.settings.field_types import ALLOWED_NAME, MAX_DURATION

ALLOWED_IAM_ENDPOINT = ALLOWED_ENDPOINT.replace("https://cbr.", "https://iam.")


def name() -> Any:
    """A name that becomes the value of the column ``source``, or the beginning of it."""
    return Field(pattern=r"\A[a-z0-9][a-z0-9-]{0,62}\z", description=ALLOWED_NAME)


def history() -> Any:
    """How far back the first load reads."""
    return Field(
        timedelta(days=30), gt=timedelta(0), le=MAX_DURATION, description=f"{ALLOWED_DURATION}, above zero"
    )


def settle() -> Any:
    """How long after its end a task may still change."""
    return Field(None, ge=timedelta(0), le=timedelta(days=365), description=ALLOWED_DURATION)


def max_requests_per_second() -> Any:
    """The rate limit of a project."""
    return Field(
        None,
        gt=0,
        le=10000,
        allow_inf_nan=False,
        description="a number above 0, without quotes, such as 5 or 0.5",
    )


def timezone() -> Any:
    """The time zone of backup days."""
    return Field(None, description=ALLOWED_TIMEZONE)


def day_anchor() -> Any:
    """When backup days begin."""
    return Field(None, description=ALLOWED_ANCHOR)


def ca_bundle() -> Any:
    """The certificates to trust."""
    return Field(None, description="the path of a file with certificates in PEM form")


def enterprise_project_ids() -> Any:
    """The enterprise projects to query one by one."""
    return Field(
        (),
        strict=False,
        description='a list such as ["all_granted_eps"], each entry the id of one or all_granted_eps',
    )


def inventory() -> Any:
    """Whether the source is asked for its inventory too."""
    return Field(False, description="true or false, without quotes")


def inventory_every() -> Any:
    """How long the last inventory counts as new."""
    return Field(
        timedelta(hours=24),
        ge=timedelta(hours=1),
        le=timedelta(days=30),
        description=f"{ALLOWED_DURATION}, from 1h to 30d",
    )
