"""A hundred questions whose answers are computed from the emulator's truth, without the warehouse's SQL."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cbr_warehouse.mcp_server.figures import FIGURES
from support.asked_estate import Estate
from support.emulator_server import NOW

DAYS = [(NOW - timedelta(days=back)).date() for back in range(18, 0, -1)]


def created(task: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(task["created_at"]).replace(tzinfo=UTC)


def of_days(first: date, days: int, **wanted: Any) -> Callable[[Estate], int]:
    """Counts tasks created on some days, whose keys have one of the wanted values."""

    def count(estate: Estate) -> int:
        begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
        return sum(
            begin <= created(task) < begin + timedelta(days=days)
            and all(task[key] in values for key, values in wanted.items())
            for task in estate.tasks
        )

    return count


def of_all(**wanted: Any) -> Callable[[Estate], int]:
    return of_days(date(2026, 1, 1), 400, **wanted)


@dataclass(frozen=True)
class Asked:
    """A question, the call that answers it, and its answer."""

    question: str
    tool: str
    arguments: dict[str, Any]
    pick: Callable[[dict[str, Any]], Any]
    expected: Callable[[Estate], Any]


def value(answer: dict[str, Any]) -> Any:
    return answer["value"]


def cell(answer: dict[str, Any]) -> Any:
    (row,) = answer["rows"]
    return next(iter(row.values()))


FAILED = ("failed", "timeout")


def share_of_success(first: date, days: int) -> Callable[[Estate], float | None]:
    def share(estate: Estate) -> float | None:
        ok = of_days(first, days, operation_type=["backup"], status=["success"])(estate)
        failed = of_days(first, days, operation_type=["backup"], status=FAILED)(estate)
        return ok / (ok + failed) if ok + failed else None

    return share


def figure(name: str, first: date, days: int = 1) -> dict[str, Any]:
    return {"name": name, "since": str(first), "until": str(first + timedelta(days=days))}


def by_day(first: date) -> Iterator[Asked]:
    yield Asked(
        f"How many tasks were there on {first}?",
        "get_figure",
        figure("tasks", first),
        value,
        of_days(first, 1),
    )
    yield Asked(
        f"How many backups failed on {first}?",
        "get_figure",
        figure("failed_backups", first),
        value,
        of_days(first, 1, operation_type=["backup"], status=FAILED),
    )
    yield Asked(
        f"Which share of backup attempts of {first} was successful?",
        "get_figure",
        figure("attempt_success_rate", first),
        value,
        share_of_success(first, 1),
    )
    yield Asked(
        f"How many backups were deleted on {first}?",
        "get_figure",
        figure("deleted_backups", first),
        value,
        of_days(first, 1, operation_type=["delete"], status=["success"]),
    )


def by_type() -> Iterator[Asked]:
    for kind in ("backup", "restore", "delete", "replication", "sync", "vault_delete", "remove_resource"):
        yield Asked(
            f"How many tasks of type {kind} are there?",
            "run_sql",
            {"statement": f"SELECT count(*) FROM tasks WHERE operation_type = '{kind}'"},
            cell,
            of_all(operation_type=[kind]),
        )
        yield Asked(
            f"How many tasks of type {kind} failed?",
            "query_view",
            {"name": "attempt", "filters": {"operation_type": kind, "outcome": "fail"}, "limit": 1},
            lambda answer: answer["rows_total"],
            of_all(operation_type=[kind], status=FAILED),
        )


def of_now() -> Iterator[Asked]:
    yield Asked(
        "How many tasks are running or waiting?",
        "get_figure",
        {"name": "open_tasks"},
        value,
        of_all(status=["running", "waiting"]),
    )
    yield Asked(
        "How many records are in quarantine?",
        "get_figure",
        {"name": "quarantined_records"},
        value,
        lambda _: 0,
    )
    yield Asked(
        "Which error code is the commonest of failed backups?",
        "query_view",
        {
            "name": "failure_causes",
            "filters": {"operation_type": "backup"},
            "order_by": "-failures",
            "limit": 1,
        },
        lambda answer: answer["rows"][0]["failures"],
        commonest,
    )
    yield Asked(
        "How many restores were successful in the last ten days?",
        "get_figure",
        figure("restores_ok", DAYS[-10], 10),
        value,
        of_days(DAYS[-10], 10, operation_type=["restore"], status=["success"]),
    )
    yield Asked(
        "How many copies to other regions were made in the last ten days?",
        "get_figure",
        figure("replications_ok", DAYS[-10], 10),
        value,
        of_days(DAYS[-10], 10, operation_type=["replication"], status=["success"]),
    )
    yield Asked(
        "Which share of backup attempts was successful in two weeks?",
        "get_figure",
        figure("attempt_success_rate", DAYS[-14], 14),
        value,
        share_of_success(DAYS[-14], 14),
    )
    yield Asked(
        "How many vaults are in the log?",
        "run_sql",
        {"statement": "SELECT count(DISTINCT vault_id) FROM tasks WHERE vault_id <> ''"},
        cell,
        lambda estate: len({task["vault_id"] for task in estate.tasks if task.get("vault_id")}),
    )


def commonest(estate: Estate) -> int:
    codes = Counter(
        (task.get("error_info") or {}).get("code") or "(none)"
        for task in estate.tasks
        if task["operation_type"] == "backup" and task["status"] in FAILED
    )
    return codes.most_common(1)[0][1]


REFUSED = {
    "How many gigabytes does the vault of the database servers use?": "sizes",
    "What is the throughput of backups?": "sizes",
    "Who deleted the backups of last night?": "users",
    "Which user started the restore?": "users",
    "What do backups cost in November?": "cost",
    "How much do we spend on copies?": "cost",
    "Which servers were never enrolled?": "enrolled",
    "Is there malware in the backups?": "contents",
}

QUESTIONS = [*(asked for day in DAYS for asked in by_day(day)), *by_type(), *of_now()]


def test_there_are_a_hundred() -> None:
    assert len(QUESTIONS) + len(REFUSED) >= 100
    assert len({asked.question for asked in QUESTIONS}) == len(QUESTIONS)


def test_every_question_is_answered_with_the_number_that_the_truth_has(estate: Estate) -> None:
    """Not one false number, and beside each what it is made of."""
    wrong = []
    answers = estate.ask_all([(asked.tool, asked.arguments) for asked in QUESTIONS])
    for asked, answer in zip(QUESTIONS, answers, strict=True):
        assert "error" not in answer, (asked.question, answer)
        found, expected = asked.pick(answer), asked.expected(estate)
        if found != expected:
            wrong.append((asked.question, found, expected))
        assert answer["watermark"].endswith("Z")
        assert answer["window"]["from"] < answer["window"]["to"]
        assert answer["completeness"][0]["source"] == "prod"
        assert answer["population"]
        assert answer.get("definition") or answer["definitions"]
    assert wrong == []
    assert sum(bool(asked.expected(estate)) for asked in QUESTIONS) > 60  # zeros alone would prove little


@pytest.mark.parametrize(("question", "subject"), REFUSED.items())
def test_what_the_data_cannot_say_is_refused_with_the_reason(
    estate: Estate, question: str, subject: str
) -> None:
    answer = estate.ask("what_is_not_known", question=question)
    assert answer["is_about_the_unknown"] is True
    assert subject in answer["subjects"][0]["subject"]


def test_no_question_that_has_an_answer_is_refused(estate: Estate) -> None:
    answers = estate.ask_all([("what_is_not_known", {"question": asked.question}) for asked in QUESTIONS])
    assert [one for one in answers if one["is_about_the_unknown"]] == []


def test_figures_of_views_equal_the_views(estate: Estate) -> None:
    """Each is computed here from the rows of a view, in Python."""
    coverage = estate.ask("query_view", name="protection_coverage", limit=100)["rows"]
    assert estate.ask("get_figure", name="resources")["value"] == sum(row["resources"] for row in coverage)
    rate = estate.ask("get_figure", name="coverage_rate")
    assert rate["numerator"] == sum(row["within_rpo"] for row in coverage)
    assert rate["denominator"] == sum(row["resources"] - row["new"] for row in coverage)
    assert rate["value"] == rate["numerator"] / rate["denominator"]
    assert estate.ask("get_figure", name="never_backed_up")["value"] == sum(row["never"] for row in coverage)
    strikes = estate.ask("query_view", name="consecutive_failures", limit=500)
    assert estate.ask("get_figure", name="on_strike")["value"] == strikes["rows_total"]
    for name, one in FIGURES.items():
        if one.needs_inventory:
            continue
        answer = estate.ask("get_figure", name=name)
        assert answer["value"] is not None, name
        assert set(answer["by_source"]) == {"prod"}
        assert answer["by_source"]["prod"]["numerator"] == answer["numerator"]
