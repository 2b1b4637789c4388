"""PostgreSQL as Dagster's storage, as the container sets it up: a run of a real load, kept there alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

from support.command_line import Workplace
from support.dagster_deployment import Clock, day, make_deployment
from support.postgresql import postgresql
from support.present import now

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


@pytest.mark.needs_program("psql", package="postgresql")
def test_what_is_old_is_removed_from_postgresql_too(tmp_path: Path) -> None:
    """The nightly job works on Dagster's tables, which are those of its storage classes."""
    home, old = tmp_path / "dagster-home", now() - timedelta(days=40)
    home.mkdir()
    with postgresql(PASSWORD) as server:
        storage = {"username": "dagster", "password": PASSWORD, "hostname": "127.0.0.1", "db_name": "dagster"}
        url = {"postgres_db": storage | {"port": server.port, "scheme": "postgresql+psycopg2"}}
        (home / "dagster.yaml").write_text(yaml.safe_dump({"storage": {"postgres": url}}), encoding="utf-8")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            clock = Clock()
            place = make_deployment(tmp_path, clock, instance, "a", keep_runs="30d")
            place.apis["a"].add(day(0))
            results = [place.tick("a") for _ in range(3)]
            assert all(result.success for result in results)
            for result in results[:2]:
                ids = f"run_id = '{result.run_id}'"
                server.query(
                    f"UPDATE runs SET create_timestamp = '{old}', update_timestamp = '{old}' WHERE {ids}"
                )
            job = place.defs.resolve_job_def("remove_old_runs")
            assert job.execute_in_process(instance=instance).success
            left = {run.run_id for run in instance.get_runs()}
            assert {result.run_id for result in results} & left == {results[2].run_id}
            assert place.recorded("raw", "a")
            assert place.recorded("tables", "tasks")
            gone = ", ".join(f"'{result.run_id}'" for result in results[:2])
            kinds = server.query(
                f"SELECT DISTINCT dagster_event_type FROM event_logs WHERE run_id IN ({gone}) ORDER BY 1"
            )
            assert kinds in ([], ["ASSET_MATERIALIZATION"])
            assert server.query(f"SELECT count(*) FROM run_tags WHERE run_id IN ({gone})") == ["0"]
