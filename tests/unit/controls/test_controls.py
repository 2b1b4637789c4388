"""Each control passes, fails, does not apply or cannot say, on logs whose verdict is plain."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cbr_warehouse.controls.catalogue import parse_control, read_controls
from cbr_warehouse.controls.describe import as_values, describe
from cbr_warehouse.controls.evaluate import evaluate
from cbr_warehouse.controls.outcome import Outcome, Verdict
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.settings.control_exceptions import CONTROL_NAMES, ControlException
from support.small_inventory import SmallInventory
from support.small_log import SmallLog, at

NOW = datetime(2026, 3, 10, 1, tzinfo=UTC)
WATERMARK = "2026-03-10 00:00"
PASS, FAIL, NOT_APPLICABLE, CANNOT_SAY = Verdict


def covered(log: SmallLog, first: str = "2025-12-01", **states: str) -> SmallLog:
    """Coverage of every day up to the watermark: complete, but for some (``d0305="lost"``) and today."""
    begin, end = date.fromisoformat(first), date(2026, 3, 10)
    days = [begin + timedelta(days=number) for number in range((end - begin).days)]
    told = {f"2026-{key[1:3]}-{key[3:]}": state for key, state in states.items()}
    log.cover(*(str(day) for day in days if str(day) not in told))
    for day, state in told.items():
        log.cover(day, state=state, reason="no_count")
    return log.cover("2026-03-10", state="open")


def healthy(settings: AnalyticsSettings | None = None) -> SmallLog:
    """Two servers, backed up and copied each night, restored, deleted when due: nothing fails."""
    log = SmallLog(WATERMARK, settings)
    for name in ("web", "db"):
        made = log.daily(name, "2026-01-01 01:00", 68)
        for task_id, night in zip(made, range(68), strict=True):
            copied_at = at("2026-01-01 03:00") + timedelta(days=night)
            log.copy(task_id, copied_at, resource=name)
        for task_id, night in zip(made[:50], range(50), strict=True):
            log.delete(task_id, at("2026-01-15 12:00") + timedelta(days=night), resource=name)
        log.restore(made[-1], "2026-03-09 10:00", resource=name, restore_target_resource_id=name)
    log.backup("web", "2026-03-03 00:30", status="failed", policy_id=None)
    log.task("sync", "2026-03-01 12:00", sync_backup_num=5, sync_err_sync_backup_num=0)
    inventory = SmallInventory(log, backups="not_offered")
    inventory.policy("policy-1", "FREQ=DAILY;BYHOUR=1")
    inventory.vault("vault-1", policy="policy-1")
    for name in ("web", "db"):
        inventory.member("vault-1", name)
        inventory.protectable(name)
    return log


def broken() -> SmallLog:
    """As ``healthy``, but nothing is as it should be."""
    log = healthy()
    for night in range(5):
        log.backup("old", at("2026-02-20 01:00") + timedelta(days=night))
    for night in range(4):
        log.backup("old", at("2026-03-06 01:00") + timedelta(days=night), status="failed", error_code="6114")
    log.backup("new", "2026-03-01 01:00", status="failed", error_code="6114")
    kept = log.backup("web", "2026-03-08 13:00", policy_id=None)
    log.copy(log.daily("web2", "2026-03-01 01:00", 9)[0], "2026-03-01 02:00", resource="web2")
    log.restore(kept, "2026-03-09 11:00", resource="web", minutes=600, restore_target_resource_id="web")
    for number in range(25):
        made = log.backup(f"disk-{number}", "2026-03-01 02:00")
        log.delete(made, at("2026-03-05 03:00") + timedelta(minutes=number), resource=f"disk-{number}")
    log.task("sync", "2026-03-02 12:00", sync_backup_num=5, sync_err_sync_backup_num=2)
    SmallInventory(log).protectable("lonely", first_seen_at="2026-03-01 02:00")
    return with_alarms(log)


def with_alarms(log: SmallLog) -> SmallLog:
    """With an edited policy, one whose retention was shortened, a stop and a slow backup besides."""
    log.daily("halted", "2026-02-01 01:00", 20, policy_id="policy-2", vault_id="vault-2")
    log.daily("moved", "2026-01-20 01:00", 30, policy_id="policy-3", vault_id="vault-3")
    log.daily("moved", "2026-02-19 05:00", 18, policy_id="policy-3", vault_id="vault-3")
    log.backup("moved", "2026-03-09 05:00", policy_id="policy-3", vault_id="vault-3", minutes=120)
    made = log.daily("kept", "2026-01-01 01:00", 68, policy_id="policy-4", vault_id="vault-4")
    for task_id, night in zip(made, range(68), strict=True):
        gone = night + 14 if night < 36 else max(50, night + 7)
        if gone < 68:
            deleted_at = at("2026-01-01 12:00") + timedelta(days=gone)
            log.delete(task_id, deleted_at, resource="kept", vault_id="vault-4")
    return log


def outcomes(log: SmallLog, exceptions: Iterable[ControlException] = (), now: datetime = NOW) -> Any:
    connection, told = log.open().connection, tuple(exceptions)
    return {one.name: evaluate(connection, one, told, now) for one in read_controls()}


@pytest.fixture(scope="module")
def good() -> dict[str, Outcome]:
    return outcomes(covered(healthy()), [exception("rpo_kept", until=date(2026, 3, 10))])


@pytest.fixture(scope="module")
def bad() -> dict[str, Outcome]:
    expired = exception("rpo_kept", until=date(2026, 3, 9), resource="old")
    return outcomes(covered(broken(), d0305="incomplete"), [expired], NOW + timedelta(hours=30))


@pytest.fixture(scope="module")
def empty() -> dict[str, Outcome]:
    return outcomes(SmallLog(WATERMARK))


def exception(control: str, *, until: date, **keys: Any) -> ControlException:
    return ControlException.model_validate({"control": control, "reason": "known", "until": until, **keys})


@pytest.mark.parametrize("name", CONTROL_NAMES)
def test_what_is_as_it_should_be_passes(good: dict[str, Outcome], name: str) -> None:
    assert (good[name].verdict, good[name].found) == (PASS, ()), describe(good[name])
    assert good[name].population > 0


@pytest.mark.parametrize("name", CONTROL_NAMES)
def test_what_is_not_fails_with_who_and_why(bad: dict[str, Outcome], name: str) -> None:
    outcome = bad[name]
    assert outcome.verdict is FAIL, describe(outcome)
    rows = [row for row in outcome.found if row.fails]
    assert len(rows) == outcome.failing > 0
    assert all(row.why and row.name and row.item for row in rows)
    assert rows[0].name in describe(outcome)


def test_the_worst_come_first_by_name(bad: dict[str, Outcome]) -> None:
    said = {name: describe(outcome) for name, outcome in bad.items()}
    assert said["no_strikes"].startswith("1 of ")
    assert "old (4 failures in a row, the last with 6114" in said["no_strikes"]
    assert "new (no backup since it was first tried 9 days ago)" in said["ever_backed_up"]
    assert said["all_protected"].startswith("1 of ")
    assert "lonely (in no vault, and was in none before" in said["all_protected"]
    assert "and 23 more" in said["ever_backed_up"]
    copies = {row.name: row.why for row in bad["offsite_copy"].found}
    assert copies["web2 in region-2"] == "newest copy is of 215 h ago, allowed 52 h"
    assert copies["disk-1 in region-2"] == "no copy there"
    assert "web (took 10.0 h, RTO 4.0 h)" in said["restore_within_rto"]
    early = {row.why for row in bad["deletions_in_time"].found}
    assert any("deleted at 03:00 local time" in (why or "") for why in early)
    assert "vault-1 (25 backups deleted in bulk, 25 within an hour)" in said["no_mass_deletion"]
    assert "halted (no scheduled backup tried since 2026-02-20 01:00 UTC" in said["backups_running"]
    assert (
        "vault-3 (runs at other times or days since 2026-02-19 01:00 local time: new 05:00, old 01:00)"
        in (said["policy_unchanged"])
    )
    assert "vault-4 (backups deleted after 7.5 days, 14.5 before)" in said["retention_kept"]
    assert "moved (took 120 min, usually 10 min)" in said["no_duration_jump"]
    assert "vault-1 (backups failed in sync: 2)" in said["no_partial_success"]
    assert "2026-03-05 of main (incomplete)" in said["days_complete"]
    assert "main (last loaded 31 h ago)" in said["data_fresh"]
    assert "old of rpo_kept (ended on 2026-03-09: known)" in said["exceptions_current"]


@pytest.mark.parametrize("name", sorted({*CONTROL_NAMES} - {"data_fresh"}))
def test_an_empty_population_does_not_pass(empty: dict[str, Outcome], name: str) -> None:
    assert empty[name].verdict is NOT_APPLICABLE
    assert describe(empty[name]).startswith(f"no {empty[name].control.counted} (")


def test_a_list_that_may_not_be_read_is_named_and_nothing_passes() -> None:
    log = SmallLog(WATERMARK)
    log.daily("web", "2026-03-01 01:00", 9)
    SmallInventory(log, vaults="not_permitted", backups="not_offered").protectable("web")
    found = outcomes(log)["all_protected"]
    assert found.verdict is CANNOT_SAY
    assert "list of vaults (not read completely (not permitted): why" in describe(found)


def test_before_the_first_finished_load_nothing_can_be_said() -> None:
    found = outcomes(SmallLog(None).load("2026-03-10 00:00", outcome="failed"))
    assert found["rpo_kept"].verdict is CANNOT_SAY
    assert describe(found["rpo_kept"]) == "no load has finished"
    assert found["data_fresh"].verdict is FAIL


@pytest.mark.parametrize("state", ["incomplete", "unverified", "lost"])
def test_days_that_may_hide_failures_keep_a_control_from_passing(state: str) -> None:
    found = outcomes(covered(healthy(), d0220=state))
    by_days = {name for name, outcome in found.items() if outcome.control.needs_days}
    assert {found[name].verdict for name in by_days} == {CANNOT_SAY}
    assert "1 of 29 days of the window are not complete" in describe(found["rpo_kept"])
    assert found["days_complete"].verdict is (CANNOT_SAY if state == "unverified" else FAIL)
    assert {found[name].verdict for name in ("restore_tested", "restore_within_rto")} == {PASS}


def test_days_before_the_log_count_as_not_complete() -> None:
    found = outcomes(covered(healthy(), first="2026-02-15"))["rpo_kept"]
    assert (found.verdict, found.days, found.complete_days) == (CANNOT_SAY, 29, 24)


def test_no_restore_is_a_failure_only_where_the_log_reaches_back() -> None:
    long, short = SmallLog(WATERMARK), SmallLog(WATERMARK)
    for log in (long, short):
        log.daily("web", "2026-02-20 01:00", 18)
    assert outcomes(covered(long))["restore_tested"].verdict is FAIL
    found = outcomes(covered(short, first="2026-02-20"))["restore_tested"]
    assert (found.verdict, found.undecided) == (CANNOT_SAY, 1)
    assert "no restore since the log begins on 2026-02-20" in describe(found)


def test_thresholds_follow_the_settings() -> None:
    settings = AnalyticsSettings(rto=timedelta(minutes=5), data_age=timedelta(minutes=30))
    found = outcomes(covered(healthy(settings)))
    assert found["restore_within_rto"].verdict is FAIL
    assert found["data_fresh"].verdict is FAIL
    assert found["restore_within_rto"].settings["rto"] == timedelta(minutes=5)


def test_an_exception_covers_what_it_names_until_its_last_day() -> None:
    log = covered(broken())
    of_old = {"source": "main", "resource": "old"}
    now = outcomes(log, [exception("no_strikes", until=date(2026, 3, 10), **of_old)])["no_strikes"]
    assert (now.verdict, now.failing, now.excepted) == (PASS, 0, 1)
    assert as_values(now)["exceptions"][0]["excepted_for"] == "known"
    assert as_values(now)["evidence"] == []
    assert "1 excepted" in describe(now)
    for other in (
        exception("no_strikes", until=date(2026, 3, 9), **of_old),
        exception("rpo_kept", until=date(2026, 3, 10), **of_old),
        exception("no_strikes", until=date(2026, 3, 10), source="main", resource="web"),
        exception("no_strikes", until=date(2026, 3, 10), source="other", resource="old"),
    ):
        assert outcomes(log, [other])["no_strikes"].verdict is FAIL


def test_texts_of_an_exception_cannot_leave_their_quotes() -> None:
    hostile = "x'; $now ${query} DROP TABLE tasks; --"
    told = exception("rpo_kept", until=date(2026, 3, 1), resource=hostile).model_copy(
        update={"reason": hostile}
    )
    found = outcomes(covered(healthy()), [told])["exceptions_current"]
    assert found.found[0].why == f"ended on 2026-03-01: {hostile}"


def test_the_statement_gives_the_same_when_a_reader_runs_it(bad: dict[str, Outcome]) -> None:
    connection = covered(broken(), d0305="incomplete").open().connection
    for outcome in bad.values():
        rows = connection.execute(outcome.statement).fetchall()
        assert (rows[0][0], rows[0][2]) == ("fail", outcome.failing)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("Window: lookback", "Window: nowhere"),
        ("-- Title: Backed up within RPO\n", ""),
        ("SOC 2 A1.2:", "SOC 2 A9.9:"),
    ],
)
def test_a_header_that_is_not_whole_is_refused(wrong: str, said: str) -> None:
    from importlib.resources import files

    text = files("cbr_warehouse.controls").joinpath("sql/rpo_kept.sql").read_text(encoding="utf-8")
    assert parse_control("rpo_kept", text).name == "rpo_kept"
    with pytest.raises(ValueError, match=r"rpo_kept\.sql"):
        parse_control("rpo_kept", text.replace(wrong, said))


def test_every_file_of_a_control_is_named_and_the_page_is_made_from_them() -> None:
    from pathlib import Path

    from cbr_warehouse.controls.docs_page import write_page

    root = Path(__file__).parents[3]
    found = {path.stem for path in (root / "pipelines/cbr_warehouse/controls/sql").glob("*.sql")}
    assert found == {*CONTROL_NAMES}
    assert (root / "docs/controls.md").read_text(encoding="utf-8") == write_page(), "run make docs"
