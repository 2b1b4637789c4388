"""``analytics/<view>``: base tables and views of schema ``analytics``, as the load has built them.

A load rebuilds them together with the tables they read and publishes everything at once, so nothing is built
here: the step counts the rows of each view and reports the watermark.
"""

from collections.abc import Iterator
from functools import cache

import dagster as dg

from cbr_warehouse.analytics.catalogue import PARTS, Definition, base_tables, views
from cbr_warehouse.analytics.columns import analytics_columns
from cbr_warehouse.defs.asset_keys import analytics_key, named
from cbr_warehouse.defs.code_references import query_file
from cbr_warehouse.defs.column_lineage import from_query
from cbr_warehouse.defs.failures import as_dagster_failures
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.upstream_assets import read_by
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.query import count_rows, read_watermark


def analytics_asset(installation: Installation) -> dg.AssetsDefinition:
    """The assets of all base tables and views.

    Args:
        installation: The installation.
    """

    @dg.multi_asset(
        name=named("analytics"),
        specs=[_spec(installation, definition) for definition in materialized_definitions()],
        can_subset=True,
    )
    def describe(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        # In the order of their dependencies, in which Dagster requires materializations to be reported.
        keys = [analytics_key(definition.name) for definition in materialized_definitions()]
        chosen = [key for key in keys if key in context.selected_asset_keys]
        with as_dagster_failures():
            installation.bring_up(published_only=True)
        with (
            as_dagster_failures(),
            open_published(installation.load_context.directory.warehouse) as connection,
        ):
            rows = count_rows(connection, [key.path[-1] for key in chosen], schema="analytics")
            watermark = read_watermark(connection)
        # The first tables of a source exist before its first load has finished.
        known = {} if watermark is None else {"watermark": dg.TimestampMetadataValue(watermark.timestamp())}
        for key in chosen:
            count = rows[key.path[-1]]
            yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": count, **known})

    return describe


def materialized_definitions() -> tuple[Definition, ...]:
    """Base tables and views; macros have no rows before they are called with a time."""
    return tuple(one for one in (*base_tables(), *views()) if one.kind != "macro")


def _spec(installation: Installation, definition: Definition) -> dg.AssetSpec:
    path = installation.load_context.directory.warehouse
    return dg.AssetSpec(
        analytics_key(definition.name),
        deps=sorted(read_by(definition, installation.load_context.contract)),
        description="\n\n".join(f"**{part}**: {definition.parts[part]}" for part in PARTS),
        group_name="analytics",
        kinds={"duckdb", definition.kind},
        skippable=True,
        metadata={
            "dagster/code_references": query_file(definition),
            "dagster/column_lineage": from_query(definition.name),
            "dagster/column_schema": _schema(definition.name),
            "dagster/table_name": f"{path.stem}.analytics.{definition.name}",
            "dagster/uri": path.as_uri(),
        },
    )


@cache
def _schema(name: str) -> dg.TableSchema:
    columns = analytics_columns()[name]
    return dg.TableSchema([dg.TableColumn(one.name, one.type, one.description or None) for one in columns])
