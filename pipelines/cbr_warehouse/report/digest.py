"""The digest: the verdict as one page of text, or as JSON, for mail and chat. It writes no file."""

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.report.collect_data import ReportData, collect_from
from cbr_warehouse.report.comparison import compare, describe_before
from cbr_warehouse.report.estate import remark_of
from cbr_warehouse.report.export import figures_of, period_of, scope_of
from cbr_warehouse.report.formatting import count, moment
from cbr_warehouse.report.headings import describe_period, describe_scope
from cbr_warehouse.report.options import Language, ReportOptions
from cbr_warehouse.report.problems import describe_problems
from cbr_warehouse.report.texts import Texts, read_texts
from cbr_warehouse.warehouse.place import WarehousePlace

QUESTIONS = ("matters", "history", "findings", "watermark")
"""The queries that a digest shows, in addition to the figures."""

_OF_INVENTORY = ("not_protected",)

_WIDTH = 78


def make_digest(warehouse: WarehousePlace, options: ReportOptions) -> dict[str, Any]:
    """The digest of the published warehouse, as values for JSON.

    Args:
        warehouse: The published warehouse.
        options: Period, scope and language.

    Raises:
        WarehouseError: There is no warehouse, or an earlier version published it.
        UsageError: The warehouse has no such source, vault or policy, or nothing of the period.
    """
    texts = read_texts(options.language)
    with open_warehouse(warehouse) as opened:
        data = collect_from(opened, warehouse, options, texts, QUESTIONS, _OF_INVENTORY)
    return _digest(data, texts)


def _digest(data: ReportData, texts: Texts) -> dict[str, Any]:
    has_sources = len(data.rows("watermark")) > 1
    problems = describe_problems(data.rows("matters"), texts, data.zone, {}, has_sources=has_sources)
    comparison = compare(data.rows("history"), data.figures.values(), texts) if data.period else None
    return {
        "title": texts.title,
        "language": texts.language.value,
        "verdict": data.verdict.level,
        "sentences": list(data.verdict.sentences),
        "period": period_of(data.period),
        "period_text": describe_period(data, texts),
        "as_of_text": texts("digest", "as_of", at=moment(data.period.as_of, data.zone))
        if data.period
        else "",
        "scope": scope_of(data.scope),
        "scope_text": describe_scope(data.scope, texts),
        "compared": {"mood": comparison.mood, "sentences": list(comparison.sentences)}
        if comparison
        else None,
        "not_protected": remark_of(data, texts) or None,
        "problems": [
            {
                "title": one.title,
                "since": one.since,
                "why": one.why,
                "error_code": one.code or None,
                "advice": one.advice,
                "hits": [victim.name for victim in one.victims],
                "more": one.more or None,
            }
            for one in problems
        ],
        "figures": figures_of(data),
        "figure_texts": {
            name: texts(
                "digest",
                "figure",
                name=texts(name, "name"),
                value=figure.show(figure.value),
                of=f"{count(figure.denominator)} {texts(name, 'unit')}",
                before=texts("digest", "joined").join(describe_before(figure, texts)),
            )
            for name, figure in data.figures.items()
        },
        "findings": [
            asdict(one) | {"share": one.share, "grade": one.grade.word} for one in data.verdict.findings
        ],
    }


def digest_text(digest: dict[str, Any]) -> str:
    """A digest as lines of text, at most 78 characters wide where the language has spaces.

    Args:
        digest: As ``make_digest`` gives it.
    """
    texts = read_texts(Language(digest["language"]))
    return "\n".join(escape_invisible(line) for line in _lines(digest, texts)) + "\n"


def _lines(digest: dict[str, Any], texts: Texts) -> Iterator[str]:
    first, *reasons = digest["sentences"]
    yield from _wrapped(f"{digest['title']}: {first}" if texts.language is Language.EN else first, texts)
    for text in (digest["period_text"], digest["scope_text"], digest["as_of_text"]):
        yield from _wrapped(text, texts)
    if digest["compared"]:
        yield ""
        for text in digest["compared"]["sentences"]:
            yield from _wrapped(text, texts)
    for text in (*reasons, digest["not_protected"] or ""):
        yield from _wrapped(text, texts, "- ")
    if digest["problems"]:
        yield from ("", texts("matters", "name"))
    for number, one in enumerate(digest["problems"], 1):
        code = f" ({one['error_code']})" if one["error_code"] else ""
        hits = texts("changes", "comma").join([*one["hits"], *([one["more"]] if one["more"] else [])])
        yield from _wrapped(one["title"], texts, f"{number}. ")
        yield from _wrapped(one["since"], texts, "   ")
        for key, text in (("why", one["why"] + code), ("do", one["advice"]), ("hits", hits)):
            yield from _wrapped(
                texts("digest", "labelled", label=texts("matters", key), text=text), texts, "   "
            )
    if digest["figure_texts"]:
        yield from ("", texts("figure", "name"))
    for text in digest["figure_texts"].values():
        yield from _wrapped(text, texts, "- ")


def _wrapped(text: str, texts: Texts, begin: str = "") -> Iterator[str]:
    if not text:
        return
    if texts.language is not Language.EN:
        yield begin + text
        return
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )
