"""What every command starts from: the settings, the data directory and the contract, read when needed.

Each property imports what it needs when it is first used: ``sql`` starts without pydantic, and only the
commands that load import the HTTP client. Elsewhere modules are imported at the top.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cbr_warehouse.cli.global_options import global_options_of
from cbr_warehouse.cli.terminal_text import say
from cbr_warehouse.remote.place import bring_up_for_reading, directory_at, follow_published
from cbr_warehouse.settings.locate import read_location
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.format_version import require_known_format
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.permissions import restrict_new_files
from cbr_warehouse.warehouse.place import LakeAddress, WarehousePlace, lake_address

if TYPE_CHECKING:
    from cbr_warehouse.contract.columns import Contract
    from cbr_warehouse.load.context import LoadContext
    from cbr_warehouse.load.find_projects import AccountReport
    from cbr_warehouse.load.progress import Progress
    from cbr_warehouse.raw.found_projects import FoundProject
    from cbr_warehouse.settings.model import Settings
    from cbr_warehouse.settings.select_sources import ReadySource


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Invocation:
    """The options that every command takes, and what follows from them.

    Attributes:
        config: The configuration file named on the command line.
        data_dir: The data directory, or its address in a store, named on the command line.
        environ: The process's environment.
    """

    config: Path | None
    data_dir: Path | str | None
    environ: Mapping[str, str]

    @cached_property
    def configured(self) -> "Settings":
        """The settings as they are in the file: without the sources that accounts found.

        Raises:
            SettingsError: The configuration is wrong.
        """
        from cbr_warehouse.settings.read import read_settings

        settings = read_settings(self.config, self.data_dir, self.environ)
        restrict_new_files(int(settings.umask, 8))
        return settings

    @cached_property
    def settings(self) -> "Settings":
        """The settings, with the sources that accounts found.

        Raises:
            SettingsError: The configuration is wrong.
            DamagedFileError: The list of an account's projects is not what was written.
        """
        return self._with_found(self.configured)

    @property
    def published(self) -> WarehousePlace:
        """The published warehouse, for commands that only read it and need no other setting.

        Raises:
            SettingsError: The configuration does not say where it is.
            FormatError: A newer version wrote it.
            StorageError: The store refused something.
        """
        location = read_location(self.config, self.data_dir, self.environ)
        if location is not None and location.warehouse is not None:
            restrict_new_files(int(location.umask, 8))
            return lake_address(location.warehouse)
        return self._located.warehouse

    def follow_published(self) -> Callable[[], None]:
        """What brings :attr:`published` to what is published now, for commands that run for long.

        Raises:
            SettingsError: The configuration does not say where it is.
            FormatError: A newer version wrote it.
            StorageError: The store refused something.
        """
        if isinstance(self.published, LakeAddress):
            return _do_nothing  # readers ask the DuckLake themselves
        return follow_published(self._located, say)

    @cached_property
    def _located(self) -> DataDirectory:
        location = read_location(self.config, self.data_dir, self.environ)
        if location is None:
            return self.published_directory
        restrict_new_files(int(location.umask, 8))
        directory = directory_at(location.data_dir, location.cache_dir, self.environ)
        bring_up_for_reading(directory, say, published_only=True)
        require_known_format(directory)
        return directory

    def published_in(self, directory: DataDirectory) -> WarehousePlace:
        """The published warehouse, for commands that need a data directory too.

        Args:
            directory: The data directory.
        """
        lake = self.configured.warehouse
        return directory.warehouse if lake is None else lake_address(lake)

    @property
    def has_published(self) -> bool:
        """Whether there is a published warehouse; of one in a store, whether this machine has it.

        Of a DuckLake it is assumed: PostgreSQL is not asked.

        Raises:
            SettingsError: The configuration does not say where it is.
        """
        location = read_location(self.config, self.data_dir, self.environ)
        if location is None:
            return self.configured.warehouse is not None or exists(self._place.warehouse)
        if location.warehouse is not None:
            return True
        return exists(directory_at(location.data_dir, location.cache_dir, self.environ).warehouse)

    def require_sources(
        self, name: str | None, found: "Mapping[str, tuple[FoundProject, ...]] | None" = None
    ) -> "tuple[ReadySource, ...]":
        """The sources a command reads from, with their secrets.

        Args:
            name: The only source; None for all.
            found: Projects by account that are newer than the kept lists.

        Raises:
            SettingsError: The configuration is wrong, or a secret cannot be had: all of it at once.
        """
        from cbr_warehouse.settings.read import read_settings
        from cbr_warehouse.settings.resolve_credentials import secret_problems
        from cbr_warehouse.settings.select_sources import require_sources

        settings = read_settings(
            self.config,
            self.data_dir,
            self.environ,
            lambda raw, origin: secret_problems(raw, origin, name, self.environ),
        )
        return require_sources(self._with_found(settings, found), name, self.environ)

    def find_projects(self, name: str | None, *, is_dry: bool = False) -> "tuple[AccountReport, ...]":
        """Looks for the projects of all accounts, or of those that may have the source of this name.

        Args:
            name: The only source that the command is about; None for all.
            is_dry: Whether to leave the kept lists as they are.

        Raises:
            SettingsError: The configuration is wrong, or a secret of an account cannot be had.
        """
        if not self.configured.accounts:
            return ()
        from cbr_warehouse.load.find_projects import find_all, find_projects, preview_projects
        from cbr_warehouse.settings.select_sources import require_accounts

        is_known = any(source.name == name for source in self._with_found(self.configured).sources)
        accounts = () if is_known else require_accounts(self.configured, self.environ)
        return find_all(
            self.published_directory,
            [one for one in accounts if name is None or name.startswith(f"{one.settings.name}-")],
            [source.name for source in self.configured.sources],
            utc_now,
            preview_projects if is_dry else find_projects,
        )

    def _with_found(
        self, settings: "Settings", found: "Mapping[str, tuple[FoundProject, ...]] | None" = None
    ) -> "Settings":
        if not settings.accounts:
            return settings
        from cbr_warehouse.load.found_sources import with_found_sources

        return with_found_sources(settings, self.published_directory, found)

    @cached_property
    def directory(self) -> DataDirectory:
        """The data directory; of one in a store, its working copy with all that the store has.

        Raises:
            FormatError: A newer version wrote it.
            StorageError: The store refused something.
        """
        bring_up_for_reading(self._place, say)
        require_known_format(self._place)
        return self._place

    @cached_property
    def published_directory(self) -> DataDirectory:
        """The data directory, for commands that read what is published; of one in a store, no more is had.

        Raises:
            FormatError: A newer version wrote it.
            StorageError: The store refused something.
        """
        bring_up_for_reading(self._place, say, published_only=True)
        require_known_format(self._place)
        return self._place

    @cached_property
    def _place(self) -> DataDirectory:
        return directory_at(self.configured.data_dir, self.configured.cache_dir, self.environ)

    @cached_property
    def contract(self) -> "Contract":
        """The contract."""
        from cbr_warehouse.contract.load_schemas import read_contract

        return read_contract()

    def load_context(
        self,
        progress: "Progress",
        clock: Callable[[], datetime] = utc_now,
        *,
        directory: DataDirectory | None = None,
    ) -> "LoadContext":
        """What a load runs with: the real clock, randomness and network.

        Args:
            progress: Receives the progress.
            clock: Returns the present, UTC.
            directory: The data directory; None for :attr:`directory`, which has all of it.
        """
        from cbr_warehouse.load.live_context import live_context

        live = live_context(directory or self.directory, self.settings)
        return replace(live, clock=clock, progress=progress)


def _do_nothing() -> None:
    pass


def invocation_of(context: typer.Context) -> Invocation:
    """What a command starts from, by its global options."""
    options = global_options_of(context)
    return Invocation(options.config, options.data_dir, os.environ)
