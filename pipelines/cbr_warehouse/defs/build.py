"""Builds the definitions of the code location from the configuration that the commands use."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from cbr_warehouse.defs.accounts import account_definitions
from cbr_warehouse.defs.alerts import alert_sensors
from cbr_warehouse.defs.analytics import analytics_asset
from cbr_warehouse.defs.asset_keys import source_pools
from cbr_warehouse.defs.code_references import with_functions
from cbr_warehouse.defs.conditions import conditions
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.partitions import partition_days
from cbr_warehouse.defs.publication import publication
from cbr_warehouse.defs.raw import raw_asset
from cbr_warehouse.defs.report import report_asset, report_schedule
from cbr_warehouse.defs.retention import retention
from cbr_warehouse.defs.schedule import load_schedule
from cbr_warehouse.defs.tables import tables_asset
from cbr_warehouse.defs.warehouse import warehouse_asset

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Built:
    """Definitions, and what they were built from.

    Attributes:
        installation: The installation.
        state: What of it they follow from.
        definitions: The definitions.
    """

    installation: Installation
    state: tuple[object, ...]
    definitions: dg.Definitions


_latest: list[_Built] = []
"""What was built last, in this process or in the one that it was forked from."""


def build_once(installation: Installation) -> dg.Definitions:
    """All definitions of an installation, those built last while nothing differs.

    Dagster asks for them twice in each run, for the run and for its steps; and where runs are forked, they
    were built before.

    Variables of the environment are not compared, since Dagster sets one in each run: definitions take their
    values when steps run, and what the configuration makes of them is in the state.

    Args:
        installation: The installation.
    """
    state = (
        installation.settings,
        installation.load_context.directory,
        installation.missing_source,
        partition_days(installation),
    )
    same = [one for one in _latest if one.installation.environ is installation.environ and one.state == state]
    if not same:
        same = _latest[:] = [_Built(installation, state, build_location(installation))]
    return same[0].definitions


def build_location(installation: Installation) -> dg.Definitions:
    """All definitions of an installation.

    Without a source there are neither raw assets nor a load schedule. Tables, warehouse, analytics and report
    of earlier loads remain, and the descriptions of the tables say what is missing.

    Args:
        installation: The installation.
    """
    days = partition_days(installation)
    sources = installation.settings.sources
    pools = source_pools(sources)
    assets: Sequence[dg.AssetsDefinition] = [
        *with_functions(
            [
                *(raw_asset(installation, source, days, pools[source.name]) for source in sources),
                tables_asset(installation, days),
                warehouse_asset(installation),
                report_asset(installation),
            ]
        ),
        analytics_asset(installation),  # refers to the file of each query
    ]
    if owners := [*installation.settings.owners]:
        assets = dg.map_asset_specs(lambda spec: spec.replace_attributes(owners=owners), assets)
    definitions = dg.Definitions.merge(
        dg.Definitions(
            assets=assets, asset_checks=[conditions(installation)], executor=dg.in_process_executor
        ),
        report_schedule(installation),
        publication(installation),
        retention(installation),
        alert_sensors(installation),
        account_definitions(installation),
    )
    if installation.missing_source is None:
        return dg.Definitions.merge(definitions, load_schedule(installation))
    logger.warning("%s", installation.missing_source)
    return dg.Definitions.merge(definitions, dg.Definitions(metadata={"note": installation.missing_source}))
