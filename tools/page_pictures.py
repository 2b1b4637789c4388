"""Makes the pictures of the local page in docs/: wide, and as on a phone in light and dark.

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
    command = [sys.executable, "-m", "cbr_warehouse.cli.main", "--data-dir", data_dir, "open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            for name, address, size, options in PICTURES:
                take(f"{url}{address}", url, DOCS / name, size, *options)
                print(DOCS / name)
        finally:
            server.terminate()


def take(address: str, url: str, picture: Path, size: tuple[int, int], *options: str) -> None:
    """Takes a picture of a page in a frame of that size."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "page.html").write_bytes(fetch(address.partition("#")[0]))
        (folder / "style.css").write_bytes(fetch(f"{url}/style.css"))
        (folder / "icon.svg").write_bytes(fetch(f"{url}/icon.svg"))
        (folder / "index.html").write_text(FRAME.format(*size, address.partition("#")[2]), encoding="utf-8")
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
