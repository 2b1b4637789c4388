"""Examples of every command, as ``--help`` shows them; each is run by a test.

A test runs them in this order in one folder, against an emulator at the address that ``init`` names.
"""

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "demo": ("--data-dir /tmp/cbr-demo demo --tasks 2000 --days 10",),
    "init": (
        "init",
        "init --name prod --endpoint eu-de --project 04f1… --sign-in token --secret env:CBR_TOKEN --load",
    ),
    "load": ("load", "load --since 7d", "load --source prod --deep --strict"),
    "plan": ("plan", "plan --since 2w --json"),
    "status": ("status", "status --json"),
    "sql": (
        "sql",
        'sql "FROM analytics.protection_coverage"',
        "sql --file query.sql --format csv",
        "sql - --format json < query.sql",
    ),
    "views": ("views", "views protection_coverage", "views --write views.duckdb"),
    "metrics": ("metrics", "metrics --out cbr.prom"),
    "schema": ("schema", "schema tasks", "schema --json", "schema --format odcs", "schema --format dbt"),
    "open": ("open", "open --port 8765 --browser"),
    "report": (
        "report",
        "report --period month --audit --out audit",
        "report --source prod --lang zh --out report-zh",
        'report --period day --digest | mail -s "CBR backups" ops@example.com',
    ),
    "rebuild": ("rebuild",),
    "maintain": ("maintain --dry-run", "maintain"),
    "copy": (
        "copy --to s3://backups/cbr --verify",
        "copy --to s3://backups/warehouse --as-data-dir",
        "--data-dir restored copy --from s3://backups/cbr",
    ),
    "verify": ("verify", "verify --subset 3/30 --json"),
    "check": ("check", "check --format junit > controls.xml", "check --format json --failing"),
    "verify-pack": ("verify-pack audit/evidence.zip",),
    "quarantine": ("quarantine list", "quarantine requeue"),
    "quarantine list": ("quarantine list --unresolved", "quarantine list --format json"),
    "quarantine requeue": ("quarantine requeue",),
    "doctor": ("doctor", "doctor --source prod --json"),
    "mcp": ("mcp", "--data-dir /srv/cbr/data mcp"),
    "dagster-home": (
        "dagster-home dagster-home",
        "dagster-home worker-home --launcher celery --runs 16",
    ),
    "emulator": (
        "emulator --port 8080 --tasks 2000",
        "emulator --dialect times=seconds --fault throttle=0.1",
    ),
}
"""By command, with the words after ``cbr-warehouse``, as they are typed in a shell."""

FIRST = ("demo", "init", "load", "report")
"""Whose first example ``cbr-warehouse --help`` shows: the usual first steps."""


def epilog(lines: tuple[str, ...]) -> str:
    """The examples as the end of a page of help, each on a line of its own."""
    return "\n".join(("\b", "Examples:", *(f"  cbr-warehouse {line}" for line in lines)))
