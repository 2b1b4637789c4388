"""Sources from the kept lists: their settings, and what the configuration leaves out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.load.found_sources import missing_projects, with_found_sources
from cbr_warehouse.raw.found_projects import VANISHED, FoundProject, write_found_projects
from cbr_warehouse.settings.model import Settings, SourceSettings
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 29, 1, tzinfo=UTC)
KEYS = {"access_key": "env:AK", "secret_key": "env:SK"}
PASSWORD = {"username": "reader", "password": "env:PW", "domain": "acme"}
EU_DE = FoundProject("prod-eu-de", "a1", "eu-de", "eu-de", "https://cbr.eu-de.example.com", NOW)
EU_NL = FoundProject("prod-eu-nl", "b2", "eu-nl", "eu-nl", "https://cbr.eu-nl.example.com", NOW)
TEAM = FoundProject("prod-eu-de-team", "c3", "eu-de_team", "eu-de", "https://cbr.eu-de.example.com", NOW)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path)
    write_found_projects(directory, "prod", [EU_DE, EU_NL, TEAM])
    return directory


def settings(*sources: dict[str, Any], **account: Any) -> Settings:
    table = {"name": "prod", "iam_endpoint": "https://iam.example.com"} | (account or KEYS)
    if not {"access_key", "password"} & table.keys():
        table |= KEYS
    return Settings.model_validate({"sources": list(sources), "accounts": [table]})


def names(settings: Settings, directory: DataDirectory) -> list[str]:
    return [source.name for source in with_found_sources(settings, directory).sources]


def test_found_sources_have_the_settings_of_their_account(directory: DataDirectory) -> None:
    configured = settings(
        **PASSWORD, history="9d", timezone="Asia/Tokyo", max_requests_per_second=2.5, settle="3h"
    )
    found = with_found_sources(configured, directory)
    expected = {
        "name": "prod-eu-de",
        "endpoint": "https://cbr.eu-de.example.com",
        "project_id": "a1",
        "region": "eu-de",
        "iam_endpoint": "https://iam.example.com",
        "history": "9d",
        "timezone": "Asia/Tokyo",
        "max_requests_per_second": 2.5,
        "settle": "3h",
    }
    assert dict(found.sources[0]) == dict(SourceSettings.model_validate(expected | PASSWORD))
    assert {source.account for source in found.sources} == {"prod"}
    assert [clock.source for clock in found.analytics.clocks] == [
        "prod-eu-de",
        "prod-eu-nl",
        "prod-eu-de-team",
    ]
    assert names(found, directory) == names(configured, directory), "found ones are replaced, not added"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["prod-eu-de", "prod-eu-nl", "prod-eu-de-team"]),
        ({"regions": ["eu-nl"]}, ["prod-eu-nl"]),
        ({"include": ["*_team", "eu-nl"]}, ["prod-eu-nl", "prod-eu-de-team"]),
        ({"exclude": ["eu-de_*"]}, ["prod-eu-de", "prod-eu-nl"]),
    ],
)
def test_the_configuration_leaves_projects_out(
    directory: DataDirectory, keys: dict[str, Any], expected: list[str]
) -> None:
    assert names(settings(**KEYS, **keys), directory) == expected


def test_a_configured_endpoint_is_that_of_each_region(directory: DataDirectory) -> None:
    found = with_found_sources(settings(**KEYS, endpoint="https://cbr.{region}.proxy.example"), directory)
    assert [source.endpoint for source in found.sources[:2]] == [
        "https://cbr.eu-de.proxy.example",
        "https://cbr.eu-nl.proxy.example",
    ]


def test_a_missing_project_is_no_source_and_is_named(directory: DataDirectory) -> None:
    write_found_projects(directory, "prod", [EU_DE, EU_NL.missing(NOW, VANISHED)])
    assert names(settings(), directory) == ["prod-eu-de"]
    (missing,) = missing_projects(settings(), directory)
    assert "prod-eu-nl: the project eu-nl (b2) of the account prod is missing since 2026-11-29 01:00" in str(
        missing
    )
    assert missing_projects(settings(**KEYS, exclude=["eu-nl"]), directory) == ()


def test_a_project_that_is_configured_itself_is_left_to_its_source(directory: DataDirectory) -> None:
    own = {"name": "mine", "endpoint": EU_NL.endpoint, "project_id": "b2", "token": "env:X"}
    assert names(settings(own), directory) == ["mine", "prod-eu-de", "prod-eu-de-team"]
    assert names(settings(own | {"name": "prod-eu-nl"}), directory)[0] == "prod-eu-nl"


def test_a_source_with_the_name_of_another_found_project_is_refused(directory: DataDirectory) -> None:
    """Records of two projects would have become one source."""
    other = {"name": "prod-eu-nl", "endpoint": EU_NL.endpoint, "project_id": "other", "token": "env:X"}
    with pytest.raises(SettingsError, match=r"prod-eu-nl has the name of another project: eu-nl \(b2\)"):
        with_found_sources(settings(other), directory)
