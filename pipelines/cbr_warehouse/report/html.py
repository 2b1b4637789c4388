"""The page's templates, and the one place that makes text from outside safe for HTML.

Every value that a template prints passes through ``_shown`` and is then escaped by Jinja. Nothing else in
the report escapes anything, so that nothing is escaped twice.
"""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cbr_warehouse.contract.visible_text import escape_invisible


@cache
def environment() -> Environment:
    """The templates of the report."""
    return Environment(
        loader=PackageLoader("cbr_warehouse.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    """Replaces control characters of a text; markup was made from texts that passed here before."""
    return escape_invisible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
