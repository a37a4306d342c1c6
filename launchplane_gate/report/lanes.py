"""The operator's first look, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from launchplane_gate.lanes import PROGRAM, LaneView
from launchplane_gate.report.observed import REPORT, mode_text
from launchplane_gate.report.seen import lacking_text, may_run_text, seen_text
from launchplane_gate.report.text import Block, Cell, Table
from launchplane_gate.report.waivers import in_force
from launchplane_gate.report.words import ago, brief, count
from launchplane_gate.snapshot import Snapshot

HEADER = ("LANE", "RUNS", "SINCE", "STATE", "NEXT")
LONGEST = 60  # of a state in its line; what is longer stands below in full


def lanes_text(views: Sequence[LaneView], *, with_product: bool, now: datetime | None = None) -> list[Block]:
    """A line for each lane; then what is known of those that are in doubt, and what keeps digests from being shown."""

    def name(view: LaneView) -> str:
        return f"{view.product}/{view.lane.instance}" if with_product else view.lane.instance

    rows = [
        (
            name(view),
            runs(view),
            ago(view.since, now) if view.since else "-",
            (state(view), *(in_force(waiver, now) for waiver in view.waivers)),
            _next(view),
        )
        for view in views
    ]
    text: list[Block] = [Table(rows, HEADER, indent=0)]
    if doubts := [row for view in views if not view.settled or view.differs for row in _known_of(name(view), view)]:
        text += ["", Table(doubts, indent=0)]
    for product in dict.fromkeys(view.product for view in views if view.mode == "observe"):
        text += ["", mode_text(product), f"  what that was so far:   {REPORT} {product}"]
    if lacking := _lacking({name(view): view for view in views}):
        text += ["", *lacking]
    return text


def exported_text(file: str, snapshot: Snapshot) -> list[Block]:
    """What is in a snapshot, and for how many promotions nothing is."""
    rows = [
        (f"{path['product']} {path['from']} -> {path['to']}", path["unknown"] and f"not known: {path['unknown']}")
        for path in snapshot.told
    ]
    told = f"{count(len(rows), 'promotion')} can be checked on {file}, as of {snapshot.exported_at}:"
    return [told, Table(rows), "", f"  {PROGRAM} check promotion.yaml --snapshot {file}"]


def _known_of(name: str, view: LaneView) -> Iterator[tuple[str, str, Cell]]:
    yield name, "may run", may_run_text(view)
    if len(why := brief(view.differs if view.settled else view.why)) > LONGEST:
        yield "", "because", why
    if seen := seen_text(view):
        yield "", "seen just now", seen
    if view.aside:
        cures = "a deploy or promotion to it; or, where that record says nothing of what it runs:"
        yield "", "settled by", (cures, view.aside)
    if view.back:
        yield "", "or go back", view.back


def _lacking(views: dict[str, LaneView]) -> list[str]:
    """What is missing where digests are not shown, each once."""
    lanes: dict[str, list[str]] = {}
    for name, view in views.items():
        if view.observed and view.observed.lacks:
            lanes.setdefault(view.observed.lacks, []).append(name)
    return [f"{', '.join(names)}: digest not shown; {lacking_text(lacks)}" for lacks, names in lanes.items()]


def runs(view: LaneView) -> str:
    """The inventory's word; with a question mark where that is not proven."""
    if not view.settled or view.differs:
        return f"{view.runs or ''}?"
    return str(view.runs or "-")


def state(view: LaneView) -> str:
    if view.hold:
        ends = f" until {view.hold.until}" if view.hold.until else ""
        return f"held{ends}: {view.hold.reason}"
    if not view.settled:
        return f"unsettled: {_cut(brief(view.why))}"
    if view.differs:
        return f"settled, but {_cut(brief(view.differs))}"
    return "settled" if view.runs else "settled: nothing has run here"


def _next(view: LaneView) -> Cell:
    command = view.command.removeprefix(f"{PROGRAM} ")
    return tuple(filter(None, [brief(view.next), command])) or "-"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
