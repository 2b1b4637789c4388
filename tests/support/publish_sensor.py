"""One look of the sensor that starts the publication, in a deployment of a test."""

import dagster as dg

from cbr_warehouse.defs.asset_keys import SOURCE_TAG
from support.dagster_deployment import Deployment, loaded


def evaluate(place: Deployment, *, cursor: str | None = None) -> dg.RunRequest | str:
    """What the sensor requests, or why nothing.

    Args:
        place: The deployment.
        cursor: What it left behind when it looked before.
    """
    request, said, _ = look(place, cursor)
    return request or said


def look(place: Deployment, cursor: str | None = None) -> tuple[dg.RunRequest | None, str, str | None]:
    """The same, with the cursor that it leaves behind."""
    repository = place.defs.get_repository_def()
    with dg.build_sensor_context(
        instance=place.instance, cursor=cursor, repository_def=repository
    ) as context:
        found = repository.get_sensor_def("publish_sensor").evaluate_tick(context)
    return next(iter(found.run_requests or ()), None), str(found.skip_message), found.cursor


def parts(request: dg.RunRequest | str) -> set[str]:
    """Which folders of assets a request selects."""
    assert isinstance(request, dg.RunRequest), request
    return {key.path[0] for key in request.asset_selection or ()}


def begin(place: Deployment, job: str, tags: dict[str, str]) -> dg.DagsterRun:
    """A run that has started, whose process does not exist."""
    run = place.instance.create_run_for_job(
        place.defs.resolve_job_def(job),
        tags=tags,
        asset_selection=loaded(tags[SOURCE_TAG]) if SOURCE_TAG in tags else None,
    )
    for event in (dg.DagsterEventType.PIPELINE_STARTING, dg.DagsterEventType.PIPELINE_START):
        place.instance.report_dagster_event(dg.DagsterEvent(event.value, job_name=job), run.run_id)
    return run
