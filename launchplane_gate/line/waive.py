"""Waivers as requests of their own: requested by one, approved by another who is verified, revoked by either."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from launchplane_gate import ssh, waivers
from launchplane_gate.errors import ActorUnproven, RequestError
from launchplane_gate.ledger import KINDS, REVOKED, Ledger, new_id, waivers_of
from launchplane_gate.line.parts import Parts, find_lane
from launchplane_gate.line.standing import Asked, Standing, ask_or_raise, refuse_stranger
from launchplane_gate.model import Action, Actor, ReleaseIdentity, Waiver, WaiverApproval, stamp
from launchplane_gate.on_record import on_record, spends
from launchplane_gate.policy.bundle.config import SSH
from launchplane_gate.policy.waiving import person_of
from launchplane_gate.policy_input import WaiverFacts
from launchplane_gate.waivers import NOTHING_SAVED, Revocation


@dataclass(frozen=True)
class WaiverRequest:
    """Leave asked to let a release pass a rule on a lane, which is named by instance.

    ``expires_at``: a moment, or how long it counts from when it is requested.
    ``approver``: who approved it by the word of who asks; only where the policies let that be enough.
    """

    code: str
    product: str
    destination: str
    artifact: str
    ref: str
    reason: str
    expires_at: datetime | timedelta
    approver: str = ""


def request(parts: Parts, wanted: WaiverRequest, actor: Actor) -> Waiver:
    """See Gate.request_waiver."""
    refuse_stranger(parts, "waive", actor)
    profile = parts.profile(wanted.product)
    lane, now = find_lane(profile, wanted.destination), parts.ledger.now()
    reason, approver, until = wanted.reason.strip(), wanted.approver.strip(), wanted.expires_at
    expires_at = waivers.after(until, now, "expires: a waiver") if isinstance(until, timedelta) else until
    wrong = (
        waivers.wrong_code(wanted.code, parts.bundle)
        or waivers.wrong_release(wanted.artifact, wanted.ref, profile)
        or waivers.wrong_reason(reason)
        or (approver and waivers.wrong_approver(approver, wanted.code, parts.bundle.settings, profile.product, actor))
        or waivers.wrong_end(expires_at, now, parts.bundle.settings, profile.product)
    )
    if wrong:
        raise RequestError(wrong, hint=NOTHING_SAVED)
    release = ReleaseIdentity(artifact_id=wanted.artifact, source_git_ref=wanted.ref)
    asked = Asked("waive", profile.product, lane.instance, release=release, reason=reason)
    stands = ask_or_raise(parts, asked, actor)
    by_word = WaiverApproval(by=Actor(subject=approver), how="word", at=now) if approver else None
    waiver = Waiver(
        waiver_id=new_id("w"),
        code=wanted.code,
        product=profile.product,
        lane=lane,
        release=release,
        reason=reason,
        requested_by=actor,
        requested_at=now,
        expires_at=expires_at.astimezone(UTC),
        approval=by_word,
    )
    told = {**vars(wanted), "expires_at": str(until) if isinstance(until, timedelta) else stamp(until)}
    parts.ledger.save_waiver(waiver, _decided(parts, stands) | spends(actor, "waive", told))
    return waiver


def approve(parts: Parts, waiver_id: str, actor: Actor, signature: str | None) -> Waiver:
    """See Gate.approve_waiver."""
    found = _found(parts, waiver_id, "approve", actor, shown=signature is not None)
    waiver = found.waiver
    if signature is not None:
        actor = _signer(parts, found, signature)
    if over := found.over(parts.ledger.now()):
        raise RequestError(f"the waiver {waiver_id} {over}", hint="Nothing was done.")
    people = WaiverFacts(
        waiver_id=waiver_id,
        code=waiver.code,
        requester=person_of(waiver.requested_by),
        approver=person_of(actor),
    )
    asked = Asked("approve", found.product, waiver.lane.instance, release=waiver.release, waiver=people)
    stands = ask_or_raise(parts, asked, actor)
    now = parts.ledger.now()
    approval = WaiverApproval(by=actor, how="identity" if signature is None else "signature", at=now)
    body: dict[str, Any] = {"approval": approval.model_dump(mode="json"), **_decided(parts, stands)}
    body |= spends(actor, "approve", {"waiver_id": waiver_id})
    if signature is not None:
        body["signature"] = signature
    if not parts.ledger.approve_waiver(waiver, body):
        raise RequestError(
            f"the waiver {waiver_id} was approved, revoked or made void meanwhile", hint="Nothing was done."
        )
    return waiver.model_copy(update={"approval": approval})


def revoke(parts: Parts, waiver_id: str, reason: str, actor: Actor) -> tuple[Waiver, Revocation]:
    """See Gate.revoke_waiver."""
    found = _found(parts, waiver_id, "revoke", actor)
    if wrong := waivers.wrong_reason(reason := reason.strip()):
        raise RequestError(wrong, hint=NOTHING_SAVED)
    waiver, now = found.waiver, parts.ledger.now()
    if before := found.revocation:
        ended = f"the waiver {waiver_id} was revoked at {before.at}: {before.reason}"
        raise RequestError(ended, hint="Nothing was done.")
    if waiver.expires_at <= now:
        expired = f"the waiver {waiver_id} expired at {stamp(waiver.expires_at)}"
        raise RequestError(expired, hint="Nothing was done, and nothing is left of it to revoke.")
    asked = Asked("revoke", found.product, waiver.lane.instance, release=waiver.release, reason=reason)
    stands = ask_or_raise(parts, asked, actor)
    revocation = Revocation(by=actor, at=stamp(now), reason=reason)
    spent = spends(actor, "revoke", {"waiver_id": waiver_id, "reason": reason})
    if not parts.ledger.revoke_waiver(waiver, {**revocation.model_dump(), **_decided(parts, stands), **spent}):
        raise RequestError(f"the waiver {waiver_id} was revoked just now", hint="Nothing was done.")
    return waiver, revocation


def text_to_sign(ledger: Ledger, waiver_id: str) -> str:
    """What an approver signs: the whole waiver, for people to read. Raises RequestError."""
    found = _read(ledger, waiver_id)
    if found is None:
        raise _unknown(waiver_id)
    return _text(found)


@dataclass(frozen=True)
class _Found:
    waiver: Waiver
    revocation: Revocation | None

    @property
    def product(self) -> str:
        return self.waiver.product or self.waiver.lane.context

    def over(self, now: datetime) -> str:
        """Why there is nothing left to approve; empty where there is."""
        if self.revocation:
            return f"was revoked at {self.revocation.at}: {self.revocation.reason}"
        if approval := self.waiver.approval:
            if approval.how == "claimed":
                return "is from before approvals were proven, and void; request it anew"
            return f"was approved by {approval.by.subject} at {stamp(approval.at)} already"
        return f"expired at {stamp(self.waiver.expires_at)}" if self.waiver.expires_at <= now else ""


def _read(ledger: Ledger, waiver_id: str) -> _Found | None:
    entries = ledger.entries(subject=waiver_id, kinds=KINDS)
    if not entries:
        return None
    [waiver] = waivers_of(entries)
    revoked = [Revocation.of(entry) for entry in entries if entry.kind == REVOKED]
    return _Found(waiver, revoked[0] if revoked else None)


def _found(parts: Parts, waiver_id: str, action: Action, actor: Actor, *, shown: bool = False) -> _Found:
    """A waiver that somebody names. To a stranger one that there is reads like one that there is not.

    ``shown``: a signature was shown, which will tell who asks.
    """
    found = _read(parts.ledger, waiver_id)
    if not (found and shown):
        refuse_stranger(parts, action, actor)
    if found is None:
        raise _unknown(waiver_id)
    return found


def _unknown(waiver_id: str) -> RequestError:
    return RequestError(f"there is no waiver {waiver_id}", hint="`launchplane-gate waiver list --all` lists them.")


def _signer(parts: Parts, found: _Found, signature: str) -> Actor:
    """Whose key signed a waiver, of those that the policies list for its lane. Raises ActorUnproven."""
    try:
        key = ssh.signer(_text(found).encode(), signature)
    except ssh.BadSignature as error:
        raise ActorUnproven(f"the signature proves nobody: {error}", hint=_HOW_TO_SIGN) from None
    for entry in parts.bundle.settings.actors_of(found.product, found.waiver.lane.instance):
        if entry.ssh_key and ssh.public_key(entry.ssh_key) == key:
            return Actor(subject=entry.subject, verified_by=SSH)
    raise ActorUnproven(
        f"the key {ssh.fingerprint(key)} is listed for nobody on {found.waiver.lane}",
        hint="Nothing was done. Have it added to `actors` of the product in the policy's data, or sign with another.",
    )


_HOW_TO_SIGN = (
    "Nothing was done. Sign what `launchplane-gate waiver text <id>` prints, byte by byte, with\n"
    f"`ssh-keygen -Y sign -n {ssh.NAMESPACE} -f <key> <file>`."
)


def _text(found: _Found) -> str:
    """What somebody puts their name to: all that the waiver lets through, for people to read."""
    waiver = found.waiver
    lines = (
        ("approval of", waiver.waiver_id),
        ("rule", waiver.code),
        ("product", found.product),
        ("lane", str(waiver.lane)),
        ("artifact", waiver.release.artifact_id),
        ("commit", waiver.release.source_git_ref),
        ("requested by", waiver.requested_by.subject),
        ("requested at", stamp(waiver.requested_at)),
        ("expires at", stamp(waiver.expires_at)),
        ("reason", waiver.reason),
    )
    return "launchplane-gate waiver\n" + "".join(f"{name}: {value}\n" for name, value in lines)


def _decided(parts: Parts, stands: Standing) -> dict[str, Any]:
    return on_record(parts.ledger, parts.bundle, stands.decision, stands.facts)
