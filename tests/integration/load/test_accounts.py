"""Accounts, by the commands: found projects are loaded, new ones taken up, and those that vanish named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from cbr_warehouse.cli.main import app
from support.emulator_server import Emulated, emulated

PASSWORD = {"username": "demo", "domain": "demo", "password": "env:CBR_PASSWORD"}
KEYS = {"access_key": "env:CBR_AK", "secret_key": "env:CBR_SK"}


class Place:
    """A folder with a configuration of one account, and commands run in it."""

    def __init__(self, folder: Path, source: Emulated) -> None:
        self.folder = folder
        self.source = source
        self.configure(**PASSWORD)

    def configure(self, more: str = "", **keys: Any) -> None:
        table = {"name": "acme", "iam_endpoint": self.source.url, "history": "2d"} | keys
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        (self.folder / "cbr-warehouse.toml").write_text("\n".join(["[[accounts]]", *lines, more]))

    def run(self, *words: str, status: int = 0, **environ: str) -> Result:
        secrets = {"CBR_PASSWORD": "demo", "CBR_AK": "DEMO-AK", "CBR_SK": "DEMO-SK"}
        done = CliRunner(env=secrets | environ).invoke(app, list(words), catch_exceptions=True)
        actual = getattr(done.exception, "exit_status", done.exit_code)
        assert actual == status, (done.output, done.exception)
        return done

    def change(self, **change: str) -> None:
        httpx.post(f"{self.source.url}/__emulator/projects", json=change, trust_env=False).raise_for_status()

    def tasks(self) -> dict[str, int]:
        done = self.run("sql", "SELECT source, count(*) AS n FROM tasks GROUP BY 1", "--format", "json")
        return {row["source"]: row["n"] for row in json.loads(done.stdout)}

    def truth(self, project_id: str) -> int:
        query = {"project_id": project_id}
        return httpx.get(f"{self.source.url}/__emulator/truth", params=query, trust_env=False).json()["count"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    with emulated(now=None, is_frozen=False, tasks=40, days=1, projects=2) as source:
        yield Place(tmp_path, source)


def test_projects_are_found_loaded_and_followed_until_they_vanish(place: Place) -> None:
    said = place.run("plan", status=2)
    assert "no project is known of the accounts acme" in str(said.exception)

    said = place.run("doctor")
    assert "new, taken up by the next load: eu-de as acme-eu-de, eu-nl as acme-eu-nl" in said.output
    assert not (place.folder / "data" / "raw").exists(), "doctor writes nothing"

    said = place.run("load")
    assert "account acme: found: project eu-nl as source acme-eu-nl" in said.stdout
    loaded = place.tasks()
    assert loaded.keys() == {"acme-eu-de", "acme-eu-nl"}
    assert loaded["acme-eu-nl"] == place.truth(place.source.emulator.projects.by_name("eu-nl").id) > 0  # type: ignore[union-attr]

    place.change(remove="eu-nl")
    place.change(add="eu-de_new")
    said = place.run("load")
    assert "found: project eu-de_new as source acme-eu-de-new" in said.stdout
    gone = "acme-eu-nl: the project eu-nl"
    assert gone in said.stderr
    assert "acme-eu-nl: incremental load" not in said.stdout
    assert place.tasks()["acme-eu-nl"] == loaded["acme-eu-nl"], "its data are kept"
    assert place.tasks()["acme-eu-de-new"] > 0
    assert gone in place.run("status").stdout
    states = {one["source"]: one["missing_since"] for one in json.loads(place.run("status", "--json").stdout)}
    assert [name for name, since in states.items() if since] == ["acme-eu-nl"]
    assert "acme-eu-de-new: incremental load" in place.run("load", "--strict", status=1).stdout
    assert "acme-eu-nl" in str(place.run("load", "--source", "acme-eu-nl", status=2).exception)
    assert "acme-eu-nl" not in place.run("plan").stdout

    place.configure(**PASSWORD, exclude=["eu-nl"])
    assert gone not in place.run("status").stdout
    place.run("rebuild")
    assert place.tasks()["acme-eu-nl"] == loaded["acme-eu-nl"]


@pytest.mark.fault("vanished projects")
def test_a_refused_credential_makes_nothing_vanish(place: Place) -> None:
    place.configure(**KEYS)
    place.run("load")
    kept = (place.folder / "data/raw/accounts/acme.json").read_bytes()
    said = place.run("load", status=1, CBR_SK="wrong")
    assert "Account acme: GET" in said.stderr
    assert "wrong" not in said.output
    for name in ("eu-de", "eu-nl"):
        place.change(remove=name)
    said = place.run("load", status=1)
    assert "none of the 2 that are known" in said.stderr
    assert (place.folder / "data/raw/accounts/acme.json").read_bytes() == kept
    said = place.run("doctor", status=1)
    assert "failed    projects: Account acme" in said.output


@pytest.mark.fault("vanished projects")
def test_an_account_that_never_answered_is_a_failure_and_no_empty_configuration(place: Place) -> None:
    said = place.run("load", status=1, CBR_PASSWORD="wrong")
    assert "IAM issues no token for this user" in str(said.exception)
    assert "CBR_PASSWORD is not set" in str(place.run("load", status=2, CBR_PASSWORD=None).exception)  # type: ignore[arg-type]


def test_one_source_of_an_account_is_found_by_its_name(place: Place) -> None:
    said = place.run("load", "--source", "acme-eu-nl")
    assert place.tasks().keys() == {"acme-eu-nl"}
    assert (
        "did you mean acme-eu-nl"
        in str(place.run("load", "--source", "acme-eu-n", status=2).exception).lower()
    )
    requests = place.source.emulator.faults.requests
    assert "found" not in place.run("load", "--source", "acme-eu-nl").stdout
    assert place.source.emulator.faults.requests > requests
    assert said.stdout.count("found:") == 2


def test_a_found_project_can_become_a_source_with_settings_of_its_own(place: Place) -> None:
    place.run("load")
    project = place.source.emulator.projects.by_name("eu-nl")
    assert project is not None
    own = f'[[sources]]\nname = "acme-eu-nl"\nendpoint = "{place.source.url}"\ntimezone = "Asia/Tokyo"\n'
    own += f'access_key = "env:CBR_AK"\nsecret_key = "env:CBR_SK"\nproject_id = "{project.id}"'
    place.configure(own, **PASSWORD)
    said = place.run("load")
    assert said.stdout.count("acme-eu-nl: incremental load done") == 1
    place.configure(own.replace(project.id, "another"), **PASSWORD)
    assert "has the name of another project" in str(place.run("load", status=2).exception)


def test_a_damaged_list_stops_loads_and_names_no_source_anew(place: Place) -> None:
    place.run("load")
    path = place.folder / "data/raw/accounts/acme.json"
    path.write_bytes(path.read_bytes().replace(b"acme-eu-nl", b"acme-eu-nn"))
    for command in (("load",), ("plan",)):
        assert "acme.json: is damaged" in str(place.run(*command, status=1).exception)
    assert "acme.json: is damaged" in place.run("status").stderr
    assert "acme.json: is damaged" in place.run("verify", "--json", status=1).output
    assert place.tasks().keys() == {"acme-eu-de", "acme-eu-nl"}
