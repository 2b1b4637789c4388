"""The client of the CBR API of one source: lists and shows tasks, each record as its exact bytes."""

from types import TracebackType
from typing import Self

import httpx

from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.settings.credentials import (
    Credentials,
    KeyCredentials,
    PasswordCredentials,
    TokenCredentials,
)
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.auth import Authenticator, GivenToken, Signatures
from cbr_warehouse.source.budgets import RateLimiters
from cbr_warehouse.source.channel import Connection
from cbr_warehouse.source.error_body import read_error
from cbr_warehouse.source.hearsay import GarbledResponseVote
from cbr_warehouse.source.http_errors import ErrorTranslator
from cbr_warehouse.source.iam_token import IamToken
from cbr_warehouse.source.messages import ApiRequest, ApiResponse
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.persistence import Retrier
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.redaction import Redactor
from cbr_warehouse.source.response_body import Records, read_list, read_show
from cbr_warehouse.source.retry import parse_http_date
from cbr_warehouse.source.runtime import Runtime, Timeouts
from cbr_warehouse.source.session import ApiSession
from cbr_warehouse.source.transport import Transport

UNKNOWN_TASK = "BackupService.6500"
"""The error code of CBR for "Operation log does not exist"."""


class CbrClient:
    """Asks the API of one source. A context manager, and safe to share between threads.

    Args:
        source: The source.
        credentials: What signs it in.
        surroundings: Time and chance.
        patience: How long to wait for what.
        transport: Stands for the network in tests.
        budgets: Budgets of requests that clients of one project share; one of its own if absent.

    Raises:
        SettingsError: The source's certificates or the environment's proxies are of no use.
    """

    def __init__(
        self,
        source: SourceSettings,
        credentials: Credentials,
        surroundings: Runtime | None = None,
        patience: Timeouts | None = None,
        transport: httpx.BaseTransport | None = None,
        budgets: RateLimiters | None = None,
    ) -> None:
        surroundings, patience = surroundings or Runtime(), patience or Timeouts()
        redactor = Redactor(_secrets(credentials))
        self._source = source
        self._wire = Transport(source.name, source.ca_bundle, redactor, surroundings, patience, transport)
        self._channel = Connection(
            self._wire,
            Retrier(source.name, self._wire, surroundings, patience),
            ErrorTranslator(source.name, source.project_id, source.region, redactor, surroundings.clock),
            redactor,
            surroundings,
        )
        self._throttle = (budgets or RateLimiters()).of(source, surroundings)
        self._asker = ApiSession(
            self._channel,
            _sign_in(source, credentials, self._channel),
            self._throttle,
            longest_pause=patience.budget_seconds,
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
        self._wire.close()

    @property
    def requests_made(self) -> int:
        """Requests sent so far, failed ones and those that sign in included."""
        return self._wire.requests_made

    @property
    def concurrency(self) -> int:
        """How many requests the client makes at once at present, whatever number of threads uses it."""
        return self._throttle.limit

    @property
    def refused_as_too_many(self) -> int:
        """Requests that the source refused with 429 so far; each was made again."""
        return self._throttle.too_many

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        """Asks for one page of tasks.

        Args:
            query: The filters.
            limit: The most records wanted.
            offset: How many records to pass over.

        Returns:
            The page.

        Raises:
            SourceError: There is none; an answer that is no list of tasks is never an empty page.
        """
        parameters = {**query.parameters(), "limit": str(limit), "offset": str(offset)}
        asked = self._asked((), parameters)
        heard = GarbledResponseVote()

        def read(answer: ApiResponse) -> Page:
            if answer.status != 200:
                raise self._channel.refusals.final(asked, answer)
            found = heard.read(answer.body, read_list)
            return Page(
                found.texts,
                found.count,
                fetched_at=answer.arrived_at,
                query=query,
                limit=limit,
                offset=offset,
                status=answer.status,
                broken=found.broken,
                served_at=parse_http_date(answer.headers.get("date", "")),
            )

        return self._asker.ask(asked, read)

    def show_task(self, task_id: str) -> Page:
        """Asks for one task by its id.

        Args:
            task_id: The id.

        Returns:
            A page of its one record, or of none with status 404 where the source does not know it.

        Raises:
            SourceError: There is no such answer.
        """
        if not _is_askable(task_id):
            raise PermanentSourceError(
                f"Source {self._source.name}: no task can be asked for by the id {task_id!a}."
            )
        asked = self._asked((task_id,), {})
        heard = GarbledResponseVote()

        def read(answer: ApiResponse) -> Page:
            is_unknown = answer.status == 404 and _says_unknown(answer)
            if answer.status != 200 and not is_unknown:
                raise self._channel.refusals.final(asked, answer)
            found = Records(()) if is_unknown else heard.read(answer.body, read_show)
            return Page(
                found.texts,
                count=None,
                fetched_at=answer.arrived_at,
                query=None,
                limit=None,
                offset=None,
                status=answer.status,
                broken=found.broken,
                served_at=parse_http_date(answer.headers.get("date", "")),
            )

        return self._asker.ask(asked, read)

    def _asked(self, after: tuple[str, ...], query: dict[str, str]) -> ApiRequest:
        segments = ("v3", self._source.project_id, "operation-logs", *after)
        return ApiRequest("GET", self._source.endpoint, segments, tuple(query.items()))


def _secrets(credentials: Credentials) -> list[str]:
    match credentials:
        case TokenCredentials():
            secrets = [credentials.token]
        case PasswordCredentials():
            secrets = [credentials.password]
        case KeyCredentials():
            secrets = [credentials.access_key, credentials.secret_key]
            secrets += [credentials.security_token] if credentials.security_token else []
    return [secret.get_secret_value() for secret in secrets]


def _sign_in(source: SourceSettings, credentials: Credentials, channel: Connection) -> Authenticator:
    match credentials:
        case TokenCredentials():
            return GivenToken(credentials)
        case PasswordCredentials():
            return IamToken(credentials, source.project_id, channel)
        case KeyCredentials():
            return Signatures(credentials, source.project_id, channel.surroundings.clock)


def _is_askable(task_id: str) -> bool:
    """Whether an id makes an address of its own: these would make that of the list, or none."""
    try:
        task_id.encode()
    except UnicodeEncodeError:
        return False
    return task_id not in {"", ".", ".."}


def _says_unknown(answer: ApiResponse) -> bool:
    """Whether a 404 is the API's word that there is no such task, and not that of a gateway on the way."""
    said = read_error(answer.body)
    is_gateway = (said.code or "").upper().startswith("APIG")
    return said.code == UNKNOWN_TASK or (not is_gateway and (said.is_json or not answer.body.strip()))
