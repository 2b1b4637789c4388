"""Cutting pages into records: as a strict parser would, and around one that is broken."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.source.parse_response import UnreadableBodyError, read_list
from cbr_warehouse.source.slice_json import Slices, slice_array, slice_value

pytestmark = pytest.mark.fault("hostile responses")

KEY = "operation_logs"

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
# No lone surrogates: msgspec refuses them, so it could not be compared with.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"', "\\", "],", '"}', '{"id"', "[", "}]}", "count", "\x00", "é"]
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
envelopes = st.dictionaries(st.sampled_from(["count", "limit", "offset"]), st.integers(0, 9), max_size=3)
# No record has the envelope's keys.
inner_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts.filter(lambda text: text != "count"), inner, max_size=3)
    ),
    max_leaves=6,
)


class _Body(msgspec.Struct):
    operation_logs: list[msgspec.Raw]


@st.composite
def printed(draw: st.DrawFn, value: object) -> bytes:
    """JSON with whatever white space and escapes a server may use."""
    comma, colon = draw(st.sampled_from([",", ", ", " ,\n\t"])), draw(st.sampled_from([":", ": ", " :\r\n"]))
    text = json.dumps(value, separators=(comma, colon), ensure_ascii=draw(st.booleans()))
    return text.encode()


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    items, before, after = draw(st.lists(values, max_size=5)), draw(envelopes), draw(envelopes)
    return draw(
        printed({**before, KEY: items, **{name: after[name] for name in after if name not in before}})
    )


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Realistic enough to be distinguished from objects nested in one."""
    record = {name: draw(texts) for name in TASKS.record_keys}
    record["extra_info"] = draw(
        st.dictionaries(texts.filter(lambda text: text != "count"), inner_values, max_size=3)
    )
    return draw(printed(record))


def cut(body: bytes) -> Slices | None:
    return slice_array(body, KEY, TASKS.record_keys)


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def texts_of(body: bytes, slices: Slices) -> list[bytes]:
    return [body[begin:end] for begin, end in slices.spans]


@given(bodies())
def test_a_sound_array_is_cut_as_a_strict_parser_cuts_it(body: bytes) -> None:
    slices = cut(body)
    assert slices is not None
    assert slices.broken == ()
    assert texts_of(body, slices) == [
        bytes(raw) for raw in msgspec.json.decode(body, type=_Body).operation_logs
    ]


# What a server with a fault may write in the place of a record.
breakages = st.sampled_from(
    [
        lambda text, at: text[:at] + b'"' + text[at:],
        lambda text, at: text[:at] + b"\x01" + text[at:],
        lambda text, at: text[:at] + b"NaN" + text[at:],
        lambda text, at: text[:at] + b"}" + text[at:],
        lambda text, at: text[:at] + b"{" + text[at:],
        lambda text, at: text[:at] + b"\\" + text[at:],
        lambda text, at: text[:at] + text[at + 1 :],
        lambda text, at: text[:at],
        lambda text, at: text[:at] + b"\xff" + text[at + 1 :],
        lambda text, at: b"<html>500</html>",
        lambda text, at: b"undefined",
    ]
)


@given(st.lists(records(), min_size=1, max_size=4), st.none() | breakages, st.data())
def test_a_cut_off_body_is_never_cut_into_a_short_page(items, breakage, data) -> None:
    if breakage:
        position = data.draw(st.integers(0, len(items) - 1))
        items[position] = breakage(items[position], data.draw(st.integers(1, len(items[position]) - 1)))
    body = b'{"operation_logs":[' + b",".join(items) + data.draw(st.sampled_from([b'],"count":7}', b"]}"]))
    beginning = body[: data.draw(st.integers(0, len(body) - 1))]
    assume(not is_json(beginning))  # a broken record may be such that its beginning ends a sound page
    assert cut(beginning) is None


@given(
    st.lists(records(), max_size=3),
    records(),
    st.lists(records(), max_size=3),
    breakages,
    st.data(),
)
def test_around_a_broken_record_every_other_one_stays_whole(before, record, after, breakage, data) -> None:
    broken = breakage(record, data.draw(st.integers(1, len(record) - 1)))
    body = b'{"operation_logs":[' + b",".join([*before, broken, *after]) + b'],"count":7}'
    slices = cut(body)
    assert slices is not None
    found = texts_of(body, slices)
    assert found[: len(before)] == before
    assert found[len(found) - len(after) :] == after
    # Nothing of it is lost: between the first and the last byte of the array only commas stand alone.
    between = found[len(before) : len(found) - len(after)]
    assert b"".join(b",".join(between).split()) == b"".join(broken.split())


@given(st.lists(records(), min_size=2, max_size=5), st.data())
def test_several_broken_records_do_not_hide_the_sound_ones(items: list[bytes], data: st.DataObject) -> None:
    broken = data.draw(st.sets(st.integers(0, len(items) - 1), min_size=1))
    torn = [item[:-1] + b'"' if position in broken else item for position, item in enumerate(items)]
    body = b'{"count":7,"operation_logs":[' + b" , ".join(torn) + b'],"limit":9}'
    slices = cut(body)
    assert slices is not None
    found = texts_of(body, slices)
    sound = [text for position, text in enumerate(found) if position not in slices.broken]
    # A text torn open may hold what reads as a value of its own, but hides no whole record beside it.
    rest = iter(sound)
    assert all(text in rest for position, text in enumerate(torn) if position not in broken)
    # Broken neighbours may come as one text; none of it is lost.
    assert b",".join(b"".join(text.split()) for text in found) == b",".join(
        b"".join(text.split()) for text in torn
    )


@pytest.mark.parametrize(
    "tear",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: b"oops " + text,
        lambda text: text + b" oops",
        lambda text: text[:-1],
    ],
)
def test_several_broken_records_do_not_hide_those_of_required_keys_alone(
    tear: Callable[[bytes], bytes],
) -> None:
    """Seen: nine records between two broken ones came as one text with them."""
    items = [b'{"id":"%d","created_at":"2026-11-20T01:00:00"}' % number for number in range(7)]
    torn = [tear(item) if number in {1, 4} else item for number, item in enumerate(items)]
    found = read_list(b'{"operation_logs":[' + b",".join(torn) + b'],"count":7}')
    assert list(found.texts) == torn
    assert found.broken == (1, 4)


def test_what_is_nested_in_a_broken_record_makes_none() -> None:
    nested = b'[{"id":"x","created_at":"1"},{"id":"y","created_at":"2"}]'
    torn = b'{"id":"a","created_at":nope,"history":' + nested + b"}"
    items = [torn, b'{"id":"b","created_at":"3"}', torn, b'{"id":"c","created_at":"4"}']
    found = read_list(b'{"operation_logs":[' + b",".join(items) + b'],"count":4}')
    assert list(found.texts) == items


@given(st.binary(max_size=60))
def test_whatever_arrives_gives_records_or_a_reason(garbage: bytes) -> None:
    for body in (
        garbage,
        b'{"operation_logs":[' + garbage,
        b'{"operation_logs":[' + garbage + b'],"count":1}',
    ):
        try:
            found = read_list(body)
        except UnreadableBodyError:
            continue
        assert all(text in body for text in found.texts)


@given(values, envelopes, st.data())
def test_a_value_is_found_as_a_strict_parser_finds_it(
    value: object, rest: dict[str, int], data: st.DataObject
) -> None:
    body = data.draw(printed({**rest, "operation_log": value}))
    found = slice_value(body, "operation_log")
    assert found is not None
    begin, end, is_sound = found
    assert is_sound
    assert json.loads(body[begin:end]) == value


@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_a_record_nested_beyond_measure_is_cut_whole(depth: int) -> None:
    deep = b'{"id":"x","extra":' + b"[" * depth + b"]" * depth + b"}"
    body = b'{"operation_logs":[{"id":"a"},' + deep + b',{"id":"b"}],"count":3}'
    assert texts_of(body, cut(body) or Slices((), (), {})) == [b'{"id":"a"}', deep, b'{"id":"b"}']


def test_a_long_broken_record_takes_no_long_time() -> None:
    """Testing each comma of a broken record against the whole rest once took minutes."""
    nested = b",".join(b'{"id":"%d"}' % number for number in range(20_000))
    broken = b'{"id":"x","volumes":[' + nested + b'],"name":"5" disk"}'
    sound = json.dumps({**dict.fromkeys(TASKS.record_keys, "x"), "b": 1}).encode()
    body = b'{"operation_logs":[' + broken + b"," + sound + b'],"count":2}'
    slices = cut(body)
    assert slices is not None
    assert texts_of(body, slices) == [broken, sound]


@given(st.lists(records(), min_size=1, max_size=3))
def test_the_envelope_is_read_around_the_array(items: list[bytes]) -> None:
    assume(items)
    slices = cut(b'{"offset": 0, "operation_logs": [' + b",".join(items) + b'], "count": "12"}')
    assert slices is not None
    assert slices.envelope == {"offset": "0", "count": "12"}
