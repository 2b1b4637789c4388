"""Puts the code location together, from the configuration that the commands would find."""

import logging
import os

import dagster as dg

from cbr_warehouse.defs.analytics import analytics_asset
from cbr_warehouse.defs.installation import Installation, read_site
from cbr_warehouse.defs.partitions import partition_days
from cbr_warehouse.defs.raw import raw_asset
from cbr_warehouse.defs.report import report_asset, scheduled_report
from cbr_warehouse.defs.schedule import scheduled_loading
from cbr_warehouse.defs.tables import tables_asset
from cbr_warehouse.defs.warehouse import warehouse_asset

logger = logging.getLogger(__name__)


@dg.definitions
def location() -> dg.Definitions:
    """The code location of this machine's configuration.

    Raises:
        SettingsError: The configuration is wrong; Dagster shows the sentence as what keeps it from loading.
    """
    return build_location(read_site(os.environ))


def build_location(site: Installation) -> dg.Definitions:
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
