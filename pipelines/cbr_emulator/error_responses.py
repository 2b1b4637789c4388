"""Error responses in the formats of the API's documentation."""

from collections.abc import Mapping
from uuid import uuid4

from starlette.responses import JSONResponse, Response


def error_response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An error of CBR or of its API gateway.

    Args:
        status: HTTP status.
        code: Value of ``error_code``, such as ``APIGW.0301``.
        message: Value of ``error_msg``.
        headers: Additional response headers.
    """
    request_id = uuid4().hex
    body = {"error_code": code, "error_msg": message, "request_id": request_id}
    return JSONResponse(body, status, {**(headers or {}), "X-Request-Id": request_id})


def iam_error_response(status: int, title: str, message: str) -> Response:
    """An error of IAM, whose ``code`` is the HTTP status."""
    return JSONResponse({"error": {"code": status, "message": message, "title": title}}, status)
