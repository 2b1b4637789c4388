"""Damaged raw files of one source while another is loaded: what stands of it stays."""

from collections.abc import Callable

import duckdb
import pytest

from cbr_warehouse.raw.landing import raw_files
from support.dagster_deployment import Deployment, day

pytestmark = pytest.mark.fault("damaged files")


def days_held(place: Deployment, source: str) -> list[object]:
    with duckdb.connect(
        str(place.installation.load_context.directory.warehouse), read_only=True
    ) as connection:
        rows = connection.execute("SELECT day FROM tasks WHERE source = $1 ORDER BY day", [source]).fetchall()
    return [found for (found,) in rows]


def test_what_a_failing_source_cannot_fetch_again_stays_though_another_is_loaded(
    install: Callable[..., Deployment],
) -> None:
    """Tables are made for all sources: those of the set-aside file's day were made without its records."""
    place = install("down", "up")
    for api in place.apis.values():
        api.add(day(3))
        api.add(day(1))
    for name in place.apis:
        assert place.tick(name).success
    (file,) = raw_files(
        place.installation.load_context.directory.raw_day("records", "down", day(3).isoformat())
    )
    file.write_bytes(b"")
    place.apis["down"].status = 403
    assert not place.tick("down").success
    assert place.tick("up").success
    assert place.publish().success
    assert days_held(place, "down") == [day(3), day(1)]
    place.apis["down"].status = 200
    assert place.tick("down").success
    assert place.publish().success
    assert days_held(place, "down") == [day(3), day(1)]
