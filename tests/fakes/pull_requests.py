"""GitHub's pull requests, their comments and the artifacts of runs, as far as policy-comment.yml asks for them.

With the traps of the real one: a run whose head is a fork lists no pull requests; an artifact is had by a redirect to
storage on another host, which refuses a login; comments come in pages; nobody changes the comment of somebody else.
"""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "acme/shop"
TOKEN = "ghs_of_this_job"
BOT = "github-actions[bot]"


def zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


class FakePullRequests:
    """One repository; ``denied`` answers every write with 403, ``instead`` everything with that."""

    def __init__(self) -> None:
        self.pulls: list[dict[str, Any]] = []
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.artifacts: dict[int, list[tuple[dict[str, Any], bytes]]] = {}
        self.denied = False
        self.instead = b""
        self.writes = 0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, content, headers = fake.answer(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = _answer  # noqa: N815  # as the server calls them

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def open_pull(self, number: int, head: str, branch: str, sha: str, repository_id: int) -> None:
        repository = {"id": repository_id, "full_name": head}
        self.pulls.append(
            {
                "number": number,
                "head": {"sha": sha, "ref": branch, "label": f"{head.partition('/')[0]}:{branch}", "repo": repository},
                "base": {"repo": {"full_name": REPOSITORY}},
            }
        )
        self.comments.setdefault(number, [])

    def upload(self, run: int, name: str, content: bytes) -> None:
        left = self.artifacts.setdefault(run, [])
        told = {"id": 1000 + sum(map(len, self.artifacts.values())), "name": name, "expired": False}
        left.append((told | {"size_in_bytes": len(content)}, content))

    def say(self, number: int, login: str, body: str) -> int:
        taken = 1 + sum(map(len, self.comments.values()))
        self.comments[number].append({"id": taken, "user": {"login": login, "type": "User"}, "body": body})
        return taken

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, bytes, dict[str, str]]:
        if self.instead:
            return 200, self.instead, {}
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/storage/"):
            if headers.get("Authorization"):
                return 400, b"<Error>InvalidAuthenticationInfo</Error>", {}
            return 200, self._content(int(parts.path.rpartition("/")[2])), {}
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, b'{"message": "Bad credentials"}', {}
        path = parts.path.removeprefix(f"/repos/{REPOSITORY}")
        if found := re.fullmatch(r"/actions/artifacts/(\d+)/zip", path):
            # Another name of this host: another server to whoever sends logins.
            elsewhere = self.url.replace("127.0.0.1", "localhost")
            return 302, b"", {"Location": f"{elsewhere}/storage/{found[1]}"}
        if method != "GET" and self.denied:
            return 403, b'{"message": "Resource not accessible by integration"}', {}
        told = self._told(method, path, asked, body)
        return (404, b'{"message": "Not Found"}', {}) if told is None else (200, json.dumps(told).encode(), {})

    def _told(self, method: str, path: str, asked: Mapping[str, str], body: Any) -> Any:
        if path == "/pulls":
            return [one for one in self.pulls if one["head"]["label"] == asked["head"]]
        if found := re.fullmatch(r"/actions/runs/(\d+)/artifacts", path):
            return {"artifacts": [told for told, _ in self.artifacts.get(int(found[1]), [])]}
        if found := re.fullmatch(r"/issues/(\d+)/comments", path):
            number = int(found[1])
            if method == "POST":
                self.writes += 1
                return {"id": self.say(number, BOT, body["body"])}
            start = (int(asked["page"]) - 1) * 100
            return self.comments[number][start : start + 100]
        if found := re.fullmatch(r"/issues/comments/(\d+)", path):
            [one] = [one for told in self.comments.values() for one in told if one["id"] == int(found[1])]
            if one["user"]["login"] != BOT:
                return None
            self.writes += 1
            one["body"] = body["body"]
            return one
        return None

    def _content(self, number: int) -> bytes:
        return next(content for left in self.artifacts.values() for told, content in left if told["id"] == number)
