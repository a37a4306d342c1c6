"""What an attestation says: a Statement of in-toto about a release, with SLSA's summary of a verification.

What the gate knows beyond that summary stands in it under a name of our own, as its specification allows: which rules
passed and which were waived, what was looked at, and what was not. Readers ignore what they do not know, and so do we.

Source: https://slsa.dev/spec/v1.2/verification_summary, https://github.com/in-toto/attestation (spec/v1).
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from launchplane_gate import strictjson
from launchplane_gate.errors import RequestError
from launchplane_gate.model import Decision

SLSA = "1.2"
PROMOTION = "urn:launchplane-gate:promotion:v1"
POLICIES = "urn:launchplane-gate:policies"
UNEVALUATED = "SLSA_BUILD_LEVEL_UNEVALUATED"  # of the tracks of SLSA nothing is claimed: nobody looked at a build
PASSED = "PASSED"
PINNED = re.compile(r"(.+)@sha256:([0-9a-f]{64})", re.ASCII)
NO_STATEMENT = "Nothing was checked. Of other attestations than those of a gate, their own verifiers tell."


class Said(BaseModel):
    """A part of an attestation, in the spelling of in-toto."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Resource(Said):
    name: str | None = None
    uri: str | None = None
    digest: dict[str, str]


class Verifier(Said):
    id: str
    version: dict[str, str] = {}


class Waived(Said):
    rule: str
    waiver: str
    approved_by: str


class Decided(Said):
    """One of the decisions that the promotion rests on, and what each rule on its roll call came to."""

    phase: str
    id: str
    at: str
    engine: str
    input_digest: str
    passed: tuple[str, ...]
    waived: tuple[Waived, ...] = ()


class Chained(Said):
    """The entry of the lane's chain that says how the run ended: whoever keeps later heads can hold it to them."""

    ledger: str
    lane: str
    position: int
    hash: str


class LookedAt(Said):
    """``digests``: whether the platform showed by which digest each container runs; ``evidence``: who was asked."""

    digests: str
    health_urls: int
    evidence: tuple[str, ...]


class NotLookedAt(Said):
    """``rules``: those that the policies have for whoever wants them asked, and that were not."""

    provenance: str = "no attestation of the build, or of what it depends on, was asked for"
    rules: tuple[str, ...] | None = None
    digests: str | None = None
    evidence: str | None = None


class Asker(Said):
    subject: str
    verified_by: str | None = None


class Promotion(Said):
    """``status``: ``unchanged`` where the lane was seen to run the release already. ``of_run``: that this finished."""

    run: str
    action: str
    status: str
    of_run: str | None = None
    product: str
    source: str
    destination: str
    artifact_id: str
    source_git_ref: str
    version: str | None = None
    actor: Asker
    decisions: tuple[Decided, ...]
    chain: Chained
    looked_at: LookedAt | None = None
    not_looked_at: NotLookedAt

    @property
    def release(self) -> dict[str, str]:
        return {"artifact_id": self.artifact_id, "source_git_ref": self.source_git_ref}


class Summary(Said):
    verifier: Verifier
    time_verified: str | None = None
    resource_uri: str
    policy: Resource
    input_attestations: tuple[Resource, ...] = ()
    verification_result: str
    verified_levels: tuple[str, ...]
    slsa_version: str | None = None
    promotion: Promotion = Field(validation_alias=PROMOTION, serialization_alias=PROMOTION)


class Statement(Said):
    type_: Literal["https://in-toto.io/Statement/v1"] = Field(validation_alias="_type", serialization_alias="_type")
    subject: tuple[Resource, ...] = Field(min_length=1)
    predicate_type: Literal["https://slsa.dev/verification_summary/v1"]
    predicate: Summary

    def as_bytes(self) -> bytes:
        """The same bytes for the same statement."""
        return strictjson.dumps(self.model_dump(mode="json", by_alias=True, exclude_none=True)).encode()

    @property
    def promotion(self) -> Promotion:
        return self.predicate.promotion


def decided(decision: Decision) -> Decided:
    """What an attestation says of a decision that allowed."""
    known = {waiver.waiver_id: waiver.approved_by for waiver in decision.waivers}
    return Decided(
        phase=decision.phase,
        id=decision.decision_id,
        at=decision.decided_at,
        engine=decision.engine,
        input_digest=decision.input_digest,
        passed=tuple(sorted(one.code for one in decision.results if one.status == "pass")),
        waived=tuple(
            Waived(rule=one.code, waiver=one.waiver_id or "", approved_by=known.get(one.waiver_id or "", ""))
            for one in sorted(decision.results, key=lambda one: one.code)
            if one.status == "waived"
        ),
    )


def stating(promotion: Promotion, last: Decision, verifier: Verifier) -> Statement:
    """The statement about a promotion; ``last``: the decision by which it was confirmed.

    Raises ValueError for an artifact that no digest pins.
    """
    return Statement(
        type_="https://in-toto.io/Statement/v1",
        predicate_type="https://slsa.dev/verification_summary/v1",
        subject=(artifact(promotion.artifact_id),),
        predicate=Summary(
            verifier=verifier,
            time_verified=last.decided_at,
            resource_uri=where_from(promotion.artifact_id),
            policy=Resource(uri=POLICIES, digest={"sha256": last.policy_revision}),
            verification_result=PASSED,
            verified_levels=(UNEVALUATED,),
            slsa_version=SLSA,
            promotion=promotion,
        ),
    )


def artifact(artifact_id: str) -> Resource:
    """An artifact as the subject of a statement. Raises ValueError where no digest pins it."""
    found = PINNED.fullmatch(artifact_id)
    if found is None:
        raise ValueError(f"{artifact_id} is not pinned by a digest")
    return Resource(name=found[1], digest={"sha256": found[2]})


def where_from(artifact_id: str) -> str:
    """The package URL of an artifact: of an image, where its name begins with a registry."""
    repository, _, digest = artifact_id.rpartition("@")
    registry, _, rest = repository.partition("/")
    version = quote(digest, safe="")
    if rest and (registry == "localhost" or "." in registry or ":" in registry):
        return f"pkg:oci/{rest.rpartition('/')[2]}@{version}?repository_url={quote(repository)}"
    return f"pkg:generic/{quote(repository)}@{version}"


def read_statement(payload: bytes) -> Statement:
    """Raises RequestError for what no gate says."""
    try:
        return Statement.model_validate(strictjson.loads(payload))
    except strictjson.NotStrictJson as error:
        raise RequestError(f"it is no attestation: its statement {error}", hint=NO_STATEMENT) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"it is no attestation of a promotion: {place}: {first['msg']}" if place else "it is no statement"
        raise RequestError(what, hint=NO_STATEMENT) from None
