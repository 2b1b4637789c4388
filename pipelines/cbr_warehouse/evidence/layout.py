"""The files of an evidence pack: what there is, what each is called, and which names a pack may have."""

import re

INDEX = "index.html"
MANIFEST = "manifest.json"
MANIFEST_CHECKSUM = "manifest.sha256"
READ = "sql/00_read.sql"
TABLES = "sql/10_tables.sql"
ANALYTICS = "sql/20_analytics.sql"

SCRIPTS = (TABLES, ANALYTICS)
"""The scripts that make tables and views of the raw records, in the order in which they run."""

ALLOWED = re.compile(
    r"index\.html|manifest\.json|manifest\.sha256"
    r"|raw/[a-z0-9][a-z0-9-]{0,80}\.parquet"
    r"|sql/(00_read|10_tables|20_analytics)\.sql"
    r"|sql/(control|table)_[a-z0-9_]{1,60}\.sql"
    r"|results/(control|table)_[a-z0-9_]{1,60}\.jsonl"
)
"""The names that files of a pack may have: none leads out of the folder that it is unpacked to."""

COVERAGE = "coverage"
LOADS = "loads"


def records_of(source: str) -> str:
    """Name of the table, and of the file without its ending, of a source's raw records."""
    return f"records-{source}"


def sightings_of(source: str) -> str:
    """Name of the table, and of the file without its ending, of when they were received again."""
    return f"sightings-{source}"


def inventory_of(table: str) -> str:
    """Name of the table, and of the file without its ending, of what a table of the inventory has."""
    return f"inventory-{table.replace('_', '-')}"


def raw_file(name: str) -> str:
    """The file of a raw table."""
    return f"raw/{name}.parquet"


def raw_name(file: str) -> str:
    """The raw table of a file."""
    return file.removeprefix("raw/").removesuffix(".parquet")


def query_file(name: str) -> str:
    """The file of a query."""
    return f"sql/{name}.sql"


def result_file(name: str) -> str:
    """The file of a query's result."""
    return f"results/{name}.jsonl"
