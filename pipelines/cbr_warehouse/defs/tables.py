"""``tables/<table>``: the Parquet partitions, rebuilt for every day whose raw records changed.

A day is recorded in Dagster when its partitions are newer than its last record, and once when it was loaded
and has no records: a load without news records none.
"""

from collections.abc import Iterator

import dagster as dg

from cbr_warehouse.contract.columns import Table
from cbr_warehouse.defs.asset_keys import named, raw_key, table_key
from cbr_warehouse.defs.column_lineage import from_record
from cbr_warehouse.defs.columns import table_schema
from cbr_warehouse.defs.failures import as_dagster_failures
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.partitions import BACKFILL, own_days
from cbr_warehouse.defs.progress import logged_in_run
from cbr_warehouse.errors import LoadRunningError
from cbr_warehouse.load.locks import hold_directory, hold_source
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.partition_writer import PARTITIONED, SET_LATER


def tables_asset(installation: Installation, days: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets of all partitioned tables, built in one step.

    Args:
        installation: The installation.
        days: The partitions.
    """
    directory, contract = installation.load_context.directory, installation.load_context.contract

    @dg.multi_asset(
        name=named("tables"),
        specs=[_spec(installation, contract.table(name)) for name in PARTITIONED],
        can_subset=True,
        partitions_def=days,
        backfill_policy=BACKFILL,
    )
    def make_days(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        own = {day.isoformat() for day in own_days(context)}
        with as_dagster_failures():
            installation.bring_up()
            made = {
                day
                for source in _sources(context, directory)
                for day in _make_days_of(context, installation, source)
            }
            touched = (made | _loaded_before(context) | own) - {UNKNOWN_DAY}
            made |= {day for day in touched if _is_newer_than_its_record(context, directory, day)}
            what = f"counting rows by Dagster run {context.run.run_id}"
            with hold_directory(logged_in_run(installation.load_context, context), what):
                rows = {day: _rows(directory, day) for day in touched}
        for key in sorted(context.selected_asset_keys):
            recorded = context.instance.get_materialized_partitions(key)
            counts = {
                day: {"dagster/partition_row_count": count.get(key.path[-1], 0)}
                for day, count in rows.items()
                if day in made or day not in recorded
            }
            for day in sorted(counts.keys() - own & set(days.get_partition_keys())):
                context.log_event(dg.AssetMaterialization(key, partition=day, metadata=counts[day]))
            # Dagster records all partitions of the run with a result, or none of them.
            if own & counts.keys():
                for day in own & counts.keys():
                    context.add_asset_metadata(counts[day], asset_key=key, partition_key=day)
                yield dg.MaterializeResult(asset_key=key)

    return make_days


def _make_days_of(
    context: dg.AssetExecutionContext, installation: Installation, source: str
) -> tuple[str, ...]:
    """Brings a source's tables up to raw and returns the days built.

    A source that is being loaded is left to its load, which builds and counts the same days.
    """
    from cbr_warehouse.tables.build import make_tables  # by the step: slow to import

    load_context = logged_in_run(installation.load_context, context)
    what = f"tables of {source} by Dagster run {context.run.run_id}"
    try:
        with (
            hold_source(load_context, source, what, wait=False),
            hold_directory(load_context, what),
        ):
            return make_tables(load_context.directory, source, load_context.contract).days
    except LoadRunningError as error:
        context.log.info("%s: its tables are left to the running load. %s", source, error)
        return ()


def _spec(installation: Installation, table: Table) -> dg.AssetSpec:
    sources = [source.name for source in installation.settings.sources]
    return dg.AssetSpec(
        table_key(table.name),
        deps=[raw_key(source.name) for source in installation.settings.sources],
        description=_description(installation, table),
        group_name="tables",
        kinds={"parquet"},
        skippable=True,
        metadata={
            "dagster/column_lineage": from_record(table, sources, SET_LATER),
            "dagster/column_schema": table_schema(table, SET_LATER),
            "dagster/uri": (installation.load_context.directory.tables / table.name).as_uri(),
        },
    )


def _description(installation: Installation, table: Table) -> str:
    return (
        table.description
        if installation.missing_source is None
        else f"{table.description}\n\n{installation.missing_source}"
    )


def _sources(context: dg.AssetExecutionContext, directory: DataDirectory) -> list[str]:
    """The sources whose tables a run is about: those that it loads, or all if it loads none."""
    selected = context.run.asset_selection or frozenset()
    sources = directory.sources_with_raw()
    return [source for source in sources if raw_key(source) in selected] or list(sources)


def _loaded_before(context: dg.AssetExecutionContext) -> set[str]:
    """Days that earlier steps of this run loaded; a load builds their tables itself, to count rows."""
    events = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {
        event.dagster_event.partition
        for event in events
        if event.dagster_event and event.dagster_event.partition
    }


def _is_newer_than_its_record(context: dg.AssetExecutionContext, directory: DataDirectory, day: str) -> bool:
    """Whether partitions of a day were replaced since Dagster last recorded it: by this run, or a command."""
    from cbr_warehouse.tables.build_state import made_at

    made = [made_at(directory, source, day) for source in directory.sources_with_raw()]
    newest = max((at for at in made if at is not None), default=None)
    if newest is None:
        return False
    last = dg.AssetRecordsFilter(asset_key=table_key("tasks"), asset_partitions=[day])
    records = context.instance.fetch_materializations(last, limit=1).records
    return not records or records[0].timestamp < newest.timestamp()


def _rows(directory: DataDirectory, day: str) -> dict[str, int]:
    """Rows of a day by table, of all sources together."""
    from cbr_warehouse.tables.build_state import rows_made

    rows = dict.fromkeys(PARTITIONED, 0)
    for source in directory.sources_with_raw():
        made = rows_made(directory, source, day)
        rows = {table: count + made.get(table, 0) for table, count in rows.items()}
    return rows
