"""All that users select, mute or read of the code location, as text: what the snapshot test compares.

``make docs`` writes it again after a wanted change.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg

from cbr_warehouse.defs.build import build_location
from support import present
from support.dagster_deployment import Clock, make_installation

SNAPSHOT = Path(__file__).parents[1] / "data" / "dagster" / "code_location.json"


def code_location() -> dg.Definitions:
    """A code location with one source and all that can be configured."""
    alerts = {"webhook": "https://hooks.example.com/cbr", "mail_to": ["ops@example.com"]}
    folder = Path(tempfile.gettempdir()) / "cbr-warehouse-snapshot"
    keys: dict[str, Any] = {"alerts": alerts, "owners": ["team:storage", "ops@example.com"]}
    return build_location(make_installation(folder, Clock(), {"prod": None}, **keys))  # type: ignore[dict-item]


def describe(defs: dg.Definitions) -> dict[str, Any]:
    """Keys, jobs, schedules, sensors and checks with all that describes them."""
    repository = defs.get_repository_def()
    graph = defs.resolve_asset_graph()
    assets = {
        key.to_user_string(): {
            "group": (node := graph.get(key)).group_name,
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "depends_on": sorted(parent.to_user_string() for parent in node.parent_keys),
            "description": node.description,
        }
        for key in sorted(graph.get_all_asset_keys())
    }
    checks = {
        f"{key.asset_key.to_user_string()}:{key.name}": {
            "description": (spec := graph.get_check_spec(key)).description,
            "blocking": spec.blocking,
        }
        for key in sorted(graph.asset_check_keys)
    }
    jobs = {
        job.name: {
            "description": job.description,
            "assets": sorted({key.path[0] for key in job.asset_layer.executable_asset_keys}),
        }
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    schedules = {
        one.name: {
            "cron": one.cron_schedule,
            "time zone": one.execution_timezone,
            "status": one.default_status.value,
            "description": one.description,
        }
        for one in repository.schedule_defs
    }
    sensors = {
        one.name: {
            "seconds": one.minimum_interval_seconds,
            "status": one.default_status.value,
            "description": one.description,
        }
        for one in repository.sensor_defs
    }
    return {"assets": assets, "checks": checks, "jobs": jobs, "schedules": schedules, "sensors": sensors}


def printed() -> str:
    """The text of the snapshot."""
    return json.dumps(describe(code_location()), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    present.begin()
    sys.stdout.write(printed())
