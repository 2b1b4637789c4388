"""Folders for what a process of tests makes once, and copies from then on."""

import atexit
import shutil
import tempfile
from pathlib import Path


def kept_folder(prefix: str) -> Path:
    """An empty folder that is removed at the end of the process."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
