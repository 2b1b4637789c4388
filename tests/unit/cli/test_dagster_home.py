"""``dagster-home``: the settings that Dagster itself accepts, written once and never over others."""

import subprocess
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._config import validate_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import RunLauncher
from dagster_k8s import K8sRunLauncher
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


SHARED = {
    "CBR_DAGSTER_PG_HOST": "127.0.0.1",
    "CBR_DAGSTER_PG_PORT": "5432",
    "CBR_DAGSTER_PG_USER": "dagster",
    "CBR_DAGSTER_PG_PASSWORD": "secret",
    "CBR_DAGSTER_PG_DB": "dagster",
    "CBR_DAGSTER_CELERY_BROKER": "redis://127.0.0.1/0",
    "CBR_DAGSTER_CELERY_RESULTS": "redis://127.0.0.1/1",
    "CBR_DAGSTER_IMAGE": "registry.example.com/cbr-warehouse:1",
    "CBR_DAGSTER_NAMESPACE": "backups",
}
"""What the processes of several hosts find in their environment."""


@pytest.mark.parametrize("launcher", ["celery", "kubernetes"])
def test_dagster_takes_the_settings_of_several_hosts(
    tmp_path: Path, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SHARED.items():
        monkeypatch.setenv(name, value)
    assert make_home(tmp_path, "--launcher", launcher, "--runs", "16")[0] == 0
    reference = InstanceRef.from_dir(str(tmp_path))  # refuses unknown settings
    assert reference.settings["run_retries"]["max_retries"] == 3
    assert reference.settings["concurrency"]["runs"] == {"max_concurrent_runs": 16}
    assert reference.run_storage_data.module_name == "dagster_postgres"
    data = reference.run_launcher_data
    assert data is not None
    if launcher == "celery":
        assert type(data.rehydrate(as_type=RunLauncher)).__name__ == "CeleryLauncher"
        return
    # Outside of a cluster it cannot be made; Dagster validates its settings before it tries.
    assert (data.module_name, data.class_name) == ("dagster_k8s", "K8sRunLauncher")
    checked = validate_config(dg.Shape(K8sRunLauncher.config_type()), yaml.safe_load(data.config_yaml))
    assert checked.success, checked.errors


def test_one_host_keeps_its_own_history_unless_told(tmp_path: Path) -> None:
    make_home(tmp_path / "a")
    make_home(tmp_path / "b", "--postgresql")
    one, other = (yaml.safe_load((tmp_path / name / "dagster.yaml").read_text()) for name in "ab")
    assert other.pop("storage").keys() == {"postgres"}
    assert one == other
    assert one["concurrency"]["runs"]["max_concurrent_runs"] == 4


def test_make_dev_starts_with_them(tmp_path: Path) -> None:
    shown = subprocess.run(
        ["make", "-n", "dev", f"DAGSTER_HOME={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cbr-warehouse dagster-home" in shown.stdout
