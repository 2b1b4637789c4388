"""What changed since the period before, one sentence a kind: how many, and where most of them."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

from cbr_warehouse.report.formatting import abbreviate, count
from cbr_warehouse.report.texts import Texts

NAMED = 3
"""So many are named; the table ``changes`` beside the page has all."""

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


def tell_changes(rows: Iterable[dict[str, Any]], texts: Texts) -> list[str]:
    """Puts the answer to ``changes`` into sentences.

    Args:
        rows: Its rows; those of one kind stand together, most first.
        texts: The words.
    """
    kinds = {kind: list(found) for kind, found in groupby(rows, itemgetter("kind"))}
    return [_tell(kind, kinds[kind], texts) for kind in ORDER if kind in kinds]


def _tell(kind: str, rows: list[dict[str, Any]], texts: Texts) -> str:
    named = [f"{_name(row['what'], texts)} ×{count(row['n'])}" for row in rows[:NAMED]]
    if len(rows) > NAMED:
        named.append(texts("changes", "more", n=count(len(rows) - NAMED)))
    return texts(
        "changes", kind, n=count(sum(row["n"] for row in rows)), what=texts("changes", "comma").join(named)
    )


def _name(what: str, texts: Texts) -> str:
    return texts.word(what) if what == "(none)" else abbreviate(what)
