"""PostgreSQL as Dagster's storage, as the container sets it up: a run of a real load, kept there alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.command_line import Workplace
from support.postgresql import postgresql

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
ENTRYPOINT = ROOT / "deploy" / "container" / "entrypoint"
PASSWORD = "password-of-the-database"


@pytest.mark.needs_program("psql", package="postgresql")
def test_runs_and_events_are_in_postgresql(workplace: Workplace, emulate: Callable[..., str]) -> None:
    workplace.configure(emulate("--tasks", "100", "--days", "3", "--seed", "7"), history="2d")
    home = workplace.folder / "dagster-home"
    home.mkdir()
    today = datetime.now(UTC).date().isoformat()
    with postgresql(PASSWORD) as server:
        done = subprocess.run(
            [ENTRYPOINT, "dg", "launch", "--assets", "raw/prod", "--partition", today],
            cwd=ROOT,
            env=os.environ
            | {
                "PATH": f"{BIN}:{os.environ['PATH']}",
                "CBR_WAREHOUSE_CONFIG": str(workplace.folder / "cbr-warehouse.toml"),
                "CBR_TOKEN": "demo-token",
                "DAGSTER_HOME": str(home),
                "CBR_DAGSTER_PG_HOST": "127.0.0.1",
                "CBR_DAGSTER_PG_PORT": str(server.port),
                "CBR_DAGSTER_PG_USER": "dagster",
                "CBR_DAGSTER_PG_PASSWORD": server.password,
                "CBR_DAGSTER_PG_DB": "dagster",
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert server.query("SELECT status, count(*) FROM runs GROUP BY status") == ["SUCCESS|1"]
        events = "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
        assert int(server.query(events)[0]) >= 1
        assert server.query("SELECT asset_key FROM asset_keys") == ['["raw", "prod"]']
    assert list(home.rglob("*.db")) == []
    assert server.password not in (home / "dagster.yaml").read_text()
