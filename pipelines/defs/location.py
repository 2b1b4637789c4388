"""Puts the code location together, from the configuration that the commands would find."""

import logging
import os

import dagster as dg

from pipelines.defs.analytics import analytics_asset
from pipelines.defs.days import partition_days
from pipelines.defs.raw import raw_asset
from pipelines.defs.report import report_asset, scheduled_report
from pipelines.defs.schedule import scheduled_loading
from pipelines.defs.site import Site, read_site
from pipelines.defs.tables import tables_asset
from pipelines.defs.warehouse import warehouse_asset

logger = logging.getLogger(__name__)


@dg.definitions
def location() -> dg.Definitions:
    """The code location of this machine's configuration.

    Raises:
        SettingsError: The configuration is wrong; Dagster shows the sentence as what keeps it from loading.
    """
    return build_location(read_site(os.environ))


def build_location(site: Site) -> dg.Definitions:
    """All definitions of an installation.

    Without a source there is nothing to load, so neither raw assets nor a schedule; tables,
    warehouse, analytics and report of what was loaded before are there, and the tables say what is lacking.

    Args:
        site: The installation.
    """
    days = partition_days(site)
    stations = dg.Definitions(
        assets=[
            *(raw_asset(site, source, days) for source in site.settings.sources),
            tables_asset(site, days),
            warehouse_asset(site),
            analytics_asset(site),
            report_asset(site),
        ],
        executor=dg.in_process_executor,
    )
    stations = dg.Definitions.merge(stations, scheduled_report(site))
    if site.lack is None:
        return dg.Definitions.merge(stations, scheduled_loading(site))
    logger.warning("%s", site.lack)
    return dg.Definitions.merge(stations, dg.Definitions(metadata={"note": site.lack}))
