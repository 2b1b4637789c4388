"""The table ``[[accounts]]``: what is wrong in one, and its secrets."""

import pytest

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.read import read_settings
from cbr_warehouse.settings.select_sources import require_accounts

GOOD = """
[[accounts]]
name = "prod"
iam_endpoint = "https://iam.example.com"
"""
PASSWORD = 'username = "reader"\ndomain = "acme"\npassword = "env:PW"\n'
KEYS = 'access_key = "env:AK"\nsecret_key = "env:SK"\n'


@pytest.mark.fault("configuration mistakes")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD, "accounts[0] (account prod): no authentication method is configured"),
        (
            GOOD + KEYS + PASSWORD,
            "2 authentication methods are mixed",
        ),
        (
            GOOD + 'access_key = "env:AK"',
            "accounts[0].secret_key (account prod): is missing beside access_key",
        ),
        (GOOD + 'username = "reader"', "accounts[0].password (account prod): is missing beside"),
        (GOOD + KEYS + 'token = "env:T"', "a token is of one project and cannot find others"),
        (GOOD + KEYS + 'project_id = "p"', "an account finds its projects and their regions"),
        (GOOD + KEYS + 'exclud = ["x"]', "unknown key (did you mean exclude?)"),
        (GOOD + KEYS + 'timezone = "Europe/Berlim"', "accounts[0].timezone (account prod)"),
        (GOOD + KEYS + 'endpoint = "cbr.{region}.example.com"', "does not begin with http:// or https://"),
        (GOOD + KEYS + 'endpoint = "https://cbr.{zone}.example.com"', "a character that no host has"),
        (GOOD + KEYS + GOOD + KEYS, "an earlier source or account has the same name"),
        (GOOD.replace("prod", "p" * 32) + KEYS, "at most 31"),
        (GOOD.replace("iam_endpoint", "# ") + KEYS, "accounts[0].iam_endpoint (account prod): is missing"),
        (GOOD + KEYS.replace("env:SK", "clear"), "a secret is written here in plain text"),
        ("sources_at_once = 0", "0 is less than 1"),
        ('engine = "spark"', "spark_remote: is missing"),
        ('spark_remote = "local[2]"', 'spark_remote: has no effect without engine = "spark"'),
        ('engine = "spark"\nspark_remote = "hdfs://x"', "spark_remote: not the address of a Spark cluster"),
        (
            'engine = "spark"\nspark_remote = "sc://x:1/;token=abc"',
            "parameters such as a token are not written",
        ),
        ('keep = "60d"\n' + GOOD + KEYS + 'history = "90d"', "keep is shorter than the history of prod"),
    ],
)
def test_what_is_wrong_is_said(write, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(write(text), None, {})
    assert said in str(caught.value)


def test_an_endpoint_has_the_region_put_in(write) -> None:
    (account,) = read_settings(
        write(f'{GOOD}{KEYS}endpoint = "https://{{region}}.example.com/cbr/v3/"'), None, {}
    ).accounts
    assert account.endpoint_in("eu-de") == "https://eu-de.example.com/cbr"


@pytest.mark.parametrize("keys", [PASSWORD, KEYS])
def test_all_missing_secrets_are_named_at_once(write, keys: str) -> None:
    source = (
        '[[sources]]\nname = "a"\nendpoint = "https://cbr.example.com"\nproject_id = "p"\ntoken = "env:T"\n'
    )
    settings = read_settings(write(source + GOOD + keys), None, {})
    with pytest.raises(SettingsError) as caught:
        require_accounts(settings, {})
    for variable in ("T", *(("PW",) if keys is PASSWORD else ("AK", "SK"))):
        assert f"the environment variable {variable} is not set" in str(caught.value)
    assert "(account prod)" in str(caught.value)
    secrets = {"PW": "x", "AK": "x", "SK": "x"}
    (ready,) = require_accounts(settings, secrets)
    assert ready.settings.name == "prod"
