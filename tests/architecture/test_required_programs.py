"""A missing system program skips a test with a remedy, and fails it under REQUIRE_ALL=1."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import pytest

@pytest.mark.needs_program("no-such-program", package="some-package")
def test_that_needs_what_is_missing():
    pass

@pytest.mark.needs_program("sh", package="dash")
def test_that_needs_what_is_there():
    pass
"""


def outcome_of(pytester: pytest.Pytester) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makepyfile(TESTS)
    return pytester.runpytest("-rs")


def test_a_missing_program_skips_and_names_the_package(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUIRE_ALL", raising=False)
    result = outcome_of(pytester)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*needs no-such-program*package some-package*make system-deps*"])


def test_where_all_is_required_a_missing_program_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_ALL", "1")
    result = outcome_of(pytester)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*needs no-such-program*package some-package*"])


def test_the_settings_of_the_machine_do_not_reach_the_tests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CBR_WAREHOUSE_DATA_DIR", "/precious")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makepyfile("""
        import os

        def test_environment():
            assert "CBR_WAREHOUSE_DATA_DIR" not in os.environ
            assert "https_proxy" not in os.environ
    """)
    pytester.runpytest().assert_outcomes(passed=1)
