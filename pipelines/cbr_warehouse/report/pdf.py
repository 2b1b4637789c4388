"""The page as PDF, printed by the Chromium of the machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cbr_warehouse.errors import CbrWarehouseError, UsageError

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
"""Names of browsers that print, in the order in which they are looked for."""

_MAC = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_SECONDS = 120
"""How long printing may take."""


def find_browser() -> str:
    """The browser that prints.

    Raises:
        UsageError: There is none.
    """
    for name in (*PROGRAMS, *_MAC):
        if found := shutil.which(name):
            return found
    raise UsageError(
        "--pdf needs Chromium or Google Chrome, and none is on the PATH. Install one (Debian: apt-get "
        "install chromium), or open the report.html in any browser and print it."
    )


def print_page(browser: str, page: Path) -> bytes:
    """Prints a page.

    Args:
        browser: As ``find_browser`` gives it.
        page: The HTML file.

    Returns:
        The PDF.

    Raises:
        CbrWarehouseError: The browser failed, or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="cbr-warehouse-pdf-") as folder:
        target = Path(folder, "report.pdf")
        command = [
            browser,
            *("--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer"),
            *(f"--user-data-dir={folder}/profile", "--host-resolver-rules=MAP * ~NOTFOUND"),
            # Chromium refuses to run as root with its sandbox; the page has no script, and may load nothing.
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            f"--print-to-pdf={target}",
            page.resolve().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603  # a browser of the PATH
        except subprocess.TimeoutExpired as error:
            raise CbrWarehouseError(_failed(browser, page, f"did not finish within {_SECONDS} s")) from error
        if not target.is_file():
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise CbrWarehouseError(_failed(browser, page, f"ended with {done.returncode}: {said}"))
        return target.read_bytes()


def _failed(browser: str, page: Path, what: str) -> str:
    return f"{browser} could not print {page}: it {what}. The page is written; print it in any browser."
