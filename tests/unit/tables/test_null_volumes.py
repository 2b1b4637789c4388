"""A null among the volumes of a resource is none; the others keep their places."""

from datetime import UTC, datetime
from pathlib import Path

from support.landed_records import land, make, printed, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_null_in_either_list_makes_no_row(tmp_path: Path) -> None:
    """A null among the excluded volumes made a row of a volume without an id."""
    volumes = {"include_volumes": [None, {"id": "v"}], "exclude_volumes": [None, "w", ""]}
    resource = {"id": "r", "extra_info": volumes}
    blocks = {"resource": resource, "remove_resources": {"resources": [None, resource]}}
    record = {"id": "a", "created_at": "2026-11-19T01:00:00", "extra_info": blocks}
    directory = land(tmp_path, "L1", [(printed(record), NOW)])
    make(directory)
    names = ("role", "position", "volume_role", "volume_position", "volume_id")
    assert [tuple(row.values()) for row in rows(directory, "resource_volumes", names)] == [
        (role, position, *volume)
        for role, position in (("removed", 1), ("target", 0))
        for volume in (("exclude", 1, "w"), ("exclude", 2, ""), ("include", 1, "v"))
    ]
