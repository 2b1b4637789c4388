"""Authentication: tokens issued by the emulator's own IAM, the published demo token, and signatures."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from cbr_emulator.server.signature_check import SignedRequest, signature_error

PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
TOKEN = "demo-token"  # noqa: S105  # public demo credential
ACCESS_KEY = "DEMO-AK"
SECRET_KEY = "DEMO-SK"  # noqa: S105  # public demo credential
NAME = "demo"
DOMAIN_ID = "d78cbac186b744899480f25bd022f468"
"""Id of the account, which IAM calls a domain."""
NOT_AUTHENTICATED = "APIGW.0301"
AUTH_MESSAGE = "Incorrect IAM authentication information"
VALIDITY = timedelta(hours=24)
TOKEN_REQUEST_FIELDS = {
    "auth": dict,
    "auth.identity": dict,
    "auth.identity.methods": list,
    "auth.identity.password": dict,
    "auth.identity.password.user": dict,
    "auth.identity.password.user.name": str,
    "auth.identity.password.user.password": str,
    "auth.identity.password.user.domain": dict,
    "auth.identity.password.user.domain.name": str,
    "auth.scope": dict,
}
"""Required fields of a token request, with their types."""

KINDS = {dict: "object", list: "array", str: "string"}
EXPIRED = ("APIGW.0307", "The token must be updated.")


@dataclass
class IssuedToken:
    """An issued token.

    Attributes:
        ends_at: When it is no longer accepted, which may be before the expiry that IAM reports.
        uses: Requests for which it is still accepted; None for any number.
        project_id: The project it is scoped to; None for one that is scoped to the account.
    """

    ends_at: datetime
    uses: int | None
    project_id: str | None


@dataclass
class Tokens:
    """All issued tokens.

    Attributes:
        lasts: How long tokens are accepted; IAM reports 24 h in any case.
        uses: Requests for which each is accepted; None for any number.
    """

    lasts: timedelta = VALIDITY
    uses: int | None = None
    _issued: dict[str, IssuedToken] = field(default_factory=dict)

    def issue(self, now: datetime, project_id: str | None) -> tuple[str, datetime]:
        """Issues a token; returns it with the expiry that IAM reports.

        Args:
            now: The present.
            project_id: The project to scope it to; None for the account.
        """
        token = uuid4().hex
        self._issued[token] = IssuedToken(now + self.lasts, self.uses, project_id)
        return token, now + VALIDITY

    def project_of(self, token: str) -> str | None:
        """The project that an accepted token is scoped to."""
        return PROJECT if token == TOKEN else self._issued[token].project_id

    def check(self, token: str, now: datetime) -> tuple[str, str] | None:
        """Counts a use of a token and returns the error code and message; None if it is accepted."""
        if token == TOKEN:
            return None
        given = self._issued.get(token)
        if given is None:
            return NOT_AUTHENTICATED, f"{AUTH_MESSAGE}: decrypt token fail"
        if given.ends_at <= now or given.uses == 0:
            return EXPIRED
        if given.uses is not None:
            given.uses -= 1
        return None

    def expire(self) -> None:
        """Expires all issued tokens."""
        for given in self._issued.values():
            given.uses = 0


async def check_authentication(request: Request, tokens: Tokens, now: datetime) -> tuple[str, str] | None:
    """Checks a request's authentication; returns the gateway's error code and message, or None."""
    token = request.headers.get("x-auth-token")
    if token is not None:
        return tokens.check(token, now)
    if "authorization" not in request.headers:
        return NOT_AUTHENTICATED, f"{AUTH_MESSAGE}: x-auth-token not found"
    signed = SignedRequest(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
    )
    fault = signature_error(signed, ACCESS_KEY, SECRET_KEY, now)
    return None if fault is None else (NOT_AUTHENTICATED, f"{AUTH_MESSAGE}: {fault}")


def check_token_request(body: Any) -> str | None:
    """Returns the first error in the structure of a token request; None if it is valid."""
    for path, kind in TOKEN_REQUEST_FIELDS.items():
        value = body
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, kind):
            return f"{path} is a required property, of type {KINDS[kind]}."
    scope = body["auth"]["scope"]
    target_kind = "domain" if "domain" in scope and "project" not in scope else "project"
    target = scope.get(target_kind)
    if not isinstance(target, dict):
        return f"auth.scope.{target_kind} is a required property, of type object."
    for name in ("id", "name"):
        if name in target and not isinstance(target[name], str):
            return f"auth.scope.{target_kind}.{name} must be a string."
    return None if {"id", "name"} & target.keys() else f"auth.scope.{target_kind} needs an id or a name."


def is_known_user(body: Any) -> bool:
    """Whether a valid token request names the demo user, and the user's account if it is scoped to one."""
    auth = body["auth"]
    user = auth["identity"]["password"]["user"]
    is_user = (user["name"], user["password"], user["domain"]["name"]) == (NAME, NAME, NAME)
    has_method = "password" in auth["identity"]["methods"]
    domain = auth["scope"].get("domain")
    is_own = "project" in auth["scope"] or not {domain.get("id"), domain.get("name")}.isdisjoint(
        {DOMAIN_ID, NAME}
    )
    return is_user and has_method and is_own


def token_body(now: datetime, end: datetime, project: tuple[str, str] | None) -> dict[str, Any]:
    """Body of IAM's response to a token request, as documented.

    Args:
        now: The present.
        end: When the token expires.
        project: Id and name of the project it is scoped to; None for the account.
    """
    domain = {"id": DOMAIN_ID, "name": NAME}
    scope = (
        {"domain": domain}
        if project is None
        else {"project": {"domain": domain, "id": project[0], "name": project[1]}}
    )
    return {
        "token": {
            "catalog": [],
            "expires_at": _format_time(end),
            "issued_at": _format_time(now),
            "methods": ["password"],
            **scope,
            "roles": [{"id": "0", "name": "te_admin"}],
            "user": {"domain": domain, "id": NAME, "name": NAME, "password_expires_at": ""},
        }
    }


def _format_time(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
