"""The APIs that the server speaks, and which of them a path belongs to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from . import anthropic, gemini, openai_chat, openai_responses, speaking
from .received import ReceivedRequest
from .replies import Raw, Reply, Response, Status
from .script import Handler, Play
from .speaking import CREATED, Api

Routes: TypeAlias = Mapping[tuple[str, str], Handler]

APIS: tuple[Api, ...] = (openai_chat, openai_responses, anthropic, gemini)


def models(request: ReceivedRequest, play: Play) -> Response | Raw:
    """Answer `GET /v1/models` with a list of one model."""
    model = {"id": "test-model", "object": "model", "created": CREATED, "owned_by": "extractor"}
    return speaking.response(openai_chat, {"object": "list", "data": [model]}, Reply(()), request)


ROUTES: Routes = {
    **{("POST", path): speaking.speaking(api) for api in APIS for path in api.PATHS},
    ("GET", "/v1/models"): models,
}


def handler_of(routes: Routes, method: str, path: str) -> Handler | None:
    """Return what answers a request; in a route's path `{...}` stands for any text."""
    found = (answer for (verb, route), answer in routes.items() if verb == method and _fits(route, path))
    return routes.get((method, path)) or next(found, None)


def error(failure: Status, request: ReceivedRequest) -> Response:
    """Return an error in the words of the API that a path belongs to."""
    return speaking.error(_api_of(request.path), failure, request)


def no_route(request: ReceivedRequest, routes: Iterable[tuple[str, str]]) -> Response:
    """Return the error for a path, or a method on it, that is not among the routes."""
    if any(_fits(route, request.path) for _, route in routes):
        message = f"Not allowed to {request.method} on {request.path}."
        return error(Status(405, message, code="method_not_supported"), request)
    message = f"Unknown request URL: {request.method} {request.path}."
    return error(Status(404, message, code="unknown_url"), request)


def _api_of(path: str) -> Api:
    fitting = (api for api in APIS if any(_fits(route, path) for route in api.PATHS))
    return next(fitting, gemini if path.startswith("/v1beta/") else openai_chat)


def _fits(route: str, path: str) -> bool:
    before, brace, rest = route.partition("{")
    if not brace:
        return route == path
    return path.startswith(before) and path.endswith(rest.partition("}")[2])
