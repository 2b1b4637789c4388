"""What a refusal says, in every shape, and what is made of it."""

import httpx
import pytest

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SourceError
from cbr_warehouse.source.http_errors import ErrorBody, read_error
from cbr_warehouse.source.query import TaskQuery


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"error_code":"BackupService.6500","error_msg":"Operation log does not exist."}',
            ErrorBody("BackupService.6500", "Operation log does not exist.", None, is_json=True),
        ),
        (
            b'{"error_msg":"throttling","error_code":"APIGW.0308","request_id":"d4e8"}',
            ErrorBody("APIGW.0308", "throttling", "d4e8", is_json=True),
        ),
        (
            b'{"error":{"code":401,"message":"The password is wrong.","title":"Unauthorized"}}',
            ErrorBody("401", "The password is wrong.", None, is_json=True),
        ),
        (b'{"error":{"code":"EPS.0003","message":"no"}}', ErrorBody("EPS.0003", "no", None, is_json=True)),
        (b'{"code":"X.1","message":"no"}', ErrorBody("X.1", "no", None, is_json=True)),
        (b'{"errorCode":"X.1","errorMsg":"no"}', ErrorBody("X.1", "no", None, is_json=True)),
        (b'{"error":"invalid_token","error_description":"no"}', ErrorBody(None, "no", None, is_json=True)),
        (b'{"error":"no"}', ErrorBody(None, "no", None, is_json=True)),
        (b'{"error_code":true,"error_msg":["x"],"code":7}', ErrorBody("7", None, None, is_json=True)),
        (b'"no"', ErrorBody(None, "no", None, is_json=True)),
        (b"[1]", ErrorBody(None, None, None, is_json=True)),
        (b"null", ErrorBody(None, None, None, is_json=True)),
        (b"", ErrorBody()),
        (b" \n", ErrorBody()),
        (b"upstream request timeout", ErrorBody(message="upstream request timeout")),
        (
            b"<html><head><TITLE>502 Bad\nGateway</TITLE></head><body>x</body></html>",
            ErrorBody(message="502 Bad\nGateway"),
        ),
        (
            b"<html><style>p{}</style><!-- x --><p>Sorry &amp; bye</p></html>",
            ErrorBody(message="Sorry & bye"),
        ),
        (b"\xff\xfe", ErrorBody(message="\ufffd\ufffd")),
        (b'{"error_msg":"cut', ErrorBody(message='{"error_msg":"cut')),
        (b"[" * 100_000, ErrorBody(message="[" * 20_000)),
    ],
)
def test_a_refusal_is_read_whatever_its_shape(body: bytes, said: ErrorBody) -> None:
    assert read_error(body) == said


def refusal(world, status: int, **answer) -> str:
    client = world.client(world.in_turn(httpx.Response(status, **answer)))
    with pytest.raises(SourceError) as caught:
        client.list_tasks(TaskQuery(vault_name="v"), limit=5, offset=0)
    return str(caught.value)


def test_a_refusal_names_source_request_answer_and_remedy(world) -> None:
    said = refusal(
        world,
        403,
        headers={"X-Request-Id": "5f3a"},
        json={"error_code": "APIGW.0302", "error_msg": "denied", "request_id": "other"},
    )
    assert said == (
        f"Source prod-eu (project {world.PROJECT}, region eu-de): "
        f"GET https://cbr.example.com{world.LIST_PATH} answered 403 APIGW.0302: denied (request id 5f3a). "
        "The credentials are valid but lack the permission: give their user cbr:tasks:list and cbr:tasks:get "
        "in this project, and check that project_id is the intended one."
    )


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (403, "APIGW.0310", "The project is not available"),
        (403, "APIG.0802", "may not use this region"),
        (404, "APIGW.0101", "knows no such API: check the endpoint"),
        (404, "X", "Check the endpoint (the part before /v3) and project_id"),
        (400, "BackupService.0001", "Check project_id and, if configured, enterprise_project_ids"),
        (407, "", "A proxy requires user and password"),
        (418, "", "does not behave as documented"),
    ],
)
def test_each_refusal_has_its_remedy(world, status: int, code: str, remedy: str) -> None:
    assert remedy in refusal(world, status, json={"error_code": code})


def test_the_id_of_a_request_is_taken_from_the_body_where_no_header_has_it(world) -> None:
    assert "(request id d4e8)" in refusal(world, 400, json={"error_code": "A", "request_id": "d4e8"})


def test_a_long_page_is_shortened_to_one_line(world) -> None:
    said = refusal(world, 400, text="<html><body>" + "sorry \x1b[31m\n" * 1000 + "</body></html>")
    assert len(said) < 700
    assert said.isprintable()


def test_errors_are_distinguished(world) -> None:
    with pytest.raises(ForbiddenError):
        world.client(world.always(403)).show_task("x")
    with pytest.raises(PermanentSourceError):
        world.client(world.always(400)).show_task("x")


def test_a_message_that_ends_with_a_full_stop_gets_no_second(world) -> None:
    said = refusal(world, 403, json={"error_code": "CBR.0403", "error_msg": "Not to be performed."})
    assert "Not to be performed. The credentials" in said
