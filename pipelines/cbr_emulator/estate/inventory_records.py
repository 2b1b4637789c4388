"""The objects of an inventory as the API prints them; the names are the vendor's."""

import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.estate.episodes import REGION
from cbr_emulator.estate.inventory import (
    OBJECT_TYPES,
    EstateInventory,
    Protectable,
    StoredBackup,
    draw_id,
    draw_tags,
)
from cbr_emulator.estate.model import Machine, Vault
from cbr_emulator.estate.policy_schedule import schedule_rules
from cbr_emulator.estate.replication import AFTER_BACKUP_HOURS

Record = dict[str, Any]

Held = Mapping[Machine, list[int]]
"""The megabytes of each backup of a machine in its vault."""

SPEC_CODES = {
    "server": "vault.backup.server.normal",
    "disk": "vault.backup.volume.normal",
    "turbo": "vault.backup.turbo.normal",
}
STATES = {"server": "ACTIVE", "disk": "in-use", "turbo": "200"}
"""What a resource in operation is called by the service that it is of."""

DESTINATION = ("eu-nl", "5b1a0c6d7e8f49a0b1c2d3e4f5a6b7c8")
"""Region and project that backups are copied to."""

_TYPES = {kind: object_type for object_type, kind in OBJECT_TYPES.items()}


class InventoryRecords:
    """Prints the objects of an inventory.

    Args:
        inventory: The inventory.
        project_id: The project.
    """

    def __init__(self, inventory: EstateInventory, project_id: str) -> None:
        self._inventory = inventory
        self._project_id = project_id

    def vaults(self, now: datetime) -> list[Record]:
        """All vaults."""
        held: defaultdict[Machine, list[int]] = defaultdict(list)
        for backup in self._inventory.backups_at(now):
            held[backup.machine].append(backup.size_mb)
        return [self._vault(vault, held, now) for vault in self._inventory.vaults_at(now)]

    def policies(self, now: datetime) -> list[Record]:
        """All policies: that of the backups of each vault, and that of its copies."""
        vaults = self._inventory.policies_at(now)
        copied = (self._copying_policy(vault, now) for vault in vaults if vault.replicates)
        return [*(self._policy(vault, now) for vault in vaults), *copied]

    def backup(self, backup: StoredBackup, now: datetime) -> Record:
        """A backup."""
        machine, point, vault = backup.machine, backup.point, backup.vault
        is_done = point.usable_at <= now
        is_automatic = point.name.startswith("autobk")
        kept = vault.retention_at(now)
        expires_at = point.usable_at + kept if point.expires_at and is_done else None
        resource = machine.resource_at(backup.created_at)
        return {
            "id": point.backup_id,
            "name": point.name,
            "description": "",
            "checkpoint_id": point.checkpoint_id,
            "project_id": self._project_id,
            "enterprise_project_id": vault.project,
            "provider_id": vault.kind[0],
            "vault_id": vault.id,
            "resource_id": machine.id,
            "resource_name": resource["name"],
            "resource_type": resource["type"],
            "resource_size": max(1, round(machine.size_gb)),
            "resource_az": f"{REGION}-01",
            "image_type": "backup",
            "status": "available" if is_done else "protecting",
            "incremental": backup.is_incremental,
            "created_at": _time(backup.created_at),
            "protected_at": _time(backup.created_at),
            "updated_at": _time(point.usable_at if is_done else backup.created_at),
            "expired_at": _time(expires_at),
            "parent_id": None,
            "version": 3,
            "children": [],
            "extend_info": {
                "auto_trigger": is_automatic,
                "bootable": False,
                "contain_system_disk": True,
                "encrypted": False,
                "support_lld": True,
                "supported_restore_mode": "backup" if is_done else "na",
                "system_disk": False,
                "os_images_data": None,
            },
            "replication_records": [
                _copy_record(block, at, vault) for at, block in backup.copies if at <= now
            ],
        }

    def protectable(self, one: Protectable, now: datetime) -> Record:
        """A resource that a vault has or could have."""
        vault = one.vault_at(now)
        return {
            "id": one.id,
            "name": one.name_at(now),
            "type": OBJECT_TYPES[one.object_type][1],
            "size": one.size_gb,
            "status": STATES[one.object_type],
            "children": [],
            "detail": _detail(one, now),
            "protectable": {
                "result": True,
                "code": "",
                "reason": "",
                "message": "",
                "vault": None if vault is None else self._vault_of(vault),
            },
        }

    def _vault_of(self, vault: Vault) -> Record:
        return {"id": vault.id, "name": vault.name, "provider_id": vault.kind[0]}

    def _vault(self, vault: Vault, held: Held, now: datetime) -> Record:
        random = self._inventory.random_of("vault", vault.id)
        start = self._inventory.start or now
        created_at = start - timedelta(days=random.uniform(20, 700))
        machines = [machine for machine in vault.machines if machine.is_in_vault(now)]
        used = sum(sum(held[machine]) for machine in vault.machines)
        # For one that is enlarged only when it is full, nearly as much as it ever took.
        size = max(100, 100 * math.ceil(sum(one.size_gb for one in vault.machines) * 1.6 / 100))
        is_full = any(begin <= now < end for begin, end, _ in vault.full)
        object_type = _TYPES[vault.kind]
        return {
            "id": vault.id,
            "name": vault.name,
            "description": "",
            "project_id": self._project_id,
            "enterprise_project_id": vault.project,
            "provider_id": vault.kind[0],
            "created_at": _time(created_at),
            "user_id": None,
            "auto_bind": False,
            "auto_expand": False,
            "bind_rules": {},
            "locked": False,
            "smn_notify": True,
            "threshold": 80,
            "availability_zone": None,
            "sys_lock_source_service": None,
            "tags": [{"key": key, "value": value} for key, value in draw_tags(random).items()],
            "billing": {
                "allocated": round(sum(machine.size_gb for machine in machines)),
                "charging_mode": random.choice(("post_paid", "post_paid", "pre_paid")),
                "cloud_type": "public",
                "consistent_level": "app_consistent" if vault.is_app_consistent else "crash_consistent",
                "frozen_scene": None,
                "is_multi_az": False,
                "object_type": object_type,
                "order_id": None,
                "product_id": None,
                "protect_type": "backup",
                "size": max(1, used // 1024) if is_full else max(size, 100 * math.ceil(used / 102_400)),
                "spec_code": SPEC_CODES[object_type],
                "status": "available",
                "storage_unit": None,
                "used": used,
            },
            "resources": [_vault_resource(machine, held, now) for machine in machines],
        }

    def _policy(self, vault: Vault, now: datetime) -> Record:
        definition = {
            "retention_duration_days": vault.retention_at(now) // timedelta(days=1),
            "max_backups": -1,
            **dict.fromkeys(("day_backups", "week_backups", "month_backups", "year_backups"), 0),
            "timezone": _zone(vault, now),
            "full_backup_interval": -1,
        }
        rules = schedule_rules(vault, now)
        policy = self._any_policy(vault, vault.policy_id, "backup", definition, rules, {})
        return {**policy, "enabled": not vault.is_stopped(now)}

    def _copying_policy(self, vault: Vault, now: datetime) -> Record:
        random = self._inventory.random_of("copying policy", vault.id)
        policy_id, destination_vault_id = draw_id(random), draw_id(random)
        definition = {
            "retention_duration_days": vault.retention_at(now) // timedelta(days=1),
            "max_backups": -1,
            "timezone": _zone(vault, now),
            "destination_region": DESTINATION[0],
            "destination_project_id": DESTINATION[1],
            "enable_acceleration": False,
        }
        rules = schedule_rules(vault, now, AFTER_BACKUP_HOURS)[:1]
        destination = {"destination_vault_id": destination_vault_id}
        return self._any_policy(vault, policy_id, "replication", definition, rules, destination)

    def _any_policy(  # a policy has this many properties
        self,
        vault: Vault,
        policy_id: str,
        operation_type: str,
        definition: Record,
        rules: list[str],
        destination: Record,
    ) -> Record:
        random = self._inventory.random_of("policy", policy_id)
        return {
            "id": policy_id,
            "name": f"{operation_type}-{vault.name}",
            "enabled": True,
            "operation_type": operation_type,
            "operation_definition": definition,
            "policy_type": "custom_policy",
            "trigger": {
                "id": draw_id(random),
                "name": "default",
                "type": "time",
                "properties": {
                    "pattern": rules,
                    "start_time": "2020-01-08 09:59:49",
                    "start_window_minutes": 0,
                },
            },
            "associated_vaults": [{"vault_id": vault.id, "destination_vault_id": None, **destination}],
        }


def _vault_resource(machine: Machine, held: Held, now: datetime) -> Record:
    resource = machine.resource_at(now)
    is_busy = any(created <= now < ended for created, ended in machine.runs)
    return {
        "id": machine.id,
        "name": resource["name"],
        "type": resource["type"],
        "size": max(1, round(machine.size_gb)),
        "protect_status": "protecting" if is_busy else "available",
        "extra_info": resource.get("extra_info", {"exclude_volumes": [], "include_volumes": []}),
        "backup_size": sum(held[machine]),
        "backup_count": len(held[machine]),
        "auto_protect": True,
    }


def _copy_record(block: Record, at: datetime, vault: Vault) -> Record:
    return {
        "id": block["destination_checkpoint_id"],
        "status": "success",
        "created_at": _time(at),
        "source_backup_id": block["source_backup_id"],
        "source_checkpoint_id": block["source_checkpoint_id"],
        "source_project_id": block["source_project_id"],
        "source_region": block["source_region"],
        "destination_backup_id": block["destination_backup_id"],
        "destination_checkpoint_id": block["destination_checkpoint_id"],
        "destination_project_id": block["destination_project_id"],
        "destination_region": block["destination_region"],
        "destination_vault_id": None,
        "vault_id": vault.id,
        "extra_info": {},
    }


def _detail(one: Protectable, now: datetime) -> Record:
    """What the service of the resource says of it. Each prints tags in its own way."""
    detail: Record = {"id": one.id, "name": one.name_at(now), "availability_zone": f"{REGION}-01"}
    if one.object_type == "server":
        return {**detail, "tags": [f"{key}={value}" for key, value in one.tags.items()]}
    if one.object_type == "disk":
        return {**detail, "size": one.size_gb, "encrypted": False, "tags": one.tags}
    return {**detail, "tags": [{"key": key, "value": value} for key, value in one.tags.items()]}


def _zone(vault: Vault, now: datetime) -> str:
    offset = now.astimezone(vault.zone).utcoffset() or timedelta()
    return f"UTC{offset // timedelta(hours=1):+03d}:00"


def _time(instant: datetime | None) -> str | None:
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds") if instant else None
