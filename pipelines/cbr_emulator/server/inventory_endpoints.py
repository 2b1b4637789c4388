"""Vaults, policies, backups and protectable resources over HTTP: filters, order and pages."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.inventory import OBJECT_TYPES, StoredBackup
from cbr_emulator.estate.inventory_records import InventoryRecords, Record
from cbr_emulator.server.list_endpoint import BadParameterError, read_paging, read_time
from cbr_emulator.server.record_store import RecordStore

MAX_PROTECTABLES = 50
"""Objects of a page of protectable resources, as documented."""

SORT_KEYS = ("created_at", "updated_at", "name", "status", "protected_at", "id")
"""What backups can be sorted by, as documented."""

_VAULT_FILTERS = ("id", "name", "enterprise_project_id")
_BILLING_FILTERS = ("cloud_type", "object_type", "protect_type", "status")
_BACKUP_FILTERS = (
    "checkpoint_id",
    "enterprise_project_id",
    "image_type",
    "name",
    "parent_id",
    "resource_az",
    "resource_id",
    "resource_name",
    "resource_type",
    "status",
    "vault_id",
)
_ALL = "all_granted_eps"

T = TypeVar("T")


class InventoryLists:
    """The lists of one project, at one time.

    Args:
        store: What the project has.
        project_id: The project.
        dialect: How limits and counts are interpreted.
        now: The present.
        gone: How many objects at the beginning of each list are gone (``--fault vanish``), by kind.
    """

    def __init__(
        self,
        store: RecordStore,
        project_id: str,
        dialect: Dialect,
        now: datetime,
        gone: Mapping[str, int],
    ) -> None:
        self._inventory = store.inventory
        self._records = InventoryRecords(store.inventory, project_id)
        self._dialect = dialect
        self._now = now
        self._gone = gone

    def answer(self, kind: str, object_type: str | None, parameters: Mapping[str, str]) -> bytes:
        """The response to a request.

        Args:
            kind: ``vaults``, ``policies``, ``backups`` or ``protectables``.
            object_type: Type of the protectable resources.
            parameters: Query parameters; unknown ones are ignored.

        Raises:
            BadParameterError: A parameter, or the type, is invalid.
        """
        if kind == "protectables":
            return self.protectables(object_type or "", parameters)
        lists = {"vaults": self.vaults, "policies": self.policies, "backups": self.backups}
        return lists[kind](parameters)

    def vaults(self, parameters: Mapping[str, str]) -> bytes:
        """The response to a request for vaults."""
        records = self._records.vaults(self._now)[self._gone.get("vaults", 0) :]
        found = [one for one in records if _has_values(one, parameters, _VAULT_FILTERS)]
        found = [one for one in found if _has_values(one["billing"], parameters, _BILLING_FILTERS)]
        page, count = self._page(found, parameters, self._dialect)
        return _body("vaults", page, count)

    def policies(self, parameters: Mapping[str, str]) -> bytes:
        """The response to a request for policies, which has no pages."""
        records = self._records.policies(self._now)[self._gone.get("policies", 0) :]
        found = [
            one
            for one in records
            if _has_values(one, parameters, ("operation_type",))
            and parameters.get("vault_id") in {None, one["associated_vaults"][0]["vault_id"]}
        ]
        return _body("policies", found, len(found))

    def backups(self, parameters: Mapping[str, str]) -> bytes:
        """The response to a request for backups, newest first unless it says otherwise."""
        found = self._inventory.backups_at(self._now)[self._gone.get("backups", 0) :]
        for key, is_descending in reversed(_sort_keys(parameters.get("sort", "created_at:desc"))):
            found.sort(key=partial(_sort_value, key=key, now=self._now), reverse=is_descending)
        for name, is_start in (("start_time", True), ("end_time", False)):
            bound = read_time(parameters, name)
            if bound is not None:
                found = [one for one in found if (one.created_at >= bound) == is_start]
        print_backup = partial(self._records.backup, now=self._now)
        found = _filter(found, print_backup, parameters, _BACKUP_FILTERS)
        page, count = self._page(found, parameters, self._dialect)
        return _body("backups", list(map(print_backup, page)), count)

    def protectables(self, object_type: str, parameters: Mapping[str, str]) -> bytes:
        """The response to a request for protectable resources.

        As in the vendor's documents, the body has no count.
        """
        if object_type not in OBJECT_TYPES:
            raise BadParameterError(f"protectable_type must be one of {', '.join(OBJECT_TYPES)}")
        found = self._inventory.protectables_at(object_type, self._now)[self._gone.get("protectables", 0) :]
        print_resource = partial(self._records.protectable, now=self._now)
        found = _filter(found, print_resource, parameters, ("id", "name", "status"))
        limited = replace(self._dialect, max_limit=min(MAX_PROTECTABLES, self._dialect.max_limit))
        page, _ = self._page(found, parameters, limited)
        return _body("instances", list(map(print_resource, page)), None)

    def _page(
        self, found: Sequence[T], parameters: Mapping[str, str], dialect: Dialect
    ) -> tuple[Sequence[T], int]:
        limit, _, begin = read_paging(parameters, dialect)
        page = found[begin : begin + limit]
        return page, len(found) if dialect.count == "all" else len(page)


def _filter(
    found: list[T], print_one: Callable[[T], Record], parameters: Mapping[str, str], names: Sequence[str]
) -> list[T]:
    """Those whose record has the values asked for; printing all of them takes long."""
    if not any(parameters.get(name) for name in names):
        return found
    return [one for one in found if _has_values(print_one(one), parameters, names)]


def _sort_value(backup: StoredBackup, key: str, now: datetime) -> Any:
    is_done = backup.point.usable_at <= now
    match key:
        case "id":
            return backup.point.backup_id
        case "name":
            return backup.point.name
        case "status":
            return is_done
        case "updated_at":
            return backup.point.usable_at if is_done else backup.created_at
        case _:
            return backup.created_at


def _sort_keys(text: str) -> list[tuple[str, bool]]:
    """The keys of ``sort``, each with whether it is descending, which it is unless it says otherwise."""
    found = []
    for part in text.split(","):
        key, _, direction = part.partition(":")
        if key not in SORT_KEYS or direction not in {"", "asc", "desc"}:
            raise BadParameterError("sort must look like created_at:asc,id:desc")
        found.append((key, direction != "asc"))
    return found


def _has_values(record: Record, parameters: Mapping[str, str], names: Sequence[str]) -> bool:
    for name in names:
        expected = parameters.get(name)
        if expected and expected != _ALL and record.get(name) != expected:
            return False
    return True


def _body(key: str, records: Sequence[Record], count: int | None) -> bytes:
    body = {key: records} if count is None else {key: records, "count": count}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
