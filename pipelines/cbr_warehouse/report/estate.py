"""What is not protected, of all resources there are: sentences and tables, where an inventory is loaded."""

from collections.abc import Iterable
from typing import Any

from cbr_warehouse.report.collect_data import ReportData
from cbr_warehouse.report.formatting import abbreviate, count, moment, named
from cbr_warehouse.report.texts import Texts

_NAMED_REASONS = 3


def describe_unprotected(data: ReportData, texts: Texts) -> str:
    """How many of all resources have no protection, and why most; "" where none are known."""
    rows = data.rows("estate")
    unprotected, resources = (sum(row[name] for row in rows) for name in ("unprotected", "resources"))
    if not resources:
        return ""
    total = count(resources)
    if not unprotected:
        return texts("not_protected", "all", total=total)
    by_reason: dict[str, int] = {}
    for row in data.rows("not_protected"):
        by_reason[row["reason"]] = by_reason.get(row["reason"], 0) + row["resources"]
    most = sorted(by_reason.items(), key=lambda pair: (-pair[1], pair[0]))[:_NAMED_REASONS]
    what = texts("changes", "comma").join(
        texts("not_protected", "reason", reason=texts.word(reason), n=count(n)) for reason, n in most
    )
    return texts("not_protected", "some", n=count(unprotected), total=total, what=what)


def describe_missing(data: ReportData, texts: Texts) -> str:
    """Which lists of the inventory could not be read; "" where all were."""
    missing = sorted({one for row in data.rows("estate") for one in row["missing"]})
    if not missing:
        return ""
    lists = (one.split(" ") for one in missing)
    named = (
        texts("not_protected", "list", kind=texts.word(kind), state=texts.word(state))
        for kind, state in lists
    )
    return texts("not_protected", "missing", lists=texts("changes", "comma").join(named))


def remark_of(data: ReportData, texts: Texts) -> str:
    """The count, as of when, what it leaves out, and that no limit applies; "" without an inventory."""
    if not data.rows("estate"):
        return ""
    read = [row["read_at"] for row in data.rows("estate") if row["read_at"] is not None]
    sentences = [
        describe_unprotected(data, texts),
        texts("not_protected", "as_of", at=moment(min(read), data.zone)) if read else "",
        describe_missing(data, texts),
        texts("scope", "whole") if data.scope.is_of_resources else "",
    ]
    return texts("not_protected", "space").join(one for one in sentences if one)


def estate_tables(data: ReportData, texts: Texts) -> Iterable[tuple[str, list[dict[str, Any]], str]]:
    """Name, rows and columns of each table; none without an inventory."""
    rows = data.rows("estate")
    if not rows:
        return
    source = " source" if len(rows) > 1 else ""
    yield "not_protected", data.rows("not_protected"), "reason resource_type resources since"
    yield (
        "longest_unprotected",
        [
            row | {"resource": named(row["resource"], row["short_id"]), "vault": abbreviate(row["vault"])}
            for row in data.rows("longest_unprotected")
        ],
        f"resource resource_type reason since vault{source}",
    )
    yield (
        "tags",
        [row | {"tag": texts.word(abbreviate(row["tag"]))} for row in data.rows("tags")],
        "tag resources enrolled within_rpo unprotected protected_rate",
    )
