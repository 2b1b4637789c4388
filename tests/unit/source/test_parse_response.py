"""From the body of an answer to the exact bytes of its records, and to its count if it has one."""

from datetime import UTC, datetime

import pytest

from cbr_warehouse.source.parse_response import Records, UnreadableBodyError, read_list, read_show
from cbr_warehouse.source.query import TaskQuery


@pytest.mark.parametrize(
    ("printed", "count"),
    [
        (b"0", 0),
        (b"50", 50),
        (b'"50"', 50),
        (b"50.0", 50),
        (b'"50.00"', 50),
        (b"null", None),
        (b"-1", None),
        (b"1.5", None),
        (b"true", None),
        (b'""', None),
        (b'"many"', None),
        (b"[3]", None),
        (b'{"total":3}', None),
        (b"9" * 30, None),
    ],
)
@pytest.mark.parametrize("record", [b'{"id":"a"}', b'{"id":"\\ud800"}'], ids=["fast", "careful"])
def test_a_count_is_taken_as_a_number_or_not_at_all(record: bytes, printed: bytes, count: int | None) -> None:
    assert read_list(b'{"operation_logs":[' + record + b'],"count":' + printed + b"}").count == count


@pytest.mark.parametrize("record", [b'{"id":"a"}', b'{"id":"\\ud800"}'], ids=["fast", "careful"])
def test_a_count_may_be_missing_or_come_first(record: bytes) -> None:
    assert read_list(b'{"operation_logs":[' + record + b"]}").count is None
    assert read_list(b'{"count":7,"limit":9,"operation_logs":[' + record + b"]}").count == 7


@pytest.mark.parametrize(
    ("body", "offset", "count"),
    [
        (b'{"operation_logs":null,"count":0}', 0, 0),
        (b'{"operation_logs": null, "count": 0}', 50, 0),
        (b'{"count":"0","operation_logs":null}', 0, 0),
        (b'{"operation_logs":null,"count":25}', 25, 25),  # the page after the last one
        (b'{"operation_logs":null,"count":25}', 50, 25),
        (b'{"operation_logs":[],"count":null}', 0, None),
    ],
)
@pytest.mark.fault("hostile responses")
def test_a_list_of_null_is_an_empty_page_where_the_count_says_so(
    body: bytes, offset: int, count: int | None
) -> None:
    """Services written in Go print an empty list as null; every load of such a source failed."""
    assert read_list(body, offset) == Records((), count)


@pytest.mark.parametrize(
    "body",
    [
        b'{"operation_logs":null}',
        b'{"operation_logs":null,"count":null}',
        b'{"operation_logs":null,"count":1}',
        b'{"operation_logs":null,"count":"many"}',
        b'{"count":0}',
        b'{"operation_log":null,"count":0}',
    ],
)
@pytest.mark.fault("hostile responses")
def test_a_list_of_null_without_a_count_that_says_so_is_no_page(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError, match="operation_logs") as caught:
        read_list(body)
    assert not caught.value.is_cut_off


def test_records_are_handed_on_byte_for_byte() -> None:
    records = (
        b'{"id" :\t"a"}',
        b'{"n":123456789012345678901234567890,"e":1E+2}',
        b'{"k":1,"k":2}',
        b'"text"',
        b"null",
        b"[ ]",
        b'{"t":"\xc3\xa9\xff"}',
    )
    body = b'\n{ "operation_logs" : [\r\n' + b" ,\n".join(records) + b'\n] , "count" : 7 }\n'
    assert read_list(body).texts == records


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b'{"operation_log":{"id":"a"}}', Records((b'{"id":"a"}',))),
        (b'{"request_id":"x","operation_log": {"id":"a"} ,"more":{}}', Records((b'{"id":"a"}',))),
        (b'{"operation_log":{"id":"\\ud800"},"more":{}}', Records((b'{"id":"\\ud800"}',))),
        (b'{"operation_log":{"id":NaN}}', Records((b'{"id":NaN}',), broken=(0,))),
        (b'{"operation_log":null}', Records((b"null",))),
    ],
)
def test_a_single_record_is_read(body: bytes, records: Records) -> None:
    assert read_show(body) == records


@pytest.mark.parametrize(
    ("body", "is_cut_off"),
    [
        (b"", True),
        (b'{"operation_log":{"id":"a"}', True),
        (b'{"operation_log":{"id":"5" x"}}', True),
        (b'{"operation_logs":[]}', False),
        (b"<html>", False),
        (b"[]", False),
    ],
)
def test_a_body_without_a_record_is_an_error(body: bytes, is_cut_off: bool) -> None:
    with pytest.raises(UnreadableBodyError) as caught:
        read_show(body)
    assert caught.value.is_cut_off is is_cut_off


def test_a_query_takes_no_time_without_a_zone() -> None:
    naive = datetime.now(UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="end_time has no time zone"):
        TaskQuery(end_time=naive)
    with pytest.raises(ValueError, match="start_time has no time zone"):
        TaskQuery(start_time=naive)
