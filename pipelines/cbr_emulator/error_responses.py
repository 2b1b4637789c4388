"""Answers of the API in the shapes that its documents print."""

from collections.abc import Mapping
from uuid import uuid4

from starlette.responses import JSONResponse, Response


def refuse(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error of CBR or of its gateway."""
    request_id = uuid4().hex
    body = {"error_code": code, "error_msg": message, "request_id": request_id}
    return JSONResponse(body, status, {**(headers or {}), "X-Request-Id": request_id})


def refuse_iam(status: int, title: str, message: str) -> Response:
    """An error of IAM, whose code is a number."""
    return JSONResponse({"error": {"code": status, "message": message, "title": title}}, status)
