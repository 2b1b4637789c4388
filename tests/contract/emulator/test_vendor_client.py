"""The vendor's own client works against the emulator with every authentication method."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcbr.v1 import (
    CbrClient,
    ListBackupsRequest,
    ListOpLogsRequest,
    ListPoliciesRequest,
    ListProtectableRequest,
    ListVaultRequest,
    ShowOpLogRequest,
)
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

from support.command_line import PROJECT
from support.emulator_server import serve


class TokenCredentials(BasicCredentials):
    """Signs in with a token instead of signing."""

    def sign_request(self, *args: Any, **kwargs: Any) -> Any:
        request = super().sign_request(*args, **kwargs)  # it also completes the address
        del request.header_params["Authorization"]
        request.header_params["X-Auth-Token"] = "demo-token"
        return request


# The client is_known_user credentials by the name of their class.
TokenCredentials.__name__ = "BasicCredentials"


def with_keys() -> BasicCredentials:
    return BasicCredentials("DEMO-AK", "DEMO-SK", PROJECT)


def with_temporary_keys() -> BasicCredentials:
    return BasicCredentials("DEMO-AK", "DEMO-SK", PROJECT).with_security_token("of-the-session")


def with_a_token() -> BasicCredentials:
    return TokenCredentials("unused", "unused", PROJECT)


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    now = ("--now", "2026-11-20T13:37:00Z", "--freeze")
    with serve("--tasks", "400", "--days", "5", "--seed", "2", *now) as url:
        yield url


@pytest.fixture
def client_of(
    base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[BasicCredentials], CbrClient]:
    monkeypatch.setenv("HOME", str(tmp_path))  # the client leaves a file in the home directory
    return lambda credentials: (
        CbrClient.new_builder().with_credentials(credentials).with_endpoints([base_url]).build()
    )


@pytest.mark.parametrize("sign_in", [with_keys, with_temporary_keys, with_a_token])
def test_it_pages_through_all_tasks_and_shows_one(
    client_of: Callable[..., Any], sign_in: Callable[[], BasicCredentials]
) -> None:
    client = client_of(sign_in())
    ids: list[str] = []
    while page := client.list_op_logs(ListOpLogsRequest(limit=150, offset=len(ids))).operation_logs:
        ids += [task.id for task in page]
    assert len(ids) == len(set(ids)) == client.list_op_logs(ListOpLogsRequest(limit=1)).count
    assert client.show_op_log(ShowOpLogRequest(operation_log_id=ids[0])).operation_log.id == ids[0]


def test_its_filters_filter(client_of: Callable[..., Any]) -> None:
    client = client_of(with_keys())
    everything = client.list_op_logs(ListOpLogsRequest()).operation_logs
    one = next(task for task in everything if task.operation_type == "backup")
    for name, value in (
        ("status", "success"),
        ("operation_type", "backup"),
        ("vault_id", one.vault_id),
        ("provider_id", one.provider_id),
    ):
        found = client.list_op_logs(ListOpLogsRequest(**{name: value})).operation_logs
        expected = {task.id for task in everything if getattr(task, name) == value}
        assert {task.id for task in found} == expected
    named = client.list_op_logs(ListOpLogsRequest(resource_id=one.extra_info.resource.id)).operation_logs
    assert {task.extra_info.resource.id for task in named} == {one.extra_info.resource.id}


def test_an_unknown_task_is_an_error_it_understands(client_of: Callable[..., Any]) -> None:
    with pytest.raises(ClientRequestException) as caught:
        client_of(with_keys()).show_op_log(ShowOpLogRequest(operation_log_id="nobody"))
    assert (caught.value.status_code, caught.value.error_code) == (404, "BackupService.6500")


def test_a_wrong_key_is_refused(client_of: Callable[..., Any]) -> None:
    with pytest.raises(ClientRequestException) as caught:
        client_of(BasicCredentials("DEMO-AK", "wrong", PROJECT)).list_op_logs(ListOpLogsRequest())
    assert caught.value.status_code == 401


def test_it_lists_vaults_policies_backups_and_protectable_resources(client_of: Callable[..., Any]) -> None:
    client = client_of(with_keys())
    vaults = client.list_vault(ListVaultRequest(limit=1000)).vaults
    assert {resource.type for vault in vaults for resource in vault.resources} >= {"OS::Nova::Server"}
    is_full = [vault.billing.used >= vault.billing.size * 1024 for vault in vaults]
    assert sum(is_full) < len(vaults) / 4
    assert any(vault.tags[0].key == "env" for vault in vaults if vault.tags)
    policies = client.list_policies(ListPoliciesRequest()).policies
    associated = {one.vault_id for policy in policies for one in policy.associated_vaults}
    assert associated <= {vault.id for vault in vaults}
    assert all(rule.startswith("FREQ=") for policy in policies for rule in policy.trigger.properties.pattern)
    backups: list[Any] = []
    while page := client.list_backups(
        ListBackupsRequest(limit=100, offset=len(backups), sort="created_at:asc,id:asc")
    ).backups:
        backups += page
    assert len({backup.id for backup in backups}) == len(backups) > 100
    assert {backup.vault_id for backup in backups} <= {vault.id for vault in vaults}
    assert sum(resource.backup_count for vault in vaults for resource in vault.resources) == len(backups)
    counts = {}
    for kind in ("server", "disk", "turbo"):
        found: list[Any] = []
        while page := client.list_protectable(
            ListProtectableRequest(protectable_type=kind, limit=50, offset=len(found))
        ).instances:
            found += page
        enrolled = {one.id for one in found if one.protectable.vault is not None}
        held = {
            resource.id
            for vault in vaults
            if vault.billing.object_type == kind
            for resource in vault.resources
        }
        assert enrolled == held
        counts[kind] = len(found) - len(enrolled)
    assert all(counts.values())  # some of each type that no vault has
