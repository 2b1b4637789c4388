"""The recipe for Evidence: the queries of its sources on the demo, and those of its page on their rows."""

import json
import re
from pathlib import Path

import duckdb
import yaml

PAGE = (Path(__file__).parents[3] / "docs" / "other-tools.md").read_text(encoding="utf-8")
RECIPE = PAGE[PAGE.index("## Evidence and Metabase") :]


def test_the_queries_and_columns_of_the_recipe_are_there(small_demo: Path) -> None:
    sources = re.findall(r"^```sql\n-- (\w+)\n(.+?)\n```$", RECIPE, re.DOTALL | re.MULTILINE)
    queries = re.findall(r"^```sql (\w+)\n(.+?)\n```$", RECIPE, re.DOTALL | re.MULTILINE)
    assert len(sources) == len(queries) == 2
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{small_demo / 'warehouse.duckdb'}' AS warehouse (READ_ONLY)")
        connection.execute("CREATE SCHEMA cbr")
        for name, query in sources:
            # Evidence opens the file itself, and keeps the rows of each query as a table.
            connection.execute("USE warehouse")
            rows = connection.execute(query).to_arrow_table()
            connection.execute("USE memory")
            connection.register("rows", rows)
            connection.execute(f"CREATE TABLE cbr.{name} AS FROM rows")
        shown = {name: connection.execute(query).to_arrow_table() for name, query in queries}
    assert all(table.num_rows for table in shown.values())
    drawn = re.findall(r"<\w+ data=\{(\w+)\}([^/]*)/>", RECIPE)
    assert {name for name, _ in drawn} == shown.keys()
    for name, options in drawn:
        assert set(re.findall(r"\b[xy]=(\w+)", options)) <= set(shown[name].column_names)


def test_the_files_of_the_recipe_are_what_they_claim() -> None:
    (package,) = re.findall(r"```json\n(.+?)```", RECIPE, re.DOTALL)
    assert "@evidence-dev/duckdb" in json.loads(package)["dependencies"]
    configuration, connection = (
        yaml.safe_load(one) for one in re.findall(r"```yaml\n(.+?)```", RECIPE, re.DOTALL)
    )
    assert set(configuration["plugins"]["datasources"]) == {"@evidence-dev/duckdb"}
    assert connection["type"] == "duckdb"
    assert connection["options"]["filename"].endswith("data/warehouse.duckdb")
