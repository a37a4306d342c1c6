"""Proofs, as text: the verdict and what it rests on, then what each place says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from launchplane_gate.commands import command
from launchplane_gate.model import short
from launchplane_gate.prove import Identity, Proof
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import brief, count

MARKS: Mapping[str, str] = {"one": "ok", "odd": "x", "unseen": "-", "unknown": "?", "empty": "-"}


def proof_text(proof: Proof) -> list[Block]:
    return [_verdict(proof), "", _table(proof)]


def proofs_text(proofs: Sequence[Proof]) -> list[Block]:
    """A line for each lane, and of each that is not one release or empty what its places say."""
    text: list[Block] = [_verdict(proof) for proof in proofs]
    for proof in proofs:
        if proof.verdict in ("differs", "unknown"):
            text += ["", f"{proof.lane}:", _table(proof)]
    if one := next((proof for proof in proofs if proof.verdict == "one"), None):
        whole = command("prove", f"{one.product}/{one.lane.instance}")
        text += ["", f"What each place says of one lane: {whole}"]
    return text


def _verdict(proof: Proof) -> str:
    what = f"{proof.lane}" + (f" ({proof.version})" if proof.version else "")
    odd = [f"{identity.what} ({brief(identity.where)})" for identity in proof.identities if identity.state == "odd"]
    match proof.verdict:
        case "differs":
            claim = f"names {proof.release}" if proof.release else "names a release, and nothing is to run there"
            return f"Differs: {what}: not everything {claim}. The odd one out: {', '.join(odd)}."
        case "unknown":
            open_ = dict.fromkeys(identity.what for identity in proof.identities if identity.state == "unknown")
            return f"Not proven: {what}. Not known: {', '.join(open_) or 'what its health URLs report'}."
        case "empty":
            return f"Nothing runs: {what}. No release was ever recorded there, and none is seen."
    named = f"One: everything that names the release of {what}, and can be seen, names {proof.release}."
    return f"{named} {_rests_on(proof)}"


def _rests_on(proof: Proof) -> str:
    commit = f"by commit at {count(len(proof.by_commit), 'URL')}"
    if proof.by_digest:
        return f"What runs is shown by digest, and {commit}."
    return f"What runs is shown {commit} alone: its digest is not shown."


def _table(proof: Proof) -> Table:
    return Table([_row(identity) for identity in proof.identities], names=(2,))


def _row(identity: Identity) -> tuple[str, ...]:
    shown = [short(identity.source_git_ref)] if identity.source_git_ref else []
    if identity.artifact_id and not shown:
        shown = [brief(identity.artifact_id.rpartition("@")[2])]
    detail = f"not shown: {identity.detail}" if identity.state == "unseen" else identity.detail
    return MARKS[identity.state], identity.what, brief(identity.where), " ".join(shown), brief(detail)
