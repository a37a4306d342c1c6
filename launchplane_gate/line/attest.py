"""Attesting a promotion: what the ledger has of it, signed once, kept there, and put beside the release.

The ledger keeps the very bytes before they are handed on: any later attempt hands on the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launchplane_gate.attestation import (
    Asker,
    Chained,
    LookedAt,
    NotLookedAt,
    Promotion,
    Statement,
    decided,
    stating,
)
from launchplane_gate.attesting import Attester
from launchplane_gate.errors import GateError, LedgerError, in_a_sentence
from launchplane_gate.ledger import Entry, Lease, Ledger
from launchplane_gate.line.parts import Parts
from launchplane_gate.model import Attestation, Decision, Run
from launchplane_gate.policy.bundle.packing import config_in
from launchplane_gate.strictjson import sha256

KINDS = ("decided", "confirmed", "recorded", "unchanged")


def is_attested(run: Run) -> bool:
    """Whether a run is one that is attested: a promotion that was recorded, or that is to be published unchanged."""
    return run.source is not None and (
        run.status == "recorded" or (run.status == "unchanged" and bool(run.publication))
    )


def attested(parts: Parts, run: Run, *, lease: Lease) -> tuple[Run, dict[str, bytes]]:
    """The run with its attestation, and the file that a release of it has to carry; where nothing is attested, neither.

    Nothing is raised: what is missing is told. The caller has seen to it that the run is still true.
    """
    if parts.attester is None or not is_attested(run):
        made = run.attestation if run.attestation and run.attestation.made else None
        return run.model_copy(update={"attestation": made}), {}
    made, content = _attest(parts.ledger, parts.attester, run, lease)
    return run.model_copy(update={"attestation": made}), {made.name: content} if made.made else {}


def _attest(ledger: Ledger, attester: Attester, run: Run, lease: Lease) -> tuple[Attestation, bytes]:
    """What was signed of a run, by now or before, and its bytes."""
    name = f"{run.run_id}.intoto.json"
    try:
        if kept := ledger.body_of(run.run_id, "attested"):
            made, content = Attestation.model_validate(kept["attestation"]), str(kept["envelope"]).encode()
        else:
            content, key_id = attester.sign(_statement(ledger, attester, run).as_bytes())
            made = Attestation(made=True, name=name, sha256=sha256(content), key_id=key_id)
        attester.put(name, content)
        if run.attestation != made:
            body = {"attestation": made.model_dump(), "envelope": content.decode()}
            ledger.note(run.run_id, run.destination, "attested", body, lease=lease)
    except LedgerError as error:
        return Attestation(made=False, name=name, detail=f"the ledger could not be told: {in_a_sentence(error)}"), b""
    except (GateError, OSError, ValueError) as error:
        return _not_made(ledger, run, name, in_a_sentence(error), lease), b""
    return made, content


def _not_made(ledger: Ledger, run: Run, name: str, why: str, lease: Lease) -> Attestation:
    failed = Attestation(made=False, name=name, detail=why)
    try:
        body = {"attestation": failed.model_dump(), "detail": why}
        ledger.note(run.run_id, run.destination, "unattested", body, lease=lease)
    except LedgerError as error:
        return failed.model_copy(update={"detail": f"{why}; the ledger could not be told: {in_a_sentence(error)}"})
    return failed


def _statement(ledger: Ledger, attester: Attester, run: Run) -> Statement:
    """Raises ValueError for a run of which something is not known that an attestation has to say."""
    decisions = [decision for decision in (run.admitted, run.confirmed) if decision]
    if not decisions or run.release is None or run.source is None:
        raise ValueError("by which decisions it was recorded is not known")
    entries = {entry.kind: entry for entry in ledger.entries(subject=run.run_id, kinds=KINDS)}
    if (end := entries.get(run.status)) is None:
        raise ValueError("which entry recorded it is not known")
    last, (looked, unseen) = decisions[-1], looked_at(entries)
    promotion = Promotion(
        run=run.run_id,
        action=run.action,
        status=run.status,
        of_run=run.of_run,
        product=run.product,
        source=str(run.source),
        destination=str(run.destination),
        artifact_id=run.release.artifact_id,
        source_git_ref=run.release.source_git_ref,
        version=run.publication.version if run.publication else None,
        actor=Asker(subject=run.actor.subject, verified_by=run.actor.verified_by),
        decisions=tuple(decided(decision) for decision in decisions),
        chain=Chained(
            ledger=ledger.ledger_id(),
            lane=str(end.lane),
            position=end.position,
            hash=ledger.hash_at(end.lane, end.position) or "",
        ),
        looked_at=looked,
        not_looked_at=unseen.model_copy(update={"rules": _not_asked(ledger, last, decisions)}),
    )
    return stating(promotion, last, attester.verifier)


def looked_at(entries: Mapping[str, Entry]) -> tuple[LookedAt | None, NotLookedAt]:
    """What the two decisions rest on, as far as their inputs are still there; ``entries`` of a run, by their kinds."""
    began, end = entries.get("decided"), entries.get("confirmed") or entries.get("unchanged")
    before, after = began.input if began else None, end.input if end else None
    if before is None or after is None:
        return None, NotLookedAt(evidence="what was looked at is in the archive of the ledger")
    try:
        return _facts_of(before, after)
    except (AttributeError, LookupError, TypeError):
        return None, NotLookedAt(evidence="what was looked at was kept by an older gate, in another form")


def _facts_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[LookedAt, NotLookedAt]:
    seen: Mapping[str, Any] = after["destination"]["observed"]
    asked = {source for facts in (before, after) for source, found in facts["evidence"].items() if found != {}}
    samples = (after["evidence"].get("health") or {}).get("destination") or ()
    looked = LookedAt(
        digests=seen["digests"],
        health_urls=len({sample["url"] for sample in samples}),
        evidence=tuple(sorted(asked)),
    )
    if seen["digests"] == "shown":
        return looked, NotLookedAt()
    why = seen["lacks"] or seen["detail"] or "the platform does not show it"
    return looked, NotLookedAt(digests=f"by which digest it runs: {why}")


def _not_asked(ledger: Ledger, last: Decision, decisions: list[Decision]) -> tuple[str, ...] | None:
    """The rules that the policies have for whoever wants them asked, and that were not; None where nobody knows."""
    packed = ledger.policies(last.policy_revision)
    if packed is None:
        return None
    asked = {result.code for decision in decisions for result in decision.results}
    optional = config_in(packed).get("roll_call", {}).get("optional", ())
    return tuple(sorted(set(optional) - asked))
