"""Providers that unfiltered lists leave out are found by samples, and their tasks are read as well."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.contract.api_facts import PROVIDERS
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.extract.plan import Plan, Purpose, Sweep
from cbr_warehouse.extract.scopes import PROBES, SAMPLE_SIZE, scopes_of, sweep_providers
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import read_sweeps
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SINCE = NOW - 3 * DAY
SHOWN, HIDDEN, OTHER, *_ = PROVIDERS


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


class Source:
    """A list of tasks by provider and time, newest first; unfiltered, it leaves some out."""

    def __init__(self, hides: Callable[[dict[str, str]], bool] = lambda _task: False) -> None:
        self.hides = hides
        self.tasks: list[dict[str, str]] = []
        self.asked: list[tuple[TaskQuery, int]] = []
        self.refuses: dict[str, int] = {}

    def add(self, provider: str, name: str, created_at: datetime, **values: str) -> None:
        created = f"{created_at:%Y-%m-%dT%H:%M:%S}"
        self.tasks.append({"id": name, "provider_id": provider, "created_at": created} | values)

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        self.asked.append((query, limit))
        if query.provider_id in self.refuses:
            raise PermanentSourceError(f"{query.provider_id} is unknown", self.refuses[query.provider_id])
        found = [task for task in self.tasks if self._matches(task, query)]
        found.sort(key=lambda task: task["created_at"], reverse=True)
        rows = tuple(json.dumps(task).encode() for task in found[offset : offset + limit])
        return Page(rows, len(found), NOW, query, limit, offset, 200)

    def _matches(self, task: dict[str, str], query: TaskQuery) -> bool:
        at = datetime.fromisoformat(task["created_at"]).replace(tzinfo=UTC)
        if query.start_time is not None and at < query.start_time:
            return False
        if query.end_time is not None and at > query.end_time:
            return False
        return task["provider_id"] == query.provider_id if query.provider_id else not self.hides(task)


def runner_of(folder: Path, source: Source, scopes: tuple[TaskQuery, ...] = (TaskQuery(),)) -> SweepRunner:
    contract, directory = read_contract(), DataDirectory(folder)
    landing = Landing(
        directory, "prod", "L1", validator=RecordValidator(contract), contract=contract.fingerprint
    )
    clock = SourceClock(lambda: NOW, "prod")
    return SweepRunner(source, landing, directory, "prod", "L1", clock, scopes)  # type: ignore[arg-type]  # asks alike


def plan_of(
    *, purpose: Purpose = Purpose.DEEP, until: datetime | None = None, start: datetime = SINCE
) -> Plan:
    return Plan(
        purpose,
        SINCE,
        until,
        (Sweep(TaskQuery(start_time=start), "all"),),
        (),
        follow_open=True,
        settled_before=NOW,
        read=(),
        starts_at=NOW,
    )


def swept(runner: SweepRunner, plan: Plan) -> tuple[str, ...]:
    return sweep_providers(runner, plan, lambda _records: None)


def hiding(task: dict[str, str]) -> bool:
    return task["provider_id"] == HIDDEN


def populated(source: Source, hours: int = 40, providers: tuple[str, ...] = (SHOWN, HIDDEN)) -> Source:
    for hour in range(hours):
        for provider in providers:
            source.add(provider, f"{provider[0]}{hour}", NOW - (hour + 1) * HOUR)
    return source


def test_scopes_are_projects_and_each_with_each_hidden_provider() -> None:
    def settings(*projects: str) -> SourceSettings:
        values = {"name": "prod", "endpoint": "http://x", "project_id": "p", "token": "env:X"}
        return SourceSettings.model_validate(values | {"enterprise_project_ids": list(projects)})

    assert scopes_of(settings(), ()) == (TaskQuery(),)
    assert scopes_of(settings(), ("a",)) == (TaskQuery(), TaskQuery(provider_id="a"))
    one, two = TaskQuery(enterprise_project_id="1"), TaskQuery(enterprise_project_id="2")
    assert scopes_of(settings("1", "2"), ("a", "b")) == (
        one,
        two,
        TaskQuery(enterprise_project_id="1", provider_id="a"),
        TaskQuery(enterprise_project_id="1", provider_id="b"),
        TaskQuery(enterprise_project_id="2", provider_id="a"),
        TaskQuery(enterprise_project_id="2", provider_id="b"),
    )


def test_a_provider_that_lists_leave_out_is_read_by_itself(tmp_path: Path) -> None:
    """Where projects overlap, a sample had each task twice, and half of it was never missing."""
    projects = (TaskQuery(enterprise_project_id="1"), TaskQuery(enterprise_project_id="all_granted_eps"))
    source = populated(Source(hiding))
    runner, received = runner_of(tmp_path, source, projects), list[int]()
    assert sweep_providers(runner, plan_of(), received.append) == (HIDDEN,)
    # From now on each query is repeated for it, in each project.
    hidden = tuple(TaskQuery(enterprise_project_id=n, provider_id=HIDDEN) for n in ("1", "all_granted_eps"))
    assert runner.scopes == projects + hidden
    whole = [query for query, _ in source.asked if query.start_time == SINCE and query.end_time is None]
    assert {query.provider_id for query in whole} == {None, *PROVIDERS}
    # Its 40 tasks are received twice, as are those that lists have; no probe found more of it.
    entries = read_sweeps(DataDirectory(tmp_path), "prod", frozenset(["L1"]))
    assert [entry.records for entry in entries if entry.reason == "all"] == [2 * 40, 2 * 40]
    assert sum(received) == 2 * 2 * 40


def test_what_is_known_of_providers_is_kept_and_asked_for_no_more(tmp_path: Path) -> None:
    source = populated(Source(hiding))
    scopes = (TaskQuery(), TaskQuery(provider_id=HIDDEN))
    runner = runner_of(tmp_path, source, scopes)
    assert swept(runner, plan_of()) == (HIDDEN,)
    assert runner.scopes == scopes
    samples = [query.provider_id for query, limit in source.asked if limit == SAMPLE_SIZE]
    assert samples == [provider for provider in PROVIDERS if provider != HIDDEN]


def test_an_incremental_load_draws_no_samples(tmp_path: Path) -> None:
    source = populated(Source(hiding))
    assert swept(runner_of(tmp_path, source), plan_of(purpose=Purpose.INCREMENTAL)) == ()
    assert SAMPLE_SIZE not in {limit for _, limit in source.asked}


def test_a_list_with_all_providers_needs_no_more_requests(tmp_path: Path) -> None:
    source = populated(Source())
    runner = runner_of(tmp_path, source)
    assert swept(runner, plan_of()) == ()
    assert runner.scopes == (TaskQuery(),)
    assert [query.end_time for query, _ in source.asked] == [None] * len(source.asked)
    assert [query for query, limit in source.asked if limit == SAMPLE_SIZE] == [
        TaskQuery(start_time=SINCE, provider_id=provider) for provider in PROVIDERS
    ]


def test_a_range_with_an_end_lacks_the_newest_tasks_and_says_nothing(tmp_path: Path) -> None:
    source = populated(Source(hiding))
    assert swept(runner_of(tmp_path, source), plan_of(until=NOW)) == ()
    assert all(query.end_time is None for query, _ in source.asked)


def test_most_of_a_sample_must_be_missing(tmp_path: Path) -> None:
    """Tasks expire while a load runs, and a task may be edited away."""

    def hides_every(nth: int) -> Callable[[dict[str, str]], bool]:
        return lambda task: hiding(task) and int(task["id"][1:]) % nth > 0

    half = populated(Source(hides_every(2)), hours=20)
    assert swept(runner_of(tmp_path / "half", half), plan_of()) == ()
    assert all(query.end_time is None for query, _ in half.asked)
    most = populated(Source(hides_every(3)), hours=21)
    assert swept(runner_of(tmp_path / "most", most), plan_of()) == (HIDDEN,)


def test_tasks_in_windows_that_were_skipped_are_looked_for_where_they_are(tmp_path: Path) -> None:
    """An interrupted load had landed these windows, and its tasks counted as left out."""
    source = populated(Source(), providers=(SHOWN,))
    runner = runner_of(tmp_path, source)
    assert swept(runner, plan_of(start=NOW + HOUR)) == ()
    windows = {(query.start_time, query.end_time) for query, _ in source.asked if query.end_time}
    created = [NOW - hours * HOUR for hours in (1, 2, 3)]
    assert len(created) == PROBES
    assert windows == {(at - HOUR, at + HOUR) for at in created}
    reasons = {entry.reason for entry in read_sweeps(DataDirectory(tmp_path), "prod", frozenset(["L1"]))}
    assert reasons == {"all", "whether lists without a filter have every provider"}


def test_most_of_those_that_are_looked_for_must_be_missing(tmp_path: Path) -> None:
    """Of two tasks in a window that was skipped, one has expired since."""
    source = Source(lambda task: task["id"] == "expired")
    for name in ("expired", "listed"):
        source.add(SHOWN, name, NOW - (5 if name == "listed" else 9) * HOUR)
    assert swept(runner_of(tmp_path, source), plan_of(start=NOW + HOUR)) == ()


def test_those_that_started_soon_are_looked_for_first(tmp_path: Path) -> None:
    """A window by another time than the creation has no task that started hours later."""
    source = Source(hiding)
    created = [NOW - hour * 3 * HOUR for hour in range(1, 7)]
    delays = [None, 5 * HOUR, timedelta(), -1 * timedelta(seconds=1), 2 * HOUR, timedelta(seconds=9)]
    for number, (at, delay) in enumerate(zip(created, delays, strict=True)):
        started = {} if delay is None else {"started_at": f"{at + delay:%Y-%m-%dT%H:%M:%S}"}
        source.add(HIDDEN, f"h{number}", at, **started)
    assert swept(runner_of(tmp_path, source), plan_of()) == (HIDDEN,)
    probes = {query.start_time for query, _ in source.asked if query.end_time is not None}
    assert probes == {created[number] - HOUR for number in (2, 3, 5)}


def test_tasks_of_the_first_day_and_what_is_refused_are_in_no_sample(tmp_path: Path) -> None:
    """The first day is read in part, and what is in quarantine is never received as a task."""
    source = Source(hiding)
    source.add(HIDDEN, "early", SINCE + HOUR)
    source.add(HIDDEN, "odd", NOW - 5 * HOUR, started_at="no time")
    source.add(HIDDEN, "later", NOW - HOUR)
    runner = runner_of(tmp_path, source)
    assert swept(runner, plan_of()) == (HIDDEN,)
    probes = {query.start_time for query, _ in source.asked if query.end_time is not None}
    assert probes == {NOW - 2 * HOUR}


@pytest.mark.parametrize("status", [400, 403])
def test_a_provider_that_is_refused_has_no_sample(
    tmp_path: Path, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    source = populated(Source(hiding))
    source.refuses = {OTHER: status}
    runner = runner_of(tmp_path, source)
    if status == 400:
        with caplog.at_level(logging.INFO):
            assert swept(runner, plan_of()) == (HIDDEN,)
        assert f"it has no tasks of provider {OTHER}" in caplog.text
    else:
        with pytest.raises(PermanentSourceError):
            swept(runner, plan_of())
