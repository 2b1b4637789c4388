"""Where the files of a DuckLake are, by the settings and the data directory."""

from pathlib import Path

import pytest

from cbr_warehouse.errors import SettingsError, UsageError
from cbr_warehouse.load.serve import choose_lake
from cbr_warehouse.settings.lake import LakeConnection
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.store_url import StoreUrl

FOLDER = DataDirectory(Path("/srv/data"))
IN_STORE = DataDirectory(Path("/cache/x/work"), "s3://backups/cbr")


def files(directory: DataDirectory, configured: str | None) -> Path | StoreUrl | None:
    given = {} if configured is None else {"warehouse_files": configured}
    lake = choose_lake(directory, Settings(warehouse=LakeConnection("dbname=x"), **given))
    assert lake is not None
    return lake.files


@pytest.mark.parametrize(
    ("directory", "configured", "expected"),
    [
        (FOLDER, None, Path("/srv/data/lake")),
        (FOLDER, "/srv/lake", Path("/srv/lake")),
        (FOLDER, "s3://backups/x", StoreUrl("backups", "x")),
        (IN_STORE, None, StoreUrl("backups", "cbr/lake")),
        (DataDirectory(Path("/cache/x/work"), "s3://backups"), None, StoreUrl("backups", "lake")),
        (IN_STORE, "/srv/lake", Path("/srv/lake")),
        (IN_STORE, "s3://backups/cbr/lake/2", StoreUrl("backups", "cbr/lake/2")),
        (IN_STORE, "s3://backups/cbr-lake", StoreUrl("backups", "cbr-lake")),
    ],
)
def test_places(directory: DataDirectory, configured: str | None, expected: Path | StoreUrl) -> None:
    assert files(directory, configured) == expected


@pytest.mark.parametrize("configured", ["s3://backups/cbr", "s3://backups/cbr/objects/x"])
def test_among_the_files_of_the_data_directory(configured: str) -> None:
    with pytest.raises(SettingsError, match="which removes what it does not know"):
        files(IN_STORE, configured)


def test_no_address_of_a_store() -> None:
    with pytest.raises(UsageError, match="is no address of an object store"):
        files(FOLDER, "s3://B/x")


def test_none_is_configured() -> None:
    assert choose_lake(FOLDER, Settings()) is None
