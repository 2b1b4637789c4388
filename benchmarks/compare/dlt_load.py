"""One load with dlt's ``rest_api`` source, configured as its documentation recommends for such an API.

The offset paginator with the API's total, an incremental cursor with a lag for late changes
 (as long as the other's ``settle``), ``merge`` by primary key, DuckDB as the destination.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

PAGE_SIZE = 100
LAG = timedelta(hours=48)


def main(url: str, project_id: str, folder: str) -> None:
    """Loads into ``tasks.duckdb`` in a folder that also contains dlt's state."""
    pipeline = dlt.pipeline(
        pipeline_name="cbr",
        pipelines_dir=str(Path(folder) / "state"),
        destination=dlt.destinations.duckdb(str(Path(folder) / "tasks.duckdb")),
        dataset_name="cbr",
    )
    config: RESTAPIConfig = {
        "client": {
            "base_url": f"{url}/v3/{project_id}/",
            "headers": {"X-Auth-Token": "demo-token"},
            "paginator": {"type": "offset", "limit": PAGE_SIZE, "total_path": "count"},
        },
        "resources": [
            {
                "name": "tasks",
                "primary_key": "id",
                "write_disposition": "merge",
                # dlt cannot subtract a lag from a text in the API's format (six digits, no zone): parse it.
                "processing_steps": [{"map": read_created_at}],
                "endpoint": {
                    "path": "operation-logs",
                    "data_selector": "operation_logs",
                    "incremental": {
                        "start_param": "start_time",
                        "cursor_path": "created_at",
                        "initial_value": datetime.now(UTC) - timedelta(days=30),
                        "lag": LAG.total_seconds(),
                        "convert": in_whole_seconds,
                    },
                },
            }
        ],
    }
    pipeline.run(rest_api_source(config))


def read_created_at(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its cursor as a time, UTC."""
    created_at = datetime.fromisoformat(record["created_at"]).replace(tzinfo=UTC)
    return record | {"created_at": created_at}


def in_whole_seconds(cursor: datetime) -> str:
    """The cursor's value in the format that the API accepts."""
    return cursor.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


if __name__ == "__main__":
    main(*sys.argv[1:])
