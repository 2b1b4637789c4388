"""``metrics``: what Prometheus reads is what the warehouse and the ledgers say, and each alert fires."""

import json
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.command_line import Workplace

ALERTS = Path(__file__).parents[3] / "docs" / "prometheus-alerts.yaml"
PREFIX = "cbr_warehouse_"

Values = dict[tuple[str, ...], float]


def read(text: str) -> dict[str, Values]:
    """The values of each metric by its labels, in the order of their names."""
    found: dict[str, Values] = {}
    for family in text_string_to_metric_families(text):
        own = found.setdefault(family.name.removeprefix(PREFIX), {})
        for sample in family.samples:
            own[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def ask(workplace: Workplace, query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(workplace.run("sql", query, "--format", "json").out)
    return rows


def test_the_metrics_are_what_status_and_the_loads_say(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    url = emulate("--tasks", "600", "--days", "5", "--fault", "throttle=@3")
    workplace.configure(url, history="4d")
    loaded = workplace.run("load")
    assert loaded.status == 0, loaded.err
    printed = workplace.run("metrics")
    assert printed.status == 0, printed.err
    found = read(printed.out)
    (status,) = json.loads(workplace.run("status", "--json").out)
    assert found["tasks"] == {("prod",): status["tasks"]}
    assert found["open_tasks"] == {("prod",): status["open_tasks"]}
    assert found["quarantined_records"] == {("prod",): status["quarantined"]}
    assert found["day_states"]["", "prod", "complete"] == status["complete"]
    unverified = sum(value for key, value in found["day_states"].items() if key[2] == "unverified")
    assert unverified == status["unverified"] + status["beyond_retention"] + status["never_loaded"]
    assert sum(value for key, value in found["day_states"].items() if key[2] in {"incomplete", "lost"}) == 0
    (load,) = ask(
        workplace,
        "SELECT requests, rate_limited, received_bytes, records, new, "
        "epoch(finished_at) - epoch(started_at) AS seconds, epoch(started_at) AS began FROM loads",
    )
    assert found["last_load_requests"] == {("prod",): load["requests"]}
    assert found["last_load_records"] == {("prod",): load["records"]}
    assert found["last_load_new_records"] == {("prod",): load["new"]}
    assert found["last_load_received_bytes"] == {("prod",): load["received_bytes"]}
    assert load["received_bytes"] > 100 * load["records"]
    assert found["last_load_rate_limited_requests"] == {("prod",): load["rate_limited"]}
    assert load["rate_limited"] > 0
    assert found["last_load_duration_seconds"]["prod",] == pytest.approx(load["seconds"], abs=0.01)
    assert found["last_load_timestamp_seconds"]["prod",] == pytest.approx(load["began"], abs=0.01)
    assert found["last_load_outcome"] == {
        ("done", "prod"): 1,
        ("failed", "prod"): 0,
        ("interrupted", "prod"): 0,
    }
    newest = ask(workplace, "SELECT epoch(max(created_at)) AS newest FROM tasks")[0]["newest"]
    assert found["newest_task_timestamp_seconds"]["prod",] == pytest.approx(newest, abs=0.01)
    written = found["metrics_timestamp_seconds"][()]
    assert found["newest_task_age_seconds"]["prod",] == pytest.approx(written - newest, abs=0.01)
    assert time.time() - 60 < written <= time.time()
    files = [path for path in (workplace.data / "raw").rglob("*") if path.is_file()]
    assert found["files"]["raw",] == len(files)
    assert found["bytes"]["raw",] == sum(path.stat().st_size for path in files)
    assert found["published_bytes"][()] == (workplace.data / "warehouse.duckdb").stat().st_size


def test_a_failed_load_shows_beside_the_last_success(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--tasks", "50", "--days", "3"), history="3d")
    assert workplace.run("load").status == 0
    before = read(workplace.run("metrics").out)
    assert workplace.run("load", CBR_TOKEN="wrong").status == 1
    after = read(workplace.run("metrics").out)
    assert after["last_load_outcome"]["failed", "prod"] == 1
    assert after["last_load_outcome"]["done", "prod"] == 0
    assert after["last_success_timestamp_seconds"] == before["last_success_timestamp_seconds"]
    assert after["last_load_timestamp_seconds"]["prod",] > before["last_load_timestamp_seconds"]["prod",]


def test_the_file_is_replaced_whole_for_another_user_to_read(workplace: Workplace) -> None:
    """Before anything was loaded too: that nothing ran is what the alerts must see."""
    workplace.configure("https://cbr.example.com")
    out = workplace.folder / "collector" / "cbr.prom"
    for _ in range(2):
        done = workplace.run("metrics", "--out", str(out))
        assert (done.status, done.out, done.err) == (0, "", "")
        assert stat.S_IMODE(out.stat().st_mode) == 0o644
        assert [path.name for path in out.parent.iterdir()] == ["cbr.prom"]
    found = read(out.read_text())
    assert found["published_timestamp_seconds"] == {(): 0}
    assert found["free_bytes"][()] > 0
    assert found["tasks"] == {}


@pytest.mark.needs_program("promtool", package="prometheus")
def test_promtool_accepts_the_metrics_and_the_rules(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--tasks", "50", "--days", "3"), history="3d")
    workplace.run("load")
    text = workplace.run("metrics").out
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rules = subprocess.run(
        ["promtool", "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False
    )
    assert rules.returncode == 0, rules.stdout + rules.stderr


HEALTHY = {
    "metrics_timestamp_seconds": "0+300x2000",
    'last_load_timestamp_seconds{source="prod"}': "0+300x2000",
    'last_success_timestamp_seconds{source="prod"}': "0+300x2000",
    'newest_task_timestamp_seconds{source="prod"}': "0+300x2000",
    'last_load_outcome{source="prod", outcome="failed"}': "0x2000",
    'last_load_requests{source="prod"}': "100x2000",
    'last_load_rate_limited_requests{source="prod"}': "1x2000",
    'quarantined_records{source="prod"}': "0x2000",
    'day_states{source="prod", state="incomplete", reason=""}': "0x2000",
    'day_states{source="prod", state="lost", reason=""}': "3x2000",
    'day_states{source="prod", state="unverified", reason=""}': "0x2000",
    'day_states{source="prod", state="unverified", reason="edge_of_retention"}': "1x2000",
    "free_bytes": "9e9x2000",
    "published_bytes": "1e9x2000",
}
"""A week of a healthy source, a sample every five minutes."""

FAULTS = {
    "CbrWarehouseMetricsMissing": {"metrics_timestamp_seconds": "0x2000"},
    "CbrWarehouseNothingRan": {'last_load_timestamp_seconds{source="prod"}': "0x2000"},
    "CbrWarehouseNoSuccess": {'last_success_timestamp_seconds{source="prod"}': "0x2000"},
    "CbrWarehouseLoadFailed": {'last_load_outcome{source="prod", outcome="failed"}': "1x2000"},
    "CbrWarehouseRetentionEnds": {'retention_left_seconds{source="prod"}': "345000x2000"},
    "CbrWarehouseDaysIncomplete": {'day_states{source="prod", state="incomplete", reason=""}': "2x2000"},
    "CbrWarehouseDaysLost": {'day_states{source="prod", state="lost", reason=""}': "3x1900 4x100"},
    "CbrWarehouseDaysUnverified": {'day_states{source="prod", state="unverified", reason=""}': "1x2000"},
    "CbrWarehouseNoNewTasks": {'newest_task_timestamp_seconds{source="prod"}': "0x2000"},
    "CbrWarehouseQuarantine": {'quarantined_records{source="prod"}': "5x2000"},
    "CbrWarehouseRateLimited": {'last_load_rate_limited_requests{source="prod"}': "21x2000"},
    "CbrWarehouseDiskFills": {"free_bytes": "2.9e9x2000"},
}


def test_every_rule_has_its_fault_here() -> None:
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    assert sorted(rule["alert"] for rule in rules) == sorted(FAULTS)


@pytest.mark.needs_program("promtool", package="prometheus")
def test_each_alert_fires_for_its_fault_and_for_no_other(tmp_path: Path) -> None:
    """Prometheus itself evaluates the rules over a week of samples, with one fault planted at a time."""
    tests = []
    for planted, fault in {"": {}, **FAULTS}.items():
        series = [{"series": PREFIX + name, "values": values} for name, values in (HEALTHY | fault).items()]
        expected = [
            {"eval_time": "6d15h", "alertname": alert, "exp_alerts": [{}] if alert == planted else []}
            for alert in FAULTS
        ]
        tests.append({"interval": "5m", "input_series": series, "alert_rule_test": expected})
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        # The words are checked by eye; what is compared here is whether an alert fires.
        rule.pop("labels")
        rule.pop("annotations")
        rule["expr"] = f"sum({rule['expr']})"
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    plan = {"rule_files": ["rules.yaml"], "evaluation_interval": "30m", "tests": tests}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(plan))
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
