"""Small JSON files with a checksum: every flipped bit and every cut is found, older files are read."""

import json
from pathlib import Path

import pytest

from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.storage.checked_json import read_checked_json, write_checked_json

pytestmark = pytest.mark.fault("damaged files")

VALUE = {"state": "complete", "counted": 12, "days": ["2026-11-20"], "name": "ü", "none": None}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "one.json"
    write_checked_json(path, VALUE)
    assert read_checked_json(path, VALUE) == VALUE
    assert read_checked_json(path, ["state"]) == {"state": "complete"}
    assert read_checked_json(tmp_path / "none.json", VALUE) is None


def test_every_flipped_bit_is_found_or_changes_nothing(tmp_path: Path) -> None:
    """Only a bit of the white space between values may change nothing."""
    path = tmp_path / "one.json"
    write_checked_json(path, VALUE)
    content = path.read_bytes()
    found = 0
    for bit in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert read_checked_json(path, VALUE) == VALUE
        except DamagedFileError:
            found += 1
    assert found > 0.9 * len(content) * 8


def test_every_cut_is_found(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    write_checked_json(path, VALUE)
    content = path.read_bytes()
    for length in range(len(content) - 1):  # without the line's end it is whole
        path.write_bytes(content[:length])
        with pytest.raises(DamagedFileError, match=r"one\.json"):
            read_checked_json(path, VALUE)


def test_a_file_from_before_there_were_checksums_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(VALUE))
    assert read_checked_json(path, VALUE) == VALUE
