"""What every command starts from: the settings, the data directory and the contract, read when needed."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import typer

from cbr_warehouse.cli.global_options import global_options_of
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.live_context import live_context
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.read import read_settings
from cbr_warehouse.settings.resolve_credentials import secret_problems
from cbr_warehouse.settings.select_sources import ReadySource, require_sources
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.permissions import restrict_new_files


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Invocation:
    """The options that every command takes, and what follows from them.

    Attributes:
        config: The configuration file named on the command line.
        data_dir: The data directory named on the command line.
        environ: The process's environment.
    """

    config: Path | None
    data_dir: Path | None
    environ: Mapping[str, str]

    @cached_property
    def settings(self) -> Settings:
        """The settings.

        Raises:
            SettingsError: The configuration is wrong.
        """
        settings = read_settings(self.config, self.data_dir, self.environ)
        restrict_new_files(int(settings.umask, 8))
        return settings

    def require_sources(self, name: str | None) -> tuple[ReadySource, ...]:
        """The sources a command reads from, with their secrets; None for all.

        Raises:
            SettingsError: The configuration is wrong, or a secret cannot be had: all of it at once.
        """
        settings = read_settings(
            self.config,
            self.data_dir,
            self.environ,
            lambda raw, origin: secret_problems(raw, origin, name, self.environ),
        )
        return require_sources(settings, name, self.environ)

    @cached_property
    def directory(self) -> DataDirectory:
        """The data directory."""
        return DataDirectory(self.settings.data_dir)

    @cached_property
    def contract(self) -> Contract:
        """The contract."""
        return read_contract()

    def load_context(self, progress: Progress, clock: Callable[[], datetime] = utc_now) -> LoadContext:
        """What a load runs with: the real clock, randomness and network."""
        return replace(live_context(self.directory, self.settings.analytics), clock=clock, progress=progress)


def invocation_of(context: typer.Context) -> Invocation:
    """What a command starts from, by its global options."""
    options = global_options_of(context)
    return Invocation(options.config, options.data_dir, os.environ)
