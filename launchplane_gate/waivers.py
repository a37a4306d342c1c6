"""Waivers: granting one, ending one, and how they stand. Whether one counts is for ``policy.waiving`` to say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from launchplane_gate.errors import RequestError
from launchplane_gate.ledger import Entry, Ledger, new_id
from launchplane_gate.model import Actor, Contract, Lane, ReleaseIdentity, Waiver, stamp
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.waiving import bounded, may_be_waived, objection, same_person
from launchplane_gate.records import ProductProfile

SOON = timedelta(hours=1)
NOTHING_SAVED = "Nothing was saved."
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

State = Literal["live", "void", "ended", "revoked"]


class Revocation(Contract):
    by: Actor
    at: str
    reason: str


class Use(Contract):
    """A run whose decision used a waiver, and what became of the run."""

    run_id: str
    status: str


class WaiverView(Contract):
    """``ends_at``: its own expiry, or the earlier one of today's policies. ``why``: what makes it void.

    ``ends_soon``: in the last tenth of its time, or the last hour, but never in its first half.
    """

    waiver: Waiver
    state: State
    why: str
    ends_at: str
    ends_soon: bool
    used_by: tuple[Use, ...]
    revoked: Revocation | None


def moment(text: str) -> datetime:
    """Read RFC 3339 with a zone. Raises RequestError."""
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    raise RequestError(f"expires: {text[:80]!r} is not a moment with its zone, such as 2026-11-23T18:00:00+01:00")


def grant(
    ledger: Ledger,
    bundle: Bundle,
    profile: ProductProfile,
    lane: Lane,
    *,
    code: str,
    artifact: str,
    ref: str,
    reason: str,
    approver: str,
    expires_at: datetime,
    actor: Actor,
) -> Waiver:
    """Save leave to pass a rule on a lane of a product, for one release. Raises RequestError; nothing is saved then."""
    now, reason, approver = ledger.now(), reason.strip(), approver.strip()
    wrong = (
        _wrong_code(code, bundle)
        or _wrong_release(artifact, ref, profile)
        or _wrong_words(reason, approver, actor)
        or _wrong_end(expires_at, now, bundle.settings, profile.product)
    )
    if wrong:
        raise RequestError(wrong, hint=NOTHING_SAVED)
    waiver = Waiver(
        waiver_id=new_id("w"),
        code=code,
        lane=lane,
        release=ReleaseIdentity(artifact_id=artifact, source_git_ref=ref),
        reason=reason,
        approver=approver,
        granted_by=actor,
        granted_at=now,
        expires_at=expires_at.astimezone(UTC),
    )
    ledger.save_waiver(waiver)
    return waiver


def _wrong_code(code: str, bundle: Bundle) -> str:
    allowed = f"the policies let these be waived: {', '.join(bundle.settings.waivable) or 'none'}"
    if code not in bundle.metadata:
        return f"no rule has the code {code[:80]!r}; {allowed}"
    return "" if may_be_waived(code, bundle.settings) else f"{code} cannot be waived; {allowed}"


def _wrong_release(artifact: str, ref: str, profile: ProductProfile) -> str:
    repository = profile.image.repository
    if not re.fullmatch(re.escape(repository) + r"@sha256:[0-9a-f]{64}", artifact):
        return f"artifact: {artifact[:200]!r} is not pinned by digest: {repository}@sha256: and 64 digits"
    return "" if re.fullmatch(r"[0-9a-f]{40}", ref) else f"ref: {ref[:80]!r} is not a full commit of 40 digits"


def _wrong_words(reason: str, approver: str, actor: Actor) -> str:
    most = 1000
    if not reason or len(reason) > most or not reason.isprintable():
        return f"reason: say why in one line of {most} characters at most"
    if not approver or len(approver) > most or not (approver.isascii() and approver.isprintable()):
        return "approver: name who approves it in plain ASCII, so that no other letters look like it"
    if same_person(approver, actor.subject):
        return f"approver: {approver} is you; somebody else has to approve what you grant"
    return ""


def _wrong_end(expires_at: datetime, now: datetime, settings: Config, product: str) -> str:
    if expires_at.utcoffset() is None:
        return f"expires: {expires_at.isoformat()} has no zone"
    if expires_at <= now:
        return f"expires: {expires_at.isoformat()} is past; it is {stamp(now)}"
    longest = timedelta(seconds=settings.waiver_max_s(product))
    if not longest:
        return f"expires: the policies let no waiver for {product} run at all"
    if expires_at - now > longest:
        return f"expires: {expires_at.isoformat()} is too late; the policies let it be {stamp(now + longest)} at most"
    return ""


def revoke(ledger: Ledger, waiver_id: str, *, reason: str, actor: Actor) -> tuple[Waiver, Revocation]:
    """End a waiver at once. Raises RequestError where there is none to end."""
    if not (reason := reason.strip()):
        raise RequestError("reason: say why it is revoked", hint=NOTHING_SAVED)
    granted = ledger.entries(subject=waiver_id, kinds=["waiver"])
    if not granted:
        raise RequestError(f"there is no waiver {waiver_id}", hint="`launchplane-gate waiver list --all` lists them.")
    waiver, now = Waiver.model_validate(granted[0].body), ledger.now()
    revocation = Revocation(by=actor, at=stamp(now), reason=reason[:1000])
    if waiver.expires_at <= now:
        expired = f"the waiver {waiver_id} expired at {stamp(waiver.expires_at)}"
        raise RequestError(expired, hint="Nothing was done, and nothing is left of it to revoke.")
    if not ledger.revoke_waiver(waiver, revocation.model_dump()):
        [before] = ledger.entries(subject=waiver_id, kinds=["waiver_revoked"])
        raise RequestError(f"the waiver {waiver_id} was revoked at {before.at}: {before.body['reason']}")
    return waiver, revocation


def look_at_waivers(
    ledger: Ledger, settings: Config, products: Mapping[Lane, str], lane: Lane | None = None
) -> list[WaiverView]:
    """Every waiver, of a lane or of all: live ones first, those that end first before the others.

    ``products``: whose a lane is.
    """
    with ledger.snapshot():
        entries = ledger.entries(lane=lane, kinds=["waiver", "waiver_revoked"])
        granted = [Waiver.model_validate(entry.body) for entry in entries if entry.kind == "waiver"]
        revoked = {entry.subject: _revocation(entry) for entry in entries if entry.kind == "waiver_revoked"}
        uses = [use for used in {waiver.lane for waiver in granted} for use in ledger.uses_of_waivers(used)]
        rows = {run_id: ledger.run_row(run_id) for run_id, _ in uses}
    used_by: dict[str, list[Use]] = {}
    for run_id, waiver_id in uses:
        row = rows[run_id]
        used_by.setdefault(waiver_id, []).append(Use(run_id=run_id, status=row.status if row else "unknown"))
    now = ledger.now()
    views = [
        _view(
            bounded(waiver, settings, products.get(waiver.lane, "")),
            settings,
            now,
            revoked.get(waiver.waiver_id),
            used_by.get(waiver.waiver_id, []),
        )
        for waiver in granted
    ]
    live = sorted((view for view in views if view.state == "live"), key=lambda view: view.ends_at)
    return live + [view for view in reversed(views) if view.state != "live"]


def _view(
    waiver: Waiver, settings: Config, now: datetime, revoked: Revocation | None, used_by: list[Use]
) -> WaiverView:
    why = objection(waiver, settings, now)
    left, whole = waiver.expires_at - now, waiver.expires_at - waiver.granted_at
    state: State = "revoked" if revoked else "ended" if left <= timedelta() else "void" if why else "live"
    return WaiverView(
        waiver=waiver,
        state=state,
        why=why if state == "void" else "",
        ends_at=stamp(waiver.expires_at),
        ends_soon=state == "live" and left <= max(whole / 10, min(SOON, whole / 2)),
        used_by=tuple(used_by),
        revoked=revoked,
    )


def _revocation(entry: Entry) -> Revocation:
    return Revocation.model_validate(entry.body)
