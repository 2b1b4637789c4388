"""A load as it is often written: pages with httpx, ``json_normalize``, Parquet files and DuckDB tables.

It keeps all in memory, asks for no page twice and checks nothing.
Run: python pandas_load.py URL PROJECT FOLDER
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pandas as pd

HISTORY = timedelta(days=30)
PAGE_SIZE = 1000


def main(url: str, project_id: str, folder: str) -> None:
    """Loads into ``tasks.duckdb`` and three Parquet files in a folder."""
    records = fetch(url, project_id)
    tasks = pd.json_normalize(records)
    for name in ("created_at", "started_at", "ended_at", "updated_at"):
        tasks[name] = pd.to_datetime(tasks[name], utc=True, format="ISO8601")
    removed = "extra_info.remove_resources.resources"
    resources = pd.json_normalize(
        [
            {"task_id": record["id"], "role": role, "position": position} | resource
            for record in records
            for role, listed in resources_of(record)
            for position, resource in enumerate(listed)
        ]
    )
    volumes = "extra_info.include_volumes"
    frames = {
        "tasks": tasks.drop(columns=[name for name in (removed,) if name in tasks]),
        "resources": resources.drop(columns=[name for name in (volumes,) if name in resources]),
    }
    if volumes in resources:
        included = resources.explode(volumes, ignore_index=True).dropna(subset=[volumes])
        frames["resource_volumes"] = pd.concat(
            [
                included[["task_id", "role", "position"]].reset_index(drop=True),
                pd.json_normalize(included[volumes].tolist()),
            ],
            axis=1,
        )
    with duckdb.connect(str(Path(folder) / "tasks.duckdb")) as connection:
        for name, frame in frames.items():
            file = Path(folder) / f"{name}.parquet"
            frame.to_parquet(file, compression="zstd")
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet($1)", [str(file)])


def fetch(url: str, project_id: str) -> list[dict[str, Any]]:
    """All records of the history."""
    since = f"{datetime.now(UTC) - HISTORY:%Y-%m-%dT%H:%M:%SZ}"
    records: list[dict[str, Any]] = []
    with httpx.Client(base_url=url, headers={"X-Auth-Token": "demo-token"}, timeout=60) as client:
        while True:
            parameters = {"limit": PAGE_SIZE, "offset": len(records), "start_time": since}
            response = client.get(f"/v3/{project_id}/operation-logs", params=parameters)
            page = response.raise_for_status().json()["operation_logs"]
            records += page
            if len(page) < PAGE_SIZE:
                return records


def resources_of(record: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The resources of a task by their role."""
    extra = record["extra_info"]
    target = extra.get("resource")
    removed = extra.get("remove_resources", {}).get("resources") or []
    return [("target", [target] if target else []), ("removed", removed)]


if __name__ == "__main__":
    main(*sys.argv[1:])
