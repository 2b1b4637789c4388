"""The lists that an inventory is made of: vaults, policies, backups and protectable resources.

What is known of each beyond its records' columns, as ``endpoint`` has it for tasks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

ID_KEY = "id"
"""Key of the id of every record of these lists."""


class Kind(StrEnum):
    """A list of the API that an inventory is made of."""

    VAULTS = "vaults"
    POLICIES = "policies"
    BACKUPS = "backups"
    PROTECTABLES = "protectables"


NOT_OFFERED = frozenset({404, 405})
"""Statuses of a source that has no such list."""


def name_of(kind: Kind, object_type: str | None) -> str:
    """What messages call a list, or the list of one type of objects."""
    return kind if object_type is None else f"{kind} ({object_type})"


@dataclass(frozen=True)
class InventoryEndpoint:
    """One list, or the list of one type of objects.

    Attributes:
        kind: What is listed.
        object_type: Type of the objects where it is part of the address; else None.
        path: Segments of its address after ``/v3/{project_id}``.
        list_key: Key of the array of records in a response.
        record_keys: Keys that together tell a record from any object inside one.
        max_limit: The largest limit that the documents permit; None for a list without pages.
        parameters: Query parameters of each request.
        has_enterprise_projects: Whether it can be asked for by enterprise project.
        action: The permission that it needs.
    """

    kind: Kind
    object_type: str | None
    path: tuple[str, ...]
    list_key: str
    record_keys: tuple[str, ...]
    max_limit: int | None
    parameters: tuple[tuple[str, str], ...] = ()
    has_enterprise_projects: bool = False
    action: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return name_of(self.kind, self.object_type)


def _protectables(object_type: str) -> InventoryEndpoint:
    return InventoryEndpoint(
        kind=Kind.PROTECTABLES,
        object_type=object_type,
        path=("protectables", object_type, "instances"),
        list_key="instances",
        record_keys=("id", "protectable", "type"),
        max_limit=50,  # the vendor's documents of ListProtectable
        # The vendor's table of CBR actions; the other two are what it depends on.
        action="cbr:vaults:listProtectables, ecs:cloudServers:list and evs:volumes:list",
    )


INVENTORY_LISTS = (
    InventoryEndpoint(
        kind=Kind.VAULTS,
        object_type=None,
        path=("vaults",),
        list_key="vaults",
        record_keys=("id", "billing", "resources"),
        max_limit=1000,
        has_enterprise_projects=True,
        action="cbr:vaults:list",
    ),
    InventoryEndpoint(
        kind=Kind.POLICIES,
        object_type=None,
        path=("policies",),
        list_key="policies",
        record_keys=("id", "operation_definition", "trigger"),
        max_limit=None,
        action="cbr:policies:list",
    ),
    InventoryEndpoint(
        kind=Kind.BACKUPS,
        object_type=None,
        path=("backups",),
        list_key="backups",
        record_keys=("id", "checkpoint_id", "resource_id"),
        max_limit=1000,
        # New backups come last, so that they move no other to another page.
        parameters=(("sort", "created_at:asc,id:asc"),),
        has_enterprise_projects=True,
        action="cbr:backups:list",
    ),
    _protectables("server"),
    _protectables("disk"),
    _protectables("turbo"),
)
"""All lists, in the order in which a load asks for them."""


def requests_for(endpoint: InventoryEndpoint, projects: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The query parameters, without those of pages, of each pass over a list.

    Args:
        endpoint: The list.
        projects: The enterprise projects that the source is asked for one by one; none for no filter.
    """
    own = dict(endpoint.parameters)
    if not projects or not endpoint.has_enterprise_projects:
        yield own
        return
    for project in projects:
        yield {**own, "enterprise_project_id": project}
