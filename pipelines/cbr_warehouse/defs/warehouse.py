"""``warehouse/<table>``: the published warehouse, built in one step, with its keys and references checked."""

from collections.abc import Iterator

import dagster as dg

from cbr_warehouse.contract.columns import Table
from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.defs.asset_keys import WAREHOUSE_POOL, named, raw_key, table_key, warehouse_key
from cbr_warehouse.defs.column_lineage import from_partitions
from cbr_warehouse.defs.columns import table_schema
from cbr_warehouse.defs.failures import as_dagster_failures
from cbr_warehouse.defs.freshness import freshness_by
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.progress import logged_in_run
from cbr_warehouse.defs.waiting import log_waits
from cbr_warehouse.load.locks import hold_publication
from cbr_warehouse.tables.partition_writer import PARTITIONED, SET_LATER
from cbr_warehouse.warehouse.checks import REFERENCES, CheckResult, check_all
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.query import count_rows


def warehouse_asset(installation: Installation) -> dg.AssetsDefinition:
    """The assets of all tables of the warehouse.

    Args:
        installation: The installation.
    """
    directory, contract = installation.load_context.directory, installation.load_context.contract
    tables = [table.name for table in contract.tables]

    @dg.multi_asset(
        name=named("warehouse"),
        specs=[_spec(installation, table) for table in contract.tables],
        check_specs=[*_unique_keys(_checked(contract.tables)), *_references()],
        can_subset=True,
        pool=WAREHOUSE_POOL,
    )
    def publish(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        # By the step: slow to import.
        from cbr_warehouse.load.publish import build_and_mend, refuse_held_back

        log_waits(context)
        load_context = logged_in_run(installation.load_context, context)
        with as_dagster_failures():
            if context.selected_asset_keys:
                what = f"publication by Dagster run {context.run.run_id}"
                with hold_publication(load_context, what) as own:
                    refuse_held_back(build_and_mend(own))
            else:
                installation.bring_up(published_only=True)
            with open_published(directory.warehouse) as connection:
                rows = count_rows(connection, tables)
                checked = check_all(connection, contract)
        for key in sorted(context.selected_asset_keys):
            yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows[key.path[-1]]})
        for found in checked:
            key = dg.AssetCheckKey(warehouse_key(found.table), found.name)
            if key in context.selected_asset_check_keys:
                yield _result(found)

    return publish


def _spec(installation: Installation, table: Table) -> dg.AssetSpec:
    raw = [raw_key(source.name) for source in installation.settings.sources]
    counted = [table_key("tasks"), table_key("quarantine")]
    bookkeeping = {"coverage": [*raw, *counted]}
    path = installation.load_context.directory.warehouse
    is_partitioned = table.name in PARTITIONED
    lineage = {"dagster/column_lineage": from_partitions(table, SET_LATER)} if is_partitioned else {}
    return dg.AssetSpec(
        warehouse_key(table.name),
        deps=[table_key(table.name)] if table.name in PARTITIONED else bookkeeping.get(table.name, raw),
        description=table.description,
        group_name="warehouse",
        freshness_policy=freshness_by(installation.settings.schedule) if table.name == "loads" else None,
        kinds={"duckdb"},
        skippable=True,
        metadata={
            "dagster/column_schema": table_schema(table),
            **lineage,
            "dagster/table_name": f"{path.stem}.main.{table.name}",
            "dagster/uri": path.as_uri(),
        },
    )


def _checked(tables: tuple[Table, ...]) -> tuple[Table, ...]:
    """The tables whose keys are checks of their own; those of the inventory are checked as they are made.

    Each check costs three events a publication, and most publications have no other inventory.
    """
    return tuple(table for table in tables if table.name not in ALL_INVENTORY_TABLES)


def _unique_keys(tables: tuple[Table, ...]) -> Iterator[dg.AssetCheckSpec]:
    for table in tables:
        key = ", ".join(table.key)
        yield dg.AssetCheckSpec(
            "unique_key",
            asset=warehouse_key(table.name),
            description=f"No two rows have the same {key}.",
            blocking=True,
        )


def _references() -> Iterator[dg.AssetCheckSpec]:
    for child, parent, columns in REFERENCES:
        yield dg.AssetCheckSpec(
            f"references_{parent}",
            asset=warehouse_key(child),
            description=f"Each row has its row in {parent}, by {', '.join(columns)}.",
            blocking=True,
        )


def _result(found: CheckResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=warehouse_key(found.table),
        check_name=found.name,
        passed=found.violations == 0,
        metadata={"violations": found.violations},
    )
