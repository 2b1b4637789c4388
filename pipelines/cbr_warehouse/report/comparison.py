"""Better or worse: the period's success against the period before and the last twelve."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from cbr_warehouse.report.formatting import percent
from cbr_warehouse.report.period import COMPARED
from cbr_warehouse.report.texts import Texts


@dataclass(frozen=True)
class Comparison:
    """How the period's success compares.

    Attributes:
        mood: ``better``, ``worse`` or ``same`` than in the period before.
        sentences: Against the period before, then against up to twelve.
    """

    mood: str
    sentences: tuple[str, ...]


def compare(rows: list[dict[str, Any]], texts: Texts) -> Comparison:
    """Compares the last row of the query ``history`` with those before it.

    Args:
        rows: Its rows.
        texts: The words.
    """
    now = rows[-1]["final_success_rate"] if rows else None
    before = [row["final_success_rate"] if row["is_covered"] else None for row in rows[:-1]]
    known = [rate for rate in before if rate is not None]
    if now is None or not known:
        return Comparison("same", (texts("history", "nothing"),))
    mood, sentences = "same", []
    if before[-1] is not None:
        # What is shown alike is alike.
        shown, was = percent(now), percent(before[-1])
        mood = "same" if shown == was else "better" if now > before[-1] else "worse"
        sentences.append(texts("history", mood, now=shown, before=was))
    if len(known) > 1:
        lower = sum(rate < now for rate in known)
        sentences.append(
            texts(
                "history",
                "rank" if len(known) == COMPARED else "rank_of_fewer",
                lower=lower,
                n=len(known),
                median=percent(median(known)),
            )
        )
    return Comparison(mood, tuple(sentences))
