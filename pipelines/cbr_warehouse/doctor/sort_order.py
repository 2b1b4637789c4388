"""The order of rows: by which column, ascending or descending."""

from collections.abc import Iterable
from itertools import pairwise

from cbr_warehouse.doctor.finding import Evidence, Finding
from cbr_warehouse.doctor.observed_tasks import Row
from cbr_warehouse.doctor.paging import ALL
from cbr_warehouse.doctor.probe import Probe, Reply

COLUMNS = ("created_at", "updated_at", "started_at", "id")
MORE_PAGES = 4
"""Further pages that are read where the first leaves more than one order possible."""


def find_order(probe: Probe, first: Reply) -> tuple[Finding, tuple[Row, ...]]:
    """Finds out the order of rows.

    Args:
        probe: Makes the requests.
        first: The first page.

    Returns:
        The finding, and all rows seen for it.
    """
    pages = [first]
    fitting = _fitting([first.rows])
    while len(fitting) > 1 and len(pages) <= MORE_PAGES and first.received:
        # Spread over all rows where the count says how many there are, else one page after another.
        total = first.count if first.count is not None and first.count > first.received else None
        step = max(first.received, (total or 0) // (MORE_PAGES + 1))
        page = probe.ask(ALL, probe.max_rows, offset=len(pages) * step)
        if not page.rows:
            break
        pages.append(page)
        fitting = _fitting([page.rows for page in pages])
    rows = tuple({row.id: row for page in pages for row in page.rows}.values())
    return _judge(fitting, len(rows), tuple(page.evidence(_ends(page)) for page in pages)), rows


def _fitting(pages: list[tuple[Row, ...]]) -> list[str]:
    """The orders that no two neighbours on a page contradict, and at least two confirm."""
    found = []
    for column in COLUMNS:
        pairs = [pair for page in pages for pair in pairwise(_keys(page, column))]
        if any(a < b for a, b in pairs) and not any(a > b for a, b in pairs):
            found.append(f"{column} ascending")
        if any(a > b for a, b in pairs) and not any(a < b for a, b in pairs):
            found.append(f"{column} descending")
    return found


def _keys(rows: Iterable[Row], column: str) -> list[str]:
    if column == "id":
        return [row.id for row in rows]
    # In one format, instants sort as text; a task without the time may be anywhere.
    return [row.times[column].isoformat("T", "microseconds") for row in rows if column in row.times]


def _judge(fitting: list[str], rows: int, evidence: tuple[Evidence, ...]) -> Finding:
    if len(fitting) == 1:
        return Finding("order", fitting[0], f"The only order consistent with {rows:,} rows.", evidence)
    if fitting:
        said = f"{' and '.join(fitting)} are both consistent: {rows:,} rows do not distinguish them."
    elif rows < 2:
        said = f"{rows} rows show no order."
    else:
        said = f"Rows are ordered by none of {', '.join(COLUMNS)}, or they move between requests."
    return Finding("order", None, said, evidence)


def _ends(page: Reply) -> str:
    if not page.rows:
        return ""
    first, last = page.rows[0], page.rows[-1]
    return (
        f"from {first.created_at:%Y-%m-%d %H:%M} ({first.id}) to {last.created_at:%Y-%m-%d %H:%M} ({last.id})"
    )
