"""Limits a query to sources, vaults and policies: what it reads is replaced by the rows that belong to them.

A limit to vaults or policies chooses resources: those whose last vault, or policy, by the end of the period
is one of them. All figures are of these resources then, wherever their earlier backups are.
"""

import re
from collections.abc import Callable

from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.errors import UsageError
from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.options import Scope
from cbr_warehouse.storage.sql_text import literal

OF_WHOLE_SOURCES = (
    "completeness",
    "watermark",
    "period",
    "estate",
    "not_protected",
    "longest_unprotected",
    "tags",
)
"""Queries that a vault or a policy does not limit: days, records and unprotected resources belong to none."""

_NAMED = 10
"""How many of the known names are listed where a name is not known."""

_BY_SOURCE = (
    "source_watermark",
    "source_clock",
    "coverage",
    "loads",
    "quarantine",
    "inventory_list",
    "estate_coverage",
    "unprotected_resources",
    "protection_by_tag",
)
_BY_RESOURCE = ("resource", "resource_day", "recovery_point", "streak")
_BY_TASK = ("attempt", "partial_success")

_READ = re.compile(
    rf"\banalytics\.({'|'.join((*_BY_SOURCE, *_BY_RESOURCE, *_BY_TASK))})\b"
    r"|(?<=FROM )(coverage|loads|quarantine)\b"
)
_WITH = re.compile(r"WITH\s+")
_EXPOSURE = re.compile(r"\banalytics\.exposure\([^)]*\)")


def limited_to(sql: str, name: str, scope: Scope) -> str:
    """The query limited to a scope.

    Args:
        sql: The query.
        name: Its name.
        scope: What to limit it to.
    """
    if scope.is_whole:
        return sql
    if name in OF_WHOLE_SOURCES:
        scope = Scope(scope.sources)
    read: dict[str, str] = {}

    def replaced(found: re.Match[str]) -> str:
        table = found[1] or found[2]
        where = _where(table, scope)
        if not where:
            return found[0]
        read[f"scoped_{table}"] = f"SELECT * FROM {found[0]} WHERE {where}"
        return f"scoped_{table}"

    body = _READ.sub(replaced, sql)
    chosen = _where("exposure", scope)
    body = _EXPOSURE.sub(lambda found: f"(SELECT * FROM {found[0]} WHERE {chosen})", body)
    if scope.is_of_resources and (
        "chosen_resource" in body or any("chosen_" in one for one in read.values())
    ):
        read = {"chosen_resource": _chosen(scope)} | read
    if not read:
        return body
    tables = ",\n\n".join(f"{table} AS (\n    {query}\n)" for table, query in read.items())
    begin = _WITH.match(body)
    return f"WITH {tables}" + (f",\n\n{body[begin.end() :]}" if begin else f"\n\n{body}")


def _where(table: str, scope: Scope) -> str:
    conditions = [_is_one_of("source", scope.sources)] if scope.sources else []
    if scope.is_of_resources and table not in _BY_SOURCE:
        chosen = "(source, resource_id) IN (SELECT source, resource_id FROM chosen_resource)"
        conditions.append(chosen if table not in _BY_TASK else _of_tasks(table, chosen, scope))
    return " AND ".join(conditions)


def _of_tasks(table: str, chosen: str, scope: Scope) -> str:
    """Tasks of chosen resources, and those of no resource in a chosen vault: no policy starts these."""
    by_vault = "false" if scope.policies else _in_vaults("vault_id", "vault_name", scope.vaults)
    if table == "partial_success":
        return by_vault
    return f"(coalesce({chosen}, false) OR (resource_id IS NULL AND {by_vault}))"


def _chosen(scope: Scope) -> str:
    last = "arg_max({}, backup_day)".format
    conditions = []
    if scope.vaults:
        conditions.append(_in_vaults(last("vault_id"), last("vault_name"), scope.vaults))
    if scope.policies:
        ids = (_is_one_of(last(column), scope.policies) for column in ("policy_id", "schedule_id"))
        conditions.append(f"({' OR '.join(ids)})")
    return (
        "SELECT source, resource_id FROM analytics.resource_day WHERE backup_day < $to_day "
        f"GROUP BY source, resource_id HAVING {' AND '.join(conditions)}"
    )


def _in_vaults(id_column: str, name_column: str, vaults: tuple[str, ...]) -> str:
    return f"coalesce({_is_one_of(id_column, vaults)} OR {_is_one_of(name_column, vaults)}, false)"


def _is_one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(map(literal, values))})"


_KNOWN: tuple[tuple[str, Callable[[Scope], tuple[str, ...]], str, str], ...] = (
    (
        "source",
        lambda scope: scope.sources,
        "SELECT source, 0 FROM analytics.source_clock",
        "not in the warehouse",
    ),
    (
        "vault",
        lambda scope: scope.vaults,
        (
            "SELECT vault_name, 0 FROM analytics.resource_day "
            "UNION SELECT vault_id, 1 FROM analytics.resource_day"
        ),
        "no backup task of a resource names it",
    ),
    (
        "policy",
        lambda scope: scope.policies,
        (
            "SELECT policy_id, 0 FROM analytics.resource_day "
            "UNION SELECT schedule_id, 1 FROM analytics.resource_day"
        ),
        "no backup task of a resource names it",
    ),
)
"""Each option, its values, a query of the names that it can have, those to list first with 0, and what is
said of another. A vault that other tasks name alone has no resource that a report could be of.
"""


def require_known(warehouse: Warehouse, scope: Scope) -> None:
    """Refuses a scope with names that nothing in the warehouse belongs to.

    Raises:
        UsageError: It names a source without tasks, loads or coverage, or a vault or policy that no backup
            task of a resource names; the message lists known ones.
    """
    faults = []
    for option, values, query, fault in _KNOWN:
        if not values(scope):
            continue
        rows = warehouse.sql(
            f"SELECT DISTINCT name, place FROM ({query}) AS known(name, place) ORDER BY 2, 1", as_="arrow"
        ).to_pylist()
        known = list(dict.fromkeys(row["name"] for row in rows if row["name"]))
        if unknown := [value for value in values(scope) if value not in known]:
            listed = ", ".join(escape_invisible(name) for name in known[:_NAMED]) or "none"
            more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
            faults.append(
                f"--{option} {escape_invisible(', '.join(unknown))}: {fault}. Known: {listed}{more}."
            )
    if faults:
        raise UsageError(" ".join(faults))
