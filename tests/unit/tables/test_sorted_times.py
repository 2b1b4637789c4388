"""Times that are kept in a file are counted and found as those in memory, whatever their number and order."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage import temporary_file
from cbr_warehouse.tables import sorted_times
from cbr_warehouse.tables.sorted_times import SortedTimes, TimesWriter

TIMES = st.integers(-40, 40)
PARTS = st.lists(st.lists(TIMES, max_size=9), max_size=9)
KINDS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True, scope="module")
def _few_are_many() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_times, "RUN_TIMES", 7)
        patch.setattr(sorted_times, "BLOCK_TIMES", 3)
        yield


def written(parts: list[list[int]], folder: Path) -> SortedTimes:
    writer = TimesWriter(2, folder)
    for part in parts:
        writer.add([np.array(part, np.int64), np.array([], np.int64)], len(part))
    times, empty = writer.finish()
    assert len(empty) == 0
    return times


@KINDS
@given(PARTS, TIMES, TIMES)
def test_any_span_is_what_a_search_through_all_times_finds(
    tmp_path: Path, parts: list[list[int]], first: int, end: int
) -> None:
    every = [time for part in parts for time in part]
    found = written(parts, tmp_path)
    assert len(found) == len(every)
    assert found.count_before(first) == sum(time < first for time in every)
    assert found.first_from(first) == min((time for time in every if time >= first), default=None)
    assert sorted(found.within(first, end).tolist()) == sorted(one for one in every if first <= one < end)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_closed_with_the_last_column_that_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[IO[bytes]] = []

    def create(**options: Any) -> IO[bytes]:
        files.append(TemporaryFile(**options))  # noqa: SIM115  closed by what is tested
        return files[0]

    monkeypatch.setattr(temporary_file, "TemporaryFile", create)
    times = written([list(range(20))], tmp_path)
    assert [file.closed for file in files] == [False]
    del times
    assert [file.closed for file in files] == [True]


def test_where_no_file_can_be_written_the_times_stay_in_memory(tmp_path: Path) -> None:
    found = written([list(range(50)), list(range(9))], tmp_path / "missing")
    assert (len(found), found.count_before(4), found.first_from(20)) == (59, 8, 20)


def test_a_file_that_lost_its_end_is_an_error_and_no_other_number(tmp_path: Path) -> None:
    found = written([list(range(50))], tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pread", lambda *_: b"")
        with pytest.raises(StorageError, match="was cut off"):
            found.count_before(20)
