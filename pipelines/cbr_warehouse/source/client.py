"""The client of the CBR API of one source: lists and shows tasks, each record as its exact bytes."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.inventory_lists import InventoryEndpoint
from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import (
    Credentials,
    KeyCredentials,
    PasswordCredentials,
    TokenCredentials,
)
from cbr_warehouse.source.auth import Authenticator, GivenToken, Signatures
from cbr_warehouse.source.http_errors import ErrorTranslator, read_error
from cbr_warehouse.source.http_messages import ApiRequest, ApiResponse
from cbr_warehouse.source.iam_token import IamToken
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.parse_response import (
    GarbledResponseVote,
    Records,
    read_inventory,
    read_list,
    read_show,
)
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.rate_limit import RateLimiters
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.retry import Retrier
from cbr_warehouse.source.runtime import Owner, Runtime, Timeouts
from cbr_warehouse.source.session import ApiSession, Connection
from cbr_warehouse.source.transport import Transport

UNKNOWN_TASK = "BackupService.6500"
"""The error code of CBR for "Operation log does not exist"."""


class CbrClient:
    """The API of one source. A context manager, and safe to share between threads.

    Args:
        source: The source.
        credentials: Its credentials.
        runtime: Time and randomness.
        timeouts: How long to wait for what.
        transport: Replaces the network in tests.
        rate_limiters: Shared by clients of one project; one of its own if absent.

    Raises:
        SettingsError: The source's certificates or the environment's proxies are unusable.
    """

    def __init__(
        self,
        source: SourceSettings,
        credentials: Credentials,
        runtime: Runtime | None = None,
        timeouts: Timeouts | None = None,
        transport: httpx.BaseTransport | None = None,
        rate_limiters: RateLimiters | None = None,
    ) -> None:
        runtime, timeouts = runtime or Runtime(), timeouts or Timeouts()
        redactor = Redactor(secrets_of(credentials))
        self._source, owner = source, Owner(source.name)
        self._transport = Transport(owner, source.ca_bundle, redactor, runtime, timeouts, transport)
        self._errors = ErrorTranslator(source.name, source.project_id, source.region, redactor)
        retrier = Retrier(owner, runtime, timeouts)
        connection = Connection(self._transport, retrier, self._errors, redactor, runtime)
        self._rate_limiter = (rate_limiters or RateLimiters()).of(source, runtime)
        self._session = ApiSession(
            connection,
            authenticator_of(credentials, source.project_id, connection),
            self._rate_limiter,
            longest_pause=timeouts.budget_seconds,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"CbrClient({self._source.name!r})"

    def close(self) -> None:
        """Closes all connections."""
        self._transport.close()

    @property
    def requests_made(self) -> int:
        """Requests sent so far, including failed ones and those that sign in."""
        return self._transport.requests_made

    @property
    def received_bytes(self) -> int:
        """Bytes received in the bodies of responses so far, as transferred."""
        return self._transport.received_bytes

    @property
    def rate_limited_requests(self) -> int:
        """Requests that the source rejected with 429 so far; each was repeated."""
        return self._transport.rate_limited

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        """Requests one page of tasks.

        Args:
            query: The filters.
            limit: The maximum number of records.
            offset: How many records to skip.

        Returns:
            The page.

        Raises:
            SourceError: The request failed; a response that is not a list of tasks is never an empty page.
        """
        request = self._request(*TASKS.path, **query.parameters(), limit=str(limit), offset=str(offset))
        vote = GarbledResponseVote()

        def read(response: ApiResponse) -> Page:
            if response.status != 200:
                raise self._errors.permanent(request, response)
            records = vote.read(response.body, lambda body: read_list(body, offset))
            return _page(response, records, query, limit, offset)

        return self._session.request(request, read)

    def show_task(self, task_id: str) -> Page:
        """Requests one task by its id.

        Args:
            task_id: The id.

        Returns:
            A page of its one record, or of none with status 404 where the source does not know it.

        Raises:
            SourceError: There is no such response.
        """
        if not _is_requestable(task_id):
            raise PermanentSourceError(
                f"Source {self._source.name}: no task can be requested by the id {task_id!a}."
            )
        request = self._request(*TASKS.path, task_id)
        vote = GarbledResponseVote()

        def read(response: ApiResponse) -> Page:
            if response.status == 404 and _says_unknown(response):
                return _page(response, Records(()))
            if response.status != 200:
                raise self._errors.permanent(request, response)
            return _page(response, vote.read(response.body, read_show))

        return self._session.request(request, read)

    def list_inventory(
        self,
        endpoint: InventoryEndpoint,
        parameters: Mapping[str, str],
        *,
        limit: int | None,
        offset: int = 0,
    ) -> Page:
        """Requests one page of a list of an inventory, or all of a list without pages.

        Args:
            endpoint: The list.
            parameters: Query parameters besides those of pages.
            limit: The maximum number of records; None for a list without pages.
            offset: How many records to skip.

        Returns:
            The page.

        Raises:
            SourceError: The request failed; its status says with what, where the source responded.
        """
        paging = {} if limit is None else {"limit": str(limit), "offset": str(offset)}
        request = self._request(*endpoint.path, **{**parameters, **paging})
        vote = GarbledResponseVote(endpoint.kind)

        def read(response: ApiResponse) -> Page:
            if response.status != 200:
                raise self._errors.permanent(request, response, endpoint.action)
            records = vote.read(response.body, lambda body: read_inventory(body, endpoint, offset))
            return _page(response, records, limit=limit, offset=offset)

        return self._session.request(request, read)

    def _request(self, *path: str, **parameters: str) -> ApiRequest:
        segments = ("v3", self._source.project_id, *path)
        return ApiRequest("GET", self._source.endpoint, segments, tuple(parameters.items()))


def _page(
    response: ApiResponse,
    records: Records,
    query: TaskQuery | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> Page:
    return Page(
        records.texts,
        records.count,
        fetched_at=response.arrived_at,
        query=query,
        limit=limit,
        offset=offset,
        status=response.status,
        broken=records.broken,
        served_at=response.served_at,
    )


def secrets_of(credentials: Credentials) -> list[str]:
    """The secret values of credentials, for redaction."""
    match credentials:
        case TokenCredentials():
            secrets = [credentials.token]
        case PasswordCredentials():
            secrets = [credentials.password]
        case KeyCredentials():
            secrets = [credentials.access_key, credentials.secret_key]
            secrets += [credentials.security_token] if credentials.security_token else []
    return [secret.get_secret_value() for secret in secrets]


def authenticator_of(
    credentials: Credentials, project_id: str | None, connection: Connection
) -> Authenticator:
    """The way to sign in with some credentials.

    Args:
        credentials: The credentials.
        project_id: The project that requests are about; None for the account.
        connection: The way to the servers.
    """
    match credentials:
        case TokenCredentials():
            return GivenToken(credentials)
        case PasswordCredentials():
            return IamToken(credentials, project_id, connection)
        case KeyCredentials():
            return Signatures(credentials, project_id, connection.runtime.clock)


def _is_requestable(task_id: str) -> bool:
    """Whether an id gives an address of its own: these would give that of the list, or none."""
    try:
        task_id.encode()
    except UnicodeEncodeError:
        return False
    return task_id not in {"", ".", ".."}


def _says_unknown(response: ApiResponse) -> bool:
    """Whether a 404 is the API's statement that there is no such task, and not that of a gateway."""
    body = read_error(response.body)
    is_gateway = (body.code or "").upper().startswith("APIG")
    return body.code == UNKNOWN_TASK or (not is_gateway and (body.is_json or not response.body.strip()))
