"""Tasks with a single text take a short way; it makes of them what the way of all others makes."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbr_warehouse.contract.load_schemas import VALIDATED_ALIKE
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import ConservationError
from cbr_warehouse.raw.files import ReceivedPage
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables import raw_view, single_texts
from cbr_warehouse.tables.build import forget_tables
from support.landed_records import CONTRACT, SOURCE, all_rows, land, make, printed

START = datetime(2026, 11, 18, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

RECORDS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "c", "d", "e"])},
    optional={
        "created_at": st.sampled_from(["2026-11-17T01:00:00", "2026-11-18T00:10:00", "soon"]),
        "updated_at": st.sampled_from(
            ["2026-11-18T00:20:00", "2026-11-18T00:20:00.000", "2026-11-18T01:00:00"]
        ),
        "status": st.sampled_from(["running", "success", 7]),
        "extra_info": st.sampled_from(
            [
                {"resource": {"id": "r", "name": "n", "extra_info": {"exclude_volumes": ["v", "w"]}}},
                {"replication": {"source_region": "x"}, "more": 1},
            ]
        ),
    },
)
LOADS = st.lists(st.lists(RECORDS, max_size=8), min_size=1, max_size=3)


def loaded(folder: str, loads: list[list[dict[str, Any]]]) -> DataDirectory:
    directory = DataDirectory(Path(folder))
    for number, records in enumerate(loads):
        at = START + number * HOUR
        land(
            directory.root,
            f"L{number}",
            [(printed({"created_at": "2026-11-18T00:30:00"} | r), at) for r in records],
        )
    return directory


@settings(max_examples=25, deadline=None)
@given(LOADS)
def test_the_short_way_and_the_long_way_make_the_same(loads: list[list[dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = loaded(folder, loads)
        make(directory)
        short = all_rows(directory)
        forget_tables(directory)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(raw_view, "CONTESTED", raw_view._ALL_CONTESTED)
            make(directory)
        assert all_rows(directory) == short


def lost(statement: str) -> str:
    return f"{statement} WHERE task_id <> 'b'"


def doubled(statement: str) -> str:
    return f"{statement}; INSERT INTO alone SELECT * FROM alone WHERE task_id = 'b'"


def of_another_day(statement: str) -> str:
    return f"{statement}; UPDATE alone SET is_as_filed = false WHERE task_id = 'b'"


@pytest.mark.parametrize("violate", [lost, doubled, of_another_day])
def test_a_single_text_that_is_lost_or_doubled_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, violate: Callable[[str], str]
) -> None:
    directory = loaded(str(tmp_path), [[{"id": "a"}, {"id": "b"}]])
    made = single_texts.alone
    monkeypatch.setattr(raw_view, "alone", lambda *arguments, **more: violate(made(*arguments, **more)))
    with pytest.raises(ConservationError):
        make(directory)
    assert not any(all_rows(directory).values())


@pytest.mark.parametrize("contract", VALIDATED_ALIKE)
def test_records_of_a_contract_that_validated_alike_are_not_validated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: str
) -> None:
    landing = Landing(
        directory := DataDirectory(tmp_path),
        SOURCE,
        "L0",
        validator=RecordValidator(CONTRACT),
        contract=contract,
    )
    landing.land(ReceivedPage((printed({"id": "a", "created_at": "2026-11-18T00:30:00"}),), 1, 0, START))
    landing.flush()
    monkeypatch.setattr(raw_view, "recheck", lambda *_: pytest.fail("validated again"))
    make(directory)
    assert [row["task_id"] for row in all_rows(directory)["tasks"]] == ["a"]
