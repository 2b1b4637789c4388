"""Records of a file are served character for character, malformed ones included."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cbr_emulator.errors import EmulatorOptionError
from cbr_emulator.server.run import Options, build_emulator

DATA = Path(__file__).parents[3] / "data"
ODD = (
    '{ "id":"a",  "created_at" : "2019-05-23T14:35:23.5", "n": 1e400, "big": 12345678901234567890123, "é":1}',
    '{"id": "b", "id": "b2", "created_at": "2019-05-24T00:00:00Z", "status": "success"}',
    '{"id": 7, "created_at": null, "extra_info": 3}',
    '"no object, [but] text"',
    "null",
)


@pytest.mark.parametrize("frame", ["[%s]", '{"count": 99, "operation_logs" : [ %s ] }'])
def test_records_keep_every_character(
    emulate: Callable[..., str], asker_of: Callable[[str], Any], tmp_path: Path, frame: str
) -> None:
    path = tmp_path / "records.json"
    path.write_text(frame % " ,\n".join(ODD), encoding="utf-8")
    asker = asker_of(emulate("--records", str(path), "--dialect", "times=z"))
    body = asker.http.get(asker.tasks).text
    assert body.startswith('{"count":5,"operation_logs":[')
    for text in ODD:
        assert text in body
    assert asker.http.get(f"{asker.tasks}/a").text == f'{{"operation_log":{ODD[0]}}}'
    assert asker.listed(status="success")["count"] == 1
    # A record without a time is in every window; the others in their own.
    assert asker.listed(start_time="2019-05-24T00:00:00Z")["count"] == 4
    for text in ODD:
        assert text in asker.http.get("/__emulator/truth").text


def test_the_body_of_one_task_is_a_file_of_one_record(
    emulate: Callable[..., str], asker_of: Callable[[str], Any], tmp_path: Path
) -> None:
    """The vendor's own example of ShowOpLog was refused as no response body."""
    path = tmp_path / "shown.json"
    path.write_text('{ "operation_log" :\n  %s}' % ODD[0], encoding="utf-8")  # noqa: UP031  # braces
    asker = asker_of(emulate("--records", str(path)))
    assert asker.listed()["count"] == 1
    assert asker.shown("a").text == f'{{"operation_log":{ODD[0]}}}'


def test_real_records_are_found_by_their_resource(
    emulate: Callable[..., str], asker_of: Callable[[str], Any]
) -> None:
    asker = asker_of(emulate("--records", str(DATA / "list-backup-2019.json")))
    record = asker.listed()["operation_logs"][0]
    for name in ("id", "name"):
        value = record["extra_info"]["resource"][name]
        assert asker.listed(**{f"resource_{name}": value})["operation_logs"] == [record]
        assert asker.listed(**{f"resource_{name}": "other"})["count"] == 0


@pytest.mark.parametrize("text", ['{"operation_log": []}', '{"error_code": "a"}', "3", "[" * 100_000])
def test_what_is_no_list_and_no_body_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "records.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EmulatorOptionError, match=f"--records {path}: "):
        build_emulator(Options(records=path))


def test_records_expire_only_where_that_is_asked(
    emulate: Callable[..., str], asker_of: Callable[[str], Any]
) -> None:
    options = ("--records", str(DATA / "list-backup-2019.json"), "--now", "2026-01-01T00:00:00Z")
    assert asker_of(emulate(*options)).listed()["count"] == 1
    assert asker_of(emulate(*options, "--dialect", "retention=30d")).listed()["count"] == 0
