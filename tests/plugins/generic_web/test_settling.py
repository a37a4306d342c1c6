"""The end of a deploy, by what Docker says of a service: the rule, and the rule over what a real server showed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from launchplane_gate.model import Container
from launchplane_gate_dokploy import (
    Deployment,
    Dokploy,
    InspectedContainer,
    InspectedService,
    ListedContainer,
    ListedTask,
    UpdateStatus,
)
from launchplane_gate_generic_web.places import Kind, Place
from launchplane_gate_generic_web.rollout import Rollout
from launchplane_gate_generic_web.running import read_running
from launchplane_gate_generic_web.settling import update_of
from tests.fakes.dokploy.timelines import Sample, Seen, Timeline, timelines

KINDS: dict[str, Kind] = {"application": "application", "docker-compose": "docker-compose", "stack": "stack"}
BEFORE, SINCE, AFTER = "2026-11-24T19:42:44.500Z", "2026-11-24T19:42:44.726Z", "2026-11-24T19:42:44.726261987Z"


def image(letter: str) -> str:
    return f"ghcr.io/acme/shop@sha256:{format(ord(letter), 'x') * 32}"


def service(spec: str, state: str | None = None, *, began: str | None = AFTER, replicas: int = 1) -> InspectedService:
    """As an inspection shows one that was asked to run an image, and how its last update stands."""
    update = {"State": state, "StartedAt": began, "Message": f"words on {state}"} if state else None
    task: dict[str, Any] = {"ContainerSpec": {"Image": image(spec), "Env": ["PASSWORD=x"]}}
    spec_: dict[str, Any] = {"TaskTemplate": task, "Mode": {"Replicated": {"Replicas": replicas}}}
    shown = {"ID": "i2staqsxper311nwgjzn3hm61", "CreatedAt": BEFORE, "Spec": spec_, "UpdateStatus": update}
    return InspectedService.model_validate(shown)


@pytest.mark.parametrize(
    ("seen", "is_", "rolled_back"),
    [
        (service("B", "updating"), "under_way", False),
        (service("B", "completed"), "taken", False),
        (service("B"), "taken", False),  # its first deployment
        (service("B", "paused"), "ended", False),
        (service("A", "rollback_started"), "under_way", True),
        (service("A", "rollback_paused"), "ended", True),
        (service("A", "rollback_completed"), "ended", True),
        (service("B", "rollback_completed"), "ended", True),  # the same image as before
        (service("A", "completed"), "ended", False),  # by somebody else
        (service("A", "updating"), "ended", False),
        (service("A"), "ended", False),
        (service("B", "dancing"), "under_way", False),  # a word that nobody knows is waited out
        (service("B", "paused", began=BEFORE), "taken", False),  # of the update before
        (service("A", "rollback_completed", began=BEFORE), "ended", False),
        (service("B", "paused", began=None), "taken", False),  # when, is not known; whether it runs is seen anyway
        (service("B", "paused", began="yesterday"), "taken", False),
    ],
)
def test_what_becomes_of_an_update(seen: InspectedService, is_: str, rolled_back: bool) -> None:
    update = update_of(seen, image("B"), since=SINCE)
    assert (update.is_, update.rolled_back) == (is_, rolled_back)


def test_an_update_that_ended_badly_is_told_in_dockers_words_and_in_no_more_of_them() -> None:
    assert update_of(service("B", "paused"), image("B"), since=SINCE).said == "Docker says paused: words on paused"
    assert update_of(service("A"), image("B"), since=SINCE).said == f"its service is set to run {image('A')}"
    status = {"State": "paused", "StartedAt": AFTER, "Message": "x\n\x1b[31m" + "y" * 5000}
    loud = service("B").model_copy(update={"update_status": UpdateStatus.model_validate(status)})
    said = update_of(loud, image("B"), since=SINCE).said
    assert said.isprintable() and len(said) < 250


# -- the time lines


class Then(Dokploy):
    """What a real server would have answered at a moment of a time line."""

    def __init__(self, line: Timeline, t_s: float) -> None:
        self.line, self.now = line, line.at(t_s)

    @property
    def seen(self) -> list[Seen]:
        """A side service's stand in the list of a compose project, too."""
        return list(self.now.containers)

    def service_containers(self, service: str, server_id: str | None) -> list[ListedContainer]:
        return [listed(one) for one in self.seen if one.state == "running"]

    def named_containers(
        self, app_name: str, app_type: Literal["docker-compose", "stack"] | None, server_id: str | None
    ) -> list[ListedContainer]:
        return [listed(one) for one in self.seen]

    def tasks(self, service: str, server_id: str | None) -> list[ListedTask]:
        return []

    def container(self, container_id: str, server_id: str | None) -> InspectedContainer | None:
        [found] = [one for one in self.seen if one.id == container_id]
        health = {"Health": {"Status": found.health, "Log": []}} if found.health else {}
        label = {"com.docker.compose.service": "side" if found.side else "web"}
        shown = {
            "Id": found.id,
            "Image": "sha256:" + "0" * 64,
            "RestartCount": found.restarts,
            "State": {"Status": found.state, "StartedAt": f"{found.id}+{found.restarts}", **health},
            "Config": {"Image": image(found.image), "Labels": label, "Env": ["PASSWORD=x"]},
        }
        return InspectedContainer.model_validate(shown)

    def service(self, name_or_id: str, server_id: str | None) -> InspectedService | None:
        if self.now.spec is None:
            return None
        return service(self.now.spec, self.now.update, replicas=self.line.replicas)


def listed(one: Seen) -> ListedContainer:
    return ListedContainer.model_validate({"containerId": one.id, "name": one.id, "state": one.state})


def looks(line: Timeline, every_s: float, first_s: float) -> Iterator[tuple[float, Sample]]:
    t_s = first_s
    while t_s <= line.lasts_s:
        yield t_s, line.at(t_s)
        t_s += every_s


def ends(line: Timeline, *, every_s: float, first_s: float, settle_s: float) -> tuple[str, float]:
    """How a deploy of a time line ends, and when: the driver's wait, then looks as the core takes them."""
    place = Place(KINDS[line.kind], "shop", {"web": line.replicas}, None)
    rollout = Rollout(Then(line, 0), lambda: place, image(line.deployed))
    taken, good_since, last = False, None, tuple[Container, ...]()
    for t_s, sample in looks(line, every_s, first_s):
        moment = Then(line, t_s)
        if not taken:
            if sample.row != "done":
                continue
            rollout.dokploy = moment
            end = rollout.look(row())
            if end.is_ == "ended":
                return "failed", t_s
            taken = end.is_ == "taken"
            continue
        seen = read_running(moment, place)
        is_good = seen.artifact_id == image(line.deployed) and not seen.updating
        is_good = is_good and all(one.state == "running" for one in seen.containers)
        if not is_good or seen.containers != last:
            good_since = t_s if is_good else None
        last = seen.containers
        if good_since is not None and t_s - good_since >= settle_s:
            return "good", t_s
    return "unsettled", line.lasts_s


def row() -> Deployment:
    shown = {"deploymentId": "d", "title": "t", "status": "done", "createdAt": SINCE, "startedAt": SINCE}
    return Deployment.model_validate(shown | {"finishedAt": None})


@pytest.mark.parametrize(("every_s", "first_s"), [(1, 0), (1, 0.4), (2, 0), (2, 1), (2, 0.7)])
@pytest.mark.parametrize("settle_s", [10, 15])
def test_over_what_a_real_server_showed_the_rule_is_never_wrong(
    every_s: float, first_s: float, settle_s: float
) -> None:
    told = {line.name: ends(line, every_s=every_s, first_s=first_s, settle_s=settle_s) for line in timelines()}
    assert {name: end for name, (end, _) in told.items()} == {line.name: line.end for line in timelines()}
    failed = [t_s for end, t_s in told.values() if end == "failed"]
    good = [t_s for end, t_s in told.values() if end == "good"]
    assert (len(good), len(failed), len(told)) == (9, 9, 23)
    assert max(failed) <= 24 and max(good) <= 24 + settle_s + 3 * every_s
