"""Dagster's own command ``dg``, and how long it may take."""

import os
import subprocess
import sys
from pathlib import Path

SECONDS = 600
"""A command of Dagster may take: it starts a process for each step, and each of them imports Dagster."""

DG = str(Path(sys.executable).with_name("dg"))


def environment(home: Path, **more: str) -> dict[str, str]:
    """The variables of a command of Dagster, with the token of the emulator.

    Args:
        home: Folder of Dagster's instance; made if it does not exist.
        more: More variables.
    """
    home.mkdir(exist_ok=True)
    return os.environ | {"CBR_TOKEN": "demo-token", "DAGSTER_HOME": str(home)} | more


def run_dg(*words: str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs ``dg`` to its end.

    Args:
        words: Its words.
        folder: Its working directory.
        environ: Its environment, all of it.
    """
    return subprocess.run(
        [DG, *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
