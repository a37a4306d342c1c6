"""The routes of the fake: what is refused, and what each of them does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.dokploy import answers, docker_routes, rights, schedules, side_routes
from tests.fakes.dokploy.answers import EMPTY, Answer, says
from tests.fakes.dokploy.rights import Key
from tests.fakes.dokploy.rows import Row
from tests.fakes.dokploy.schema import TAKES, issues, wrong_type
from tests.fakes.dokploy.state import TITLES, State
from tests.fakes.dokploy.targets import Kind, Target, Trigger

VERSION = "v0.30.2"

Given = dict[str, Any]
Route = Callable[[State, Given], Answer]


@dataclass(frozen=True)
class Call:
    """A request as the transport hands it over; ``route`` is ``application.one`` and the like."""

    method: str
    route: str
    query: dict[str, str]
    content_type: str | None
    body: bytes
    key: str | None


def answer(state: State, call: Call) -> Answer:
    """Do what a call asks and answer it, as the real API does."""
    with state.changed:
        key = state.admits(call.key)
        if key is None:
            return answers.unauthorized()
        state.meanwhile(call.route)
        state.clock.catch_up()
        given = _act(state, call, key)
        state.meanwhile(call.route, answered=True)
        return given


def _act(state: State, call: Call, key: Key) -> Answer:
    fields = TAKES.get((call.method, call.route))
    if fields is None:
        return answers.no_such_route()
    if resource := rights.lacks(key, call.route):
        return answers.no_right(resource, call.route)
    given: Any = dict(call.query)
    if call.method == "POST":
        if not (call.content_type or "").startswith(answers.JSON):
            return answers.unsupported(call.content_type, call.route)
        try:
            given = json.loads(call.body)
        except ValueError:
            return answers.invalid_json()
    elif "tail" in given and given["tail"].isdecimal():
        given["tail"] = int(given["tail"])
    if not isinstance(given, dict):
        return answers.invalid_input([wrong_type(given)], call.route)
    if state.strict and (dropped := _dropped(call, given)):
        state.violations.append(dropped)
        return says({"message": f"THE FAKE REFUSES WHAT DOKPLOY WOULD DROP SILENTLY: {dropped}"}, 500)
    if found := issues(fields, given):
        return answers.invalid_input(found, call.route)
    known = {name: value for name, value in given.items() if name in fields}
    if rights.keeps_out(key, call.route, known, state.targets):
        return answers.no_access(call.route)
    if call.route in docker_routes.COMMANDS:
        return docker_routes.on(state.machines, call.route, known)
    return ROUTES[call.route](state, known)


def health(state: State, target_id: str) -> Answer:
    """What the product that runs on a target says of itself."""
    with state.changed:
        target = state.targets.get(target_id)
        image = target.answers() if target else None
    if image is None:
        return says({"status": "down"}, 503)
    return says({"status": "ok", "revision": image.reports or image.revision})


def _dropped(call: Call, given: Given) -> str:
    """Name what the real API would not look at."""
    fields = TAKES[call.method, call.route]
    parts = [f"body key {name!r}" for name in given if call.method == "POST" and name not in fields]
    parts += [f"query {name!r}" for name in call.query if call.method == "POST" or name not in fields]
    parts += ["a body"] if call.method == "GET" and call.body else []
    return f"{call.method} {call.route}: {', '.join(parts)}" if parts else ""


def _one(kind: Kind) -> Route:
    def route(state: State, given: Given) -> Answer:
        target = state.find(kind, given[f"{kind}Id"])
        if target is None:
            return answers.not_found(kind.capitalize(), f"{kind}.one")
        return says(state.shown(target))

    return route


def _save_docker_provider(state: State, given: Given) -> Answer:
    target = state.find("application", given["applicationId"])
    if target is None:
        return answers.not_found("Application", "application.saveDockerProvider")
    credentials = {name: given[name] for name in ("username", "password", "registryUrl")}
    state.save_image(target, given["dockerImage"], **credentials)
    target.changes += 1
    return says(True)


def _update_compose(state: State, given: Given) -> Answer:
    target = state.find("compose", given["composeId"])
    if target is None:
        return EMPTY
    target.row.update(given)
    target.changes += 1
    return says(target.row)


def _save_environment(state: State, given: Given) -> Answer:
    target = state.find("compose", given["composeId"])
    if target is None:
        return answers.bad_request("Error adding environment variables", "compose.saveEnvironment")
    target.row.update({name: given[name] for name in ("env", "createEnvFile") if name in given})
    target.changes += 1
    return says(True)


def _trigger(kind: Kind, trigger: Trigger) -> Route:
    def route(state: State, given: Given) -> Answer:
        target = state.find(kind, given[f"{kind}Id"])
        if target is None:
            return answers.not_found(kind.capitalize(), f"{kind}.{trigger}")
        state.queue.add(target, trigger, given.get("title") or TITLES[trigger], given.get("description") or "")
        target.changes += 1
        if kind == "application":
            return EMPTY
        return says({"success": True, "message": "Deployment queued", "composeId": target.target_id})

    return route


def _newest_first(target: Target | None) -> Answer:
    return says(target.deployments[::-1] if target else [])


def _all_by_type(state: State, given: Given) -> Answer:
    if given["type"] == "schedule":
        return says([row | {"rollback": None} for row in schedules.rows_of(state, given["id"])])
    target = state.targets.get(given["id"])
    rows = target.deployments[::-1] if target and target.kind == given["type"] else []
    return says([row | {"rollback": None} for row in rows])


def _read_logs(state: State, given: Given) -> Answer:
    rows: dict[str, Row] = {row["deploymentId"]: row for target in state.targets.values() for row in target.deployments}
    row = rows.get(given["deploymentId"])
    if row is None:
        return answers.not_found("Deployment", "deployment.readLogs")
    lines = ["Initializing deployment\n", *(["manifest unknown\n"] if row["status"] == "error" else [])]
    return says("".join(lines[-given.get("tail", 100) :]))


def _session(state: State, _: Given) -> Answer:
    organization = state.environment["project"]["organizationId"]
    return says({"user": {"id": state.user_id}, "session": {"activeOrganizationId": organization}})


ROUTES: dict[str, Route] = {
    **schedules.ROUTES,
    **side_routes.ROUTES,
    "application.one": _one("application"),
    "application.saveDockerProvider": _save_docker_provider,
    "application.deploy": _trigger("application", "deploy"),
    "application.redeploy": _trigger("application", "redeploy"),
    "compose.one": _one("compose"),
    "compose.update": _update_compose,
    "compose.saveEnvironment": _save_environment,
    "compose.deploy": _trigger("compose", "deploy"),
    "compose.redeploy": _trigger("compose", "redeploy"),
    "deployment.all": lambda state, given: _newest_first(state.find("application", given["applicationId"])),
    "deployment.allByCompose": lambda state, given: _newest_first(state.find("compose", given["composeId"])),
    "deployment.allByType": _all_by_type,
    "deployment.queueList": lambda state, _: says(state.queue.listed()),
    "deployment.readLogs": _read_logs,
    "settings.getDokployVersion": lambda state, _: says(VERSION),
    "settings.health": lambda state, _: says({"status": "ok"}),
    "user.session": _session,
}
