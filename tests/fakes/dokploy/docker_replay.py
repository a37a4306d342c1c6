"""Compare what Docker shows: a recording of ``docker.*`` routes, of rights and of the queue, replayed.

Such a recording says little of how its stage was set: its targets are made from the rows that it shows, and what its
labels tell of a moment is brought about with the fake's clock, which stands still otherwise. What cannot be brought
about is not compared: a moment in the middle of an update, an object that no answer named before, a build's log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx

from tests.fakes.dokploy.fake import FakeDokploy
from tests.fakes.dokploy.replay import ROUTES, Exchange, Replay
from tests.fakes.dokploy.targets import Target

PACE = 1e-6
_MOMENT = re.compile(
    r"getConfig: service in the middle|start-first update of|getContainersByAppNameMatch: .* crash loop"
)
_ROLLING = re.compile(r"canCreateServices( and canAccessToDocker)?$")  # two or three containers at once, by chance
_OWN = {"applicationId", "composeId", "environmentId", "createdAt", "refreshToken", "deployments", "environment"}
_AGO = re.compile(r"(?i)(about an? (minute|hour)|less than a second|\d+ (second|minute|hour)s?)")
_TASK = re.compile(r"\b[a-z0-9]{25}\b")

# Fields of an inspection in which two servers differ, or of which the fake has its own; no rollout is judged by them.
_APART = re.compile(
    r"Path|Args|Cmd|Env|Pid|PID|Hostname|Log|Index|VirtualIPs|NodeID|Message|Timestamp|href|timestamp|processedOn"
    r"|Created|RepoTags|Size|ContainerID|.*Id|ID|.*At|(com|org)\..*"
)


class DockerReplay(Replay):
    """``pace`` all but stops the clock; it is put forward where a label speaks of something that took its time."""

    def __init__(self, dokploy: FakeDokploy, client: httpx.Client, exchanges: list[Exchange]) -> None:
        super().__init__(dokploy, client)
        self.exchanges = exchanges
        self.rows: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self.app_names: dict[str, str] = {}
        for number, exchange in enumerate(exchanges):
            if exchange.route in {"application.one", "compose.one"} and exchange.status == 200:
                id_ = next(iter(exchange.request["query"].values()))
                self.rows.setdefault(id_, []).append((number, exchange.answer))
                self.app_names[exchange.answer["appName"]] = id_
                dokploy.environment["project"]["name"] = exchange.answer["environment"]["project"]["name"]
        dokploy.docker.secret = ()
        self._break_what_crashed()

    # -- the stage

    def compares(self, number: int, exchange: Exchange) -> bool:
        asked, label = exchange.request["query"] or {}, exchange.label
        if exchange.route not in ROUTES or _MOMENT.search(label):
            return False
        if exchange.status != 200 or exchange.answer in ([], None):
            return True
        if exchange.route == "deployment.readLogs" or (exchange.route.startswith("docker.") and _ROLLING.search(label)):
            return False
        if exchange.route == "docker.getConfig":
            return self._known(asked["containerId"])
        name = asked.get("appName", "").partition("_")[0]
        return "appName" not in asked or any(app.startswith(name) for app in self.app_names)

    def prepare(self, number: int, exchange: Exchange) -> None:
        """Bring about, before a request is made, what its label and its answer say of the moment."""
        asked = (exchange.request["query"] or {}) | (exchange.request["json"] or {})
        ids = [value for name, value in asked.items() if name in {"applicationId", "composeId"}]
        ids += [asked["id"]] if exchange.route == "deployment.allByType" else []
        name = str(asked.get("appName") or asked.get("containerId") or "").partition("_")[0]
        ids += [self.app_names[name]] if name in self.app_names else []
        if "deploymentId" in asked:
            ids += [id_ for id_, rows in self.rows.items() if asked["deploymentId"] in str(rows[-1][1]["deployments"])]
        for id_ in ids:
            if not id_.startswith("nosuch"):
                self._stage(number, exchange, self._target(id_, exchange))
        if (
            exchange.route == "compose.update"
            and exchange.status == 200
            and exchange.answer["composeStatus"] != "running"
        ):
            self._finish(self._target(asked["composeId"], exchange))
        if exchange.request["method"] == "POST" and asked.get("title"):
            self._queue_what_came_before(number, asked["title"])
        if exchange.route == "deployment.queueList":
            self._queue(exchange.answer)

    def wait_as_recorded(self, exchange: Exchange) -> None:
        """Let jobs run on: all before an empty queue, those of a target before it is shown with no row that runs."""
        shown, route = exchange.answer, exchange.route
        if exchange.status != 200 or "waits" in exchange.label:
            return
        if route == "deployment.queueList":
            while not shown and not self.dokploy.idle():
                self.dokploy.queue.end_one()
        elif route in {"application.one", "compose.one", "deployment.all", "deployment.allByCompose"}:
            rows = shown["deployments"] if isinstance(shown, dict) else shown
            target = self.dokploy.targets[self.ids[next(iter(exchange.request["query"].values()))]]
            if not any(row["status"] == "running" for row in rows):
                self._finish(target)
        if "active" in exchange.label or "running" in str(shown):
            with suppress(AssertionError):
                self.dokploy.wait(lambda: self.dokploy.queue.active or self.dokploy.idle())

    def key(self, label: str) -> str:
        """The key of the person whom a label names."""
        if "member" not in label:
            return self.dokploy.key
        services = (
            [] if re.search("without access|a member's key|no access|same member", label) else self.dokploy.targets
        )
        creates = "canCreateServices" in label and "without canCreate" not in label
        docker = "canAccessToDocker" in label and "without canCreate" not in label
        return self.dokploy.add_key(False, member=True, services=services, create_services=creates, docker=docker)

    def _finish(self, target: Target) -> None:
        """Run jobs until a target has none."""
        queue = self.dokploy.queue
        while any(job and job.target is target for job in (queue.active, *queue.waiting)):
            queue.end_one()

    def _target(self, id_: str, exchange: Exchange) -> Target:
        if id_ not in self.ids:
            row = self.rows.get(id_, [(0, {})])[0][1]
            compose = "composeId" in row or exchange.route.startswith("compose.")
            add = (lambda name: self.dokploy.add_compose(name, "")) if compose else self.dokploy.add_application
            self.ids[id_] = add(row.get("name", "other"))
            self._take_over(self.dokploy.targets[self.ids[id_]], row)
        return self.dokploy.targets[self.ids[id_]]

    @staticmethod
    def _take_over(target: Target, row: dict[str, Any]) -> None:
        target.row.update({name: row[name] for name in target.row.keys() & row.keys() - _OWN})
        target.set_status("idle")

    def _stage(self, number: int, exchange: Exchange, target: Target) -> None:
        label = exchange.label
        rows = self.rows.get(next(id_ for id_, own in self.ids.items() if own == target.target_id), [])
        later = [row for at, row in rows if at >= number] or [row for _, row in rows[-1:]]
        bare = "never deployed" in label or "before its first" in label or exchange.request["method"] == "POST"
        if later and (not bare or "stop" in exchange.route):
            self._deploy_what_is_missing(number, target, later[0])
        if "exited at once" in label and len(target.deployments) == 1:
            self._deploy(target, "crash", env=f"SHOP_IMAGE={self.crashing}\n")
        if "after an update" in label:
            self._deploy(target, "B", dockerImage=self._image_in(exchange.answer))
            self.dokploy.skip(30)
        if "running" in label and "starting" not in label:
            self.dokploy.skip(20)
        if later and later[0].get("applicationStatus") == "running" and "stuck" in str(later[0]["name"]):
            self.dokploy.leave_status_running(target.target_id)

    def _deploy_what_is_missing(self, number: int, target: Target, row: dict[str, Any]) -> None:
        """Deploy what a row says was deployed, and no request of the recording asked for."""
        asked_for = {(e.request["json"] or {}).get("title") for e in self.exchanges}
        titles = {deployment["title"] for deployment in target.deployments}
        missing = [one["title"] for one in row["deployments"] if one["title"] not in titles | asked_for]
        web = row["name"] == "cc" and not target.deployments and "never" not in self.exchanges[number].label
        for title in [*missing, *(["A"] if web and self.exchanges[number].route.startswith("docker.") else [])]:
            self._take_over(target, row)
            self._deploy(target, title)
            shown = {deployment["title"]: deployment["deploymentId"] for deployment in row["deployments"]}
            self.ids[shown.get(title, "")] = target.deployments[-1]["deploymentId"]
            if "starting" not in self.exchanges[number].label:
                self.dokploy.skip(28 if row["name"] == "crashes" else 8)

    def _deploy(self, target: Target, title: str, **fields: Any) -> None:
        target.row.update(fields)
        self.dokploy.queue.add(target, "deploy", title, "")
        self._finish(target)

    def _queue_what_came_before(self, number: int, title: str) -> None:
        shown = (e.answer for e in self.exchanges[number:] if e.route == "deployment.queueList" and e.status == 200)
        jobs: list[Any] = next((jobs for jobs in shown if title in {job["data"]["titleLog"] for job in jobs}), [])
        before = jobs[[job["data"]["titleLog"] for job in jobs].index(title) + 1 :] if jobs else []
        asked = {(e.request["json"] or {}).get("title") for e in self.exchanges[:number]}
        self._queue([job for job in before if job["data"]["titleLog"] not in asked])

    def _queue(self, jobs: list[Any]) -> None:
        listed = {job["data"]["titleLog"] for job in self.dokploy.queue.listed()}
        asked = {(e.request["json"] or {}).get("title") for e in self.exchanges}
        for job in reversed(jobs):
            said = job["data"]
            if said["titleLog"] not in listed | asked:
                blank = Exchange("", {"path": f"{said['applicationType']}."}, {})
                target = self._target(said.get("applicationId") or said["composeId"], blank)
                self.dokploy.queue.add(target, said["type"], said["titleLog"], said["descriptionLog"])

    def _known(self, id_: str) -> bool:
        return id_ in self.ids or id_ in self.dokploy.docker.services or id_.partition("_")[0] in self.app_names

    def _break_what_crashed(self) -> None:
        self.crashing = next(
            (rows[0][1]["dockerImage"] for rows in self.rows.values() if rows[0][1]["name"] == "crashes"), ""
        )
        if self.crashing:
            self.dokploy.push(self.crashing, "c" * 40, crashes=True)

    @staticmethod
    def _image_in(service: Any) -> str:
        return str(service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])

    # -- the comparison

    def differences(self, exchange: Exchange, found: httpx.Response) -> Iterator[str]:
        self.lists = exchange.route.startswith("docker.getContainers") and exchange.status == 200
        self.inspects = exchange.route == "docker.getConfig" and exchange.status == 200
        yield from super().differences(exchange, found)
        if self.inspects and exchange.answer and found.content:
            pairs = (
                (str(answer.get("Image", "")).removeprefix("sha256:")) for answer in (exchange.answer, found.json())
            )
            self.ids.update([tuple(pairs)])  # type: ignore[list-item]

    def unequal(self, recorded: Any, found: Any, where: str, *, passing: bool) -> Iterator[str]:
        if self.inspects and isinstance(recorded, dict) and isinstance(found, dict):
            for name in sorted(found.keys()):
                if name not in recorded:
                    yield f"{where}.{name}: only found"
                elif not _APART.fullmatch(name) and not str(recorded[name]).startswith("sha256:"):
                    yield from self.unequal(recorded[name], found[name], f"{where}.{name}", passing=False)
        elif where.endswith((".href", ".timestamp", ".processedOn")):
            return
        elif isinstance(recorded, str) and isinstance(found, str) and not passing:
            plain, own = (_TASK.sub("TASK", _AGO.sub("AGO", text)) for text in (recorded, found))
            if plain != own:
                yield f"{where}: {recorded!r} recorded, {found!r} found"
        else:
            if where == "answer" and self.lists:  # what was made at the same time is listed in any order
                recorded, found = (
                    sorted(items, key=lambda item: _TASK.sub("", item["name"])) for items in (recorded, found)
                )
            yield from super().unequal(recorded, found, where, passing=passing)
