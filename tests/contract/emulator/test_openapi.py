"""The OpenAPI description is valid and has the same leaves as the contract."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from huaweicloudsdkcbr.v1.model import BackupResp, Policy, ProtectablesResp, Vault  # type: ignore[attr-defined]
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from cbr_emulator.dialect.options import ALLOWED
from cbr_emulator.dialect.serialize import CHANGES, serialize_record
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.generate import generate_estate
from cbr_emulator.estate.inventory import OBJECT_TYPES
from cbr_emulator.estate.inventory_records import InventoryRecords
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.shape import leaves, record_shape

DOCUMENT: dict[str, Any] = yaml.load(
    (Path(__file__).parents[3] / "schemas" / "openapi.yaml").read_text(),
    getattr(yaml, "CSafeLoader", yaml.SafeLoader),  # every test process reads it when it collects
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


@pytest.fixture(scope="module")
def records() -> list[bytes]:
    """A record of each type and status that an estate has."""
    now = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    kinds = {
        (task.operation_type, task.status_at(now)): task for task in generate_estate(1000, 10, 1, now).tasks
    }
    return [task.record_at(now, "p") for task in kinds.values()]


@pytest.mark.parametrize(("switch", "value"), [(name, value) for name in CHANGES for value in ALLOWED[name]])
def test_it_describes_records_in_every_dialect(records: list[bytes], switch: str, value: str) -> None:
    """It knew no number for backup.incremental, which a dialect prints."""
    described = Draft202012Validator(DOCUMENT["components"]["schemas"]["OperationLog"])
    dialect = replace(Dialect(), **{switch: value})  # type: ignore[arg-type]  # of these, all values are texts
    for record in records:
        described.validate(json.loads(serialize_record(record, dialect)))


def inventory() -> Iterator[tuple[str, dict[str, Any]]]:
    """A name of a schema, and an object that it describes, for everything of an inventory."""
    now = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    estate = generate_estate(1000, 10, 1, now).inventory
    records = InventoryRecords(estate, "p")
    yield from (("Vault", one) for one in records.vaults(now))
    yield from (("Policy", one) for one in records.policies(now))
    yield from (("Backup", records.backup(one, now)) for one in estate.backups_at(now))
    for kind in OBJECT_TYPES:
        yield from (
            ("Protectable", records.protectable(one, now)) for one in estate.protectables_at(kind, now)
        )


def keys_of(value: Any, path: str = "") -> Iterator[str]:
    """Paths of all keys of a value that is no list, down to those of lists of objects."""
    for key, child in value.items() if isinstance(value, dict) else ():
        yield f"{path}{key}"
        for one in child if isinstance(child, list) else [child]:
            yield from keys_of(one, f"{path}{key}.")


def described_keys(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The same of a schema."""
    for key, child in schema.get("properties", {}).items():
        yield f"{path}{key}"
        yield from described_keys(child.get("items", child), f"{path}{key}.")


def test_it_describes_every_key_of_an_inventory() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    found: dict[str, set[str]] = {}
    for name, record in inventory():
        Draft202012Validator(schemas[name]).validate(record)
        found.setdefault(name, set()).update(keys_of(record))
    assert found.keys() == {"Vault", "Policy", "Backup", "Protectable"}
    for name, keys in found.items():
        known = set(described_keys(schemas[name]))
        assert {key for key in keys if not key.startswith("detail.")} <= known


@pytest.mark.parametrize(
    ("name", "model"),
    [("Vault", Vault), ("Policy", Policy), ("Backup", BackupResp), ("Protectable", ProtectablesResp)],
)
def test_objects_of_an_inventory_have_the_vendors_keys(name: str, model: Any) -> None:
    ours = set(DOCUMENT["components"]["schemas"][name]["properties"])
    assert ours <= set(model.openapi_types)
