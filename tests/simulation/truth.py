"""What must be published of one source, by what that source has served, and whether it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulation.network import Network
from simulation.published import Published, Version
from simulation.source import HISTORY, Source
from simulation.true_days import TrueDays

SLACK = timedelta(minutes=2)
"""A source tells its time in whole seconds, and a record is on its way for some of them."""


@dataclass(frozen=True)
class DoneLoad:
    """A load of one source that ended well.

    Attributes:
        began_at: When, by the source's clock.
        purpose: What it was for.
        delivered: Records of the complete responses that it received, by task.
        withheld: Share of the tasks that the source did not list meanwhile.
        slack: By how much its times may be wrong.
    """

    began_at: datetime
    purpose: str
    delivered: tuple[tuple[str, bytes], ...]
    withheld: float = 0.0
    slack: timedelta = SLACK


@dataclass
class _Seen:
    """By when a load that ended well had received a text, and since when another one received it again."""

    first_until: datetime
    last_since: datetime


@dataclass
class Truth:
    """Compares what is published of a source with the source.

    Attributes:
        name: Name of the source.
        source: The source.
        network: How it is reached.
        now: The true time.
    """

    name: str
    source: Source
    network: Network
    now: Callable[[], datetime]
    _done: list[DoneLoad] = field(default_factory=list)
    _seen: dict[tuple[str, bytes], _Seen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._days = TrueDays(self.source, self.network)

    @property
    def has_loaded(self) -> bool:
        """Whether a load ended well."""
        return bool(self._done)

    def note_done(self, load: DoneLoad) -> None:
        """Takes note of a load that ended well: what it received must be held from then on."""
        self._done.append(load)
        until, since = self.now() + load.slack, load.began_at - load.slack
        for place in load.delivered:
            seen = self._seen.setdefault(place, _Seen(until, since))
            seen.last_since = max(seen.last_since, since)

    def check(self, published: Published) -> int:
        """Checks what is published at any time; returns how many texts were compared.

        Raises:
            AssertionError: Something false is held, or something received is not.
        """
        self._check_nothing_false(published)
        self._check_received(published)
        self._days.check(published, self.now())
        return sum(map(len, published.versions.values())) + len(published.quarantined)

    def check_end(self, published: Published) -> None:
        """Checks what must hold after a deep load with nothing in its way."""
        self._check_current(published)
        self._check_seen(published)

    def _check_nothing_false(self, published: Published) -> None:
        sent = self.source.ever_sent
        every = {text for texts in sent.values() for text in texts}
        false = published.quarantined - every
        assert not false, f"{self.name}: in quarantine but never served: {min(false)!r}"
        for task_id, versions in published.versions.items():
            texts = [one.text for one in versions]
            assert len(set(texts)) == len(texts), f"{task_id}: a version is held twice"
            wrong = [text for text in texts if text not in sent.get(task_id, ())]
            assert not wrong, f"{task_id}: held but never served: {wrong[0]!r}"

    def _check_received(self, published: Published) -> None:
        held = {(task_id, one.text): one for task_id, own in published.versions.items() for one in own}
        for place, seen in self._seen.items():
            version = held.get(place)
            if version is None:
                is_kept = place[1] in published.quarantined
                assert is_kept, f"{place[0]}: received by a load before {seen.first_until}, not held"
                continue
            _check_sightings(place[0], version, seen)

    def _check_current(self, published: Published) -> None:
        """What the source shows now is held as it is now."""
        since, load = self._since(), self._done[-1]
        before, now = self.source.shown(load.began_at), self.source.shown(self.now())
        for task_id, text in before.items():
            if self.source.created_at[task_id] < since or now.get(task_id) != text:
                continue
            versions = published.versions.get(task_id, [])
            is_newest = bool(versions) and versions[-1].text == text
            assert is_newest or text in published.quarantined, (
                f"{task_id}: the source shows {text!r}, held is {versions[-1:]}"
            )

    def _check_seen(self, published: Published) -> None:
        """What was served for as long as a load needs to see it is held, also if it is served no more."""
        since = self._since()
        retention = self.source.dialect.retention or timedelta.max
        visible_from = self.source.visible_from
        for task_id, created_at in self.source.created_at.items():
            if created_at < since:
                continue
            seen_from = visible_from[task_id] + timedelta(minutes=1)
            is_late = visible_from[task_id] > created_at
            loads = [
                load
                for load in self._done
                if seen_from <= load.began_at <= created_at + retention - timedelta(hours=1)
                and load.purpose != "range"
                and (load.purpose == "deep" or not is_late)
                and not self.source.is_withheld(task_id, load.withheld)
            ]
            if loads:
                assert published.holds(task_id, self.source), (
                    f"{task_id} of {created_at}: not held, though served at the {loads[0].purpose} load of "
                    f"{loads[0].began_at}"
                )

    def _since(self) -> datetime:
        return self._done[0].began_at - HISTORY + timedelta(hours=1)


def _check_sightings(task_id: str, version: Version, seen: _Seen) -> None:
    said = f"{task_id}: version {version.number}"
    assert version.first_seen_at <= seen.first_until, (
        f"{said}: first seen at {version.first_seen_at}, though a load received it before {seen.first_until}"
    )
    assert version.last_seen_at >= seen.last_since, (
        f"{said}: last seen at {version.last_seen_at}, though a load since {seen.last_since} received it"
    )
