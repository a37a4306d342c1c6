"""From a request to what does it: the route, who asks, which repository, and what is refused on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode

from tests.fakes.github import answers
from tests.fakes.github.answers import Answer, Refused
from tests.fakes.github.identities import LEVELS, App, Caller, Token
from tests.fakes.github.repository import Repository
from tests.fakes.github.schema import Fields, hold, unknown
from tests.fakes.github.shapes import Shapes
from tests.fakes.github.state import State

T = TypeVar("T")

REPO = "/repos/{owner}/{repo}"

By = Literal["anyone", "token", "app"]

_SLASHED = {"ref", "basehead", "tag", "branch"}  # parameters whose value may hold a slash


@dataclass(frozen=True)
class Request:
    """A request as the transport hands it over; ``path`` is still quoted."""

    method: str
    path: str
    query: str
    body: bytes
    content_type: str | None
    authorization: str | None
    uploads: bool = False  # it came to where files are taken


@dataclass
class Call:
    """A request that was understood."""

    state: State
    request: Request
    shapes: Shapes
    caller: Caller
    found: Repository | None
    below: str  # the repository: the rest of the path
    parameters: Mapping[str, str]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def repository(self) -> Repository:
        assert self.found, "only routes below a repository ask for one"
        return self.found

    @property
    def token(self) -> Token:
        assert self.caller.token, "only routes for tokens ask for one"
        return self.caller.token

    @property
    def app(self) -> App:
        assert self.caller.app, "only routes for Apps ask for one"
        return self.caller.app

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.request.query, keep_blank_values=True))

    def page(self, things: Sequence[T], default: int = 30, most: int = 100) -> tuple[Sequence[T], dict[str, str]]:
        """The part of a list that was asked for, and the header that says where the others are."""
        size = min(_number(self.query.get("per_page"), default), most)
        page = _number(self.query.get("page"), 1)
        last = max(1, -(-len(things) // size))
        pages = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        known = {name: at for name, at in pages.items() if (at < page) == (name in {"prev", "first"})}
        links = [
            f'<{self._page_url(at)}>; rel="{name}"' for name, at in known.items() if at != page and 1 <= at <= last
        ]
        return things[(page - 1) * size : page * size], {"Link": ", ".join(links)} if links else {}

    def _page_url(self, page: int) -> str:
        base = f"{self.by_id()}{self.below}" if self.found else f"{self.shapes.api}{self.request.path}"
        return f"{base}?{urlencode({**self.query, 'page': page})}"

    def by_id(self) -> str:
        """Where the repository is, whatever its name: links and redirects lead there."""
        return f"{self.shapes.api}/repositories/{self.repository.repository_id}"


Do = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """``permission`` and ``level`` are what a token must have for the repository; ``raw`` bodies are no JSON."""

    method: str
    template: str
    do: Do
    by: By = "anyone"
    permission: str = "contents"
    level: str = "read"
    query: frozenset[str] = frozenset()
    fields: Fields = field(default_factory=dict)
    raw: bool = False
    uploads: bool = False  # it is not at the API, but where files are taken

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(_expression(self.template))

    @cached_property
    def below_a_repository(self) -> bool:
        return self.template.startswith(REPO)


def answer(state: State, routes: Iterable[Route], request: Request, shapes: Shapes) -> Answer:
    """Do what a request asks and answer it, as the real API does; all of it under the state's lock."""
    path = _by_name(state, request.path)
    route, parameters = _find((one for one in routes if one.uploads == request.uploads), request.method, path)
    caller = state.identities.caller(request.authorization, as_app=bool(route and route.by == "app"))
    if isinstance(caller, Answer):
        return caller
    if route is None:
        return _violation(state, request, "no route that the fake has")
    call = Call(state, request, shapes, caller, *_repository(state, route, path), parameters)
    if closed := _closed(route, call):
        return closed
    given = _given(route, request)
    if isinstance(given, Answer):
        return given
    surplus = [f"query {name!r}" for name in call.query if name not in route.query]
    surplus += unknown(route.fields, given)
    if surplus or (request.body and not route.fields and not route.raw):
        return _violation(state, request, ", ".join(surplus) or "a body")
    call.fields = given
    try:
        hold(route.fields, given)
        return route.do(call)
    except Refused as refused:
        return answers.unprocessable(refused)


def _by_name(state: State, path: str) -> str:
    """A repository may be named by its id too; this is where redirects and links lead."""
    parts = path.split("/", 3)
    if len(parts) < 3 or parts[1] != "repositories":
        return path
    named = {str(one.repository_id): one.full_name for one in state.repositories.values()}.get(parts[2], "no/one")
    return "/".join(["/repos", named, *parts[3:]])


def _repository(state: State, route: Route, path: str) -> tuple[Repository | None, str]:
    if not route.below_a_repository:
        return None, ""
    _, _, owner, name, *rest = path.split("/")
    return state.repositories.get(f"{unquote(owner)}/{unquote(name)}".lower()), "".join(f"/{part}" for part in rest)


def _find(routes: Iterable[Route], method: str, path: str) -> tuple[Route | None, dict[str, str]]:
    for route in routes:
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    return None, {}


def _expression(template: str) -> str:
    part = re.compile(r"\{(\w+)\}")
    kinds = dict.fromkeys(("release_id", "installation_id", "asset_id"), r"\d+")
    return part.sub(
        lambda match: f"(?P<{match[1]}>{'.+' if match[1] in _SLASHED else kinds.get(match[1], '[^/]+')})", template
    )


def _closed(route: Route, call: Call) -> Answer | None:
    """The refusal of somebody who may not pass, or has come to the wrong door."""
    caller, found = call.caller, call.found
    if route.by == "app" and not caller.app:
        return answers.refusal(401, "A JSON web token could not be decoded")
    if route.by == "token" and not caller.token:
        return answers.needs_credentials()
    if not route.below_a_repository:
        return None
    if found is None:
        return answers.not_found()
    if route.by != "app" and not caller.sees(found):
        return answers.not_found()
    if at := _moved_to(call, found):
        return answers.moved(call.request.method, at)
    if route.by == "app":
        return None  # an App may ask whether it is installed, wherever that is
    if caller.level(found, route.permission) >= LEVELS[route.level]:
        return None
    if caller.token is None:
        return answers.needs_credentials()
    return answers.not_accessible(caller.token.refuses_as, f"{route.permission}={route.level}")


def _moved_to(call: Call, found: Repository) -> str | None:
    asked = f"{call.parameters['owner']}/{call.parameters['repo']}"
    if asked.lower() == found.full_name.lower():
        return None
    query = f"?{call.request.query}" if call.request.query else ""
    return f"{call.by_id()}{call.below}{query}"


def _given(route: Route, request: Request) -> dict[str, Any] | Answer:
    if route.raw or not route.fields or not request.body:
        return {}
    try:
        given = json.loads(request.body)
    except ValueError:
        return answers.refusal(400, "Problems parsing JSON")
    return given if isinstance(given, dict) else answers.refusal(400, "Body should be a JSON object")


def _violation(state: State, request: Request, what: str) -> Answer:
    found = f"{request.method} {request.path}: {what}"
    state.violations.append(found)
    return answers.refusal(500, f"THE FAKE REFUSES WHAT GITHUB DOES NOT KNOW: {found}")


def _number(text: str | None, default: int) -> int:
    return max(1, int(text)) if text and text.isdecimal() else default
