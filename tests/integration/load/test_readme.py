"""The README can be followed literally: its queries, its code, its configuration, its links and commands."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cbr_warehouse.settings.read import read_settings
from support.command_line import Workplace

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(text)


@pytest.fixture
def loaded(workplace: Workplace, emulate: Callable[..., str]) -> Workplace:
    workplace.configure(emulate("--tasks", "3000", "--days", "10", "--seed", "3"), history="10d")
    assert workplace.run("load").status == 0
    return workplace


def test_every_query_and_the_python_code_of_the_readme_run(
    loaded: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [query for query in block("sql").split(";") if query.strip()]
    assert len(queries) == 5
    for query in queries:
        assert loaded.sql(query), query
    monkeypatch.chdir(loaded.folder)
    scope: dict[str, object] = {}
    exec(block("python"), scope)  # the code that users copy
    assert "wh" in scope


def test_the_configuration_of_the_readme_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "cbr-warehouse.toml"
    path.write_text(block("toml"), encoding="utf-8")
    assert [source.name for source in read_settings(path, None, {}).sources] == ["prod-eu"]


def test_commands_are_written_in_one_way() -> None:
    """As after an installation, or after the one sentence that says how it is in a checkout."""
    assert README.count(".venv/bin/cbr-warehouse") == 1
    assert README.index(".venv/bin/activate") < README.index("```sh\ncbr-warehouse")


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (Path(__file__).parents[3] / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z]+)", README))
    assert {target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()


def test_every_page_the_readme_links_is_there() -> None:
    root = Path(__file__).parents[3]
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    pages = [link for link in links if not link.startswith("https://")]
    assert [page for page in pages if not (root / page).exists()] == []


@pytest.mark.parametrize(
    "verb", sorted(set(re.findall(r"cbr-warehouse (?!\w*\.toml)([a-z]+(?:-[a-z]+)*)\b", README)))
)
def test_every_command_of_the_readme_exists(workplace: Workplace, verb: str) -> None:
    assert workplace.run(verb, "--help").status == 0


def test_the_readme_has_every_command_once(workplace: Workplace) -> None:
    listed = workplace.run("--help").out.split("Commands:\n")[1]
    rows = re.findall(r"^\| `cbr-warehouse ([a-z-]+)", README, re.MULTILINE)
    assert sorted(rows) == sorted(re.findall(r"^  ([a-z][a-z-]*) ", listed, re.MULTILINE))
    # "The same for Prometheus" refers to the row before.
    assert rows[rows.index("metrics") - 1] == "status"
