"""Schema files with a mistake: a sentence that names the file, the key and what was meant."""

from pathlib import Path

import pytest

from cbr_warehouse.contract.load_schemas import TABLE_ORDER, parse_table, read_contract
from cbr_warehouse.contract.schema_keys import COLUMN_KEYS, PLACE_KEYS, TABLE_KEYS
from cbr_warehouse.errors import SchemaError

SCHEMAS = Path(__file__).parents[3] / "schemas"
SOUND = """\
table: parts
description: One row per part.
key: [task_id, position]
source: record
rows:
  - from: extra_info.parts[]
    constants: {role: target}
    positions: [position]
    paths: {name: name}
columns:
  - {name: task_id, type: text, nullable: false, description: Task.}
  - {name: role, type: text, description: Role.}
  - {name: position, type: integer, description: Index.}
  - {name: name, type: text, path: name, description: Name.}
"""


def test_a_sound_file_is_a_table() -> None:
    table = parse_table("parts.yaml", SOUND.encode(), {})
    assert [column.name for column in table.columns] == ["task_id", "role", "position", "name"]


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("path: name,", "pth: name,", "column name: unknown key pth; did you mean path?"),
        ("nullable: false", "nulable: false", "column task_id: unknown key nulable; did you mean nullable?"),
        ("nullable: false", 'nullable: "no"', "column task_id: nullable must be true or false, not 'no'."),
        ("type: integer", "type: intger", "'intger'. Did you mean integer?"),
        ("type: integer", "type: 7", "column position: type must be text, not 7."),
        (", description: Index.", "", "column position: the key description is missing."),
        (
            "paths: {name: name}",
            "path: {name: name}",
            "place 1 of rows: unknown key path; did you",
        ),
        ("paths: {name: name}", "paths: {nam: name}", "there is no column nam; did you mean name?"),
        ("positions: [position]", "positions: position", "positions must be a list of columns"),
        ("    positions: [position]\n", "", "1 arrays in from, but 0 positions"),
        ("key: [task_id, position]", "key: [task_id, place]", "key: there is no column place"),
        ("source: record", "source: records", "source must be one of record, derived"),
        ("source: record", "source: derived", "rows are for tables with source: record"),
        ("source: record\n", "source: record\nrowss: []\n", "unknown key rowss; did you mean rows?"),
        ("name: role,", "name: name,", "the column name is declared twice"),
        ("table: parts", "table: [parts", "is not YAML"),
        ("columns:", "colums:", "unknown key colums; did you mean columns?"),
        ("source: record\n", "source: record\nincludes: task\n", "includes must be one of "),
    ],
)
def test_a_mistake_is_a_sentence(right: str, wrong: str, sentence: str) -> None:
    """`pth:` and `nulable:` passed unseen, or ended in a BinderException of a later load."""
    assert right in SOUND
    with pytest.raises(SchemaError) as raised:
        parse_table("parts.yaml", SOUND.replace(right, wrong, 1).encode(), {})
    assert str(raised.value).startswith("parts.yaml: ")
    assert sentence in str(raised.value)


def test_the_project_s_own_files_are_sound() -> None:
    assert [table.name for table in read_contract().tables] == list(TABLE_ORDER)


def test_the_readme_documents_the_keys_that_code_reads() -> None:
    example = (SCHEMAS / "README.md").read_text(encoding="utf-8").split("```")[1]
    documented = {line.split(":")[0].strip(" -") for line in example.splitlines() if ":" in line}
    assert documented == {*TABLE_KEYS, *PLACE_KEYS, *COLUMN_KEYS}
