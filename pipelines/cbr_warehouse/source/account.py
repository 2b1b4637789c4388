"""The client of IAM for one account: the projects that its credentials reach, regions, and addresses of CBR.

These requests need no permission beyond signing in. What to make of the lists is decided in ``load``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec

from cbr_warehouse.errors import PermanentSourceError, SourceError
from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.endpoints import parse_endpoint
from cbr_warehouse.settings.resolve_credentials import Credentials
from cbr_warehouse.source.auth import Authenticator
from cbr_warehouse.source.client import authenticator_of, secrets_of
from cbr_warehouse.source.http_errors import TASK_ACTIONS, ErrorTranslator
from cbr_warehouse.source.http_messages import ApiRequest, ApiResponse
from cbr_warehouse.source.rate_limit import RateLimiter
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.retry import MalformedResponseError, Retrier
from cbr_warehouse.source.runtime import Owner, Runtime, Timeouts
from cbr_warehouse.source.session import ApiSession, Connection
from cbr_warehouse.source.transport import Transport

CBR = "cbr"
"""The type of CBR among the services of a cloud."""

TIMEOUTS = Timeouts(budget_seconds=60.0, attempt_seconds=30.0, read_seconds=20.0)
"""Sooner than a load: the projects that are known are loaded without it."""

_MAX_MALFORMED = 3
_REMEDY = "Check iam_endpoint of the account; the sign-in page of a network or a proxy looks like that."


class ListedProject(msgspec.Struct, frozen=True):
    """A project as IAM lists it.

    Attributes:
        id: Its id.
        name: Its name: the region, and for any but the region's own ``_`` and more.
        enabled: Whether it can be used.
    """

    id: str
    name: str
    enabled: bool = True


class _Links(msgspec.Struct, frozen=True):
    next: str | None = None


class _Region(msgspec.Struct, frozen=True):
    id: str


class _Service(msgspec.Struct, frozen=True):
    id: str
    type: str = ""


class _Address(msgspec.Struct, frozen=True):
    service_id: str
    url: str
    region: str | None = None
    region_id: str | None = None
    enabled: bool = True


class _List(msgspec.Struct, frozen=True, kw_only=True):
    links: _Links | None = None


class _Projects(_List, frozen=True, kw_only=True):
    projects: list[ListedProject]


class _Regions(_List, frozen=True, kw_only=True):
    regions: list[_Region]


class _Services(_List, frozen=True, kw_only=True):
    services: list[_Service]


class _Addresses(_List, frozen=True, kw_only=True):
    endpoints: list[_Address]


L = TypeVar("L", bound=_List)


@dataclass(frozen=True)
class AccountLists:
    """What IAM says of an account.

    Attributes:
        projects: The projects that the credentials reach.
        endpoints: The address of CBR in each region that has it.
    """

    projects: tuple[ListedProject, ...]
    endpoints: Mapping[str, str]


class AccountClient:
    """IAM's lists for one account. A context manager.

    Args:
        account: The account.
        credentials: Its credentials.
        runtime: Time and randomness.
        timeouts: How long to wait for what.
        transport: Replaces the network in tests.

    Raises:
        SettingsError: The account's certificates or the environment's proxies are unusable.
    """

    def __init__(
        self,
        account: AccountSettings,
        credentials: Credentials,
        runtime: Runtime | None = None,
        timeouts: Timeouts = TIMEOUTS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        runtime, owner = runtime or Runtime(), Owner(account.name, "Account")
        redactor = Redactor(secrets_of(credentials))
        self._account = account
        self._errors = _AccountErrors(owner, redactor)
        self._transport = Transport(owner, account.ca_bundle, redactor, runtime, timeouts, transport)
        retrier = Retrier(owner, runtime, timeouts)
        connection = Connection(self._transport, retrier, self._errors, redactor, runtime)
        authenticator: Authenticator = authenticator_of(credentials, None, connection)
        limiter = RateLimiter(account.name, None, runtime.monotonic, runtime.sleep)
        self._session = ApiSession(connection, authenticator, limiter, timeouts.budget_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._transport.close()

    def read_lists(self) -> AccountLists:
        """Requests what there is to know of the account.

        Raises:
            SourceError: IAM did not answer with whole lists; this is never an empty list.
        """
        projects = self._request(_Projects, "auth", "projects").projects
        return AccountLists(tuple(projects), self._endpoints())

    def _endpoints(self) -> dict[str, str]:
        """The address of CBR by region: as configured in every region, or else as IAM says."""
        if self._account.endpoint is not None:
            regions = self._request(_Regions, "regions").regions
            return {region.id: str(self._account.endpoint_in(region.id)) for region in regions}
        services = self._request(_Services, "services", type=CBR).services
        ids = {service.id for service in services if service.type == CBR}
        found: dict[str, str] = {}
        for service_id in sorted(ids):
            query = {"service_id": service_id, "interface": "public"}
            for address in self._request(_Addresses, "endpoints", **query).endpoints:
                region = address.region_id or address.region
                if address.enabled and address.service_id == service_id and region:
                    found[region] = self._address(address.url)
        if not found:
            raise PermanentSourceError(
                f"{self._errors.where}: IAM at {self._account.iam_endpoint} names no address of the service "
                f'{CBR}. Set endpoint of the account, such as "https://cbr.{{region}}.example.com".'
            )
        return found

    def _address(self, url: str) -> str:
        """The address before ``/v3``; credentials sent there must be as safe as on their way to IAM."""
        try:
            endpoint = parse_endpoint(url.partition("/v3")[0])
        except ValueError:
            endpoint = ""
        if not endpoint or (self._account.iam_endpoint.startswith("https:") > endpoint.startswith("https:")):
            raise PermanentSourceError(
                f"{self._errors.where}: IAM names an address of CBR that is none, or not https as its own. "
                'Set endpoint of the account, such as "https://cbr.{region}.example.com".'
            )
        return endpoint

    def _request(self, kind: type[L], *segments: str, **query: str) -> L:
        request = ApiRequest("GET", self._account.iam_endpoint, ("v3", *segments), tuple(query.items()))

        def read(response: ApiResponse) -> L:
            if response.status != 200:
                raise self._errors.permanent(request, response)
            try:
                listed = msgspec.json.decode(response.body, type=kind)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                raise MalformedResponseError(
                    f"answered 200 with something that is no list of {segments[-1]}",
                    _REMEDY,
                    max_attempts=_MAX_MALFORMED,
                    final=PermanentSourceError,
                ) from None
            if listed.links is not None and listed.links.next:
                # A part taken for the whole would make the rest look as if it were gone.
                raise PermanentSourceError(
                    f"{self._errors.where}: {request.label} answered a page of its list, which is not "
                    "documented. Configure the projects as [[sources]], and report this."
                )
            return listed

        return self._session.request(request, read)


class _AccountErrors(ErrorTranslator):
    """Errors of IAM's lists, whose remedies are others than those of a source.

    Args:
        owner: The account.
        redactor: Redacts the server's words.
    """

    def __init__(self, owner: Owner, redactor: Redactor) -> None:
        super().__init__(owner.name, "", None, redactor)
        self.where = str(owner)

    def permanent(
        self, request: ApiRequest, response: ApiResponse, action: str = TASK_ACTIONS
    ) -> SourceError:
        """The error for a response that is no success and will not change by itself."""
        error = super().permanent(request, response, action)
        happened = self.describe(request, response)
        remedy = "Check iam_endpoint of the account, and that its user may sign in."
        return type(error)(f"{happened} {remedy}", response.status)
