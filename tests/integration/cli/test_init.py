"""From nothing to a first load, as a new user does it: on a terminal, or from a script."""

import tomllib
from collections.abc import Callable, Iterator

import pytest

from support.command_line import PROJECT, Workplace
from support.emulator_server import emulated
from support.terminal import converse

REGION_ALONE = ["--name", "a", "--endpoint", "eu-de", "--project", "p", "--sign-in", "token"]
REGION_ALONE += ["--secret", "env:A"]


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    with emulated(tasks=60, days=2, now=None) as running:
        yield running.url


def options(cloud: str) -> list[str]:
    return ["--name", "prod", "--endpoint", cloud, "--project", PROJECT, "--sign-in", "token"]


def test_a_person_answers_five_questions_and_has_a_warehouse(workplace: Workplace, cloud: str) -> None:
    status, screen = converse(
        workplace,
        [
            ("1/5", "Prod EU\n"),
            ("1/5", "prod-eu\n"),  # asked again: the first answer was not a name
            ("2/5", f"{cloud}/v3\n"),
            ("3/5", f"{PROJECT}\n"),
            ("4/5", "token\n"),
            ("5/5", "MIIFoAYJKoZIhvcNAQcCoIIFkTCC\n"),
            ("5/5", "\n"),
            ("Load the last 30 days now?", "y\n"),
        ],
        "init",
        CBR_TOKEN="demo-token",
    )
    assert status == 0, screen
    assert "lower-case letters" in screen
    written = tomllib.loads((workplace.folder / "cbr-warehouse.toml").read_text())
    assert written == {
        "data_dir": "data",
        "sources": [
            {
                "name": "prod-eu",
                "endpoint": f"{cloud}/v3",
                "project_id": PROJECT,
                "token": "env:CBR_TOKEN",
                "inventory": True,
            }
        ],
    }
    assert "prod-eu: all well" in screen
    assert 'token = "env:CBR_TOKEN"' in screen
    assert "Next:" in screen
    assert workplace.sql("SELECT count(*) > 50 AS many, any_value(source) AS source FROM tasks") == [
        {"many": True, "source": "prod-eu"}
    ]


def test_a_secret_in_clear_is_refused_and_written_nowhere(workplace: Workplace, cloud: str) -> None:
    secret = "S3cr3tS3cr3tS3cr3t"
    done = workplace.run("init", *options(cloud), "--secret", secret)
    assert done.status == 2
    assert "--secret" in done.err
    assert "env:NAME" in done.err
    assert secret not in done.out + done.err
    assert not (workplace.folder / "cbr-warehouse.toml").exists()


def test_a_script_gives_every_answer_as_an_option(workplace: Workplace, cloud: str) -> None:
    done = workplace.run("init", *options(cloud), "--secret", "env:CBR_TOKEN", "--load")
    assert done.status == 0, done.err
    assert "all well" in done.out
    assert "prod: first load ok" in done.out or "prod: " in done.out
    assert workplace.run("status").status == 0
    again = workplace.run("init", *options(cloud), "--secret", "env:OTHER")
    assert again.status == 2
    assert "exists and was not changed" in again.err
    assert "env:CBR_TOKEN" in (workplace.folder / "cbr-warehouse.toml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            [*REGION_ALONE, "--access-key", "env:B"],
            "--access-key: not used with --sign-in token",
        ),
        ([], "--name, --endpoint, --project, --sign-in"),
        (["--sign-in", "keys"], "--name, --endpoint, --project, --access-key, --secret"),
        (["--sign-in", "password"], "--username, --domain, --secret"),
        (
            ["--name", "a", "--endpoint", "eu-de", "--project", "p", "--sign-in", "card"],
            "Allowed: token, password, keys",
        ),
        (
            [
                "--name",
                "a",
                "--endpoint",
                "ftp://x",
                "--project",
                "p",
                "--sign-in",
                "token",
                "--secret",
                "env:A",
            ],
            "does not begin with http",
        ),
    ],
)
def test_where_nobody_can_be_asked_what_lacks_is_named(
    workplace: Workplace, words: list[str], said: str
) -> None:
    done = workplace.run("init", *words)
    assert done.status == 2
    assert said in done.err
    assert list(workplace.folder.glob("*.toml")) == []


def test_a_failed_check_leaves_no_file_unless_it_is_wanted(workplace: Workplace, cloud: str) -> None:
    answers = [*options(cloud), "--secret", "env:WRONG"]
    refused = workplace.run("init", *answers, WRONG="wrong-token")
    assert refused.status == 1
    assert "nothing was written" in refused.err
    unset = workplace.run("init", *answers)
    assert unset.status == 2
    assert "WRONG is not set" in unset.err
    assert not (workplace.folder / "cbr-warehouse.toml").exists()
    status, screen = converse(workplace, [("Write the file nevertheless?", "y\n")], "init", *answers)
    assert status == 0, screen
    assert "WRONG is not set" in screen
    assert 'token = "env:WRONG"' in (workplace.folder / "cbr-warehouse.toml").read_text()


def test_a_configuration_is_replaced_only_if_that_is_wanted(workplace: Workplace, cloud: str) -> None:
    workplace.configure("http://127.0.0.1:9")
    before = (workplace.folder / "cbr-warehouse.toml").read_text()
    answers = [*options(cloud), "--secret", "env:CBR_TOKEN", "--no-doctor", "--no-load"]
    status, screen = converse(workplace, [("Replace it?", "\n")], "init", *answers)
    assert status == 2, screen
    assert (workplace.folder / "cbr-warehouse.toml").read_text() == before
    status, screen = converse(workplace, [("Replace it?", "y\n")], "init", *answers)
    assert status == 0, screen
    assert cloud in (workplace.folder / "cbr-warehouse.toml").read_text()


def test_other_ways_to_sign_in_write_a_file_that_loads(workplace: Workplace, cloud: str) -> None:
    common = ["--name", "prod", "--endpoint", cloud, "--project", PROJECT, "--no-load"]
    (workplace.folder / "secret").write_text("DEMO-SK\n")
    keys = workplace.run(
        "init",
        *common,
        "--sign-in",
        "keys",
        "--access-key",
        "env:AK",
        "--secret",
        "file:secret",
        AK="DEMO-AK",
    )
    assert keys.status == 0, keys.err
    assert workplace.run("plan", AK="DEMO-AK").status == 0
    password = workplace.run(
        *("init", *common, "--replace", "--sign-in", "password", "--iam-endpoint", cloud),
        *("--username", "demo", "--domain", "demo", "--secret", "env:PW"),
        PW="demo",
    )
    assert password.status == 0, password.err
    assert "all well" in password.out


def test_a_region_alone_is_enough_and_a_demo_keeps_its_data(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    ledger = workplace.data / "raw" / "loads" / "source=demo"
    ledger.mkdir(parents=True)
    (ledger / "one.json").write_text("{}")
    done = workplace.run(
        *("init", "--name", "prod", "--endpoint", "eu-de", "--project", PROJECT),
        *("--sign-in", "token", "--secret", "env:CBR_TOKEN", "--no-doctor"),
    )
    assert done.status == 0, done.err
    written = tomllib.loads((workplace.folder / "cbr-warehouse.toml").read_text())
    assert written["data_dir"] == "data-prod"
    assert written["sources"][0]["endpoint"] == "https://cbr.eu-de.otc.t-systems.com"
    assert written["sources"][0]["region"] == "eu-de"


def test_a_data_directory_that_is_named_is_written(workplace: Workplace) -> None:
    (workplace.folder / "conf").mkdir()
    for config, written in (
        ("here.toml", "elsewhere"),
        ("conf/there.toml", str(workplace.folder / "elsewhere")),
    ):
        done = workplace.run(
            "init", *REGION_ALONE, "--no-doctor", "--config", config, "--data-dir", "elsewhere"
        )
        assert done.status == 0, done.err
        assert tomllib.loads((workplace.folder / config).read_text())["data_dir"] == written
        assert workplace.run("plan", "--config", config, A="x").status != 2
