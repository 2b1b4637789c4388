"""Names, values and paths in SQL: whatever they hold, they say themselves and nothing else."""

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.sql_text import identifier, literal, parquet_files

pytestmark = pytest.mark.fault("unusual paths")

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


@given(TEXTS)
def test_a_literal_is_its_value(text: str) -> None:
    with duckdb.connect() as engine:
        assert engine.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]


@given(TEXTS)
def test_an_identifier_is_its_name(name: str) -> None:
    with duckdb.connect() as engine:
        assert engine.execute(f"SELECT 1 AS {identifier(name)}").description[0][0] == name


@pytest.mark.parametrize(
    "name", ["source=x", "a*b", "a?b", "[a]", "**", "a]b", "[!a]", "it's", "b\\s", "{a,b}", "a b", "%41"]
)
def test_a_file_below_a_folder_is_read_alone(tmp_path: Path, name: str) -> None:
    """DuckDB read the files of siblings that a path matched as a pattern, and columns from `key=value`."""
    with duckdb.connect() as engine:
        for number, folder in enumerate([name, "a", "aXb", "b", "!", "x"]):
            path = tmp_path / folder / "day=2026-01-01" / "data.parquet"
            path.parent.mkdir(parents=True)
            engine.execute(f"COPY (SELECT {number} AS number) TO {literal(path)} (FORMAT parquet)")
        path = tmp_path / name / "day=2026-01-01" / "data.parquet"
        found = engine.execute(f"SELECT * FROM {parquet_files([path])}")
        assert [column[0] for column in found.description] == ["number"]
        assert found.fetchall() == [(0,)]


def test_a_path_that_duckdb_cannot_name_is_a_sentence() -> None:
    with pytest.raises(StorageError, match="--data-dir"):
        parquet_files([Path("/data/a\\b*/data.parquet")])
