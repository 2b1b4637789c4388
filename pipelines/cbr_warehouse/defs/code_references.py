"""Where the code of an asset is, for Dagster's pages: the function of its step, or the file of its query.

Dagster warns with each use that these may change; the warning would be in the output of every process.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import dagster as dg

from cbr_warehouse.analytics.catalogue import Definition, definition_file


def with_functions(assets: Sequence[dg.AssetsDefinition]) -> Iterator[dg.AssetsDefinition]:
    """The same assets, each with the place of the function of its step."""
    with _without_warnings():
        found = dg.with_source_code_references(assets)
    yield from (one for one in found if isinstance(one, dg.AssetsDefinition))


def query_file(definition: Definition) -> dg.CodeReferencesMetadataValue:
    """The file of a table or view of the analytics."""
    return _query_at(str(definition_file(definition)))


@cache
def _query_at(path: str) -> dg.CodeReferencesMetadataValue:
    with _without_warnings():
        reference = dg.LocalFileCodeReference(file_path=path, line_number=1, label="query")
        return dg.CodeReferencesMetadataValue(code_references=[reference])


@contextmanager
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield
