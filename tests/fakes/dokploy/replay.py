"""A recording of a real server, asked again of the fake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.fakes.dokploy.fake import FakeDokploy
from tests.fakes.dokploy.schema import TAKES

ROUTES = {route for _, route in TAKES}
PASSING = re.compile(r".*(At|Id)|id|logPath|appName|refreshToken")  # ids, times and what is made from them


@dataclass(frozen=True)
class Exchange:
    """A line of a recording."""

    label: str
    request: Any
    response: Any

    @property
    def route(self) -> str:
        return str(self.request["path"]).removeprefix("/api/")

    @property
    def status(self) -> int:
        return int(self.response["status"])

    @property
    def answer(self) -> Any:
        return self.response["json"]


class Replay:
    """One replay, in the order of the recording. ``ids`` pairs recorded ids with the fake's own."""

    def __init__(self, dokploy: FakeDokploy, client: httpx.Client) -> None:
        self.dokploy = dokploy
        self.client = client
        self.ids: dict[str, str] = {}
        self.limited_key = ""

    def compares(self, number: int, exchange: Exchange) -> bool:
        """Tell whether the fake can be asked that, with anything to compare."""
        return exchange.route in ROUTES or "unknown route" in exchange.label

    def set_the_stage(self, exchange: Exchange) -> None:
        """Bring about what a route that the fake does not have did on the real server."""
        dokploy, body, route, answer = self.dokploy, exchange.request["json"], exchange.route, exchange.answer
        if route == "project.create":
            dokploy.environment["project"]["name"] = answer["project"]["name"]
        elif route == "application.create":
            self.ids[answer["applicationId"]] = dokploy.add_application(answer["name"], source_type="github")
        elif route == "compose.create":
            self.ids[answer["composeId"]] = dokploy.add_compose(answer["name"], "", source_type="github")
            target = dokploy.targets[self.ids[answer["composeId"]]]
            target.row.update(env=answer["env"], composeType=answer["composeType"])
        elif route == "user.createApiKey":
            self.limited_key = dokploy.add_key(rate_limited=True)
        elif route in {"application.saveEnvironment", "application.update"}:
            target = dokploy.targets[self.ids[body["applicationId"]]]
            target.row.update({name: body[name] for name in body if name in target.row and name != "applicationId"})
        elif route == "port.create":
            dokploy.targets[self.ids[body["applicationId"]]].relations["ports"].append(self._translated(answer))

    def prepare(self, number: int, exchange: Exchange) -> None:
        """Bring about what no request of the recording did."""

    def key(self, label: str) -> str:
        """The key of whoever a label speaks of."""
        return self.dokploy.key

    def ask(self, exchange: Exchange) -> httpx.Response:
        request, label = exchange.request, exchange.label
        raw = request["raw"]
        headers = {} if raw is None or "content-type" in label else {"Content-Type": "application/json"}
        if request["auth"]:
            headers["x-api-key"] = self.key(label)
        elif "rate-limited" in label:
            headers["x-api-key"] = self.limited_key
        elif "wrong" in label:
            headers["x-api-key"] = "wrong"
        query, body = self._translated(request["query"]), self._translated(request["json"])
        given: dict[str, Any] = {"json": body} if raw is None and body is not None else {"content": raw}
        return self.client.request(request["method"], request["path"], params=query or {}, headers=headers, **given)

    def _translated(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._translated(inner) for name, inner in value.items()}
        return self.ids.get(value, value) if isinstance(value, str) else value

    def wait_as_recorded(self, exchange: Exchange) -> None:
        """Let the job under way run on exactly where the recording says that it was still running."""
        answer = exchange.answer
        newest = answer[0] if isinstance(answer, list) and answer else {}
        if newest.get("status") == "running":
            self.dokploy.wait(lambda: self.dokploy.queue.active)
            return
        self.dokploy.resume()
        self.dokploy.wait(self.dokploy.idle)
        self.dokploy.pause(pause_running=True)

    def differences(self, exchange: Exchange, found: httpx.Response) -> Iterator[str]:
        recorded = exchange.response
        if recorded["status"] != found.status_code:
            yield f"status {recorded['status']} recorded, {found.status_code} found: {found.text[:200]}"
            return
        if recorded["content_type"] != found.headers.get("content-type"):
            yield f"content type {recorded['content_type']} recorded, {found.headers.get('content-type')} found"
            return
        if recorded["text"] is not None:
            if recorded["text"] != found.text:
                yield f"body {recorded['text']!r} recorded, {found.text[:200]!r} found"
        elif not found.content:
            yield "found an empty body"
        else:
            yield from self.unequal(recorded["json"], found.json(), "answer", passing=False)

    def unequal(self, recorded: Any, found: Any, where: str, *, passing: bool) -> Iterator[str]:
        if type(recorded) is not type(found):
            yield f"{where}: {_named(recorded)} recorded, {_named(found)} found"
        elif isinstance(recorded, dict):
            for name in sorted(recorded.keys() ^ found.keys()):
                yield f"{where}.{name}: only {'recorded' if name in recorded else 'found'}"
            for name in sorted(recorded.keys() & found.keys()):
                also = PASSING.fullmatch(name) is not None
                yield from self.unequal(recorded[name], found[name], f"{where}.{name}", passing=also)
        elif isinstance(recorded, list):
            if len(recorded) != len(found):
                yield f"{where}: {len(recorded)} items recorded, {len(found)} found"
            for number, pair in enumerate(zip(recorded, found, strict=False)):
                yield from self.unequal(*pair, f"{where}[{number}]", passing=passing)
        elif passing and where.lower().endswith("id") and isinstance(recorded, str):
            if self.ids.setdefault(recorded, found) != found:
                yield f"{where}: not the id that stood for {recorded} before"
        elif not passing and recorded != found:
            yield f"{where}: {recorded!r} recorded, {found!r} found"


def _named(value: object) -> str:
    return f"{type(value).__name__} {value!r}"[:80]
