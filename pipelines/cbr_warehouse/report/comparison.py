"""Better or worse: the period's figures against the period before and the last twelve, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from cbr_warehouse.report.formatting import percent
from cbr_warehouse.report.key_figures import Figure
from cbr_warehouse.report.period import COMPARED
from cbr_warehouse.report.texts import Texts


@dataclass(frozen=True)
class Comparison:
    """How the period compares.

    Attributes:
        mood: Whether success is ``better``, ``worse`` or the ``same`` as in the period before.
        sentences: Of success against the period before, then against up to twelve; then the other figures
            that became better or worse since the period before.
    """

    mood: str
    sentences: tuple[str, ...]


def compare(rows: list[dict[str, Any]], figures: Iterable[Figure], texts: Texts) -> Comparison:
    """Compares the last row of the query ``history`` with those before it, and the other figures.

    Args:
        rows: Its rows.
        figures: The key figures.
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
                _rank_key([percent(rate) for rate in known], percent(now)),
                lower=lower,
                n=len(known),
                median=percent(median(known)),
            )
        )
    others = [one for one in figures if one.name != "success"]
    for key, moved in (("improved", "better"), ("worsened", "worse")):
        if names := [texts(one.name, "name") for one in others if one.mood == moved]:
            sentences.append(texts("history", key, names=texts("history", "comma").join(names)))
    return Comparison(mood, tuple(sentences))


def describe_before(figure: Figure, texts: Texts) -> tuple[str, ...]:
    """A figure against the period before, then against up to twelve, where there are several.

    Args:
        figure: The figure.
        texts: The words.
    """
    if figure.delta is None:
        said = texts("figure", "no_delta")
    else:
        delta = figure.shown_delta(texts("figure", "points"))
        said = texts("figure", "delta", value=figure.show(figure.before), delta=delta)
    rank = figure.rank
    if rank is None:
        return (said,)
    known = [figure.show(one) for one in figure.earlier if one is not None]
    key = _rank_key(known, figure.show(figure.value))
    middle = figure.show(rank.median)
    return said, texts("figure", key, lower=rank.better_than, n=rank.periods, median=middle)


def _rank_key(earlier: list[str], now: str) -> str:
    """Which text says how a value compares with two or more earlier ones, each as it is shown."""
    if set(earlier) == {now}:
        return "level"  # "better than 0 of 3" would read as if the best possible value were the worst
    return "rank" if len(earlier) == COMPARED else "rank_of_fewer"
