"""The ``.sql`` files of the report, with the same headers as those of the analytics.

Text that several queries share is in ``sql/fragments``, or in the fragments of the analytics, and is
included by a line ``-- include NAME``. Importing this module imports no database.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from cbr_warehouse.analytics.catalogue import Definition, parse_definition, read_fragment

_INCLUDE = re.compile(r"^-- include (\w+)$", re.MULTILINE)


def query_names() -> Iterator[str]:
    """Names of all queries of the report."""
    for entry in _folder().iterdir():
        if entry.name.endswith(".sql"):
            yield entry.name.removesuffix(".sql")


def read_definition(name: str) -> Definition:
    """Reads a query and its header.

    Args:
        name: Its name.
    """
    text = _folder().joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return parse_definition(name, "question", _INCLUDE.sub(lambda found: _fragment(found[1]), text))


def _fragment(name: str) -> str:
    ours = _folder().joinpath("fragments", f"{name}.sql")
    if not ours.is_file():
        return read_fragment(name)
    lines = ours.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def _folder() -> Traversable:
    return files("cbr_warehouse.report").joinpath("sql")
