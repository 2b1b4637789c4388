"""Takes the pictures of Dagster's pages in ``docs/images/`` with Chromium, of a demo that Dagster loaded.

Run: .venv/bin/python tools/dagster_pictures.py. Look at each: what was not loaded in time is in none.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 200_000
PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
PAGES = {
    "dagster-lineage": ("/asset-groups", 1400, 560),
    "dagster-asset": ("/assets/raw/prod-eu?view=partitions&partition={yesterday}", 1300, 800),
    "dagster-checks": ("/assets/warehouse/coverage?view=checks", 1300, 720),
}
"""Path, width and height of each picture."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Loads a demo, serves it and takes the pictures."""
    browser = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("Chromium is missing: make system-deps installs it, as root.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cbr-warehouse-pictures-") as name, _emulator() as endpoint:
        folder = Path(name)
        environ = _configure(folder, endpoint)
        today = datetime.now(UTC).date().isoformat()
        _run(folder, environ, "dg", "launch", "--job", "load", "--partition", today)
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
        with _webserver(folder, environ) as url:
            for picture, (path, width, height) in PAGES.items():
                page = f"{url}{path.format(yesterday=yesterday)}"
                _take(browser, folder, page, IMAGES / f"{picture}.png", (width, height))


def _configure(folder: Path, endpoint: str) -> dict[str, str]:
    source = {"name": "prod-eu", "endpoint": endpoint, "project_id": PROJECT, "token": "env:CBR_TOKEN"}
    lines = ["[[sources]]", *(f"{key} = {json.dumps(value)}" for key, value in source.items())]
    (folder / "cbr-warehouse.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    environ = os.environ | {
        "CBR_WAREHOUSE_CONFIG": str(folder / "cbr-warehouse.toml"),
        "CBR_TOKEN": "demo-token",
        "DAGSTER_HOME": str(folder / "dagster-home"),
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    _run(folder, environ, "cbr-warehouse", "dagster-home", environ["DAGSTER_HOME"])
    with (folder / "dagster-home" / "dagster.yaml").open("a", encoding="utf-8") as settings:
        settings.write("nux:\n  enabled: false\n")  # else a dialog lies over each page
    return environ


def _run(folder: Path, environ: dict[str, str], *words: str) -> None:
    done = subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        cwd=ROOT if words[0] == "dg" else folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")


@contextmanager
def _emulator() -> Iterator[str]:
    process = subprocess.Popen(
        [str(BIN / "cbr-warehouse"), "emulator", "--port", "0", "--tasks", "20000"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _webserver(folder: Path, environ: dict[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("--host", "127.0.0.1", "--port", str(port), "--workspace", str(ROOT / "workspace.yaml"))
    with (folder / "webserver.log").open("wb") as log:
        process = subprocess.Popen(
            [str(BIN / "dagster-webserver"), *words], cwd=ROOT, env=environ, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        while not _answers(f"{url}/server_info"):
            if process.poll() is not None:
                raise SystemExit((folder / "webserver.log").read_text(encoding="utf-8"))
            time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _take(browser: str, folder: Path, url: str, picture: Path, size: tuple[int, int]) -> None:
    """Takes a picture of a page once it has fetched what it shows."""
    words = [
        browser,
        "--headless",
        "--no-sandbox",  # it may run as root, and sees this page alone
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'browser'}",
        f"--window-size={size[0]},{size[1]}",
        "--virtual-time-budget=30000",
        f"--screenshot={picture}",
        url,
    ]
    subprocess.run(words, capture_output=True, check=True, timeout=300)
    count = picture.stat().st_size
    print(f"{picture.relative_to(ROOT)}: {count:,} bytes")
    if count > MOST_BYTES:
        raise SystemExit(f"{picture}: is larger than {MOST_BYTES:,} bytes; make it smaller (PAGES)")


if __name__ == "__main__":
    main()
