"""How things are printed: signs, words of each language, gaps in a line."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from cbr_warehouse.report.changes import describe_changes
from cbr_warehouse.report.comparison import compare, describe_before
from cbr_warehouse.report.formatting import count, hours, moment, percent
from cbr_warehouse.report.key_figures import Figure
from cbr_warehouse.report.options import Language
from cbr_warehouse.report.plots import plot_trend
from cbr_warehouse.report.queries import read_question
from cbr_warehouse.report.query_files import query_names
from cbr_warehouse.report.tables import html_table
from cbr_warehouse.report.texts import read_texts

pytestmark = pytest.mark.fault("values cut or rounded")

ENGLISH, CHINESE = read_texts(Language.EN), read_texts(Language.ZH)
FIGURE = Figure(
    read_question("success"), 0.5, 1, 2, (0.5,), percent, more_is_better=True, query="", table=pa.table({})
)


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (replace(FIGURE, value=65.96, earlier=(65.97,), show=hours), "±0.0 h"),
        (replace(FIGURE, value=3, earlier=(3,), show=count), "±0"),
        (replace(FIGURE, value=0.49, earlier=(0.5,)), "-1.00 pp"),
        (replace(FIGURE, value=7, earlier=(3,), show=count), "+4"),
        (replace(FIGURE, earlier=(None,)), "–"),
    ],
)
def test_a_change_has_a_sign_only_where_there_is_one(figure: Figure, shown: str) -> None:
    """An age that fell by seconds was shown as -0.0 h."""
    assert figure.shown_delta() == shown
    assert (figure.mood == "same") == (shown[0] in "±–")


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.976156, "97.62 %"),
        (0.97625, "97.62 %"),
        (0.97635, "97.64 %"),
        (1.0, "100.00 %"),
        (0.99996, "99.99 %"),
        (1 - 1e-12, "99.99 %"),
        (0.0, "0.00 %"),
        (1e-9, "0.01 %"),
        (None, "–"),
    ],
)
def test_a_percentage_is_rounded_and_neither_whole_nor_nothing_by_rounding(
    share: float | None, shown: str
) -> None:
    """97.6156 was cut to 97.61."""
    assert percent(share) == shown


@pytest.mark.parametrize("is_more_better", [True, False])
def test_a_figure_is_ranked_by_the_direction_that_is_better(is_more_better: bool) -> None:
    figure = replace(FIGURE, value=3, earlier=(1, 2, 3, None, 5), show=count, more_is_better=is_more_better)
    lower = 2 if is_more_better else 1
    told = [describe_before(figure, read_texts(language)) for language in Language]
    assert told == [
        ("previous period: 5 (-2)", f"better than {lower} of 4 earlier periods (median: 2)"),
        ("上期：5（-2）", f"优于此前 4 期中的 {lower} 期（中位数 2）"),
    ]
    twelve = replace(figure, earlier=(2,) * 12)
    assert describe_before(twelve, ENGLISH)[1].startswith(f"better than {12 * is_more_better} of the last 12")
    assert len(describe_before(replace(figure, earlier=(None, 3)), ENGLISH)) == 1


def test_a_figure_that_never_changed_is_better_than_none_but_not_called_so() -> None:
    """ "Better than 0 of 3" stood beside 100 % where it had always been 100 %."""
    level = replace(FIGURE, value=1.0, earlier=(1.0, None, 1.0, 1.0), show=percent, more_is_better=True)
    assert [describe_before(level, read_texts(language))[1] for language in Language] == [
        "as in each of 3 earlier periods (median: 100.00 %)",
        "与此前 3 期均持平（中位数 100.00 %）",
    ]
    rows = [{"final_success_rate": 1.0, "is_covered": True} for _ in range(4)]
    assert compare(rows, (), ENGLISH).sentences == (
        "Unchanged from the period before: 100.00 % of resource backup days succeeded.",
        "As in each of the 3 earlier periods that the data covers (their median: 100.00 %).",
    )


def test_what_became_better_and_worse_is_named() -> None:
    strikes = replace(FIGURE, question=read_question("strikes"), show=count, more_is_better=False)
    offsite = replace(strikes, question=read_question("offsite"))
    figures = (replace(strikes, value=3, earlier=(5,)), replace(offsite, value=3, earlier=(2,)))
    rows = [{"final_success_rate": rate, "is_covered": True} for rate in (0.5, 0.5)]
    sentences = compare(rows, (FIGURE, *figures), ENGLISH).sentences
    assert sentences[-2:] == (
        "Improved since the period before: Failing repeatedly.",
        "Worsened since the period before: Off-site age (95th percentile).",
    )


def test_a_change_is_the_difference_of_what_is_shown() -> None:
    assert replace(FIGURE, value=1 - 1e-9, earlier=(1.0,)).shown_delta() == "-0.01 pp"
    assert replace(FIGURE, value=65.96, earlier=(65.94,), show=hours).shown_delta() == "+0.1 h"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "2026-03-28 18:00 UTC"),
        ("Europe/Berlin", "2026-03-28 19:00+01:00"),
        ("Asia/Shanghai", "2026-03-29 02:00+08:00"),
    ],
)
def test_a_time_is_shown_in_the_zone_of_the_report(zone: str, shown: str) -> None:
    assert moment(datetime(2026, 3, 28, 18, tzinfo=UTC), ZoneInfo(zone)) == shown


def test_our_own_words_are_translated_and_names_are_not() -> None:
    rows = [{"state": "complete", "source": "complete", "error_code": "(none)", "schedule_basis": "inferred"}]
    html = html_table("worst", rows, ["state", "source", "error_code", "schedule_basis"], CHINESE)
    assert [word in html for word in ("完整", ">complete<", "（无）", "推断")] == [True] * 4
    (told,) = describe_changes([{"kind": "removed", "what": "open", "n": 1}], CHINESE)
    assert "open ×1" in told


def test_every_population_is_told_in_chinese() -> None:
    assert set(CHINESE.words["population"]) == set(query_names()) - {"period"}


def test_a_day_without_a_verdict_is_a_gap_in_the_line() -> None:
    """The line was drawn across it."""
    rates = {"final_success_rate": 0.9, "first_attempt_success_rate": 0.8}
    rows = [{"backup_day": date(2026, 3, day)} | rates for day in (1, 2, 4, 5)]
    drawn = plot_trend(rows, CHINESE)
    assert drawn
    lines = [part for part in drawn.split("<path") if 'aria-roledescription="line mark"' in part]
    assert len(lines) == 2
    for line in lines:
        assert line.split(' d="')[1].split('"')[0].count("M") == 2
