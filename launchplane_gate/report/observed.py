"""What is observed and not enforced, as text: that it is, what stood against a run, what would have been refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from launchplane_gate.commands import PROGRAM, showing
from launchplane_gate.model import Run
from launchplane_gate.observed import Observed, Refusal
from launchplane_gate.report.decision import decision_text
from launchplane_gate.report.text import Block, Cell, Table
from launchplane_gate.report.words import ago, brief, count

HEADER = ("RULE", "WHERE", "TIMES", "LAST", "NOW")
REPORT = f"{PROGRAM} observe report"


def mode_text(product: str) -> str:
    """Where a product is named that nothing is refused of."""
    return f"{product} is observed, not enforced: what its policies refuse is done all the same."


def aside_text(run: Run) -> list[Block]:
    """What is to be said beside the result of a run that was observed."""
    if run.mode == "enforce":
        return []
    if run.overlooked:
        head = "Observed, not enforced. Enforced policies would have refused it:"
        return ["", head, *_against(run), *_left(run), f"  all of it:   {REPORT} {run.product}"]
    if run.status == "denied":
        return ["", "Observed, not enforced. It was refused all the same: what it would deploy is not known."]
    return ["", "Observed, not enforced. The policies allowed it."]


def _against(run: Run) -> list[Block]:
    if run.admitted and not run.admitted.allowed:
        return decision_text(run.admitted, every_rule=False)
    return [f"  {brief(run.overlooked)}"]


def _left(run: Run) -> list[Block]:
    if run.status != "observed" or run.replayed:
        return []
    lane = run.destination.instance
    return [f"To enforced policies {lane} is unsettled, and {run.release} has not run there."]


def report_text(reports: Sequence[Observed], now: datetime | None = None) -> list[Block]:
    text: list[Block] = []
    for one in reports:
        text += [*([""] if text else []), *_of_product(one, now)]
    return text or ["No product is observed, and none was. See `mode` in SETTINGS.md, under Coming in gently."]


def _of_product(told: Observed, now: datetime | None) -> Iterator[Block]:
    since = f" since {told.since[:10]}" if told.since else ""
    would = count(told.overlooked, "request")
    yield mode_text(told.product) if told.mode == "observe" else f"{told.product} is enforced."
    if not told.requests:
        yield f"  Nothing was asked while it was observed{since}."
        return
    yield f"  Of {count(told.requests, 'request')} that were observed{since}, {would} would have been refused."
    if told.refusals:
        yield ""
        yield Table([_row(one, now) for one in told.refusals], HEADER, indent=0, names=(1, 0))
    if told.mode == "observe" and all(one.cured_by for one in told.refusals):
        yield ""
        yield f'Nothing stands against it any more. Enforce it: mode = "enforce" in [products.{told.product}].'


def _row(refusal: Refusal, now: datetime | None) -> tuple[Cell, ...]:
    if refusal.cured_by:
        stands: Cell = f"over: passed by {refusal.cured_by}, {ago(refusal.cured_at, now)}"
    else:
        stands = tuple(filter(None, [brief(refusal.message), refusal.remedy, showing(refusal.last_run)]))
    return refusal.code, refusal.way, str(refusal.times), ago(refusal.last_at, now), stands
