"""The Grafana dashboard asks for what ``metrics`` really writes, in PromQL that Prometheus understands."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.metrics import GAUGES, PREFIX, print_metrics

DASHBOARD = json.loads(
    (Path(__file__).parents[3] / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8")
)
SELECTED = re.compile(rf"({PREFIX}\w+)(?:\{{([^}}]*)\}})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
ABSENT_WHERE_ALL_IS_WELL = {f"{PREFIX}retention_left_seconds"}
"""Metrics that have no sample while every day is complete."""


def targets() -> Iterator[tuple[str, str]]:
    """Expression and legend of everything that is drawn."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


@pytest.fixture(scope="module")
def emitted(small_demo: Path) -> dict[str, set[str]]:
    """The labels of each metric that ``metrics`` writes of the demo."""
    text = print_metrics(DataDirectory(small_demo), datetime.now(UTC))
    return {
        family.name: {label for sample in family.samples for label in sample.labels}
        for family in text_string_to_metric_families(text)
        if family.samples or family.name in ABSENT_WHERE_ALL_IS_WELL
    }


def labels_of(name: str, emitted: dict[str, set[str]]) -> set[str]:
    return emitted[name] or {*GAUGES[name.removeprefix(PREFIX)][1]}


def test_every_metric_and_label_is_written(emitted: dict[str, set[str]]) -> None:
    drawn = set()
    for expression, legend in targets():
        for name, matchers in SELECTED.findall(expression):
            assert name in emitted, expression
            assert {*MATCHER.findall(matchers)} <= labels_of(name, emitted), expression
            drawn.add(name)
        (first, _), *_ = SELECTED.findall(expression)
        grouped = re.search(r"by \(([^)]*)\)", expression)
        kept = {*grouped[1].split(", ")} if grouped else labels_of(first, emitted)
        assert {*re.findall(r"\{\{(\w+)\}\}", legend)} <= kept, expression
    variables = [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    for one in variables:
        name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", one["query"]["query"]).groups()  # type: ignore[union-attr]
        assert label in labels_of(name, emitted)
    assert len(drawn) > 12


def test_the_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    places: list[dict[str, Any]] = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
    for one, other in combinations(places, 2):
        apart = [one[side] + one[size] <= other[side] for side, size in (("x", "w"), ("y", "h"))]
        apart += [other[side] + other[size] <= one[side] for side, size in (("x", "w"), ("y", "h"))]
        assert any(apart), (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in places)


@pytest.mark.needs_program("promtool", package="prometheus")
def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"drawn:{number}", "expr": expression.replace("$source", "prod|other")}
        for number, (expression, _) in enumerate(targets())
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "drawn", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", "rules.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
