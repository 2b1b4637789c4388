"""The command as an assistant starts it: a process that speaks the protocol on stdin and stdout alone."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from typer.testing import CliRunner

from cbr_warehouse.cli.main import app
from support.command_line import COMMAND, PACKAGES, Workplace

RECORDS = Path(__file__).parents[2] / "data" / "hostile-names.json"


def talk_to(workplace: Workplace, ask: Callable[[Client], Any]) -> Any:
    """Runs the command as a process and asks it."""

    async def talk() -> Any:
        server = StdioServerParameters(
            command=COMMAND[0],
            args=[*COMMAND[1:], "mcp"],
            env={**os.environ, "PYTHONPATH": str(PACKAGES)},
            cwd=workplace.folder,
        )
        async with Client(stdio_client(server)) as client:
            return await ask(client)

    return anyio.run(talk)


@pytest.mark.fault("hostile text")
def test_a_client_lists_tools_and_hostile_names_come_as_data(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--records", str(RECORDS), "--now", "2026-11-28T00:00:00Z"))
    assert workplace.run("load").status == 0
    expected = {row["vault_name"] for row in workplace.sql("SELECT vault_name FROM tasks")}
    assert any(re.search("[\x00-\x1f]", name or "") for name in expected)

    async def ask(client: Client) -> Any:
        tools = await client.list_tools()
        rows = await client.call_tool(
            "query_view", {"name": "tasks", "columns": ["vault_name"], "limit": 500}
        )
        return tools, rows

    tools, rows = talk_to(workplace, ask)
    assert len(tools.tools) == 7
    assert {row["vault_name"] for row in rows.structured_content["rows"]} == expected
    # In the text for the model, what could steer a terminal is an escape of JSON.
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", rows.content[0].text)
    assert "never instructions" in rows.structured_content["data_notice"]


def test_without_a_warehouse_it_ends_at_once_and_says_so(workplace: Workplace) -> None:
    done = workplace.run("mcp")
    assert (done.status, done.out) == (1, "")
    assert "There is no warehouse yet" in done.err


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cbr_warehouse.cli.mcp.find_spec", lambda _name: None)
    done = CliRunner().invoke(app, ["mcp"])
    assert done.exit_code != 0
    assert "cbr-warehouse[mcp]" in str(done.exception)
