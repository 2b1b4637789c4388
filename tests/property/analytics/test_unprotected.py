"""``unprotected_resources`` beside a judgment in plain Python, over random estates."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from support.small_inventory import SmallInventory
from support.small_log import SmallLog

DAILY = "FREQ=DAILY;BYHOUR=1"
EARLY, LATE = "2026-03-02 02:00", "2026-03-09 02:00"
"""A resource enrolled late has had less than its RPO until the watermark."""

POLICIES: dict[str, tuple[str, ...]] = {
    "on": ("runs",),
    "off": ("sleeps",),
    "bare": (),
    "both": ("runs", "sleeps"),
    "copies": ("replicates",),
}
"""The policies of each vault; the last one is no vault of backups."""


@dataclass(frozen=True)
class Resource:
    """What is drawn of one resource."""

    is_listed: bool
    is_protectable: bool | None
    vaults: frozenset[str]
    is_auto_protected: bool | None
    enrolled_at: str
    was_in: str | None
    is_logged: bool
    backup: str | None


resources = st.builds(
    Resource,
    is_listed=st.booleans(),
    is_protectable=st.sampled_from([True, False, None]),
    vaults=st.frozensets(st.sampled_from(sorted(POLICIES)), max_size=2),
    is_auto_protected=st.sampled_from([True, False, None]),
    enrolled_at=st.sampled_from([EARLY, LATE]),
    was_in=st.sampled_from([None, None, "gone", "gone-copies"]),
    is_logged=st.booleans(),
    backup=st.sampled_from([None, "available", "error"]),
)


def judge(one: Resource, missing: frozenset[str]) -> str | None:
    """Why a resource is not protected.

    Args:
        one: The resource.
        missing: Lists that were never read.
    """
    vaults = one.vaults - {"copies"}
    if not vaults:
        if not one.is_listed or "vaults" in missing:
            return None
        if one.was_in == "gone" or one.is_logged:
            return "removed"
        return "not_protectable" if one.is_protectable is False else "never_enrolled"
    if "policies" not in missing:
        linked = [policy for vault in vaults for policy in POLICIES[vault]]
        if not linked:
            return "no_policy"
        if "runs" not in linked:
            return "policy_disabled"
        if one.is_auto_protected is False:
            return "left_out_of_policy"
    has_backup = one.backup == "available" or (one.is_logged and "backups" in missing)
    return None if has_backup or one.enrolled_at == LATE else "no_recovery_point"


def write(drawn: Sequence[Resource], missing: frozenset[str]) -> SmallLog:
    log = SmallLog("2026-03-10 00:00")
    inventory = SmallInventory(log, LATE, **dict.fromkeys(missing, "not_permitted"))
    inventory.policy("runs", DAILY)
    inventory.policy("sleeps", DAILY, enabled=False)
    inventory.policy("replicates", DAILY, operation_type="replication")
    for vault, policies in POLICIES.items():
        inventory.vault(vault, protect_type="replication" if vault == "copies" else "backup")
        for policy in policies:
            inventory.link(policy, vault)
    inventory.vault("gone", is_current=False)
    inventory.vault("gone-copies", is_current=False, protect_type="replication")
    for number, one in enumerate(drawn):
        name = f"server-{number}"
        if one.is_listed:
            inventory.protectable(name, is_protectable=one.is_protectable)
        for vault in sorted(one.vaults):
            inventory.member(vault, name, first_seen_at=one.enrolled_at, auto_protect=one.is_auto_protected)
        if one.was_in is not None:
            inventory.member(one.was_in, name, first_seen_at=EARLY, is_current=False)
        if one.is_logged:
            log.backup(name, "2026-03-09 01:00")
        if one.backup is not None:
            inventory.backup(f"backup-{number}", name, "2026-03-09 01:00", status=one.backup)
    return log


@settings(max_examples=12, deadline=None)  # of up to forty resources each
@given(
    st.lists(resources, min_size=10, max_size=40),
    st.frozensets(st.sampled_from(["vaults", "policies", "backups"]), max_size=2),
)
def test_each_resource_has_the_reason_that_follows_from_its_inventory(
    drawn: list[Resource], missing: frozenset[str]
) -> None:
    estate = write(drawn, missing).open()
    found = {row["resource_id"]: row["reason"] for row in estate.rows("unprotected_resources")}
    judged = {f"server-{number}": judge(one, missing) for number, one in enumerate(drawn)}
    assert found == {name: reason for name, reason in judged.items() if reason is not None}
    (row,) = estate.rows("estate_coverage", "dimension = 'all'") or [{"unprotected": 0}]
    assert row["unprotected"] == len(found)
    types = estate.rows("estate_coverage", "dimension = 'type'")
    assert sum(one["unprotected"] for one in types) == len(found)
