"""A loaded estate that is asked over the Model Context Protocol, beside the emulator's truth of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client

from cbr_warehouse.cli.json_values import plain
from cbr_warehouse.mcp_server.server import build_server


@dataclass(frozen=True)
class Estate:
    """A loaded warehouse, and every task as the emulator has it."""

    path: Path
    tasks: list[dict[str, Any]]

    def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a client gets that speaks the protocol with the server."""

        (answer,) = self.ask_all([(tool, arguments)])
        return answer

    def ask_all(self, calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The answers to several calls of one client."""

        async def talk() -> list[Any]:
            async with Client(build_server(self.path, "1.0", plain)) as client:
                return [await client.call_tool(tool, arguments) for tool, arguments in calls]

        return [self._read(found) for found in anyio.run(talk)]

    def _read(self, found: Any) -> dict[str, Any]:
        text = "".join(block.text for block in found.content)
        if found.is_error:
            return {"error": text}
        assert json.loads(text) == found.structured_content
        return dict(found.structured_content)
