"""``raw/<source>``: loading one source, by day.

Which days. A run of the job ``load`` does what the command ``load`` does: the days that its plan
finds due, whichever they are. Any other run (a partition chosen on a page, a batch of a
backfill) loads the range of its own days and no others. Dagster takes a finished run for proof
that all its days were loaded, so here a run only finishes if they were, and days read beyond its own
are recorded one by one. A day of which the source has more than it gave is not recorded.

When a source fails. Dagster skips every step that depends on a failed one, so in a run of all
sources one that is down would keep the others out of the warehouse. Therefore

- the schedule starts a run for each source: the others' tables and warehouse are made, checked and
  recorded in runs of their own, and only the run that failed is red, tried again, and reported;
- a source that fails publishes what it brought before, as the command does, since the steps that
  would are skipped; and in a run of several sources, so does each one after it.

The other ways were worse: a failed source that only reports a failed check leaves its run green and its
day marked as loaded, and one step for all sources would have one pool, one retry and one verdict.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg

from cbr_warehouse.contract.day_reason import explain
from cbr_warehouse.contract.utc_days import DAY, start_of
from cbr_warehouse.defs.asset_keys import LOAD_JOB, raw_key, source_pool
from cbr_warehouse.defs.columns import records_schema
from cbr_warehouse.defs.failures import failure, has_failed_step, told_as_failures
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.partitions import BACKFILL, own_days
from cbr_warehouse.defs.progress import LoggedProgress
from cbr_warehouse.extract.plan import Plan, Range
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.exclusive import hold_source
from cbr_warehouse.load.publish import publish_warehouse
from cbr_warehouse.load.result import SourceResult
from cbr_warehouse.load.source_load import load_source, plan_source
from cbr_warehouse.raw.stored_records import count_records
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.select_sources import require_sources

NOTHING_MISSING = "nothing_missing"
"""The check that the source has no more of any day than is held."""


def raw_asset(
    site: Installation, source: SourceSettings, days: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    """The asset of one source.

    Args:
        site: The installation.
        source: The source.
        days: The partitions.
    """
    key = raw_key(source.name)
    folder = site.loading.directory.raw / "records" / f"source={source.name}"

    @dg.multi_asset(
        name=key.to_python_identifier(),
        specs=[
            dg.AssetSpec(
                key,
                description=f"Every task record exactly as {source.endpoint} sent it, by day of created_at.",
                group_name="raw",
                kinds={"parquet"},
                metadata={"dagster/column_schema": records_schema(), "dagster/uri": folder.as_uri()},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                NOTHING_MISSING, asset=key, description="The source has no more of any day than is held."
            )
        ],
        partitions_def=days,
        backfill_policy=BACKFILL,
        pool=source_pool(source.name),
        retry_policy=dg.RetryPolicy(
            max_retries=2,
            delay=site.retry_delay_seconds,
            backoff=dg.Backoff.EXPONENTIAL,
            jitter=dg.Jitter.PLUS_MINUS,
        ),
    )
    def load_days(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        own = own_days(context)
        with told_as_failures():
            report = _load(context, site, source, own)
            loaded = {day: _of_day(site.loading, report, day) for day in _loaded(report)}
        if lacking := _lacking(report, own):
            _record(context, key, loaded, loaded)
            raise failure(_why(report, lacking), report.failure)
        _record(context, key, loaded, set(loaded) - set(own))
        for day in own:
            context.add_asset_metadata(loaded[day], asset_key=key, partition_key=day.isoformat())
        yield dg.MaterializeResult(
            asset_key=key, metadata=_of_load(report), check_results=[_missing(report, key)]
        )

    return load_days


def _load(
    context: dg.AssetExecutionContext, site: Installation, source: SourceSettings, own: tuple[date, ...]
) -> SourceResult:
    loading = replace(site.loading, progress=LoggedProgress(context.log))
    (ready,) = require_sources(site.settings, source.name, site.environ)
    what = f"load of {source.name} by Dagster run {context.run.run_id}"
    with hold_source(loading, source.name, what, wait=True):
        report = load_source(loading, ready, _wanted(context, loading, source, own))
        if report.is_publishable and (_lacking(report, own) or has_failed_step(context)):
            publish_warehouse(loading)
    return report


def _wanted(
    context: dg.AssetExecutionContext, loading: LoadContext, source: SourceSettings, own: tuple[date, ...]
) -> LoadRequest:
    # The plan reads today, but not any day: the job run for a day long ago is about that day.
    if context.run.job_name == LOAD_JOB and set(own) <= set(_planned(loading, source).read):
        return LoadRequest()
    return LoadRequest(range=Range(start_of(min(own)), start_of(max(own)) + DAY))


def _planned(loading: LoadContext, source: SourceSettings) -> Plan:
    return plan_source(loading.directory, source, LoadRequest(), loading.clock())


def _loaded(report: SourceResult) -> list[date]:
    return [day for day in report.read if day not in report.incomplete]


def _lacking(report: SourceResult, own: Iterable[date]) -> list[date]:
    return sorted(set(own) - set(_loaded(report)))


def _why(report: SourceResult, lacking: list[date]) -> str:
    name = report.entry.source
    if report.failure is not None:
        return f"{name}: the load failed: {report.entry.message}"
    return (
        f"{name}: incomplete: the source has more than it gave of {_listed(lacking)}. "
        "Load again; the table coverage has the counts."
    )


def _record(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    loaded: dict[date, dict[str, Any]],
    days: Iterable[date],
) -> None:
    """Records days as loaded by this run that Dagster does not record by itself."""
    known = context.assets_def.partitions_def
    keys = set(known.get_partition_keys()) if known else set()
    for day in sorted(days):
        if day.isoformat() in keys:
            event = dg.AssetMaterialization(key, partition=day.isoformat(), metadata=loaded[day])
            context.log_event(event)


def _of_day(loading: LoadContext, report: SourceResult, day: date) -> dict[str, Any]:
    found = {entry.day: entry for entry in report.findings}.get(day)
    stated: dict[str, Any] = {}
    if found is not None:
        stated = {"state": found.state, "counted": found.counted, "reason": found.reason or "none"}
        if explained := explain(found.state, found.reason):
            stated |= {"why": explained.why, "what_to_do": explained.remedy}
    count = count_records(loading.directory, report.entry.source, day)
    return {"dagster/partition_row_count": count, "load_id": report.entry.load_id, **stated}


def _of_load(report: SourceResult) -> dict[str, Any]:
    entry = report.entry
    return {
        "purpose": entry.purpose,
        "requests": entry.requests,
        "records": entry.records,
        "new": entry.new,
        "changed": entry.changed,
        "superseded": entry.superseded,
        "repeats": entry.repeats,
        "quarantined": entry.quarantined,
        "days_read": _listed(report.read),
    }


def _missing(report: SourceResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=NOTHING_MISSING,
        passed=report.is_good,
        metadata={
            "violations": len(report.incomplete) + len(report.newly_lost),
            "incomplete": _listed(report.incomplete),
            "newly_lost": _listed(report.newly_lost),
            "unverified": _listed(report.unverified),
            "beyond_retention": _listed(report.beyond_retention),
            "reasons": _reasons(report),
        },
    )


def _reasons(report: SourceResult) -> str:
    """Each reason for which days are not complete, with what to do, as a Markdown list."""
    lines = [
        f"- {state} ({reason}): {_listed(days)}: {explained.why}. {explained.remedy}"
        for (state, reason), days in report.days_by_reason().items()
        if (explained := explain(state, reason))
    ]
    return "\n".join(lines) or "none"


def _listed(days: Iterable[date]) -> str:
    return ", ".join(day.isoformat() for day in days) or "none"
