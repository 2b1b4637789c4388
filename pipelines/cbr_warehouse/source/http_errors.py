"""Refusals told: from an answer that gives no tasks to a sentence of what happened and what to do."""

from collections.abc import Callable
from datetime import datetime

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SignInError, SourceError
from cbr_warehouse.source.error_body import read_error
from cbr_warehouse.source.failures import RetryableError
from cbr_warehouse.source.messages import ApiRequest, ApiResponse
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.retry import TOO_MANY, parse_http_date, parse_retry_after

NOTABLE_SKEW_SECONDS = 300
"""Signatures are good for some 15 minutes; a third of that is worth a word."""


class ErrorTranslator:
    """Tells refusals of one source.

    Args:
        name: Name of the source.
        project_id: Its project.
        region: Its region, if it is configured.
        redactor: Cleans what the server says.
        clock: The present, UTC.

    Attributes:
        where: The source as a message names it.
    """

    def __init__(
        self,
        name: str,
        project_id: str,
        region: str | None,
        redactor: Redactor,
        clock: Callable[[], datetime],
    ) -> None:
        self.where = f"Source {name} (project {project_id}{f', region {region}' if region else ''})"
        self._redactor = redactor
        self._clock = clock

    def answered(self, answer: ApiResponse) -> str:
        """What the server said: status, code, message, request id, clean of secrets."""
        said = read_error(answer.body)
        code = f" {self._redactor.clean(said.code, 60)}" if said.code else ""
        message = f": {self._redactor.clean(said.message)}" if said.message else ""
        request_id = answer.headers.get("x-request-id") or said.request_id
        id_ = f" (request id {self._redactor.clean(request_id, 80)})" if request_id else ""
        return f"answered {answer.status}{code}{message}{id_}"

    def passing(self, answer: ApiResponse) -> RetryableError:
        """A refusal that may pass, for another try."""
        if answer.status == TOO_MANY:
            remedy = (
                "Try again later; if it stays so, ask less with the key max_requests_per_second of the "
                "source, or look for what else uses up the quota."
            )
        else:
            remedy = "The fault lies with the service or on the way to it: try again later."
        return RetryableError(
            self.answered(answer),
            remedy,
            retry_after=parse_retry_after(answer.headers, self._clock()),
            is_too_many=answer.status == TOO_MANY,
        )

    def signed_out(self, asked: ApiRequest, answer: ApiResponse, remedy: str) -> SignInError:
        """A refusal of the credentials.

        Args:
            asked: The request.
            answer: The answer.
            remedy: What to do about it, which depends on the way to sign in.

        Returns:
            The error to raise.
        """
        return SignInError(f"{self._happened(asked, answer)} {remedy}{self._skew(answer)}", answer.status)

    def final(self, asked: ApiRequest, answer: ApiResponse) -> SourceError:
        """Any other refusal that will not pass by itself.

        Args:
            asked: The request.
            answer: The answer.

        Returns:
            The error to raise.
        """
        happened = self._happened(asked, answer)
        code = (read_error(answer.body).code or "").upper()
        if answer.status == 403:
            return ForbiddenError(f"{happened} {_forbidden_remedy(code)}", answer.status)
        if 300 <= answer.status < 400:
            to = self._redactor.clean(answer.headers.get("location", "another address"))
            return PermanentSourceError(
                f"{happened} It points to {to}. Check the endpoint of the source.", answer.status
            )
        return PermanentSourceError(f"{happened} {_other_remedy(answer.status, code)}", answer.status)

    def _happened(self, asked: ApiRequest, answer: ApiResponse) -> str:
        happened = f"{self.where}: {asked.label} {self.answered(answer)}"
        return happened if happened.endswith(".") else f"{happened}."

    def _skew(self, answer: ApiResponse) -> str:
        served_at = parse_http_date(answer.headers.get("date", ""))
        if served_at is None:
            return ""
        ahead = (answer.arrived_at - served_at).total_seconds()
        if abs(ahead) < NOTABLE_SKEW_SECONDS:
            return ""
        return (
            f" This machine's clock is {abs(ahead) / 60:.0f} min {'ahead of' if ahead > 0 else 'behind'} the "
            "server's: correct it first."
        )


def _forbidden_remedy(code: str) -> str:
    if code.endswith(".0310"):
        return "The project is not available: check project_id, and in the console whether it is frozen."
    if code.endswith(".0802"):
        return "The user may not use this region: check the endpoint, or ask for access to the region."
    return (
        "The credentials are good but lack the permission: give their user cbr:tasks:list and cbr:tasks:get "
        "in this project, and check that project_id is the one meant."
    )


def _other_remedy(status: int, code: str) -> str:
    if status == 404 and code.endswith(".0101"):
        return "The gateway knows no such API: check the endpoint (what stands before /v3) and the region."
    if status == 404:
        return "Check the endpoint (what stands before /v3) and project_id."
    if status == 400:
        return "Check project_id and, if configured, enterprise_project_ids of the source."
    if status == 407:
        return "A proxy wants a user and password: check HTTP_PROXY and HTTPS_PROXY."
    return "Check the endpoint; if it is right, the service does not behave as its documents say."
