"""What is proven of a lane, from what each place says: no place is asked here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from launchplane_gate.model import Contract, Lane, ReleaseIdentity

Verdict = Literal["one", "differs", "unknown", "empty"]
CLAIMING = ("decision", "inventory")  # the first of them that names a release says which one all others are held to


class Identity(Contract):
    """What one place says. ``odd``: another release than the claim, or none where there has to be one.

    ``unseen``: this place does not show it. ``unknown``: it could not be asked. ``empty``: it shows that nothing runs.
    """

    what: str
    where: str
    artifact_id: str | None = None
    source_git_ref: str | None = None
    state: Literal["one", "odd", "unseen", "unknown", "empty"] = "one"
    detail: str = ""


class Proof(Contract):
    """``release`` is the claim: what decision and inventory name. Every other place is held to it, each once.

    Where the two differ, that is a difference, and the claim is what the decision let go. ``verdict`` is ``one`` only
    where nothing is odd and nothing unknown, ``empty`` only where nothing was ever recorded and nothing is seen to run.
    What a ``one`` rests on: ``by_digest``, where the platform shows that every running container is of that release's
    artifact; ``by_commit``, the health URLs that report its commit.
    """

    product: str
    lane: Lane
    release: ReleaseIdentity | None
    version: str | None
    identities: tuple[Identity, ...]
    verdict: Verdict
    by_digest: bool = False
    by_commit: tuple[str, ...] = ()


def of_release(what: str, where: str, release: ReleaseIdentity) -> Identity:
    return Identity(what=what, where=where, **release.model_dump())


def claimed(said: Iterable[Identity]) -> ReleaseIdentity | None:
    """What decision and inventory name; of two that differ, what was let go. However many others say another."""
    named = {
        one.what: ReleaseIdentity(artifact_id=one.artifact_id, source_git_ref=one.source_git_ref)
        for one in said
        if one.what in CLAIMING and one.artifact_id and one.source_git_ref
    }
    return next((named[what] for what in CLAIMING if what in named), None)


def held_to(claim: ReleaseIdentity | None, identity: Identity) -> Identity:
    """An identity that names another release than the claim is odd, whatever else is wrong with it."""
    if claim is None or identity.state not in ("one", "odd"):
        return identity
    names = (identity.artifact_id, identity.source_git_ref)
    if all(name in (None, own) for name, own in zip(names, (claim.artifact_id, claim.source_git_ref), strict=True)):
        return identity
    detail = ", ".join(filter(None, ["another one", identity.detail]))
    return identity.model_copy(update={"state": "odd", "detail": detail})


def verdict_on(identities: Iterable[Identity]) -> Verdict:
    identities = tuple(identities)
    states = {identity.state for identity in identities}
    if "odd" in states:
        return "differs"
    if "unknown" in states:
        return "unknown"
    if "empty" in states:
        seen = {identity.what for identity in identities if identity.state == "empty"}
        return "empty" if seen & {"runs", "health"} else "unknown"
    proven = {identity.what for identity in identities if identity.state == "one"}
    return "one" if {"inventory", "decision", "health"} <= proven else "unknown"


def worst_of(proofs: Iterable[Proof]) -> Verdict:
    """What several proofs come to. ``empty``, where there is none: nothing was proven then."""
    found = {proof.verdict for proof in proofs}
    order: tuple[Verdict, ...] = ("differs", "unknown", "empty", "one")
    return next((verdict for verdict in order if verdict in found), "empty")
