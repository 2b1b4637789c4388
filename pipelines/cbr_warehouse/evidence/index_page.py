"""The index page of a pack, readable offline: made of the manifest and the first rows of each result.

It needs jinja2, of the extra ``report``.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.controls.describe import SHOWN
from cbr_warehouse.controls.outcome import Verdict


def render_index(manifest: Mapping[str, Any], first_rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """Renders the page.

    Args:
        manifest: The manifest, with the files but for the page itself.
        first_rows: The first rows of the result of each control, by its name.
    """
    evidence = {name: [row for row in rows if row["source"] is not None] for name, rows in first_rows.items()}
    words = {verdict.value: shown for verdict, shown in SHOWN.items()}
    checksums = {one["file"]: one["sha256"] for one in manifest["files"]}
    page: str = _template().render(
        pack=manifest, evidence=evidence, words=words, checksums=checksums, failed=Verdict.FAIL.value
    )
    return page.encode(errors="backslashreplace")


@cache
def _template() -> Any:
    text = files("cbr_warehouse.evidence").joinpath("templates", "index.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = _shown
    return environment.from_string(text)


def _shown(value: object) -> str:
    return "" if value is None else escape_invisible(str(value))
