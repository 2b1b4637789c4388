"""Who may ask: tokens given out by the emulator's own IAM, the published token, and signatures."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from cbr_emulator.server.signature_check import Signed, fault_of

PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
TOKEN = "demo-token"  # noqa: S105  # published, and good for nothing else
ACCESS_KEY = "DEMO-AK"
SECRET_KEY = "DEMO-SK"  # noqa: S105  # published, and good for nothing else
NAME = "demo"
REFUSED = "APIGW.0301"
TOLD = "Incorrect IAM authentication information"
VALIDITY = timedelta(hours=24)
WISH = {
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
    "auth.scope.project": dict,
}
"""What a token request must have, as what."""

KINDS = {dict: "object", list: "array", str: "string"}
EXPIRED = ("APIGW.0307", "The token must be updated.")


@dataclass
class Given:
    """A token that was given out.

    Attributes:
        ends_at: When it ends, whatever IAM says of it.
        uses: Requests that it is still good for; None for any number.
    """

    ends_at: datetime
    uses: int | None


@dataclass
class Tokens:
    """Tokens that were given out.

    Attributes:
        lasts: How long they are good; IAM says 24 h all the same.
        uses: How many requests each is good for; None for any number.
    """

    lasts: timedelta = VALIDITY
    uses: int | None = None
    _given: dict[str, Given] = field(default_factory=dict)

    def give(self, now: datetime) -> tuple[str, datetime]:
        """A new token and the end that IAM says it has."""
        token = uuid4().hex
        self._given[token] = Given(now + self.lasts, self.uses)
        return token, now + VALIDITY

    def fault_of(self, token: str, now: datetime) -> tuple[str, str] | None:
        """What is wrong with a token that a request signs in with, and uses up; None if nothing is."""
        if token == TOKEN:
            return None
        given = self._given.get(token)
        if given is None:
            return REFUSED, f"{TOLD}: decrypt token fail"
        if given.ends_at <= now or given.uses == 0:
            return EXPIRED
        if given.uses is not None:
            given.uses -= 1
        return None

    def expire(self) -> None:
        """Ends all tokens that were given out."""
        for given in self._given.values():
            given.uses = 0


async def fault_of_sign_in(request: Request, tokens: Tokens, now: datetime) -> tuple[str, str] | None:
    """What is wrong with how a request signs in: a gateway's code and text; None if nothing is."""
    token = request.headers.get("x-auth-token")
    if token is not None:
        return tokens.fault_of(token, now)
    if "authorization" not in request.headers:
        return REFUSED, f"{TOLD}: x-auth-token not found"
    signed = Signed(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
    )
    fault = fault_of(signed, ACCESS_KEY, SECRET_KEY, now)
    return None if fault is None else (REFUSED, f"{TOLD}: {fault}")


def fault_of_wish(body: Any) -> str | None:
    """What a token request lacks, or has as something else than it must be; None if nothing."""
    for path, kind in WISH.items():
        value = body
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, kind):
            return f"{path} is a required property, of type {KINDS[kind]}."
    project = body["auth"]["scope"]["project"]
    for name in ("id", "name"):
        if name in project and not isinstance(project[name], str):
            return f"auth.scope.project.{name} must be a string."
    return None if {"id", "name"} & project.keys() else "auth.scope.project needs an id or a name."


def knows(body: Any) -> bool:
    """Whether a token request of the right shape names the published user and project."""
    auth = body["auth"]
    user = auth["identity"]["password"]["user"]
    is_user = (user["name"], user["password"], user["domain"]["name"]) == (NAME, NAME, NAME)
    has_method = "password" in auth["identity"]["methods"]
    return is_user and has_method and auth["scope"]["project"].get("id", PROJECT) == PROJECT


def token_body(now: datetime, end: datetime) -> dict[str, Any]:
    """What IAM answers beside the token, in its documented shape."""
    return {
        "token": {
            "catalog": [],
            "expires_at": _print(end),
            "issued_at": _print(now),
            "methods": ["password"],
            "project": {"domain": {"id": NAME, "name": NAME}, "id": PROJECT, "name": NAME},
            "roles": [{"id": "0", "name": "te_admin"}],
            "user": {
                "domain": {"id": NAME, "name": NAME},
                "id": NAME,
                "name": NAME,
                "password_expires_at": "",
            },
        }
    }


def _print(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
