"""The built wheel works without a checkout: it contains every file it needs.

It is installed into an environment of its own. Its dependencies are lent by the one that runs the
tests, through a path file, so that nothing is downloaded and the wheel's own files still come first.
"""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = {"cbr_warehouse", "cbr_emulator"}


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command that must succeed, without the checkout's import path, and returns its stdout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, check=False, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("cbr_warehouse-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=True, symlinks=True)
    pip = (home / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install")
    run(*pip, "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home / "bin"


def test_schemas_queries_and_the_type_marker_travel_in_the_wheel(wheel: Path) -> None:
    packages = ROOT / "pipelines"
    wanted = {f"{package}/py.typed" for package in PACKAGES}
    wanted |= {
        path.relative_to(packages).as_posix()
        for suffix in ("py", "sql", "toml", "j2", "css", "svg", "md")
        for path in packages.rglob(f"*.{suffix}")
    }
    wanted |= {"cbr_warehouse/" + path.relative_to(ROOT).as_posix() for path in (ROOT / "schemas").iterdir()}
    assert "cbr_warehouse/schemas/tasks.yaml" in wanted
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_nothing_but_the_two_packages_is_installed(wheel: Path) -> None:
    """A user may have folders `pipelines`, `schemas` or `tests`: a wheel must not install one."""
    folders = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == PACKAGES


def test_it_is_imported_beside_a_folder_called_pipelines(installed: Path, tmp_path: Path) -> None:
    for name in ("pipelines", "schemas", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise AssertionError(__name__)\n")
    script = "from cbr_warehouse import open_warehouse; print(open_warehouse.__name__)"
    assert run(installed / "python", "-c", script, cwd=tmp_path).strip() == "open_warehouse"


def test_what_duckdb_fetches_times_with_comes_with_the_wheel(wheel: Path) -> None:
    """DuckDB needs pytz for TIMESTAMPTZ without declaring it; another library installed it by chance."""
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    assert "\nRequires-Dist: pytz" in archive.read(metadata).decode()


def test_the_installed_command_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run(
        installed / "python", "-c", "import cbr_warehouse; print(cbr_warehouse.__file__)", cwd=tmp_path
    )
    assert Path(where).is_relative_to(installed.parent)


def test_the_installed_command_helps(installed: Path, tmp_path: Path) -> None:
    assert "load" in run(installed / "cbr-warehouse", "--help", cwd=tmp_path)


def test_the_installed_command_finds_its_schemas(installed: Path, tmp_path: Path) -> None:
    dictionary = json.loads(run(installed / "cbr-warehouse", "schema", "--json", cwd=tmp_path))
    assert {"tasks", "resources", "resource_volumes", "replications"} <= {row["table"] for row in dictionary}
    assert list(tmp_path.iterdir()) == []
