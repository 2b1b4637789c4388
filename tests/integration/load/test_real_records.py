"""The vendor's example records, served by the emulator, loaded as a user would, leaf for leaf."""

import json
from collections.abc import Callable
from pathlib import Path

from support.command_line import Workplace

DATA = Path(__file__).parents[2] / "data"
MAY_2019 = ("--since", "2019-05-01", "--until", "2019-06-01")


def test_the_only_public_record_loads_leaf_for_leaf(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--records", str(DATA / "list-backup-2019.json")))
    done = workplace.run("load", *MAY_2019)
    assert done.status == 0, done.err
    (task,) = workplace.sql("SELECT * EXCLUDE (source, day) FROM tasks")
    held = {column: value for column, value in task.items() if value is not None}
    assert held == {
        "task_id": "4827f2da-b008-4507-ab7d-42d0df5ed912",
        "operation_type": "backup",
        "status": "success",
        "project_id": "04f1829c788037ac2fb8c01eb2b04b95",
        "provider_id": "0daac4c5-6707-4851-97ba-169e36266b66",
        "checkpoint_id": "b432511f-d889-428f-8b0e-5f47c524c6b6",
        "created_at": "2019-05-23T14:31:36.039365Z",
        "started_at": "2019-05-23T14:31:36.007230Z",
        "ended_at": "2019-05-23T14:35:23.511155Z",
        "updated_at": "2019-05-23T14:35:23.584418Z",
        "progress": 100,
        "request_id": "req-cdb98cc4-e87b-4f40-9b4a-57ec036620bc",
        "backup_id": "0e5d0ef6-7f0a-4890-b98c-cb12490e31c1",
        "backup_name": "manualbk_backup",
        "extra": "{}",
    }
    (resource,) = workplace.sql("SELECT * EXCLUDE (source, day) FROM resources")
    assert resource == {
        "task_id": "4827f2da-b008-4507-ab7d-42d0df5ed912",
        "role": "target",
        "position": 0,
        "resource_id": "1dab32fa-ebf2-415a-ab0b-eabe6353bc86",
        "resource_name": "ECS-0001",
        "resource_type": "OS::Nova::Server",
    }


def test_null_keys_are_the_same_facts(workplace: Workplace, emulate: Callable[..., str]) -> None:
    for name in ("list-backup-2019", "list-backup-2021-null-keys"):
        workplace.configure(emulate("--records", str(DATA / f"{name}.json")))
        assert workplace.run("load", *MAY_2019).status == 0
    assert workplace.sql("SELECT version FROM task_versions") == [{"version": 1}]


def test_a_day_in_the_past_is_complete_only_where_the_source_shows_it_reaches_back(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--records", str(DATA / "list-backup-2019.json")))
    assert workplace.run("load", *MAY_2019).status == 0
    states = {row["day"]: row["state"] for row in workplace.sql("SELECT day, state FROM coverage")}
    assert states["2019-05-22"] == states["2019-05-23"] == "unverified"
    assert states["2019-05-24"] == states["2019-05-31"] == "complete"


def test_all_blocks_load_once_their_times_are_real(
    workplace: Workplace, emulate: Callable[..., str], tmp_path: Path
) -> None:
    body = json.loads((DATA / "all-blocks.json").read_text())
    for name in ("created_at", "started_at", "ended_at", "updated_at"):
        body["operation_logs"][0][name] = "2019-05-23T14:31:36.039365"
    served = tmp_path / "served.json"
    served.write_text(json.dumps(body))
    workplace.configure(emulate("--records", str(served)))
    assert workplace.run("load", *MAY_2019).status == 0
    counts = workplace.sql(
        "SELECT (SELECT count(*) FROM tasks) AS tasks, (SELECT count(*) FROM resources) AS resources, "
        "(SELECT count(*) FROM resource_volumes) AS volumes, "
        "(SELECT count(*) FROM replications) AS replications"
    )
    assert counts == [{"tasks": 1, "resources": 2, "volumes": 6, "replications": 1}]


def test_all_blocks_as_they_stand_go_to_quarantine(workplace: Workplace, emulate: Callable[..., str]) -> None:
    workplace.configure(emulate("--records", str(DATA / "all-blocks.json")))
    done = workplace.run("load", *MAY_2019)
    assert done.status == 0
    assert "quarantine" in done.err
    (row,) = workplace.sql("SELECT reason, task_id, resolved_at, record_text FROM quarantine")
    assert row["reason"].startswith("created_at: not a time")
    assert row["task_id"] == "string"
    assert row["resolved_at"] is None
    assert (
        json.loads(row["record_text"])
        == json.loads((DATA / "all-blocks.json").read_text())["operation_logs"][0]
    )
    assert workplace.run("load", *MAY_2019, "--strict").status == 1
