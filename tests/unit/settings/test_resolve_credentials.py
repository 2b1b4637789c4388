"""References to secrets are resolved for the commands that need them, and only for those."""

from pathlib import Path

import pytest

from cbr_warehouse.cli.invocation import Invocation
from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.engine import resolve_remote
from cbr_warehouse.settings.model import Settings, SourceSettings
from cbr_warehouse.settings.read import read_settings
from cbr_warehouse.settings.resolve_credentials import (
    Credentials,
    KeyCredentials,
    PasswordCredentials,
    TokenCredentials,
)
from cbr_warehouse.settings.secret_references import Reference
from cbr_warehouse.settings.select_sources import choose_sources, require_sources

BASE = {"name": "prod-eu", "endpoint": "https://cbr.example.com", "project_id": "p"}
SECRET = "hunter2-hunter2"


def source(**keys: str) -> SourceSettings:
    return SourceSettings.model_validate(BASE | keys)


def resolve_secrets(settings: SourceSettings, environ: dict[str, str]) -> Credentials:
    (ready,) = require_sources(Settings(sources=(settings,)), None, environ)
    return ready.credentials


def problems_of(settings: SourceSettings, environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        resolve_secrets(settings, environ)
    return str(caught.value)


def test_each_way_to_sign_in_gives_its_credentials(here: Path) -> None:
    (here / "password").write_text(f"{SECRET}\n")
    token = resolve_secrets(source(token="env:T"), {"T": "tok"})
    password = resolve_secrets(
        source(
            iam_endpoint="https://iam.example.com", username="u", password="file:password", domain="env:D"
        ),
        {"D": "d"},
    )
    keys = resolve_secrets(source(access_key="env:A", secret_key="env:S"), {"A": "ak", "S": "sk"})
    assert isinstance(token, TokenCredentials)
    assert token.token.get_secret_value() == "tok"
    assert isinstance(password, PasswordCredentials)
    assert password.password.get_secret_value() == SECRET
    assert (password.iam_endpoint, password.username, password.domain) == (
        "https://iam.example.com",
        "u",
        "d",
    )
    assert isinstance(keys, KeyCredentials)
    assert keys.secret_key.get_secret_value() == "sk"
    assert keys.security_token is None


@pytest.mark.parametrize(("content", "value"), [(b"tok\n", "tok"), (b"tok\r\n", "tok"), (b"tok", "tok")])
def test_the_line_end_of_a_file_is_no_part_of_the_secret(here: Path, content: bytes, value: str) -> None:
    (here / "token").write_bytes(content)
    credentials = resolve_secrets(source(token="file:token"), {})
    assert isinstance(credentials, TokenCredentials)
    assert credentials.token.get_secret_value() == value


def test_a_file_is_looked_for_beside_the_configuration(here: Path) -> None:
    (here / "conf").mkdir()
    (here / "conf/token").write_text("tok")
    config = here / "conf/some.toml"
    config.write_text(
        '[[sources]]\nname="a"\nendpoint="https://a.example"\nproject_id="p"\ntoken="file:token"\n'
    )
    (ready,) = require_sources(read_settings(config, None, {}), None, {})
    assert isinstance(ready.credentials, TokenCredentials)
    assert ready.credentials.token.get_secret_value() == "tok"


def test_a_variable_that_is_not_set_is_named() -> None:
    said = problems_of(source(token="env:CBR_TOKEN"), {})
    assert "token (source prod-eu): the environment variable CBR_TOKEN is not set" in said


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_an_empty_variable_is_as_good_as_none(value: str) -> None:
    assert "the environment variable T is empty" in problems_of(source(token="env:T"), {"T": value})


@pytest.mark.parametrize(
    "value", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\n{SECRET}", f"{SECRET}ä", f"{SECRET} x"]
)
def test_a_token_that_no_header_can_carry_is_refused_unseen(value: str) -> None:
    said = problems_of(source(token="env:T"), {"T": value})
    assert "contains a space, a line break or a character that is not allowed in a token" in said
    assert SECRET not in said


def test_a_password_may_have_spaces_and_any_letter() -> None:
    settings = source(iam_endpoint="https://iam.example.com", username="u", password="env:P", domain="d")
    credentials = resolve_secrets(settings, {"P": " pass wörd "})
    assert isinstance(credentials, PasswordCredentials)
    assert credentials.password.get_secret_value() == " pass wörd "
    assert "contains a line break" in problems_of(settings, {"P": f"{SECRET}\n"})


def test_a_secret_key_with_a_space_around_it_is_refused() -> None:
    settings = source(access_key="env:A", secret_key="env:S")
    assert "begins or ends with a space" in problems_of(settings, {"A": "ak", "S": "sk "})


def test_an_unusable_file_is_reported(here: Path) -> None:
    (here / "folder").mkdir()
    (here / "binary").write_bytes(b"\xff\xfe")
    (here / "huge").write_bytes(b"x" * ((1 << 20) + 1))
    assert "gone cannot be read (No such file" in problems_of(source(token="file:gone"), {})
    assert "folder cannot be read (Is a directory)" in problems_of(source(token="file:folder"), {})
    assert "binary is not UTF-8 text" in problems_of(source(token="file:binary"), {})
    assert "huge is too large for a secret" in problems_of(source(token="file:huge"), {})


def test_a_file_that_cannot_be_opened_is_reported(here: Path) -> None:
    (here / "token").symlink_to("token")
    assert "token cannot be read (Too many levels" in problems_of(source(token="file:token"), {})


def test_all_problems_of_all_sources_are_reported_at_once(write) -> None:
    write("""
        [[sources]]
        name = "a"
        endpoint = "https://a.example.com"
        project_id = "p"
        access_key = "env:AK"
        secret_key = "file:sk"
        [[sources]]
        name = "b"
        endpoint = "https://b.example.com"
        project_id = "p"
        token = "env:TOKEN"
    """)
    settings = read_settings(None, None, {})
    with pytest.raises(SettingsError) as caught:
        require_sources(settings, None, {})
    said = str(caught.value)
    assert "has 3 problems" in said
    assert (
        "cbr-warehouse.toml: sources[0].access_key (source a): the environment variable AK is not set" in said
    )
    assert "cbr-warehouse.toml: sources[0].secret_key (source a): the file " in said
    assert (
        "cbr-warehouse.toml: sources[1].token (source b): the environment variable TOKEN is not set" in said
    )
    # A source that is not asked needs no secret.
    (ready,) = require_sources(settings, "b", {"TOKEN": "tok"})
    assert ready.settings.name == "b"


def test_reading_the_configuration_needs_no_secret(write) -> None:
    write('[[sources]]\nname="a"\nendpoint="https://a.example"\nproject_id="p"\ntoken="env:GONE"\n')
    settings = read_settings(None, None, {})
    assert [chosen.name for chosen in choose_sources(settings, None, {})] == ["a"]


def test_an_unknown_source_is_reported_with_the_configured_ones(write) -> None:
    write('[[sources]]\nname="prod-eu"\nendpoint="https://a.example"\nproject_id="p"\ntoken="env:T"\n')
    with pytest.raises(
        SettingsError, match=r"no source called 'prod-au'; configured: prod-eu\. Did you mean prod-eu"
    ):
        choose_sources(read_settings(None, None, {}), "prod-au", {})


def test_a_missing_source_is_reported_with_how_to_configure_one(write) -> None:
    with pytest.raises(SettingsError, match=r"'cbr-warehouse init', .* 'cbr-warehouse demo'"):
        require_sources(read_settings(None, None, {}), None, {})
    some = {"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "b", "HUAWEICLOUD_SDK_REGION_ID": "c"}
    with pytest.raises(SettingsError, match="set HUAWEICLOUD_SDK_PROJECT_ID too"):
        require_sources(read_settings(None, None, some), None, some)
    write("")
    with pytest.raises(SettingsError, match=r"cbr-warehouse\.toml configures no source\. Add a"):
        require_sources(read_settings(None, None, some), None, some)


def test_no_repr_shows_a_secret() -> None:
    settings = [
        source(token="env:X"),
        source(iam_endpoint="https://i.example", username="u", password="env:X", domain="d"),
        source(access_key="env:X", secret_key="env:X", security_token="env:X"),
    ]
    for each in settings:
        credentials = resolve_secrets(each, {"X": SECRET})
        for text in (repr(credentials), str(credentials), f"{credentials}", repr(each), str(each)):
            assert SECRET not in text


def test_missing_secrets_are_reported_with_all_other_problems(here: Path) -> None:
    """The missing variable was reported only after everything else was fixed."""
    path = here / "cbr-warehouse.toml"
    path.write_text(
        'zone = 1\n[[sources]]\nname = "a"\nendpoint = "nowhere"\nproject_id = "p"\ntoken = "env:GONE"\n'
        '[[sources]]\nname = "b"\ntoken = "env:GONE_TOO"\n[[sources]]\nname = "c"\ntoken = "in clear"\n'
    )
    with pytest.raises(SettingsError) as all_sources:
        Invocation(path, None, {}).require_sources(None)
    assert "zone: " in str(all_sources.value)
    assert "sources[0].endpoint (source a)" in str(all_sources.value)
    assert "sources[0].token (source a): the environment variable GONE is not set" in str(all_sources.value)
    assert "sources[1].token (source b): the environment variable GONE_TOO" in str(all_sources.value)
    with pytest.raises(SettingsError) as one_source:
        Invocation(path, None, {}).require_sources("a")
    assert "GONE_TOO" not in str(one_source.value)
    with pytest.raises(SettingsError) as no_source:
        _ = Invocation(path, None, {}).settings
    assert "GONE" not in str(no_source.value)


def test_the_address_of_spark_is_read_from_where_a_reference_points_to(here: Path) -> None:
    (here / "spark").write_bytes(b"sc://x:1/;token=abc\r\n")
    file, variable = Reference("file", str(here / "spark")), Reference("env", "SPARK")
    assert resolve_remote(file, {}) == "sc://x:1/;token=abc"
    assert resolve_remote(variable, {"SPARK": "sc://x:1\n"}) == "sc://x:1"
    assert resolve_remote("local[2]", {}) == "local[2]"


@pytest.mark.fault("configuration mistakes")
@pytest.mark.parametrize("content", [b" \n", b"\xff" + SECRET.encode(), SECRET.encode() * 100_000, None])
def test_an_address_of_spark_that_cannot_be_read_is_refused_unseen(here: Path, content: bytes | None) -> None:
    if content is not None:
        (here / "spark").write_bytes(content)
    for reference in (Reference("file", str(here / "spark")), Reference("env", "SPARK")):
        with pytest.raises(SettingsError, match=r"^spark_remote: .*it has to contain the address") as caught:
            resolve_remote(reference, {})
        assert reference.name in str(caught.value)
        assert SECRET not in str(caught.value)
