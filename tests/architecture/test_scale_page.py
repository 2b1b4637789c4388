"""docs/scale.md is what the tool makes of the results, and each price has a source and a date."""

import re
import runpy
import tomllib
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_page_is_generated_from_the_results() -> None:
    page = runpy.run_path(str(ROOT / "tools" / "scale.py"))["page"]
    written = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert page() == written, "run .venv/bin/python tools/scale.py"


def test_each_price_and_fact_has_its_source_and_date_and_the_rest_is_called_an_assumption() -> None:
    inputs = tomllib.loads((ROOT / "benchmarks" / "capacity" / "inputs.toml").read_text(encoding="utf-8"))
    for group, values in inputs.items():
        for one in values.values():
            assert one["value"] > 0
            assert one["source"].startswith("an assumption") == (group == "assumptions")
            assert isinstance(one.get("read"), date) == (group != "assumptions")


def test_an_input_is_a_parameter() -> None:
    page = runpy.run_path(str(ROOT / "tools" / "scale.py"))["page"]
    assert "| put | 1,000 PUT, POST, COPY or LIST requests to the store | 1.5 USD |" in page({"put": 1.5})
    row = re.compile(r"requests to a store to write them once \| \$([\d,]+) ")
    prices = [row.findall(page({"put": put}))[0] for put in (1.5, 3.0)]
    once, twice = (int(price.replace(",", "")) for price in prices)
    assert twice == pytest.approx(2 * once, abs=1)
