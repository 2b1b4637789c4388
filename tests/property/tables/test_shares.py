"""Days made by shares, as on a cluster, are the files that one process makes."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbr_warehouse.compute.runner import IN_PROCESS, Always
from cbr_warehouse.errors import StorageError
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables import make_days, shares
from cbr_warehouse.tables.build import forget_tables, make_tables
from support.changing_tasks import LOADS, START, Sighting, seen_in
from support.landed_records import CONTRACT, SOURCE, land, make, printed
from support.pickled_shares import PickledShares

DAYS = st.lists(st.integers(0, 40), max_size=40)
"""Tasks by the number of days before the start on which they were created."""


def landed(folder: Path, loads: list[list[Sighting]], days: list[int]) -> DataDirectory:
    """Tasks that change and move between days, and some of many other days; one record in seven is broken."""
    directory = DataDirectory(folder)
    for number, sightings in enumerate(loads):
        land(folder, f"L{number}", seen_in(number, sightings))
    others = [
        (printed({"id": f"of-{place}", "created_at": f"2026-10-{day + 1:02}T01:00:00"}), START)
        if place % 7
        else (
            printed({"id": f"of-{place}", "created_at": f"2026-10-{day + 1:02}T01:00:00", "status": {}}),
            START,
        )
        for place, day in enumerate(day for day in days if day < 31)
    ]
    return land(folder, "L9", others) if others else directory


def files(directory: DataDirectory) -> dict[str, bytes]:
    """Every file of the tables, hidden ones included."""
    return {
        str(path.relative_to(directory.tables)): path.read_bytes()
        for path in directory.tables.rglob("*")
        if path.is_file()
    }


@settings(max_examples=10, deadline=None)
@given(LOADS, DAYS, st.integers(1, 3), st.integers(1, 60))
def test_shares_make_the_same_files(
    loads: list[list[Sighting]], days: list[int], times: int, batch_days: int
) -> None:
    """To the byte, notes included; a share that is computed again leaves nothing behind."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_days, "BATCH_DAYS", batch_days)
        directory = landed(Path(folder), loads, days)
        make(directory)
        truth = files(directory)
        forget_tables(directory)
        made = make_tables(directory, SOURCE, CONTRACT, runner=PickledShares(times))
        assert files(directory) == truth
        assert set(made.days) == set(directory.days(SOURCE))


@settings(max_examples=5, deadline=None)
@given(LOADS, LOADS)
def test_shares_go_on_where_one_process_left_off(
    loads: list[list[Sighting]], later: list[list[Sighting]]
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        found = []
        for folder, runner in ((one, IN_PROCESS), (other, PickledShares())):
            directory = landed(Path(folder), loads, [])
            make(directory)
            for number, sightings in enumerate(later):
                land(Path(folder), f"M{number}", seen_in(number + 10, sightings))
            outcomes = make_tables(directory, SOURCE, CONTRACT, load_id="M0", runner=runner)
            found.append((files(directory), outcomes))
        assert found[0] == found[1]


def test_a_small_source_of_many_is_given_away_too(tmp_path: Path) -> None:
    directory = landed(tmp_path, [], [1, 2, 3])
    runner = PickledShares()
    runner.distributes = lambda _measure: False  # type: ignore[method-assign]
    make_tables(directory, SOURCE, CONTRACT, runner=Always(runner))
    assert runner.computed == ["choose_days", "make_days"]


def test_a_worker_that_sees_other_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared folder may show a worker an old listing: the share fails, it does not make less."""
    directory = landed(tmp_path, [], [1, 2, 3])
    plain = shares.day_inputs

    def without_newest(*place: object, **more: object) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cbr_warehouse.tables.build_state.raw_files", lambda folder: raw_files(folder)[:-1])
            return plain(*place, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(shares, "day_inputs", without_newest)
    with pytest.raises(StorageError, match=f"sees other raw files of {SOURCE}, day 2026-10-02"):
        make_tables(directory, SOURCE, CONTRACT, runner=PickledShares())
    assert files(directory) == {}


def test_a_worker_with_other_schemas_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = landed(tmp_path, [], [1])
    monkeypatch.setattr(shares, "read_contract", lambda: replace(CONTRACT, fingerprint="other"))
    with pytest.raises(StorageError, match="Install the same version"):
        make_tables(directory, SOURCE, CONTRACT, runner=PickledShares())
