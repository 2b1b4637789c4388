"""The fenced blocks of the documents, and a shell for them, with stand-ins for what changes a machine."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.command_server import PACKAGES, command_server

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The document, by its path in the repository.
        language: What stands behind its fence.
        text: Its lines, without the indentation of the fence.
    """

    page: str
    language: str
    text: str


def blocks_of(page: str) -> Iterator[Block]:
    """The blocks of a page that name a language."""
    for indent, language, text in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        yield Block(page, language, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE))


def block(page: str, begin: str) -> str:
    """The text of the one block of a page that begins so."""
    (found,) = (one.text for one in blocks_of(page) if one.text.startswith(begin))
    return found


@dataclass
class Shell:
    """Runs blocks in a folder: our commands are real, those named as stand-ins note how they were called.

    Attributes:
        folder: The folder.
        environ: More variables.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._programs = self.folder / ".programs"
        self._calls = self.folder / ".calls"
        self._programs.mkdir()
        self._write("cbr-warehouse", command_server().program)
        (self.folder / ".venv").mkdir()
        (self.folder / ".venv" / "bin").symlink_to(self._programs)

    def stand_in(self, *programs: str) -> None:
        """Puts programs in place that do nothing but note their words."""
        for program in programs:
            self._write(program, f'echo "{program} $*" >>{shlex.quote(str(self._calls))}')

    @property
    def calls(self) -> list[str]:
        """How the stand-ins were called, in order."""
        return self._calls.read_text(encoding="utf-8").splitlines() if self._calls.exists() else []

    def run(self, text: str) -> str:
        """Runs a block and gives what it printed; each of its commands must succeed."""
        done = subprocess.run(
            ["sh", "-euc", text],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{self._programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(PACKAGES),
                **self.environ,
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _write(self, program: str, script: str) -> None:
        path = self._programs / program
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
