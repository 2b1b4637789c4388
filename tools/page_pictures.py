"""Makes the pictures in docs/ of the local page, wide and as on a phone in light and dark, and of the report.

Run: .venv/bin/python tools/page_pictures.py [--data-dir data], after `make demo`; it needs Chromium.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DARK = "--blink-settings=preferredColorScheme=0"
PICTURES = (
    ("open.png", "/", (1280, 960), ()),
    ("open-phone.png", "/#calendar", (360, 780), ()),
    ("open-phone-dark.png", "/failures", (360, 780), (DARK,)),
)
"""File, address, size and options of Chromium."""

REPORT = ("report.png", (1000, 1560))
"""File and size of the picture of a report: its first page."""

FRAME = """<!DOCTYPE html>
<style>body {{ margin: 0 }} iframe {{ border: 0; width: {0}px; height: {1}px }}</style>
<iframe src="page.html#{2}"></iframe>"""
"""Chromium's own window has a least width; a frame in it has none."""


def main() -> None:
    """Serves the page, takes the pictures and ends the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    data_dir = parser.parse_args().data_dir
    if CHROMIUM is None:
        sys.exit("There is no Chromium. Install the Debian package chromium (as root: make system-deps).")
    command = [sys.executable, "-m", "cbr_warehouse.cli.main", "--data-dir", data_dir]
    with subprocess.Popen([*command, "open"], stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            own = {name: fetch(f"{url}/{name}") for name in ("style.css", "icon.svg")}
            for name, address, size, options in PICTURES:
                path, _, anchor = address.partition("#")
                take(own | {"page.html": fetch(f"{url}{path}")}, anchor, DOCS / name, size, *options)
        finally:
            server.terminate()
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([*command, "report", "--out", place], check=True, capture_output=True)
        name, size = REPORT
        take({"page.html": (Path(place) / "report.html").read_bytes()}, "", DOCS / name, size)


def take(files: dict[str, bytes], anchor: str, picture: Path, size: tuple[int, int], *options: str) -> None:
    """Takes a picture of ``page.html`` of some files, from an anchor on, in a frame of that size."""
    with tempfile.TemporaryDirectory() as place:
        for file, content in files.items():
            (Path(place) / file).write_bytes(content)
        (Path(place) / "index.html").write_text(FRAME.format(*size, anchor), encoding="utf-8")
        handler = partial(QuietHandler, directory=place)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            subprocess.run(
                [
                    str(CHROMIUM),
                    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                    f"--window-size={size[0]},{size[1]}",
                    f"--screenshot={picture}",
                    *options,
                    f"http://127.0.0.1:{server.server_port}/index.html",
                ],
                check=True,
                capture_output=True,
            )
        finally:
            server.shutdown()
    print(picture)


def fetch(address: str) -> bytes:
    """What an address of the page answers."""
    with urllib.request.urlopen(address, timeout=60) as answer:
        body: bytes = answer.read()
        return body


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Logs nothing."""


if __name__ == "__main__":
    main()
