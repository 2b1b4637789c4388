"""The table ``[[schedules]]`` of the configuration: intervals that replace the inferred ones."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from cbr_warehouse.settings.durations import ALLOWED_DURATION
from cbr_warehouse.settings.field_types import ALLOWED_ID, Id
from cbr_warehouse.settings.values import Duration, Values

_YEAR = timedelta(days=365)


class Schedule(Values):
    """A configured backup interval: a ``[[schedules]]`` table.

    Attributes:
        interval: The longest planned time between two backups.
        resource_id: Applies to this resource; exactly one of the three ids is set.
        policy_id: Applies to all resources of this policy.
        vault_id: Applies to all resources in this vault.
    """

    interval: Duration = Field(gt=timedelta(0), le=_YEAR, description=f"{ALLOWED_DURATION}, above zero")
    resource_id: Id | None = Field(None, description=f"the resource's id: {ALLOWED_ID}")
    policy_id: Id | None = Field(None, description=f"the policy's id: {ALLOWED_ID}")
    vault_id: Id | None = Field(None, description=f"the vault's id: {ALLOWED_ID}")

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if [self.resource_id, self.policy_id, self.vault_id].count(None) != 2:
            raise ValueError("needs exactly one of resource_id, policy_id and vault_id")
        return self
