"""The configuration as frozen pydantic models that mirror ``cbr-warehouse.toml``.

The description of a field states the allowed values and is part of error messages. Locating and parsing
the file is in ``read``, the authentication methods are in ``auth_methods``.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from cbr_warehouse.settings.analytics import AnalyticsSettings, ScheduleOverride, SourceClock
from cbr_warehouse.settings.auth_methods import AuthMethod, auth_method_of, auth_problems
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.settings.cron import ALLOWED_CRON, parse_cron
from cbr_warehouse.settings.day_boundaries import (
    ALLOWED_ANCHOR,
    ALLOWED_TIMEZONE,
    parse_anchor,
    parse_timezone,
)
from cbr_warehouse.settings.durations import ALLOWED_DURATION
from cbr_warehouse.settings.endpoints import ALLOWED_ENDPOINT, parse_endpoint
from cbr_warehouse.settings.locate import DEFAULT_DATA_DIR, DEFAULT_UMASK, parse_folder
from cbr_warehouse.settings.secret_references import Reference, parse_reference, parse_text_or_reference
from cbr_warehouse.settings.thresholds import Thresholds
from cbr_warehouse.settings.umask import ALLOWED_UMASK, parse_umask
from cbr_warehouse.settings.values import Duration, Values

REPORTED_ELSEWHERE = "reported_elsewhere"
"""Error type of problems that ``read`` reports itself, with better messages."""

ALLOWED_NAME = 'lower-case letters, digits and "-", at most 63, beginning with a letter or digit, unique'
ALLOWED_ID = 'letters, digits, "-" and "_", at most 64'
ALLOWED_REFERENCE = (
    '"env:NAME" for an environment variable or "file:PATH" for a file that contains it, such as '
    'token = "env:CBR_TOKEN"; never the secret itself'
)
ALLOWED_ADDRESS = 'a mail address in quotes, such as "ops@example.com"'
ALLOWED_TEXT = 'a quoted string, or "env:NAME" or "file:PATH"'


@dataclass(frozen=True)
class Origin:
    """Where a configuration was read.

    Attributes:
        place: Its name in messages.
        base: Base directory of relative paths.
    """

    place: str
    base: Path


def _origin(info: ValidationInfo) -> Origin:
    return info.context if isinstance(info.context, Origin) else Origin("the configuration", Path.cwd())


def _secret(value: object, info: ValidationInfo) -> Reference:
    return parse_reference(value, _origin(info).base)


def _text_or_reference(value: object, info: ValidationInfo) -> str | Reference:
    return parse_text_or_reference(value, _origin(info).base)


def _path(value: object, info: ValidationInfo) -> Path:
    return parse_folder(value, _origin(info).base)


def _existing_file(value: object, info: ValidationInfo) -> Path:
    path = _path(value, info)
    try:
        exists = path.is_file()
    except OSError:  # a parent directory is not accessible
        exists = False
    if not exists:
        raise ValueError(f"there is no file {path}, or it cannot be reached")
    return path


Secret = Annotated[Reference, BeforeValidator(_secret)]
TextOrReference = Annotated[str | Reference, BeforeValidator(_text_or_reference)]
Endpoint = Annotated[str, BeforeValidator(parse_endpoint)]
Address = Annotated[str, Field(pattern=r"\A[^\s@<>,;\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,253}\z")]
Owner = Annotated[
    str, Field(pattern=r"\A(team:[A-Za-z0-9 _-]{1,64}|[^\s@:<>,;]{1,64}@[A-Za-z0-9.-]{1,253})\z")
]
Id = Annotated[str, Field(pattern=r"\A[A-Za-z0-9_-]{1,64}\z")]

MAX_DURATION = timedelta(days=3650)
MIN_KEEP = timedelta(days=60)
"""Twice what the API serves: loads read that again and judge it."""

_YEAR = timedelta(days=365)


def _span(*, days: int = 0, hours: int = 0) -> Any:
    """The field of a duration above zero."""
    return Field(
        timedelta(days=days, hours=hours),
        gt=timedelta(0),
        le=MAX_DURATION,
        description=f"{ALLOWED_DURATION}, above zero",
    )


class Schedule(Values):
    """A configured backup interval: a ``[[schedules]]`` table.

    Attributes:
        interval: The longest planned time between two backups.
        resource_id: Applies to this resource; exactly one of the three ids is set.
        policy_id: Applies to all resources of this policy.
        vault_id: Applies to all resources in this vault.
    """

    interval: Duration = Field(gt=timedelta(0), le=_YEAR, description=f"{ALLOWED_DURATION}, above zero")
    resource_id: Id | None = Field(None, description=f"the resource's id: {ALLOWED_ID}")
    policy_id: Id | None = Field(None, description=f"the policy's id: {ALLOWED_ID}")
    vault_id: Id | None = Field(None, description=f"the vault's id: {ALLOWED_ID}")

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if [self.resource_id, self.policy_id, self.vault_id].count(None) != 2:
            raise ValueError("needs exactly one of resource_id, policy_id and vault_id")
        return self


class Alerts(Values):
    """Who is told of failures, and from when on: ``[alerts]``.

    Attributes:
        webhook: URL that alerts are posted to as JSON.
        mail_to: Addresses that alerts are sent to.
        mail_from: The sender; None for the first of ``mail_to``.
        smtp_host: Server that sends the mails.
        smtp_port: Its port.
        smtp_security: How the connection is encrypted.
        smtp_username: User of the server; None to send without signing in.
        smtp_password: Reference to the user's password.
        repeat: How long until a failure that lasts is reported again.
        newest_task: Age of the newest task from which backups may have stopped.
        unverified: How long a day may stay unverified.
        quarantined: How long a record may stay in quarantine.
        retention_left: How long before a day leaves the source it is reported that it is not complete.
    """

    webhook: TextOrReference | None = Field(
        None, description='a URL in quotes, or "env:NAME" or "file:PATH" where the URL itself is secret'
    )
    mail_to: tuple[Address, ...] = Field((), strict=False, description=f"a list, each {ALLOWED_ADDRESS}")
    mail_from: Address | None = Field(None, description=ALLOWED_ADDRESS)
    smtp_host: str = Field(
        "localhost", pattern=r"\A[A-Za-z0-9.:-]{1,253}\z", description="the name of a server, in quotes"
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="a whole number from 1 to 65535, without quotes")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description='"starttls", "tls" or "none"'
    )
    smtp_username: TextOrReference | None = Field(None, description=ALLOWED_TEXT)
    smtp_password: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    repeat: Duration = _span(hours=24)
    newest_task: Duration = _span(hours=26)
    unverified: Duration = _span(days=3)
    quarantined: Duration = _span(hours=24)
    retention_left: Duration = _span(days=4)


class SourceSettings(Values):
    """One project of one cloud: a ``[[sources]]`` table.

    Attributes:
        name: Its name, the value of the column ``source``.
        endpoint: Base URL without ``/v3`` and without a trailing slash.
        project_id: The project.
        region: The project's region; used in messages only.
        history: How far back the first load reads.
        settle: How long after its end a task may still change; None for what was measured.
        max_requests_per_second: Rate limit; None to adapt to the source's responses.
        timezone: Time zone of its backup days; None for the global one.
        day_anchor: When its backup days begin in that zone; None for the global one.
        ca_bundle: File with trusted certificates, replacing the default ones.
        enterprise_project_ids: Enterprise projects to query one by one; empty for no filter.
        token: Reference to a user token: authentication method 1.
        iam_endpoint: Base URL of IAM: authentication method 2, with the next three.
        username: The IAM user.
        password: Reference to the password.
        domain: The user's domain (account).
        access_key: Reference to the access key (AK): authentication method 3, with the next.
        secret_key: Reference to the secret key (SK).
        security_token: Reference to the security token of temporary keys.
    """

    name: str = Field(pattern=r"\A[a-z0-9][a-z0-9-]{0,62}\z", description=ALLOWED_NAME)
    endpoint: Endpoint = Field(description=ALLOWED_ENDPOINT)
    project_id: Id = Field(
        description=f"the project's id, usually 32 hexadecimal digits, not its name: {ALLOWED_ID}"
    )
    region: Id | None = Field(None, description=f'the region\'s name, such as "eu-de": {ALLOWED_ID}')
    history: Duration = Field(
        timedelta(days=30), gt=timedelta(0), le=MAX_DURATION, description=f"{ALLOWED_DURATION}, above zero"
    )
    settle: Duration | None = Field(
        None, ge=timedelta(0), le=timedelta(days=365), description=ALLOWED_DURATION
    )
    max_requests_per_second: float | None = Field(
        None,
        gt=0,
        le=10000,
        allow_inf_nan=False,
        description="a number above 0, without quotes, such as 5 or 0.5",
    )
    timezone: Annotated[str, BeforeValidator(parse_timezone)] | None = Field(
        None, description=ALLOWED_TIMEZONE
    )
    day_anchor: Annotated[time, BeforeValidator(parse_anchor)] | None = Field(
        None, description=ALLOWED_ANCHOR
    )
    ca_bundle: Annotated[Path, BeforeValidator(_existing_file)] | None = Field(
        None, description="the path of a file with certificates in PEM form"
    )
    enterprise_project_ids: tuple[Id, ...] = Field(
        (),
        strict=False,
        description='a list such as ["all_granted_eps"], each entry the id of one or all_granted_eps',
    )
    token: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    iam_endpoint: Endpoint | None = Field(
        None, description=ALLOWED_ENDPOINT.replace("https://cbr.", "https://iam.")
    )
    username: TextOrReference | None = Field(None, description=ALLOWED_TEXT)
    password: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    domain: TextOrReference | None = Field(None, description=ALLOWED_TEXT)
    access_key: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    secret_key: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    security_token: Secret | None = Field(None, description=ALLOWED_REFERENCE)

    @model_validator(mode="after")
    def _check_auth(self) -> Self:
        given = {key for key, value in self if value is not None}
        for _, wrong in auth_problems(given):
            raise PydanticCustomError(REPORTED_ELSEWHERE, "{wrong}", {"wrong": wrong})
        return self

    @property
    def auth_method(self) -> AuthMethod:
        """The authentication method that is configured."""
        return auth_method_of({key for key, value in self if value is not None})


class Settings(Values):
    """The whole configuration.

    Attributes:
        data_dir: The data directory, absolute.
        umask: Permission bits that new files and directories do not get: three octal digits.
        timezone: Time zone of the analytics' days.
        day_anchor: Local time at which a backup day begins.
        schedule: When Dagster starts loads: a cron expression in UTC.
        keep_runs: How long Dagster keeps runs, their events and logs, and ticks.
        keep: How long tasks are kept by created_at; None for ever.
        publish_unchanged: How long a large warehouse may stay as published while loads bring no news.
        owners: Who answers for the assets in Dagster.
        alerts: Who is told of failures.
        thresholds: Thresholds of the analytics.
        schedules: Configured backup intervals that replace the inferred ones.
        exceptions: What controls leave out, with reason and last day.
        sources: The sources; may be empty for commands that need none.
    """

    data_dir: Annotated[Path, BeforeValidator(_path)] = Field(
        Path(DEFAULT_DATA_DIR), validate_default=True, description="the path of a folder, in quotes"
    )
    umask: Annotated[str, BeforeValidator(parse_umask)] = Field(DEFAULT_UMASK, description=ALLOWED_UMASK)
    timezone: Annotated[str, BeforeValidator(parse_timezone)] = Field("UTC", description=ALLOWED_TIMEZONE)
    day_anchor: Annotated[time, BeforeValidator(parse_anchor)] = Field(time(18), description=ALLOWED_ANCHOR)
    schedule: Annotated[str, BeforeValidator(parse_cron)] = Field("0 * * * *", description=ALLOWED_CRON)
    keep_runs: Duration = Field(
        timedelta(days=30),
        ge=timedelta(days=1),
        le=MAX_DURATION,
        description=f"{ALLOWED_DURATION}, at least 1d",
    )
    keep: Duration | None = Field(
        None,
        ge=MIN_KEEP,
        le=MAX_DURATION,
        description=f"{ALLOWED_DURATION}, from 60d to 3650d, at least the history of every source",
    )
    publish_unchanged: Duration = Field(
        timedelta(hours=24), ge=timedelta(0), le=MAX_DURATION, description=ALLOWED_DURATION
    )
    owners: tuple[Owner, ...] = Field(
        (), strict=False, description=f'a list, each {ALLOWED_ADDRESS}, or "team:NAME"'
    )
    alerts: Alerts = Field(Alerts(), description="a table: [alerts]")
    thresholds: Thresholds = Field(Thresholds(), description="a table: [thresholds]")
    schedules: tuple[Schedule, ...] = Field(
        (),
        strict=False,
        description="tables with two brackets each, [[schedules]], "
        "with interval and exactly one of resource_id, policy_id and vault_id",
    )
    exceptions: tuple[ControlException, ...] = Field(
        (),
        strict=False,
        description="tables with two brackets each, [[exceptions]], with control, reason and until",
    )
    sources: tuple[SourceSettings, ...] = Field(
        (), strict=False, description="tables with two brackets each: [[sources]]"
    )
    _origin: Origin = PrivateAttr(Origin("the configuration", Path()))

    @property
    def place(self) -> str:
        """Where the configuration was read, for messages."""
        return self._origin.place

    @property
    def analytics(self) -> AnalyticsSettings:
        """The settings of the analytics."""
        overrides = tuple(
            ScheduleOverride(one.interval, one.resource_id, one.policy_id, one.vault_id)
            for one in self.schedules
        )
        clocks = tuple(
            SourceClock(source.name, source.timezone, source.day_anchor)
            for source in self.sources
            if source.timezone is not None or source.day_anchor is not None
        )
        return AnalyticsSettings(
            timezone=self.timezone,
            day_anchor=self.day_anchor,
            schedules=overrides,
            clocks=clocks,
            **dict(self.thresholds),
        )

    def model_post_init(self, context: Any, /) -> None:
        """Stores where the configuration was read."""
        if isinstance(context, Origin):
            self._origin = context

    @model_validator(mode="after")
    def _check_keep(self) -> Self:
        longer = [one.name for one in self.sources if self.keep is not None and one.history > self.keep]
        if longer:
            raise ValueError(f"keep is shorter than the history of {', '.join(longer)}")
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = Counter(source.name for source in self.sources)
        if duplicates := [name for name, count in names.items() if count > 1]:
            raise PydanticCustomError(
                REPORTED_ELSEWHERE, "duplicate name: {names}", {"names": ", ".join(duplicates)}
            )
        return self
