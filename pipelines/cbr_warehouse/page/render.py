"""Makes HTML of a page. Every value passes through ``_shown`` and is then escaped by Jinja."""

from datetime import tzinfo
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cbr_warehouse import __version__
from cbr_warehouse.contract.api_facts import OPERATION_TYPES
from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.page.columns import NUMBERS, exact
from cbr_warehouse.page.parameters import NIGHTS
from cbr_warehouse.page.parts import Page
from cbr_warehouse.page.situation import Situation
from cbr_warehouse.report.formatting import moment

PLACES = (
    ("/", "Calendar"),
    ("/failures", "Failing now"),
    ("/streaks", "Streaks"),
    ("/causes", "Causes"),
    ("/incidents", "Incidents"),
    ("/missed", "Missed"),
    ("/unprotected", "Not protected"),
    ("/tasks", "Tasks"),
    ("/coverage", "Days of the log"),
    ("/definitions", "Definitions"),
)
"""The addresses of the navigation."""


def render(page: Page, situation: Situation, query: dict[str, str]) -> str:
    """Makes HTML of a page.

    Args:
        page: The page.
        situation: What the header and footer say of the warehouse.
        query: The query string of its address, whose values the form keeps.
    """
    choices = situation.run("choices").rows if page.fields else []
    zone: tzinfo = situation.zone
    return (
        _environment()
        .get_template(page.template)
        .render(
            page=page,
            places=PLACES,
            query=query,
            nights=NIGHTS,
            sources=list(dict.fromkeys(row["source"] for row in choices)),
            types=sorted({row["resource_type"] for row in choices if row["resource_type"]}),
            as_of=situation.as_of,
            zone=str(zone),
            moment=partial(moment, zone=zone),
            exact=exact,
            numbers=NUMBERS,
            operations=OPERATION_TYPES,
            task_outcomes=("ok", "fail", "skip", "open", "unknown"),
            verdicts=("protected", "failed", "skipped", "pending", "unknown"),
            version=__version__,
            **(page.extra or {}),
        )
    )


def render_message(title: str, message: str) -> str:
    """Makes HTML of a sentence, where there is no warehouse to ask."""
    page = Page(title, "message.html.j2", (), intro=message)
    return (
        _environment()
        .get_template("message.html.j2")
        .render(page=page, places=PLACES, as_of=None, version=__version__)
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("cbr_warehouse.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    """Shows control characters as escapes; line breaks stay, in statements and records."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return escape_invisible(value, keep_line_breaks=True)
    return "" if value is None else value
