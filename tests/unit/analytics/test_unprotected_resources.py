"""What the inventory shows to be unprotected, and how much of all there is is protected."""

from datetime import time, timedelta
from typing import Any

import pytest

from support.small_inventory import SmallInventory
from support.small_log import SmallLog, at

DAILY = "FREQ=DAILY;INTERVAL=1;BYHOUR=1;BYMINUTE=0"


@pytest.fixture(scope="module")
def estate() -> Any:
    log = SmallLog("2026-03-10 00:00")
    log.daily("good", "2026-03-01 01:00", 9, vault_id="gold", policy_id="nightly")
    log.daily("left", "2026-03-01 01:00", 3, vault_id="gold", policy_id="nightly")
    inventory = SmallInventory(log, "2026-03-09 02:00")
    inventory.policy("nightly", DAILY)
    inventory.policy("off", DAILY, enabled=False)
    inventory.policy("copies", DAILY, operation_type="replication")
    inventory.vault("gold", policy="nightly")
    inventory.vault("asleep", policy="off")
    inventory.vault("bare")
    inventory.vault("far", protect_type="replication", policy="copies")
    early = {"first_seen_at": "2026-03-02 02:00"}
    inventory.member("gold", "good", **early)
    inventory.member("gold", "empty", **early)
    inventory.member("gold", "fresh")
    inventory.member("gold", "skipped", auto_protect=False, **early)
    inventory.member("gold", "listed", **early)
    inventory.member("asleep", "sleeping", **early)
    inventory.member("bare", "unplanned", **early)
    inventory.member("far", "good")
    inventory.backup("b1", "listed", "2026-03-09 01:00")
    inventory.backup("b3", "good", "2026-03-09 01:00")
    inventory.backup("b2", "empty", "2026-03-09 01:00", status="error")
    for name in ("good", "left", "empty", "fresh", "skipped", "listed", "sleeping", "unplanned"):
        inventory.protectable(name, tags=["team=a"] if name in {"good", "left"} else None)
    inventory.protectable("new", tags=[{"key": "team", "value": "b"}], **early, enterprise_project_id="ep-1")
    inventory.protectable("odd", is_protectable=False, protectable_reason="bare metal", tags={"team": "b"})
    inventory.protectable("disk-of-good", object_type="disk", resource_type="OS::Cinder::Volume")
    log.tables["protectables"][0]["children"] = '[{"id": "disk-of-good"}]'
    return log.open()


def test_each_reason_is_found_and_what_is_protected_is_not_listed(estate: Any) -> None:
    found = {row["resource_id"]: row["reason"] for row in estate.rows("unprotected_resources")}
    assert found == {
        "left": "removed",
        "empty": "no_recovery_point",
        "skipped": "left_out_of_policy",
        "sleeping": "policy_disabled",
        "unplanned": "no_policy",
        "new": "never_enrolled",
        "odd": "not_protectable",
    }


def test_a_row_says_since_when_and_why(estate: Any) -> None:
    new = estate.row("unprotected_resources", "resource_id = 'new'")
    assert (new["since"], new["days"], new["tags"]) == (at("2026-03-02 02:00"), 7, ["team=b"])
    assert (new["why"], new["vault_id"]) == ("in no vault, and was in none before", None)
    odd = estate.row("unprotected_resources", "resource_id = 'odd'")
    assert odd["why"] == "cannot be backed up: bare metal"


def test_coverage_has_the_denominator_of_all_there_is(estate: Any) -> None:
    """The disk of a server is judged with the server: nine enrolled or not, and one that cannot be."""
    row = estate.row("estate_coverage", "dimension = 'all'")
    assert (row["resources"], row["enrolled"], row["within_rpo"], row["unprotected"]) == (10, 7, 2, 7)
    assert row["protected_rate"] == pytest.approx(0.2)
    tags = {(row["tag_key"], row["tag_value"]): row for row in estate.rows("protection_by_tag")}
    assert {key: (row["within_rpo"], row["resources"]) for key, row in tags.items()} == {
        ("team", "a"): (1, 2),
        ("team", "b"): (0, 2),
        ("(none)", None): (1, 6),
    }
    projects = {
        row["value"]: row["resources"] for row in estate.rows("estate_coverage", "dimension = 'vault'")
    }
    assert projects == {"gold": 5, "asleep": 1, "bare": 1, "(none)": 3}


def test_a_disk_left_out_of_its_server_is_unprotected() -> None:
    log = SmallLog("2026-03-10 00:00")
    log.daily("server", "2026-03-01 01:00", 9)
    inventory = SmallInventory(log)
    inventory.policy("policy-1", DAILY)
    inventory.vault("vault-1", policy="policy-1")
    inventory.member("vault-1", "server", exclude_volumes='["data"]')
    inventory.protectable("server", children=[{"id": "data"}, {"id": "system"}])
    for disk in ("data", "system"):
        inventory.protectable(disk, object_type="disk", resource_type="OS::Cinder::Volume")
    found = log.open().rows("unprotected_resources")
    assert [(row["resource_id"], row["reason"]) for row in found] == [("data", "volume_left_out")]


def test_what_could_not_be_listed_is_not_judged() -> None:
    log = SmallLog("2026-03-10 00:00")
    inventory = SmallInventory(log, vaults="not_permitted", policies="not_permitted")
    inventory.protectable("unknown")
    inventory.protectable("named", protecting_vault_id="v", protecting_vault_name="gold")
    estate = log.open()
    assert estate.rows("unprotected_resources", "reason <> 'no_recovery_point'") == []
    row = estate.row("estate_coverage", "dimension = 'all'")
    assert (row["resources"], row["enrolled"], row["not_known"]) == (1, 1, 1)
    assert {row["kind"]: row["state"] for row in estate.rows("inventory_list")}["vaults"] == "not_permitted"


def test_without_an_inventory_the_log_alone_says_nothing_of_the_rest() -> None:
    log = SmallLog("2026-03-10 00:00")
    log.daily("disk", "2026-03-01 01:00", 9)
    assert log.open().rows("estate_resource") == []


def test_the_exact_schedule_is_beside_the_inferred_one() -> None:
    log = SmallLog("2026-03-30 00:00")
    log.daily("disk", "2026-03-01 01:05", 29, policy_id="nightly")
    log.daily("other", "2026-03-01 04:00", 29, policy_id="off")
    inventory = SmallInventory(log)
    inventory.policy("nightly", DAILY, "FREQ=DAILY;BYHOUR=13;BYMINUTE=0")
    inventory.policy("off", "FREQ=DAILY;BYHOUR=4", enabled=False)
    inventory.policy("every-third", "FREQ=DAILY;INTERVAL=3;BYHOUR=6,18")
    inventory.policy("strange", "FREQ=MONTHLY;BYHOUR=6")
    for name in ("nightly", "off", "every-third", "strange"):
        inventory.vault(f"vault-{name}", policy=name)
    estate = log.open()
    exact = {row["policy_id"]: row for row in estate.rows("policy_schedule")}
    waits = {name: row["exact_interval"] for name, row in exact.items()}
    assert waits == {
        "nightly": timedelta(hours=12),
        "off": timedelta(hours=24),
        "every-third": timedelta(hours=60),
        "strange": None,
    }
    assert exact["nightly"]["inferred_interval"] == timedelta(hours=24)
    assert [exact[name]["starts_per_week"] for name in ("nightly", "off")] == [14, 7]
    assert exact["every-third"]["starts_per_week"] == pytest.approx(14 / 3)
    found = [
        (row["policy_id"], row["difference"], row["weekday"], row["time_of_day"])
        for row in estate.rows("schedule_differences")
    ]
    expected = [("nightly", "start_not_seen", day, time(13)) for day in range(1, 8)]
    expected += [
        ("every-third", "never_ran", None, None),
        ("nightly", "interval", None, None),
        ("off", "runs_while_disabled", None, None),
        ("strange", "not_understood", None, None),
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_vault_that_grows_is_full_in_as_many_days_as_its_growth_says() -> None:
    log = SmallLog("2026-03-10 00:00")
    inventory = SmallInventory(log, "2026-03-09 00:00")
    inventory.vault(
        "gold", size_gb=100, used_mb=60 * 1024, enterprise_project_id="0", charging_mode="post_paid"
    )
    inventory.vault(
        "full", size_gb=10, used_mb=10 * 1024, enterprise_project_id="0", charging_mode="post_paid"
    )
    log.tables["vaults"][0].update(version=2, first_seen_at=at("2026-03-09 00:00"))
    earlier = {"version": 1, "used_mb": 40 * 1024, "is_current": False}
    seen = {"first_seen_at": at("2026-03-05 00:00"), "last_seen_at": at("2026-03-05 00:00")}
    log.add("vaults", **log.tables["vaults"][0] | earlier | seen)
    estate = log.open()
    gold = estate.row("vault_usage", "vault_id = 'gold'")
    assert (gold["used_share"], gold["previous_used_gb"]) == (pytest.approx(0.6), 40)
    assert gold["growth_gb_per_day"] == pytest.approx(5)
    assert gold["days_until_full"] == pytest.approx(8)
    assert estate.row("vault_usage", "vault_id = 'full'")["days_until_full"] == 0
    project = estate.row("project_usage")
    assert (project["vaults"], project["size_gb"], project["used_gb"]) == (2, 110, 70)
    assert project["used_share"] == pytest.approx(70 / 110)
