"""The contracts: what a request, a policy input, a decision and a run are made of.

A contract refuses what cannot be represented; a policy refuses what must not be done. So an artifact must not be empty
here, and must be pinned by digest in ``release.artifact_pinned``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from launchplane_gate.moments import stamp as stamp  # noqa: PLC0414  # told on: contracts and their times go together
from launchplane_gate.moments import unstamp as unstamp  # noqa: PLC0414  # the same
from launchplane_gate.records import PostDeployUpdate, ProductProfile, ReleaseStatus
from launchplane_gate.words import noun as noun  # noqa: PLC0414  # the same
from launchplane_gate.words import short as short  # noqa: PLC0414  # the same

SCHEMA_VERSION = 1

Shipping = Literal["deploy", "promote", "rollback"]
Settling = Literal["resume", "reconcile", "evidence"]  # which deploy nothing: they look, and record what is proven
Running = Literal[Shipping, Settling]
Observable = Literal[Shipping, "evidence"]  # what was asked before there was a gate; the rest is asked of it alone
Action = Literal[Running, "publish", "waive", "approve", "revoke", "adopt", "restore", "hold", "release", "quarantine"]
Phase = Literal["standing", "admit", "confirm"]
Bump = Literal["major", "minor", "patch"]
Mode = Literal["enforce", "observe"]  # whether what the policies refuse is kept from happening
OutcomeStatus = Literal["pass", "fail", "unknown"]
RunStatus = Literal[
    "open",  # neither finished nor closed
    "denied",
    "stale",
    "undecided",
    "fail",
    "unknown",
    "unconfirmed",
    "unrecorded",
    "interrupted",
    "adopted",  # an inventory that stood in the store before the ledger did
    "restored",  # a lane whose ledger was restored without what came after
    "unchanged",  # a promotion of what the destination was seen to run already: nothing was deployed
    "observed",  # seen to run and in the inventory, though enforced policies would have refused it
    "recorded",
]


def _no_dots_in_a_row(name: str) -> str:
    if ".." in name:
        raise ValueError("must not hold '..'")
    return name


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"),  # becomes a part of file names and record ids
    AfterValidator(_no_dots_in_a_row),
]
RecordId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"),  # becomes the name of a file, too
    AfterValidator(_no_dots_in_a_row),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]
Version = Annotated[str, StringConstraints(max_length=100, pattern=r"^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")]
ClaimText = Annotated[str, StringConstraints(max_length=1000)]
RuleCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]


class Contract(BaseModel):
    """Frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Lane(Contract):
    """Where a release runs. ``str(lane)`` is ``context/instance``."""

    context: Name
    instance: Name

    def __str__(self) -> str:
        return f"{self.context}/{self.instance}"

    def __hash__(self) -> int:
        return hash((self.context, self.instance))

    @classmethod
    def parse(cls, text: str) -> Lane:
        """Read ``context/instance``; raises ValueError otherwise."""
        context, _, instance = text.partition("/")
        return cls(context=context, instance=instance)


class ReleaseIdentity(Contract):
    """An artifact and the commit that it was built from."""

    artifact_id: Identifier
    source_git_ref: Identifier

    def __str__(self) -> str:
        return short(self.source_git_ref)


class Expected(Contract):
    """What the caller believes would run: an expectation to be held against the facts, never a fact."""

    artifact_id: Identifier | None = None
    source_git_ref: Identifier | None = None

    def stated(self) -> dict[str, str]:
        return self.model_dump(exclude_none=True)


class Token(Contract):
    """What is spent of a token that proved an actor: a digest that names it, and when nobody takes it any more."""

    digest: str
    until: AwareDatetime


class Actor(Contract):
    """Who asks, and who verified that: ``github-oidc``, the host's own word, or None for a person at a terminal.

    ``person``: the human behind a subject that names none, such as a job of CI, by the word of who verified it; empty
    where that one does not know. None: the subject is the person. ``claims``: what else was verified, for rules to
    read. ``token``: what proved the actor, if a token did; it is no part of any record, and whoever is read back from
    one has none.
    """

    subject: Text
    verified_by: Text | None = None
    person: Annotated[str, StringConstraints(max_length=1000)] | None = None
    claims: dict[str, ClaimText] = {}
    _token: Token | None = None

    @property
    def token(self) -> Token | None:
        return self._token

    def proven_by(self, token: Token) -> Actor:
        """The same actor, who spends this token with the first request that is admitted."""
        actor = self.model_copy()
        actor._token = token
        return actor


class Request(Contract):
    """Leave asked to deploy a release to a lane, to promote what one lane runs to another, or to roll a lane back.

    A deploy names its release in ``expected``, both parts. A promotion need not: what the source lane runs is
    promoted, and whatever ``expected`` states must be equal to it. Nor need a rollback: it goes back to what the lane
    ran before, or to the one release of its history that is what ``expected`` states. Lanes are named by instance. A
    promotion with a ``version``, or with the ``bump`` that makes one of the product's latest, is published as a release
    under it. One of what the destination runs already changes nothing, unless it asks for a ``redeploy``; a deploy
    always deploys, and so does a rollback.
    ``driver``: the one that the caller addressed, by its id, where it addressed one.

    A ``resume`` finishes the run ``of_run``, which was interrupted and is the last one that redeemed on its lane; a
    ``reconcile`` settles a lane by what it is seen to run; ``evidence`` reports what somebody else deployed: a release
    in ``expected``, both parts, and in ``reported`` what became of that deploy. None of them deploys anything.

    ``deployment_record_id``, ``promotion_record_id``: of the records to be written, where the caller chose their ids;
    no record has them yet. ``timeout_s``: how long the caller lets the deploy take, in seconds; more than its driver's
    deploy may take is cut to that. ``fingerprint``: of what the caller was asked itself, where that is more than stands
    here: a key with another one is a key used again.
    """

    action: Running
    product: Name
    source: Name | None = None
    destination: Name
    expected: Expected = Expected()
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""
    version: Version | None = None
    bump: Bump | None = None
    redeploy: bool = False
    driver: Name | None = None
    of_run: Identifier | None = None
    reported: ReleaseStatus | None = None
    deployment_record_id: RecordId | None = None
    promotion_record_id: RecordId | None = None
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    idempotency_key: Identifier | None = None
    fingerprint: Identifier | None = None

    @property
    def names(self) -> dict[str, str]:
        """The ids that the caller chose, by the kind of the record."""
        chosen = {"deployment": self.deployment_record_id, "promotion": self.promotion_record_id}
        return {kind: record_id for kind, record_id in chosen.items() if record_id}

    @model_validator(mode="after")
    def _names_what_is_written(self) -> Request:
        this = f"a {noun(self.action)}"
        if self.promotion_record_id and self.action != "promote":
            raise ValueError(f"{this} has no promotion record")
        if self.deployment_record_id and self.action not in (*get_args(Shipping), "evidence"):
            raise ValueError(f"{this} makes no deployment")
        if self.timeout_s and self.action not in get_args(Shipping):
            raise ValueError(f"{this} deploys nothing that could take too long")
        return self

    @model_validator(mode="after")
    def _is_whole(self) -> Request:
        this = f"a {noun(self.action)}"
        if self.action == "promote" and self.source in (None, self.destination):
            raise ValueError("a promotion needs a source lane other than its destination")
        if self.action != "promote" and self.source is not None:
            raise ValueError(f"{this} has no source lane")
        if self.action in ("deploy", "evidence") and len(self.expected.stated()) != len(Expected.model_fields):
            raise ValueError(f"{this} names its artifact and its commit")
        if self.version and self.bump:
            raise ValueError("a version is given or bumped, not both")
        if self.action in ("deploy", "rollback") and self.redeploy:
            raise ValueError(f"{this} always deploys; redeploy is for a promotion")
        if self.action in ("deploy", "rollback") and (self.version or self.bump):
            raise ValueError(f"{this} publishes nothing; a promotion does")
        if (self.of_run is not None) != (self.action == "resume"):
            raise ValueError("a resume names the run that it finishes, and nothing else does")
        if (self.reported is not None) != (self.action == "evidence"):
            raise ValueError("a report says what became of a deploy, and nothing else does")
        if self.action in get_args(Settling) and (self.source or self.redeploy or self.version or self.bump):
            raise ValueError(f"{this} has no source lane, and deploys and names no version")
        return self


# -- what is seen of a lane, and what may not happen there


class Container(Contract):
    """One running container or process of a lane: what of it is kept, and nothing else; never its environment.

    ``artifact_id`` is the pinned name by which its image was pulled (``repository@sha256:…``), never the image's id;
    None where that is not shown. ``started_at`` is the platform's word: it is compared with itself, never with our
    clock. ``state``: ``running`` where it serves; else in the platform's words (``starting``, ``unhealthy``, ...).
    """

    container_id: Identifier
    artifact_id: str | None
    started_at: str = ""
    restarts: int = 0
    state: str = "running"


class Observation(Contract):
    """What a platform says of a lane. ``artifact_id`` is what runs, ``configured_artifact_id`` what is set to run.

    None where the platform does not tell, or where nothing runs. ``digests``: ``shown`` where the platform tells by
    which digest each running container was pulled; ``not_shown`` where it, or the right that we have, does not allow
    that; ``failed`` where it could not be read just now, or fewer containers are seen than are wanted. Where digests
    are shown, ``artifact_id`` is the one that every running container has, and None where they differ. ``containers``:
    every one that runs, old and new side by side; ``lacks``: the right that is missing, and what it would show;
    ``run_id``: the run of a gate that the platform's newest deployment names, empty where it names none.
    """

    seen_at: str
    reachable: bool
    artifact_id: str | None
    configured_artifact_id: str | None = None
    digests: Literal["shown", "not_shown", "failed"] = "not_shown"
    containers: tuple[Container, ...] = ()
    in_flight: bool | None
    detail: str = ""
    lacks: str = ""
    run_id: str = ""


class Hold(Contract):
    """``until``: when it ends by itself, RFC 3339 in UTC with ``Z``; None for one that only a person ends."""

    reason: Text
    subject: Text
    since: str
    until: str | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended by itself; one that ends at no moment that can be read goes on."""
        ends = unstamp(self.until) if self.until else None
        return ends is not None and ends <= now


# -- what comes back


class WaiverApproval(Contract):
    """Who let a waiver count, and how that is known.

    ``identity``: verified as they asked; ``signature``: by their SSH key; ``word``: the word of who requested it, where
    the policies let that be enough; ``claimed``: that word, from before approvals were proven, which never counts.
    """

    by: Actor
    how: Literal["identity", "signature", "word", "claimed"]
    at: AwareDatetime


class Waiver(Contract):
    """Leave to pass one rule on one destination lane, for one release, until a moment.

    It counts once it is approved, by neither who requested it nor who asks for what it lets through.
    """

    waiver_id: Identifier
    code: RuleCode
    product: str = ""  # not told in those from before
    lane: Lane
    release: ReleaseIdentity
    reason: Text
    requested_by: Actor
    requested_at: AwareDatetime
    expires_at: AwareDatetime
    approval: WaiverApproval | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_before(cls, told: Any) -> Any:
        """A waiver as it was kept when its approver was a name that the granting person wrote."""
        if not isinstance(told, dict) or "granted_by" not in told:
            return told
        by, at = told["granted_by"], told["granted_at"]
        kept = {key: value for key, value in told.items() if key not in ("granted_by", "granted_at", "approver")}
        approval = {"by": {"subject": told["approver"]}, "how": "claimed", "at": at}
        return {**kept, "requested_by": by, "requested_at": at, "approval": approval}

    @property
    def approved_by(self) -> str:
        """Who approved it, and how that is known, for people."""
        if self.approval is None:
            return "nobody yet"
        by = self.approval.by
        known = {
            "identity": f"verified by {by.verified_by}",
            "signature": "by their SSH key",
            "word": f"by the word of {self.requested_by.subject} alone",
            "claimed": "only named, which does not count",
        }
        return f"{by.subject}, {known[self.approval.how]}"


class RuleResult(Contract):
    """``follows``: the rules refused in the same decision that this refusal comes of, by the word of its author.

    ``waivable``: it refuses, and somebody could approve a waiver of it.
    """

    code: str
    status: Literal["pass", "fail", "waived"]
    title: str
    message: str
    remedy: str
    waiver_id: str | None = None
    follows: tuple[str, ...] = ()
    waivable: bool = False


class Decision(Contract):
    """One result per rule of the roll call; allowed only if there is one and every one is pass or waived."""

    schema_version: Literal[1] = 1
    decision_id: str
    action: Action
    phase: Phase
    product: str
    source: Lane | None
    destination: Lane
    release: ReleaseIdentity | None
    actor: Actor
    results: tuple[RuleResult, ...]
    waivers: tuple[Waiver, ...] = ()  # those that were used, each until when it counts by the policies
    engine: str
    policy_revision: str
    input_digest: str
    decided_at: str
    trace: str | None = None  # by which the caller knows the call that it was made in
    mode: Mode = "enforce"  # in which it was made

    @property
    def allowed(self) -> bool:
        return bool(self.results) and all(result.status in ("pass", "waived") for result in self.results)

    @property
    def refusals(self) -> tuple[RuleResult, ...]:
        return tuple(result for result in self.results if result.status == "fail")

    @property
    def causes(self) -> tuple[RuleResult, ...]:
        """The refusals that follow from no other one."""
        return tuple(result for result in self.refusals if not result.follows)


class Outcome(Contract):
    """What became of a deploy, in the driver's words.

    ``unknown`` is never read as pass or fail. ``touched`` false: the platform is as it was before.
    ``post_deploy_update``, where there was one, and ``runtime_source`` reach the deployment record as they are told;
    there, names that begin with ``gate_`` are the gate's alone.
    """

    status: OutcomeStatus
    touched: bool
    detail: str = ""
    deployment_id: str = ""
    post_deploy_update: PostDeployUpdate | None = None
    runtime_source: dict[str, str] = {}

    @model_validator(mode="after")
    def _what_passed_is_updated(self) -> Outcome:
        if self.status == "pass" and self.post_deploy_update and self.post_deploy_update.status in ("fail", "pending"):
            raise ValueError(f"an outcome that passed, with an update after it: {self.post_deploy_update.status}")
        return self


class Target(Contract):
    """Where on its platform a driver deploys a lane, in the host's vocabulary."""

    target_type: Literal["compose", "application"]
    target_id: Identifier
    target_name: Text
    deploy_mode: Text


class Publication(Contract):
    """A release that was to be published; ``detail`` says what is missing, where it is not.

    ``missing``: the files that it was to carry, of one that is out without them. ``author``: who made it, or a draft of
    it; ``authors``: everyone who may have, as the journal noted before that. ``prerelease`` is as read back, and so is
    ``latest``, the version that is shown as the latest. ``drafts``: where drafts of ours are left. ``never``: it cannot
    be published under this version any more; it can under ``instead``, or where that is empty under any that is new.
    """

    version: str
    published: bool
    url: str = ""
    detail: str = ""
    missing: tuple[str, ...] = ()
    author: str = ""
    authors: tuple[str, ...] = ()
    prerelease: bool | None = None
    latest: str | None = None
    drafts: tuple[str, ...] = ()
    never: bool = False
    instead: str = ""

    @property
    def is_whole(self) -> bool:
        return self.published and not self.missing


class Attestation(Contract):
    """A signed statement of what a promotion rests on: a file of the state folder, in ``attestations``.

    ``detail`` says what is missing, where it was not made. ``sha256``: of the file; ``key_id``: of who signed it.
    """

    made: bool
    name: str
    sha256: str = ""
    key_id: str = ""
    detail: str = ""


class Run(Contract):
    """One request from decision to record; ``status`` is what it has reached.

    ``run_id`` is empty where who asked is not permitted to: the decision is on record then, and no run. ``admitted``:
    the decision that let it go, or that refused it. ``of_run``: the run that this one finished or recorded anew.
    ``trace``: by which the caller knows the call that made it; a repeat of a request has that of the first. ``mode``:
    in which it began. ``overlooked``: what enforced policies would have refused it for, of one that was let go all the
    same, or of the run that it finished.
    """

    schema_version: Literal[1] = 1
    run_id: str
    status: RunStatus
    action: Literal[Running, "adopt", "restore"]
    product: str
    source: Lane | None
    destination: Lane
    release: ReleaseIdentity | None
    previous: ReleaseIdentity | None
    actor: Actor
    reason: str
    started_at: str
    of_run: str | None = None
    detail: str = ""
    touched: bool = False
    redeemed: bool = False
    admitted: Decision | None = None
    confirmed: Decision | None = None
    deployment_record_id: str | None = None
    promotion_record_id: str | None = None
    publication: Publication | None = None  # None where none was asked for
    attestation: Attestation | None = None  # None where the settings name no key for it
    trace: str | None = None
    mode: Mode = "enforce"
    overlooked: str = ""
    replayed: bool = False


def lanes_of(profile: ProductProfile) -> list[Lane]:
    """The lanes of a product, each once."""
    return list(dict.fromkeys(Lane(context=one.context, instance=one.instance) for one in profile.lanes))
