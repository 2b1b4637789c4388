"""When a load publishes: soon after its first source, again for those that take longer, and at last."""

from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import LoadRunningError, SignInError, WarehouseError
from cbr_warehouse.load import publish
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.result import SourceResult
from cbr_warehouse.raw.ledgers import LoadEntry
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)
GOOD = SourceResult(LoadEntry("L1", "prod", NOW, "incremental", outcome="done"))
Loads = list["Future[SourceResult | LoadRunningError]"]


class Script:
    """Loads that finish at given seconds, and publications that take some and may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, loads: list[tuple[float, Any]]) -> None:
        self.seconds = 0.0
        self.takes = 0.0
        self.failures: list[Exception] = []
        self.published: list[tuple[float, int]] = []
        self.loads: Loads = [Future() for _ in loads]
        self._plan = sorted(zip((at for at, _ in loads), range(len(loads)), strict=True))
        self._results = [result for _, result in loads]
        monkeypatch.setattr(publish, "wait", self._wait)
        monkeypatch.setattr(publish, "publish_warehouse", self._publish)

    def run(self, folder: Path) -> list[tuple[float, int]]:
        self.context = LoadContext(DataDirectory(folder), read_contract(), lambda: NOW, uuid4, self._connect)
        publish.publish_as_they_finish(self.context, self.loads, lambda: self.seconds)
        return self.published

    def _connect(self, _source: Any) -> Any:
        raise AssertionError

    def _finish(self) -> None:
        for at, number in self._plan:
            if at <= self.seconds and not self.loads[number].done():
                self.loads[number].set_result(self._results[number])

    def _wait(self, running: set[Any], timeout: float | None, _when: str) -> tuple[set[Any], set[Any]]:
        self._finish()
        if not any(load.done() for load in running):
            following = min(at for at, number in self._plan if not self.loads[number].done())
            self.seconds = following if timeout is None else min(following, self.seconds + timeout)
            self._finish()
        done = {load for load in running if load.done()}
        return done, running - done

    def _publish(self, context: LoadContext, *, still_loading: int = 0) -> None:
        assert context is self.context
        self.published.append((self.seconds, still_loading))
        self.seconds += self.takes
        if self.failures:
            raise self.failures.pop(0)


def test_a_source_alone_is_published_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Script(monkeypatch, [(30, GOOD)]).run(tmp_path) == [(30, 0)]


def test_sources_that_finish_within_ten_seconds_are_published_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Script(monkeypatch, [(1, GOOD), (9, GOOD), (10.5, GOOD), (100, GOOD)]).run(tmp_path) == [
        (11, 1),
        (100, 0),
    ]


def test_nothing_is_published_before_a_source_delivered_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(GOOD, failure=OverflowError())
    left_out = LoadRunningError("is being loaded")
    assert Script(monkeypatch, [(1, broken), (2, left_out), (50, GOOD), (300, broken)]).run(tmp_path) == [
        (60, 1),
        (300, 0),
    ]
    assert Script(monkeypatch, [(1, broken), (2, left_out)]).run(tmp_path) == []


def test_what_a_source_delivered_before_its_api_failed_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = replace(GOOD, failure=SignInError("refused", 401))
    assert Script(monkeypatch, [(1, refused)]).run(tmp_path) == [(1, 0)]


def test_a_source_left_out_at_last_brings_no_second_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Script(monkeypatch, [(1, GOOD), (50, LoadRunningError("x"))]).run(tmp_path) == [(11, 1)]


def test_no_more_than_half_of_the_time_is_spent_with_publishing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(monkeypatch, [(0, GOOD), (15, GOOD), (200, GOOD), (201, GOOD)])
    script.takes = 60
    assert script.run(tmp_path) == [(10, 3), (130, 2), (201, 0)]


@pytest.mark.fault("isolation of sources")
def test_a_publication_that_fails_is_tried_again_and_drops_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script(monkeypatch, [(0, GOOD), (500, GOOD)])
    script.failures = [WarehouseError("The disk is full."), WarehouseError("The disk is full.")]
    assert script.run(tmp_path) == [(10, 1), (70, 1), (130, 1), (500, 0)]
    assert caplog.messages == ["The disk is full. Publication is tried again."] * 2


def test_the_last_publication_that_fails_is_the_loads_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(monkeypatch, [(0, GOOD)])
    script.failures = [WarehouseError("The disk is full.")]
    with pytest.raises(WarehouseError, match="The disk is full"):
        script.run(tmp_path)
