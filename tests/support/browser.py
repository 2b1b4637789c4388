"""A headless Chromium: what a page holds once it is loaded, and what the browser logged."""

import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def served_folder(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serves a folder; gives its address, and the paths that were requested."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            asked.append(self.path)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def look(address: str, *options: str, milliseconds: int = 10_000) -> tuple[str, str]:
    """The HTML of a page once it is loaded, and what the browser logged.

    Args:
        address: The page.
        options: More options of Chromium.
        milliseconds: How much of the page's own time passes.
    """
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            *("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *(f"--virtual-time-budget={milliseconds}", "--dump-dom"),
            *options,
            address,
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.stdout, done.stderr


def browse(address: str, *options: str, milliseconds: int = 10_000) -> tuple[Any, str]:
    """What the script of a page wrote into its element ``found``, as JSON, and what the browser logged."""
    seen, logged = look(address, *options, milliseconds=milliseconds)
    text = re.search(r'<pre id="found">(.+?)</pre>', seen, re.DOTALL)
    assert text, logged[-2000:]
    return json.loads(html.unescape(text[1])), logged
