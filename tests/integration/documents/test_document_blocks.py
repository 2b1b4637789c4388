"""The blocks of commands, configuration and SQL in the documents do what the documents say."""

import json
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml

from cbr_warehouse import __version__
from cbr_warehouse.contract.load_schemas import parse_table
from cbr_warehouse.settings.read import read_settings
from support.document_blocks import ROOT, Shell, block, blocks_of
from support.object_stores import environment, moto_server
from support.warehouse_hashes import hashes

ELSEWHERE = {
    "docs/backup-and-restore.md": ("load/test_backup_page", ("sh",)),
    "docs/configuration.md": ("../unit/settings/test_configuration_page", ("toml",)),
    "docs/dagster.md": ("dagster/test_component", ("yaml",)),
    "docs/ducklake.md": ("ducklake/test_page", ("toml", "python", "sql")),
    "docs/other-tools.md": ("documents/test_evidence_recipe", ("json", "yaml", "sql")),
    "schemas/README.md": ("../unit/contract/test_schema_keys", ("yaml",)),
    "README.md": ("load/test_readme", ("sql", "python")),
}
"""Blocks that tests of other files run: of a page, the file, and their languages."""

PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "*/README.md")
    for path in ROOT.glob(pattern)
    if not path.is_relative_to(ROOT / ".venv")
)
HERE = [
    found
    for file in ("test_document_blocks.py", "test_commands_of_pages.py")
    for found in re.findall(
        r'block\("([^"]+)", "([^"]+)"\)', Path(__file__).with_name(file).read_text(encoding="utf-8")
    )
]
WHEEL = f"cbr_warehouse-{__version__}-py3-none-any.whl"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "shell"
    folder.mkdir()
    return Shell(folder)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_run(page: str) -> None:
    begins = [begin for own, begin in HERE if own == page]
    file, languages = ELSEWHERE.get(page, ("", ()))
    if file:
        other = Path(__file__).parents[1] / f"{file}.py"
        assert Path(page).name in other.read_text(encoding="utf-8")
    left = [one for one in blocks_of(page) if not one.text.startswith(tuple(begins))]
    assert [one.text for one in left if one.language not in languages] == []


def test_no_block_is_run_that_is_not_there() -> None:
    assert all(block(page, begin) for page, begin in HERE)
    assert len(PAGES) > 20


def test_the_first_commands_of_the_readme_are_targets(shell: Shell) -> None:
    shell.stand_in("make")
    shell.run(block("README.md", "make demo"))
    assert [call.split()[:2] for call in shell.calls] == [["make", "demo"], ["make", "test"]]


def test_it_is_installed_as_the_readme_says(shell: Shell) -> None:
    """The wheel is installed by ``integration/package``; ``test_init`` answers the questions of init."""
    shell.stand_in("uv", "cbr-warehouse")
    shell.run(block("README.md", "uv tool install"))
    assert shell.calls == [f"uv tool install dist/{WHEEL}[report]", "cbr-warehouse init"]


def test_a_real_cloud_is_loaded_as_the_readme_says(shell: Shell, emulate: Callable[..., str]) -> None:
    url = emulate("--tasks", "200", "--days", "3", "--seed", "7", "--dialect", "retention=none")
    configuration = re.sub(r'endpoint = "[^"]+"', f'endpoint = "{url}"', block("README.md", "data_dir = "))
    (shell.folder / "cbr-warehouse.toml").write_text(configuration, encoding="utf-8")
    commands = block("README.md", "export CBR_ACCESS_KEY")
    assert commands.count("…") == 2
    printed = shell.run(commands.replace("…", "DEMO-AK", 1).replace("…", "DEMO-SK", 1))
    assert "prod-eu" in printed.splitlines()[-1] or "prod-eu" in printed


def test_queries_of_the_pages_have_an_answer(small_demo: Path, shell: Shell) -> None:
    shell.environ["CBR_WAREHOUSE_DATA_DIR"] = str(small_demo)
    with duckdb.connect(str(small_demo / "warehouse.duckdb"), read_only=True) as connection:
        (newest,) = connection.execute("SELECT max(created_at) - INTERVAL 1 DAY FROM tasks").fetchone() or ()
        assert connection.execute(block("docs/operations.md", "SELECT source, day, state")).fetchall()
    commands = block("docs/analytics.md", "cbr-warehouse sql")
    at = re.search(r"'(\d{4}-[^']+)'", commands)
    assert at is not None
    assert shell.run(commands.replace(at[1], newest.isoformat())).count("\n") > 4


def test_the_line_for_cron_writes_the_metrics(small_demo: Path, shell: Shell) -> None:
    shell.environ["CBR_WAREHOUSE_DATA_DIR"] = str(small_demo)
    (shell.folder / "cbr-warehouse.toml").touch()
    line = block("docs/operations.md", "*/5 * * * *")
    times, command = line.split(" cbr-warehouse", 1)
    assert len(times.split()) == 5
    out = shell.folder / "node_exporter"
    out.mkdir()
    command = command.replace("/var/lib/node_exporter", str(out)).replace("/etc", str(shell.folder))
    shell.run(f"cbr-warehouse{command}")
    assert "cbr_warehouse_" in (out / "cbr-warehouse.prom").read_text(encoding="utf-8")
    assert shell.run(block("docs/operations.md", "cbr-warehouse maintain"))


def test_dagster_is_started_as_its_page_says(shell: Shell) -> None:
    """``dg dev`` itself is started by ``test_dg``, and ``dg launch`` with these words there too."""
    shell.stand_in("dg")
    shell.environ["HOME"] = str(shell.folder)
    shell.run(block("docs/dagster.md", ".venv/bin/cbr-warehouse dagster-home"))
    shell.run(block("docs/dagster.md", ".venv/bin/dg launch"))
    assert (shell.folder / "dagster-home" / "dagster.yaml").is_file()
    assert shell.calls == [
        "dg dev -w workspace.yaml",
        "dg launch --job load --partition 2026-03-02",
        "dg launch --assets raw/prod-eu --partition 2026-02-27",
        "dg list defs",
    ]


def test_the_alerts_of_the_page_are_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "cbr-warehouse.toml"
    path.write_text(block("docs/dagster.md", "[alerts]"), encoding="utf-8")
    alerts = read_settings(path, None, {}).alerts
    assert (alerts.mail_to, alerts.smtp_host) == (("ops@example.com",), "mail.example.com")


def test_the_settings_for_json_lines_are_settings_of_dagster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = yaml.safe_load((ROOT / "pipelines/cbr_warehouse/defs/dagster.yaml").read_text(encoding="utf-8"))
    shipped["python_logs"] |= yaml.safe_load(block("docs/dagster.md", "dagster_handler_config:"))
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(shipped), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance, pytest.warns(dg.BetaWarning):
        (handler,) = instance.get_yaml_python_handlers()
    record = logging.LogRecord("cbr_warehouse.load", logging.INFO, "", 1, "loaded", None, None)
    assert json.loads(handler.format(record))["message"] == "loaded"
    assert capsys.readouterr().out == ""


def test_installing_names_the_files_of_a_release(shell: Shell) -> None:
    """The wheel itself is installed by ``integration/package``."""
    shell.stand_in("uv", "pipx", "python3", "pip")
    shell.run(block("docs/deployment.md", "uv tool install"))
    second = block("docs/deployment.md", "python3 -m venv").replace("/opt/cbr-warehouse/bin/", "")
    shell.run(second)
    assert shell.calls == [
        f"uv tool install {WHEEL}[report]",
        f"pipx install {WHEEL}[report]",
        "python3 -m venv /opt/cbr-warehouse",
        "pip install --require-hashes --requirement requirements.txt",
        f"pip install --no-deps {WHEEL}",
    ]


def test_the_units_are_put_in_place(shell: Shell) -> None:
    shell.stand_in("useradd", "systemctl")
    shutil.copytree(ROOT / "deploy", shell.folder / "deploy")
    (shell.folder / "cbr-warehouse.toml").touch()
    (shell.folder / "etc" / "systemd" / "system").mkdir(parents=True)
    commands = block("docs/deployment.md", "useradd").replace(" /etc/", f" {shell.folder}/etc/")
    shell.run(commands.replace("--group cbr-warehouse ", ""))  # there is no such group here
    units = {path.name for path in (shell.folder / "etc/systemd/system").iterdir()}
    enabled = shell.calls[-1].split()[3:]
    # Workers run on other hosts: test_a_worker_is_set_up_as_its_page_says.
    assert units - {"cbr-warehouse-worker.service"} == {f"{name}.service" for name in enabled}
    own = {path.name for path in (shell.folder / "etc/cbr-warehouse").iterdir()}
    assert own == {"cbr-warehouse.toml", "workspace.yaml"}


def test_a_data_directory_in_a_store_is_configured(tmp_path: Path) -> None:
    """``remote/test_loads_into_a_store`` loads into one."""
    path = tmp_path / "cbr-warehouse.toml"
    path.write_text(block("docs/deployment.md", "data_dir = "), encoding="utf-8")
    settings = read_settings(path, None, {})
    assert (settings.data_dir, settings.cache_dir) == ("s3://backups/cbr", Path("/var/cache/cbr-warehouse"))


def test_a_folder_goes_to_a_store_and_back(shell: Shell, small_demo: Path) -> None:
    """``remote/test_folder_into_a_store`` kills it, and loads on."""
    shutil.copytree(small_demo, shell.folder / "data")
    with moto_server() as endpoint:
        shell.environ |= environment(endpoint) | {"CBR_WAREHOUSE_CACHE_DIR": str(shell.folder / "cache")}
        to = shell.run(block("docs/deployment.md", "cbr-warehouse --data-dir data copy"))
        back = shell.run(block("docs/deployment.md", "cbr-warehouse --data-dir folder copy"))
    for done in (to, back):
        assert "every file has its checksum" in done
        assert "nothing differs" in done
    assert hashes(shell.folder / "folder" / "warehouse.duckdb") == hashes(small_demo / "warehouse.duckdb")


def test_a_worker_is_set_up_as_its_page_says(shell: Shell) -> None:
    shell.stand_in("pip", "celery")
    shell.environ["HOME"] = str(shell.folder)
    shell.run(block("docs/workers.md", "pip install"))
    shell.run(block("docs/workers.md", "celery --app"))
    written = yaml.safe_load((shell.folder / "dagster-home" / "dagster.yaml").read_text(encoding="utf-8"))
    assert written["run_launcher"]["module"] == "cbr_warehouse.workers.celery_launcher"
    assert written["concurrency"]["runs"]["max_concurrent_runs"] == 16
    assert shell.calls == [
        "pip install cbr-warehouse[celery]",
        "celery --app cbr_warehouse.workers.celery_app worker --concurrency 4",
    ]


def test_the_containers_get_their_secrets(shell: Shell) -> None:
    shell.stand_in("make", "docker")
    shutil.copytree(ROOT / "deploy", shell.folder / "deploy")
    (shell.folder / "cbr-warehouse.toml").touch()
    shell.environ["CBR_TOKEN"] = "a-token"
    shell.run(block("docs/deployment.md", "make release-files"))
    assert re.fullmatch(
        r"CBR_DAGSTER_PG_PASSWORD=[0-9a-f]{48}\n", (shell.folder / "deploy/.env").read_text(encoding="utf-8")
    )
    assert (shell.folder / "deploy/secrets.env").read_text(encoding="utf-8") == "CBR_TOKEN=a-token\n"
    assert shell.calls == [
        "make release-files",
        "docker compose --file deploy/compose.yaml up --detach --build",
    ]


def test_the_column_of_the_errand_is_one() -> None:
    text = (ROOT / "schemas" / "tasks.yaml").read_text(encoding="utf-8")
    entry = block("CONTRIBUTING.md", "- {name: backup_storage_class")
    table = parse_table("tasks.yaml", f"{text}  {entry}".encode(), {})
    assert table.columns[-1].name == "backup_storage_class"
