"""The schedule: one run a source, for today, with its tables; what is shared follows in a run of its own."""

from collections.abc import Callable
from datetime import datetime

import dagster as dg
import pytest

from support.dagster_deployment import Deployment
from support.present import midnight, now


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return stored_instance


def tick(place: Deployment, at: datetime) -> list[dg.RunRequest]:
    repository = place.defs.get_repository_def()
    with dg.build_schedule_context(
        instance=place.instance, scheduled_execution_time=at, repository_def=repository
    ) as context:
        return list(repository.get_schedule_def("load_schedule").evaluate_tick(context).run_requests or ())


def test_a_tick_starts_a_run_for_each_source(install: Callable[..., Deployment]) -> None:
    place = install("a", "b")
    requests = tick(place, now())
    assert [request.partition_key for request in requests] == [now().date().isoformat()] * 2
    assert len({request.run_key for request in requests}) == 2
    for name, request in zip("ab", requests, strict=True):
        everything = place.defs.resolve_all_asset_keys()
        chosen = {key for key in everything if key.path[0] == "tables"} | {dg.AssetKey(["raw", name])}
        assert set(request.asset_selection or ()) == chosen
        assert request.tags["cbr-warehouse/source"] == name


def test_at_midnight_the_new_day_is_there(install: Callable[..., Deployment]) -> None:
    (request,) = tick(install("a"), midnight())
    assert request.partition_key == midnight().date().isoformat()


def scheduled(place: Deployment, name: str) -> dg.ScheduleDefinition:
    (found,) = (one for one in place.defs.schedules or () if one.name == name)
    assert isinstance(found, dg.ScheduleDefinition)
    return found


def test_its_times_are_those_of_the_configuration_in_utc(install: Callable[..., Deployment]) -> None:
    schedule = scheduled(install("a", schedule="*/15 * * * *"), "load_schedule")
    assert schedule.cron_schedule == "*/15 * * * *"
    assert schedule.execution_timezone == "UTC"


def test_it_is_on_by_itself_and_hourly(install: Callable[..., Deployment]) -> None:
    schedule = scheduled(install("a"), "load_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "0 * * * *"


@pytest.mark.parametrize(
    ("anchor", "cron"), [("00:00", "30 1 * * *"), ("18:00", "30 19 * * *"), ("23:15", "45 0 * * *")]
)
def test_a_report_is_written_once_a_backup_day_is_over(
    install: Callable[..., Deployment], anchor: str, cron: str
) -> None:
    place = install("a", timezone="Asia/Shanghai", day_anchor=anchor)
    schedule = scheduled(place, "report_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == (cron, "Asia/Shanghai")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    job = place.defs.resolve_job_def("report_job")
    assert job.asset_layer.executable_asset_keys == {dg.AssetKey(["report"])}


def test_no_report_is_scheduled_where_it_could_not_be_written(
    install: Callable[..., Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cbr_warehouse.defs.report.missing_packages", lambda: ["altair"])
    schedule = scheduled(install("a"), "report_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
