"""Makes a release: ``tools/release.py VERSION [--dry-run]`` commits and tags, ``--files`` builds its files.

A release is a commit (the version, and a section of the changelog), an annotated tag of it, and files in
``dist/``: wheel and source distribution, the locked requirements with their hashes, a list of all components
(SBOM, CycloneDX) and the checksums of these. The files depend on the commit alone: built again, they are the
same bytes. Nothing is pushed and nothing uploaded.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
VERSION_FILE = "pipelines/cbr_warehouse/__init__.py"
CHANGELOG = "CHANGELOG.md"
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
VERSION_LINE = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
UNRELEASED = re.compile(r"^## \[Unreleased\]\n(.*?)(?=^## \[|\Z)", re.MULTILINE | re.DOTALL)
SUMS = "SHA256SUMS"


class Refused(SystemExit):
    """What prevents the release, as a sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"release: {sentence}")


def run(*command: str, **environment: str) -> str:
    """Runs a program that must succeed in the checkout; returns its stdout."""
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise Refused(f"{' '.join(command)} failed; nothing was published.")
    return done.stdout


def program(name: str) -> str:
    """A program of the environment that this runs in."""
    return str(Path(sys.executable).with_name(name))


def present_version() -> str:
    """The version in the code."""
    found = VERSION_LINE.search((ROOT / VERSION_FILE).read_text(encoding="utf-8"))
    if found is None:
        raise Refused(f"{VERSION_FILE} has no line __version__.")
    return found[1]


def check(version: str) -> str:
    """Refuses what is no release; returns what the changelog says of it."""
    wanted = VERSION.fullmatch(version)
    if wanted is None:
        raise Refused(f"{version} is no version such as 1.2.3.")
    if tuple(map(int, wanted.groups())) < tuple(map(int, VERSION.findall(present_version())[0])):
        raise Refused(f"{version} is before {present_version()}, the version of the code.")
    if changed := run("git", "status", "--porcelain"):
        raise Refused(f"commit or remove what is changed first:\n{changed.rstrip()}")
    if run("git", "tag", "--list", f"v{version}"):
        raise Refused(f"there is a tag v{version} already.")
    found = UNRELEASED.search((ROOT / CHANGELOG).read_text(encoding="utf-8"))
    if found is None or not re.search(r"^- ", found[1], re.MULTILINE):
        raise Refused(f"{CHANGELOG} has nothing under [Unreleased].")
    return found[1].strip()


def write_version(version: str, on: date) -> None:
    """Sets the version, and gives what is unreleased in the changelog its heading."""
    code = ROOT / VERSION_FILE
    text = VERSION_LINE.sub(f'__version__ = "{version}"', code.read_text(encoding="utf-8"))
    code.write_text(text, encoding="utf-8")
    changelog = ROOT / CHANGELOG
    text = changelog.read_text(encoding="utf-8")
    heading = f"## [Unreleased]\n\n## [{version}] - {on.isoformat()}\n"
    changelog.write_text(text.replace("## [Unreleased]\n", heading, 1), encoding="utf-8")


def build_files() -> list[Path]:
    """Builds all files of the release from the commit that is checked out."""
    epoch = run("git", "log", "-1", "--format=%ct").strip()
    for old in DIST.glob("*"):
        old.unlink()
    run(program("hatchling"), "build", "--directory", str(DIST), SOURCE_DATE_EPOCH=epoch)
    extras = ("--frozen", "--offline", "--quiet", "--no-dev", "--extra", "all", "--no-emit-project")
    export = (program("uv"), "export", *extras)
    (DIST / "requirements.txt").write_text(run(*export, "--no-header"), encoding="utf-8")
    bill = json.loads(run(*export, "--format", "cyclonedx1.5", "--preview"))
    text = json.dumps(_without_chance(bill, int(epoch)), indent=1, sort_keys=True, ensure_ascii=False)
    (DIST / "sbom.cdx.json").write_text(f"{text}\n", encoding="utf-8")
    files = sorted(path for path in DIST.iterdir() if path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (DIST / SUMS).write_text("".join(lines), encoding="utf-8")
    return [*files, DIST / SUMS]


def _without_chance(bill: dict[str, Any], epoch: int) -> dict[str, Any]:
    """The list of components with the time of the commit, and without a random number."""
    bill.pop("serialNumber", None)
    metadata = bill.setdefault("metadata", {})
    metadata.setdefault("component", {})["version"] = present_version()
    metadata["timestamp"] = datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z")
    return bill


def release(version: str, *, is_dry_run: bool) -> None:
    """Commits, tags and builds; a dry run says what it would do, and checks that it could."""
    notes = check(version)
    print(f"Release {version}:\n\n{notes}\n")
    if is_dry_run:
        print(f"Would write {VERSION_FILE} and {CHANGELOG}, commit, tag v{version}, and build into dist/.")
        return
    write_version(version, datetime.now(UTC).date())
    run("git", "commit", "--quiet", "--message", f"Release {version}", "--", VERSION_FILE, CHANGELOG)
    run(
        "git",
        "tag",
        "--annotate",
        f"v{version}",
        "--message",
        f"Release {version}\n\n{notes}",
        "--cleanup=verbatim",
    )
    print("".join(f"dist/{path.name}\n" for path in build_files()), end="")
    print("Publish it with: git push --follow-tags, and upload dist/.")
    print(f"To undo it: git tag --delete v{version} && git reset --hard HEAD~")


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", nargs="?", help="such as 1.2.3")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--files", action="store_true", help="only build the files of this commit")
    given = parser.parse_args()
    if given.files:
        print("".join(f"dist/{path.name}\n" for path in build_files()), end="")
    elif given.version:
        release(given.version, is_dry_run=given.dry_run)
    else:
        parser.error("needs a version: make release VERSION=1.2.3")


if __name__ == "__main__":
    main()
