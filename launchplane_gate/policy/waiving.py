"""Which waivers count: for what, until when, and by whose approval. Leave that is in doubt is none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from launchplane_gate.model import Actor, Waiver, stamp
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.floor import FLOOR_CODES, WAIVABLE_FLOOR
from launchplane_gate.policy_input import PolicyInput

_VERIFIER = re.compile(r"[a-z0-9-]+:")


def person_of(actor: Actor) -> str:
    """Who an actor is, so that two names of one person are equal: without blanks, case, verifier and host.

    Empty where nobody knows: who verified the actor says so by an empty ``person``.
    """
    if actor.person == "":
        return ""
    name = "".join((actor.person or actor.subject).split()).casefold()
    return _VERIFIER.sub("", name, count=1).partition("@")[0] or name


def same_person(one: Actor, other: Actor) -> bool:
    """Whether two actors may be one person; whom nobody knows may be anybody."""
    names = person_of(one), person_of(other)
    return "" in names or names[0] == names[1]


def may_be_waived(code: str, settings: Config) -> bool:
    return code in settings.waivable and code not in FLOOR_CODES - WAIVABLE_FLOOR


def counts_by_word(code: str, settings: Config, product: str) -> bool:
    """Whether a waiver of a rule counts without an approver who is verified."""
    return code in settings.by_word(product) and code not in FLOOR_CODES


def could_be_waived(code: str, settings: Config, product: str, instance: str) -> bool:
    """Whether a rule may be waived, and there is somebody on whose word a waiver of it would count."""
    by_word = counts_by_word(code, settings, product)
    return may_be_waived(code, settings) and (by_word or bool(settings.approvers(product, instance)))


def bounded(waiver: Waiver, settings: Config, product: str) -> Waiver:
    """The waiver, ended where today's policies end it: it may have been requested under others."""
    last = waiver.requested_at + timedelta(seconds=settings.waiver_max_s(product))
    return waiver if waiver.expires_at <= last else waiver.model_copy(update={"expires_at": last})


def objection(waiver: Waiver, settings: Config, product: str, now: datetime) -> str:
    """Why a waiver, bounded before, does not count at a moment, whoever asks; empty where it does."""
    if not may_be_waived(waiver.code, settings):
        return f"the policies do not let {waiver.code} be waived"
    if why := _unapproved(waiver, settings, product):
        return why
    if now >= waiver.expires_at:
        return f"it ended at {stamp(waiver.expires_at)}"
    if now < waiver.requested_at:
        return f"it was requested in the future, at {stamp(waiver.requested_at)}"
    return ""


def _unapproved(waiver: Waiver, settings: Config, product: str) -> str:
    approval = waiver.approval
    if approval is None:
        return "nobody has approved it yet"
    if approval.how == "claimed":
        return "its approver was only named, which is no approval any more; request it anew"
    if same_person(approval.by, waiver.requested_by):
        return "who requested it is its approver"
    if approval.how == "word":
        allowed = counts_by_word(waiver.code, settings, product)
        return "" if allowed else f"the policies want an approver of {waiver.code} who is verified"
    return "" if approval.by.verified_by else "its approver was not verified"


def weighed(
    waivers: Iterable[Waiver], settings: Config, facts: PolicyInput, now: datetime
) -> tuple[dict[str, Waiver], dict[str, str]]:
    """By code: the waivers that count for a question, the last one of each code, and why another one does not."""
    live: dict[str, Waiver] = {}
    void: dict[str, str] = {}
    product = facts.request.product
    for requested in waivers:
        if requested.lane != facts.destination.lane or requested.release != facts.release:
            continue
        waiver = bounded(requested, settings, product)
        why = objection(waiver, settings, product, now)
        if not why and waiver.approval and same_person(waiver.approval.by, facts.actor):
            why = "who asks is, or may be, its approver"
        if why:
            void[waiver.code] = f"The waiver {waiver.waiver_id} does not count: {why}."
        else:
            live[waiver.code] = waiver
    if not settings.approvers(product, facts.destination.lane.instance):
        for code in WAIVABLE_FLOOR:
            nobody = (
                f"Nobody could approve a waiver of it: no entry of {product}.actors.{facts.destination.lane.instance}"
            )
            void.setdefault(code, f"{nobody} is verified and may approve.")
    return live, void
