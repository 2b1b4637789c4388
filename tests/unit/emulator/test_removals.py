"""Nothing is done any more to a resource that was taken out of its vault."""

from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import patch

from cbr_emulator.estate.model import SERVER, RecoveryPoint
from cbr_emulator.estate.replication import copies
from cbr_emulator.estate.restores import restore_some_day
from cbr_emulator.estate.scenario import plan
from cbr_emulator.estate.simulation import Simulation
from cbr_emulator.estate.vault_factory import VaultFactory

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
USABLE_AT = NOW - timedelta(days=10)


def test_what_is_planned_before_a_removal_is_not_done_after_it() -> None:
    """Copies of the next days were made of what had left by then."""
    world = plan(Random(1), NOW - timedelta(days=30), NOW, NOW, 100)
    founder = VaultFactory(world)
    vault, machine = founder.bare_vault(), founder.machine(SERVER)
    point = RecoveryPoint("b", "autobk", USABLE_AT, None, "c")

    def is_done() -> bool:
        with patch.object(Simulation, "has_luck", lambda *_: True):
            planned = [
                *copies(world, vault, machine, point, 1.0),
                *restore_some_day(world, vault, machine, point),
            ]
        return bool(planned)

    assert is_done()
    vault.leaving, vault.removal_at = [machine], USABLE_AT + timedelta(minutes=30)
    assert not is_done()
