"""The measured ``settle`` in loads: where it is noted, that it lasts, and what it changes."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.load import measure_lateness
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.load.plan_source import plan_source
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.load.source_state import settle_of
from cbr_warehouse.raw.ledgers import AuditFindings, LatenessFinding, read_lateness, write_audit
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.settings.model import SourceSettings
from support.living_source import Dialect, living
from support.load_bench import Bench

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class WatchingBench(Bench):
    """A bench whose tasks are watched for long enough after a day."""

    def loading(self):  # type: ignore[no-untyped-def]
        return replace(super().loading(), analytics=AnalyticsSettings(lateness_watch=timedelta(days=1)))


def settings(settle: str | None = None) -> SourceSettings:
    values = {"name": "prod", "endpoint": "http://x", "project_id": "p", "token": "env:X", "history": "7d"}
    return SourceSettings.model_validate(values | ({"settle": settle} if settle else {}))


def test_deep_loads_measure_it_and_the_others_keep_it(tmp_path: Path) -> None:
    bench = WatchingBench(tmp_path, living(NOW, 3, Dialect()))
    bench.load()
    assert read_lateness(bench.directory, "prod") is None
    for _ in range(4):
        bench.source.now += 7 * HOUR
        bench.load()
    measured = read_lateness(bench.directory, "prod")
    assert measured is not None
    (row,) = bench.ask(
        "SELECT tasks, late, p9999_at_most_seconds FROM analytics.lateness WHERE measure = 'settled'"
    )
    deep = bench.ask("SELECT max(started_at) FROM loads WHERE purpose = 'deep'")[0][0]
    assert measured == LatenessFinding(deep, *row)
    bench.source.now += HOUR
    bench.load()
    assert read_lateness(bench.directory, "prod") == measured
    shutil.rmtree(bench.directory.tables)
    bench.directory.warehouse.unlink()
    rebuild(bench.loading())
    assert read_lateness(bench.directory, "prod") == measured


def test_a_measurement_that_memory_does_not_suffice_for_fails_no_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = WatchingBench(tmp_path, living(NOW, 3, Dialect()))
    bench.load(publish=False)
    for hours in (13, 13):
        bench.source.now += hours * HOUR
        bench.load(publish=False)
    measured = read_lateness(bench.directory, "prod")
    assert measured is not None

    def refuse(*_: object) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 16.0 MiB")

    monkeypatch.setattr(measure_lateness, "measure_settled", refuse)
    bench.source.now += HOUR
    report = bench.load(publish=False, deep=True)
    assert [source.entry.outcome for source in report.sources] == ["done"]
    assert read_lateness(bench.directory, "prod") == measured
    assert any(one.startswith("prod: how late its tasks change was not measured") for one in caplog.messages)


def test_the_plan_follows_what_was_measured_unless_configured(tmp_path: Path) -> None:
    bench = Bench(tmp_path, living(NOW, 3, Dialect()))
    report = bench.load()
    load_id, started_at = report.sources[0].entry.load_id, report.sources[0].entry.started_at
    finding = LatenessFinding(NOW, 5000, 7, 30 * 3600)
    findings = AuditFindings(report.sources[0].findings, judged_at=NOW, is_confirmed=True, lateness=finding)
    write_audit(bench.directory, "prod", load_id, findings)

    def settled_before(settle: str | None) -> timedelta:
        plan = plan_source(bench.directory, settings(settle), LoadRequest(), bench.source.now)
        return started_at - plan.settled_before

    assert read_lateness(bench.directory, "prod") == finding
    assert settled_before(None) == 30 * HOUR
    assert settled_before("6h") == 6 * HOUR
    assert settle_of(bench.directory, settings("6h")).reason == "as configured."
    assert "from 5,000 tasks, of which 7 appeared late" in settle_of(bench.directory, settings()).reason


def test_a_source_that_was_never_loaded_has_the_default(tmp_path: Path) -> None:
    bench = Bench(tmp_path, living(NOW, 3, Dialect()))
    assert settle_of(bench.directory, settings()).duration == 48 * HOUR
