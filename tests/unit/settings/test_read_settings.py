"""Where the configuration is found, and what it comes to."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.auth_methods import AuthMethod
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.read import read_settings
from cbr_warehouse.settings.secret_references import Reference

SOURCE = """
[[sources]]
name = "prod-eu"
endpoint = "https://cbr.eu-de.otc.t-systems.com"
project_id = "04f1829c788037ac2fb8c01eb2b04b95"
region = "eu-de"
token = "env:CBR_TOKEN"
"""
VENDOR = {
    "HUAWEICLOUD_SDK_AK": "AK",
    "HUAWEICLOUD_SDK_SK": "SK",
    "HUAWEICLOUD_SDK_PROJECT_ID": "04f1829c788037ac2fb8c01eb2b04b95",
    "HUAWEICLOUD_SDK_REGION_ID": "cn-north-4",
}


def test_without_anything_there_are_the_defaults_and_no_source(here: Path) -> None:
    settings = read_settings(None, None, {})
    assert settings.sources == ()
    assert settings.data_dir == here / "data"
    assert settings.timezone == "UTC"
    assert settings.day_anchor == time(18)
    assert settings.schedule == "0 * * * *"
    assert settings.thresholds.rpo_grace == timedelta(hours=2)
    assert settings.thresholds.strikes == 3


def test_a_source_has_the_documented_defaults(write) -> None:
    write(SOURCE)
    (source,) = read_settings(None, None, {}).sources
    assert source == SourceSettings(
        name="prod-eu",
        endpoint="https://cbr.eu-de.otc.t-systems.com",
        project_id="04f1829c788037ac2fb8c01eb2b04b95",
        region="eu-de",
        history="30d",
        token="env:CBR_TOKEN",
    )
    assert source.history == timedelta(days=30)
    assert source.settle is None
    assert source.max_requests_per_second is None
    assert source.ca_bundle is None
    assert source.enterprise_project_ids == ()
    assert source.auth_method is AuthMethod.TOKEN
    assert source.token == Reference("env", "CBR_TOKEN")


def test_every_key_can_be_set(write, here: Path) -> None:
    (here / "ca.pem").write_text("x")
    write("""
        data_dir = "warehouse/data"
        timezone = "Europe/Berlin"
        day_anchor = "06:30"
        schedule = "*/15 8-18 * * mon-fri"
        [thresholds]
        rpo_grace = "1d12h"
        strikes = 5
        [[sources]]
        name = "a"
        endpoint = "http://127.0.0.1:8080/cbr/"
        project_id = "p"
        history = "90d"
        settle = "90m"
        max_requests_per_second = 5
        ca_bundle = "ca.pem"
        enterprise_project_ids = ["all_granted_eps", "0"]
        iam_endpoint = "https://iam.example.com/v3"
        username = "reader"
        password = "file:secrets/password"
        domain = "env:CBR_DOMAIN"
        [[sources]]
        name = "b"
        endpoint = "https://b.example.com"
        project_id = "q"
        access_key = "env:AK"
        secret_key = "env:SK"
        security_token = "env:ST"
    """)
    settings = read_settings(None, None, {})
    first, second = settings.sources
    assert settings.data_dir == here / "warehouse/data"
    assert (settings.timezone, settings.day_anchor) == ("Europe/Berlin", time(6, 30))
    assert settings.schedule == "*/15 8-18 * * mon-fri"
    assert settings.thresholds.rpo_grace == timedelta(hours=36)
    assert settings.thresholds.strikes == 5
    assert first.endpoint == "http://127.0.0.1:8080/cbr"
    assert (first.history, first.settle) == (timedelta(days=90), timedelta(minutes=90))
    assert first.max_requests_per_second == 5
    assert first.ca_bundle == here / "ca.pem"
    assert first.enterprise_project_ids == ("all_granted_eps", "0")
    assert first.auth_method is AuthMethod.PASSWORD
    assert first.iam_endpoint == "https://iam.example.com"
    assert first.username == "reader"
    assert first.domain == Reference("env", "CBR_DOMAIN")
    assert first.password == Reference("file", str(here / "secrets/password"))
    assert second.auth_method is AuthMethod.KEYS


def test_the_command_line_comes_before_the_environment_before_the_working_directory(
    write, here: Path
) -> None:
    write('schedule = "1 * * * *"')
    write('schedule = "2 * * * *"', "env.toml")
    write('schedule = "3 * * * *"', "cli.toml")
    environ = {"CBR_WAREHOUSE_CONFIG": "env.toml"}
    assert read_settings(None, None, {}).schedule == "1 * * * *"
    assert read_settings(None, None, environ).schedule == "2 * * * *"
    assert read_settings(Path("cli.toml"), None, environ).schedule == "3 * * * *"
    assert read_settings(None, None, {"CBR_WAREHOUSE_CONFIG": ""}).schedule == "1 * * * *"


@pytest.mark.parametrize(
    ("config", "environ", "by"),
    [
        (Path("gone.toml"), {}, "--config"),
        (None, {"CBR_WAREHOUSE_CONFIG": "gone.toml"}, "CBR_WAREHOUSE_CONFIG"),
    ],
)
def test_a_file_that_is_named_must_exist(config, environ, by) -> None:
    with pytest.raises(SettingsError, match=f"gone.toml: the file named by {by} does not exist"):
        read_settings(config, None, environ)


def test_a_file_that_cannot_be_read_is_no_missing_file(here: Path) -> None:
    (here / "cbr-warehouse.toml").mkdir()
    with pytest.raises(SettingsError, match=r"cbr-warehouse\.toml: cannot be read"):
        read_settings(None, None, {})


def test_a_file_that_leads_nowhere_is_no_missing_file(here: Path) -> None:
    (here / "cbr-warehouse.toml").symlink_to("gone")
    with pytest.raises(SettingsError, match=r"cbr-warehouse\.toml: cannot be read"):
        read_settings(None, None, {})


def test_the_data_directory_comes_from_whoever_is_nearest(write, here: Path) -> None:
    config = write('data_dir = "from-file"', "conf/some.toml")
    environ = {"CBR_WAREHOUSE_DATA_DIR": "from-env"}
    assert read_settings(config, None, {}).data_dir == here / "conf/from-file"
    assert read_settings(config, None, environ).data_dir == here / "from-env"
    assert read_settings(config, Path("from-cli"), environ).data_dir == here / "from-cli"
    assert read_settings(config, None, {"CBR_WAREHOUSE_DATA_DIR": ""}).data_dir == here / "conf/from-file"


def test_without_a_data_directory_in_it_the_file_stands_beside_the_data(write, here: Path) -> None:
    assert read_settings(write("", "conf/some.toml"), None, {}).data_dir == here / "conf/data"


def test_paths_may_begin_at_home(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    write('data_dir = "~/cbr"\n' + SOURCE.replace("env:CBR_TOKEN", "file:~/.cbr-token"))
    settings = read_settings(None, None, {})
    assert settings.data_dir == Path("/home/someone/cbr")
    assert settings.sources[0].token == Reference("file", "/home/someone/.cbr-token")


def test_the_variables_of_the_vendors_tools_make_a_source() -> None:
    (source,) = read_settings(None, None, VENDOR).sources
    assert source.name == "default"
    assert source.endpoint == "https://cbr.cn-north-4.myhuaweicloud.com"
    assert source.project_id == VENDOR["HUAWEICLOUD_SDK_PROJECT_ID"]
    assert source.region == "cn-north-4"
    assert source.access_key == Reference("env", "HUAWEICLOUD_SDK_AK")
    assert source.secret_key == Reference("env", "HUAWEICLOUD_SDK_SK")
    assert source.security_token is None


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("ap-southeast-3", "https://cbr.ap-southeast-3.myhuaweicloud.com"),
        ("eu-west-0", "https://cbr.eu-west-0.myhuaweicloud.com"),
        ("eu-west-101", "https://cbr.eu-west-101.myhuaweicloud.eu"),
        ("eu-west-199", "https://cbr.eu-west-199.myhuaweicloud.eu"),
        ("eu-west-1010", "https://cbr.eu-west-1010.myhuaweicloud.com"),
        ("eu-de", "https://cbr.eu-de.otc.t-systems.com"),
        ("eu-nl", "https://cbr.eu-nl.otc.t-systems.com"),
        ("eu-ch2", "https://cbr.eu-ch2.sc.otc.t-systems.com"),
    ],
)
@pytest.mark.fault("configuration mistakes")
def test_a_region_of_the_vendors_tools_gives_the_endpoint_of_its_cloud(region: str, endpoint: str) -> None:
    """eu-west-101 was asked at a host that does not exist."""
    (source,) = read_settings(None, None, VENDOR | {"HUAWEICLOUD_SDK_REGION_ID": region}).sources
    assert (source.endpoint, source.region) == (endpoint, region)


def test_a_security_token_of_the_vendors_tools_is_taken_too() -> None:
    (source,) = read_settings(None, None, VENDOR | {"HUAWEICLOUD_SDK_SECURITY_TOKEN": "ST"}).sources
    assert source.security_token == Reference("env", "HUAWEICLOUD_SDK_SECURITY_TOKEN")


@pytest.mark.parametrize("missing", VENDOR)
@pytest.mark.fault("configuration mistakes")
def test_some_of_the_vendors_variables_make_no_source(missing: str) -> None:
    assert read_settings(None, None, VENDOR | {missing: ""}).sources == ()


def test_a_file_comes_before_the_vendors_variables(write) -> None:
    write("")
    assert read_settings(None, None, VENDOR).sources == ()


@pytest.mark.fault("configuration mistakes")
def test_a_region_that_would_lead_elsewhere_is_refused() -> None:
    environ = VENDOR | {"HUAWEICLOUD_SDK_REGION_ID": "evil.example/x", "HUAWEICLOUD_SDK_PROJECT_ID": "a b"}
    with pytest.raises(SettingsError, match="HUAWEICLOUD_SDK_REGION_ID") as caught:
        read_settings(None, None, environ)
    assert "HUAWEICLOUD_SDK_PROJECT_ID" in str(caught.value)


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(here: Path) -> None:
    (here / "cbr-warehouse.toml").write_bytes(b"\xef\xbb\xbf" + SOURCE.replace("\n", "\r\n").encode())
    assert read_settings(None, None, {}).sources[0].name == "prod-eu"


def test_settings_cannot_be_changed() -> None:
    settings = read_settings(None, None, {})
    with pytest.raises(ValueError, match="frozen"):
        settings.timezone = "Europe/Berlin"
