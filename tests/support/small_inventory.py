"""An inventory written object by object beside a small log: rows of its tables as a snapshot gives them."""

import json
from typing import Any

from support.small_log import Moment, SmallLog, at

SEEN = "2026-03-09 02:00"


class SmallInventory:
    """Vaults, policies, backups and protectable resources of a log's source, all of them current.

    Args:
        log: The log whose warehouse gets them; more are added to those that it has.
        seen_at: When the one snapshot was taken.
        states: State of each list that is not complete, by kind.
    """

    def __init__(self, log: SmallLog, seen_at: Moment = SEEN, **states: str) -> None:
        self.log = log
        self.seen_at = at(seen_at)
        kinds = (
            () if log.tables.get("inventory_snapshots") else ("vaults", "policies", "backups", "protectables")
        )
        for kind in kinds:
            state = states.get(kind, "complete")
            log.add(
                "inventory_snapshots",
                source=log.source,
                load_id="L1",
                kind=kind,
                object_type="server" if kind == "protectables" else "",
                taken_at=self.seen_at,
                state=state,
                reason=None if state == "complete" else "why",
                objects=0,
            )

    def _add(self, table: str, first_seen_at: Moment | None = None, **row: Any) -> None:
        history = {
            "version": 1,
            "first_seen_at": at(first_seen_at) if first_seen_at else self.seen_at,
            "last_seen_at": self.seen_at,
            "is_current": True,
        }
        kept = {} if table == "policy_schedules" else {"extra": "{}"}
        texts = {"vaults", "policies", "backups", "protectables"}
        own = {"record_text": "{}"} if table in texts else {}
        self.log.add(table, source=self.log.source, **history | kept | own | row)

    def vault(self, vault_id: str, *, policy: str | None = None, **row: Any) -> None:
        """Adds a vault, linked to a policy if one is given."""
        values = {"vault_name": vault_id, "object_type": "server", "protect_type": "backup"}
        self._add("vaults", vault_id=vault_id, **values | row)
        if policy is not None:
            self.link(policy, vault_id)

    def link(self, policy_id: str, vault_id: str) -> None:
        """Links a policy to a vault."""
        self._add("policy_vaults", policy_id=policy_id, vault_id=vault_id)

    def member(self, vault_id: str, resource_id: str, **row: Any) -> None:
        """Adds a resource to a vault."""
        values = {"resource_name": resource_id, "resource_type": "OS::Nova::Server"}
        self._add("vault_resources", vault_id=vault_id, resource_id=resource_id, **values | row)

    def policy(self, policy_id: str, *rules: str, enabled: bool | None = True, **row: Any) -> None:
        """Adds a version of a policy; of each rule, what ``policy_schedules`` says of it by ``rule``."""
        self._add("policies", policy_id=policy_id, policy_name=policy_id, enabled=enabled, **row)
        names = ("version", "first_seen_at", "last_seen_at", "is_current")
        history = {name: row[name] for name in names if name in row}
        for rule in rules:
            self._add("policy_schedules", policy_id=policy_id, rule=rule, **read_rule(rule) | history)

    def backup(self, backup_id: str, resource_id: str, created_at: Moment, **row: Any) -> None:
        """Adds a backup."""
        values = {"created_at": at(created_at), "status": "available"}
        self._add("backups", backup_id=backup_id, resource_id=resource_id, **values | row)

    def protectable(self, resource_id: str, *, tags: Any = None, children: Any = None, **row: Any) -> None:
        """Adds a resource that can be protected."""
        values = {
            "object_type": "server",
            "resource_name": resource_id,
            "resource_type": "OS::Nova::Server",
            "is_protectable": True,
            "tags": None if tags is None else json.dumps(tags),
            "children": None if children is None else json.dumps(children),
        }
        self._add("protectables", resource_id=resource_id, **values | row)


def read_rule(rule: str) -> dict[str, Any]:
    """What a sound rule says, in the columns of ``policy_schedules``."""
    parts = dict(part.split("=") for part in rule.split(";"))
    days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    weekdays = sorted(days.index(day) + 1 for day in parts["BYDAY"].split(",")) if "BYDAY" in parts else None
    return {
        "frequency": parts["FREQ"],
        "every": int(parts.get("INTERVAL", 1)),
        "weekdays": weekdays and ",".join(map(str, weekdays)),
        "hours": ",".join(sorted(parts["BYHOUR"].split(","), key=int)),
        "minutes": ",".join(str(int(one)) for one in parts.get("BYMINUTE", "0").split(",")),
        "is_understood": parts["FREQ"] in {"DAILY", "WEEKLY"},
    }
