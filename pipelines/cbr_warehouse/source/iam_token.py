"""Tokens from IAM: made with user and password, scoped to the project, renewed before they expire."""

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
from cbr_warehouse.source.channel import Connection
from cbr_warehouse.source.messages import ApiRequest, ApiResponse
from cbr_warehouse.source.retry import PASSING_STATUSES

RENEW_BEFORE = timedelta(minutes=10)
"""How long before its end a token is renewed, if it lives long enough for that."""

UNKNOWN_LIFETIME = timedelta(hours=1)
"""What a token is given that does not say when it ends; the documents say 24 hours."""

FAILURE_STANDS_SECONDS = 30
"""How long after IAM failed all who need a token are told so: many waited for the one that tried."""

_USABLE = re.compile(r"[!-~]+", re.ASCII)
_REFUSED = (
    "IAM makes no token for this user: check username, password, domain and project_id of the source, and "
    "that the user may sign in with a password. Wait some minutes before trying again: an account is locked "
    "after several failures."
)


@dataclass(frozen=True)
class _Token:
    value: str = field(repr=False)
    renew_at: datetime


class IamToken:
    """Signs in with a token that IAM makes. Safe to share between threads.

    Args:
        credentials: User, password, domain and where IAM is.
        project_id: What the token is good for.
        channel: The way to the servers. Its redactor learns each token, so that none is ever told.
    """

    def __init__(self, credentials: PasswordCredentials, project_id: str, channel: Connection) -> None:
        self._credentials = credentials
        self._project_id = project_id
        self._channel = channel
        self._lock = Lock()
        self._token: _Token | None = None
        self._refused: SourceError | None = None
        self._failed: TransientSourceError | None = None
        self._failed_at = 0.0
        self._monotonic = channel.surroundings.monotonic

    @property
    def remedy(self) -> str:
        """What to do where a new token is refused."""
        return (
            f"A token that {self._credentials.iam_endpoint} just made is refused: check that endpoint, "
            "iam_endpoint and project_id of the source belong to the same cloud and region."
        )

    def headers(self, asked: ApiRequest) -> dict[str, str]:  # noqa: ARG002  the same for every request
        """The token, made anew where it is about to expire."""
        with self._lock:
            now = self._channel.surroundings.clock()
            if self._token is None or now >= self._token.renew_at:
                self._token = self._make()
            return {TOKEN_HEADER: self._token.value}

    def renew(self, used: Mapping[str, str]) -> Renewal:
        """Makes a new token, unless another thread has done so since."""
        with self._lock:
            if self._token is not None and self._token.value != used.get(TOKEN_HEADER):
                return Renewal.BY_ANOTHER
            self._token = self._make()
            return Renewal.DONE

    def _make(self) -> _Token:
        # What is wrong once stays wrong, and an account is locked after some wrong passwords.
        if self._refused is not None:
            raise type(self._refused)(str(self._refused))
        if self._failed is not None and self._monotonic() - self._failed_at < FAILURE_STANDS_SECONDS:
            raise TransientSourceError(str(self._failed))
        asked = self._asked()
        trial = self._channel.persistence.begin(asked)
        try:
            return self._channel.persistence.persist(trial, lambda: self._attempt(asked))
        except TransientSourceError as error:
            self._failed, self._failed_at = error, self._monotonic()
            raise
        except SourceError as error:
            self._refused = error
            raise

    def _attempt(self, asked: ApiRequest) -> _Token:
        answer = self._channel.wire.send(asked, {"Content-Type": "application/json"})
        refusals = self._channel.refusals
        if answer.status in PASSING_STATUSES:
            raise refusals.passing(answer)
        if answer.status in {400, 401}:
            raise refusals.signed_out(asked, answer, _REFUSED)
        if answer.status not in {200, 201}:
            raise refusals.final(asked, answer)
        token = answer.headers.get("x-subject-token", "")
        if not _USABLE.fullmatch(token):
            raise PermanentSourceError(
                f"{refusals.where}: {asked.label} answered {answer.status} without a token. "
                "Check iam_endpoint."
            )
        self._channel.redactor.learn(token)
        return _Token(token, _renew_at(answer))

    def _asked(self) -> ApiRequest:
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


def _renew_at(answer: ApiResponse) -> datetime:
    """When a token is to be renewed, on our own clock: only its lifetime is taken from the server's."""
    expires_at, issued_at = _stamp(answer.body, "expires_at"), _stamp(answer.body, "issued_at")
    lifetime = UNKNOWN_LIFETIME
    if expires_at is not None:
        lifetime = max(timedelta(0), expires_at - (issued_at or answer.arrived_at))
    return answer.arrived_at + lifetime - min(RENEW_BEFORE, lifetime / 5)


def _stamp(body: bytes, key: str) -> datetime | None:
    try:
        found: Any = msgspec.json.decode(body)
        stamp = datetime.fromisoformat(found["token"][key])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, KeyError, TypeError):
        return None
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp
