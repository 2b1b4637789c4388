"""What is wrong in a configuration: single faults, and the one error that lists them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from cbr_warehouse.errors import SettingsError


@dataclass(frozen=True)
class ConfigProblem:
    """One thing that is wrong in a configuration. Never holds the value of a secret.

    Attributes:
        place: The file, or what stands for one.
        key: The key as a user finds it, such as ``sources[0].endpoint (source prod-eu)``; empty
            where the place as a whole is meant.
        wrong: What is wrong, without a full stop.
        allowed: What is allowed instead, without a full stop.
    """

    place: str
    key: str
    wrong: str
    allowed: str

    def __str__(self) -> str:
        where = f"{self.place}: {self.key}" if self.key else self.place
        return f"{where}: {self.wrong}. Allowed: {self.allowed}."


def refuse(faults: Iterable[ConfigProblem]) -> NoReturn:
    """Raises the one error that lists every fault, each once.

    Args:
        faults: At least one.

    Raises:
        SettingsError: Always.
    """
    lines = list(dict.fromkeys(str(fault) for fault in faults))
    if len(lines) == 1:
        raise SettingsError(f"The configuration is wrong. {lines[0]}")
    listed = "\n".join(f"  - {line}" for line in lines)
    raise SettingsError(f"The configuration is wrong in {len(lines)} places:\n{listed}")
