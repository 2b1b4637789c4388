"""Which texts of a day are known, with few of them or so many that they are sorted in while a load runs."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.raw import known_texts
from cbr_warehouse.raw.files import encode_raw
from cbr_warehouse.raw.known_texts import KnownTexts, Standing, read_known_texts

A, B, C, D = (letter * 16 for letter in (b"a", b"b", b"c", b"d"))


@pytest.fixture(autouse=True, scope="module")
def _few_are_many() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_texts, "_MOST_RECENT", 2)
        patch.setattr(known_texts, "_MERGED_BELOW", 2)
        yield


def test_a_text_stored_before_is_repeated_once() -> None:
    known = KnownTexts([B, A, B])
    assert known.sight([A, C, A, B]) == [Standing.REPEATED, Standing.NEW, Standing.SIGHTED, Standing.REPEATED]
    assert known.sight([A, B, C, D]) == [Standing.SIGHTED, Standing.SIGHTED, Standing.NEW, Standing.NEW]
    assert known.sight([]) == KnownTexts().sight([]) == []


def test_a_text_that_was_added_is_new_once() -> None:
    known = KnownTexts([B])
    assert [known.add(A), known.add(A)] == [Standing.NEW, Standing.SIGHTED]
    assert known.sight([A, B, C]) == [Standing.SIGHTED, Standing.REPEATED, Standing.NEW]
    assert KnownTexts().sight([A]) == [Standing.NEW]


def test_a_refused_text_is_none_of_the_valid_ones() -> None:
    known = KnownTexts([A], [B])
    assert known.sight([B]) == [Standing.NEW]
    assert [known.add_refused(B), known.add_refused(B)] == [Standing.REPEATED, Standing.SIGHTED]
    assert [known.add_refused(C), known.add_refused(C)] == [Standing.NEW, Standing.SIGHTED]
    assert [known.is_refused(text) for text in (A, B, C, D)] == [False, True, True, False]
    assert known.add(B) is Standing.NEW


def test_texts_are_read_from_files_whatever_their_digests_end_in(tmp_path: Path) -> None:
    """Of values that end in zeros numpy gives shorter ones."""
    zeros = b"z" * 14 + b"\0\0"
    files: list[dict[bytes, str | None]] = [
        {A: None, zeros: "wrong_type"},
        {B: "no_id", zeros[::-1]: None, bytes(16): None},
        {},
        {C: None},
    ]
    for number, texts in enumerate(files):
        hashes = pa.array([digest.hex() for digest in texts], pa.string())
        columns = {"content_hash": hashes, "reason": pa.array([*texts.values()], pa.string())}
        (tmp_path / f"{number}.parquet").write_bytes(encode_raw(pa.table(columns)))
    known = read_known_texts(sorted(tmp_path.iterdir()))
    stored = [A, zeros[::-1], bytes(16), C]
    assert known.sight([*stored, B, zeros, D]) == [Standing.REPEATED] * 4 + [Standing.NEW] * 3
    assert [known.is_refused(digest) for digest in (B, zeros, zeros[:14], *stored)] == [True] * 2 + [
        False
    ] * 5
    assert known.add_refused(zeros) is Standing.REPEATED
    assert read_known_texts([]).sight([A]) == [Standing.NEW]


DIGESTS = st.integers(0, 30).map(lambda number: bytes([number]) * 16)


@given(st.lists(DIGESTS), st.lists(st.lists(DIGESTS, max_size=8), max_size=12))
def test_a_load_counts_each_text_once(stored: list[bytes], pages: list[list[bytes]]) -> None:
    known = KnownTexts(stored)
    sighted: set[bytes] = set()
    for page in pages:
        for digest, standing in zip(page, known.sight(page), strict=True):
            if standing is Standing.NEW:
                assert digest not in stored
                assert (known.add(digest) is Standing.NEW) == (digest not in sighted)
            else:
                assert (standing is Standing.SIGHTED) == (digest in sighted)
                assert digest in sighted.union(stored)
            sighted.add(digest)
    assert all(standing is not Standing.NEW for standing in known.sight(sorted(sighted)))
