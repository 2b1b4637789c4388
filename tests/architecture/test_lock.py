"""Every file that the lock may install has a hash, and comes from the public index alone."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK: dict[str, Any] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
HASH = re.compile(r"sha256:[0-9a-f]{64}")
OWN = "cbr-warehouse"


def locked() -> list[dict[str, Any]]:
    return [package for package in LOCK["package"] if package["name"] != OWN]


def test_every_file_of_the_lock_has_a_hash() -> None:
    files = [
        (package["name"], file)
        for package in locked()
        for file in [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    ]
    assert len(files) > 1000
    assert [name for name, file in files if not HASH.fullmatch(file.get("hash", ""))] == []
    assert {package["name"] for package in locked()} == {name for name, _ in files}


def test_every_package_comes_from_the_public_index() -> None:
    """A repository or an address of its own would be installed without the index knowing its version."""
    assert {str(package["source"]) for package in locked()} == {"{'registry': 'https://pypi.org/simple'}"}


def test_what_is_installed_requires_the_hashes() -> None:
    """The installation names each version with its hashes, and pip refuses any other file."""
    uv = Path(sys.executable).with_name("uv")
    export = [
        uv,
        "export",
        "--frozen",
        "--offline",
        "--quiet",
        "--all-groups",
        "--no-emit-project",
        "--no-header",
    ]
    listed = subprocess.run(export, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    requirements = re.findall(r"^(\w\S+)==\S+.*?(?=^\w|\Z)", listed, re.MULTILINE | re.DOTALL)
    with_hash = re.findall(r"^(\w\S+)==[^\n]*\\\n    --hash=sha256:", listed, re.MULTILINE)
    assert len(requirements) > 100
    assert requirements == with_hash
    assert "--require-hashes" in (ROOT / "tools" / "install-venv").read_text(encoding="utf-8")


def test_the_installed_versions_are_the_locked_ones() -> None:
    wanted: dict[str, set[str]] = {}
    for package in locked():
        wanted.setdefault(package["name"], set()).add(package["version"])
    names = {re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(): one.version for one in distributions()}
    differing = {
        name: version for name, version in names.items() if version not in wanted.get(name, {version})
    }
    assert differing == {}
