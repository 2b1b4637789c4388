"""The words of the report, in English and Chinese: ``texts/<language>.toml``, the same keys in each."""

import tomllib
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any

from cbr_warehouse.report.options import Language
from cbr_warehouse.report.queries import Question


@dataclass(frozen=True)
class Texts:
    """The words of one language.

    Attributes:
        language: Which.
        words: Texts by section and key; a missing one is an error.
    """

    language: Language
    words: dict[str, Any]

    def __call__(self, section: str, key: str, **values: object) -> str:
        """The text of a key, its placeholders filled in."""
        text = str(self.words[section][key])
        return text.format(**values) if values else text

    def word(self, value: str) -> str:
        """A value of ours, such as ``inferred``, in this language; any other text as it is."""
        return str(self.words["value"].get(value, value))

    def remedy(self, state: str, reason: str | None) -> str | None:
        """What to do about days of a state and reason; None where there is nothing to say."""
        remedies: dict[str, str] = self.words["remedy"]
        return remedies.get(state) or remedies.get(reason or "")

    def span(self, length: timedelta) -> str:
        """A duration: whole days from two on, otherwise hours."""
        if length >= timedelta(days=2) and not length % timedelta(days=1):
            return self("unit", "days", n=length.days)
        return self("unit", "hours", n=f"{length / timedelta(hours=1):g}")

    def population(self, question: Question) -> str:
        """What a query counts and what it does not; in English, the text of the query's own header."""
        translated = self.words.get("population", {}).get(question.name)
        parts = (question.header["Definition"], question.header["Edge cases"])
        return str(translated or " ".join(part[:1].upper() + part[1:] for part in parts))

    @property
    def title(self) -> str:
        """The report's title."""
        return str(self.words["title"])

    def section(self, name: str) -> dict[str, str]:
        """All texts of a section."""
        found: dict[str, str] = self.words[name]
        return found


def read_texts(language: Language) -> Texts:
    """Reads the words of a language."""
    text = files("cbr_warehouse.report").joinpath("texts", f"{language}.toml").read_text(encoding="utf-8")
    return Texts(language, tomllib.loads(text))
