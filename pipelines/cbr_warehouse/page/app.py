"""The addresses of the page, and errors turned into pages that say what to do."""

from collections.abc import Callable
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cbr_warehouse.errors import UsageError, WarehouseError
from cbr_warehouse.page.definition_pages import definition, definitions
from cbr_warehouse.page.detail_pages import night, record, resource, task
from cbr_warehouse.page.guard import Guard
from cbr_warehouse.page.list_pages import causes, coverage, failures, incidents, missed, streaks, tasks
from cbr_warehouse.page.overview import overview
from cbr_warehouse.page.parameters import NotFoundError
from cbr_warehouse.page.parts import Page
from cbr_warehouse.page.render import render, render_message
from cbr_warehouse.page.situation import Situation, read_situation
from cbr_warehouse.page.snapshots import Snapshots
from cbr_warehouse.page.unprotected_page import unprotected

Builder = Callable[[Situation, dict[str, str]], Page]

PAGES: dict[str, Builder] = {
    "/": overview,
    "/night": night,
    "/resource": resource,
    "/task": task,
    "/failures": failures,
    "/streaks": streaks,
    "/causes": causes,
    "/incidents": incidents,
    "/missed": missed,
    "/unprotected": unprotected,
    "/tasks": tasks,
    "/coverage": coverage,
    "/definitions": definitions,
}
"""What builds the page of each address."""

_FILES = {"/style.css": ("style.css", "text/css"), "/icon.svg": ("icon.svg", "image/svg+xml")}


def create_app(snapshots: Snapshots, port: int) -> ASGIApp:
    """The application, which answers requests to that port of loopback alone.

    Args:
        snapshots: The warehouse to show.
        port: The port that it listens on.
    """
    routes = [Route(path, _page(snapshots, build), methods=["GET"]) for path, build in PAGES.items()]
    routes.append(Route("/definitions/{name}", _definition(snapshots), methods=["GET"]))
    routes.append(Route("/record", _record(snapshots), methods=["GET"]))
    routes += [Route(path, _file(*named), methods=["GET"]) for path, named in _FILES.items()]
    return Guard(Starlette(routes=routes, exception_handlers=_HANDLERS), port)


def _page(snapshots: Snapshots, build: Builder) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        query = dict(request.query_params)
        with snapshots.current() as snapshot:
            situation = read_situation(snapshot)
            return HTMLResponse(render(build(situation, query), situation, query))

    return answer


def _definition(snapshots: Snapshots) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        with snapshots.current() as snapshot:
            situation = read_situation(snapshot)
            return HTMLResponse(render(definition(situation, request.path_params["name"]), situation, {}))

    return answer


def _record(snapshots: Snapshots) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        with snapshots.current() as snapshot:
            return Response(record(snapshot, dict(request.query_params)), media_type="application/json")

    return answer


def _file(name: str, media_type: str) -> Callable[[Request], Response]:
    content = files("cbr_warehouse.page").joinpath("static", name).read_bytes()

    def answer(request: Request) -> Response:
        del request
        return Response(content, media_type=media_type)

    return answer


def _not_found(request: Request, error: Exception) -> Response:
    del request
    missing = str(error) if isinstance(error, NotFoundError) else "There is no page at this address."
    return HTMLResponse(render_message("Not found", missing), 404)


def _wrong(request: Request, error: Exception) -> Response:
    del request
    return HTMLResponse(render_message("This address cannot be shown", str(error)), 400)


def _no_warehouse(request: Request, error: Exception) -> Response:
    del request
    return HTMLResponse(render_message("There is nothing to show", str(error)), 503)


def _failed(request: Request, error: Exception) -> Response:
    del request
    sentence = (
        f"An unexpected error: {type(error).__name__}. Start 'cbr-warehouse open' again with --debug, "
        "reload, and report its output."
    )
    return HTMLResponse(render_message("This page failed", sentence), 500)


_HANDLERS = {
    NotFoundError: _not_found,
    UsageError: _wrong,
    WarehouseError: _no_warehouse,
    HTTPException: _not_found,
    Exception: _failed,
}
