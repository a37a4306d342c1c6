"""Compare the fake with a real server: ``python -m tests.fakes.dokploy.compare RECORDED.jsonl``.

Each line of the file is ``{label, request: {method, path, query, json, raw, auth}, response: {status, content_type,
json, text}}``. Routes that the fake does not have set the stage, where the script knows how, and are not compared.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.dokploy.fake import FakeDokploy
from tests.fakes.dokploy.schema import TAKES

ROUTES = {route for _, route in TAKES}
_PASSING = re.compile(r".*(At|Id)|id|logPath|appName|refreshToken")  # ids, times and what is made from them
_NOBODY = re.compile(r"0{64}$")  # the digest of an image that was never pushed


class Replay:
    """One replay, in the order of the recording. ``ids`` pairs recorded ids with the fake's own."""

    def __init__(self, dokploy: FakeDokploy, client: httpx.Client) -> None:
        self.dokploy = dokploy
        self.client = client
        self.ids: dict[str, str] = {}
        self.limited_key = ""

    def set_the_stage(self, route: str, request: Any, answer: Any) -> None:
        """Bring about what a route that the fake does not have did on the real server."""
        dokploy, body = self.dokploy, request["json"]
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

    def ask(self, label: str, request: Any) -> httpx.Response:
        raw = request["raw"]
        headers = {} if raw is None or "content-type" in label else {"Content-Type": "application/json"}
        if request["auth"]:
            headers["x-api-key"] = self.dokploy.key
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

    def wait_as_recorded(self, answer: Any) -> None:
        """Let the job under way run on exactly where the recording says that it was still running."""
        newest = answer[0] if isinstance(answer, list) and answer else {}
        if newest.get("status") == "running":
            self.dokploy.wait(lambda: self.dokploy.queue.active)
            return
        self.dokploy.resume()
        self.dokploy.wait(self.dokploy.idle)
        self.dokploy.pause(pause_running=True)

    def differences(self, recorded: Any, found: httpx.Response) -> Iterator[str]:
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
            yield from self._unequal(recorded["json"], found.json(), "answer", passing=False)

    def _unequal(self, recorded: Any, found: Any, where: str, *, passing: bool) -> Iterator[str]:
        if type(recorded) is not type(found):
            yield f"{where}: {_named(recorded)} recorded, {_named(found)} found"
        elif isinstance(recorded, dict):
            for name in sorted(recorded.keys() ^ found.keys()):
                yield f"{where}.{name}: only {'recorded' if name in recorded else 'found'}"
            for name in sorted(recorded.keys() & found.keys()):
                also = _PASSING.fullmatch(name) is not None
                yield from self._unequal(recorded[name], found[name], f"{where}.{name}", passing=also)
        elif isinstance(recorded, list):
            if len(recorded) != len(found):
                yield f"{where}: {len(recorded)} items recorded, {len(found)} found"
            for number, pair in enumerate(zip(recorded, found, strict=False)):
                yield from self._unequal(*pair, f"{where}[{number}]", passing=passing)
        elif passing and where.lower().endswith("id") and isinstance(recorded, str):
            if self.ids.setdefault(recorded, found) != found:
                yield f"{where}: not the id that stood for {recorded} before"
        elif not passing and recorded != found:
            yield f"{where}: {recorded!r} recorded, {found!r} found"


def _named(value: object) -> str:
    return f"{type(value).__name__} {value!r}"[:80]


def push_what_was_pushed(dokploy: FakeDokploy, text: str) -> None:
    """Put each image of a recording into the registry, under each digest in it but that of zeros."""
    digests = set(re.findall(r"sha256:[0-9a-f]{64}", text))
    for repository in set(re.findall(r"[\w.:-]+(?:/[\w.-]+)+(?=@)", text)):
        for digest in digests:
            if not _NOBODY.search(digest):
                dokploy.push(f"{repository}@{digest}", revision=digest[-40:])


def compare(recording: Path) -> tuple[int, list[str], list[str]]:
    """Replay a recording: how many answers were compared, the labels that were not, and what differs."""
    text = recording.read_text()
    compared, skipped, differing = 0, list[str](), list[str]()
    with FakeDokploy(strict=False, job_s=0) as dokploy, httpx.Client(base_url=dokploy.url, trust_env=False) as client:
        push_what_was_pushed(dokploy, text)
        dokploy.pause(pause_running=True)
        replay = Replay(dokploy, client)
        for line in text.splitlines():
            exchange = json.loads(line)
            label, request, response = exchange["label"], exchange["request"], exchange["response"]
            route = request["path"].removeprefix("/api/")
            if route not in ROUTES and "unknown route" not in label:
                skipped.append(label)
                if response["status"] == 200:
                    replay.set_the_stage(route, request, response["json"])
                continue
            compared += 1
            if request["method"] == "GET":
                replay.wait_as_recorded(response["json"])
            found = replay.ask(label, request)
            differing += [f"{label}: {difference}" for difference in replay.differences(response, found)]
    return compared, skipped, differing


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tests.fakes.dokploy.compare RECORDED.jsonl", file=sys.stderr)
        return 2
    try:
        compared, skipped, differing = compare(Path(sys.argv[1]))
    except (OSError, ValueError, KeyError) as error:
        print(f"{sys.argv[1]} is no recording that can be replayed: {error!r}", file=sys.stderr)
        return 2
    for difference in differing:
        print(difference)
    print(f"not compared: {', '.join(skipped) or 'none'}")
    print(f"{compared} answers compared, {len(differing)} differences")
    return 1 if differing or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
