"""Versions of tasks, however their records came: in any order, again and again, at once or load by load."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import forget_tables, make_tables
from cbr_warehouse.tables.engine import open_engine
from cbr_warehouse.tables.sightings import fill_last_seen
from support.changing_tasks import LOADS, START, Sighting, seen_in
from support.landed_records import (
    CONTRACT,
    SOURCE,
    all_rows,
    land,
    last_seen,
    make,
    rows,
    seen_by_key,
)


def loaded(folder: str, loads: list[list[Sighting]], *, between: bool) -> DataDirectory:
    directory = DataDirectory(Path(folder))
    for number, sightings in enumerate(loads):
        land(directory.root, f"L{number}", seen_in(number, sightings))
        if between:
            make(directory)
    make(directory)
    return directory


def in_two_folders(check: Callable[[str, str], None]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        check(one, other)


@settings(max_examples=12, deadline=None)
@given(LOADS)
def test_load_by_load_is_the_same_as_all_at_once(loads: list[list[Sighting]]) -> None:
    in_two_folders(
        lambda one, other: _equal(loaded(one, loads, between=True), loaded(other, loads, between=False))
    )


def _equal(one: DataDirectory, other: DataDirectory) -> None:
    assert all_rows(one) == all_rows(other)


@settings(max_examples=12, deadline=None)
@given(LOADS)
def test_versions_are_those_that_were_seen_with_their_first_and_last_sight(
    loads: list[list[Sighting]],
) -> None:
    sights: dict[tuple[str, str], list[datetime]] = {}
    for number, sightings in enumerate(loads):
        # A load notes of each text when it received it first.
        noted = {(task, state): minutes for task, state, minutes in reversed(sightings)}
        for (task, state), minutes in noted.items():
            at = START + timedelta(hours=number, minutes=minutes)
            sights.setdefault((f"task-{task}", f"state {2 if state == 4 else state}"), []).append(at)
    with tempfile.TemporaryDirectory() as folder:
        directory = loaded(folder, loads, between=True)
        names = ("task_id", "status", "first_seen_at", "version_hash")
        last = last_seen(directory)
        held = [
            (task, status, first, last[task, version])
            for task, status, first, version in map(dict.values, rows(directory, "task_versions", names))
        ]
        assert held == sorted((*key, min(seen), max(seen)) for key, seen in sights.items())
        newest = {row["task_id"]: row["status"] for row in rows(directory, "tasks", ("task_id", "status"))}
    # States 2 and 3 carry the same updated_at: the one seen last counts.
    for task in {task for task, _ in sights}:
        states = [
            (min(int(state[-1]), 2), max(seen), state) for (own, state), seen in sights.items() if own == task
        ]
        best = max(rank[:2] for rank in states)
        assert newest[task] in {state for *rank, state in states if tuple(rank) == best}


@settings(max_examples=12, deadline=None)
@given(LOADS)
@example([[(0, 2, 0)], [(0, 4, 0)], [(0, 2, 5), (0, 4, 6)]])
def test_what_is_seen_load_by_load_is_what_is_seen_of_all_at_once(loads: list[list[Sighting]]) -> None:
    """Days without news are not made again, and only new sightings are read of them."""
    with tempfile.TemporaryDirectory() as folder:
        directory, since = DataDirectory(Path(folder)), None
        known: dict[tuple[str, ...], datetime] = {}
        for number, sightings in enumerate(loads):
            before, texts = all_rows(directory), record_files(directory)
            land(directory.root, f"L{number}", seen_in(number, sightings))
            made = make_tables(directory, SOURCE, CONTRACT).days
            with open_engine(directory.root) as engine:
                since = fill_last_seen(engine, directory, SOURCE, made, since)
                seen = seen_by_key(engine, directory)
            known = {key: max(at, known.get(key, at)) for key, at in seen.items()}
            assert known == last_seen(directory)
            # Another print of known facts is a new text, though no row differs.
            if record_files(directory) == texts and not _has_ties(before):
                assert not made


def record_files(directory: DataDirectory) -> list[Path]:
    days = directory.raw_days(SOURCE)
    return [path for day in days for path in raw_files(directory.raw_day("records", SOURCE, day))]


def _has_ties(held: dict[str, list[dict[str, Any]]]) -> bool:
    times = [(row["task_id"], row["updated_at"].replace(microsecond=0)) for row in held["task_versions"]]
    return len(times) != len(set(times))


@settings(max_examples=10, deadline=None)
@given(LOADS, st.randoms(use_true_random=False))
def test_raw_files_in_any_order_and_any_number_make_the_same_tables(
    loads: list[list[Sighting]], random: Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = loaded(folder, loads, between=True)
        before = all_rows(directory)
        for day in directory.raw_days("prod"):
            for kind in ("records", "manifests"):
                for path in raw_files(directory.raw_day(kind, "prod", day)):
                    for _ in range(random.randrange(3)):
                        shutil.copy(path, path.with_name(f"{random.randrange(10**6):06}-{path.name}"))
        forget_tables(directory)
        make(directory)
        assert all_rows(directory) == before
