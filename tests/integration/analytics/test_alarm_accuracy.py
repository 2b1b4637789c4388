"""The accuracy of the alarms is what the tool measures on a sample of its estates, and meets the targets."""

import json
from pathlib import Path

import pytest

from cbr_warehouse.analytics.alarm_accuracy import read_alarm_accuracy
from cbr_warehouse.analytics.alarms_page import write_page
from support.alarm_accuracy import ESTATES, FIRST_SEED, RESULT, measure, summarize
from support.alarm_matching import ALARMS

ROOT = Path(__file__).parents[3]
SAMPLE = (1004, 1132, 1200)
"""Seeds of estates of 60 days, which are the cheapest."""


def test_the_file_is_reproduced_for_a_sample_of_its_seeds_and_most_events_are_found() -> None:
    stored = json.loads(RESULT.read_text(encoding="utf-8"))["by_seed"]
    measured = json.loads(json.dumps(measure(SAMPLE)))
    assert measured == {str(seed): stored[str(seed)] for seed in SAMPLE}
    for name, counts in summarize(measure_of(measured))["alarms"].items():
        assert counts["events"] > 0, name
        assert counts["found"] >= 0.8 * counts["events"], name
        assert counts["false"] <= 1, name


def measure_of(measured: dict[str, dict[str, object]]) -> dict[int, dict[str, object]]:
    return {int(seed): row for seed, row in measured.items()}


def test_the_totals_are_those_of_all_seeds() -> None:
    stored = json.loads(RESULT.read_text(encoding="utf-8"))
    assert [*map(int, stored["by_seed"])] == [*range(FIRST_SEED, FIRST_SEED + ESTATES)]
    assert summarize(measure_of(stored["by_seed"])) == stored


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_meets_its_targets(name: str) -> None:
    measured = read_alarm_accuracy()[name]
    assert measured.estates >= 200
    assert measured.events >= 200
    assert measured.recall.value >= 0.95
    assert measured.false_per_1000_months <= 1


def test_the_page_is_made_from_the_file() -> None:
    assert (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8") == f"{write_page().rstrip()}\n", (
        "run make docs"
    )
