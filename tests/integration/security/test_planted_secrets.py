"""Secrets that can be recognized are planted, and searched for wherever anything is written or shown."""

import base64
import html
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from cbr_emulator.server import auth
from support.command_line import PACKAGES, Workplace
from support.dg_command import DG
from support.emulator_server import emulated

ROOT = Path(__file__).parents[3]
TOKEN = "canary-token-MIIQxgYJKoZIhvcNAQcCoIIQtzCCELMCAQ"
ACCESS_KEY = "CANARYAK4S9DWCQRPTG1"
SECRET_KEY = "canary/secret+key/b3nXcVq0d8YtRkzuWm5JfLhE2"
PASSWORD = 'canary p&ss"wörd<1>/+%'
WAYS = {
    "token": {"token": TOKEN},
    "keys": {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY},
    "password": {"username": "demo", "password": PASSWORD, "domain": "demo"},
}
PLANTED = (TOKEN, ACCESS_KEY, SECRET_KEY, PASSWORD)
YOUNG = 50
"""Looks of a fiftieth of a second at a process that has just begun."""
REFERENCED = {"token", "access_key", "secret_key", "password"}
COMMANDS = (
    ("--debug", "doctor"),
    ("--debug", "load"),
    ("--debug", "load", "--deep"),
    ("plan", "--json"),
    ("status", "--json"),
    ("sql", "FROM loads", "--format", "json"),
    ("metrics",),
    ("report", "--audit"),
    ("--debug", "maintain"),
    ("--debug", "rebuild"),
    ("--debug", "verify"),
)


def spellings(secret: str) -> set[bytes]:
    """The secret as it may stand in a text, a URL, JSON, HTML, a repr or a header."""
    texts = {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        html.escape(secret),
        repr(secret)[1:-1],
    }
    return {one.encode() for one in texts} | {base64.b64encode(secret.encode())[:-4]}


SPELLINGS = frozenset(spelled for secret in PLANTED for spelled in spellings(secret))


def found_in(content: bytes) -> set[bytes]:
    return {spelled for spelled in SPELLINGS if spelled in content}


def found_below(folder: Path) -> list[str]:
    """Files whose name or content has a secret."""
    return [
        str(path)
        for path in folder.rglob("*")
        if found_in(str(path).encode()) or (path.is_file() and found_in(path.read_bytes()))
    ]


@contextmanager
def watched_processes() -> Iterator[list[str]]:
    """Collects every command line with a secret that any process has while the block runs.

    That of a young process is read at each look, as it may become another program; that of any other, once
    a second.
    """
    seen: list[str] = []
    is_over = threading.Event()
    looks: Counter[str] = Counter()

    def watch() -> None:
        while not is_over.wait(0.02):
            for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  in a fifth of the time
                looks[process] += 1
                if looks[process] > YOUNG and looks[process] % YOUNG:
                    continue
                try:
                    line = Path(f"/proc/{process}/cmdline").read_bytes()
                except OSError:  # it ended meanwhile
                    continue
                if found_in(line):
                    seen.append(line.decode(errors="replace"))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def configure(place: Workplace, way: str, url: str, *, is_right: bool = True) -> None:
    """Configures a way to sign in with secrets in files outside the folder that is searched."""
    secrets = place.folder.parent / f"{place.folder.name}-secrets"
    secrets.mkdir(exist_ok=True)
    keys = {}
    for name, value in WAYS[way].items():
        if name in REFERENCED:
            (secrets / name).write_text(value if is_right else f"{value}-wrong", encoding="utf-8")
            keys[name] = f"file:{secrets / name}"
        else:
            keys[name] = value
    if way == "password":
        keys["iam_endpoint"] = url
    place.configure(url, history="4d", **keys)


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator of this process accepts the planted secrets, and no others."""
    monkeypatch.setattr(auth, "TOKEN", TOKEN)
    monkeypatch.setattr(auth, "ACCESS_KEY", ACCESS_KEY)
    monkeypatch.setattr(auth, "SECRET_KEY", SECRET_KEY)

    def is_known(body: dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]]) -> bool:
        return body["auth"]["identity"]["password"]["user"]["password"] == PASSWORD  # type: ignore[comparison-overlap]

    monkeypatch.setattr("cbr_emulator.server.iam.is_known_user", is_known)


@pytest.fixture
def now() -> str:
    return datetime.now(UTC).isoformat()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("way", WAYS)
def test_no_command_shows_or_stores_a_secret(workplace: Workplace, way: str, now: str) -> None:
    with emulated(tasks=150, days=4, now=now, is_frozen=False) as source, watched_processes() as seen:
        configure(workplace, way, source.url)
        for words in COMMANDS:
            done = workplace.run(*words)
            assert done.status == 0, (words, done.err)
            assert found_in((done.out + done.err).encode()) == set(), words
    assert seen == []
    assert found_below(workplace.folder) == []
    assert len(list(workplace.data.rglob("*.parquet"))) > 10


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_secret_is_not_repeated(workplace: Workplace, way: str, now: str) -> None:
    """The message of a refusal, the ledger and the table ``loads`` say that it was refused."""
    with emulated(tasks=50, days=2, now=now) as source:
        configure(workplace, way, source.url, is_right=False)
        for words in (("--debug", "load"), ("--debug", "doctor")):
            done = workplace.run(*words)
            assert done.status == 1
            assert "401" in done.out + done.err
            assert found_in((done.out + done.err).encode()) == set()
    assert found_below(workplace.folder) == []


@pytest.mark.parametrize("is_right", [True, False], ids=["accepted", "refused"])
def test_dagster_neither_shows_nor_stores_a_secret(workplace: Workplace, now: str, *, is_right: bool) -> None:
    """Events, metadata, logs of steps and errors are all in the folder of its state."""
    home = workplace.folder / "dagster-home"
    home.mkdir()
    with emulated(tasks=150, days=4, now=now, is_frozen=False) as source, watched_processes() as seen:
        configure(workplace, "keys", source.url, is_right=is_right)
        today = datetime.now(UTC).date().isoformat()
        done = subprocess.run(
            [DG, "launch", "--assets", "raw/prod", "--partition", today],
            cwd=ROOT,
            env=os.environ
            | {
                "CBR_WAREHOUSE_CONFIG": str(workplace.folder / "cbr-warehouse.toml"),
                "DAGSTER_HOME": str(home),
                "PYTHONPATH": str(PACKAGES),
            },
            capture_output=True,
            timeout=240,
            check=False,
        )
    assert (done.returncode == 0) is is_right, done.stderr.decode()
    assert found_in(done.stdout + done.stderr) == set()
    assert seen == []
    assert found_below(workplace.folder) == []
    assert any(path.stat().st_size for path in home.rglob("*.db"))


def test_what_is_searched_for_is_found(tmp_path: Path) -> None:
    """The search itself: each secret, in each spelling, in a file's content or name."""
    for spelled in SPELLINGS:
        assert found_in(b"before " + spelled + b" after")
        (tmp_path / "one").write_bytes(b"\0" + spelled)
        assert found_below(tmp_path) == [str(tmp_path / "one")]
    command = [sys.executable, "-c", "import time; time.sleep(1)", TOKEN]
    with watched_processes() as seen:
        subprocess.run(command, check=True)
    assert TOKEN in "".join(seen)
