"""Options of a report and the packages that it needs. Importing this module imports none of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from typing import Self

from cbr_warehouse.errors import UsageError
from cbr_warehouse.report.period_name import ALLOWED, PeriodName, parse_period

PACKAGES = ("altair", "jinja2", "vl_convert")
"""Packages that the extra ``report`` installs."""


class Language(StrEnum):
    """Languages of the report."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True)
class Scope:
    """What a report is limited to; each empty part limits nothing.

    Attributes:
        sources: Names of sources.
        vaults: Ids or names of vaults.
        policies: Ids of policies.
    """

    sources: tuple[str, ...] = ()
    vaults: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return not (self.sources or self.vaults or self.policies)

    @property
    def is_of_resources(self) -> bool:
        """Whether it chooses resources within sources."""
        return bool(self.vaults or self.policies)

    @classmethod
    def of(
        cls, sources: Iterable[str] = (), vaults: Iterable[str] = (), policies: Iterable[str] = ()
    ) -> Self:
        """A scope whose names are sorted, each once, so that equal limits give equal reports."""
        return cls(*(tuple(sorted(set(names))) for names in (sources, vaults, policies)))


WHOLE = Scope()
"""Nothing left out."""


@dataclass(frozen=True)
class ReportOptions:
    """Options of a report.

    Attributes:
        period: Its period.
        language: Its language.
        audit: Whether an evidence pack belongs to it.
        scope: What it is limited to.
        pdf: Whether to print the page as PDF, too.
    """

    period: PeriodName = field(default_factory=lambda: parse_period("week"))
    language: Language = Language.EN
    audit: bool = False
    scope: Scope = WHOLE
    pdf: bool = False

    @classmethod
    def parse(
        cls, period: str, lang: str, *, audit: bool = False, scope: Scope | None = None, pdf: bool = False
    ) -> Self:
        """Parses the options of the command.

        Args:
            period: The name of a period, see ``period_name``.
            lang: ``en`` or ``zh``.
            audit: Whether an evidence pack belongs to it.
            scope: What it is limited to; None for nothing.
            pdf: Whether to print the page as PDF, too.

        Raises:
            UsageError: A value is not known.
        """
        faults, name = [], None
        try:
            name = parse_period(period)
        except ValueError as error:
            faults.append(f"--period {period}: {error}. Allowed: {ALLOWED}.")
        if lang not in list(Language):
            faults.append(f"--lang {lang}: not known. Allowed: {', '.join(Language)}.")
        if faults or name is None:
            raise UsageError(" ".join(faults))
        return cls(name, Language(lang), audit, scope or WHOLE, pdf)


def require_packages() -> None:
    """Refuses to draw a page without the packages that it needs.

    Raises:
        UsageError: The extra ``report`` is not installed.
    """
    if missing := missing_packages():
        raise UsageError(
            f"The report needs {', '.join(missing)}, which the extra 'report' brings: "
            "pip install 'cbr-warehouse[report]'."
        )


def missing_packages() -> list[str]:
    """Packages of the extra ``report`` that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]
