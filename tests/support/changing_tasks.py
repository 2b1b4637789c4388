"""Records of a few tasks that change, are printed anew and move to another day, as several loads see them."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from support.landed_records import printed

START = datetime(2026, 11, 18, 1, tzinfo=UTC)

Sighting = tuple[int, int, int]
"""Which task, in which of its states, how many minutes after the start it was seen."""

LOADS = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 59)), max_size=8),
    min_size=1,
    max_size=5,
)


def record_of(task: int, state: int) -> bytes:
    """A task in one of its states; its creation moves a day in state 3, state 4 prints state 2 anew."""
    created = START - timedelta(days=1 if state == 3 else 0, hours=2)
    updated = START + timedelta(minutes=min(state, 2), microseconds=123_456)
    shown = f"{updated:%Y-%m-%dT%H:%M:%S.%f}"[: -3 if state == 4 else None]
    names = {"status": f"state {2 if state == 4 else state}"}
    return printed(
        {"id": f"task-{task}", "created_at": f"{created:%Y-%m-%dT%H:%M:%S}", "updated_at": shown} | names
    )


def seen_in(load: int, sightings: list[Sighting]) -> list[tuple[bytes, datetime]]:
    return [
        (record_of(task, state), START + timedelta(hours=load, minutes=minutes))
        for task, state, minutes in sightings
    ]
