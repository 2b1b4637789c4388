"""Error responses: reading them in every form seen in practice, and translating them to sentences.

CBR and its gateway write ``error_code``/``error_msg``, IAM nests ``error.code``/``error.message``
with a code that may be a number, others write ``code``/``message`` or ``errorCode``/``errorMsg``,
and proxies in front of them write HTML or plain text.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SignInError, SourceError
from cbr_warehouse.source.http_messages import ApiRequest, ApiResponse
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.retry import RATE_LIMITED, RetryableError, parse_retry_after

NOTABLE_SKEW_SECONDS = 300
"""Signatures are valid for some 15 minutes; a third of that is worth mentioning."""

TASK_ACTIONS = "cbr:tasks:list and cbr:tasks:get"
"""What a user needs to list tasks and to show one."""

_CODES = ("error_code", "errorCode", "code")
_MESSAGES = ("error_msg", "errorMsg", "message", "error_description", "title")
_SKIPPED = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_MAX_CHARACTERS = 20_000


@dataclass(frozen=True)
class ErrorBody:
    """The body of an error response. Not redacted yet.

    Attributes:
        code: The error code.
        message: The message.
        request_id: The id under which the server knows the request.
        is_json: Whether it is JSON, as API and gateway write it; HTML and text come from something else.
    """

    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    is_json: bool = False


class ErrorTranslator:
    """Translates error responses of one source to errors with a sentence.

    Args:
        name: Name of the source.
        project_id: Its project.
        region: Its region, if it is configured.
        redactor: Redacts the server's words.

    Attributes:
        where: The source as messages name it.
    """

    def __init__(self, name: str, project_id: str, region: str | None, redactor: Redactor) -> None:
        self.where = f"Source {name} (project {project_id}{f', region {region}' if region else ''})"
        self._redactor = redactor

    def retryable(self, response: ApiResponse) -> RetryableError:
        """The error for a response with a retryable status."""
        is_rate_limited = response.status == RATE_LIMITED
        if is_rate_limited:
            remedy = (
                "Try again later; if it stays so, lower max_requests_per_second of the source, or find out "
                "what else uses up the quota."
            )
        else:
            remedy = "The fault lies with the service or on the way to it: try again later."
        return RetryableError(
            self._answered(response),
            remedy,
            retry_after=parse_retry_after(response),
            is_rate_limited=is_rate_limited,
        )

    def unauthorized(self, request: ApiRequest, response: ApiResponse, remedy: str) -> SignInError:
        """The error for refused credentials.

        Args:
            request: The request.
            response: The response.
            remedy: What to do about it, which depends on the way to sign in.
        """
        sentence = f"{self.describe(request, response)} {remedy}{_skew_remedy(response)}"
        return SignInError(sentence, response.status)

    def permanent(
        self, request: ApiRequest, response: ApiResponse, action: str = TASK_ACTIONS
    ) -> SourceError:
        """The error for any other response that is no success and will not change by itself.

        Args:
            request: The request.
            response: The response.
            action: The permissions that the request needs.
        """
        happened = self.describe(request, response)
        code = (read_error(response.body).code or "").upper()
        if response.status == 403:
            return ForbiddenError(f"{happened} {_forbidden_remedy(code, action)}", response.status)
        if 300 <= response.status < 400:
            target = self._redactor.clean(response.headers.get("location", "another address"))
            return PermanentSourceError(
                f"{happened} It points to {target}. Check the endpoint of the source.", response.status
            )
        return PermanentSourceError(f"{happened} {_other_remedy(response.status, code)}", response.status)

    def describe(self, request: ApiRequest, response: ApiResponse) -> str:
        """What was answered to which request, as a sentence."""
        happened = f"{self.where}: {request.label} {self._answered(response)}"
        return happened if happened.endswith(".") else f"{happened}."

    def _answered(self, response: ApiResponse) -> str:
        """Status, code, message and request id, redacted."""
        body = read_error(response.body)
        code = f" {self._redactor.clean(body.code, 60)}" if body.code else ""
        message = f": {self._redactor.clean(body.message)}" if body.message else ""
        request_id = response.headers.get("x-request-id") or body.request_id
        id_ = f" (request id {self._redactor.clean(request_id, 80)})" if request_id else ""
        return f"answered {response.status}{code}{message}{id_}"


def read_error(body: bytes) -> ErrorBody:
    """Reads the body of an error response, whatever its form; it never fails."""
    if not body.strip():
        return ErrorBody()
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ErrorBody(message=_plain_text(body[:_MAX_CHARACTERS].decode(errors="replace")) or None)
    if not isinstance(decoded, dict):
        return ErrorBody(message=_text(decoded), is_json=True)
    inner = decoded.get("error")
    fields = {**decoded, **inner} if isinstance(inner, dict) else decoded
    message = _first_text(fields, _MESSAGES) or (inner if isinstance(inner, str) else None)
    request_id = _first_text(decoded, ("request_id", "requestId"))
    return ErrorBody(_first_text(fields, _CODES), message, request_id, is_json=True)


def _first_text(fields: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((text for key in keys if (text := _text(fields.get(key)))), None)


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[:_MAX_CHARACTERS].strip() or None


def _plain_text(text: str) -> str:
    if "<" not in text:
        return text.strip()
    title = _TITLE.search(text)
    if title and title[1].strip():
        return html.unescape(title[1].strip())
    return " ".join(html.unescape(_TAG.sub(" ", _SKIPPED.sub(" ", text))).split())


def _skew_remedy(response: ApiResponse) -> str:
    if response.served_at is None:
        return ""
    ahead = (response.arrived_at - response.served_at).total_seconds()
    if abs(ahead) < NOTABLE_SKEW_SECONDS:
        return ""
    return (
        f" This machine's clock is {abs(ahead) / 60:.0f} min {'ahead of' if ahead > 0 else 'behind'} the "
        "server's: correct it first."
    )


def _forbidden_remedy(code: str, action: str) -> str:
    if code.endswith(".0310"):
        return "The project is not available: check project_id, and in the console whether it is frozen."
    if code.endswith(".0802"):
        return "The user may not use this region: check the endpoint, or ask for access to the region."
    return (
        f"The credentials are valid but lack the permission: give their user {action} in this project, and "
        "check that project_id is the intended one."
    )


def _other_remedy(status: int, code: str) -> str:
    if status == 404 and code.endswith(".0101"):
        return "The gateway knows no such API: check the endpoint (the part before /v3) and the region."
    if status == 404:
        return "Check the endpoint (the part before /v3) and project_id."
    if status == 400:
        return "Check project_id and, if configured, enterprise_project_ids of the source."
    if status == 407:
        return "A proxy requires user and password: check HTTP_PROXY and HTTPS_PROXY."
    return "Check the endpoint; if it is right, the service does not behave as documented."
