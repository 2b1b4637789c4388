"""Signing in, three ways: a given token, a token issued by IAM (``iam_token``), a signature per request."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Protocol

from cbr_warehouse.settings.resolve_credentials import KeyCredentials, TokenCredentials
from cbr_warehouse.source.http_messages import ApiRequest
from cbr_warehouse.source.signing import DATE_HEADER, Signable, authorization, print_date

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105  the name of a header


class Renewal(Enum):
    """Result of renewing credentials that were refused."""

    IMPOSSIBLE = "there are no others"
    BY_ANOTHER = "another thread had renewed them"
    DONE = "renewed"


class Authenticator(Protocol):
    """A way to sign requests in. Safe to share between threads."""

    @property
    def remedy(self) -> str:
        """What to do where the credentials are refused: a sentence or more."""

    def headers(self, request: ApiRequest) -> dict[str, str]:
        """The headers that sign a request in, valid when it is sent at once."""

    def renew(self, used: Mapping[str, str]) -> Renewal:
        """Renews credentials that were refused, where there is a way.

        Args:
            used: The headers that were refused.
        """


class GivenToken:
    """A token as configured.

    Args:
        credentials: The token.
    """

    remedy = (
        "The token that the key token refers to is refused: it has expired (tokens live a day at most), or "
        "belongs to another project or region. Put a new one in its place; or sign in with username and "
        "password, from which new tokens are made, or with keys."
    )

    def __init__(self, credentials: TokenCredentials) -> None:
        self._token = credentials.token

    def headers(self, request: ApiRequest) -> dict[str, str]:  # noqa: ARG002  the same for every request
        """The token."""
        return {TOKEN_HEADER: self._token.get_secret_value()}

    def renew(self, used: Mapping[str, str]) -> Renewal:  # noqa: ARG002
        """There is no other token."""
        return Renewal.IMPOSSIBLE


class Signatures:
    """A signature on each request.

    Args:
        credentials: The keys.
        project_id: The project; None for requests about the account.
        clock: The current time, UTC: a signature is valid for some minutes.
    """

    remedy = (
        "The keys are refused: check access_key and secret_key, with temporary keys also security_token and "
        "whether they have expired, that the keys are active, and the clock of this machine. Wait some "
        "minutes before trying again: keys that fail several times in a row are locked for a while."
    )

    def __init__(
        self, credentials: KeyCredentials, project_id: str | None, clock: Callable[[], datetime]
    ) -> None:
        self._credentials = credentials
        self._project_id = project_id
        self._clock = clock

    def headers(self, request: ApiRequest) -> dict[str, str]:
        """The signature and the headers that it covers."""
        signed = {"Host": request.host, DATE_HEADER: print_date(self._clock())}
        if self._project_id is not None:
            signed["X-Project-Id"] = self._project_id
        if self._credentials.security_token is not None:
            signed["X-Security-Token"] = self._credentials.security_token.get_secret_value()
        signable = Signable(request.method, request.path, request.query, signed, request.body)
        signature = authorization(
            signable,
            self._credentials.access_key.get_secret_value(),
            self._credentials.secret_key.get_secret_value(),
        )
        return signed | {"Authorization": signature}

    def renew(self, used: Mapping[str, str]) -> Renewal:  # noqa: ARG002
        """There are no other keys, and repeated failures lock these."""
        return Renewal.IMPOSSIBLE
