"""The report's questions: ``.sql`` files with the same headers as the analytics' own."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cbr_warehouse.analytics.catalogue import parse_definition
from cbr_warehouse.reader.warehouse import Warehouse


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        name: Its name.
        sql: The query, with ``$`` places of a period.
        says: What its header says: Question, Grain, Definition, Settings, Edge cases.
    """

    name: str
    sql: str
    says: dict[str, str]

    def ask(self, warehouse: Warehouse, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Asks it.

        Args:
            warehouse: Of this warehouse.
            parameters: With these values; those it has no place for are left out.

        Returns:
            Its rows.
        """
        return warehouse.sql(self.sql, self._used(parameters), as_="arrow").to_pylist()

    def filled(self, parameters: dict[str, Any]) -> str:
        """The query with its values in place, for a reader to run it again."""
        text = self.sql
        for name, value in sorted(self._used(parameters).items(), key=lambda pair: -len(pair[0])):
            kind = "TIMESTAMPTZ" if hasattr(value, "hour") else "DATE"
            text = text.replace(f"${name}", f"{kind} '{value.isoformat()}'")
        return text

    def _used(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in parameters.items() if f"${name}" in self.sql}


@cache
def read_question(name: str) -> Question:
    """Reads a question from its file."""
    text = files("cbr_warehouse.report").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    found = parse_definition(name, "question", text)
    return Question(name, found.body, found.parts)
