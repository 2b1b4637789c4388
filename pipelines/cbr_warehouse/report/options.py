"""Options of a report and the packages that it needs. Importing this module imports none of them."""

from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import Self

from cbr_warehouse.errors import UsageError

PACKAGES = ("altair", "jinja2", "vl_convert")
"""Packages that the extra ``report`` installs."""


class Length(StrEnum):
    """Length of a report's period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def days(self) -> int:
        """The length in backup days."""
        return {"day": 1, "week": 7, "month": 30}[self.value]


class Language(StrEnum):
    """Languages of the report."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True)
class ReportOptions:
    """Options of a report.

    Attributes:
        length: Length of its period.
        language: Its language.
        audit: Whether to add all evidence tables.
    """

    length: Length = Length.WEEK
    language: Language = Language.EN
    audit: bool = False

    @classmethod
    def parse(cls, period: str, lang: str, *, audit: bool) -> Self:
        """Parses the options of the command.

        Args:
            period: ``day``, ``week`` or ``month``.
            lang: ``en`` or ``zh``.
            audit: Whether to add all evidence tables.

        Raises:
            UsageError: A value is not known, or the extra ``report`` is not installed.
        """
        allowed: tuple[tuple[str, str, type[StrEnum]], ...] = (
            ("--period", period, Length),
            ("--lang", lang, Language),
        )
        faults = [
            f"{option} {value}: not known. Allowed: {', '.join(values)}."
            for option, value, values in allowed
            if value not in list(values)
        ]
        if faults:
            raise UsageError(" ".join(faults))
        if missing := missing_packages():
            raise UsageError(
                f"The report needs {', '.join(missing)}, which the extra 'report' brings: "
                "pip install 'cbr-warehouse[report]'."
            )
        return cls(Length(period), Language(lang), audit)


def missing_packages() -> list[str]:
    """Packages of the extra ``report`` that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]
