"""Each notebook runs to its end on a loaded warehouse, needs no network, and is stored without outputs."""

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

import cbr_warehouse
from cbr_warehouse.reader.warehouse import Warehouse, open_warehouse

NOTEBOOKS = sorted((Path(__file__).parents[3] / "notebooks").glob("*.ipynb"))

REMOTE = re.compile(r"""https?://(?!www\.w3\.org/)[^"'\s]+""")
"""Addresses other than those of XML namespaces, which nothing fetches."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_draws_its_charts_without_a_network(
    path: Path, small_demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Charts were scripts that a browser fetched from a CDN: offline, they stayed empty."""
    monkeypatch.setenv("CBR_WAREHOUSE_DATA_DIR", str(small_demo))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(path.parent))
    shown = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert len(shown) >= 5
    (seen,) = [cell for cell in shown if cell.id.endswith("-seen")]
    # A kernel sends what was printed in as many pieces as it takes seconds.
    sentences = "".join(output["text"] for output in seen.outputs).splitlines()
    assert len(sentences) == 3
    assert all(sentence.endswith(".") for sentence in sentences)
    for cell in shown:
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if "alt.Chart(" in cell.source:
            assert "image/svg+xml" in kinds
        printed = "".join(str(output.get("data", output.get("text", ""))) for output in cell.outputs)
        assert not REMOTE.findall(printed)
        assert "<script" not in printed


class Shuffled:
    """A warehouse whose answers come in another order wherever a query leaves the order open."""

    def __init__(self, warehouse: Warehouse, seed: int) -> None:
        self._warehouse = warehouse
        self._seed = seed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def view(self, name: str, **options: Any) -> pd.DataFrame:
        return self._mixed(self._warehouse.view(name, **options))

    def sql(self, query: str, *parameters: Any) -> pd.DataFrame:
        found = self._warehouse.sql(query, *parameters)
        return found if "ORDER BY" in query else self._mixed(found)

    def _mixed(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.sample(frac=1, random_state=self._seed).reset_index(drop=True)


def tables_of(path: Path) -> list[str]:
    """What the cells of a notebook that end in a table show, as CSV; run in this process."""
    found, names = [], {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, path.name, "exec"), names)
        if last is not None:
            shown = eval(compile(ast.Expression(last.value), path.name, "eval"), names)
            if isinstance(shown, pd.DataFrame):
                found.append(shown.to_csv(index=False))
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_tables_do_not_depend_on_the_order_of_unordered_rows(
    path: Path, small_demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last 14 days were the last 14 rows of a view without an order."""
    monkeypatch.setenv("CBR_WAREHOUSE_DATA_DIR", str(small_demo))
    runs = []
    for seed in (1, 2):
        monkeypatch.setattr(
            cbr_warehouse, "open_warehouse", lambda place, seed=seed: Shuffled(open_warehouse(place), seed)
        )
        runs.append(tables_of(path))
    assert len(runs[0]) >= 3
    assert runs[0] == runs[1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]


def test_there_are_five() -> None:
    assert len(NOTEBOOKS) == 5
