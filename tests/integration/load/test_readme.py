"""What the README tells a newcomer to ask is answered."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Workplace

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def test_every_query_of_the_readme_has_an_answer(workplace: Workplace, emulate: Callable[..., str]) -> None:
    workplace.configure(emulate("--tasks", "3000", "--days", "10", "--seed", "3"), history="10d")
    assert workplace.run("load").status == 0
    (block,) = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    queries = [query for query in block.split(";") if query.strip()]
    assert len(queries) == 5
    for query in queries:
        assert workplace.sql(query), query


def test_every_page_the_readme_links_is_there() -> None:
    root = Path(__file__).parents[3]
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (root / link).exists()] == []


@pytest.mark.parametrize("verb", re.findall(r"\| `cbr-warehouse (\w+)", README))
def test_every_command_of_the_readme_exists(workplace: Workplace, verb: str) -> None:
    assert workplace.run(verb, "--help").status == 0
