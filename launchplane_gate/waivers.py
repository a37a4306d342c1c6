"""Waivers: what can be none, and how those that there are stand. Whether one counts: see ``policy.waiving``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from launchplane_gate.errors import RequestError
from launchplane_gate.ledger import KINDS, REVOKED, Entry, Ledger, waivers_of
from launchplane_gate.model import Actor, Contract, Lane, Waiver, stamp
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.waiving import bounded, counts_by_word, may_be_waived, objection, same_person
from launchplane_gate.records import ProductProfile

SOON = timedelta(hours=1)
NOTHING_SAVED = "Nothing was saved."
LONGEST = 1000  # characters of what people write
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m(?:in)?)?(?:(\d{1,5})s)?", re.ASCII)
_ALMOST = timedelta(microseconds=999_999)  # of a second

State = Literal["live", "requested", "void", "ended", "revoked"]


class Revocation(Contract):
    by: Actor
    at: str
    reason: str

    @classmethod
    def of(cls, entry: Entry) -> Revocation:
        return cls.model_validate({field: entry.body[field] for field in cls.model_fields})


class Use(Contract):
    """A run whose decision used a waiver, and what became of the run."""

    run_id: str
    status: str


class WaiverView(Contract):
    """``ends_at``: its own expiry, or the earlier one of today's policies. ``why``: what makes it void.

    ``requested``: nobody has approved it yet, and it does not count until somebody does.

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


def end_of(text: str, name: str) -> datetime | timedelta:
    """Read a moment, RFC 3339 with its zone, or how long something lasts: ``2h``, ``1d12h``. Raises RequestError."""
    found = _DURATION.fullmatch(text.strip())
    if text.strip() and found:
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    try:
        return moment(text)
    except RequestError:
        told = "neither a moment with its zone, such as 2026-11-23T18:00:00Z, nor how long, such as 2h or 1d12h"
        raise RequestError(f"{name}: {text[:80]!r} is {told}", hint="Nothing was done.") from None


def after(lasts: timedelta, now: datetime, what: str) -> datetime:
    """When ``what`` ends that lasts so long from now on: with a whole second, no sooner. Raises RequestError."""
    if lasts <= timedelta():
        raise RequestError(f"{what} has to last for some time", hint="Nothing was done.")
    return (now + lasts + _ALMOST).replace(microsecond=0)


def wrong_code(code: str, bundle: Bundle) -> str:
    allowed = f"the policies let these be waived: {', '.join(bundle.settings.waivable) or 'none'}"
    if code not in bundle.metadata:
        return f"no rule has the code {code[:80]!r}; {allowed}"
    return "" if may_be_waived(code, bundle.settings) else f"{code} cannot be waived; {allowed}"


def wrong_release(artifact: str, ref: str, profile: ProductProfile) -> str:
    repository = profile.image.repository
    if not re.fullmatch(re.escape(repository) + r"@sha256:[0-9a-f]{64}", artifact):
        return f"artifact: {artifact[:200]!r} is not pinned by digest: {repository}@sha256: and 64 digits"
    return "" if re.fullmatch(r"[0-9a-f]{40}", ref) else f"ref: {ref[:80]!r} is not a full commit of 40 digits"


def wrong_reason(reason: str) -> str:
    if not reason or len(reason) > LONGEST or not reason.isprintable():
        return f"reason: say why in one line of {LONGEST} characters at most"
    return ""


def wrong_approver(approver: str, code: str, settings: Config, product: str, actor: Actor) -> str:
    """Why somebody's word for an approver is not enough; empty where it is."""
    if not counts_by_word(code, settings, product):
        return f"approver: the policies want an approver of {code} who is verified; leave it out, and have it approved"
    if len(approver) > LONGEST or not (approver.isascii() and approver.isprintable()):
        return "approver: name who approves it in plain ASCII, so that no other letters look like it"
    if same_person(Actor(subject=approver), actor):
        return f"approver: {approver} is you; somebody else has to approve what you request"
    return ""


def wrong_end(expires_at: datetime, now: datetime, settings: Config, product: str) -> str:
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


def live_waivers(ledger: Ledger, settings: Config, product: str, lane: Lane) -> list[WaiverView]:
    """Those of a lane that count now, those that end first before the others; its past is not read for that."""
    with ledger.snapshot():
        open_ones = ledger.live_waivers(lane)
        views = _views(ledger, settings, {lane: product}, open_ones, {})
    return sorted((view for view in views if view.state == "live"), key=lambda view: view.ends_at)


def look_at_waivers(
    ledger: Ledger, settings: Config, products: Mapping[Lane, str], lane: Lane | None = None
) -> list[WaiverView]:
    """Every waiver, of a lane or of all: live ones first, those that end first before the others.

    ``products``: whose a lane is.
    """
    with ledger.snapshot():
        entries = ledger.entries(lane=lane, kinds=KINDS)
        revoked = {entry.subject: Revocation.of(entry) for entry in entries if entry.kind == REVOKED}
        views = _views(ledger, settings, products, waivers_of(entries), revoked)
    live = sorted((view for view in views if view.state == "live"), key=lambda view: view.ends_at)
    return live + [view for view in reversed(views) if view.state != "live"]


def _views(
    ledger: Ledger,
    settings: Config,
    products: Mapping[Lane, str],
    requested: list[Waiver],
    revoked: Mapping[str, Revocation],
) -> list[WaiverView]:
    uses, over = ledger.uses_of_waivers(requested), ledger.over(requested)
    used_by: dict[str, list[Use]] = {}
    for waiver_id, run_id, status in uses:
        used_by.setdefault(waiver_id, []).append(Use(run_id=run_id, status=status))
    now = ledger.now()
    views = []
    for waiver in requested:
        product = products.get(waiver.lane, "")
        used, ended = used_by.get(waiver.waiver_id, []), revoked.get(waiver.waiver_id)
        why = objection(bounded(waiver, settings, product), settings, product, now)
        if waiver.waiver_id in over and not ended:
            why = "the ledger was restored without what came after it; request it anew"
        views.append(_view(bounded(waiver, settings, product), why, now, ended, used))
    return views


def _view(waiver: Waiver, why: str, now: datetime, revoked: Revocation | None, used_by: list[Use]) -> WaiverView:
    left, whole = waiver.expires_at - now, waiver.expires_at - waiver.requested_at
    state: State = "revoked" if revoked else "ended" if left <= timedelta() else "void" if why else "live"
    if state == "void" and waiver.approval is None:
        state = "requested"
    return WaiverView(
        waiver=waiver,
        state=state,
        why=why if state == "void" else "",
        ends_at=stamp(waiver.expires_at),
        ends_soon=state == "live" and left <= max(whole / 10, min(SOON, whole / 2)),
        used_by=tuple(used_by),
        revoked=revoked,
    )
