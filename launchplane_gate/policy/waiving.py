"""Which waivers count: for what, until when, and whose. Leave that is in doubt is none."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from launchplane_gate.model import PolicyInput, Waiver, stamp
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.floor import FLOOR_CODES, WAIVABLE_FLOOR


def same_person(one: str, other: str) -> bool:
    """Whether two names may be one person's: blanks, case, and that nobody verified it, tell nobody apart."""
    one, other = ("".join(name.split()).casefold().removeprefix("unverified:") for name in (one, other))
    return one == other


def may_be_waived(code: str, settings: Config) -> bool:
    return code in settings.waivable and code not in FLOOR_CODES - WAIVABLE_FLOOR


def bounded(waiver: Waiver, settings: Config, product: str) -> Waiver:
    """The waiver, ended where today's policies end it: it may have been granted under others."""
    last = waiver.granted_at + timedelta(seconds=settings.waiver_max_s(product))
    return waiver if waiver.expires_at <= last else waiver.model_copy(update={"expires_at": last})


def objection(waiver: Waiver, settings: Config, now: datetime) -> str:
    """Why a waiver, bounded before, does not count at a moment, whoever asks; empty where it does."""
    if not may_be_waived(waiver.code, settings):
        return f"the policies do not let {waiver.code} be waived"
    if same_person(waiver.approver, waiver.granted_by.subject):
        return "who granted it is its approver"
    if now >= waiver.expires_at:
        return f"it ended at {stamp(waiver.expires_at)}"
    if now < waiver.granted_at:
        return f"it was granted in the future, at {stamp(waiver.granted_at)}"
    return ""


def weighed(
    waivers: Iterable[Waiver], settings: Config, facts: PolicyInput, now: datetime
) -> tuple[dict[str, Waiver], dict[str, str]]:
    """By code: the waivers that count for a question, the last one of each code, and why another one does not."""
    live: dict[str, Waiver] = {}
    void: dict[str, str] = {}
    for granted in waivers:
        if granted.lane != facts.destination.lane or granted.release != facts.release:
            continue
        waiver = bounded(granted, settings, facts.request.product)
        why = objection(waiver, settings, now)
        if not why and same_person(waiver.approver, facts.actor.subject):
            why = "who asks is its approver"
        if why:
            void[waiver.code] = f"The waiver {waiver.waiver_id} does not count: {why}."
        else:
            live[waiver.code] = waiver
    return live, void
