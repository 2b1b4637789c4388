"""The prefix of names is decided once in a process, since names are made when modules are imported."""

import pytest

from cbr_warehouse.defs import asset_keys, name_prefix
from cbr_warehouse.defs.name_prefix import NamePrefix, set_name_prefix
from cbr_warehouse.errors import UsageError


def test_without_a_component_names_have_no_prefix() -> None:
    assert asset_keys.LOAD_JOB == "load"
    assert asset_keys.raw_key("prod").path == ["raw", "prod"]
    assert asset_keys.folder_of(asset_keys.table_key("tasks")) == "tables"


def test_a_second_prefix_is_refused_once_names_are_made() -> None:
    set_name_prefix(NamePrefix())
    with pytest.raises(UsageError, match="one CbrWarehouseComponent"):
        set_name_prefix(NamePrefix(("backups",), "cbr_"))
    assert name_prefix.use_name_prefix() == NamePrefix()


def test_keys_of_others_have_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asset_keys, "_PREFIX", NamePrefix(("backups", "cbr"), "cbr_"))
    own = asset_keys.warehouse_key("tasks")
    assert own.path == ["backups", "cbr", "warehouse", "tasks"]
    assert asset_keys.folder_of(own) == "warehouse"
    for path in (["warehouse", "tasks"], ["backups"], ["backups", "cbr"], ["backups", "other", "raw"]):
        assert asset_keys.folder_of(asset_keys.dg.AssetKey(path)) is None
    assert asset_keys.named("load") == "cbr_load"
