"""What the tables of the configuration have in common: their base, and durations."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from cbr_warehouse.settings.durations import parse_duration

Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""A duration as users write it, such as ``36h``."""


class Values(BaseModel):
    """A table of the configuration: frozen, without unknown keys or coerced types, silent about values."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)
