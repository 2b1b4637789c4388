"""The pages of definitions: every view by the question it answers, and one with its columns and its SQL."""

from dataclasses import dataclass

from cbr_warehouse.analytics.catalogue import PARTS, Definition, base_tables, views
from cbr_warehouse.page.parameters import NotFoundError
from cbr_warehouse.page.parts import Page
from cbr_warehouse.page.situation import Situation


@dataclass(frozen=True)
class Described:
    """A table, view or macro of the warehouse.

    Attributes:
        name: Its name with its schema.
        kind: ``table``, ``view`` or ``macro``.
        question: What it answers.
    """

    name: str
    kind: str
    question: str


def definitions(situation: Situation, query: dict[str, str]) -> Page:
    """All views, base tables and tables, by question."""
    del query
    known = _known()
    rows = [Described(name, one.kind, one.parts["Question"]) for name, one in sorted(known.items())]
    rows += [
        Described(row["name"], "table", row["comment"] or "")
        for row in situation.run("relations").rows
        if row["name"] not in known
    ]
    return Page("Definitions", "definitions.html.j2", (), extra={"described": rows})


def definition(situation: Situation, name: str) -> Page:
    """One view or table with its definition, its columns and its SQL.

    Raises:
        NotFoundError: There is none of that name.
    """
    found = _known().get(name)
    columns = situation.run("relation_columns", {"id": name}).rows
    comments = {row["name"]: row["comment"] for row in situation.run("relations").rows}
    if found is None and name not in comments:
        raise NotFoundError(f"There is no view {name!r}. The page of definitions lists all.")
    types = {row["name"]: row["type"] for row in columns}
    meanings = {row["name"]: row["comment"] for row in columns} if found is None else found.columns
    return Page(
        name,
        "definition.html.j2",
        (),
        trail=(("/definitions", "Definitions"),),
        extra={
            "kind": "table" if found is None else found.kind,
            "parts": _parts(found, comments.get(name)),
            "columns": [
                (column, types.get(column, ""), meaning or "") for column, meaning in meanings.items()
            ],
            "call": f"FROM {name}" + (f"({found.arguments})" if found and found.kind == "macro" else ""),
            "body": found.body if found else None,
        },
    )


def _known() -> dict[str, Definition]:
    return {f"analytics.{one.name}": one for one in (*base_tables(), *views())}


def _parts(found: Definition | None, comment: str | None) -> dict[str, str]:
    if found is None:
        return {"Definition": comment or "See docs/tables.md."}
    return {part: found.parts[part] for part in PARTS}
