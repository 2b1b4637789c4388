"""Tokens from IAM: issued for user and password, scoped to the project, renewed before they expire."""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import msgspec

from cbr_warehouse.errors import PermanentSourceError, SignInError, SourceError, TransientSourceError
from cbr_warehouse.settings.resolve_credentials import PasswordCredentials
from cbr_warehouse.source.auth import TOKEN_HEADER, Renewal
from cbr_warehouse.source.http_messages import ApiRequest, ApiResponse
from cbr_warehouse.source.retry import RETRYABLE_STATUSES
from cbr_warehouse.source.session import Connection

RENEW_BEFORE = timedelta(minutes=10)
"""How long before its end a token is renewed, if it lives long enough for that."""

UNKNOWN_LIFETIME = timedelta(hours=1)
"""Assumed for a token without a usable expiry; the documents say 24 hours."""

MAX_LIFETIME = timedelta(days=1)
"""A token is renewed after this time, however long it says that it lives (9999-12-31 is seen)."""

RENEWAL_INTERVAL_SECONDS = 60.0
"""A token is not renewed for its age more often than this, however short it says that it lives."""

MAX_REFUSED_TOKENS = 3
"""Tokens that are refused within ``REFUSAL_WINDOW_SECONDS`` before signing in is given up for good."""

REFUSAL_WINDOW_SECONDS = 600.0

MAX_USES_OF_REFUSED_TOKEN = 10
"""A token that was used more often was accepted before it expired: its refusal is no sign of a wrong set-up.

More than the requests in flight (8), which may all carry a token before the first of them is refused.
"""

FAILURE_HOLDS_SECONDS = 30
"""How long after IAM failed the same failure is reported to everyone who needs a token: many threads
waited for the one that tried."""

_USABLE = re.compile(r"[!-~]+", re.ASCII)
_REFUSED = (
    "IAM issues no token for this user: check username, password, domain (of a source also project_id), and "
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
        project_id: The project that the token is scoped to; None for the account.
        connection: The way to the servers. Its redactor learns each token, so that none is ever shown.
    """

    def __init__(
        self, credentials: PasswordCredentials, project_id: str | None, connection: Connection
    ) -> None:
        self._credentials = credentials
        self._project_id = project_id
        self._connection = connection
        self._lock = Lock()
        self._token: _Token | None = None
        self._refused: SourceError | None = None
        self._failed: TransientSourceError | None = None
        self._failed_at = 0.0
        self._signed_in_at = 0.0
        self._refused_at: deque[float] = deque(maxlen=MAX_REFUSED_TOKENS)
        self._uses = 0
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
            if self._token is None or self._refused is not None or self._is_due(self._token):
                self._token = self._sign_in()
            self._uses += 1
            return {TOKEN_HEADER: self._token.value}

    def renew(self, used: Mapping[str, str]) -> Renewal:
        """Gets a new token, unless another thread has done so in the meantime."""
        with self._lock:
            if self._token is not None and self._token.value != used.get(TOKEN_HEADER):
                return Renewal.BY_ANOTHER
            self._count_refusal()
            self._token = self._sign_in()
            return Renewal.DONE

    def _is_due(self, token: _Token) -> bool:
        """Whether a token is near its end; one whose end is wrong is used until the API refuses it."""
        age = self._monotonic() - self._signed_in_at
        return self._connection.runtime.clock() >= token.renew_at and age >= RENEWAL_INTERVAL_SECONDS

    def _count_refusal(self) -> None:
        """Ends signing in where each token is refused as soon as it is used once or twice."""
        if self._uses > MAX_USES_OF_REFUSED_TOKEN:
            self._refused_at.clear()
            return
        now = self._monotonic()
        is_full = len(self._refused_at) == MAX_REFUSED_TOKENS
        if self._refused is None and is_full and now - self._refused_at[0] < REFUSAL_WINDOW_SECONDS:
            self._refused = SignInError(
                f"{self._connection.errors.where}: {MAX_REFUSED_TOKENS + 1} tokens of "
                f"{self._credentials.iam_endpoint} were refused (401) within "
                f"{REFUSAL_WINDOW_SECONDS / 60:.0f} minutes, each soon after it was issued. Check the clocks "
                "of IAM and API, and whether something else signs in as this user and revokes its tokens.",
                401,
            )
        self._refused_at.append(now)

    def _sign_in(self) -> _Token:
        # What is wrong once stays wrong, and an account is locked after some wrong passwords.
        if self._refused is not None:
            raise type(self._refused)(str(self._refused), self._refused.status)
        if self._failed is not None and self._monotonic() - self._failed_at < FAILURE_HOLDS_SECONDS:
            raise TransientSourceError(str(self._failed), self._failed.status)
        request = self._request()
        try:
            token = self._connection.retrier.run(request, lambda _: self._attempt(request))
        except TransientSourceError as error:
            self._failed, self._failed_at = error, self._monotonic()
            raise
        except SourceError as error:
            self._refused = error
            raise
        self._signed_in_at = self._monotonic()
        self._uses = 0
        return token

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

    def _scope(self) -> dict[str, Any]:
        if self._project_id is None:
            return {"domain": {"name": self._credentials.domain}}
        return {"project": {"id": self._project_id}}

    def _request(self) -> ApiRequest:
        user = {
            "name": self._credentials.username,
            "password": self._credentials.password.get_secret_value(),
            "domain": {"name": self._credentials.domain},
        }
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": self._scope(),
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
        lifetime = expires_at - (issued_at or response.served_at or response.arrived_at)
    if lifetime <= timedelta(0):
        # Expired when it was issued: a clock is wrong, and the token may be valid nevertheless.
        lifetime = UNKNOWN_LIFETIME
    lifetime = min(lifetime, MAX_LIFETIME)
    return response.arrived_at + lifetime - min(RENEW_BEFORE, lifetime / 5)


def _timestamp(body: bytes, key: str) -> datetime | None:
    try:
        decoded: Any = msgspec.json.decode(body)
        timestamp = datetime.fromisoformat(decoded["token"][key])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, KeyError, TypeError):
        return None
    return timestamp.replace(tzinfo=UTC) if timestamp.tzinfo is None else timestamp
