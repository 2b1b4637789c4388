"""Nothing is done any more to a resource that was taken out of its vault."""

from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import patch

from pipelines.emulator.inventory import SERVER, Point
from pipelines.emulator.plans import plan
from pipelines.emulator.replication import copies
from pipelines.emulator.restores import restore_some_day
from pipelines.emulator.vaults import Founder
from pipelines.emulator.world import World

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
USABLE_AT = NOW - timedelta(days=10)


def test_what_is_planned_before_a_removal_is_not_done_after_it() -> None:
    """Copies of the next days were made of what had left by then."""
    world = plan(Random(1), NOW - timedelta(days=30), NOW, NOW, 100)
    founder = Founder(world)
    vault, machine = founder.bare_vault(), founder.machine(SERVER)
    point = Point("b", "autobk", USABLE_AT, None, "c")

    def is_done() -> bool:
        with patch.object(World, "has_luck", lambda *_: True):
            planned = [
                *copies(world, vault, machine, point, 1.0),
                *restore_some_day(world, vault, machine, point),
            ]
        return bool(planned)

    assert is_done()
    vault.leaving, vault.removal_at = [machine], USABLE_AT + timedelta(minutes=30)
    assert not is_done()
