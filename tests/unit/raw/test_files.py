"""Names of raw files: their checksums, and the digest of a set of them."""

from pathlib import Path

import pytest

from cbr_warehouse.errors import StorageError
from cbr_warehouse.raw.files import (
    checksum,
    compacted_stem,
    content_hash,
    count_rows,
    is_intact,
    names_digest,
    raw_name,
    read_columns,
    replaced_files,
    text_bytes,
    text_digest,
)

NAMES = ("20261119T000000000000Z-1-00001-aa.parquet", "20261120T000000000000Z-1-00001-bb.parquet")


def test_digests_stay_what_they_are() -> None:
    """They are in file names, in the tables and in what these were made from: another one is another file."""
    assert content_hash(b"a") == "27c35e6e9373877f29e562464e46497e"
    assert text_digest(b"a").hex() == content_hash(b"a")
    assert checksum(b"a") == "40f89e395b66422f"
    assert raw_name("stem", b"a") == "stem-40f89e395b66422f.parquet"
    assert names_digest([]) == "0" * 24
    assert names_digest(NAMES) == names_digest(NAMES[::-1]) == "ef0a173fa1b80a9752ad5359"


def test_a_compacted_file_stands_for_those_that_it_replaced() -> None:
    stem = compacted_stem(NAMES)
    assert stem == f"20261120T000000000000Z-1-00001~{names_digest(NAMES)}"
    name = f"{stem}-cc.parquet"
    assert names_digest([name]) == names_digest(NAMES)
    other = "20261121T000000000000Z-1-00001-dd.parquet"
    again = compacted_stem([other, name])
    assert again == f"20261120T000000000000Z-1-00001~{names_digest([*NAMES, other])}"
    assert names_digest([name, other]) != names_digest([name])
    # However many: the digest has 24 digits.
    assert len(names_digest([other] * 1_000)) == 24


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / raw_name("stem~0", b"a")
    for read in (is_intact, count_rows, text_bytes, replaced_files, lambda one: read_columns(one, ["a"])):
        with pytest.raises(StorageError, match=f"^{path}: cannot be read"):
            read(path)
    assert replaced_files(tmp_path / "stem-1.parquet") == set()
    path.write_bytes(b"a")
    assert is_intact(path)
    path.write_bytes(b"b")
    assert not is_intact(path)
