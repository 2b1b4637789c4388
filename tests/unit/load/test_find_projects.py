"""Names of found sources, and what a list of IAM does to the kept one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from cbr_warehouse.errors import CbrWarehouseError, DamagedFileError, SignInError
from cbr_warehouse.load.find_projects import AccountReport, find_projects, name_source
from cbr_warehouse.raw.found_projects import read_found_projects
from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import KeyCredentials
from cbr_warehouse.settings.select_sources import ReadyAccount
from cbr_warehouse.source.account import AccountLists, ListedProject
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 29, 1, tzinfo=UTC)
REGIONS = {"eu-de": "https://cbr.eu-de.example.com", "eu-nl": "https://cbr.eu-nl.example.com"}


class Iam:
    """IAM's answers, as a test sets them."""

    def __init__(self, *names: str) -> None:
        self.projects = [ListedProject(name.encode().hex(), name) for name in names]
        self.endpoints = dict(REGIONS)
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def read_lists(self) -> AccountLists:
        if self.error is not None:
            raise self.error
        return AccountLists(tuple(self.projects), self.endpoints)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


def find(
    directory: DataDirectory, iam: Iam, account: str = "prod", at: datetime = NOW, own: str = ""
) -> AccountReport:
    settings = AccountSettings.model_validate(
        {
            "name": account,
            "iam_endpoint": "https://iam.example.com",
            "access_key": "env:AK",
            "secret_key": "env:SK",
        }
    )
    ready = ReadyAccount(settings, KeyCredentials(SecretStr("AK-9d3e7b"), SecretStr("SK-1c8f2a")))
    return find_projects(directory, ready, own.split(), lambda: at, lambda _account: iam)  # type: ignore[arg-type,return-value]


def states(directory: DataDirectory, account: str = "prod") -> dict[str, str | None]:
    return {one.source: one.missing_why for one in read_found_projects(directory, account)}


def test_projects_in_regions_are_found_and_named(directory: DataDirectory) -> None:
    report = find(directory, Iam("eu-nl_Team A", "eu-de", "MOS", "eu-xx"))
    assert [(one.source, one.region) for one in report.new] == [
        ("prod-eu-de", "eu-de"),
        ("prod-eu-nl-team-a", "eu-nl"),
    ]
    assert read_found_projects(directory, "prod") == report.projects


@pytest.mark.fault("vanished projects")
def test_a_project_that_is_gone_or_disabled_is_missing_and_comes_back(directory: DataDirectory) -> None:
    iam = Iam("eu-de", "eu-nl", "eu-de_a")
    find(directory, iam)
    before, iam.projects = iam.projects, [iam.projects[0], replace_enabled(iam.projects[1])]
    report = find(directory, iam, at=NOW + timedelta(hours=1))
    assert [one.source for one in report.newly_missing] == ["prod-eu-de-a", "prod-eu-nl"]
    assert states(directory) == {
        "prod-eu-de": None,
        "prod-eu-de-a": "IAM no longer lists it",
        "prod-eu-nl": "it is disabled",
    }
    again = find(directory, iam, at=NOW + timedelta(hours=2))
    assert again.newly_missing == ()
    assert {one.missing_since for one in again.projects} == {None, NOW + timedelta(hours=1)}
    iam.projects = before
    assert [one.source for one in find(directory, iam).returned] == ["prod-eu-de-a", "prod-eu-nl"]
    assert set(states(directory).values()) == {None}


def replace_enabled(project: ListedProject) -> ListedProject:
    return ListedProject(project.id, project.name, enabled=False)


@pytest.mark.fault("vanished projects")
@pytest.mark.parametrize("error", [SignInError("refused", 401), RuntimeError("a bug")])
def test_a_failure_is_never_read_as_projects_that_are_gone(
    directory: DataDirectory, error: Exception
) -> None:
    iam = Iam("eu-de", "eu-nl")
    find(directory, iam)
    iam.error = error
    report = find(directory, iam)
    assert isinstance(report.failure, CbrWarehouseError)
    assert states(directory) == {"prod-eu-de": None, "prod-eu-nl": None}


@pytest.mark.fault("vanished projects")
@pytest.mark.parametrize("names", [(), ("eu-de_other", "MOS")])
def test_an_answer_that_names_none_of_the_known_projects_changes_nothing(
    directory: DataDirectory, names: tuple[str, ...]
) -> None:
    """The credentials of another account, or of a user who lost all rights, made all sources vanish."""
    find(directory, Iam("eu-de", "eu-nl"))
    report = find(directory, Iam(*names))
    assert "none of the 2" in str(report.failure)
    assert states(directory) == {"prod-eu-de": None, "prod-eu-nl": None}


def test_a_region_that_iam_no_longer_names_keeps_its_projects(directory: DataDirectory) -> None:
    iam = Iam("eu-de", "eu-nl")
    find(directory, iam)
    del iam.endpoints["eu-nl"]
    report = find(directory, iam)
    assert states(directory) == {"prod-eu-de": None, "prod-eu-nl": None}
    assert report.projects[1].endpoint == REGIONS["eu-nl"]


def test_a_renamed_project_keeps_the_name_of_its_source(directory: DataDirectory) -> None:
    iam = Iam("eu-de", "eu-nl_old")
    find(directory, iam)
    iam.projects[1] = ListedProject(iam.projects[1].id, "eu-nl_new")
    (_, renamed) = find(directory, iam).projects
    assert (renamed.source, renamed.project) == ("prod-eu-nl-old", "eu-nl_new")


def test_no_two_sources_have_one_name(directory: DataDirectory) -> None:
    iam = Iam("eu-de_a.b", "eu-de_a-b", "eu-de", "eu-nl")
    find(directory, iam, own="prod-eu-de")
    # The account "prod-eu" would name its project "nl", had it one, as "prod" names "eu-nl".
    find(directory, Iam("eu-de"), account="prod-eu")
    names = [*states(directory), *states(directory, "prod-eu")]
    assert len(names) == len(set(names)) == 5
    assert "prod-eu-de" not in names


def test_a_list_that_was_changed_is_refused(directory: DataDirectory) -> None:
    iam = Iam("eu-de")
    find(directory, iam)
    path = directory.found_projects("prod")
    path.write_text(path.read_text().replace("prod-eu-de", "prod-eu-dd"))
    with pytest.raises(DamagedFileError):
        read_found_projects(directory, "prod")
    report = find(directory, iam)
    assert isinstance(report.failure, DamagedFileError)
    assert "prod-eu-dd" in path.read_text()


def test_a_lookup_without_news_writes_nothing(directory: DataDirectory) -> None:
    find(directory, Iam("eu-de"))
    before = directory.found_projects("prod").stat()
    find(directory, Iam("eu-de"), at=NOW + timedelta(days=1))
    after = directory.found_projects("prod").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


@given(
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,30}", fullmatch=True),
    st.lists(st.text(min_size=1, max_size=90), min_size=1, max_size=5),
)
def test_every_name_is_one_that_a_source_may_have(account: str, projects: list[str]) -> None:
    taken: set[str] = set()
    for number, project in enumerate(projects):
        name = name_source(account, project, f"{number:032x}"[::-1], taken)
        assert name not in taken
        taken.add(name)
        keys = {"endpoint": "https://cbr.example.com", "project_id": "a", "token": "env:X"}
        SourceSettings.model_validate({"name": name} | keys)
