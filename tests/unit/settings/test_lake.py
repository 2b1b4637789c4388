"""The setting ``warehouse``: what is accepted, and that a password is never repeated."""

from pathlib import Path

import pytest

from cbr_warehouse.errors import SettingsError, UsageError
from cbr_warehouse.settings.lake import LakeConnection, parse_lake
from cbr_warehouse.settings.read import read_settings
from cbr_warehouse.settings.secret_references import Reference
from cbr_warehouse.warehouse.place import LakeAddress, as_lake, lake_address

BASE = Path("/etc/cbr")


@pytest.mark.parametrize(
    ("text", "parameters", "password"),
    [
        ("host=db dbname=cbr", "host=db dbname=cbr", None),
        ("dbname=cbr password=env:PW host=db", "dbname=cbr host=db", Reference("env", "PW")),
        ("dbname='a b' password='file:pw'", "dbname='a b'", Reference("file", "/etc/cbr/pw")),
        (r"dbname='it\'s'", r"dbname='it\'s'", None),
    ],
)
def test_addresses(text: str, parameters: str, password: Reference | None) -> None:
    assert parse_lake(f"ducklake:postgres:{text}", BASE) == LakeConnection(parameters, password)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "password=hunter2",
        "dbname=x password=hunter2",
        "dbname=x sslpassword=hunter2",
        "postgresql://cbr:hunter2@db/cbr",
        "dbname=x dbname=hunter2",
        "dbname='hunter2",
        "dbname=x; hunter2",
        "password=env:PW",
    ],
)
def test_what_is_refused_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_lake(f"ducklake:postgres:{text}", BASE)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("value", ["ducklake:x.db", "warehouse.duckdb", 1, None])
def test_other_values(value: object) -> None:
    with pytest.raises(ValueError, match="does not begin with ducklake:postgres:"):
        parse_lake(value, BASE)


def test_an_address_in_python() -> None:
    address = as_lake("ducklake:postgres:dbname=cbr password=env:PW")
    assert address == LakeAddress("dbname=cbr", Reference("env", "PW"))
    assert as_lake("data") is None
    with pytest.raises(UsageError, match="Allowed: ") as raised:
        as_lake("ducklake:postgres:dbname=cbr password=hunter2")
    assert "hunter2" not in str(raised.value)


def test_the_password_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    address = lake_address(LakeConnection("dbname=cbr", Reference("env", "PW")))
    with pytest.raises(SettingsError, match="the environment variable PW is not set"):
        address.read_password()
    monkeypatch.setenv("PW", "")
    with pytest.raises(SettingsError, match="env:PW is empty"):
        address.read_password()
    monkeypatch.setenv("PW", "hunter2")
    assert address.read_password() == "hunter2"
    assert "hunter2" not in f"{address} {address!r}"
    assert LakeAddress("dbname=cbr").read_password() is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('warehouse_files = "x"', "warehouse_files: has no effect without warehouse"),
        ('warehouse = "ducklake:postgres:dbname=x"\nwarehouse_files = "gs://a"', "warehouse_files: "),
        ('warehouse = "ducklake:postgres:dbname=x password=hunter2"', "warehouse: "),
    ],
)
def test_problems_of_a_configuration(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as raised:
        read_settings(file, None, {})
    assert said in str(raised.value)
    assert "hunter2" not in str(raised.value)
