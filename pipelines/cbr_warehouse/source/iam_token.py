"""Tokens from IAM: issued for user and password, scoped to the project, renewed before they expire."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import msgspec

from cbr_warehouse.errors import PermanentSourceError, SourceError, TransientSourceError
from cbr_warehouse.settings.credentials import PasswordCredentials
from cbr_warehouse.source.auth import TOKEN_HEADER, Renewal
from cbr_warehouse.source.messages import ApiRequest, ApiResponse
from cbr_warehouse.source.retry import RETRYABLE_STATUSES
from cbr_warehouse.source.session import Connection

RENEW_BEFORE = timedelta(minutes=10)
"""How long before its end a token is renewed, if it lives long enough for that."""

UNKNOWN_LIFETIME = timedelta(hours=1)
"""Assumed for a token without an expiry; the documents say 24 hours."""

FAILURE_HOLDS_SECONDS = 30
"""How long after IAM failed the same failure is reported to everyone who needs a token: many threads
waited for the one that tried."""

_USABLE = re.compile(r"[!-~]+", re.ASCII)
_REFUSED = (
    "IAM issues no token for this user: check username, password, domain and project_id of the source, and "
    "that the user may sign in with a password. Wait some minutes before trying again: an account is locked "
    "after several failures."
)


@dataclass(frozen=True)
class _Token:
    value: str = field(repr=False)
    renew_at: datetime


class IamToken:
    """Signs in with a token that IAM issues. Safe to share between threads.

    Args:
        credentials: User, password, domain and the address of IAM.
        project_id: The project that the token is scoped to.
        connection: The way to the servers. Its redactor learns each token, so that none is ever shown.
    """

    def __init__(self, credentials: PasswordCredentials, project_id: str, connection: Connection) -> None:
        self._credentials = credentials
        self._project_id = project_id
        self._connection = connection
        self._lock = Lock()
        self._token: _Token | None = None
        self._refused: SourceError | None = None
        self._failed: TransientSourceError | None = None
        self._failed_at = 0.0
        self._monotonic = connection.runtime.monotonic

    @property
    def remedy(self) -> str:
        """What to do where a new token is refused."""
        return (
            f"A token that {self._credentials.iam_endpoint} just issued is refused: check that endpoint, "
            "iam_endpoint and project_id of the source belong to the same cloud and region."
        )

    def headers(self, request: ApiRequest) -> dict[str, str]:  # noqa: ARG002  the same for every request
        """The token, renewed where it is about to expire."""
        with self._lock:
            now = self._connection.runtime.clock()
            if self._token is None or now >= self._token.renew_at:
                self._token = self._sign_in()
            return {TOKEN_HEADER: self._token.value}

    def renew(self, used: Mapping[str, str]) -> Renewal:
        """Gets a new token, unless another thread has done so in the meantime."""
        with self._lock:
            if self._token is not None and self._token.value != used.get(TOKEN_HEADER):
                return Renewal.BY_ANOTHER
            self._token = self._sign_in()
            return Renewal.DONE

    def _sign_in(self) -> _Token:
        # What is wrong once stays wrong, and an account is locked after some wrong passwords.
        if self._refused is not None:
            raise type(self._refused)(str(self._refused))
        if self._failed is not None and self._monotonic() - self._failed_at < FAILURE_HOLDS_SECONDS:
            raise TransientSourceError(str(self._failed))
        request = self._request()
        try:
            return self._connection.retrier.run(request, lambda _: self._attempt(request))
        except TransientSourceError as error:
            self._failed, self._failed_at = error, self._monotonic()
            raise
        except SourceError as error:
            self._refused = error
            raise

    def _attempt(self, request: ApiRequest) -> _Token:
        response = self._connection.transport.send(request, {"Content-Type": "application/json"})
        errors = self._connection.errors
        if response.status in RETRYABLE_STATUSES:
            raise errors.retryable(response)
        if response.status in {400, 401}:
            raise errors.unauthorized(request, response, _REFUSED)
        if response.status not in {200, 201}:
            raise errors.permanent(request, response)
        token = response.headers.get("x-subject-token", "")
        if not _USABLE.fullmatch(token):
            raise PermanentSourceError(
                f"{errors.where}: {request.label} answered {response.status} without a token. "
                "Check iam_endpoint."
            )
        self._connection.redactor.learn(token)
        return _Token(token, _renew_at(response))

    def _request(self) -> ApiRequest:
        user = {
            "name": self._credentials.username,
            "password": self._credentials.password.get_secret_value(),
            "domain": {"name": self._credentials.domain},
        }
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"id": self._project_id}},
            }
        }
        # Without the catalogue of all services, which is long and not needed.
        query = (("nocatalog", "true"),)
        path = ("v3", "auth", "tokens")
        return ApiRequest("POST", self._credentials.iam_endpoint, path, query, msgspec.json.encode(body))


def _renew_at(response: ApiResponse) -> datetime:
    """When to renew a token, by this machine's clock: only its lifetime is taken from the server's."""
    expires_at, issued_at = (_timestamp(response.body, key) for key in ("expires_at", "issued_at"))
    lifetime = UNKNOWN_LIFETIME
    if expires_at is not None:
        lifetime = max(timedelta(0), expires_at - (issued_at or response.arrived_at))
    return response.arrived_at + lifetime - min(RENEW_BEFORE, lifetime / 5)


def _timestamp(body: bytes, key: str) -> datetime | None:
    try:
        decoded: Any = msgspec.json.decode(body)
        timestamp = datetime.fromisoformat(decoded["token"][key])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, KeyError, TypeError):
        return None
    return timestamp.replace(tzinfo=UTC) if timestamp.tzinfo is None else timestamp
