"""What the code location is made from: the configuration, and what a load works with here."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.errors import SettingsError
from pipelines.load.context import Loading
from pipelines.load.live import live_loading
from pipelines.settings.model import Settings
from pipelines.settings.read import read_settings
from pipelines.settings.require import choose_sources
from pipelines.storage.layout import DataDirectory


@dataclass(frozen=True)
class Site:
    """One configured installation.

    Attributes:
        settings: The configuration.
        loading: What a load works with.
        environ: The environment, where sources find their secrets when they are loaded.
        retry_delay_seconds: How long a source that failed in passing is left alone.
    """

    settings: Settings
    loading: Loading
    environ: Mapping[str, str]
    retry_delay_seconds: float = 30

    @property
    def lack(self) -> str | None:
        """What keeps anything from being loaded, and the remedy; None where there are sources."""
        try:
            choose_sources(self.settings, None, self.environ)
        except SettingsError as error:
            return str(error)
        return None


def read_site(environ: Mapping[str, str]) -> Site:
    """Reads the configuration as the commands do; no secret is followed yet.

    Args:
        environ: The environment.

    Raises:
        SettingsError: The configuration is wrong.
    """
    settings = read_settings(None, None, environ)
    return Site(settings, live_loading(DataDirectory(settings.data_dir), settings.analytics), environ)
