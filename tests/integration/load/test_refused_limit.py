"""A source that refuses a large limit is loaded in smaller pages."""

import pytest

from support.emulator_server import Warehouse, emulated, lost


@pytest.mark.parametrize("most", [50, 100, 10])
def test_a_refused_limit_is_asked_for_in_smaller_sizes(
    tmp_path_factory: pytest.TempPathFactory, most: int
) -> None:
    """The walk asked for 1,000 rows, was refused with 400, and the load failed."""
    dialect = ("over_limit=refuse", f"max_limit={most}")
    with emulated(tasks=400, days=5, dialect=dialect) as source:
        warehouse = Warehouse(tmp_path_factory.mktemp("data"), source)
        report = warehouse.load()
        assert report.exit_status(strict=False) == 0
        assert lost(warehouse, source.truth()) == []
        refused = [asked for asked in source.lists if int(asked["limit"]) > most]
        assert 1 <= len(refused) <= 12, "the refusal is learned once, by each thread at the most"
