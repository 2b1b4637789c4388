"""IAM's endpoints: tokens, and the lists of projects, regions, services and endpoints."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cbr_emulator.clock import Clock
from cbr_emulator.error_responses import iam_error_response
from cbr_emulator.server.auth import (
    Tokens,
    check_authentication,
    check_token_request,
    is_known_user,
    token_body,
)
from cbr_emulator.server.iam_lists import list_endpoints, list_projects, list_regions, list_services
from cbr_emulator.server.projects import Project, Projects


@dataclass
class Iam:
    """The endpoints of IAM.

    Attributes:
        projects: The projects of the account.
        tokens: Issued tokens.
        clock: The server's time.
    """

    projects: Projects
    tokens: Tokens
    clock: Clock

    def routes(self) -> list[Route]:
        """The routes of all endpoints."""
        return [
            Route("/v3/auth/tokens", self.make_token, methods=["POST"]),
            Route("/v3/auth/projects", self.list_projects, methods=["GET"]),
            Route("/v3/regions", self.list_regions, methods=["GET"]),
            Route("/v3/services", self.list_services, methods=["GET"]),
            Route("/v3/endpoints", self.list_endpoints, methods=["GET"]),
        ]

    async def make_token(self, request: Request) -> Response:
        """Issues a token for a user, scoped to a project or to the account."""
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            return iam_error_response(400, "Bad Request", "The request body is not JSON.")
        if (fault := check_token_request(body)) is not None:
            return iam_error_response(400, "Bad Request", fault)
        project = self._scope_of(body)
        if not is_known_user(body) or (project is None and "project" in body["auth"]["scope"]):
            return iam_error_response(401, "Unauthorized", "The username or password is wrong.")
        now = self.clock.server_time()
        scope = None if project is None else (project.id, project.name)
        token, end = self.tokens.issue(now, None if project is None else project.id)
        return JSONResponse(token_body(now, end, scope), 201, {"X-Subject-Token": token, **request_id()})

    async def list_projects(self, request: Request) -> Response:
        """KeystoneListAuthProjects."""
        return await self._list(request, list_projects(_base(request), self.projects.listed))

    async def list_regions(self, request: Request) -> Response:
        """KeystoneListRegions."""
        return await self._list(request, list_regions(_base(request)))

    async def list_services(self, request: Request) -> Response:
        """KeystoneListServices."""
        return await self._list(request, list_services(_base(request), request.query_params))

    async def list_endpoints(self, request: Request) -> Response:
        """KeystoneListEndpoints."""
        return await self._list(request, list_endpoints(_base(request), request.query_params))

    async def _list(self, request: Request, body: dict[str, Any]) -> Response:
        """A list, which any user may ask for."""
        fault = await check_authentication(request, self.tokens, self.clock.server_time())
        if fault is not None:
            return iam_error_response(
                401, "Unauthorized", "The request you have made requires authentication."
            )
        return JSONResponse(body, 200, request_id())

    def _scope_of(self, body: Any) -> Project | None:
        """The project that a token is requested for; None for the account, or one that is not there."""
        wanted = body["auth"]["scope"].get("project", {})
        if "id" in wanted:
            return self.projects.by_id(wanted["id"])
        return self.projects.by_name(wanted["name"]) if "name" in wanted else None


def request_id() -> dict[str, str]:
    """The header with the id of a request."""
    return {"X-Request-Id": uuid4().hex}


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")
