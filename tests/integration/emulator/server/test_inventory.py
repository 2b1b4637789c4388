"""Vaults, policies, backups and protectable resources agree with the tasks, at every time."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cbr_emulator.estate.generate import generate_estate
from cbr_emulator.estate.model import Vault
from cbr_emulator.estate.policy_schedule import schedule_rules
from cbr_emulator.estate.schedule_changes import SUMMER_TIME
from support.command_line import PROJECT
from support.emulator_server import NOW

ESTATE = ("--tasks", "900", "--days", "20", "--seed", "3", "--now", NOW.isoformat(), "--freeze")


class Inventory:
    """Asks one emulator for its lists."""

    def __init__(self, asker: Any) -> None:
        self.asker = asker

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.asker.http.get(f"/v3/{PROJECT}/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def backups(self) -> dict[str, Any]:
        return {one["id"]: one for one in self.get("backups", limit=1000)["backups"]}


@pytest.fixture
def inventory(emulate: Callable[..., str], asker_of: Callable[[str], Any]) -> Inventory:
    return Inventory(asker_of(emulate(*ESTATE)))


def of_tasks(truth: Any, operation: str, key: str) -> Iterator[tuple[str, Any]]:
    """The backups that finished tasks of an operation are about."""
    for task in truth["operation_logs"]:
        if task["operation_type"] == operation and task["status"] == "success":
            yield task["extra_info"][operation][key], task


def test_backups_exist_from_the_task_that_makes_them_to_the_one_that_deletes_them(
    inventory: Inventory,
) -> None:
    for _ in range(3):
        truth, backups = inventory.asker.truth(), inventory.backups()
        deleted = dict(of_tasks(truth, "delete", "backup_id"))
        removed = {
            resource["id"]
            for task in truth["operation_logs"]
            if task["operation_type"] == "remove_resource"
            for resource in task["extra_info"]["remove_resources"]["resources"]
        }
        made = dict(of_tasks(truth, "backup", "backup_id"))
        assert deleted.keys().isdisjoint(backups)
        assert removed.isdisjoint(one["resource_id"] for one in backups.values())
        lasting = {
            backup_id
            for backup_id, task in made.items()
            if backup_id not in deleted and task["extra_info"]["resource"]["id"] not in removed
        }
        assert len(lasting) > 100
        assert lasting <= backups.keys()
        for backup_id in lasting:
            task, backup = made[backup_id], backups[backup_id]
            assert (backup["vault_id"], backup["created_at"]) == (task["vault_id"], task["created_at"])
            assert backup["incremental"] == task["extra_info"]["backup"]["incremental"]
            assert backup["status"] == "available"
        inventory.asker.advance("1d")


def test_pages_and_order(inventory: Inventory) -> None:
    found = inventory.get("backups", sort="created_at:asc,id:asc", limit=1000)
    times = [one["created_at"] for one in found["backups"]]
    assert times == sorted(times)
    assert found["count"] == len(times)
    page = inventory.get("backups", sort="created_at:asc,id:asc", limit=7, offset=5)
    assert page["backups"] == found["backups"][5:12]
    assert page["count"] == found["count"]
    newest = inventory.get("backups", limit=3)["backups"]
    assert [one["created_at"] for one in newest] == times[-1:-4:-1]
    names = [one["name"] for one in inventory.get("backups", sort="name", limit=1000)["backups"]]
    assert names == sorted(names, reverse=True)


def test_filters(inventory: Inventory) -> None:
    vault = next(one for one in inventory.get("vaults")["vaults"] if one["resources"])
    found = inventory.get("backups", vault_id=vault["id"], limit=1000)["backups"]
    assert {one["vault_id"] for one in found} == {vault["id"]}
    of_project = inventory.get("vaults", enterprise_project_id=vault["enterprise_project_id"])["vaults"]
    assert vault["id"] in {one["id"] for one in of_project}
    assert {one["enterprise_project_id"] for one in of_project} == {vault["enterprise_project_id"]}
    policies = inventory.get("policies", vault_id=vault["id"], operation_type="backup")["policies"]
    assert all(one["associated_vaults"][0]["vault_id"] == vault["id"] for one in policies)


def test_wrong_parameters_are_refused(inventory: Inventory) -> None:
    http = inventory.asker.http
    for path in ("backups?sort=size", "backups?limit=0", "vaults?offset=-1", "protectables/tape/instances"):
        answer = http.get(f"/v3/{PROJECT}/{path}")
        assert (answer.status_code, answer.json()["error_code"]) == (400, "BackupService.6000"), path


def test_protectable_resources_are_those_of_vaults_and_more(inventory: Inventory) -> None:
    truth = inventory.asker.truth()["inventory"]
    held = {one["id"] for vault in inventory.get("vaults")["vaults"] for one in vault["resources"]}
    found: dict[str, Any] = {}
    for kind in ("server", "disk", "turbo"):
        for offset in range(0, 200, 50):
            page = inventory.get(f"protectables/{kind}/instances", limit=500, offset=offset)["instances"]
            assert len(page) <= 50  # as documented, whatever is asked for
            found |= {one["id"]: one for one in page}
        assert truth["protectables"][kind] <= len(found)
    assert held == {key for key, one in found.items() if one["protectable"]["vault"] is not None}
    never = {one["id"] for one in truth["never_enrolled"]}
    assert never
    assert never <= found.keys() - held
    assert {one["object_type"] for one in truth["never_enrolled"]} == {"server", "disk", "turbo"}
    logged = {
        task["extra_info"]["resource"]["id"]
        for task in inventory.asker.truth()["operation_logs"]
        if task["extra_info"].get("resource")
    }
    assert never.isdisjoint(logged)


def test_policies_have_the_schedule_of_their_vault(inventory: Inventory) -> None:
    """Every backup by a policy of one rule is at the hour that the rule says."""
    tasks = inventory.asker.truth()["operation_logs"]
    rules = {
        one["id"]: one["trigger"]["properties"]["pattern"]
        for one in inventory.get("policies", operation_type="backup")["policies"]
    }
    checked = 0
    for task in tasks:
        if task["policy_id"] in rules and task["operation_type"] == "backup":
            hours = {int(rule.partition("BYHOUR=")[2].partition(";")[0]) for rule in rules[task["policy_id"]]}
            checked += datetime.fromisoformat(task["created_at"]).hour in hours
    by_policy = [one for one in tasks if one["policy_id"] and one["operation_type"] == "backup"]
    assert checked > 0.9 * len(by_policy)  # all but those before the edit of a policy


def test_rules_are_in_utc_though_the_policy_runs_in_local_time() -> None:
    vault = Vault("v", "v", "p", "0", (0,), (0,), ("", "", ""), timedelta(days=1), False, False)
    vault.zone = SUMMER_TIME
    winter, summer = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 7, 6, 12, tzinfo=UTC)
    assert schedule_rules(vault, winter) == ["FREQ=WEEKLY;BYDAY=SU;BYHOUR=23;BYMINUTE=00"]
    assert schedule_rules(vault, summer) == ["FREQ=WEEKLY;BYDAY=SU;BYHOUR=22;BYMINUTE=00"]


def test_an_estate_has_the_same_inventory_each_time() -> None:
    first, second = (generate_estate(300, 5, 1, NOW).inventory for _ in range(2))
    assert first.never_enrolled_at(NOW) == second.never_enrolled_at(NOW)
    assert [one.point for one in first.backups_at(NOW)] == [one.point for one in second.backups_at(NOW)]
    other = generate_estate(300, 5, 2, NOW).inventory
    assert first.never_enrolled_at(NOW) != other.never_enrolled_at(NOW)


def test_lists_are_forbidden_not_offered_or_change(
    emulate: Callable[..., str], asker_of: Callable[[str], Any]
) -> None:
    faults = ("--fault", "forbid=vaults", "--fault", "not_offered=policies", "--fault", "vanish=@4")
    inventory = Inventory(asker_of(emulate(*ESTATE, *faults)))
    http = inventory.asker.http
    answers = [http.get(f"/v3/{PROJECT}/{path}") for path in ("vaults", "policies")]
    assert [one.status_code for one in answers] == [403, 404]
    before = inventory.get("backups", limit=1000)["count"]
    assert inventory.get("backups", limit=1000)["count"] == before - 1  # the fourth request
    assert inventory.get("backups", limit=1000)["count"] == before - 1
    assert inventory.asker.truth()["faults"] == {"forbid": 1, "not_offered": 1, "vanish": 1}
