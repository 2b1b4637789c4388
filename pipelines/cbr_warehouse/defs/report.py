"""``report``: what ``cbr-warehouse report`` writes, by its own job after the end of each backup day.

It is not part of the job ``load``: a failed report must not fail a load, and hourly loads of several sources
should not each write it again.
"""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from pydantic import Field

from cbr_warehouse.defs.asset_keys import REPORT_JOB, REPORT_SCHEDULE, report_key
from cbr_warehouse.defs.failures import as_dagster_failures
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.upstream_assets import read_by_report
from cbr_warehouse.remote.place import keep_in_store
from cbr_warehouse.report.options import ReportOptions, Scope, missing_packages, require_packages

AFTER_THE_DAY = timedelta(minutes=90)
"""How long after the end of a backup day its report is written; by then, an hourly load has covered it."""


class ReportConfig(dg.Config):
    """The options of the command, under the same names.

    Attributes:
        period: ``day``, ``week``, ``month``, ``quarter``, or a calendar period such as ``2026-10``.
        lang: ``en`` or ``zh``.
        audit: Whether to add an evidence pack.
        source: Only these sources; empty for all.
        vault: Only resources of these vaults, ids or names; empty for all.
        policy: Only resources of these policies; empty for all.
    """

    period: str = "week"
    lang: str = "en"
    audit: bool = False
    source: list[str] = Field(default_factory=list)
    vault: list[str] = Field(default_factory=list)
    policy: list[str] = Field(default_factory=list)


def report_asset(installation: Installation) -> dg.AssetsDefinition:
    """The asset of the report.

    Args:
        installation: The installation.
    """
    directory = installation.load_context.directory

    @dg.asset(
        key=report_key(),
        deps=sorted(read_by_report(installation.load_context.contract)),
        description=(
            "One HTML file that shows whether backups are reliable, with its data files and a manifest, "
            "as written by the command `cbr-warehouse report`."
        ),
        group_name="report",
        kinds={"html"},
        metadata={"dagster/uri": directory.reports.as_uri()},
    )
    def write(config: ReportConfig) -> dg.MaterializeResult[None]:
        with as_dagster_failures():
            scope = Scope.of(config.source, config.vault, config.policy)
            options = ReportOptions.parse(config.period, config.lang, audit=config.audit, scope=scope)
            require_packages()
            from cbr_warehouse.report.build import make_report

            installation.bring_up(published_only=not config.audit)
            made = make_report(
                directory.warehouse, None, directory.reports, options, installation.load_context.clock()
            )
            if config.audit:
                from cbr_warehouse.evidence.beside_report import add_pack

                contract, exceptions = installation.load_context.contract, installation.settings.exceptions
                add_pack(directory, contract, exceptions, made.manifest)
            keep_in_store(directory, made.page.parent, "report", installation.load_context.clock())
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(made.page),
                "manifest": dg.MetadataValue.path(made.manifest),
                "page": dg.MetadataValue.url(made.page.resolve().as_uri()),
                "level": made.level,
                "verdict": made.verdict,
            }
        )

    return write


def report_schedule(installation: Installation) -> dg.Definitions:
    """The job, and its schedule, which is on by default if the extra ``report`` is installed.

    Args:
        installation: The installation.
    """
    settings = installation.settings.analytics
    at = datetime.combine(date.min, settings.day_anchor, tzinfo=UTC) + AFTER_THE_DAY
    job = dg.define_asset_job(
        REPORT_JOB,
        selection=dg.AssetSelection.assets(report_key()),
        description="Does what the command `cbr-warehouse report` does.",
    )
    schedule = dg.ScheduleDefinition(
        name=REPORT_SCHEDULE,
        job=job,
        cron_schedule=f"{at.minute} {at.hour} * * *",
        execution_timezone=settings.timezone,
        default_status=(
            dg.DefaultScheduleStatus.STOPPED if missing_packages() else dg.DefaultScheduleStatus.RUNNING
        ),
        description="Writes the report of the newest backup days, 90 minutes after the end of each.",
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])
