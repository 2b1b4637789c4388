"""A resource removed from its vault has no further tasks."""

from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import patch

from cbr_emulator.estate.incidents import start_simulation
from cbr_emulator.estate.model import SERVER, RecoveryPoint
from cbr_emulator.estate.replication import copies
from cbr_emulator.estate.restores import maybe_restore
from cbr_emulator.estate.simulation_state import Simulation
from cbr_emulator.estate.vault_factory import VaultFactory

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
USABLE_AT = NOW - timedelta(days=10)


def test_what_is_planned_before_a_removal_is_not_done_after_it() -> None:
    """Copies were made of machines that had been removed by then."""
    simulation = start_simulation(Random(1), NOW - timedelta(days=30), NOW, NOW, 100)
    factory = VaultFactory(simulation)
    vault, machine = factory.empty_vault(), factory.machine(SERVER)
    point = RecoveryPoint("b", "autobk", USABLE_AT, None, "c")

    def is_done() -> bool:
        with patch.object(Simulation, "happens", lambda *_: True):
            planned = [
                *copies(simulation, vault, machine, point, 1.0),
                *maybe_restore(simulation, vault, machine, point),
            ]
        return bool(planned)

    assert is_done()
    vault.leaving, vault.removal_at = [machine], USABLE_AT + timedelta(minutes=30)
    assert not is_done()
