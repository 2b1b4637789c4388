"""The problems that matter most, by name: since when, why, what to do, and whom they hit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from cbr_warehouse.report.formatting import abbreviate, count, moment
from cbr_warehouse.report.options import Language
from cbr_warehouse.report.texts import Texts

NO_CODE = ("(none)", "(not attempted)", "(skipped)", "(late)")
"""Causes that are no error code; their texts are ours."""

_LONGEST_TEXT = 300
"""Characters of a text or an advice that are shown."""


@dataclass(frozen=True)
class Victim:
    """A resource that a problem hits.

    Attributes:
        name: As it is shown.
        anchor: Where the page says more of it; None where it is not among the worst.
    """

    name: str
    anchor: str | None


@dataclass(frozen=True)
class Problem:
    """One problem, in words.

    Attributes:
        title: Whom it hits, by name.
        since: Since when, and how bad it is.
        why: The cause as a sentence.
        code: Its error code; empty where it has none.
        code_anchor: Where the page says more of the cause; None where it is not there.
        advice: What to do.
        victims: The resources hit, the worst first.
        more: How many others, in words; empty where all are named.
    """

    title: str
    since: str
    why: str
    code: str
    code_anchor: str | None
    advice: str
    victims: tuple[Victim, ...]
    more: str


def describe_problems(
    rows: list[dict[str, Any]], texts: Texts, zone: tzinfo, anchors: Mapping[Any, str], *, has_sources: bool
) -> list[Problem]:
    """Puts the rows of the query ``matters`` into words.

    Args:
        rows: Its rows.
        texts: The words.
        zone: The time zone of its times.
        anchors: Places in the page: of a resource by source and id, of a cause by its code.
        has_sources: Whether the report is of several sources, so that each has to be named.
    """
    return [_problem(row, texts, zone, anchors, has_sources=has_sources) for row in rows]


def _problem(
    row: dict[str, Any], texts: Texts, zone: tzinfo, anchors: Mapping[Any, str], *, has_sources: bool
) -> Problem:
    vault = texts.word(row["vault"]) if row["vault_id"] is None else abbreviate(row["vault"])
    place = texts("matters", "in_source", vault=vault, source=row["source"]) if has_sources else vault
    named = tuple(
        Victim(abbreviate(name), anchors.get((row["source"], resource_id)))
        for name, resource_id in zip(row["named"], row["named_ids"], strict=True)
    )
    one = row["resources"] == 1
    title = texts(
        "matters", "one" if one else "many", name=named[0].name, n=count(row["resources"]), vault=place
    )
    since = texts(
        "matters",
        "failing" if row["strikes"] else "no_backup",
        at=moment(row["since"], zone),
        unprotected=texts("unit", "hours", n=f"{row['unprotected_hours']:,.1f}"),
        strikes=count(row["strikes"]),
    )
    why, advice = explain(row, texts)
    more = row["resources"] - len(named)
    return Problem(
        title,
        since,
        why,
        "" if row["cause"] in NO_CODE else abbreviate(row["cause"]),
        anchors.get(row["cause"]),
        advice,
        named,
        texts("changes", "more", n=count(more)) if more else "",
    )


def explain(row: dict[str, Any], texts: Texts) -> tuple[str, str]:
    """The cause of a row and what to do, in the language of the report.

    Args:
        row: Has ``cause`` and the vendor's ``text_en``, ``text_zh``, ``advice_en`` and ``advice_zh``.
        texts: The words.

    Returns:
        The vendor's text, and our advice or else the vendor's.
    """
    cause = row["cause"]
    if cause in NO_CODE:
        return texts("why", cause), texts("advice", cause)
    why = vendor_text(row, "text", texts) or texts("why", "unknown", code=abbreviate(cause))
    ours = texts.section("code_advice").get(cause)
    advice = ours or vendor_text(row, "advice", texts) or texts("advice", "unknown")
    return abbreviate(why, _LONGEST_TEXT), abbreviate(advice, _LONGEST_TEXT)


def vendor_text(row: dict[str, Any], column: str, texts: Texts) -> str | None:
    """A text of the vendor in the language of the report, in the other one where it has none.

    Args:
        row: Has the column with the suffixes ``_en`` and ``_zh``.
        column: ``text`` or ``advice``.
        texts: The words.
    """
    order = ("_zh", "_en") if texts.language is Language.ZH else ("_en", "_zh")
    return next((row[column + suffix] for suffix in order if row[column + suffix]), None)
