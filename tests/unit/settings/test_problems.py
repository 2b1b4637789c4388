"""All problems are reported at once, with their position, and without anything that may be a secret."""

from pathlib import Path

import pytest

from cbr_warehouse.errors import SettingsError, UsageError
from cbr_warehouse.settings.read import read_settings

pytestmark = pytest.mark.fault("configuration mistakes")

SOURCE = """
[[sources]]
name = "prod-eu"
endpoint = "https://cbr.example.com"
project_id = "p"
token = "env:CBR_TOKEN"
"""
CLEAR = "MIIQxgYJKoZIhvcNAQcCoIIQtzCCELMCAQEx"


def refusal(write, text: str) -> str:
    write(text)
    with pytest.raises(SettingsError) as caught:
        read_settings(None, None, {})
    assert isinstance(caught.value, UsageError)
    assert caught.value.exit_status == 2
    # Pydantic's error contains the values and must not appear in a traceback.
    assert caught.value.__context__ is None
    return str(caught.value)


def test_all_problems_are_reported_at_once(write) -> None:
    said = refusal(
        write,
        """
        timezon = "UTC"
        day_anchor = "25:00"
        [thresholds]
        strikes = "3"
        [[sources]]
        name = "Prod"
        endpoint = "cbr.example.com"
        project_id = "p"
        history = "a month"
        token = "MIIQsecret"
        [[sources]]
        name = "b"
        endpoint = "https://b.example.com"
        settle = -1
        username = "u"
        """,
    )
    assert said.startswith("The configuration has 12 problems:\n")
    for key in (
        "timezon",
        "day_anchor",
        "thresholds.strikes",
        "sources[0].name (source Prod)",
        "sources[0].endpoint (source Prod)",
        "sources[0].history (source Prod)",
        "sources[0].token (source Prod)",
        "sources[1].project_id (source b)",
        "sources[1].settle (source b)",
        "sources[1].iam_endpoint (source b)",
        "sources[1].password (source b)",
        "sources[1].domain (source b)",
    ):
        assert f"\n  - cbr-warehouse.toml: {key}: " in said
    assert said.count("Allowed: ") == 12


def test_one_problem_is_one_sentence(write) -> None:
    said = refusal(write, 'timezone = "Mars"')
    assert "\n" not in said
    assert said.startswith(
        'The configuration is invalid. cbr-warehouse.toml: timezone: "Mars" is not a time zone'
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('history = "30 days"', '"30 days" is not a duration'),
        ('history = ""', '"" is not a duration'),
        ("history = 30", "30 is not a duration"),
        ('history = "0d"', '"0m" is not more than 0 seconds. Allowed: a duration of weeks, days'),
        ('history = "99999d"', '"99999d" is more than 3650 days. Allowed: a duration of weeks, days'),
        ('settle = "-1h"', '"-1h" is not a duration'),
        ("max_requests_per_second = 0", "0 is not more than 0.0. Allowed: a number above 0"),
        ("max_requests_per_second = 1e9", "1000000000.0 is more than"),
        ("max_requests_per_second = inf", "inf is not allowed"),
        ("max_requests_per_second = nan", "nan is not allowed"),
        ('max_requests_per_second = "5"', "found a string. Allowed: a number above 0, without quotes"),
        ("max_requests_per_second = true", "found true or false"),
        ('ca_bundle = "gone.pem"', "there is no file"),
        ('ca_bundle = ""', "not a quoted path"),
        ('enterprise_project_ids = "0"', "found a string. Allowed: a list"),
        ('enterprise_project_ids = ["0", ""]', "enterprise_project_ids[1]"),
        (
            'enterprise_project_ids = ["0", 1]',
            "enterprise_project_ids[1] (source prod-eu): found a number",
        ),
        ('region = "eu de"', "region (source prod-eu): the value is not allowed"),
        ("region = 2020-01-01", "found a date or time without quotes"),
        ("region = {}", "found a table"),
    ],
)
def test_an_invalid_value_is_reported_with_the_allowed_ones(write, line: str, message: str) -> None:
    said = refusal(write, SOURCE + line)
    assert message in said
    assert "Allowed: " in said


@pytest.mark.parametrize(
    "name", ['""', '"-a"', '"A"', '"a_b"', '"a b"', '"ä"', '"a/../b"', '"a\\n"', f'"{"a" * 64}"', "1", "[]"]
)
def test_a_name_is_a_column_value_and_a_folder(write, name: str) -> None:
    assert "sources[0].name" in refusal(write, SOURCE.replace('"prod-eu"', name))


def test_two_sources_of_one_name_are_refused(write) -> None:
    said = refusal(write, SOURCE + SOURCE)
    assert "sources[1].name (source prod-eu): an earlier source has the same name" in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('tokn = "env:X"', "did you mean token?"),
        ('Region = "eu-de"', "did you mean region?"),
        ("wholly_else = 1", "unknown key. Allowed: the keys name, endpoint"),
        ('schedule = "@daily"', "schedule is a key of the top level: move it above the first [table]"),
        ("strikes = 3", "strikes is a threshold: move it below [thresholds]"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(write, line: str, message: str) -> None:
    assert message in refusal(write, SOURCE + line)


def test_an_unknown_key_at_the_top_is_refused_too(write) -> None:
    assert "did you mean schedule?" in refusal(write, 'shedule = "@daily"')
    assert "history is a key of a source: move it below a [[sources]]" in refusal(write, 'history = "30d"')
    assert "strikes is a threshold: move it below [thresholds]" in refusal(write, "strikes = 3")
    assert "thresholds.strikesss" in refusal(write, "[thresholds]\nstrikesss = 3")


def test_a_missing_bracket_is_reported(write) -> None:
    assert "found a table. Allowed: tables with two brackets each" in refusal(write, "[sources]\nname='a'")
    assert "sources[0]: found a number. Allowed: tables with two brackets each" in refusal(
        write, "sources = [1]"
    )


@pytest.mark.parametrize("keys", ["", 'policy_id = "p"\nvault_id = "v"'])
def test_a_schedule_says_of_what_it_is(write, keys: str) -> None:
    said = refusal(write, f'[[schedules]]\ninterval = "2h"\n{keys}')
    assert "schedules[0]: needs exactly one of resource_id, policy_id and vault_id. Allowed: tables" in said


def test_deeply_nested_toml_is_reported(write) -> None:
    assert "too deeply" in refusal(write, "x = " + "[" * 5000)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("", "no authentication method is configured"),
        ("username", "password (source prod-eu): is missing beside username"),
        ("access_key", "secret_key (source prod-eu): is missing beside access_key"),
        ("security_token", "access_key (source prod-eu): is missing beside security_token"),
        ("token access_key secret_key", "2 authentication methods are mixed: token, access_key, secret_key"),
        ("token username access_key", "3 authentication methods are mixed"),
    ],
)
def test_exactly_one_authentication_method_is_needed(write, keys: str, message: str) -> None:
    lines = "".join(f'{key} = "env:X"\n' for key in keys.split())
    said = refusal(write, SOURCE.replace('token = "env:CBR_TOKEN"\n', lines))
    assert message in said
    assert "exactly one authentication method: token; or iam_endpoint" in said


@pytest.mark.parametrize("key", ["token", "password", "access_key", "secret_key", "security_token"])
@pytest.mark.parametrize(
    "clear",
    [CLEAR, f"env:{CLEAR}+/=", f"env:{CLEAR * 3}", f"file:{CLEAR * 40}", f"env: {CLEAR}", f"ENV:{CLEAR}", ""],
)
def test_a_clear_secret_is_refused_and_not_repeated(write, key: str, clear: str) -> None:
    said = refusal(write, SOURCE.replace("token =", "#") + f'{key} = "{clear}"\n')
    assert f"sources[0].{key} (source prod-eu)" in said
    assert '"env:NAME" for an environment variable or "file:PATH" for a file' in said
    assert CLEAR not in said


@pytest.mark.parametrize(
    "line",
    [
        f'tokn = "{CLEAR}"',
        f'username = ["{CLEAR}"]',
        f'region = "{CLEAR} {CLEAR}"',
        f'project_idd = "{CLEAR}"',
        f"{CLEAR * 2} = 1",
        f'[sources.token]\nvalue = "{CLEAR}"',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated_either(write, line: str) -> None:
    assert CLEAR not in refusal(write, SOURCE + line)


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("cbr.example.com", "does not begin with http:// or https://"),
        ("ftp://cbr.example.com", "does not begin with http:// or https://"),
        ("https:cbr.example.com", "does not begin with http:// or https://"),
        ("https://", "has no host"),
        ("https://cbr example.com", "has no host, or one with a character that no host has"),
        ("https://cbr.example.com:99999", "not an address"),
        ("https://cbr.example.com:x", "not an address"),
        (f"https://user:{CLEAR}@cbr.example.com", "a user or password stands in the address"),
        ("https://cbr.example.com?x=1", "has a query"),
        ("https://cbr.example.com#x", "has a query"),
        ("https://cbr.example.com/v3/p/operation-logs", "goes on after /v3; end it before"),
        ("https://cbr.example.com/a/../b", "the path of the address is unusual"),
        ("https://cbr.example.com/ä", "the path of the address is unusual"),
        ("", "does not begin with"),
    ],
)
def test_an_invalid_endpoint_is_reported_without_repeating_it(write, endpoint: str, message: str) -> None:
    said = refusal(write, SOURCE.replace("https://cbr.example.com", endpoint))
    assert "sources[0].endpoint (source prod-eu)" in said
    assert message in said
    assert CLEAR not in said


@pytest.mark.parametrize(
    ("endpoint", "normalized"),
    [
        ("https://cbr.example.com/", "https://cbr.example.com"),
        ("https://cbr.example.com/v3", "https://cbr.example.com"),
        ("https://cbr.example.com/v3/", "https://cbr.example.com"),
        ("HTTPS://CBR.Example.com:8443", "https://cbr.example.com:8443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://gateway.example.com/cbr/v3", "https://gateway.example.com/cbr"),
    ],
)
def test_an_endpoint_may_end_in_a_slash_or_version(write, endpoint: str, normalized: str) -> None:
    write(SOURCE.replace("https://cbr.example.com", endpoint))
    assert read_settings(None, None, {}).sources[0].endpoint == normalized


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('a = "x"\nb = \n', "line 2, column 5"),
        ('a = "x"\nb = "unfinished\n', "line 2, column"),
        ("a = 1\na = 2", "line 2, column 6"),
        ('name = "x" "y"', "line 1, column 12"),
        ("[[sources]", "line 1, column 10"),
        ("a = 2020-13-01", "line 1, column"),
    ],
)
def test_invalid_toml_is_reported_with_its_position(write, text: str, place: str) -> None:
    said = refusal(write, text)
    assert said.startswith(f"cbr-warehouse.toml, {place}")
    assert "not TOML" in said


def test_a_broken_line_is_not_repeated(write) -> None:
    assert CLEAR not in refusal(write, f"token = {CLEAR}")


def test_a_number_with_too_many_digits_is_reported(write) -> None:
    assert "cbr-warehouse.toml" in refusal(write, f"strikes = {'9' * 5000}")


def test_another_encoding_is_reported(here: Path) -> None:
    (here / "cbr-warehouse.toml").write_bytes('name = "ä"'.encode("latin-1"))
    with pytest.raises(SettingsError, match="not UTF-8 text"):
        read_settings(None, None, {})


def test_the_clock_of_a_source_is_checked_like_the_one_at_the_top(write) -> None:
    said = refusal(write, SOURCE + 'timezone = "Asia/Shangai"\nday_anchor = "25:00"')
    assert 'did you mean "Asia/Shanghai"?' in said
    assert "sources[0].day_anchor" in said


@pytest.mark.parametrize("expression", ["61 * * * *", "* * * *", "0 0 30 2 *", "*/90 * * * *", "daily", ""])
def test_a_wrong_cron_expression_is_reported_with_all_else(write, expression: str) -> None:
    said = refusal(write, f'timezone = "Nowhere"\nschedule = "{expression}"')
    assert "schedule: not a cron expression that Dagster accepts. Allowed: five fields in quotes" in said
    assert "timezone" in said
