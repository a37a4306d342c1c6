"""A proof, as text: the verdict, then what each place says."""

from __future__ import annotations

from collections.abc import Mapping

from launchplane_gate.model import short
from launchplane_gate.prove import Identity, Proof
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import brief

MARKS: Mapping[str, str] = {"one": "ok", "odd": "x", "unseen": "-", "unknown": "?"}


def proof_text(proof: Proof) -> list[Block]:
    return [_verdict(proof), "", Table([_row(identity) for identity in proof.identities])]


def _verdict(proof: Proof) -> str:
    what = f"{proof.lane}" + (f" ({proof.version})" if proof.version else "")
    odd = [f"{identity.what} ({brief(identity.where)})" for identity in proof.identities if identity.state == "odd"]
    if odd:
        return f"Differs: {what} is not one release. The odd one out: {', '.join(odd)}."
    open_ = [identity.what for identity in proof.identities if identity.state == "unknown"]
    if proof.verdict == "unknown":
        return f"Not proven: {what}. Not known: {', '.join(open_) or 'what its health URLs report'}."
    shown = "What runs is shown by its digest" if proof.by_digest else "By which digest it runs is not shown"
    return f"One: everything that names the release of {what}, and can be seen, names {proof.release}. {shown}."


def _row(identity: Identity) -> tuple[str, ...]:
    shown = [short(identity.source_git_ref)] if identity.source_git_ref else []
    if identity.artifact_id and not shown:
        shown = [brief(identity.artifact_id.rpartition("@")[2])]
    detail = f"not observable: {identity.detail}" if identity.state == "unseen" else identity.detail
    return MARKS[identity.state], identity.what, brief(identity.where), " ".join(shown), brief(detail)
