"""Tasks that run, wait or are stuck, how many at once, and how late they start."""

from datetime import timedelta

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, at


def test_an_open_task_is_stuck_only_when_it_is_old_and_stands_still() -> None:
    log = SmallLog()
    for day in range(1, 9):
        log.backup("usual", f"2026-03-0{day} 01:00", minutes=60)
    waits = log.backup("w", "2026-03-09 23:00", status="waiting")
    runs = log.backup("r", "2026-03-09 21:00", status="running")
    stands = log.backup("s", "2026-03-09 12:00", status="running", updated_at="2026-03-09 13:00")
    stopped = log.backup("t", "2026-03-08 12:00", status="timeout", minutes=300)
    rows = {row["task_id"]: row for row in log.open().rows("open_tasks")}
    assert {task_id: row["kind"] for task_id, row in rows.items()} == {
        waits: "waiting",
        runs: "running",
        stands: "stuck",
        stopped: "timed_out",
    }
    assert (rows[stands]["age_hours"], rows[stopped]["age_hours"]) == (12, 5)
    assert rows[stands]["p99_hours"] == pytest.approx(1)


def test_an_old_task_that_moves_is_not_stuck() -> None:
    log = SmallLog()
    # One tells when it moved; the other does not, but loads have seen it move.
    for resource, updated_at in (("tells", "2026-03-09 23:30"), ("does not", "2026-03-09 12:00")):
        moves = log.backup(resource, "2026-03-09 12:00", status="running", updated_at=updated_at)
        log.see(moves, ("2026-03-09 13:00", {"progress": 10}), ("2026-03-09 23:45", {"progress": 50}))
    stopped = log.backup("stopped", "2026-03-09 12:00", status="running", updated_at="2026-03-09 12:00")
    log.see(stopped, ("2026-03-09 13:00", {"progress": 10}), ("2026-03-09 20:00", {"progress": 50}))
    rows = {row["resource_id"]: row for row in log.open().rows("open_tasks")}
    assert {resource: row["kind"] for resource, row in rows.items()} == {
        "tells": "running",
        "does not": "running",
        "stopped": "stuck",
    }
    assert rows["tells"]["progress_since"] == at("2026-03-09 23:45")


def test_tasks_that_run_at_once_are_counted_by_vault_and_all_together() -> None:
    log = SmallLog().cover("2026-02-10")
    log.backup("a", "2026-03-09 01:00", minutes=30, vault_id="v1")
    log.backup("b", "2026-03-09 01:10", minutes=30, vault_id="v1")
    log.backup("c", "2026-03-09 01:20", minutes=100, vault_id="v2")
    rows = {(row["vault_id"], row["local_hour"]): row for row in log.open().rows("concurrency")}
    assert (rows["v1", 1]["peak_running"], rows[None, 1]["peak_running"], rows[None, 1]["starts"]) == (
        2,
        3,
        3,
    )
    assert (rows[None, 2]["peak_running"], rows[None, 2]["starts"]) == (1, 0)
    # 30 + 30 + 40 minutes of the 28 hours "01" in the lookback; the hour after, 60 minutes.
    assert rows[None, 1]["mean_running"] == pytest.approx(100 / 60 / 28)
    assert rows[None, 2]["mean_running"] == pytest.approx(1 / 28)


def test_a_waiting_task_does_not_run_and_an_open_one_runs_until_the_watermark() -> None:
    log = SmallLog().cover("2026-02-10")
    log.backup("w", "2026-03-09 22:00", status="waiting")
    log.backup("r", "2026-03-09 22:30", status="running")
    rows = {row["local_hour"]: row for row in log.open().rows("concurrency", "vault_id IS NULL")}
    assert {hour: row["peak_running"] for hour, row in rows.items() if hour >= 22} == {22: 1, 23: 1}
    assert rows[23]["mean_running"] == pytest.approx(1 / 28)


def test_a_short_history_does_not_dilute_how_many_run() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-08 12:30", minutes=15)
    log.backup("b", "2026-03-09 12:00", minutes=60)
    rows = {row["local_hour"]: row for row in log.open().rows("concurrency", "vault_id IS NULL")}
    # Observed from the 8th at 12:30: half an hour "12" of the 8th, a whole one of the 9th.
    assert rows[12]["mean_running"] == pytest.approx((15 + 60) / 90)
    assert (rows[12]["starts"], rows[12]["peak_running"]) == (2, 1)
    # A day proved complete is observed though nothing ran: an hour "12" more.
    log.cover("2026-03-08", "2026-03-07")
    row = log.open().row("concurrency", "local_hour = 12 AND vault_id IS NULL")
    assert row["mean_running"] == pytest.approx((15 + 60) / 180)


def test_what_began_long_before_the_lookback_runs_in_it() -> None:
    log = SmallLog(settings=AnalyticsSettings(lookback=timedelta(days=2)))
    log.backup("stuck", "2026-02-20 00:30", status="running")
    log.backup("ended", "2026-03-01 00:30", ended_at="2026-03-08 12:00")
    log.backup("over", "2026-03-01 00:30", ended_at="2026-03-07 12:00")
    rows = {row["local_hour"]: row for row in log.open().rows("concurrency", "vault_id IS NULL")}
    assert (rows[6]["mean_running"], rows[6]["starts"]) == (1.5, 0)
    assert (rows[18]["mean_running"], rows[18]["peak_running"]) == (1.0, 1)


def test_an_open_task_runs_no_longer_than_its_source_is_known() -> None:
    settings = AnalyticsSettings(lookback=timedelta(days=40))
    log = SmallLog(settings=settings).load("2026-02-06 00:00", source="gone")
    log.backup("here", "2026-03-09 01:00")
    log.backup("r", "2026-02-05 20:00", status="running", source="gone")
    rows = {row["local_hour"]: row for row in log.open().rows("concurrency", "source = 'gone'")}
    assert {hour for hour, row in rows.items() if row["mean_running"]} == {20, 21, 22, 23}
    assert rows[20]["mean_running"] == 1


@pytest.mark.fault("few or small cases")
def test_start_delay_is_from_the_slot_and_wait_from_the_creation() -> None:
    log = SmallLog()
    log.backup("a", "2026-03-09 01:01", started_at="2026-03-09 01:05")
    log.backup("b", "2026-03-09 02:01", started_at="2026-03-09 02:05", policy_id=None)
    first, second = log.open().rows("start_delay", order="local_hour")
    assert (first["local_hour"], first["wait_p50_seconds"], first["delay_p50_seconds"]) == (1, 240, 300)
    assert (second["wait_p50_seconds"], second["delay_p50_seconds"]) == (240, None)


@pytest.mark.fault("few or small cases")
def test_a_task_runs_in_the_minute_it_started_in_and_not_in_the_next() -> None:
    log = SmallLog()
    for started, ended in (
        ("01:00:10", "01:00:59.700"),
        ("01:01:00", "01:01:59.600"),
        ("01:59:59.700", "02:00:30"),
    ):
        log.backup(
            "disk",
            "2026-03-09 01:00",
            started_at=at(f"2026-03-09 {started}"),
            ended_at=at(f"2026-03-09 {ended}"),
        )
    rows = {row["local_hour"]: row for row in log.open().rows("concurrency", "vault_id IS NULL")}
    assert (rows[1]["peak_running"], rows[1]["starts"]) == (1, 3)
    assert 2 not in rows or rows[2]["starts"] == 0
