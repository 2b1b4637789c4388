"""The sources of a life: what serves each, how it is reached and signed in to, and what is true of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

from cbr_emulator.server.auth import TOKEN
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import Credentials, PasswordCredentials, TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from simulation.clocks import Clocks
from simulation.event_log import EventLog
from simulation.network import Network
from simulation.seed import Seed
from simulation.source import HISTORY, Source, make_source
from simulation.truth import Truth

NAMES = ("prod", "dr")
"""Names of the sources; a life has the first, or both."""


@dataclass(frozen=True)
class Site:
    """One source of a life.

    Attributes:
        ready: Its settings and credentials.
        source: What serves it.
        network: How it is reached.
        truth: What must be published of it.
    """

    ready: ReadySource
    source: Source
    network: Network
    truth: Truth

    @property
    def name(self) -> str:
        """Its name."""
        return self.ready.settings.name


def make_sites(seed: Seed, clocks: Clocks, log: EventLog, life: timedelta) -> Iterator[Site]:
    """The sources of a life: one, or two side by side in one data directory.

    Args:
        seed: The seed of the life.
        clocks: The time.
        log: Gets a line of each request.
        life: How long the sources live.
    """
    for number, name in enumerate(NAMES[: seed.stream("sources").choice([1, 2, 2])]):
        source = make_source(seed, number, clocks, life)
        network = Network(source, clocks, seed.stream(f"network {number}"), log)
        yield Site(_sign_in(seed, name), source, network, Truth(name, source, network, clocks.now))


def _sign_in(seed: Seed, name: str) -> ReadySource:
    values = {
        "name": name,
        "endpoint": f"http://{name}.example",
        "project_id": "04f1829c788037ac2fb8c01eb2b04b95",
        "region": "eu-de",
        "history": f"{HISTORY.days}d",
    }
    credentials: Credentials
    if seed.stream(f"sign-in {name}").random() < 0.5:
        values["token"] = "env:TOKEN"
        credentials = TokenCredentials(SecretStr(TOKEN))
    else:
        iam = "http://iam.example"
        values |= {"iam_endpoint": iam, "username": "demo", "password": "env:WORD", "domain": "demo"}
        credentials = PasswordCredentials(iam, "demo", SecretStr("demo"), "demo")
    return ReadySource(SourceSettings.model_validate(values), credentials)
