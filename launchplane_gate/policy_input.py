"""What is asked of the rules. A key that is absent: nobody looked. null: looked for and not found."""

from __future__ import annotations

from typing import Any, Literal

from launchplane_gate.model import (
    Action,
    Actor,
    Contract,
    Expected,
    Hold,
    Lane,
    Observation,
    OutcomeStatus,
    ReleaseIdentity,
    Running,
    RunStatus,
)
from launchplane_gate.records import EnvironmentInventory


class RequestFacts(Contract):
    """``reported``: what is said to have become of a deploy; told of evidence alone."""

    product: str
    reason: str
    version: str | None = None
    expected: Expected
    dry_run: bool
    reported: str | None = None


class DriverFacts(Contract):
    """The driver that would act; ``addressed``: the one that the caller named, null where it named none."""

    driver_id: str
    addressed: str | None = None


class ImageFacts(Contract):
    repository: str


class ProductLaneFacts(Contract):
    """One health URL of a lane; a query in it is `#` and eight digits of its digest (``urls.without_query``)."""

    context: str
    instance: str
    base_url: str
    health_url: str


class ProductFacts(Contract):
    """What rules may read of a product: nothing else of the host's profile, which may hold secrets, is told them."""

    product: str
    repository: str
    driver_id: str
    image: ImageFacts
    health_path: str
    lanes: tuple[ProductLaneFacts, ...]


class DeploymentFacts(Contract):
    """A deployment record in short; what a record does not say is null.

    ``touched`` is false only where the ledger knows that the deploy changed nothing; ``older`` is true only where the
    ledger knows that it came before the one that the inventory names. ``first_seen``: when a record that is not the
    gate's own was first seen, as it is. ``update``: how what was done after the deploy ended, such as migrations and
    tests; null where nothing was.
    """

    record_id: str
    context: str
    instance: str
    artifact_id: str | None
    source_git_ref: str | None
    status: str | None
    started_at: str | None
    finished_at: str | None
    touched: bool
    older: bool = False
    first_seen: str | None = None
    update: str | None = None


class LastRun(Contract):
    run_id: str
    action: str
    status: RunStatus
    artifact_id: str | None
    source_git_ref: str | None
    at: str


class RunFacts(Contract):
    """What the ledger knows of a lane.

    ``settled``: its last run that redeemed, touched or recorded anything was recorded, and its inventory is what that
    run wrote; ``open``: another run on it has neither finished nor been closed; ``why``: one sentence for people.
    """

    settled: bool
    open: bool
    why: str
    last: LastRun | None
    confirmed_at: str | None


class LaneFacts(Contract):
    """``steady_since``: since when every look found the running containers that it finds now (id, start, restarts,
    artifact): those that the lane's last run was confirmed on, else those of the first look of this question.
    """

    lane: Lane
    inventory: EnvironmentInventory | None = None
    deployments: tuple[DeploymentFacts, ...] = ()
    observed: Observation | None = None
    steady_since: str | None = None
    hold: Hold | None = None
    run: RunFacts


class HistoryEntry(Contract):
    """A release that the lane's inventory has named; ``at`` is when it last did.

    ``rolled_back``: it was taken out of service there since, and did not come back.
    """

    artifact_id: str
    source_git_ref: str
    action: str
    at: str
    rolled_back: bool


class BackupFacts(Contract):
    """``first_seen``: when its record was, as it is; the age of a backup is the older of both moments."""

    record_id: str
    context: str
    instance: str
    status: str
    created_at: str
    first_seen: str | None = None


class MayRun(Contract):
    """A release that a lane may run for all that is known; the part of it that is not known is null."""

    artifact_id: str | None
    source_git_ref: str | None


class Made(Contract):
    """By which run and by whom a release was made; null: by a gate that did not note by whom."""

    run_id: str
    author: str | None


class ReleasedVersion(Contract):
    """A version that a recorded run of the product asked for, and the commit that it is of.

    ``made``: who made what there is of it, as the journal noted. One that can never be published is none of these.
    """

    version: str
    source_git_ref: str
    published: bool = False
    made: tuple[Made, ...] = ()


class DestinationFacts(LaneFacts):
    """``history``: by release, newest first, as far as it has the artifact or the commit of the one at hand.

    ``rolled_back``: every release with that artifact or commit that a rollback took out of service here, recorded or
    not. ``way_back``: where an unsettled lane may be rolled back to, the first thing first: where a rollback that was
    not recorded was to lead, and what was recorded last. ``versions``: every one that the ledger knows of for this
    product, the first one first. ``brought``: the release of its last run that redeemed, null where there is none;
    told of evidence alone.
    """

    history: tuple[HistoryEntry, ...] = ()
    rolled_back: tuple[ReleaseIdentity, ...] = ()
    way_back: tuple[ReleaseIdentity, ...] = ()
    backups: tuple[BackupFacts, ...] = ()
    may_run: tuple[MayRun, ...] = ()
    versions: tuple[ReleasedVersion, ...] = ()
    brought: ReleaseIdentity | None = None


class OutcomeFacts(Contract):
    """Of a deploy, or (``unchanged``) of the look that took the place of one.

    ``good_since``: when the first of the looks began that were all good, one after the other, up to the one before
    this: in a good look every rule of ``confirm`` but ``confirm.stayed_up`` is satisfied, and the running containers
    are those of the look before. ``told_apart_by``: what told the release from others in ``admit``.
    """

    status: OutcomeStatus | Literal["unchanged"]
    touched: bool
    started_at: str
    finished_at: str
    good_since: str | None = None
    told_apart_by: Literal["digests", "commit"] = "digests"


class NamedLane(Contract):
    lane: Lane


class WaiverFacts(Contract):
    """A waiver that is to be approved: who requested it, and who approves it, as persons.

    Names are compared without case, verifier and host; empty for one that is not known.
    """

    waiver_id: str
    code: str
    requester: str
    approver: str


class StandingInput(Contract):
    """What the rules may read in ``standing``: what is asked, by whom, and what was decided and recorded before.

    ``release``: the one that the request names. ``product`` is null, and ``driver`` names nothing, for who is named by
    no entry of the policies: to them a product that there is reads like one that there is not.
    """

    schema_version: Literal[1] = 1
    action: Action
    phase: Literal["standing"]
    nonce: str
    actor: Actor
    request: RequestFacts
    release: ReleaseIdentity | None
    product: ProductFacts | None
    driver: DriverFacts
    source: NamedLane | None
    destination: NamedLane
    waiver: WaiverFacts | None


class PolicyInput(Contract):
    """Everything that the rules may read in ``admit`` and ``confirm``.

    Times are RFC 3339 in UTC, written with ``Z``.
    """

    schema_version: Literal[1] = 1
    action: Running
    phase: Literal["admit", "confirm"]
    nonce: str
    now: str
    actor: Actor
    request: RequestFacts
    release: ReleaseIdentity | None
    product: ProductFacts
    driver: DriverFacts
    source: LaneFacts | None
    destination: DestinationFacts
    evidence: dict[str, Any]
    outcome: OutcomeFacts | None
