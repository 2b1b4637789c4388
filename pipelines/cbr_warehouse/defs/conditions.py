"""Asset checks on what must hold of the published warehouse, as ``warehouse.conditions`` examines it.

One check for each condition, whatever the number of sources: its metadata names those where it does not hold.
They are examined with each publication; none of them blocks anything.
"""

from collections.abc import Iterator

import dagster as dg

from cbr_warehouse.defs.asset_keys import named, warehouse_key
from cbr_warehouse.defs.failures import as_dagster_failures
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.warehouse.conditions import CONDITIONS, Condition, Limits, Violations, examine

VIOLATIONS = "violations"
"""Metadata of a failed check: what was found."""

SOURCES = "sources"
"""Metadata of a failed check: the sources where the condition does not hold."""


def conditions(installation: Installation) -> dg.AssetChecksDefinition:
    """The checks of all conditions, in one step.

    Args:
        installation: The installation.
    """

    @dg.multi_asset_check(
        name=named("conditions"),
        specs=[
            dg.AssetCheckSpec(name, asset=warehouse_key(condition.table), description=condition.description)
            for name, condition in CONDITIONS.items()
        ],
        can_subset=True,
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with as_dagster_failures():
            found = examine_now(installation)
        for name, condition in CONDITIONS.items():
            if dg.AssetCheckKey(warehouse_key(condition.table), name) in context.selected_asset_check_keys:
                yield _result(name, condition, found[name])

    return check


def examine_now(installation: Installation) -> dict[str, Violations]:
    """Examines all conditions of the published warehouse, by name.

    Raises:
        WarehouseError: There is no published warehouse.
    """
    load_context, alerts = installation.load_context, installation.settings.alerts
    installation.bring_up(published_only=True)
    limits = Limits(alerts.newest_task, alerts.unverified, alerts.quarantined, alerts.retention_left)
    return examine(load_context.directory.warehouse, load_context.clock(), limits)


def describe_violations(found: Violations) -> str:
    """What was found, a line for each source; empty where the condition holds."""
    return "\n".join(f"{source}: {said}" if source else said for source, said in found.by_source.items())


def _result(name: str, condition: Condition, found: Violations) -> dg.AssetCheckResult:
    said = describe_violations(found)
    metadata = {
        VIOLATIONS: said,
        SOURCES: ", ".join(found.by_source),
        "what_to_do": condition.remedy,
    }
    return dg.AssetCheckResult(
        asset_key=warehouse_key(condition.table),
        check_name=name,
        passed=not said,
        severity=dg.AssetCheckSeverity.ERROR if condition.is_serious else dg.AssetCheckSeverity.WARN,
        metadata=metadata if said else None,
    )
