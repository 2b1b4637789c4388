"""The description of the API is sound and names the same leaves as the contract."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from openapi_spec_validator import validate

from pipelines.contract.read import read_contract
from pipelines.contract.shape import leaves, record_shape

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "schemas" / "openapi.yaml").read_text()
)


def described(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths of all values that a schema describes."""
    if "properties" in schema:
        for key, child in schema["properties"].items():
            yield from described(child, f"{path}.{key}" if path else key)
    elif "items" in schema:
        yield from described(schema["items"], f"{path}[]")
    else:
        yield path


def test_the_description_is_sound() -> None:
    validate(DOCUMENT)


def test_it_names_every_leaf_of_the_contract_and_no_other() -> None:
    operation_log = DOCUMENT["components"]["schemas"]["OperationLog"]
    assert set(described(operation_log)) == {leaf.path for leaf in leaves(record_shape(read_contract()))}


def test_the_list_takes_all_twelve_parameters() -> None:
    parameters = DOCUMENT["paths"]["/v3/{project_id}/operation-logs"]["get"]["parameters"]
    assert len([one for one in parameters if one["in"] == "query"]) == 12
