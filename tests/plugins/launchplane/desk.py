"""Where calls of the host come in, as its service makes them: a real gate, and a fake platform at its edge."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, Progress, hookimpl
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Outcome
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from launchplane_gate_launchplane.calls import actor_of
from launchplane_gate_launchplane.embedded import EmbeddedGate
from launchplane_gate_launchplane.governed import Governed
from launchplane_gate_launchplane.kept_back import KeptBack
from launchplane_gate_launchplane.protocol import Answer
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.fakes.platform import FakeHealth, FakePlatform
from tests.plugins.launchplane.hosts import PRODUCT, Host, artifact, commit

DRIVER = "fake"  # in place of generic-web: under its name a look would have to last for 15 s
WORKFLOW = "cbusillo/sellyouroutboard/.github/workflows/deploy.yml@refs/heads/main"


class Denied(Exception):
    """Stands for the host's GateDenied."""

    def __init__(self, *, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, kw_only=True)
class ACall:
    """A GateCall of the host."""

    route: str
    request: Any
    execute: Callable[[Any], Any]
    driver_id: str = ""
    product: str = PRODUCT
    identity: Any = None
    trace_id: str = "launchplane_req_0"
    idempotency_key: str = ""
    fingerprint: str = ""
    scope: str = ""
    record_store: Any = None
    control_plane_root: Path = Path()


@dataclass
class Executor:
    """The host's executor of one call, by a fake platform, in the host's words."""

    call: Any
    platform: FakePlatform
    result: Any = None
    raised: Exception | None = None

    def __call__(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            outcome = self.platform.deploy(approval, progress)
            self.result = self.call.execute(KeptBack(self.call.record_store))
        except Exception as error:
            self.raised = error
            raise
        return outcome


@dataclass
class Acting:
    """Counts whom it was asked for."""

    platform: FakePlatform
    asked: list[str] = field(default_factory=list)

    def act_of(self, call: Any) -> Executor:
        self.asked.append(call.route)
        return Executor(call, self.platform)

    @property
    def change(self) -> Callable[..., Any]:
        raise AssertionError("nobody asks a provider here")


def job(host: Host, **replaced: Any) -> Any:
    """A workflow of the product's repository, as the host verified it."""
    claims = {"run_id": "25520881173", "run_attempt": "1", "actor": "alice", "repository_id": "7"}
    values: dict[str, Any] = {
        "repository": "cbusillo/sellyouroutboard",
        "repository_owner": "cbusillo",
        "workflow_ref": WORKFLOW,
        "job_workflow_ref": "",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "event_name": "push",
        "environment": "",
        "subject": "repo:cbusillo/sellyouroutboard:ref:refs/heads/main",
        "sha": commit("A"),
        "raw_claims": claims,
    }
    return host.module("service_auth").GitHubActionsIdentity(**(values | replaced))


def human(host: Host, login: str = "bob") -> Any:
    return host.module("service_auth").GitHubHumanIdentity(
        login=login,
        github_id=12,
        name="Bob",
        email="bob@example.org",
        organizations=frozenset(),
        teams=frozenset(),
        role="admin",
    )


def bundle_in(folder: Path, host: Host) -> Bundle:
    """The shipped policies, and who may ask here: the workflow of the product, and a person."""
    listed = [{"subject": actor_of(who).subject, "verified_by": "launchplane"} for who in (job(host), human(host))]
    product = {"paths": [{"from": "testing", "to": "prod"}], "actors": dict.fromkeys(("testing", "prod"), listed)}
    decided = {"products": {PRODUCT: product}, "drivers": {DRIVER: {"settle_s": 0}, "verireel": {"settle_s": 0}}}
    (folder / "config").mkdir()
    (folder / "config" / "data.json").write_text(json.dumps(decided))
    return load_bundle([shipped_policies(), folder])


class VeriReel:
    """The driver of that name, on the platform of the other one."""

    driver_id = "verireel"

    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)

    @hookimpl
    def gate_drivers(self) -> list[Any]:
        return [self]


def gate_over(store: Any, state: Path, platform: FakePlatform, **parts: Any) -> Gate:
    """A gate over a store of the host's, its ledger beside."""
    state.mkdir(exist_ok=True)
    given: dict[str, Any] = {
        "store": LaunchplaneStore(store),
        "ledger": Ledger.open(state, holds_records=False),
        "plugins": Plugins({"fake": platform, "verireel": VeriReel(platform), "health": FakeHealth(platform)}),
        "lane_wait_s": 0.2,
        "confirm_timeout_s": 0.2,
        "confirm_interval_s": 0.02,
    }
    gate = Gate(**(given | parts))
    platform.now = gate.ledger.now
    return gate


@dataclass
class Desk:
    """``root``: of the host's store in files. ``executed``: the stores that the host's own executor was run with."""

    host: Host
    gate: Gate
    platform: FakePlatform
    store: Any
    root: Path
    executed: list[Any] = field(default_factory=list)
    numbers: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.acting = Acting(self.platform)
        self.embedded = self.embed(self.gate)

    def embed(self, gate: Gate, not_governed: Collection[str] = ()) -> EmbeddedGate:
        governed = Governed(gate.store, self.store.list_product_profile_records, not_governed)
        return EmbeddedGate(gate, LaunchplaneStore(self.store), self.acting, governed, Denied)

    def call(self, route: str, request: Any, **rest: Any) -> ACall:
        returns = rest.pop("returns", None)

        def execute(store: Any) -> Any:
            self.executed.append(store)
            return returns

        body = json.dumps(request.model_dump(mode="json"), sort_keys=True) if request else ""
        identity = rest.pop("identity", None) or job(self.host)
        given = {
            "trace_id": f"launchplane_req_{next(self.numbers)}",
            "fingerprint": hashlib.sha256(body.encode()).hexdigest(),
            "scope": f"{getattr(identity, 'repository', '')}|{getattr(identity, 'login', '')}",
            "driver_id": route.split("/")[3].replace("generic-web", DRIVER) if "/drivers/" in route else "",
            "record_store": self.store,
            "identity": identity,
            "execute": execute,
        }
        return ACall(route=route, request=request, **(given | rest))

    def deployment(self, letter: str, instance: str = "testing", **rest: Any) -> ACall:
        """A call of the generic-web driver's deploy."""
        kind = self.host.module("workflows.generic_web_deploy").GenericWebDeployRequest
        asked = {"artifact_id": artifact(letter), "source_git_ref": commit(letter)} | rest.pop("asked", {})
        request = kind(product=PRODUCT, instance=instance, **asked)
        return self.call("/v1/drivers/generic-web/deploy", request, **rest)

    def promotion(self, letter: str, **rest: Any) -> ACall:
        """A call of the generic-web driver's promotion, testing to prod."""
        kind = self.host.module("workflows.generic_web_promotion").GenericWebProdPromotionRequest
        asked = {"artifact_id": artifact(letter), "source_git_ref": commit(letter)} | rest.pop("asked", {})
        return self.call("/v1/drivers/generic-web/prod-promotion", kind(product=PRODUCT, **asked), **rest)

    def stable(self, letter: str, instance: str = "testing", **rest: Any) -> ACall:
        """A call of VeriReel's deploy."""
        kind = self.host.module("workflows.verireel_stable_deploy").VeriReelStableDeployRequest
        request = kind(context=PRODUCT, instance=instance, artifact_id=artifact(letter), source_git_ref=commit(letter))
        return self.call(f"/v1/drivers/verireel/{instance}-deploy", request, **rest)

    def stable_promotion(self, letter: str, record_id: str, **rest: Any) -> ACall:
        """A call of VeriReel's promotion, whose caller chooses the id of its record."""
        kind = self.host.module("workflows.verireel_prod_promotion").VeriReelProdPromotionRequest
        asked = {"artifact_id": artifact(letter), "source_git_ref": commit(letter), "backup_record_id": "backup-gate-1"}
        request = kind(context=PRODUCT, promotion_record_id=record_id, **asked)
        return self.call("/v1/drivers/verireel/prod-promotion", request, **rest)

    def verification(self, record_id: str, **rest: Any) -> ACall:
        """A call of VeriReel's driver with what tests of testing found."""
        kind = self.host.module("service").VeriReelTestingVerificationRequest
        passed = dict.fromkeys(("migration_status", "verification_status", "owner_routes_status"), "pass")
        request = kind(context=PRODUCT, deployment_record_id=record_id, **(passed | rest.pop("asked", {})))
        return self.call("/v1/drivers/verireel/testing-verification", request, **rest)

    def report(self, record: Any, **rest: Any) -> ACall:
        """A call with evidence: a deployment record, or a promotion record."""
        route = "promotions" if hasattr(record, "from_instance") else "deployments"
        return self.call(f"/v1/evidence/{route}", record, **rest)

    def run(self, call: ACall) -> Answer:
        answer = self.embedded.run(call)
        assert answer is not None
        return answer

    def deploy(self, letter: str, instance: str = "testing", **rest: Any) -> Any:
        return self.run(self.deployment(letter, instance, **rest)).result

    def promote(self, letter: str, **rest: Any) -> Any:
        return self.run(self.promotion(letter, **rest)).result

    def refused(self, call: ACall) -> Denied:
        """What a call is refused with; it must be."""
        count = len(self.platform.deploys)
        try:
            answer = self.embedded.run(call)
        except Denied as denied:
            assert len(self.platform.deploys) == count, "it was refused, and deployed"
            return denied
        raise AssertionError(f"it was not refused: {answer}")

    def inventory(self, instance: str = "testing") -> Any:
        """As the host reads it; None where there is none."""
        try:
            return self.store.read_environment_inventory(context_name=PRODUCT, instance_name=instance)
        except FileNotFoundError:
            return None
