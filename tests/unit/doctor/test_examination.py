"""What the doctor says of sources in memory: living ones, poor ones, and ones that refuse."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cbr_warehouse.doctor.examine import Clocks, examine
from cbr_warehouse.doctor.finding import Diagnosis, State
from cbr_warehouse.doctor.probe import MAX_REQUESTS
from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SignInError, TransientSourceError
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.page import Page
from support.living_source import Dialect, LivingSource, living
from support.load_bench import DIALECTS

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
SOURCE = SourceSettings.model_validate(
    {"name": "prod", "endpoint": "http://x", "project_id": "p", "token": "env:X"}
)


@dataclass
class Patient(LivingSource):
    """A living source that counts as a client, refuses on demand and tells the time of its server."""

    rate_limited_requests: int = 0
    skew: timedelta | None = timedelta()
    fails_with: Exception | None = None
    shows: bool = True

    def list_tasks(self, query: Any, *, limit: int, offset: int) -> Page:
        if self.fails_with is not None:
            raise self.fails_with
        page = super().list_tasks(query, limit=limit, offset=offset)
        return replace(page, served_at=None if self.skew is None else self.now + self.skew)

    def show_task(self, task_id: str) -> Page:
        if not self.shows:
            raise ForbiddenError("no cbr:tasks:get", 403)
        return super().show_task(task_id)


def patient(dialect: Dialect = Dialect(), seed: int = 1, **changes: Any) -> Patient:  # noqa: B008
    tasks = living(NOW, seed, dialect).tasks
    return Patient(NOW, dialect, tasks, **changes)


def diagnosis_of(source: Patient) -> Diagnosis:
    return examine(SOURCE, source, Clocks(lambda: source.now, lambda: 0.0))  # type: ignore[arg-type]


def verdicts_of(found: Diagnosis) -> dict[str, str | None]:
    return {finding.behaviour: finding.verdict for finding in found.findings}


def states_of(found: Diagnosis) -> dict[str, State]:
    return {check.name: check.state for check in found.checks}


@pytest.mark.parametrize("pace", [0, 2, 30], ids="pace {}".format)
@pytest.mark.parametrize("name", DIALECTS)
def test_no_verdict_is_wrong_while_the_source_lives(name: str, pace: int) -> None:
    dialect = DIALECTS[name]
    verdicts = verdicts_of(diagnosis_of(patient(dialect, pace=timedelta(seconds=pace))))
    columns = {"started_at": "started_at and ended_at" if dialect.end_column else "started_at"}
    bounds = "inclusive" if dialect.inclusive else "exclusive"
    assert verdicts["columns of start_time and end_time"] in {
        None,
        columns.get(dialect.column, dialect.column),
    }
    assert verdicts["bounds"] in {None, f"{bounds}, by whole seconds" if dialect.by_second else bounds}
    order = f"{dialect.order} {'descending' if dialect.descending else 'ascending'}"
    assert verdicts["order"] in {None, order}
    assert verdicts["count"] in {None, dialect.count}
    assert verdicts["offset"] in {None, f"from {dialect.first_offset}"}
    assert verdicts["limit above the maximum"] in {None, f"clamped to {dialect.most}"}
    assert verdicts["retention"] is None, "eight days of tasks show no retention"
    hidden = f"left out: {dialect.hidden_provider}" if dialect.hidden_provider else "none"
    assert verdicts["providers left out of lists"] in {None, hidden}


def test_a_source_without_tasks_works_and_shows_no_behaviour() -> None:
    found = diagnosis_of(Patient(NOW))
    assert found.is_well
    assert states_of(found)["permission cbr:tasks:get"] is State.NOT_DONE
    assert set(verdicts_of(found).values()) == {None}
    assert all(finding.said for finding in found.findings)


def test_one_task_shows_no_behaviour_of_lists() -> None:
    source = patient()
    found = diagnosis_of(Patient(NOW, tasks=[task for task in source.tasks if task.created_at < NOW][:1]))
    verdicts = verdicts_of(found)
    assert {verdicts[name] for name in ("count", "offset", "order", "limit above the maximum")} == {None}


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (SignInError("the token is refused: put a new one in its place", 401), "sign-in"),
        (ForbiddenError("give the user cbr:tasks:list", 403), "permission cbr:tasks:list"),
        (TransientSourceError("cannot be reached: check the endpoint"), "reach"),
        (PermanentSourceError("check the endpoint", 404), "reach"),
        (PermanentSourceError("check project_id", 400), "permission cbr:tasks:list"),
    ],
)
def test_a_source_that_fails_is_reported_with_the_remedy(error: Exception, failed: str) -> None:
    found = diagnosis_of(patient(fails_with=error))
    assert not found.is_well
    assert [check.name for check in found.checks if check.state is State.FAILED] == [failed]
    assert next(check for check in found.checks if check.name == failed).said == str(error)
    assert found.findings == ()
    skipped = {check.said for check in found.checks if check.state is State.NOT_DONE}
    assert skipped == {f"Not checked, because {failed} failed."}, (
        "a refused token was said to be out of reach"
    )


@pytest.mark.parametrize(
    ("project_id", "state"),
    [
        ("04f1829c788037ac2fb8c01eb2b04b95", State.OK),
        ("04F1829C788037AC2FB8C01EB2B04B95", State.OK),
        ("eu-de_webshop", State.NOTICE),
        ("04f1829c788037ac2fb8c01eb2b04b9", State.NOTICE),
        ("g" * 32, State.NOTICE),
    ],
)
def test_the_name_of_a_project_in_place_of_its_id_is_a_notice(project_id: str, state: State) -> None:
    settings = SOURCE.model_copy(update={"project_id": project_id})
    source = patient()
    found = examine(settings, source, Clocks(lambda: source.now, lambda: 0.0))  # type: ignore[arg-type]
    (check,) = (check for check in found.checks if check.name == "configuration")
    assert check.state is state
    assert (project_id in check.said and "32 hexadecimal" in check.said) == (state is State.NOTICE)
    assert found.is_well, "APIs may accept it"


def test_a_missing_permission_to_show_fails_and_the_rest_goes_on() -> None:
    found = diagnosis_of(patient(shows=False))
    assert states_of(found)["permission cbr:tasks:get"] is State.FAILED
    assert verdicts_of(found)["order"] == "created_at descending"


@pytest.mark.parametrize(
    ("skew", "state"),
    [
        (timedelta(), State.OK),
        (timedelta(seconds=-29), State.OK),
        (timedelta(minutes=2), State.NOTICE),
        (timedelta(minutes=6), State.FAILED),
        (timedelta(hours=-1), State.FAILED),
        (None, State.NOT_DONE),
    ],
)
def test_the_clock_is_compared_with_the_servers(skew: timedelta | None, state: State) -> None:
    assert states_of(diagnosis_of(patient(skew=skew)))["clock"] is state


def test_a_quota_that_was_hit_is_a_notice() -> None:
    found = diagnosis_of(patient(rate_limited_requests=3))
    assert states_of(found)["quota"] is State.NOTICE
    assert found.is_well


def test_a_source_that_fails_meanwhile_leaves_findings_without_a_verdict() -> None:
    found = diagnosis_of(patient(fails_after=8))
    without_verdict = [finding for finding in found.findings if finding.verdict is None]
    assert any("the source went away" in finding.said for finding in without_verdict)


@pytest.mark.parametrize("name", DIALECTS)
def test_the_number_of_questions_is_bounded(name: str) -> None:
    source = patient(DIALECTS[name])
    diagnosis_of(source)
    assert source.requests_made <= MAX_REQUESTS
