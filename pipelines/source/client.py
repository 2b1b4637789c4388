"""The client of the CBR API of one source: lists and shows tasks, each record as its exact bytes."""

from types import TracebackType
from typing import Self

import httpx

from pipelines.errors import PermanentSourceError
from pipelines.settings.credentials import Credentials, KeyCredentials, PasswordCredentials, TokenCredentials
from pipelines.settings.model import SourceSettings
from pipelines.source.asking import Asker
from pipelines.source.budgets import Budgets
from pipelines.source.channel import Channel
from pipelines.source.error_body import read_error
from pipelines.source.exchange import Answer, Asked
from pipelines.source.hearsay import Hearsay
from pipelines.source.iam import IamToken
from pipelines.source.page import Page
from pipelines.source.persistence import Persistence
from pipelines.source.query import TaskQuery
from pipelines.source.redaction import Redactor
from pipelines.source.refusals import Refusals
from pipelines.source.retry import parse_http_date
from pipelines.source.sign_in import GivenToken, Signatures, SignIn
from pipelines.source.surroundings import Patience, Surroundings
from pipelines.source.task_bodies import Records, read_list, read_show
from pipelines.source.wire import Wire

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
        surroundings: Surroundings | None = None,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        budgets: Budgets | None = None,
    ) -> None:
        surroundings, patience = surroundings or Surroundings(), patience or Patience()
        redactor = Redactor(_secrets(credentials))
        self._source = source
        self._wire = Wire(source.name, source.ca_bundle, redactor, surroundings, patience, transport)
        self._channel = Channel(
            self._wire,
            Persistence(source.name, self._wire, surroundings, patience),
            Refusals(source.name, source.project_id, source.region, redactor, surroundings.clock),
            redactor,
            surroundings,
        )
        self._throttle = (budgets or Budgets()).of(source, surroundings)
        self._asker = Asker(
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
        heard = Hearsay()

        def read(answer: Answer) -> Page:
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
        heard = Hearsay()

        def read(answer: Answer) -> Page:
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

    def _asked(self, after: tuple[str, ...], query: dict[str, str]) -> Asked:
        segments = ("v3", self._source.project_id, "operation-logs", *after)
        return Asked("GET", self._source.endpoint, segments, tuple(query.items()))


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


def _sign_in(source: SourceSettings, credentials: Credentials, channel: Channel) -> SignIn:
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


def _says_unknown(answer: Answer) -> bool:
    """Whether a 404 is the API's word that there is no such task, and not that of a gateway on the way."""
    said = read_error(answer.body)
    is_gateway = (said.code or "").upper().startswith("APIG")
    return said.code == UNKNOWN_TASK or (not is_gateway and (said.is_json or not answer.body.strip()))
