"""The door: what of the host's requests to Dokploy goes through, with a permit and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import GateError, NotSettled, Stale
from launchplane_gate.hookspecs import Approval
from launchplane_gate.model import Lane, ReleaseIdentity, Target
from launchplane_gate_launchplane.asked import IMAGE_VARIABLE
from launchplane_gate_launchplane.door import Door, holding, is_held
from launchplane_gate_launchplane.permit import NotPermitted, Permit
from tests.conftest import PROD, TESTING, A, B
from tests.fakes.dokploy import FakeDokploy
from tests.plugins.launchplane.desk import Denied
from tests.plugins.launchplane.executing import HostOnDokploy, host_on
from tests.plugins.launchplane.hosts import Host

LEFT_ALONE = Lane(context="left-alone", instance="prod")
CHANGING = (
    "application.saveDockerProvider",
    "application.deploy",
    "application.redeploy",
    "application.update",
    "application.saveEnvironment",
    "application.stop",
    "compose.update",
    "compose.deploy",
    "compose.redeploy",
)


@dataclass
class AnApproval:
    """Of a run that may deploy A. ``went``: what was asked of it; ``stale``: it cannot be redeemed."""

    run_id: str = "r-ABCDEFGH"
    lane: Lane = TESTING
    release: ReleaseIdentity = A
    left_s: float = 60
    stale: bool = False
    lost: bool = False
    went: list[str] = field(default_factory=list)

    def write_seconds_left(self) -> float:
        self.went.append("asked")
        if self.lost:
            raise NotSettled("the lease is over")
        return 10

    def run_seconds_left(self) -> float:
        return self.left_s

    @contextmanager
    def redeem(self, target: Target) -> Iterator[ReleaseIdentity]:
        if self.stale:
            raise Stale("testing has changed")
        self.went.append(f"redeemed {target.target_id}")
        yield self.release
        self.went.append("triggered")


@dataclass
class Stage:
    """A host with an application for each lane, a preview and what the settings leave alone."""

    host: HostOnDokploy
    fake: FakeDokploy
    testing: str
    prod: str
    preview: str
    alone: str
    approval: AnApproval = field(default_factory=AnApproval)

    def asked(self) -> list[str]:
        return [request.path.removeprefix("/api/") for request in self.fake.requests if request.method == "POST"]

    @contextmanager
    def permitted(self, **given: Any) -> Iterator[Permit]:
        target = self.host.targets.target(TESTING)
        approval: Approval = self.approval
        told: list[str] = []
        settings: dict[str, Any] = {
            "after": frozenset(),
            "progress": told.append,
            "limit_s": 60,
        }
        permit = Permit(approval, target, **(settings | given))
        with holding(permit):
            yield permit

    def read(self) -> Any:
        return self.host.ask("application.one", query={"applicationId": self.testing})

    def save(self, image: str = A.artifact_id, to: str = "") -> Any:
        read = self.read() if not to else {"username": None, "password": None, "registryUrl": None}
        saved = {name: read[name] for name in ("username", "password", "registryUrl")}
        return self.host.ask(
            "application.saveDockerProvider", {"applicationId": to or self.testing, "dockerImage": image, **saved}
        )

    def deploy(self, to: str = "") -> Any:
        return self.host.ask("application.deploy", {"applicationId": to or self.testing})


@pytest.fixture
def stage(host: Host, file_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    file_store.write_product_profile_record(host.profile())
    with FakeDokploy() as fake, host_on(host, fake, tmp_path, file_store, monkeypatch) as made:
        for release in (A, B):
            fake.push(release.artifact_id, release.source_git_ref)
        testing, prod, preview, alone = map(fake.add_application, ("testing", "prod", "preview", "alone"))
        for lane, id_ in ((TESTING, testing), (PROD, prod), (LEFT_ALONE, alone)):
            made.define(lane, id_)
        yield Stage(made, fake, testing, prod, preview, alone)
        assert not fake.violations


# -- without a permit


@pytest.mark.parametrize("route", CHANGING)
def test_s39_nobody_changes_a_lane_without_a_permit(stage: Stage, route: str) -> None:
    """S39: every request that would change the target of a lane raises before it is sent, whoever makes it."""
    if route.startswith("compose"):
        stage.host.define(PROD, "a-compose", "compose")
    payload = {"composeId": "a-compose"} if route.startswith("compose") else {"applicationId": stage.prod}
    with pytest.raises(Denied, match=f"{route} was not sent") as denied:
        stage.host.ask(route, payload)
    assert (denied.value.status, denied.value.code) == (409, "not_permitted") and str(PROD) in str(denied.value)
    assert stage.asked() == []


def test_s39_a_permit_is_of_the_thread_that_has_it(stage: Stage) -> None:
    """S39: what another thread of the host asks meanwhile has no permit."""
    with stage.permitted(), ThreadPoolExecutor(1) as another:
        assert is_held() and not another.submit(is_held).result()
        with pytest.raises(Denied):
            another.submit(stage.save, to=stage.testing).result()
    assert stage.asked() == [] and not is_held()


def test_previews_and_what_the_settings_leave_alone_go_through_as_before(stage: Stage) -> None:
    for id_ in (stage.preview, stage.alone):
        stage.save(to=id_)
        stage.deploy(id_)
    assert stage.asked() == ["application.saveDockerProvider", "application.deploy"] * 2
    stage.host.ask("deployment.all", query={"applicationId": stage.prod})  # and whoever reads


@pytest.mark.parametrize(("observed", "goes"), [({PROD}, True), ({TESTING}, False)])
def test_to_a_lane_that_is_only_observed_all_goes_through(stage: Stage, observed: set[Lane], goes: bool) -> None:
    sent: list[Any] = []
    door = Door(stage.host.targets, Denied, observed.__contains__)
    asked: Any = {"method": "POST", "path": "/api/application.deploy", "payload": {"applicationId": stage.prod}}
    with nullcontext() if goes else pytest.raises(Denied, match=str(PROD)):
        door.change(**asked, query=None, timeout_s=1, send=lambda payload, _: sent.append(payload))
    assert bool(sent) == goes


def test_a_target_of_no_product_is_left_alone_only_where_that_is_stated(stage: Stage) -> None:
    stage.host.define(Lane(context="nobodys", instance="prod"), stage.preview)
    with pytest.raises(Denied, match="nobodys/prod"):
        stage.deploy(stage.preview)


def test_not_knowing_whose_a_target_is_lets_nothing_through(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: object) -> Any:
        raise ConnectionError("the database is away")

    monkeypatch.setattr(stage.host.dokploy, "read_control_plane_dokploy_source_of_truth", away)
    with pytest.raises(Denied, match="not known") as denied:
        stage.deploy(stage.preview)
    assert denied.value.status == 503 and stage.asked() == []


def test_a_change_that_names_no_target_is_not_sent_but_to_create_one(stage: Stage) -> None:
    with pytest.raises(Denied, match="a target that it does not name"):
        stage.host.ask("application.move", {"json": {"applicationId": stage.prod}})
    assert stage.asked() == []


# -- with a permit


def test_the_first_change_redeems_and_the_trigger_leaves(stage: Stage) -> None:
    with stage.permitted() as permit:
        stage.host.ask("deployment.all", query={"applicationId": stage.testing})
        assert stage.approval.went == []  # reads come first
        stage.save()
        stage.deploy()
        assert stage.approval.went == ["asked", f"redeemed {stage.testing}", "asked", "asked", "triggered"]
    [trigger] = [asked for asked in stage.fake.requests if asked.path.endswith("application.deploy")]
    assert trigger.body["title"] == permit.title and A.artifact_id in trigger.body["description"]


def test_another_image_than_the_approved_is_refused_before_redeem(stage: Stage) -> None:
    with stage.permitted(), pytest.raises(NotPermitted, match="another image"):
        stage.save(B.artifact_id)
    assert stage.approval.went == [] and stage.asked() == []


def test_another_image_in_a_compose_environment_is_refused_before_redeem(stage: Stage) -> None:
    stage.host.define(TESTING, "a-compose", "compose")
    for env in (
        f"{IMAGE_VARIABLE}={B.artifact_id}",
        f"{IMAGE_VARIABLE}={A.artifact_id}\n{IMAGE_VARIABLE}=x",
        "X=1",
    ):
        with stage.permitted(), pytest.raises(NotPermitted, match="another image"):
            stage.host.ask("compose.update", {"composeId": "a-compose", "env": env})
    assert stage.approval.went == [] and stage.asked() == []


def test_no_deployment_is_triggered_whose_image_was_not_set(stage: Stage) -> None:
    with stage.permitted(), pytest.raises(NotPermitted, match="without having set its image"):
        stage.deploy()
    assert stage.asked() == []


@pytest.mark.parametrize(
    "other",
    [
        lambda stage: stage.save(to=stage.prod),
        lambda stage: stage.save(to=stage.preview),
        lambda stage: stage.deploy(stage.alone),
        lambda stage: stage.host.ask("application.stop", {"applicationId": stage.testing}),
        lambda stage: stage.host.ask("schedule.create", {"applicationId": stage.testing}),
        lambda stage: stage.host.ask("application.create", {"name": "another"}),
    ],
)
def test_a_permit_is_for_one_target_and_for_a_deploy(stage: Stage, other: Callable[[Stage], Any]) -> None:
    with stage.permitted():
        with pytest.raises(NotPermitted):
            other(stage)
        with pytest.raises(NotPermitted):  # and whoever tried that gets no further
            stage.save()
    assert stage.approval.went == [] and stage.asked() == []


def test_nothing_is_changed_after_the_trigger(stage: Stage) -> None:
    with stage.permitted():
        stage.save()
        stage.deploy()
        with pytest.raises(NotPermitted, match="after its deployment was triggered"):
            stage.deploy()
    assert stage.asked() == ["application.saveDockerProvider", "application.deploy"]


def test_a_permit_ends_with_its_executor(stage: Stage) -> None:
    """Also for a thread that the executor left behind, and has it."""
    with stage.permitted() as permit:
        stage.save()
    assert stage.approval.went[-1] == "asked"  # redeemed, and never triggered
    with holding(permit), pytest.raises(NotPermitted, match="has ended"):
        stage.deploy()


@pytest.mark.parametrize("why", ["stale", "lost"])
def test_what_the_gate_says_passes_through_and_is_said_again(stage: Stage, why: str) -> None:
    setattr(stage.approval, why, True)
    with stage.permitted() as permit:
        for _ in range(2):
            with pytest.raises(GateError) as raised:
                stage.save()
            assert raised.value is permit.refused
    assert stage.asked() == [] and "triggered" not in stage.approval.went


def test_what_was_changed_since_it_was_read_is_not_overwritten(stage: Stage) -> None:
    with stage.permitted(), pytest.raises(NotPermitted, match=r"somebody changed .* \(password\)"):
        stage.fake.between("application.one", lambda: stage.fake.between("application.one", lambda: change(stage)))
        stage.save()
    assert stage.asked() == [] and stage.approval.went == ["asked", f"redeemed {stage.testing}"]


def change(stage: Stage) -> None:
    stage.fake.targets[stage.testing].row["password"] = "changed-by-a-colleague"


def test_an_image_is_not_set_on_what_was_not_read(stage: Stage) -> None:
    with stage.permitted(), pytest.raises(NotPermitted, match="without having read it"):
        stage.host.ask("application.saveDockerProvider", {"applicationId": stage.testing, "dockerImage": A.artifact_id})
    assert stage.asked() == []


def test_a_request_gets_what_the_lease_and_the_run_allow(stage: Stage) -> None:
    given: list[float] = []

    def send(_: Any, timeout_s: float) -> Any:
        given.append(timeout_s)
        return {"applicationId": stage.testing}

    def ask(route: str, method: str, payload: Any, timeout_s: float) -> Any:
        named = {"applicationId": stage.testing}
        return stage.host.executors.change(
            method=method,
            path=f"/api/{route}",
            payload=payload and named | payload,
            query=None if payload else named,
            timeout_s=timeout_s,
            send=send,
        )

    with stage.permitted():
        ask("application.one", "GET", None, 600)
        ask("application.saveDockerProvider", "POST", {"dockerImage": A.artifact_id}, 600)
        ask("application.deploy", "POST", {"title": "theirs"}, 3)
    assert given == [pytest.approx(60, abs=1), pytest.approx(60, abs=1), 10, 3]  # the target is read again right before


def test_an_answer_that_never_ends_is_given_up_in_time(stage: Stage) -> None:
    with stage.permitted(limit_s=0.5), pytest.raises(NotPermitted, match="is over"):
        stage.fake.break_next("application.one", "drip")
        stage.read()
