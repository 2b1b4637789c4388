"""Accounts in Dagster: built without a request, new projects loaded at once, missing ones left out."""

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import dagster as dg
import pytest

from cbr_warehouse.errors import SignInError
from cbr_warehouse.load.found_sources import with_found_sources
from cbr_warehouse.raw.found_projects import FoundProject, write_found_projects
from cbr_warehouse.raw.ledgers import iterate_loads
from cbr_warehouse.source.account import AccountLists, ListedProject
from support.dagster_deployment import Api, Deployment, day
from support.present import now

ENDPOINT = "https://cbr.eu-de.example.com"
ACCOUNT = {
    "name": "acme",
    "iam_endpoint": "https://iam.example.com",
    "access_key": "env:TOKEN",
    "secret_key": "env:TOKEN",
    "history": "3d",
}


class Iam:
    """IAM's answers; asked before a test sets any, it fails."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def read_lists(self) -> AccountLists:
        if self.names is None:
            raise SignInError("Account acme: refused.", 401)
        projects = tuple(ListedProject(name, name) for name in self.names)
        return AccountLists(projects, {"eu-de": ENDPOINT})


class Place:
    """A deployment with an account of two known projects."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.iam = deployment, Iam()
        self.directory = deployment.installation.load_context.directory
        self.keep("eu-de", "eu-de_a")
        for name in ("acme-eu-de", "acme-eu-de-a", "acme-eu-de-new"):
            api = deployment.apis[name] = Api(deployment.clock)
            api.add(day(1), 2)
        self.reload()

    def keep(self, *names: str, missing: tuple[str, ...] = ()) -> None:
        found = [
            FoundProject(f"acme-{name.replace('_', '-')}", name, name, "eu-de", ENDPOINT, now())
            for name in (*names, *missing)
        ]
        gone = [
            one.missing(now(), "IAM no longer lists it") if one.project in missing else one for one in found
        ]
        write_found_projects(self.directory, "acme", gone)

    def reload(self) -> None:
        installation = self.deployment.installation
        self.deployment.installation = replace(
            installation,
            settings=with_found_sources(installation.settings, self.directory),
            load_context=replace(
                installation.load_context,
                connect_account=lambda _account: self.iam,  # type: ignore[arg-type,return-value]
            ),
        )

    def look(self) -> dg.ExecuteInProcessResult:
        """The run that the schedule requests; its process reads the configuration again, as Dagster's do."""
        repository = self.deployment.defs.get_repository_def()
        with dg.build_schedule_context(
            instance=self.deployment.instance, scheduled_execution_time=now(), repository_def=repository
        ) as context:
            ticked = repository.get_schedule_def("find_projects_schedule").evaluate_tick(context)
        (request,) = ticked.run_requests or ()
        location = self.deployment.installation
        self.reload()
        job = self.deployment.defs.resolve_job_def("find_projects")
        self.deployment.installation = location
        return job.execute_in_process(
            instance=self.deployment.instance, run_config=request.run_config, raise_on_error=False
        )

    def started(self) -> list[str]:
        repository = self.deployment.defs.get_repository_def()
        with dg.build_schedule_context(
            instance=self.deployment.instance, scheduled_execution_time=now(), repository_def=repository
        ) as context:
            ticked = repository.get_schedule_def("load_schedule").evaluate_tick(context)
        return [request.tags["cbr-warehouse/source"] for request in ticked.run_requests or ()]


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return stored_instance


@pytest.fixture
def place(install: Callable[..., Deployment]) -> Place:
    return Place(install(accounts=[ACCOUNT]))


def raw(defs: dg.Definitions) -> set[str]:
    return {key.path[-1] for key in defs.resolve_all_asset_keys() if key.path[0] == "raw"}


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (found,) = result.get_asset_check_evaluations()
    return {"passed": found.passed, "said": found.metadata["sources"].value}


def test_the_code_location_is_built_from_the_kept_list_without_a_request(place: Place) -> None:
    assert place.iam.names is None
    assert raw(place.deployment.defs) == {"acme-eu-de", "acme-eu-de-a"}
    assert place.started() == ["acme-eu-de", "acme-eu-de-a"]


def test_a_project_found_since_then_is_loaded_at_once(place: Place) -> None:
    place.iam.names = ("eu-de", "eu-de_a", "eu-de_new")
    location = place.deployment.defs
    result = place.look()
    assert result.success
    assert evaluations(result) == {"passed": True, "said": "none"}
    assert raw(location) == {"acme-eu-de", "acme-eu-de-a"}
    assert place.directory.sources_with_raw() == ("acme-eu-de-new",)
    assert place.directory.warehouse.exists()
    loads = list(iterate_loads(place.directory, "acme-eu-de-new"))
    assert place.look().success
    again = list(iterate_loads(place.directory, "acme-eu-de-new"))
    assert len(again) == len(loads) + 1, "by every tick until the code location is loaded again"
    place.reload()
    assert raw(place.deployment.defs) == {"acme-eu-de", "acme-eu-de-a", "acme-eu-de-new"}


@pytest.mark.fault("vanished projects")
def test_a_missing_project_fails_the_check_and_is_not_started(place: Place) -> None:
    place.iam.names = ("eu-de",)
    result = place.look()
    assert result.success, "the warning is the check's, which the sensor of failed checks reports"
    found = evaluations(result)
    assert not found["passed"]
    assert found["said"].startswith("acme-eu-de-a: the project eu-de_a")
    assert place.started() == ["acme-eu-de"]
    assert raw(place.deployment.defs) == {"acme-eu-de", "acme-eu-de-a"}, (
        "its data are kept, and so is its asset"
    )
    place.iam.names = ("eu-de", "eu-de_a")
    assert evaluations(place.look())["passed"]
    assert place.started() == ["acme-eu-de", "acme-eu-de-a"]


@pytest.mark.fault("vanished projects")
def test_an_account_that_cannot_be_asked_fails_its_run_alone(place: Place) -> None:
    result = place.look()
    assert not result.success
    assert place.started() == ["acme-eu-de", "acme-eu-de-a"]


def test_new_projects_that_fail_make_the_run_red(place: Place) -> None:
    place.iam.names = ("eu-de", "eu-de_a", "eu-de_new")
    place.deployment.apis["acme-eu-de-new"].status = 403
    assert not place.look().success


def test_the_job_runs_as_often_as_loads_do(place: Place) -> None:
    (schedule,) = (
        one for one in place.deployment.defs.schedules or () if one.name == "find_projects_schedule"
    )
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "0 * * * *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
