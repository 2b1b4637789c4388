"""Which lists of the inventory a source gives: one small request each, where the inventory is configured."""

from collections.abc import Iterator

from cbr_warehouse.contract.inventory_lists import (
    INVENTORY_LISTS,
    NOT_OFFERED,
    InventoryEndpoint,
    requests_for,
)
from cbr_warehouse.doctor.finding import Check, State
from cbr_warehouse.errors import ForbiddenError, SourceError
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.client import CbrClient

MISSING = "Loads read the other lists; what is made of this one stays empty."


def check_inventory(source: SourceSettings, client: CbrClient) -> Iterator[Check]:
    """Checks each list of the inventory; none of them keeps tasks from being loaded, so none fails.

    Args:
        source: The source.
        client: Its client.

    Yields:
        A check for each list; nothing where the inventory is not configured.
    """
    if not source.inventory:
        return
    for endpoint in INVENTORY_LISTS:
        yield _check(endpoint, next(requests_for(endpoint, source.enterprise_project_ids)), client)


def _check(endpoint: InventoryEndpoint, parameters: dict[str, str], client: CbrClient) -> Check:
    name = f"inventory: {endpoint.name}"
    limit = None if endpoint.max_limit is None else 1
    try:
        client.list_inventory(endpoint, parameters, limit=limit)
    except ForbiddenError as error:
        return Check(name, State.NOTICE, f"Not permitted: {error} {MISSING}")
    except SourceError as error:
        what = "Not offered" if error.status in NOT_OFFERED else "Not received"
        return Check(name, State.NOTICE, f"{what}: {error} {MISSING}")
    return Check(name, State.OK, "It can be listed.")
