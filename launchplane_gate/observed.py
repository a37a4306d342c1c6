"""What enforced policies would have refused of a product that is observed: by rule, how often, when last, and whether
that is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from launchplane_gate.ledger import Ledger, Row
from launchplane_gate.ledger.reading import Told
from launchplane_gate.model import Contract, Decision, Lane, Mode, noun

UNDECIDED = "undecided"  # in place of a rule: no decision could be had
STALE = "stale"  # a lane changed between the decision and the deploy
REPLAY = "stale_replay"  # a repeat under a key whose result is no longer true
_KINDS = ("decided", "overlooked", "redeemed", "stale")
_TITLES = {
    UNDECIDED: "A decision can be had",
    STALE: "The lanes stand as decided on when the deploy is let go",
    REPLAY: "What a repeat of a request is told is still true",
}


class Refusal(Contract):
    """What one rule would have refused along one way. ``times``: how many requests; ``last``: the last of them.

    ``code``: that of the rule; or ``undecided``, ``stale`` or ``stale_replay``, which no rule stands for. ``cured_by``:
    the first run after that along the same way, of which the rule was satisfied; empty while there is none.
    """

    code: str
    title: str
    action: str
    source: Lane | None
    destination: Lane
    times: int
    last_at: str
    last_run: str
    message: str
    remedy: str = ""
    cured_by: str = ""
    cured_at: str = ""

    @property
    def way(self) -> str:
        """``promotion testing -> prod``, ``deploy to testing``."""
        to = self.destination.instance
        return f"{noun(self.action)} {self.source.instance} -> {to}" if self.source else f"{noun(self.action)} to {to}"


class Observed(Contract):
    """``mode``: in which the product is now. ``requests``: that were let go in mode observe, or answered as before with
    what is no longer true; ``overlooked``: those of them that enforced policies would have refused.
    """

    product: str
    mode: Mode
    since: str
    requests: int
    overlooked: int
    refusals: tuple[Refusal, ...]


class _Way(NamedTuple):
    action: str
    source: Lane | None
    destination: Lane


@dataclass(frozen=True)
class _Said:
    """What one request met: ``against`` has what stood against it, by code; ``passed`` the rules that had nothing."""

    way: _Way
    at: str
    run_id: str
    against: dict[str, tuple[str, str, str]]
    passed: frozenset[str]


def observed(ledger: Ledger, product: str, *, mode: Mode, since: str = "") -> Observed:
    """``since``: a moment as ``stamp`` writes it; empty for all that is on record."""
    told = ledger.told_of(product, _KINDS, since=since)
    said = [_said(one) for one in told if one.body.get("mode") == "observe"]
    refusals: dict[tuple[_Way, str], Refusal] = {}
    for one in said:
        for (way, code), refusal in refusals.items():
            if way == one.way and code in one.passed and not refusal.cured_by:
                refusals[way, code] = refusal.model_copy(update={"cured_by": one.run_id, "cured_at": one.at})
        for code in one.against:
            before = refusals.get((one.way, code))
            refusals[one.way, code] = _refusal(one, code, times=1 + (before.times if before else 0))
    ordered = sorted(refusals.values(), key=lambda refusal: (bool(refusal.cured_by), -refusal.times, refusal.code))
    return Observed(
        product=product,
        mode=mode,
        since=since,
        requests=len({one.run_id for one in said}),
        overlooked=len({one.run_id for one in said if one.against}),
        refusals=tuple(ordered),
    )


def _refusal(said: _Said, code: str, *, times: int) -> Refusal:
    title, message, remedy = said.against[code]
    return Refusal(
        code=code,
        title=title,
        **said.way._asdict(),
        times=times,
        last_at=said.at,
        last_run=said.run_id,
        message=message,
        remedy=remedy,
    )


def _said(told: Told) -> _Said:
    decision = Decision.model_validate(told.body["decision"]) if told.body.get("decision") else None
    results = decision.results if decision else ()
    against = {one.code: (one.title, one.message, one.remedy) for one in results if one.status == "fail"}
    passed = {one.code for one in results if one.status != "fail"} | ({UNDECIDED} if decision else set())
    if told.kind == "overlooked" and not decision:
        against[UNDECIDED] = (_TITLES[UNDECIDED], told.body["overlooked"], "")
    if told.kind in ("redeemed", "stale"):
        code = STALE if told.kind == "redeemed" else REPLAY
        against[code] = (_TITLES[code], told.body.get("overlooked") or told.body["detail"], "")
    return _Said(_way(told.run), told.at, told.run.run_id, against, frozenset(passed))


def _way(run: Row) -> _Way:
    source = Lane(context=run.source_context, instance=run.source_instance) if run.source_context else None
    return _Way(run.action, source, Lane(context=run.context, instance=run.instance))
