"""What the client asks for and what it hands back: each record's exact bytes, and never a page too short."""

import pytest

from cbr_warehouse.errors import PermanentSourceError, TransientSourceError
from cbr_warehouse.source.query import TaskQuery

EVERYTHING = TaskQuery()
A = b'{ "id" : "a", "n": 9007199254740993, "f": 1.10, "f": 2 }'
B = b'{"id":"b","created_at":"2026-02-28T23:59:59.5","operation_type":"backup","status":"success"}'
BROKEN = b'{"id":"x","name":"5" disk"}'


def test_a_page_is_asked_for_with_every_filter(world) -> None:
    query = TaskQuery(
        start_time=world.START,
        end_time=world.START,
        operation_type="backup",
        status="failed",
        provider_id="0daac4c5-6707-4851-97ba-169e36266b66",
        resource_id="r",
        resource_name="a b/ü+~",
        vault_id="v",
        vault_name="50% & more",
        enterprise_project_id="all_granted_eps",
    )
    client = world.client(world.in_turn(world.page()))
    client.list_tasks(query, limit=100, offset=200)
    (request,) = world.requests
    assert request.method == "GET"
    assert request.url.path == world.LIST_PATH
    assert dict(request.url.params) == query.parameters() | {"limit": "100", "offset": "200"}
    assert b"resource_name=a%20b%2F%C3%BC%2B~" in request.url.query
    assert b"start_time=2026-03-01T12%3A00%3A00Z" in request.url.query
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("cbr-warehouse/")


def test_a_filter_that_is_not_set_is_not_sent(world) -> None:
    world.client(world.in_turn(world.page())).list_tasks(EVERYTHING, limit=1, offset=0)
    assert dict(world.requests[0].url.params) == {"limit": "1", "offset": "0"}


def test_an_endpoint_may_have_a_path(world) -> None:
    client = world.client(world.in_turn(world.page()), endpoint="https://gateway.example.com:8443/cbr/")
    client.list_tasks(EVERYTHING, limit=1, offset=0)
    assert str(world.requests[0].url).startswith(f"https://gateway.example.com:8443/cbr{world.LIST_PATH}?")


def test_a_page_tells_its_records_and_where_they_come_from(world) -> None:
    query = TaskQuery(status="running")
    page = world.client(world.in_turn(world.page(A, B, count=b"12"))).list_tasks(query, limit=5, offset=10)
    assert page.records == (A, B)
    assert (page.count, page.status, page.broken) == (12, 200, ())
    assert (page.query, page.limit, page.offset) == (query, 5, 10)
    assert page.fetched_at == world.now


def test_an_empty_list_is_an_empty_page(world) -> None:
    page = world.client(world.in_turn(world.page())).list_tasks(EVERYTHING, limit=5, offset=0)
    assert (page.records, page.count) == ((), 0)


@pytest.mark.parametrize(("count", "offset"), [(0, 0), (10, 10)])
@pytest.mark.fault("hostile responses")
def test_a_list_that_go_prints_as_null_is_an_empty_page(world, count: int, offset: int) -> None:
    answer = httpx_response(f'{{"operation_logs": null, "count": {count}}}'.encode())
    page = world.client(world.in_turn(answer)).list_tasks(EVERYTHING, limit=5, offset=offset)
    assert (page.records, page.count) == ((), count)


def test_one_task_is_asked_for_by_its_id(world) -> None:
    client = world.client(world.in_turn(httpx_response(b'{"operation_log": ' + A + b"}")))
    page = client.show_task("a/b c")
    assert world.requests[0].url.raw_path == f"{world.LIST_PATH}/a%2Fb%20c".encode()
    assert page.records == (A,)
    assert (page.count, page.query, page.limit, page.offset, page.status) == (None, None, None, None, 200)


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"error_code": "BackupService.6500", "error_msg": "Operation log does not exist."}},
        {"json": {"code": 404}},
        {"content": b""},
    ],
)
def test_a_task_that_the_source_does_not_know_is_a_page_of_none(world, answer) -> None:
    page = world.client(world.always(404, **answer)).show_task("gone")
    assert (page.records, page.status) == ((), 404)
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"error_code": "APIGW.0101", "error_msg": "The API does not exist"}},
        {"json": {"error_code": "APIG.0101", "error_msg": "The API does not exist"}},
        {"html": "<html><title>404 Not Found</title></html>"},
    ],
)
def test_a_404_of_a_gateway_is_not_taken_for_a_task_that_is_gone(world, answer) -> None:
    with pytest.raises(PermanentSourceError, match="answered 404"):
        world.client(world.always(404, **answer)).show_task("there")


@pytest.mark.parametrize("task_id", ["", ".", "..", "\ud800"])
@pytest.mark.fault("hostile responses")
def test_an_unusable_id_is_never_requested(world, task_id: str) -> None:
    """The address of a task without an id is that of the whole list."""
    with pytest.raises(PermanentSourceError, match="no task can be requested"):
        world.client(world.in_turn()).show_task(task_id)
    assert world.requests == []


def test_a_broken_record_is_believed_once_it_came_three_times(world) -> None:
    client = world.client(lambda _: world.page(A, BROKEN, B))
    page = client.list_tasks(EVERYTHING, limit=5, offset=0)
    assert page.records == (A, BROKEN, B)
    assert page.broken == (1,)
    assert page.count == 3
    assert len(world.requests) == 3


def test_a_record_garbled_on_the_way_is_asked_for_again(world) -> None:
    client = world.client(world.in_turn(world.page(A, B[:20] + b"\x00" + B[20:]), world.page(A, B)))
    page = client.list_tasks(EVERYTHING, limit=5, offset=0)
    assert (page.records, page.broken) == ((A, B), ())


@pytest.mark.fault("hostile responses")
def test_a_page_garbled_differently_each_time_is_no_page(world) -> None:
    garbled = [world.page(A, B[:at] + b"\x00" + B[at:]) for at in range(20, 28)]
    with pytest.raises(TransientSourceError, match=r"tried 8 times.*are not JSON, and others each time"):
        world.client(world.in_turn(*garbled)).list_tasks(EVERYTHING, limit=5, offset=0)


def test_a_lone_surrogate_is_sound_and_needs_no_second_look(world) -> None:
    record = b'{"id":"a","name":"\\ud800"}'
    page = world.client(world.in_turn(world.page(record, B))).list_tasks(EVERYTHING, limit=5, offset=0)
    assert (page.records, page.broken) == ((record, B), ())


@pytest.mark.fault("hostile responses")
def test_bytes_that_are_no_utf8_are_handed_on(world) -> None:
    record = b'{"id":"a","name":"\xff\xfe"}'
    page = world.client(world.in_turn(world.page(record, B))).list_tasks(EVERYTHING, limit=5, offset=0)
    assert (page.records, page.broken) == ((record, B), ())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"operation_logs":[' + A,
        b'{"operation_logs":[' + A + b",",
        b'{"operation_logs":[' + A + b'],"cou',
        b'{"operation_logs":[' + A + b'],"count":1}\n{"operation_logs":[]}',
    ],
)
@pytest.mark.fault("hostile responses")
def test_a_body_that_is_cut_off_is_never_a_short_page(world, body: bytes) -> None:
    with pytest.raises(TransientSourceError, match="tried 8 times"):
        world.client(world.always(200, content=body)).list_tasks(EVERYTHING, limit=5, offset=0)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"null",
        b'{"operation_logs":null}',
        b'{"operation_logs":{}}',
        b'{"operation_log":[]}',
        b'{"error":{"code":401,"message":"no"}}',
        b"<html><body>Please sign in</body></html>",
        b"OK",
    ],
)
@pytest.mark.fault("hostile responses")
def test_a_body_of_another_shape_is_never_an_empty_page(world, body: bytes) -> None:
    with pytest.raises(
        PermanentSourceError,
        match=r"tried 4 times.*gave no list of tasks \(the answer is .*Check the endpoint",
    ):
        world.client(world.always(200, content=body)).list_tasks(EVERYTHING, limit=5, offset=0)


def test_a_captive_portal_that_goes_away_is_retried(world) -> None:
    client = world.client(world.in_turn(httpx_response(b"<html>sign in</html>"), world.page(A)))
    assert client.list_tasks(EVERYTHING, limit=5, offset=0).records == (A,)


def test_a_broken_task_is_believed_once_it_came_three_times(world) -> None:
    client = world.client(world.always(200, content=b'{"operation_log":{"id":"a","n":NaN}}'))
    page = client.show_task("a")
    assert (page.records, page.broken) == ((b'{"id":"a","n":NaN}',), (0,))
    assert len(world.requests) == 3


def test_requests_are_counted_failed_ones_too(world) -> None:
    client = world.client(world.in_turn(httpx_response(b"", 503), world.page(A), world.page(B)))
    client.list_tasks(EVERYTHING, limit=5, offset=0)
    client.list_tasks(EVERYTHING, limit=5, offset=1)
    assert client.requests_made == 3


def httpx_response(body: bytes, status: int = 200):
    import httpx

    return httpx.Response(status, content=body)
