"""One load with dlt's ``rest_api`` source into DuckDB, merged by primary key: default settings, or tuned.

Tuned: Parquet instead of SQL inserts as the format of what is loaded, merging as an upsert, no search
for duplicates at the cursor's edge, large buffers. Run: python dlt_load.py URL PROJECT FOLDER default|tuned
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TUNED = {
    "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "NORMALIZE__WORKERS": "1",
    "LOAD__WORKERS": "1",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
}
HISTORY = timedelta(days=30)


def main(url: str, project_id: str, folder: str, how: str) -> None:
    """Loads into ``tasks.duckdb`` in a folder that also contains dlt's state."""
    is_tuned = how == "tuned"
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false"} | (TUNED if is_tuned else {})
    import dlt  # noqa: PLC0415  # reads the environment
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

    incremental: dict[str, Any] = {
        "start_param": "start_time",
        "cursor_path": "created_at",
        "initial_value": f"{datetime.now(UTC) - HISTORY:%Y-%m-%dT%H:%M:%S.000000}",
        "convert": lambda cursor: cursor[:19] + "Z",
    }
    if is_tuned:
        incremental["primary_key"] = []
    pipeline = dlt.pipeline(
        pipeline_name="cbr",
        pipelines_dir=str(Path(folder) / "state"),
        destination=dlt.destinations.duckdb(str(Path(folder) / "tasks.duckdb")),
        dataset_name="cbr",
    )
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/v3/{project_id}/",
                "headers": {"X-Auth-Token": "demo-token"},
                "paginator": {"type": "offset", "limit": 1000, "total_path": "count"},
            },
            "resources": [
                {
                    "name": "tasks",
                    "primary_key": "id",
                    "write_disposition": {"disposition": "merge", "strategy": "upsert"}
                    if is_tuned
                    else "merge",
                    "endpoint": {
                        "path": "operation-logs",
                        "data_selector": "operation_logs",
                        "incremental": incremental,
                    },
                }
            ],
        }
    )
    pipeline.run(source, loader_file_format="parquet" if is_tuned else None)


if __name__ == "__main__":
    main(*sys.argv[1:])
