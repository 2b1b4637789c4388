"""``dagster-home``: the settings that Dagster itself accepts, written once and never over others."""

import subprocess
from pathlib import Path

import dagster as dg
import yaml
from typer.testing import CliRunner

from cbr_warehouse.cli.main import app
from cbr_warehouse.errors import UsageError

ROOT = Path(__file__).parents[3]


def make_home(home: Path, *words: str) -> tuple[int, str, BaseException | None]:
    found = CliRunner().invoke(app, ["dagster-home", str(home), *words])
    return found.exit_code, found.stdout, found.exception


def test_dagster_takes_the_settings(tmp_path: Path) -> None:
    status, output, _ = make_home(tmp_path / "a home")
    assert (status, output) == (0, f"export DAGSTER_HOME='{tmp_path}/a home'\n")
    with dg.DagsterInstance.from_config(str(tmp_path / "a home")) as instance:
        assert instance.run_monitoring_enabled
        assert 0 < instance.run_monitoring_max_runtime_seconds <= 4 * 3600
        assert instance.run_monitoring_start_timeout_seconds <= 600
        assert instance.run_retries_enabled
        assert not instance.telemetry_enabled
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1


def test_written_twice_it_stays(tmp_path: Path) -> None:
    make_home(tmp_path)
    before = (tmp_path / "dagster.yaml").stat().st_mtime_ns
    assert make_home(tmp_path)[0] == 0
    assert (tmp_path / "dagster.yaml").stat().st_mtime_ns == before


def test_settings_of_the_user_are_kept(tmp_path: Path) -> None:
    own = tmp_path / "dagster.yaml"
    own.write_text("storage: {}\n")
    _, _, error = make_home(tmp_path)
    assert isinstance(error, UsageError)
    assert str(own) in str(error)
    assert own.read_text() == "storage: {}\n"
    assert make_home(tmp_path, "--force")[0] == 0
    assert "run_monitoring" in yaml.safe_load(own.read_text())


def test_make_dev_starts_with_them(tmp_path: Path) -> None:
    shown = subprocess.run(
        ["make", "-n", "dev", f"DAGSTER_HOME={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cbr-warehouse dagster-home" in shown.stdout
