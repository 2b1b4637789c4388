"""Problems in a configuration, and the exception that lists them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from cbr_warehouse.errors import SettingsError


@dataclass(frozen=True)
class ConfigProblem:
    """One problem in a configuration. Never contains the value of a secret.

    Attributes:
        place: The file, or ``the environment``.
        key: The key, such as ``sources[0].endpoint (source prod-eu)``; empty for the file as a whole.
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


def raise_problems(problems: Iterable[ConfigProblem]) -> NoReturn:
    """Raises one exception that lists all problems, without duplicates.

    Args:
        problems: At least one.

    Raises:
        SettingsError: Always.
    """
    lines = list(dict.fromkeys(str(problem) for problem in problems))
    if len(lines) == 1:
        raise SettingsError(f"The configuration is invalid. {lines[0]}")
    listed = "\n".join(f"  - {line}" for line in lines)
    raise SettingsError(f"The configuration has {len(lines)} problems:\n{listed}")
