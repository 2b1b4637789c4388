"""What every test stands on: no setting of the machine leaks in, and no missing program goes unseen.

A test that needs a program of the system says so with a marker::

    @pytest.mark.needs_program("chromium", package="chromium")

Without that program the test is skipped with a line that names the Debian package. Under
``REQUIRE_ALL=1``, as in CI, it fails instead: there a skip would hide what was never tried.
Fixtures of one room live in a ``conftest.py`` beside that room's tests, not here.
"""

import os
import shutil

import pytest
from hypothesis import settings

# What would point a command at a real cloud, a real data directory or a proxy.
LEAKS = ("CBR_", "HUAWEICLOUD_SDK_", "DAGSTER_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker and cleans the environment, in each worker before any test module is read."""
    config.addinivalue_line(
        "markers", "needs_program(name, package): skip, under REQUIRE_ALL=1 fail, without that program"
    )
    for name in list(os.environ):
        if name.upper().startswith(LEAKS):
            del os.environ[name]
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    # The time a test takes says more about the machine than about the code; pytest-timeout holds the limit.
    settings.register_profile("cbr", settings.get_profile(settings.get_current_profile_name()), deadline=None)
    settings.load_profile("cbr")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose program is missing, or fails it where everything is required."""
    for marker in item.iter_markers("needs_program"):
        name, package = marker.args[0], marker.kwargs["package"]
        if shutil.which(name):
            continue
        reason = f"needs {name}: install the Debian package {package} (as root: make system-deps)"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
