"""What changed since the previous period: a sentence for each kind, with its number and largest groups."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

from cbr_warehouse.report.formatting import abbreviate, count
from cbr_warehouse.report.texts import Texts

NAMED = 3
"""How many are named; the exported table ``changes`` has all."""

ORDER = (
    "new_code",
    "new_streak",
    "partial_success",
    "not_backed_up",
    "recovered",
    "manual_deletes",
    "removed",
    "enrolled",
)
"""Most urgent first."""


def describe_changes(rows: Iterable[dict[str, Any]], texts: Texts) -> list[str]:
    """Puts the rows of the query ``changes`` into sentences.

    Args:
        rows: Its rows, grouped by kind and in descending order of ``n``.
        texts: The words of the language.
    """
    kinds = {kind: list(found) for kind, found in groupby(rows, itemgetter("kind"))}
    return [_sentence(kind, kinds[kind], texts) for kind in ORDER if kind in kinds]


def _sentence(kind: str, rows: list[dict[str, Any]], texts: Texts) -> str:
    named = [f"{_name(row['what'], texts)} ×{count(row['n'])}" for row in rows[:NAMED]]
    if len(rows) > NAMED:
        named.append(texts("changes", "more", n=count(len(rows) - NAMED)))
    return texts(
        "changes", kind, n=count(sum(row["n"] for row in rows)), what=texts("changes", "comma").join(named)
    )


def _name(what: str, texts: Texts) -> str:
    return texts.word(what) if what == "(none)" else abbreviate(what)
