"""The gate: one straight line from a request to a record, and the same question asked without acting on it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from launchplane_gate import strictjson
from launchplane_gate.approval import (
    Recorder,
    RunApproval,
    finished,
    inventory_of,
    pending_deployment,
    promotion_of,
    with_health,
)
from launchplane_gate.errors import (
    EvidenceFailed,
    GateError,
    KeyReused,
    LedgerError,
    NotSettled,
    RequestError,
    Stale,
    StaleReplay,
    Undecided,
    in_a_sentence,
)
from launchplane_gate.facts import LaneRecords, destination_facts, has_moved, lane_facts, read_lane, settled
from launchplane_gate.hookspecs import Driver, Progress, Question
from launchplane_gate.ledger import Key, Lease, Ledger, Row, new_id
from launchplane_gate.model import (
    Actor,
    Decision,
    Lane,
    Outcome,
    OutcomeFacts,
    Phase,
    PolicyInput,
    ReleaseIdentity,
    Request,
    Run,
    RunStatus,
    Target,
    Waiver,
    noun,
    short,
    stamp,
)
from launchplane_gate.plugins import Plugins, load_plugins
from launchplane_gate.policy import Bundle, PolicyEngine, decide, load_bundle, open_engine, shipped_policies
from launchplane_gate.publishing import publish
from launchplane_gate.records import DeploymentRecord, HealthcheckEvidence, ProductProfile, ReleaseStatus
from launchplane_gate.runs import read_run
from launchplane_gate.settings import Settings, load_settings
from launchplane_gate.store import FileStore, RecordStore, version

EVIDENCE_DEADLINE_S = 30.0
OUTDATED = "Nothing was published. Promote what is to be released, with a version of its own."
RECORD_STATUS: Mapping[str, ReleaseStatus] = {"pass": "pass", "fail": "fail", "unknown": "pending"}


def quiet(_: str) -> None:
    """Progress that nobody watches."""


class Gate:
    """Decides on deploys and promotions, and lets a driver act only with the policies' yes.

    One Gate may be used from several threads. ``lane_wait_s``, ``lease_s``, ``confirm_timeout_s`` and
    ``confirm_interval_s`` are seconds.
    """

    def __init__(
        self,
        *,
        store: RecordStore,
        ledger: Ledger,
        bundle: Bundle,
        engine: PolicyEngine,
        plugins: Plugins,
        lane_wait_s: float = 30,
        lease_s: float = 900,
        confirm_timeout_s: float = 120,
        confirm_interval_s: float = 1,
    ) -> None:
        self.store = store
        self.ledger = ledger
        self.bundle = bundle
        self.engine = engine
        self.plugins = plugins
        self.lane_wait_s = lane_wait_s
        self.lease_s = lease_s
        self.confirm_timeout_s = confirm_timeout_s
        self.confirm_interval_s = confirm_interval_s

    @classmethod
    def open(cls, settings: Path | str | Settings | None = None) -> Self:
        """Make a gate from a settings file; see launchplane_gate.settings for where it is looked for.

        Raises SettingsError, PolicyError, EngineError or LedgerError; nothing has been done then.
        """
        if not isinstance(settings, Settings):
            settings = load_settings(Path(settings) if settings else None)
        bundle = load_bundle([shipped_policies(), *settings.policy_folders])
        engine = open_engine(bundle, settings.opa)
        store = FileStore(settings.state_dir, settings.profiles)
        ledger = Ledger.open(settings.state_dir, holds_records=store.holds_records())
        return cls(
            store=store,
            ledger=ledger,
            bundle=bundle,
            engine=engine,
            plugins=load_plugins(settings, now=ledger.now),
            lane_wait_s=settings.lane_wait_s,
            lease_s=settings.lease_s,
            confirm_timeout_s=settings.confirm_timeout_s,
            confirm_interval_s=settings.confirm_interval_s,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()

    def check(self, request: Request, actor: Actor, progress: Progress = quiet) -> Decision:
        """Gather real facts and decide; nothing is saved, held or changed."""
        return _Line(self, request, actor, progress).check()

    def run(self, request: Request, actor: Actor, progress: Progress = quiet) -> Run:
        """Take a request down the line; the run's status says how far it came.

        Raises UsageError, Undecided, Stale or LaneBusy where nothing was changed, NotSettled where something may
        have been and the ledger could not be told.
        """
        line = _Line(self, request, actor, progress)
        if open_run := line.already_open():
            return open_run
        with self.ledger.hold(line.lanes, wait_s=self.lane_wait_s, lease_s=self.lease_s, waiting=progress) as lease:
            if replayed := line.replay(lease):
                return replayed
            line.go(lease)
            try:
                run = read_run(self.ledger, line.run_id)
            except LedgerError as error:
                raise NotSettled(f"run {line.run_id} ended, but how cannot be read: {in_a_sentence(error)}") from error
            if run.status == "recorded" and run.publication:
                run = line.publish(run, lease)
        if run.status == "recorded":
            for wrong in self.plugins.recorded(run):
                progress(wrong)
        return run

    def publish(self, run_id: str, actor: Actor, progress: Progress = quiet) -> Run:
        """Publish, or finish publishing, the release of a recorded run; any number of times.

        Raises RequestError for a run that has no release to publish, Stale where its lane has moved on since: an old
        release must not become the latest.
        """
        run = read_run(self.ledger, run_id)
        if run.status != "recorded" or run.publication is None:
            raise RequestError(
                f"run {run_id} ended {run.status}" if run.publication else f"run {run_id} names no version to publish",
                hint="Nothing was published. A promotion with --version or --bump that was recorded can be.",
            )
        profile = self.profile(run.product)
        publisher = self.plugins.publisher(profile)
        lane = run.destination
        with self.ledger.hold([lane], wait_s=self.lane_wait_s, lease_s=self.lease_s, waiting=progress) as lease:
            row = self.ledger.run_row(run_id)
            assert row  # it was read above
            records = read_lane(self.store, self.ledger, lane)
            if moved := has_moved(records, self.ledger, row.inventory_version, row.source_git_ref):
                raise Stale(f"{moved}; {run.publication.version} is of what run {run_id} recorded", hint=OUTDATED)
            return publish(self.ledger, publisher, profile, run, actor, lease=lease, progress=progress)

    def driver(self, profile: ProductProfile) -> Driver:
        if profile.driver_id not in self.plugins.drivers:
            raise RequestError(f"no plugin brings the driver {profile.driver_id!r} of {profile.product}")
        return self.plugins.drivers[profile.driver_id]

    def profile(self, product: str) -> ProductProfile:
        """Raises RequestError for a product that the store does not know."""
        try:
            return self.store.read_product_profile_record(product)
        except FileNotFoundError:
            raise RequestError(
                f"unknown product {product!r}", hint="Nothing was done. `launchplane-gate lanes` lists the products."
            ) from None


def find_lane(profile: ProductProfile, instance: str) -> Lane:
    """The lane of a product that an instance names. Raises RequestError."""
    contexts = {lane.context for lane in profile.lanes if lane.instance == instance}
    if len(contexts) != 1:
        known = ", ".join(sorted({lane.instance for lane in profile.lanes})) or "none"
        raise RequestError(f"{profile.product} has no lane {instance!r}; it has: {known}")
    return Lane(context=contexts.pop(), instance=instance)


class _Line:
    """One request on its way; reads top to bottom."""

    def __init__(self, gate: Gate, request: Request, actor: Actor, progress: Progress) -> None:
        self.gate, self.request, self.actor, self.progress = gate, request, actor, progress
        self.store, self.ledger = gate.store, gate.ledger
        self.profile = gate.profile(request.product)
        self.driver = gate.driver(self.profile)
        self.destination = find_lane(self.profile, request.destination)
        self.source = find_lane(self.profile, request.source) if request.source else None
        self.lanes = [lane for lane in (self.destination, self.source) if lane]
        self.run_id = new_id("r")
        self.key = self._key(request.idempotency_key) if request.idempotency_key else None
        self.version = request.version
        self.at: RunStatus = "unknown"  # how the run would end if it stopped here
        self.records: dict[Lane, LaneRecords] = {}  # as last gathered
        self.facts: dict[str, Any] = {}
        self.release: ReleaseIdentity | None = None
        self.waivers: list[Waiver] = []
        self.deployment: DeploymentRecord | None = None
        self.outcome: OutcomeFacts | None = None

    # -- the line

    def check(self) -> Decision:
        return self._decide(self._gather("admit", dry_run=True))

    def go(self, lease: Lease) -> None:
        self.lease = lease
        approval = self._admit()
        if approval is None:
            return
        try:
            outcome = self._deploy(approval)
            if outcome is None:
                return
            if self._confirm(approval):
                self._record(approval, outcome)
        except BaseException as error:
            self._close_after(error, approval)
            if not isinstance(error, Exception):
                raise

    def publish(self, run: Run, lease: Lease) -> Run:
        """Publish what was recorded, unless it is; whatever becomes of it, the run stays recorded."""
        if run.publication is None or run.publication.published:
            return run
        publisher = self.gate.plugins.publisher(self.profile)
        return publish(self.ledger, publisher, self.profile, run, self.actor, lease=lease, progress=self.progress)

    def _admit(self) -> RunApproval | None:
        """Gather, decide and save the decision with its whole input; an approval if it allows."""
        try:
            facts = self._gather("admit")
            decision = self._decide(facts)
        except Exception as error:
            self._begin("undecided", {"detail": in_a_sentence(error)})
            if isinstance(error, GateError):
                raise
            raise EvidenceFailed(f"the facts could not be gathered: {in_a_sentence(error)}") from error
        body = {"decision": _dump(decision), "input": facts}
        if not decision.allowed or self.release is None:
            self._begin("denied", body)
            return None
        self._begin("decided", body)
        return RunApproval(
            run_id=self.run_id,
            release=self.release,
            decision=decision,
            versions={lane: self.records[lane].version for lane in self.lanes},
            lease=self.lease,
            ledger=self.ledger,
            store=self.store,
            reread=self._read,
        )

    def _deploy(self, approval: RunApproval) -> Outcome | None:
        """Let the driver act; an outcome if the platform may have changed, else None with the run closed."""
        self.at = "unknown"
        self.progress(f"deploying {self.release} to {self.destination.instance} with {self.driver.driver_id}")
        try:
            outcome = self.driver.deploy(approval, self.progress)
            if not isinstance(outcome, Outcome):
                outcome = Outcome(status="unknown", touched=True, detail=f"it answered with {type(outcome).__name__}")
        except Exception as error:  # noqa: BLE001  # whatever a driver raises is an outcome
            outcome = Outcome(
                status="unknown" if approval.redeemed else "fail",
                touched=approval.redeemed,
                detail=in_a_sentence(error),
            )
        if approval.stale and not approval.redeemed:
            self._close("stale", str(approval.stale))
            return None
        if not approval.redeemed:
            self._never_redeemed(approval, outcome)
            return None
        finished_at = stamp(self.ledger.now())
        assert approval.deployment  # redeemed, so there is one
        self.deployment = finished(
            approval.deployment,
            RECORD_STATUS[outcome.status],
            finished_at=finished_at if outcome.status != "unknown" else "",
            deployment_id=outcome.deployment_id,
        )
        self.outcome = OutcomeFacts(
            status=outcome.status,
            touched=outcome.touched,
            started_at=self.deployment.deploy.started_at,
            finished_at=finished_at,
        )
        self._step("outcome", {**self.outcome.model_dump(), "detail": outcome.detail})
        self.store.write_deployment_record(self.deployment)
        if outcome.status != "pass":
            self._close(outcome.status, outcome.detail)
            return None
        return outcome

    def _never_redeemed(self, approval: RunApproval, outcome: Outcome) -> None:
        """A driver that did not redeem has changed nothing, unless it broke its promise."""
        if outcome.status != "fail" or outcome.touched:
            fault = f"the driver {self.driver.driver_id} says {outcome.status!r} without having redeemed its approval"
            self._close("unknown", f"{fault}; {outcome.detail}".rstrip("; "), redeemed=True)
            return
        target = Target(
            target_type="application",
            target_id=str(self.destination),
            target_name=str(self.destination),
            deploy_mode=f"{self.driver.driver_id} (not begun)",
        )
        now = stamp(self.ledger.now())
        record = finished(pending_deployment(approval, target, now), "fail", finished_at=now, deployment_id="")
        self.store.write_deployment_record(record)
        self._close("fail", outcome.detail, untouched=True, deployment_record_id=record.record_id)

    def _confirm(self, approval: RunApproval) -> bool:
        """Observe and ask again until the policies are content or the time is over."""
        self.at = "unconfirmed"
        limit_s = min(self.gate.confirm_timeout_s, approval.seconds_left() / 2)
        deadline = time.monotonic() + limit_s
        while True:
            reason = ""
            try:
                facts = self._gather("confirm")
                decision = self._decide(facts)
                body = {"decision": _dump(decision), "input": facts}
            except Undecided as error:
                decision, body, reason = None, {}, f"no decision could be had: {in_a_sentence(error)}"
            if (decision and decision.allowed) or time.monotonic() >= deadline:
                break
            why = reason or (decision.refusals[0].message if decision else "")
            self.progress(f"waiting up to {limit_s:.0f} s for {self.destination.instance} to be seen running it: {why}")
            time.sleep(min(self.gate.confirm_interval_s, max(deadline - time.monotonic(), 0)))
        assert self.deployment  # written with the outcome
        passed = decision is not None and decision.allowed
        health = self._health(self.destination, "pass" if passed else "fail")
        self.deployment = with_health(self.deployment, health)
        self.store.write_deployment_record(self.deployment)
        if decision and decision.allowed:
            self._step("confirmed", body, confirmed_at=decision.decided_at)
            return True
        if decision:
            reason = "; ".join(refusal.message for refusal in decision.refusals)
        self._close("unconfirmed", reason, extra=body)
        return False

    def _record(self, approval: RunApproval, outcome: Outcome) -> None:
        """Let the driver have the promotion and the inventory written, and see that they were."""
        self.at = "unrecorded"
        assert self.deployment  # written with the outcome
        source_health = self._health(self.source, "pass") if self.source else HealthcheckEvidence()
        promotion = promotion_of(approval, self.deployment, source_health, self._backup())
        inventory = inventory_of(self.deployment, promotion, updated_at=stamp(self.ledger.now()))
        recorder = Recorder(approval, promotion, inventory)
        self.driver.record(outcome, recorder)
        if not recorder.written:
            raise NotSettled(f"the driver {self.driver.driver_id} did not write the inventory")
        self._close(
            "recorded",
            "",
            inventory_version=version(inventory),
            deployment_version=version(self.deployment),
        )

    # -- facts

    def _gather(self, phase: Phase, *, dry_run: bool = False) -> dict[str, Any]:
        """The policy input, each lane read once. Raises Undecided where a fact cannot be had."""
        own = "" if phase == "admit" else self.run_id
        with self.ledger.snapshot():
            self.records = {lane: self._read(lane) for lane in self.lanes}
            if phase == "admit":
                self.release = self._resolve()
            here = self.records[self.destination]
            destination = destination_facts(here, self.ledger, self.driver, self.store, but_run=own)
            source = lane_facts(self.records[self.source], self.ledger, self.driver) if self.source else None
            self.waivers = self.ledger.waivers(self.destination, self.release)
        if phase == "admit":
            self.version = self._version()
        decided = self.gate.bundle.settings.products.get(self.profile.product)
        question = Question(
            phase=phase,
            product=self.profile,
            source=self.source,
            destination=self.destination,
            release=self.release,
            runs=here.release,
            version=self.version,
            branches=decided.branches if decided else (),
            deadline_s=EVIDENCE_DEADLINE_S,
        )
        facts: dict[str, Any] = {
            "schema_version": 1,
            "action": self.request.action,
            "phase": phase,
            "nonce": secrets.token_hex(16),
            "actor": self.actor.model_dump(),
            "request": {
                "product": self.request.product,
                "reason": self.request.reason,
                "version": self.version,
                "expected": self.request.expected.stated(),
                "dry_run": dry_run,
            },
            "release": self.release and self.release.model_dump(),
            "product": self.profile.model_dump(mode="json", exclude_none=True),
            "driver": {"driver_id": self.driver.driver_id},
            "source": source,
            "destination": destination,
            "evidence": self.gate.plugins.evidence(question),
            "outcome": self.outcome and self.outcome.model_dump(),
        }
        facts["now"] = stamp(self.ledger.now())  # after the last fact
        try:
            PolicyInput.model_validate(facts)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise EvidenceFailed(f"the facts do not fit together: {place}: {first['msg']}") from None
        return facts

    def _resolve(self) -> ReleaseIdentity | None:
        """The release, once: a deploy's is the request's, a promotion's is what the source's inventory says."""
        if self.source:
            return self.records[self.source].release
        return ReleaseIdentity.model_validate(self.request.expected.stated())

    def _version(self) -> str | None:
        """The version to publish, once: given, or made of the latest. Raises RequestError where nobody publishes it."""
        if not (self.request.version or self.request.bump):
            return None
        publisher = self.gate.plugins.publisher(self.profile)
        return publisher.next_version(self.profile, self.request.bump) if self.request.bump else self.request.version

    def _decide(self, facts: dict[str, Any]) -> Decision:
        self.facts = facts
        return decide(
            self.gate.engine,
            self.gate.bundle,
            facts,
            waivers=self.waivers,
            now=self.ledger.now(),
            decision_id=new_id("d"),
        )

    def _read(self, lane: Lane) -> LaneRecords:
        own = self.deployment.record_id if self.deployment else None
        return read_lane(self.store, self.ledger, lane, but_deployment=own)

    def _health(self, lane: Lane, status: ReleaseStatus) -> HealthcheckEvidence:
        urls = self.profile.health_urls(lane.context, lane.instance)
        seconds = max(1, round(self.gate.confirm_timeout_s))
        return HealthcheckEvidence(verified=True, urls=urls, timeout_seconds=seconds, status=status)

    def _backup(self) -> str:
        """The newest backup of the destination that passed, if there is one."""
        passed = [b for b in self.facts["destination"]["backups"] if b["status"] == "pass"]
        return str(max(passed, key=lambda b: b["created_at"])["record_id"]) if passed else ""

    # -- the journal

    def _begin(self, step: str, body: dict[str, Any]) -> None:
        previous = self.records.get(self.destination)
        release = self.release
        row = {
            "run_id": self.run_id,
            "product": self.request.product,
            "action": self.request.action,
            "source_context": self.source and self.source.context,
            "source_instance": self.source and self.source.instance,
            "artifact_id": release and release.artifact_id,
            "source_git_ref": release and release.source_git_ref,
            "step": step,
            "status": "open" if step == "decided" else step,
            "source_version": version(self.records[self.source].inventory) if self.source in self.records else None,
        }
        opening = {
            "actor": self.actor.model_dump(),
            "reason": self.request.reason,
            "previous": previous and previous.release and previous.release.model_dump(),
            "version": self.version,
            **body,
        }
        self.ledger.begin_run(self.destination, row, opening, lease=self.lease, key=self.key)

    def _step(self, kind: str, body: Mapping[str, Any], **columns: Any) -> None:
        self.ledger.step(self.run_id, self.destination, kind, body, lease=self.lease, **columns)

    def _close(self, status: str, detail: str, *, extra: Mapping[str, Any] | None = None, **columns: Any) -> None:
        self._step(status, {**(extra or {}), "detail": detail[:1000]}, **columns)

    def _close_after(self, error: BaseException, approval: RunApproval) -> None:
        """Close a run that something unforeseen ended, at what it had reached; say so loudly where that fails too."""
        status = self.at if isinstance(error, Exception) else "interrupted"
        what = f"run {self.run_id} to {self.destination} ended {status}: {in_a_sentence(error)}"
        try:
            self._close(status, in_a_sentence(error))
        except GateError as unsaved:
            what += f"; the ledger could not be told: {in_a_sentence(unsaved)}"
            raise (NotSettled(what) if approval.redeemed else LedgerError(what)) from error

    # -- idempotency

    def _key(self, key: str) -> Key:
        return Key(
            scope=f"{self.actor.subject}|{self.request.action}|{self.destination}",
            key=key,
            request_digest=strictjson.digest(self.request.model_dump(exclude={"idempotency_key"})),
        )

    def _reserved(self) -> Row | None:
        """The run that the key belongs to. Raises KeyReused where it was another request's."""
        found = self.ledger.key(self.key) if self.key else None
        if self.key and found and found.request_digest != self.key.request_digest:
            raise KeyReused(f"the idempotency key {self.key.key!r} belongs to another request (run {found.run_id})")
        return self.ledger.run_row(found.run_id) if found else None

    def already_open(self) -> Run | None:
        """The run of this key where it is under way, and its process alive."""
        run = self._reserved()
        if run and run.status == "open" and self.ledger.is_held(self.destination, run.holder):
            return read_run(self.ledger, run.run_id).model_copy(update={"replayed": True})
        return None

    def replay(self, lease: Lease) -> Run | None:
        """The recorded run of this key while it is still true; None where the request is to be run.

        Raises StaleReplay where a lane has moved on since.
        """
        run = self._reserved()
        if run is None:
            return None
        moved = [what for lane in self.lanes if (what := self._moved(lane, run))]
        if not moved:
            return self.publish(read_run(self.ledger, run.run_id), lease).model_copy(update={"replayed": True})
        destination_settled, _ = settled(self._read(self.destination), self.ledger.last_effective(self.destination))
        source_moved = self.source is not None and self._moved(self.source, run)
        if not destination_settled and not source_moved:
            self.ledger.free(run.run_id)  # the cure of an unsettled lane is the same request again
            return None
        what = f"the {noun(run.action)} of {short(run.source_git_ref)} under this key ({run.run_id}) is no longer true"
        stale = StaleReplay(f"{what}: {'; '.join(moved)}")
        self.lease, self.release = lease, read_run(self.ledger, run.run_id).release
        self._begin("stale", {"detail": str(stale)})
        raise stale

    def _moved(self, lane: Lane, run: Row) -> str:
        """What has changed on a lane since a recorded run, in one sentence; empty where nothing has."""
        then = run.source_version if lane == self.source else run.inventory_version
        return has_moved(self._read(lane), self.ledger, then, run.source_git_ref)


def _dump(decision: Decision) -> dict[str, Any]:
    return decision.model_dump(mode="json")
