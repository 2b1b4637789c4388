"""What the report says stands as it was at the period's end, and compares only with what the log tells of."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.report.collect_data import ReportData, collect_data
from cbr_warehouse.report.options import Language
from cbr_warehouse.report.period_name import parse_period
from cbr_warehouse.report.queries import read_question
from cbr_warehouse.report.render import render_page
from cbr_warehouse.report.texts import read_texts
from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, at

pytestmark = pytest.mark.fault("answers of the report")

ENGLISH = read_texts(Language.EN)


def found(log: SmallLog, folder: Path, period: str = "day") -> ReportData:
    """What a report of the log says; its newest backup day ends on the 9th at 18:00."""
    with open_warehouse(log.publish(folder / "warehouse.duckdb")) as opened:
        return collect_data(opened, parse_period(period), ENGLISH)


def changes(data: ReportData) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {}
    for row in data.results["changes"].rows:
        told.setdefault(row["kind"], {})[row["what"]] = row["n"]
    return told


def worst(data: ReportData) -> list[dict[str, Any]]:
    return data.results["worst"].rows


def long_log() -> SmallLog:
    """One resource that is backed up each day, for long enough to compare with."""
    return SmallLog().cover("2026-01-01", "2026-03-08", "2026-03-09")


def test_failures_after_the_end_are_in_no_row_of_the_worst(tmp_path: Path) -> None:
    """The list told three in a row where the figure above it, as of the period's end, counted two."""
    log = long_log()
    log.backup("a", "2026-03-07 01:00")
    for moment, code in (("2026-03-08 01:00", "E1"), ("2026-03-09 01:00", "E1"), ("2026-03-09 20:00", "E2")):
        log.backup("a", moment, status="failed", error_code=code)
    data = found(log, tmp_path)
    assert [(row["strikes"], row["cause"]) for row in worst(data)] == [(2, "E1")]
    assert data.figures["strikes"].value == 0


def test_a_removed_resource_does_not_fail_any_more(tmp_path: Path) -> None:
    log = long_log()
    log.daily("a", "2026-03-01 01:00", 8)
    log.daily("b", "2026-03-01 01:00", 8)
    for resource in ("a", "b"):
        log.backup(resource, "2026-03-09 01:00", status="failed", error_code="E1")
    log.remove(["b"], "2026-03-09 05:00")
    assert changes(found(log, tmp_path))["new_streak"] == {"E1": 1}


def test_a_vault_without_a_name_goes_by_its_id(tmp_path: Path) -> None:
    log = long_log()
    log.daily("a", "2026-03-01 01:00", 8)
    log.backup("new", "2026-03-09 01:00", vault_name="")
    assert changes(found(log, tmp_path))["enrolled"] == {"vault-1": 1}


def test_the_first_days_of_a_log_are_no_change(tmp_path: Path) -> None:
    """A month's report of a month's log called every resource new, and every error code."""
    log = SmallLog()
    log.daily("old", "2026-02-20 01:00", 10)
    for day in range(10):
        log.backup(
            "failing", f"2026-02-{20 + day if day < 9 else 28} 03:00", status="failed", error_code="E1"
        )
    log.daily("new", "2026-03-05 01:00", 5)
    told = changes(found(log, tmp_path, "month"))
    assert told == {"enrolled": {"vault-1": 1}}


def test_a_period_that_the_log_only_reaches_into_is_compared_with_nothing(tmp_path: Path) -> None:
    log = SmallLog()
    log.daily("a", "2026-02-25 01:00", 13)
    told = found(log, tmp_path, "week")
    assert (told.figures["success"].numerator, told.figures["success"].before) == (7, None)
    assert not any("begins at" in one for one in told.verdict.sentences)


def test_a_log_that_begins_within_the_period_says_so(tmp_path: Path) -> None:
    log = SmallLog()
    log.daily("a", "2026-03-05 01:00", 5)
    told = found(log, tmp_path, "week").verdict.sentences
    assert any("begins at 2026-03-05 01:00 UTC" in one for one in told)


def test_backups_that_stopped_are_not_mostly_in_order(tmp_path: Path) -> None:
    """No task failed, since none ran: the verdict was that backups are mostly in order."""
    log = long_log()
    for resource in ("a", "b", "c"):
        log.daily(resource, "2026-02-01 01:00", 25)
    verdict = found(log, tmp_path).verdict
    assert verdict.level == "act"
    assert verdict.sentences[1] == ENGLISH("verdict", "untried")


def test_a_missed_target_is_not_in_order(tmp_path: Path) -> None:
    """Five days of failures, made good on the sixth: the verdict was that backups are in order."""
    log = long_log()
    for resource in ("a", "b"):
        log.daily(resource, "2026-02-01 01:00", 28)
        log.daily(resource, "2026-03-01 01:00", 6, status="failed" if resource == "a" else "success")
        log.daily(resource, "2026-03-07 01:00", 3)
    verdict = found(log, tmp_path, "week").verdict
    assert verdict.level == "watch"
    assert ENGLISH("verdict", "target", target="98 %") in verdict.sentences


def test_more_failures_than_successes_are_bad(tmp_path: Path) -> None:
    log = long_log()
    log.daily("a", "2026-02-01 01:00", 28)
    log.daily("a", "2026-03-01 01:00", 7, status="failed")
    log.daily("a", "2026-03-08 01:00", 2)
    assert found(log, tmp_path, "week").verdict.level == "act"


@pytest.mark.usefixtures("every_thread")
def test_hours_add_up_to_the_same_last_digit(tmp_path: Path) -> None:
    """Two reports of one warehouse had different checksums: threads added floats up in different orders."""
    place = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(place)) as connection:
        connection.execute(
            "CREATE SCHEMA analytics; CREATE TABLE hours AS SELECT random() * 168 AS unprotected_hours, "
            "168 - random() AS observed_hours FROM range(600000); "
            "CREATE MACRO analytics.exposure(from_at, to_at) AS TABLE FROM hours"
        )
    moment = datetime(2026, 3, 9, tzinfo=UTC)
    with open_warehouse(place) as opened:
        answers = [
            read_question("unprotected").run(opened, {"from_at": moment, "to_at": moment}) for _ in range(5)
        ]
    assert answers == answers[:1] * 5


def test_the_cause_of_failures_that_ended_last_night_is_shown(tmp_path: Path) -> None:
    """A resource that failed 68 of 71 times and recovered in the last night was listed without a cause."""
    log = long_log()
    log.daily("a", "2026-02-01 01:00", 20)
    moment = at("2026-03-03 01:00")
    for number in range(68):
        code = "E2" if number % 10 == 0 else "E1"
        log.backup("a", moment + timedelta(hours=2 * number), status="failed", error_code=code)
    log.daily("a", "2026-03-08 22:00", 1)
    (row,) = worst(found(log, tmp_path, "week"))
    assert (row["strikes"], row["failures"], row["attempts"], row["cause"]) == (0, 68, 69, "E1")


def test_a_resource_that_nothing_backed_up_has_a_cause_too(tmp_path: Path) -> None:
    log = long_log()
    for resource in ("idle", "skipped", "nameless"):
        log.daily(resource, "2026-02-01 01:00", 20)
    log.daily("skipped", "2026-03-03 01:00", 7, status="skipped")
    log.daily("nameless", "2026-03-03 01:00", 7, status="failed")
    causes = {row["resource_id"]: row["cause"] for row in worst(found(log, tmp_path, "week"))}
    assert causes == {"idle": "(not attempted)", "skipped": "(skipped)", "nameless": "(none)"}


def test_resources_and_vaults_of_one_name_are_told_apart(tmp_path: Path) -> None:
    log = long_log()
    ids = ("aaaaaaaa-1", "bbbbbbbb-1", "bbbbbbbb-2", "cccccccc-1")
    for number, resource in enumerate(ids):
        name = "web" if number < 3 else "alone"
        vault = {"vault_id": f"{number % 2}0000000-vault", "vault_name": "vault"}
        log.daily(resource, "2026-02-01 01:00", 20, resource_name=name, **vault)
        log.daily(resource, "2026-03-08 01:00", 2, resource_name=name, status="failed", **vault)
    data = found(log, tmp_path, "week")
    assert {row["resource_id"]: row["short_id"] for row in worst(data)} == {
        "aaaaaaaa-1": "aaaaaaaa",
        "bbbbbbbb-1": "bbbbbbbb-1",
        "bbbbbbbb-2": "bbbbbbbb-2",
        "cccccccc-1": None,
    }
    assert {row["vault_short_id"] for row in worst(data)} == {"00000000", "10000000"}
    vaults = {row["vault_short_id"] for row in data.results["vaults"].rows}
    assert vaults == {"00000000", "10000000"}
    html = render_page(data, ENGLISH, "0")
    assert all(f">web ({short})<" in html for short in ("aaaaaaaa", "bbbbbbbb-1", "bbbbbbbb-2"))
    assert ">alone<" in html


def test_only_what_was_backed_up_is_backed_up_for_the_first_time(tmp_path: Path) -> None:
    """A resource that had only ever failed was counted."""
    log = long_log()
    log.daily("old", "2026-03-01 01:00", 8)
    log.backup("failing", "2026-03-09 01:00", status="failed", error_code="E1")
    log.backup("new", "2026-03-09 02:00")
    log.backup("late", "2026-03-05 02:00", status="failed", error_code="E1")
    log.backup("late", "2026-03-09 02:00")
    told = changes(found(log, tmp_path))
    assert (told["enrolled"], told["not_backed_up"]) == ({"vault-1": 2}, {"vault-1": 1})


def test_times_are_those_of_the_zone_that_is_set(tmp_path: Path) -> None:
    """Days began at 18:00 in Shanghai, and the page said 10:00 UTC."""
    log = SmallLog(settings=AnalyticsSettings(timezone="Asia/Shanghai"))
    log.daily("a", "2026-03-05 01:00", 4)
    log.backup("a", "2026-03-09 01:00", status="failed", error_code="E1")
    data = found(log, tmp_path, "week")
    html = render_page(data, ENGLISH, "0")
    page = re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL)
    assert not re.findall(r"\d\d:\d\d UTC|\+00:00", page)
    assert "to 2026-03-09 18:00+08:00 (time zone Asia/Shanghai" in page
    assert "The data begins at 2026-03-05 09:00+08:00" in page
    assert ">2026-03-09 09:00+08:00<" in page


def test_trends_reach_as_far_back_as_the_lookback(tmp_path: Path) -> None:
    log = SmallLog(settings=AnalyticsSettings(lookback=timedelta(days=10)))
    log.daily("a", "2026-01-01 01:00", 68)
    assert len(found(log, tmp_path).results["trend"].rows) == 10


def test_an_hourly_policy_with_one_success_a_day_is_not_in_order(tmp_path: Path) -> None:
    """One success protects a day, so 23 failures of 24 were shown as a success of 100 %, and nothing else."""
    log = long_log()
    log.daily("steady", "2026-03-01 01:00", 8)
    for hour in range(24):
        moment = at("2026-03-08 18:00") + timedelta(hours=hour)
        log.backup("hourly", moment, status="success" if hour == 22 else "failed")
    log.backup("steady", "2026-03-09 01:00")
    data = found(log, tmp_path)
    assert data.figures["success"].value == 1
    assert data.verdict.level == "watch"
    (said,) = (one for one in data.verdict.sentences if "count as protected" in one)
    assert said.endswith("most of their scheduled backups did not succeed: 1.")


def test_two_runs_of_a_day_of_which_one_failed_are_in_order(tmp_path: Path) -> None:
    log = long_log()
    log.daily("a", "2026-03-01 01:00", 8)
    log.backup("a", "2026-03-08 20:00", status="failed")
    log.backup("a", "2026-03-09 01:00")
    assert not [one for one in found(log, tmp_path).verdict.sentences if "scheduled" in one]


def test_a_success_of_a_part_is_reported(tmp_path: Path) -> None:
    """A sync that ended with success and 21 of 22 backups failed was nowhere."""
    log = long_log()
    log.daily("a", "2026-02-01 01:00", 37)
    counters = {"sync_backup_num": 1, "sync_delete_backup_num": 0, "sync_err_sync_backup_num": 21}
    log.task("sync", "2026-03-09 03:00", **counters)
    data = found(log, tmp_path)
    assert changes(data)["partial_success"] == {"vault-1": 1}
    assert data.verdict.level == "watch"
    assert ENGLISH("verdict", "partial_success", n=1) in data.verdict.sentences


@pytest.mark.parametrize("reason", list(DayReason))
def test_unverified_days_have_their_reason_and_remedy_beside_them(tmp_path: Path, reason: DayReason) -> None:
    log = SmallLog().cover("2026-03-08", state="unverified", reason=reason.value)
    log.daily("a", "2026-02-01 01:00", 37)
    data = found(log, tmp_path)
    is_calm = reason == DayReason.EDGE_OF_RETENTION
    assert data.verdict.level == ("fine" if is_calm else "watch")
    for texts in (ENGLISH, read_texts(Language.ZH)):
        html = render_page(data, texts, "0")
        assert f">{texts.word(reason.value)}<" in html
        assert texts.word(reason.value) != reason.value
        remedy = texts.remedy("unverified", reason.value)
        assert bool(remedy) == (reason != DayReason.SOURCE_HAS_MORE)
        assert remedy is None or f">{remedy}<" in html
