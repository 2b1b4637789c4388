"""``report``: what ``cbr-warehouse report`` writes, by a job of its own once a backup day is over.

It is no part of the job ``load``: a report that cannot be written must not make a load fail, and hourly
loads of several sources need not each write it again.
"""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from cbr_warehouse.defs.asset_keys import REPORT_JOB, REPORT_SCHEDULE, report_key
from cbr_warehouse.defs.failures import told_as_failures
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.lineage import read_by_report
from cbr_warehouse.report.options import ReportOptions, missing_packages

AFTER_THE_DAY = timedelta(minutes=90)
"""How long after the end of a backup day its report is written: an hourly load has seen the end by then."""


class ReportConfig(dg.Config):
    """The options of the command, by the same names.

    Attributes:
        period: ``day``, ``week`` or ``month``.
        lang: ``en`` or ``zh``.
        audit: Whether all evidence belongs to it.
    """

    period: str = "week"
    lang: str = "en"
    audit: bool = False


def report_asset(site: Installation) -> dg.AssetsDefinition:
    """The asset of the report.

    Args:
        site: The installation.
    """
    directory = site.loading.directory

    @dg.asset(
        key=report_key(),
        deps=sorted(read_by_report(site.loading.contract)),
        description=(
            "One HTML file that says whether the backups are good, with its data and a manifest beside it, "
            "as the command `cbr-warehouse report` writes it."
        ),
        group_name="report",
        kinds={"html"},
        metadata={"dagster/uri": directory.reports.as_uri()},
    )
    def write(config: ReportConfig) -> dg.MaterializeResult[None]:
        with told_as_failures():
            wanted = ReportOptions.told(config.period, config.lang, audit=config.audit)
            from cbr_warehouse.report.build import make_report  # noqa: PLC0415  needs the extra

            made = make_report(directory.warehouse, None, directory.reports, wanted, site.loading.clock())
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


def scheduled_report(site: Installation) -> dg.Definitions:
    """The job, and the schedule, which is on by itself where what a report needs is installed.

    Args:
        site: The installation.
    """
    settings = site.settings.analytics
    at = datetime.combine(date.min, settings.day_anchor, tzinfo=UTC) + AFTER_THE_DAY
    job = dg.define_asset_job(
        REPORT_JOB,
        selection=dg.AssetSelection.assets(report_key()),
        description="What the command `cbr-warehouse report` does.",
    )
    schedule = dg.ScheduleDefinition(
        name=REPORT_SCHEDULE,
        job=job,
        cron_schedule=f"{at.minute} {at.hour} * * *",
        execution_timezone=settings.timezone,
        default_status=(
            dg.DefaultScheduleStatus.STOPPED if missing_packages() else dg.DefaultScheduleStatus.RUNNING
        ),
        description="Writes the report of the newest backup days, 90 minutes after each is over.",
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])
