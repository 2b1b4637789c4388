"""Dockerfile, compose file, entrypoint and cron lines: every program, option and file in them exists."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.command_line import Workplace

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
INSTRUCTIONS = {"FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "VOLUME", "ENTRYPOINT", "CMD"}


def dockerfile() -> list[tuple[str, str]]:
    """The instructions, with continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line]


def options_exist(words: list[str]) -> None:
    """Holds that a command exists and knows each of its options, by its ``--help``."""
    given = [word for word in words[1:] if word.startswith("--")]
    verbs = []
    for word in words[1:]:
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        verbs.append(word)
    program = BIN / words[0]
    assert program.exists(), words
    done = subprocess.run([program, *verbs, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [option for option in given if option not in done.stdout] == [], words


def test_the_dockerfile_has_known_instructions_and_copies_what_exists() -> None:
    steps = dockerfile()
    assert {name for name, _ in steps} <= INSTRUCTIONS
    copied = [words.split()[:-1] for name, words in steps if name == "COPY" and "--from" not in words]
    for path in (path for paths in copied for path in paths):
        # dist/ is what `make release-files` builds.
        assert path.startswith("dist/") or (ROOT / path).exists(), path
    stages = {words.split(" AS ")[1] for name, words in steps if name == "FROM" and " AS " in words}
    assert set(re.findall(r"--from=(\w+)", str(steps))) == stages
    assert dict(steps)["USER"] == "10001"
    assert "--require-hashes" in str(steps)
    runs = [words for name, words in steps if name == "RUN"]
    assert all(subprocess.run(["sh", "-nc", words], check=False).returncode == 0 for words in runs)


def test_the_entrypoint_is_where_the_image_has_it() -> None:
    (entry,) = (words for name, words in dockerfile() if name == "ENTRYPOINT")
    assert entry == '["/opt/cbr-warehouse/deploy/entrypoint"]'
    assert os.access(DEPLOY / "container" / "entrypoint", os.X_OK)


@pytest.mark.parametrize("service", [name for name, one in SERVICES.items() if "command" in one])
def test_each_service_runs_a_command_that_exists(service: str) -> None:
    words = SERVICES[service]["command"]
    options_exist(words)
    inside = [word for word in words if word.startswith("/opt/cbr-warehouse/deploy/")]
    assert all((DEPLOY / "container" / Path(word).name).exists() for word in inside)


def test_each_health_check_runs_a_command_that_exists() -> None:
    assert SERVICES["code"]["healthcheck"]["test"][0] == "CMD"
    options_exist(SERVICES["code"]["healthcheck"]["test"][1:])
    waiting = {name for name, one in SERVICES.items() if "code" in one.get("depends_on", {})}
    assert waiting == {"daemon", "webserver"}


def test_services_publish_nothing_but_the_webserver_on_loopback() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {"webserver": ["127.0.0.1:3000:3000"]}


def test_only_the_code_service_has_secrets_and_data() -> None:
    assert [name for name, one in SERVICES.items() if "env_file" in one] == ["code"]
    with_data = [name for name, one in SERVICES.items() if "data:/var/lib" in str(one.get("volumes"))]
    assert with_data == ["code"]


def test_services_are_hardened_and_name_what_is_declared() -> None:
    for name, one in SERVICES.items():
        volumes = {volume.split(":")[0] for volume in one["volumes"]}
        assert {volume for volume in volumes if not volume.startswith(".")} <= COMPOSE["volumes"].keys()
        assert set(one.get("depends_on", {})) <= SERVICES.keys()
        if name != "database":
            assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
            assert one["security_opt"] == ["no-new-privileges:true"]
    (server,) = yaml.safe_load((DEPLOY / "container" / "workspace.yaml").read_text())["load_from"]
    assert server["grpc_server"]["host"] in SERVICES
    assert str(server["grpc_server"]["port"]) in SERVICES["code"]["command"]


@pytest.mark.parametrize("is_postgresql", [True, False])
def test_the_entrypoint_prepares_the_home_and_becomes_the_command(
    tmp_path: Path, *, is_postgresql: bool
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    names = ("HOST", "PORT", "USER", "PASSWORD", "DB")
    storage = {f"CBR_DAGSTER_PG_{name}": "value" for name in names} if is_postgresql else {}
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "DAGSTER_HOME": str(home), **storage}
    for _ in range(2):
        done = subprocess.run(
            [DEPLOY / "container" / "entrypoint", "cbr-warehouse", "--version"],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("cbr-warehouse ")
    settings = yaml.safe_load((home / "dagster.yaml").read_text())
    assert settings["telemetry"] == {"enabled": False}
    assert ("storage" in settings) is is_postgresql
    variables = re.findall(r"env: (\w+)", (home / "dagster.yaml").read_text())
    assert sorted(variables) == sorted(storage)
    assert set(variables) <= SERVICES["code"]["environment"].keys()
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]


def test_the_cron_lines_run_commands_that_exist(workplace: Workplace) -> None:
    text = (DEPLOY / "cron.d" / "cbr-warehouse").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.match(r"[\d*]", line)]
    assert len(lines) == 4
    for line in lines:
        *fields, user, command = line.split(" ", 6)
        assert len(fields) == 5
        assert user == "cbr-warehouse"
        # cron reads % as a new line unless it is escaped.
        assert "%" not in command.replace(r"\%", "")
        done = subprocess.run(
            ["sh", "-euc", "set -f; printf '%s\\n' " + command.replace(r"\%", "%").partition(">")[0]],
            capture_output=True,
            text=True,
            check=True,
        )
        words = done.stdout.split()
        options_exist(words)
        if words[1] == "verify":
            refused = workplace.run(*shlex.split(" ".join(words[1:])))
            assert "nothing to verify" in refused.err
