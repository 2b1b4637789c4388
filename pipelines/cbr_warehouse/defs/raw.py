"""``raw/<source>``: loads one source, partitioned by day.

Which days. A run of the job ``load`` does what the command ``load`` does: it loads all days that are due by
its plan. Any other run (a partition chosen in the UI, a batch of a backfill) loads its own partitions only.
Dagster marks all partitions of a successful run as materialized, so a run succeeds only if all of them were
loaded, and further days that it read are recorded one by one. A day of which the source has more is not.
A run of the job also fails, after recording what it loaded, when any other day is incomplete or lost, as the
command exits with 1: alerts are set on failed runs, and a failed asset check leaves a run successful.

When a source fails. Dagster skips all steps downstream of a failed one, so in a run of all sources, one that
is down would keep the others out of the warehouse. Therefore

- the schedule starts a run for each source, so that only the run of the failed source fails and is retried,
  and the publication is a run of its own (``publication``);
- in a run that also publishes, such as one of the whole job, a source that fails publishes the records that
  it received, as the command does, since the steps that would do so are skipped; so does each after it.

Alternatives: a failed source that only reports a failed asset check would leave its run successful and its
partition materialized; one step for all sources would have one pool, one retry policy and one result.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from cbr_warehouse.contract.day_reason import explain
from cbr_warehouse.contract.utc_days import DAY, start_of
from cbr_warehouse.defs.asset_keys import LOAD_JOB, SOURCE_TAG, raw_key, warehouse_key
from cbr_warehouse.defs.columns import records_schema
from cbr_warehouse.defs.failures import as_dagster_failures, failure, has_failed_step
from cbr_warehouse.defs.freshness import freshness_by
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.partitions import BACKFILL, own_days
from cbr_warehouse.defs.progress import logged_in_run
from cbr_warehouse.defs.quiet_loads import publish_if_quiet
from cbr_warehouse.defs.waiting import log_waits
from cbr_warehouse.extract.plan import Plan, Range
from cbr_warehouse.json_log import with_log_ids
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.locks import hold_source
from cbr_warehouse.load.store import commit_sources
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.select_sources import require_sources

if TYPE_CHECKING:
    from cbr_warehouse.load.result import SourceResult

NOTHING_MISSING = "nothing_missing"
"""Asset check: the source has no more records of any day than are stored."""


def raw_asset(
    installation: Installation, source: SourceSettings, days: dg.PartitionsDefinition[str], pool: str
) -> dg.AssetsDefinition:
    """The asset of one source.

    Args:
        installation: The installation.
        source: The source.
        days: The partitions.
        pool: The pool of its project.
    """
    key = raw_key(source.name)
    contract = installation.load_context.contract
    folder = installation.load_context.directory.raw / "records" / f"source={source.name}"

    @dg.multi_asset(
        name=key.to_python_identifier(),
        specs=[
            dg.AssetSpec(
                key,
                description=f"Every task record as received from {source.endpoint}, by day of created_at.",
                group_name="raw",
                freshness_policy=freshness_by(installation.settings.schedule),
                kinds={"parquet"},
                metadata={"dagster/column_schema": records_schema(contract), "dagster/uri": folder.as_uri()},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                NOTHING_MISSING,
                asset=key,
                description="The source has no more records of any loaded day than are stored.",
            )
        ],
        partitions_def=days,
        backfill_policy=BACKFILL,
        pool=pool,
        retry_policy=dg.RetryPolicy(
            max_retries=2,
            delay=installation.retry_delay_seconds,
            backoff=dg.Backoff.EXPONENTIAL,
            jitter=dg.Jitter.PLUS_MINUS,
        ),
    )
    def load_days(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        log_waits(context)
        own = own_days(context)
        with as_dagster_failures():
            result = _load(context, installation, source, own)
            loaded = {day: _of_day(installation.load_context, result, day) for day in _loaded(result)}
        if missing := _missing_days(result, own):
            _record(context, key, loaded, loaded)
            raise failure(_failure_message(result, missing), result.failure)
        _record(context, key, loaded, set(loaded) - set(own))
        for day in own:
            context.add_asset_metadata(loaded[day], asset_key=key, partition_key=day.isoformat())
        yield dg.MaterializeResult(
            asset_key=key, metadata=_of_load(result), check_results=[_missing(result, key)]
        )
        if days := _days_to_report(context, result):
            raise failure(_failure_message(result, days), result.failure)

    return load_days


def _load(
    context: dg.AssetExecutionContext,
    installation: Installation,
    source: SourceSettings,
    own: tuple[date, ...],
) -> "SourceResult":
    # Imported by the step that loads: Dagster builds the code location far more often than it loads.
    from cbr_warehouse.load.publish import publish_warehouse
    from cbr_warehouse.load.source_load import load_source

    load_context = logged_in_run(installation.load_context, context)
    (ready,) = require_sources(installation.settings, source.name, installation.environ)
    what = f"load of {source.name} by Dagster run {context.run.run_id}"
    with with_log_ids(run=context.run.run_id), hold_source(load_context, source.name, what, wait=True):
        result = load_source(load_context, ready, _request(context, load_context, source, own))
        commit_sources(load_context, (source.name,))  # what is published is committed before
        will_fail = _missing_days(result, own) or _days_to_report(context, result)
        will_be_skipped = will_fail or has_failed_step(context)
        publishes = _publishes(context, load_context)
        if result.is_publishable and will_be_skipped and publishes:
            publish_warehouse(load_context)
        elif result.is_good and SOURCE_TAG in context.run.tags and not publishes:
            publish_if_quiet(context, installation, load_context, source.name)
    return result


def _request(
    context: dg.AssetExecutionContext,
    load_context: LoadContext,
    source: SourceSettings,
    own: tuple[date, ...],
) -> LoadRequest:
    # The plan includes today, but not every past day: the job, run for such a day, loads that day.
    if context.run.job_name == LOAD_JOB and set(own) <= set(_planned(load_context, source).read):
        return LoadRequest()
    return LoadRequest(range=Range(start_of(min(own)), start_of(max(own)) + DAY))


def _publishes(context: dg.AssetExecutionContext, load_context: LoadContext) -> bool:
    """Whether the run has the step that publishes; runs of the schedule leave it to a run of its own."""
    selected = context.run.asset_selection
    published = {warehouse_key(table.name) for table in load_context.contract.tables}
    return selected is None or not published.isdisjoint(selected)


def _planned(load_context: LoadContext, source: SourceSettings) -> Plan:
    from cbr_warehouse.load.plan_source import plan_source

    return plan_source(load_context.directory, source, LoadRequest(), load_context.clock())


def _loaded(result: "SourceResult") -> list[date]:
    return [day for day in result.read if day not in result.incomplete]


def _missing_days(result: "SourceResult", own: Iterable[date]) -> list[date]:
    return sorted(set(own) - set(_loaded(result)))


def _days_to_report(context: dg.AssetExecutionContext, result: "SourceResult") -> list[date]:
    """Days for which a run of the job fails, whichever days it was launched for."""
    if context.run.job_name != LOAD_JOB:
        return []
    return sorted({*result.incomplete, *result.newly_lost})


def _failure_message(result: "SourceResult", missing: list[date]) -> str:
    name = result.entry.source
    if result.failure is not None:
        return f"{name}: the load failed: {result.entry.message}"
    lost = [day for day in missing if day in result.newly_lost]
    if incomplete := [day for day in missing if day not in lost]:
        return (
            f"{name}: incomplete: the source has more records than it returned of {_joined(incomplete)}. "
            "Load again; the table coverage has the counts."
        )
    return (
        f"{name}: lost: {_joined(lost)} left the source's retention before it was proved complete. What was "
        "received of it is stored; the table coverage has the reason."
    )


def _record(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    loaded: dict[date, dict[str, Any]],
    days: Iterable[date],
) -> None:
    """Records materializations of days that are not partitions of this run."""
    known = context.assets_def.partitions_def
    keys = set(known.get_partition_keys()) if known else set()
    for day in sorted(days):
        if day.isoformat() in keys:
            event = dg.AssetMaterialization(key, partition=day.isoformat(), metadata=loaded[day])
            context.log_event(event)


def _of_day(load_context: LoadContext, result: "SourceResult", day: date) -> dict[str, Any]:
    from cbr_warehouse.raw.stored_records import count_records

    found = {entry.day: entry for entry in result.findings}.get(day)
    stated: dict[str, Any] = {}
    if found is not None:
        stated = {"state": found.state, "counted": found.counted, "reason": found.reason or "none"}
        if explained := explain(found.state, found.reason):
            stated |= {"why": explained.why, "what_to_do": explained.remedy}
    count = count_records(load_context.directory, result.entry.source, day)
    return {"dagster/partition_row_count": count, "load_id": result.entry.load_id, **stated}


def _of_load(result: "SourceResult") -> dict[str, Any]:
    entry = result.entry
    return {
        "purpose": entry.purpose,
        "requests": entry.requests,
        "records": entry.records,
        "new": entry.new,
        "changed": entry.changed,
        "superseded": entry.superseded,
        "repeats": entry.repeats,
        "quarantined": entry.quarantined,
        "days_read": _joined(result.read),
    }


def _missing(result: "SourceResult", key: dg.AssetKey) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=NOTHING_MISSING,
        passed=result.is_good,
        metadata={
            "violations": len(result.incomplete) + len(result.newly_lost),
            "incomplete": _joined(result.incomplete),
            "newly_lost": _joined(result.newly_lost),
            "unverified": _joined(result.unverified),
            "beyond_retention": _joined(result.beyond_retention),
            "reasons": _reasons(result),
        },
    )


def _reasons(result: "SourceResult") -> str:
    """Each reason for which days are not complete, with what to do, as a Markdown list."""
    lines = [
        f"- {state} ({reason}): {_joined(days)}: {explained.why}. {explained.remedy}"
        for (state, reason), days in result.days_by_reason().items()
        if (explained := explain(state, reason))
    ]
    return "\n".join(lines) or "none"


def _joined(days: Iterable[date]) -> str:
    return ", ".join(day.isoformat() for day in days) or "none"
