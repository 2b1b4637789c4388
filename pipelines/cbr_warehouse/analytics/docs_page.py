"""Writes ``docs/analytics.md`` from the headers of the definitions; ``make docs`` calls it."""

from collections.abc import Iterator

from cbr_warehouse.analytics.catalogue import PARTS, Definition, base_tables, views

_INTRODUCTION = """# Analytics

<!-- Made by `make docs` from the headers of pipelines/cbr_warehouse/analytics/sql; do not edit. -->

Every number of this project is a view (or a table, or a macro over a time) in schema `analytics`, defined
here and nowhere else: the text below is the header of its `.sql` file, and stands as a comment in the
warehouse too. "Now" is the watermark in `analytics.as_of`, never a clock; settings stand in
`analytics.settings`.

The watermark is that of the source that was loaded least far. A source more than 30 days behind the
newest, because it is no longer configured or its loads have long failed, holds nothing back: it is left
out. What it did stays in every history; its resources are `not_loaded`, judged up to its own watermark
and in no number of now. Once loaded again, it is as any other. `analytics.source_watermark` has the
watermark of each source, `data_quality` says which one holds back and which are left out.

```sh
cbr-warehouse sql "FROM analytics.protection_coverage"
cbr-warehouse sql "FROM analytics.as_known_at('2026-11-16 08:00:00+00')"
```
"""


def write_page() -> str:
    """The whole page, in Markdown."""
    found = views()
    sections = (
        ("Base tables", "Materialized at each load, for what changed.", base_tables()),
        ("Views", "Asked when read.", tuple(one for one in sorted(found, key=_name) if one.kind == "view")),
        (
            "Macros",
            "Called with a time, like a table.",
            tuple(one for one in sorted(found, key=_name) if one.kind == "macro"),
        ),
    )
    lines = [_INTRODUCTION]
    for title, says, definitions in sections:
        lines += [f"## {title}", "", says, ""]
        for definition in definitions:
            lines += [*_section(definition), ""]
    return "\n".join(lines).rstrip() + "\n"


def _name(definition: Definition) -> str:
    return definition.name


def _section(definition: Definition) -> Iterator[str]:
    call = f"({definition.arguments})" if definition.kind == "macro" else ""
    yield f"### `analytics.{definition.name}{call}`"
    yield ""
    for part in PARTS:
        yield f"- **{part}**: {definition.parts[part]}"
    yield ""
    yield "| column | meaning |"
    yield "|---|---|"
    for column, description in definition.columns.items():
        yield f"| `{column}` | {description} |"


if __name__ == "__main__":
    print(write_page(), end="")  # noqa: T201  # its output is the page
