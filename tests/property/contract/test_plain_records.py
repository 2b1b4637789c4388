"""Validation of whole pages gives each record the result of the exact reading, however it is printed."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator, Validation

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
VALIDATOR = RecordValidator(read_contract())

instants = st.sampled_from(
    [
        "2026-11-18T01:00:00",
        "2026-11-18T01:00:00.5Z",
        "2026-11-18T23:59:59.123456+00:00",
        "2000-01-01T00:00:00",
        "2026-11-27T11:59:59.999999",
        # What is not plain, or not valid.
        "1999-12-31T23:59:59.999999",
        "2026-11-27T12:00:00",
        "2026-11-27T12:00:00.000001",
        "2026-11-18T01:00:00+02:00",
        "2026-11-18 01:00:00",
        "2026-11-18T24:00:00",
        "2026-02-30T01:00:00",
        "0000-01-01T01:00:00",
        "2026-11-18T01:00:00\n2026-11-18T01:00:00",
        "2026-11-18T01:00:00\n",
        "٢٠٢٦-11-18T01:00:00",
        "",
    ]
)
texts = st.one_of(
    st.sampled_from(
        [
            "",
            "a",
            '"a":',
            'x":y',
            'x" :y',
            "back\\slash",
            "a\\",
            '\\"',
            "nul\0",
            "half\ud800",
            "tab\t:",
            "  :",
        ]
    ),
    st.text(max_size=6),
)
odd = st.sampled_from([None, 1, 0, -1, 1.5, True, False, "true", "1", [], {}, ["x"], 2**63, "55.0"])
blocks: st.SearchStrategy[Any] = st.one_of(
    odd,
    st.dictionaries(
        st.sampled_from(
            [
                "fail_count",
                "fail_delete_count",
                "total_count",
                "backup_id",
                "backup_name",
                "incremental",
                "zzz",
            ]
        ),
        st.one_of(odd, texts),
        max_size=3,
    ),
)
records = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(texts, texts, odd),
        "created_at": st.one_of(instants, instants, odd),
        "started_at": st.one_of(st.none(), instants),
        "updated_at": st.one_of(instants, odd),
        "status": st.one_of(texts, odd),
        "vault_name": texts,
        "error_info": st.one_of(st.fixed_dictionaries({"code": texts}), odd),
        "extra_info": st.dictionaries(
            st.sampled_from(["common", "backup", "vault_delete", "unknown"]), blocks, max_size=2
        ),
    },
)
sound = st.fixed_dictionaries(
    {"id": st.text("abc", min_size=1), "created_at": st.just("2026-11-18T01:00:00")}
)
spaces = st.sampled_from(["", " ", "  ", "\t", "\n", "\r\n"])


@st.composite
def printed_records(draw: st.DrawFn) -> bytes:
    """A record as some server might print it, with a key that stands twice now and then."""
    value = draw(sound) | draw(records) if draw(st.booleans()) else draw(records)
    separators = (f"{draw(spaces)},{draw(spaces)}", f"{draw(spaces)}:{draw(spaces)}")
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), separators=separators)
    if draw(st.integers(0, 4)) == 0:
        key = draw(st.sampled_from(["id", "status", "created_at"]))
        text = f'{{"{key}"{draw(spaces)}:"a"{"," if value else ""}{text[1:]}'
    if draw(st.integers(0, 4)) == 0:
        # A colon printed as an escape lowers the count of what looks like a key.
        text = text.replace('\\":', '\\"\\u003a')
    return text.encode("utf-8", "surrogatepass")


def results(page: list[bytes]) -> list[Validation]:
    """The results for a page, one by one."""
    found = VALIDATOR.check_page(page, NOW)
    assert len(found.task_ids) == len(found.days) == len(page)
    return [
        found.exact.get(position, Validation(found.task_ids[position], found.days[position]))
        for position in range(len(page))
    ]


EXACT = RecordValidator(read_contract())
EXACT._plain.check = lambda _records, _bounds: None  # type: ignore[method-assign]  # nothing is plain


@given(st.lists(printed_records(), max_size=5))
def test_a_page_gives_each_record_the_result_of_the_exact_reading(page: list[bytes]) -> None:
    for record, result in zip(page, results(page), strict=True):
        exact = EXACT.check(record, NOW)
        assert (result.task_id, result.day, result.reason) == (exact.task_id, exact.day, exact.reason)
        assert result.extra == exact.extra
        if result.reason is None and result.normal is None:
            normal = json.loads(exact.normal or "")
            assert {key: normal[key] for key in ("id", "status") if key in normal} == {
                key: value for key, value in json.loads(record).items() if key in ("id", "status")
            }


@given(st.lists(sound, min_size=1, max_size=80), st.integers(0, 79), printed_records())
def test_one_odd_record_does_not_change_the_results_of_the_others(
    values: list[dict[str, str]], place: int, odd_one: bytes
) -> None:
    page = [json.dumps(value).encode() for value in values]
    page.insert(place, odd_one)
    for record, result in zip(page, results(page), strict=True):
        assert result == VALIDATOR.check(record, NOW)
        if record is not odd_one:
            assert (result.reason, result.normal) == (None, None)
