"""A release in a copy of the checkout: version, changelog, tag and files, built twice to the same bytes."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    "__pycache__",
    "dist",
    "data",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".dagster",
    "*.duckdb",
)
AT = "2026-11-20T12:00:00+00:00"
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Test"), ("EMAIL", "test@example.com"), ("DATE", AT))
}
VERSION = "7.8.9"


def run(place: Path, *words: str, umask: int = 0o022) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        words,
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        umask=umask,
        timeout=240,
        check=False,
    )


def git(place: Path, *words: str) -> str:
    done = run(place, "git", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def copy_checkout(place: Path) -> Path:
    """A repository of one commit with the files of this checkout."""
    shutil.copytree(ROOT, place, ignore=LEFT_OUT, symlinks=True)
    (place / "data").mkdir()
    shutil.copy(ROOT / "data" / "README.md", place / "data")
    git(place, "init", "--quiet", "--initial-branch", "main")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", "All of it")
    return place


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_checkout(tmp_path / "checkout")


def release(place: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return run(place, sys.executable, "tools/release.py", *words)


def test_a_dry_run_changes_nothing(checkout: Path) -> None:
    before = git(checkout, "rev-parse", "HEAD")
    done = release(checkout, VERSION, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert (
        f"Would write pipelines/cbr_warehouse/__init__.py and CHANGELOG.md, commit, tag v{VERSION}"
        in done.stdout
    )
    assert git(checkout, "rev-parse", "HEAD") == before
    assert git(checkout, "tag") == git(checkout, "status", "--porcelain") == ""
    assert not (checkout / "dist").exists()


def test_a_release_is_a_commit_a_tag_and_files(checkout: Path) -> None:
    done = release(checkout, VERSION)
    assert done.returncode == 0, done.stderr
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "log", "-1", "--format=%s").strip() == f"Release {VERSION}"
    assert git(checkout, "describe").strip() == f"v{VERSION}"
    assert "### Added" in git(checkout, "tag", "--list", "--format=%(contents)")
    changelog = (checkout / "CHANGELOG.md").read_text()
    assert re.search(
        rf"^## \[Unreleased\]\n\n## \[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d\n", changelog, re.MULTILINE
    )
    files = {path.name for path in (checkout / "dist").iterdir()}
    wheel, source = f"cbr_warehouse-{VERSION}-py3-none-any.whl", f"cbr_warehouse-{VERSION}.tar.gz"
    assert files == {wheel, source, "requirements.txt", "sbom.cdx.json", "SHA256SUMS"}
    checked = run(checkout / "dist", "sha256sum", "--check", "--strict", "SHA256SUMS")
    assert checked.stdout.count(": OK") == len(files) - 1
    names = zipfile.ZipFile(checkout / "dist" / wheel).namelist()
    assert f"cbr_warehouse-{VERSION}.dist-info/METADATA" in names
    with tarfile.open(checkout / "dist" / source) as packed:
        assert f"cbr_warehouse-{VERSION}/deploy/compose.yaml" in packed.getnames()
    again = release(checkout, VERSION)
    assert (again.returncode, "is a tag" in again.stderr) == (1, True)


def test_the_components_are_those_that_are_installed(checkout: Path) -> None:
    assert run(checkout, sys.executable, "tools/release.py", "--files").returncode == 0
    bill = json.loads((checkout / "dist" / "sbom.cdx.json").read_text())
    components = {(one["name"], one["version"]) for one in bill["components"]}
    text = (checkout / "dist" / "requirements.txt").read_text()
    required = set(re.findall(r"^(\w\S+)==(\S+)", text, re.MULTILINE))
    assert bill["metadata"]["component"]["name"] == "cbr-warehouse"
    assert len(required) > 100
    assert required <= components
    assert all(one["purl"].startswith("pkg:pypi/") for one in bill["components"])


def test_built_again_all_files_are_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    """At another place, at another time, with another umask, from files of another age and mode."""
    other = tmp_path / "a" / "longer" / "place"
    other.parent.mkdir(parents=True)
    git(tmp_path, "clone", "--quiet", str(checkout), str(other))
    for path in other.rglob("*.py"):
        os.utime(path, (1, 1))
    built = []
    for place, umask in ((checkout, 0o022), (other, 0o077)):
        done = run(place, sys.executable, "tools/release.py", "--files", umask=umask)
        assert done.returncode == 0, done.stderr
        built.append({path.name: path.read_bytes() for path in (place / "dist").iterdir()})
    assert len(built[0]) == 5
    assert {name for name in built[0] if built[0][name] != built[1].get(name)} == set()


@pytest.mark.parametrize(
    ("version", "sentence"),
    [("1.2", "is no version"), ("0.0.1", "is before"), ("v1.2.3", "is no version")],
)
def test_what_is_no_release_is_refused(checkout: Path, version: str, sentence: str) -> None:
    done = release(checkout, version)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert git(checkout, "status", "--porcelain") == ""


def test_a_changed_checkout_and_an_empty_changelog_are_refused(checkout: Path) -> None:
    changelog = checkout / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## [Unreleased]\n\n")
    assert "commit or remove" in release(checkout, VERSION).stderr
    git(checkout, "commit", "--quiet", "--all", "--message", "Nothing to say")
    assert "nothing under [Unreleased]" in release(checkout, VERSION).stderr
    assert git(checkout, "tag") == ""
