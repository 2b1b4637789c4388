"""The command ``report``: its digest, its limits, and what it refuses, in this process over a small log."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cbr_warehouse.cli.main import main
from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    log = SmallLog(source="a").load("2026-03-10 00:00", source="b")
    for source in ("a", "b"):
        status = {"status": "failed", "error_code": "BackupService.6114"} if source == "b" else {}
        log.daily(f"{source}-1", "2026-02-01 01:00", 30, source=source)
        log.daily(f"{source}-1", "2026-03-03 01:00", 7, source=source, **status)
    log.publish(folder / "warehouse.duckdb")
    return folder


@dataclass(frozen=True)
class Runner:
    """Runs the command over the data directory."""

    data_dir: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, command: str = "report") -> tuple[int, str, str]:
        """Its exit status, stdout and stderr."""
        sys.argv = ["cbr-warehouse", "--data-dir", str(self.data_dir), command, *words]
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def run(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Runner:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    return Runner(data_dir, capsys)


def test_a_digest_is_text_or_json_and_writes_nothing(run: Runner) -> None:
    status, out, _ = run("--digest", "--period", "2026-W10")
    assert status == 0
    assert out.startswith("Backup reliability: Act today")
    assert "Week 2026-W10" in out
    status, out, _ = run("--digest", "--format", "json", "--source", "a", "--lang", "zh")
    digest = json.loads(out)
    assert (status, digest["verdict"], digest["scope"]["sources"]) == (0, "fine", ["a"])
    assert digest["figures"]["success"]["denominator"] == 7
    assert not (run.data_dir / "reports").exists()


def test_one_of_a_thing_is_not_said_in_the_plural(run: Runner, tmp_path: Path) -> None:
    """ "1 failures", "1 stretches" and "up to 1 times" were what an operator read first."""
    log = SmallLog(watermark="2026-03-10 00:00", settings=AnalyticsSettings(strikes=1))
    log.daily("a", "2026-02-01 01:00", 34)
    log.daily("a", "2026-03-07 01:00", 1, status="failed", error_code="BackupService.6114")
    log.publish(tmp_path / "warehouse.duckdb")
    once = Runner(tmp_path, run.capsys)
    _, digest, _ = once("--digest", "--period", "week")
    _, checked, _ = once(command="check")
    assert "1 failure in a row" in checked
    assert "1 failure over" in checked
    assert "in 1 stretch" in checked
    assert "failures in a row, at most: 1." in " ".join(digest.split())
    said = f"{digest} {checked}"
    assert re.findall(r"(?<![\d.,])1 (?:failures|stretches|times|backups|copies)\b", said) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--period", "2026-13"),
            "--period 2026-13: 2026-13 is not in the calendar. Allowed: day, week, month or quarter",
        ),
        (("--period", "2026-04"), "none of its backup days is over"),
        (("--period", "2025-12"), "the stored tasks begin later"),
        (("--period", "fortnight", "--lang", "fr"), "--lang fr: not known. Allowed: en, zh."),
        (("--source", "c"), "--source c: not in the warehouse. Known: a, b."),
        (("--vault", "v"), "--vault v: no backup task of a resource names it. Known: vault-1."),
        (
            ("--policy", "p", "--digest"),
            "--policy p: no backup task of a resource names it. Known: policy-1.",
        ),
        (("--format", "json"), "--format is the format of the digest."),
        (("--digest", "--pdf", "--out", "x"), "--out and --pdf cannot be given with it."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(run: Runner, words: tuple[str, ...], said: str) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert said in err
    assert not (run.data_dir / "reports").exists()
    assert not Path("x").exists()
