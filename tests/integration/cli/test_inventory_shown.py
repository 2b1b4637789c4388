"""What people are told of inventories: by load, status, plan and doctor, and of damaged ones by verify."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from cbr_warehouse.raw.inventory import record_files, sightings_folder
from cbr_warehouse.storage.layout import DataDirectory
from support.command_line import Workplace
from support.flipped_bit import flip_bit

ESTATE = ("--tasks", "120", "--days", "3", "--seed", "3")
REFUSED = ("--fault", "forbid=backups", "--fault", "not_offered=protectables")


def test_a_list_that_is_refused_is_said_everywhere_and_fails_nothing(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate(*ESTATE, *REFUSED), history="3d", inventory=True)
    plan = workplace.run("plan")
    assert "inventory" in plan.out
    load = workplace.run("load")
    assert load.status == 0, load.err
    assert "prod: inventory: " in load.out
    assert " 0 backups, 0 protectable resources" in load.out
    assert "prod: inventory: backups not permitted: Source prod" in load.err
    assert "give their user cbr:backups:list in this project" in load.err
    assert "prod: inventory: protectables (disk) not offered: " in load.err
    status = workplace.run("status")
    assert "prod: inventory: backups not permitted: " in status.out
    (shown,) = json.loads(workplace.run("status", "--json").out)
    states = {one["kind"]: one["state"] for one in shown["inventory"]["lists"]}
    assert states == {
        "vaults": "complete",
        "policies": "complete",
        "backups": "not_permitted",
        "protectables": "not_offered",
    }
    assert datetime.fromisoformat(shown["inventory"]["fetched_at"]).tzinfo is not None
    doctor = workplace.run("doctor")
    assert doctor.status == 0
    assert "ok        inventory: vaults: It can be listed." in doctor.out
    assert "notice    inventory: backups: Not permitted: " in doctor.out
    assert "notice    inventory: protectables (turbo): Not offered: " in doctor.out
    assert json.loads(workplace.run("plan", "--json").out)[0]["inventory"] is None  # not due again today


def test_without_it_nothing_is_said(workplace: Workplace, emulate: Callable[..., str]) -> None:
    workplace.configure(emulate(*ESTATE), history="3d")
    for words in (("plan",), ("load",), ("status",), ("doctor",)):
        done = workplace.run(*words)
        assert done.status == 0
        assert "inventory" not in done.out + done.err, words
    assert json.loads(workplace.run("status", "--json").out)[0]["inventory"] is None


@pytest.mark.fault("damaged files")
def test_damaged_and_lost_files_are_found_and_refused_by_rebuild(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate(*ESTATE), history="3d", inventory=True)
    assert workplace.run("load").status == 0
    assert workplace.run("verify").status == 0
    directory = DataDirectory(workplace.data)
    (records,) = record_files(directory, "prod")
    (sightings,) = sightings_folder(directory, "prod").iterdir()
    (ledger,) = directory.raw_ledger("inventory", "prod").glob("*.json")
    whole = {path: path.read_bytes() for path in (records, sightings, ledger)}
    for path, change in (
        (records, flip_bit),
        (sightings, flip_bit),
        (ledger, flip_bit),
        (records, Path.unlink),
        (sightings, Path.unlink),
    ):
        change(path)
        found = workplace.run("verify")
        assert found.status == 1
        assert str(path) in found.out + found.err, path
        refused = workplace.run("rebuild")
        assert refused.status == 1
        assert str(path) in refused.err
        path.write_bytes(whole[path])
    assert workplace.run("verify").status == 0
    assert workplace.run("rebuild").status == 0
