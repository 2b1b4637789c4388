"""What the definitions are built from: the configuration and the context of loads."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.found_sources import with_found_sources
from cbr_warehouse.load.live_context import live_context
from cbr_warehouse.remote.place import bring_up_for_reading, directory_at
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.read import read_settings
from cbr_warehouse.settings.select_sources import choose_sources
from cbr_warehouse.storage.permissions import restrict_new_files

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Installation:
    """One configured installation.

    Attributes:
        settings: The configuration.
        load_context: What a load needs besides the source.
        environ: The environment, where sources find their secrets when they are loaded.
        retry_delay_seconds: Delay before the first retry after a transient error of a source.
    """

    settings: Settings
    load_context: LoadContext
    environ: Mapping[str, str]
    retry_delay_seconds: float = 30

    @property
    def missing_source(self) -> str | None:
        """Why nothing can be loaded, and what to do; None if there are sources."""
        try:
            choose_sources(self.settings, None, self.environ)
        except SettingsError as error:
            return str(error)
        return None

    def bring_up(self, *, published_only: bool = False) -> None:
        """Has of a data directory in a store what the store has; of a folder it does nothing.

        Args:
            published_only: Whether the published warehouse is enough.

        Raises:
            StorageError: The store refused something.
        """
        directory = self.load_context.directory
        bring_up_for_reading(directory, logger.warning, published_only=published_only)


def read_installation(environ: Mapping[str, str]) -> Installation:
    """Reads the configuration as the commands do, without resolving secrets.

    Args:
        environ: The environment.

    Raises:
        SettingsError: The configuration is wrong.
        DamagedFileError: The list of an account's projects is not what was written.
    """
    configured = read_settings(None, None, environ)
    restrict_new_files(int(configured.umask, 8))
    directory = directory_at(configured.data_dir, configured.cache_dir, environ)
    bring_up_for_reading(directory, logger.warning, published_only=True)
    settings = with_found_sources(configured, directory)
    return Installation(settings, live_context(directory, settings), environ)
