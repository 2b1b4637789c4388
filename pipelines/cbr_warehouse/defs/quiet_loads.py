"""Loads without news: they publish what they did themselves, and need no run of the job ``publish``.

Such a load changes the times of checks and adds its own row to ``loads``; the tables, and with them the
results of the checks of keys and references, stay as they are. What changes without news is due to the clock:
so the conditions are examined as after any publication, and where one has another result than Dagster has
recorded, a run of the job ``publish`` follows as it does after news.

Of the runs of a tick the last one publishes for all, if no source has news. Each notes that its own source
has none before it looks for others that have not noted it, so at least one sees that it is the last.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg

from cbr_warehouse.defs.analytics import materialized_definitions
from cbr_warehouse.defs.asset_keys import LOAD_JOB, QUIET_TAG, SOURCE_TAG, analytics_key, warehouse_key
from cbr_warehouse.defs.check_results import newest_evaluation
from cbr_warehouse.defs.conditions import VIOLATIONS, describe_violations, examine_now
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.own_runs import is_of_location, location_of_run
from cbr_warehouse.defs.unfinished_runs import UNFINISHED
from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_publication
from cbr_warehouse.warehouse.conditions import CONDITIONS

SLOW_AFTER = timedelta(seconds=60)
"""A load that has run for longer is not waited for: its source fails slowly, or has much to load."""

UPDATED = ("loads", "coverage")
"""Tables that a load without news changes."""


def is_quiet(run: dg.DagsterRun) -> bool:
    """Whether nothing of a run is to be published after it."""
    return run.status is dg.DagsterRunStatus.SUCCESS and run.tags.get(QUIET_TAG) == "yes"


def publish_if_quiet(
    context: dg.AssetExecutionContext, installation: Installation, load_context: LoadContext, source: str
) -> None:
    """Publishes a load that was done, if neither it nor any other has news; else the job ``publish`` does.

    Args:
        context: The step that loaded a source in a run of the schedule.
        installation: The installation.
        load_context: The context of the load.
        source: Name of the source.
    """
    from cbr_warehouse.warehouse.news import has_news, has_news_of  # by the step: slow to import

    # Once a day the whole is published, checked and counted, whether there was news or not.
    if not is_counted_on(context.instance, datetime.now(UTC)):
        return
    installation.bring_up()
    directory, analytics = load_context.directory, load_context.analytics
    # To look at all sources is for the last of them: each of them would make it dearer for each.
    is_last = not _still_loading(context)
    looks_at_all = partial(has_news, directory, load_context.contract, analytics)
    if looks_at_all() if is_last else has_news_of(directory, analytics, source):
        return
    _tag(context, "yes")
    if others := _still_loading(context):
        context.log.info("No news. The last load of the tick publishes: %s.", ", ".join(others))
    elif (not is_last and looks_at_all()) or not _publish(context, installation, load_context):
        _tag(context, "no")


def is_counted_on(instance: dg.DagsterInstance, now: datetime) -> bool:
    """Whether the rows of the analytics were counted on the UTC day of a time."""
    latest = instance.get_latest_materialization_event(analytics_key(materialized_definitions()[0].name))
    return latest is not None and datetime.fromtimestamp(latest.timestamp, UTC).date() == now.date()


def _still_loading(context: dg.AssetExecutionContext) -> list[str]:
    """Sources of other runs of the schedule that may have news yet, those aside that take long."""
    location, now = location_of_run(context.run), datetime.now(UTC).timestamp()
    return sorted(
        record.dagster_run.tags[SOURCE_TAG]
        for record in context.instance.get_run_records(dg.RunsFilter(job_name=LOAD_JOB, statuses=UNFINISHED))
        if record.dagster_run.run_id != context.run.run_id
        and SOURCE_TAG in record.dagster_run.tags
        and record.dagster_run.tags.get(QUIET_TAG) != "yes"
        and is_of_location(record.dagster_run, location)
        and (record.start_time is None or now - record.start_time < SLOW_AFTER.total_seconds())
    )


def _publish(
    context: dg.AssetExecutionContext, installation: Installation, load_context: LoadContext
) -> bool:
    """Publishes, and records it; False if a run of the job ``publish`` is to follow nevertheless."""
    from cbr_warehouse.load.publish import build_and_mend, refuse_held_back
    from cbr_warehouse.warehouse.open_published import open_published
    from cbr_warehouse.warehouse.query import count_rows

    path = load_context.directory.warehouse
    try:
        with hold_publication(load_context, f"publication by Dagster run {context.run.run_id}") as own:
            refuse_held_back(build_and_mend(own))
        with open_published(path) as connection:
            rows = count_rows(connection, UPDATED)
        if changed := _changed_conditions(context.instance, installation):
            context.log.info("Checks with another result than before: %s.", ", ".join(changed))
            return False
    except CbrWarehouseError as error:
        context.log.warning("%s It is tried again by the job publish.", error)
        return False
    for table, count in rows.items():
        metadata = {"dagster/row_count": count}
        context.log_event(dg.AssetMaterialization(warehouse_key(table), metadata=metadata))
    return True


def _changed_conditions(instance: dg.DagsterInstance, installation: Installation) -> list[str]:
    """The conditions whose result is not as Dagster has it."""
    found = examine_now(installation)
    changed = []
    for name, condition in CONDITIONS.items():
        recorded = newest_evaluation(instance, dg.AssetCheckKey(warehouse_key(condition.table), name))
        said = recorded.metadata.get(VIOLATIONS) if recorded else None
        if recorded is None or (str(said.value) if said else "") != describe_violations(found[name]):
            changed.append(name)
    return changed


def _tag(context: dg.AssetExecutionContext, value: str) -> None:
    context.instance.add_run_tags(context.run.run_id, {QUIET_TAG: value})
