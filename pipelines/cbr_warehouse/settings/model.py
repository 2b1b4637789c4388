"""The configuration as frozen pydantic models that mirror ``cbr-warehouse.toml``: all of it, and a source.

The description of a field states the allowed values and is part of error messages. Locating and parsing
the file is in ``read``, the authentication methods are in ``auth_methods``, the smaller tables in modules
of their own.
"""

from collections import Counter
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from cbr_warehouse.settings import source_fields
from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.alerts import Alerts
from cbr_warehouse.settings.analytics import AnalyticsSettings, ScheduleOverride, SourceClock
from cbr_warehouse.settings.auth_methods import AuthMethod, auth_method_of, auth_problems
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.settings.cron import ALLOWED_CRON, parse_cron
from cbr_warehouse.settings.day_boundaries import ALLOWED_ANCHOR, ALLOWED_TIMEZONE
from cbr_warehouse.settings.durations import ALLOWED_DURATION
from cbr_warehouse.settings.endpoints import ALLOWED_ENDPOINT
from cbr_warehouse.settings.engine import ALLOWED_ENGINE, ALLOWED_SPARK_REMOTE, SparkRemote
from cbr_warehouse.settings.field_types import (
    ALLOWED_ADDRESS,
    ALLOWED_ID,
    ALLOWED_REFERENCE,
    ALLOWED_TEXT,
    MAX_DURATION,
    REPORTED_ELSEWHERE,
    Anchor,
    Endpoint,
    ExistingFile,
    Folder,
    Id,
    Lake,
    Origin,
    Owner,
    Place,
    Secret,
    TextOrReference,
    Timezone,
)
from cbr_warehouse.settings.lake import ALLOWED_LAKE, ALLOWED_LAKE_FILES
from cbr_warehouse.settings.locate import DEFAULT_DATA_DIR, DEFAULT_UMASK
from cbr_warehouse.settings.schedules import Schedule
from cbr_warehouse.settings.thresholds import Thresholds
from cbr_warehouse.settings.umask import ALLOWED_UMASK, parse_umask
from cbr_warehouse.settings.values import Duration, Values

MIN_KEEP = timedelta(days=60)
"""Twice what the API serves: loads read that again and judge it."""


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
        inventory: Whether loads ask for vaults, policies, backups and protectable resources too.
        inventory_every: How often they do at most.
        token: Reference to a user token: authentication method 1.
        iam_endpoint: Base URL of IAM: authentication method 2, with the next three.
        username: The IAM user.
        password: Reference to the password.
        domain: The user's domain (account).
        access_key: Reference to the access key (AK): authentication method 3, with the next.
        secret_key: Reference to the secret key (SK).
        security_token: Reference to the security token of temporary keys.
    """

    name: str = source_fields.name()
    endpoint: Endpoint = Field(description=ALLOWED_ENDPOINT)
    project_id: Id = Field(
        description=f"the project's id, usually 32 hexadecimal digits, not its name: {ALLOWED_ID}"
    )
    region: Id | None = Field(None, description=f'the region\'s name, such as "eu-de": {ALLOWED_ID}')
    history: Duration = source_fields.history()
    settle: Duration | None = source_fields.settle()
    max_requests_per_second: float | None = source_fields.max_requests_per_second()
    timezone: Timezone | None = source_fields.timezone()
    day_anchor: Anchor | None = source_fields.day_anchor()
    ca_bundle: ExistingFile | None = source_fields.ca_bundle()
    enterprise_project_ids: tuple[Id, ...] = source_fields.enterprise_project_ids()
    inventory: bool = source_fields.inventory()
    inventory_every: Duration = source_fields.inventory_every()
    token: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    iam_endpoint: Endpoint | None = Field(None, description=source_fields.ALLOWED_IAM_ENDPOINT)
    username: TextOrReference | None = Field(None, description=ALLOWED_TEXT)
    password: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    domain: TextOrReference | None = Field(None, description=ALLOWED_TEXT)
    access_key: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    secret_key: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    security_token: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    _account: str | None = PrivateAttr(None)

    @property
    def project_key(self) -> tuple[str, str]:
        """The project at its endpoint; sources with the same one share the budget of its requests."""
        return (self.endpoint.rstrip("/").lower(), self.project_id)

    @property
    def account(self) -> str | None:
        """Name of the account that found the project; None for a source that is configured itself."""
        return self._account

    def found_by(self, account: str) -> Self:
        """The same source, as found by an account of this name."""
        found = self.model_copy()
        found._account = account  # noqa: SLF001  of this class
        return found

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
        data_dir: The data directory, absolute; of one in an object store its address.
        cache_dir: Where working copies of data directories in a store are; None for the usual folder.
        umask: Permission bits that new files and directories do not get: three octal digits.
        timezone: Time zone of the analytics' days.
        day_anchor: Local time at which a backup day begins.
        schedule: When Dagster starts loads: a cron expression in UTC.
        keep_runs: How long Dagster keeps runs, their events and logs, and ticks.
        keep: How long tasks are kept by created_at; None for ever.
        sources_at_once: How many sources a load reads side by side.
        engine: Where tables are made: by DuckDB in the process itself, or on the workers of Spark.
        spark_remote: Address of Spark; a reference where it contains a token.
        warehouse: The DuckLake that loads publish to and readers read; None for the file in ``data_dir``.
        warehouse_files: Folder of the DuckLake's files, or its address in a store; None for ``lake`` in the
            data directory.
        publish_unchanged: How long a large warehouse may stay as published while loads bring no news.
        owners: Who answers for the assets in Dagster.
        alerts: Who is told of failures.
        thresholds: Thresholds of the analytics.
        schedules: Configured backup intervals that replace the inferred ones.
        exceptions: What controls leave out, with reason and last day.
        sources: The sources; may be empty for commands that need none. In a configuration that was read they
            are those of the file; ``load.found_sources`` adds those that accounts found.
        accounts: Accounts whose projects are found.
    """

    data_dir: Place = Field(
        Path(DEFAULT_DATA_DIR),
        validate_default=True,
        description="the path of a folder, in quotes, or s3://bucket/prefix",
    )
    cache_dir: Folder | None = Field(None, description="the path of a folder, in quotes")
    umask: Annotated[str, BeforeValidator(parse_umask)] = Field(DEFAULT_UMASK, description=ALLOWED_UMASK)
    timezone: Timezone = Field("UTC", description=ALLOWED_TIMEZONE)
    day_anchor: Anchor = Field(time(18), description=ALLOWED_ANCHOR)
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
    sources_at_once: int = Field(16, ge=1, le=200, description="a whole number from 1 to 200, without quotes")
    engine: Literal["duckdb", "spark"] = Field("duckdb", description=ALLOWED_ENGINE)
    spark_remote: SparkRemote | None = Field(None, description=ALLOWED_SPARK_REMOTE)
    warehouse: Lake | None = Field(None, description=ALLOWED_LAKE)
    warehouse_files: Place | None = Field(None, description=ALLOWED_LAKE_FILES)
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
    accounts: tuple[AccountSettings, ...] = Field(
        (), strict=False, description="tables with two brackets each: [[accounts]]"
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
        histories = {one.name: one.history for one in self.sources}
        histories |= {one.name: one.history for one in self.accounts}
        longer = [
            name for name, history in histories.items() if self.keep is not None and history > self.keep
        ]
        if longer:
            raise ValueError(f"keep is shorter than the history of {', '.join(longer)}")
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = Counter([*(one.name for one in self.sources), *(one.name for one in self.accounts)])
        if duplicates := [name for name, count in names.items() if count > 1]:
            raise PydanticCustomError(
                REPORTED_ELSEWHERE, "duplicate name: {names}", {"names": ", ".join(duplicates)}
            )
        return self
