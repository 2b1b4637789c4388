"""docs/tables.md is what the contract says."""

from pathlib import Path

from cbr_warehouse.contract.docs_page import tables_page
from cbr_warehouse.contract.load_schemas import read_contract


def test_the_page_is_up_to_date() -> None:
    page = (Path(__file__).parents[3] / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == tables_page(read_contract()), "docs/tables.md is stale: run 'make docs' and commit it"
