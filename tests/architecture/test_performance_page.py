"""docs/performance.md is what the tool makes of the results, and has the peers."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"


def test_the_page_is_generated_from_the_results() -> None:
    page = runpy.run_path(str(ROOT / "tools" / "performance.py"))["page"]
    assert page() == PAGE.read_text(encoding="utf-8"), "run .venv/bin/python tools/performance.py"


def test_the_results_have_all_loaders_and_the_machine() -> None:
    results = json.loads((ROOT / "benchmarks" / "performance" / "results.json").read_text(encoding="utf-8"))
    runs = results["first 100000"]["runs"]
    assert {"cbr-warehouse", "dlt, tuned", "pandas", "DuckDB from a file"} <= runs.keys()
    assert all(result["machine"]["processor"] and result["machine"]["cpus"] for result in results.values())
