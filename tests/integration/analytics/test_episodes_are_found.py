"""What the emulator made happen is what the views find, in several estates, with few false alarms."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.request import urlopen

import pytest

from cbr_warehouse.reader import Warehouse, open_warehouse
from support.command_line import Workplace
from support.emulator_server import serve


class Estate:
    """A loaded estate beside what was made to happen in it."""

    def __init__(self, warehouse: Warehouse, episodes: list[dict[str, Any]]) -> None:
        self.warehouse = warehouse
        self.episodes = episodes

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Episodes of a kind that lie in what was loaded."""
        since = datetime.fromisoformat(str(self.rows("SELECT min(created_at) AS t FROM tasks")[0]["t"]))
        return [
            one
            for one in self.episodes
            if one["kind"] == kind and since < moment(one["begins_at"]) < self.warehouse.as_of
        ]

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a query."""
        return self.warehouse.sql(query, values, as_="arrow").to_pylist()

    def column(self, query: str, **values: Any) -> set[Any]:
        """The values of a query's only column."""
        return {next(iter(row.values())) for row in self.rows(query, **values)}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module", params=[1, 2, 3])
def estate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    place = Workplace(tmp_path_factory.mktemp("estate"))
    with serve("--tasks", "15000", "--days", "29", "--seed", str(request.param), "--freeze") as url:
        place.configure(url, history="30d")
        done = place.run("load")
        assert done.status == 0, done.err
        with urlopen(f"{url}/__emulator/truth") as answer:
            episodes = json.load(answer)["episodes"]
    with open_warehouse(place.data) as warehouse:
        yield Estate(warehouse, episodes)


def test_failing_streaks(estate: Estate) -> None:
    told = estate.told("failing_streak")
    assert told
    found = {
        row["first_task_id"]: row
        for row in estate.rows("SELECT first_task_id, failures FROM analytics.failing_streaks")
    }
    held = estate.column(
        "SELECT task_id FROM analytics.attempt WHERE operation_type = 'backup' AND outcome = 'fail'"
    )
    for one in told:
        failed = held & set(one["tasks"])
        streaks = estate.rows(
            "SELECT sum(failures) AS n FROM analytics.failing_streaks AS k WHERE resource_id = $about "
            "AND first_failed_at <= $ends AND last_failed_at >= $begins",
            about=one["about"],
            begins=moment(one["begins_at"]),
            ends=moment(one["ends_at"]),
        )
        assert not failed or streaks[0]["n"] >= len(failed), one
    # Long streaks are lasting faults, a full vault, an incident or re-runs; none comes from nothing.
    blamed = {task for one in estate.episodes for task in one["tasks"]}
    long = estate.rows(
        "SELECT first_task_id, last_task_id FROM analytics.failing_streaks WHERE failures >= 4"
    )
    unexplained = [
        row for row in long if row["first_task_id"] not in blamed and row["last_task_id"] not in blamed
    ]
    assert len(unexplained) <= len(long) // 20
    assert found


def struck_together(failures: list[dict[str, Any]], gap: timedelta) -> int:
    """The most resources that failed without a pause longer than ``gap`` between two of them."""
    most, last, struck = 0, None, set()
    for one in sorted(failures, key=lambda row: row["created_at"]):
        if last is not None and one["created_at"] - last > gap:
            struck = set()
        struck.add(one["resource_id"])
        last, most = one["created_at"], max(most, len(struck))
    return most


def test_incidents(estate: Estate) -> None:
    incidents = estate.rows("SELECT * FROM analytics.failure_incidents")
    settings = estate.rows("SELECT incident_resources, epoch(incident_gap) AS gap FROM analytics.settings")[0]
    held = estate.rows("SELECT * FROM analytics.attempt WHERE operation_type = 'backup' AND outcome = 'fail'")
    told = estate.told("incident")
    assert told
    for one in told:
        begins, ends = moment(one["begins_at"]), moment(one["ends_at"])
        codes = {row["error_code"] for row in held if row["task_id"] in one["tasks"]}
        # Ten resources struck over the hours of a small estate need not have failed together.
        together = max(
            struck_together(
                [row for row in held if row["task_id"] in one["tasks"] and row["error_code"] == code],
                timedelta(seconds=settings["gap"]),
            )
            for code in codes or {None}
        )
        found = any(row["began_at"] <= ends and row["last_failure_at"] >= begins for row in incidents)
        assert found or together < settings["incident_resources"], one
    # All of them: one that began before the days that are looked at can reach into them.
    causes = [one for one in estate.episodes if one["kind"] in {"incident", "vault_full"}]
    for row in incidents:
        assert any(
            moment(one["begins_at"]) - timedelta(hours=1) <= row["last_failure_at"]
            and row["began_at"] <= moment(one["ends_at"]) + timedelta(hours=1)
            for one in causes
        ), row


def test_a_full_vault(estate: Estate) -> None:
    told = estate.told("vault_full")
    assert told
    for one in told:
        failed = estate.column(
            "SELECT task_id FROM analytics.attempt WHERE vault_id = $about AND outcome = 'fail' "
            "AND error_code = 'BackupService.6114'",
            about=one["about"],
        )
        assert failed >= set(one["tasks"]) & estate.column("SELECT task_id FROM tasks"), one
    causes = estate.column("SELECT error_code FROM analytics.exposure_pareto")
    assert "BackupService.6114" in causes


def test_mass_deletes_and_no_others(estate: Estate) -> None:
    told = {task for one in estate.told("mass_delete") for task in one["tasks"]}
    found = estate.column("SELECT task_id FROM analytics.deletion_audit WHERE is_mass_delete")
    assert told
    assert found >= told & estate.column("SELECT task_id FROM analytics.attempt WHERE outcome = 'ok'")
    assert found <= told


def test_stuck_tasks(estate: Estate) -> None:
    open_now = estate.column("SELECT task_id FROM analytics.open_tasks WHERE kind <> 'timed_out'")
    told = {task for one in estate.told("stuck_task") for task in one["tasks"]} & open_now
    found = estate.column("SELECT task_id FROM analytics.open_tasks WHERE is_stuck")
    assert told <= found
    assert told
    # One load sees each task once: a slow copy in progress looks like a stuck one.
    assert len(found - told) <= 1


def test_slow_runs(estate: Estate) -> None:
    told = {task for one in estate.told("slow_run") for task in one["tasks"]}
    judged = estate.column(
        """
        SELECT task_id FROM analytics.attempt AS a
        WHERE outcome = 'ok' AND operation_type = 'backup' AND duration_seconds > 600
            AND created_at > (SELECT as_of - INTERVAL 27 DAY FROM analytics.as_of)
            AND (SELECT count(*) FROM analytics.attempt AS b
                 WHERE b.resource_id = a.resource_id AND b.is_full = a.is_full AND b.outcome = 'ok'
                     AND b.operation_type = 'backup' AND b.created_at < a.created_at) >= 10
        """
    )
    found = estate.column("SELECT task_id FROM analytics.long_running")
    assert len(found & told & judged) >= 0.5 * len(told & judged)
    incidents = [(moment(one["begins_at"]), moment(one["ends_at"])) for one in estate.told("incident")]
    others = estate.rows("SELECT task_id, created_at, ended_at FROM analytics.long_running")
    # Whatever survives an incident is slowed by it: those are no false alarms.
    false = [
        row
        for row in others
        if row["task_id"] not in told
        and not any(row["created_at"] <= end and row["ended_at"] >= begin for begin, end in incidents)
    ]
    backups = estate.rows("SELECT count(*) AS n FROM analytics.attempt WHERE operation_type = 'backup'")[0][
        "n"
    ]
    assert len(false) <= backups / 500


def test_missed_slots(estate: Estate) -> None:
    told = {(one["about"], moment(one["begins_at"])) for one in estate.told("missed_slot")}
    rows = estate.rows(
        "SELECT resource_id, slot_at, kind FROM analytics.missed_backups WHERE kind = 'no_attempt'"
    )
    found = {(row["resource_id"], row["slot_at"]) for row in rows}
    assert told
    assert told <= found
    assert len(found - told) <= 10


def test_downgraded_consistency(estate: Estate) -> None:
    held = estate.column("SELECT task_id FROM analytics.attempt WHERE outcome = 'ok'")
    told = {task for one in estate.told("downgraded_consistency") for task in one["tasks"]} & held
    found = estate.column("SELECT task_id FROM analytics.attempt WHERE is_downgraded AND outcome = 'ok'")
    assert told
    assert found == told
    counted = estate.rows("SELECT sum(downgraded) AS n FROM analytics.app_consistency")[0]["n"]
    assert counted <= len(found)


def test_late_copies(estate: Estate) -> None:
    found = estate.column(
        """
        SELECT a.task_id FROM analytics.recovery_point AS p
        JOIN analytics.attempt AS a ON a.source_backup_id = p.backup_id AND a.outcome = 'ok'
        WHERE p.first_copied_at > p.usable_at + INTERVAL 26 HOUR
        """
    )
    ended = estate.column("SELECT task_id FROM analytics.attempt WHERE outcome = 'ok'")
    told = {task for one in estate.told("late_copy") for task in one["tasks"]} & ended
    copies = estate.column("SELECT task_id FROM analytics.attempt WHERE operation_type = 'replication'")
    assert told & copies <= found
    assert found <= told
