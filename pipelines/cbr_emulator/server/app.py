"""The HTTP application: routes of the API and of the emulator itself. Filtering and faults are elsewhere."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cbr_emulator.clock import Clock, parse_span
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.error_responses import error_response
from cbr_emulator.estate.episodes import Episode
from cbr_emulator.faults.injector import Faults
from cbr_emulator.server.auth import EXPIRED, PROJECT, Tokens, check_authentication
from cbr_emulator.server.iam import Iam, request_id
from cbr_emulator.server.inventory_endpoints import InventoryLists
from cbr_emulator.server.list_endpoint import BadParameterError, list_rows
from cbr_emulator.server.projects import Projects, Served
from cbr_emulator.server.record_store import RecordStore, Row
from cbr_emulator.server.truth_endpoint import get_truth

INVENTORY_PATHS = {
    "vaults": "vaults",
    "policies": "policies",
    "backups": "backups",
    "protectables": "protectables/{object_type}/instances",
}
"""The lists of the inventory, with their addresses below the project's."""

LOOPBACK = ("127.0.0.1", "::1")

UNREADABLE = (ValueError, RecursionError)
"""Exceptions raised by a body that is not JSON or is nested too deeply."""


@dataclass
class Emulator:
    """State shared by the endpoints.

    Attributes:
        served: The records of the first project.
        episodes: Events in its data.
        projects: The projects of the account.
        dialect: How requests are interpreted and records serialized.
        faults: Injected faults.
        clock: Current time of the records.
        tokens: Issued tokens.
    """

    served: RecordStore
    episodes: tuple[Episode, ...]
    projects: Projects
    dialect: Dialect
    faults: Faults
    clock: Clock
    tokens: Tokens = field(default_factory=Tokens)

    def application(self) -> ASGIApp:
        """The ASGI application; uvicorn must run it with ``date_header=False``."""
        tasks = "/v3/{project_id}/operation-logs"
        application = Starlette(
            routes=[
                *Iam(self.projects, self.tokens, self.clock).routes(),
                Route(tasks, self.list_tasks, methods=["GET"]),
                Route(tasks + "/{task_id}", self.show_task, methods=["GET"]),
                *(
                    Route(f"/v3/{{project_id}}/{path}", self.list_inventory, methods=["GET"], name=kind)
                    for kind, path in INVENTORY_PATHS.items()
                ),
                Route("/__emulator/truth", self.get_truth, methods=["GET"]),
                Route("/__emulator/clock", self.move_clock, methods=["POST"]),
                Route("/__emulator/projects", self.change_projects, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _route_error},
        )
        application.router.redirect_slashes = False  # the API has no paths with a trailing slash

        async def dated(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_dated(message: Message) -> None:
                if message["type"] == "http.response.start":
                    date = format_datetime(self.clock.server_time(), usegmt=True).encode()
                    message = {**message, "headers": [*message["headers"], (b"date", date)]}
                await send(message)

            await application(scope, receive, send_dated)

        return dated

    async def list_tasks(self, request: Request) -> Response:
        """ListOpLogs."""
        number = self._arrive()
        if (refused := await self._refuse(request, number)) is not None:
            return refused
        now = self.clock.now()
        try:
            store, _ = self._served(request.path_params["project_id"])
            found = list_rows(store, request.query_params, self.dialect, now)
        except BadParameterError as error:
            return error_response(400, "BackupService.6000", f"Invalid parameter: {error}.")
        listed = b",".join(self._text(store, row, now) for row in found.rows)
        echo = b""
        if self.dialect.echo == "present":
            echo = b'"limit":%d,"offset":%d,' % (found.limit, found.offset)
        body = b'{"count":%d,%b"operation_logs":[%b]}' % (found.count, echo, listed)
        return self.faults.success_response(body, request_id(), number)

    async def show_task(self, request: Request) -> Response:
        """ShowOpLog."""
        number = self._arrive()
        if (refused := await self._refuse(request, number)) is not None:
            return refused
        now = self.clock.now()
        task_id = request.path_params["task_id"]
        store, _ = self._served(request.path_params["project_id"])
        for row in store.rows(now, self.dialect.retention):
            if row.filter_values["id"] == task_id:
                body = b'{"operation_log":%b}' % self._text(store, row, now)
                return self.faults.success_response(body, request_id(), number)
        return error_response(404, "BackupService.6500", "Operation log does not exist.")

    async def list_inventory(self, request: Request) -> Response:
        """ListVault, ListPolicies, ListBackups, ListProtectable."""
        number = self._arrive()
        if (refused := await self._refuse(request, number)) is not None:
            return refused
        kind = request.scope["route"].name
        if (refused := self.faults.inventory_response(kind, number)) is not None:
            return refused
        project_id = request.path_params["project_id"]
        store, _ = self._served(project_id)
        lists = InventoryLists(store, project_id, self.dialect, self.clock.now(), self.faults.vanished)
        try:
            body = lists.answer(kind, request.path_params.get("object_type"), request.query_params)
        except BadParameterError as error:
            return error_response(400, "BackupService.6000", f"Invalid parameter: {error}.")
        return self.faults.success_response(body, request_id(), number)

    async def get_truth(self, request: Request) -> Response:
        """Everything served of a project at this moment, and all its episodes so far."""
        if not _is_local(request):
            return error_response(403, "APIGW.0302", "This endpoint is available on loopback only.")
        now = self.clock.now()
        project_id = request.query_params.get("project_id", PROJECT)
        if self.projects.by_id(project_id) is None:
            return error_response(400, "APIGW.0201", "The account has no project of this id.")
        store, episodes = self._served(project_id)
        chunks = get_truth(store, episodes, self.dialect, self.faults, now)
        return StreamingResponse(chunks, media_type="application/json")

    async def move_clock(self, request: Request) -> Response:
        """Moves the clock forward."""
        if not _is_local(request):
            return error_response(403, "APIGW.0302", "This endpoint is available on loopback only.")
        try:
            body = json.loads(await request.body())
        except UNREADABLE:
            body = None
        span = parse_span(str(body.get("advance"))) if isinstance(body, dict) else None
        if span is None:
            return error_response(
                400, "APIGW.0201", 'Send {"advance": "1h"}: a whole number and s, m, h or d.'
            )
        if self.clock.now().year > 2300:
            return error_response(400, "APIGW.0201", "The clock cannot be moved any further.")
        self.clock.advanced += span
        return JSONResponse({"now": self.clock.now().isoformat()})

    async def change_projects(self, request: Request) -> Response:
        """Adds a project to the account, or removes one."""
        if not _is_local(request):
            return error_response(403, "APIGW.0302", "This endpoint is available on loopback only.")
        try:
            body = json.loads(await request.body())
        except UNREADABLE:
            body = None
        changes = {"add": self.projects.add, "remove": self.projects.remove}
        if not isinstance(body, dict) or not body or not set(body) <= set(changes):
            return error_response(400, "APIGW.0201", 'Send {"add": NAME} or {"remove": NAME}.')
        for change, name in body.items():
            changes[change](str(name))
        listed = [{"id": project.id, "name": project.name} for project in self.projects.listed]
        return JSONResponse({"projects": listed})

    def _served(self, project_id: str) -> Served:
        """Records and episodes of a listed project."""
        project = self.projects.by_id(project_id)
        if project is None or project_id == PROJECT:
            return self.served, self.episodes
        return self.projects.served(project)

    def _arrive(self) -> int:
        self.clock.advanced += self.dialect.tick
        return self.faults.next_request_number()

    def _text(self, store: RecordStore, row: Row, now: datetime) -> bytes:
        text = store.text(row, now, self.dialect)
        return self.faults.bad_records.spoil(text, row.filter_values["id"])

    async def _refuse(self, request: Request, number: int) -> Response | None:
        if self.faults.is_due("expire_token", number):
            self.tokens.expire()
        if (fault := await check_authentication(request, self.tokens, self.clock.server_time())) is not None:
            if fault == EXPIRED:
                self.faults.count("expire_token", number)
            return error_response(401, *fault)
        project_id, token = request.path_params["project_id"], request.headers.get("x-auth-token")
        is_of_token = token is None or self.tokens.project_of(token) == project_id
        if self.projects.by_id(project_id) is None or not is_of_token:
            return error_response(
                403, "APIGW.0302", "The project of the request is not that of the credentials."
            )
        return await self.faults.fault_response(number)


def _is_local(request: Request) -> bool:
    return request.client is not None and request.client.host in LOOPBACK


async def _route_error(request: Request, error: Exception) -> Response:
    del request
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        headers = dict(getattr(error, "headers", None) or {})
        return error_response(405, "APIGW.0201", "The method is not allowed here.", headers)
    return error_response(
        404, "APIGW.0101", "The API does not exist or has not been published in the environment."
    )
