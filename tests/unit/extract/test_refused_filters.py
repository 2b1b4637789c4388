"""A source that refuses values of filters it does not know is loaded all the same."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.contract.api_facts import OPERATION_TYPES
from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from support.living_source import PROVIDERS, Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
HORIZON = datetime(2026, 11, 13, tzinfo=UTC)
CLAIMED = datetime(2026, 11, 16, 12, tzinfo=UTC)
"""The source claims one more task before this than it gives."""


class Strict(LivingSource):
    """Refuses types and providers that it has no tasks of."""

    known_statuses: tuple[str, ...] = ("success", "failed", "running", "waiting", "timeout", "skipped")

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        for value, known in (
            (query.operation_type, ("backup",)),
            (query.provider_id, PROVIDERS),
            (query.status, self.known_statuses),
        ):
            if value is not None and value not in known:
                raise PermanentSourceError(f"{value} is not allowed", 400)
        return super().list_tasks(query, limit=limit, offset=offset)


def strict(dialect: Dialect = Dialect(), **changes: Any) -> Strict:  # noqa: B008
    source = Strict(NOW, dialect, living(NOW, 1, dialect).tasks)
    for name, value in changes.items():
        setattr(source, name, value)
    return source


def test_a_provider_that_is_refused_has_no_tasks(tmp_path: Path) -> None:
    bench = Bench(tmp_path, strict())
    assert bench.load(publish=False).sources[0].is_good
    assert bench.truth(HORIZON).items() <= bench.stored().items()


def test_other_ways_go_on_without_what_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One refused type of task ended the load that had tried all the others."""
    original = LivingSource.list_tasks

    def one_too_many(self: LivingSource, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = original(self, query, limit=limit, offset=offset)
        begins_before = query.start_time is None or query.start_time <= CLAIMED
        return replace(page, count=page.count + 1) if limit == 1 and begins_before else page

    monkeypatch.setattr(LivingSource, "list_tasks", one_too_many)
    report = Bench(tmp_path, strict()).load(publish=False)
    assert report.sources[0].entry.outcome == "done"
    assert report.sources[0].incomplete
    told = [record.message for record in caplog.records if "goes on without it" in record.message]
    assert any(OPERATION_TYPES[1] in message for message in told)


def test_a_status_that_must_be_asked_for_is_no_matter_of_choice(tmp_path: Path) -> None:
    source = strict(known_statuses=("success",))
    report = Bench(tmp_path, source).load(publish=False)
    assert report.sources[0].entry.outcome == "failed"
    assert "is not allowed" in str(report.sources[0].entry.message)
