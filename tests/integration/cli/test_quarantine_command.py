"""``quarantine list`` tells what was refused; ``requeue`` takes it in once the contract is wider."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from support.command_line import Workplace

WIDER = """
import sys
from pathlib import Path
import cbr_warehouse.contract.load_schemas as read
folder = Path(sys.argv.pop(1))
read.schemas_folder = lambda: folder
from cbr_warehouse.cli.main import main
main()
"""


def record(task_id: str, **more: object) -> dict[str, object]:
    return {
        "id": task_id,
        "operation_type": "backup",
        "status": "success",
        "created_at": "2026-11-20T01:00:00Z",
        "updated_at": "2026-11-20T01:09:00Z",
        "extra_info": {"common": {"progress": 100}},
    } | more


def loaded(workplace: Workplace, emulate: Callable[..., str]) -> None:
    records = [
        record("sound"),
        record("half", extra_info={"common": {"progress": "half done"}}),
        record("when", created_at="yesterday"),
    ]
    path = workplace.folder / "records.json"
    path.write_text(json.dumps(records))
    workplace.configure(emulate("--records", str(path)))
    done = workplace.run("load", "--since", "2026-11-19", "--until", "2026-11-22")
    assert done.status == 0, done.err


def widened(workplace: Workplace, *words: str) -> subprocess.CompletedProcess[str]:
    """The command under a contract in which progress may be any text."""
    schemas = workplace.folder / "schemas"
    schemas.mkdir(exist_ok=True)
    root = Path(__file__).parents[3]
    for path in (root / "schemas").glob("*.yaml"):
        text = path.read_text()
        assert path.name != "tasks.yaml" or "name: progress, type: integer" in text
        wide = text.replace("name: progress, type: integer", "name: progress, type: text")
        (schemas / path.name).write_text(wide)
    return subprocess.run(
        [sys.executable, "-c", WIDER, str(schemas), *words],
        cwd=workplace.folder,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_list_says_what_and_why(workplace: Workplace, emulate: Callable[..., str]) -> None:
    loaded(workplace, emulate)
    done = workplace.run("quarantine", "list", "--format", "json")
    rows = {row["task_id"]: row for row in json.loads(done.out)}
    assert set(rows) == {"half", "when"}
    assert "progress" in rows["half"]["reason"]
    assert json.loads(rows["half"]["record_text"])["id"] == "half"
    assert rows["when"]["day"] is None
    assert workplace.run("quarantine", "list", "--source", "other", "--format", "json").out.strip() == "[]"


def test_requeue_takes_in_what_a_wider_contract_allows(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    loaded(workplace, emulate)
    same = workplace.run("quarantine", "requeue")
    assert (same.status, same.out) == (
        0,
        "prod: of 2 records in quarantine 0 are valid now, 2 remain\n",
    )
    done = widened(workplace, "quarantine", "requeue")
    assert done.returncode == 0, done.stderr
    assert "of 2 records in quarantine 1 are valid now, 1 remain" in done.stdout
    assert workplace.sql("SELECT task_id, progress FROM tasks ORDER BY 1") == [
        {"task_id": "half", "progress": "half done"},
        {"task_id": "sound", "progress": "100"},
    ]
    rows = workplace.sql("SELECT task_id, resolved_at IS NOT NULL AS resolved FROM quarantine ORDER BY 1")
    assert rows == [{"task_id": "half", "resolved": True}, {"task_id": "when", "resolved": False}]
    before = workplace.sql("SELECT * FROM quarantine ORDER BY ALL")
    again = widened(workplace, "rebuild")
    assert again.returncode == 0, again.stderr
    assert workplace.sql("SELECT * FROM quarantine ORDER BY ALL") == before
