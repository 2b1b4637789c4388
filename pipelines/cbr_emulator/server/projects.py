"""The projects of the emulated account: which there are, in which regions, and the tasks of each."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.server.auth import PROJECT
from cbr_emulator.server.record_store import RecordStore

REGIONS = ("eu-de", "eu-nl")
"""The regions that have CBR. Each has a project of its name; the names of its others begin with that."""

NO_REGION = "MOS"
"""A project that every account has and that is in no region: object storage bills by it."""

Served = tuple[RecordStore, tuple[Episode, ...]]


@dataclass(frozen=True)
class Project:
    """A project of the account.

    Attributes:
        id: Its id, 32 hexadecimal digits.
        name: Its name.
    """

    id: str
    name: str

    @property
    def region(self) -> str | None:
        """The region it is in; None for a project that is in none."""
        region = self.name.partition("_")[0]
        return region if region in REGIONS else None


class Projects:
    """The listed projects, and the tasks of all that ever were.

    Args:
        names: Names of the projects; the first has the published id.
        generate: Generates the tasks of a project other than the first.
    """

    def __init__(self, names: Iterable[str], generate: Callable[[Project], Served]) -> None:
        self._first, *_ = names = tuple(names)
        self._listed: dict[str, Project] = {}
        for name in (*names, NO_REGION):
            self.add(name)
        # Generated when they are asked for, and kept although a project is removed.
        self.served = lru_cache(maxsize=None)(generate)

    @property
    def listed(self) -> tuple[Project, ...]:
        """The projects that the credentials can access."""
        return tuple(self._listed.values())

    def by_id(self, project_id: str) -> Project | None:
        """The listed project of an id."""
        return self._listed.get(project_id)

    def by_name(self, name: str) -> Project | None:
        """The listed project of a name."""
        return self._listed.get(self._project(name).id)

    def add(self, name: str) -> None:
        """Lists a project; one that was removed has its id and tasks again."""
        project = self._project(name)
        self._listed[project.id] = project

    def remove(self, name: str) -> None:
        """Lists a project no more; the credentials no longer give access to it."""
        self._listed.pop(self._project(name).id, None)

    def _project(self, name: str) -> Project:
        if name == self._first:
            return Project(PROJECT, name)
        return Project(hashlib.blake2b(name.encode(), digest_size=16).hexdigest(), name)


def name_projects(count: int) -> tuple[str, ...]:
    """Names for some projects: one for each region, then further ones in each.

    >>> name_projects(4)
    ('eu-de', 'eu-nl', 'eu-de_team-3', 'eu-nl_team-4')
    """
    further = (f"{REGIONS[number % len(REGIONS)]}_team-{number + 1}" for number in range(len(REGIONS), count))
    return (*REGIONS[:count], *further)
