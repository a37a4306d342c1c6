"""The operator's first look, as text: the lanes that need somebody, with all that is known of them; then the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from launchplane_gate.commands import PROPOSAL, command
from launchplane_gate.lanes import LaneView
from launchplane_gate.model import Hold
from launchplane_gate.overview import TROUBLES, in_trouble, trouble_of
from launchplane_gate.report.layout import NOTHING
from launchplane_gate.report.observed import REPORT, mode_text
from launchplane_gate.report.seen import lacking_text, may_run_text, seen_text
from launchplane_gate.report.text import Block, Cell, Table
from launchplane_gate.report.waivers import in_force
from launchplane_gate.report.words import ago, brief, count
from launchplane_gate.sight import NotTold
from launchplane_gate.snapshot import Snapshot

HEADER = ("LANE", "RUNS", "SINCE", "STATE", "NEXT")
FIRST: Mapping[str, tuple[str, ...]] = {"put aside": ("where that record says nothing of what the lane runs:",)}
Fact = tuple[str, Cell]


def lanes_text(
    views: Sequence[LaneView],
    *,
    with_product: bool,
    now: datetime | None = None,
    only_trouble: bool = False,
    not_told: Sequence[NotTold] = (),
) -> list[Block]:
    """The lanes in trouble, a paragraph each; a line for each of the others; then what is to be said of several."""

    def name(view: LaneView) -> str:
        return f"{view.product}/{view.lane.instance}" if with_product else view.lane.instance

    first = in_trouble(views)
    others = [] if only_trouble else [view for view in views if view not in first]
    text: list[Block] = []
    for view in first:
        head = (name(view), runs(view), _since(view, now), str(trouble_of(view)))
        text += [Table([head], indent=0), Table(list(facts_of(view, now))), ""]
    if others:
        rows = [_row(name(view), view, now, in_short=with_product) for view in others]
        text += [Table(rows, HEADER, indent=0, prose=(-1, -2), names=(0,)), ""]
    for product in dict.fromkeys(view.product for view in views if view.mode == "observe"):
        text += [mode_text(product), f"  what that was so far:   {REPORT} {product}", ""]
    if lacking := _lacking({name(view): view for view in views}):
        text += [*lacking, ""]
    text += not_told_text(not_told)
    return [*text, *_in_all(views, first)] if with_product or only_trouble else text[:-1]


def not_told_text(not_told: Sequence[NotTold]) -> list[Block]:
    """What nobody could tell, and why; nothing of it is a yes."""
    text: list[Block] = []
    for one in not_told:
        first, *more = brief(one.why).split("\n")
        text += [f"Not told: {one.what}.", f"  {first}", *(f"  {line}" for line in more)]
        text += [f"  find out more:   {one.command}", ""]
    return text


def exported_text(file: str, snapshot: Snapshot) -> list[Block]:
    """What is in a snapshot, and for how many promotions nothing is."""
    rows = [
        (f"{path['product']} {path['from']} -> {path['to']}", path["unknown"] and f"not known: {path['unknown']}")
        for path in snapshot.told
    ]
    told = f"{count(len(rows), 'promotion')} can be checked on {file}, as of {snapshot.exported_at}:"
    return [told, Table(rows, names=(0,)), "", f"  {command('check', PROPOSAL, snapshot=file)}"]


def facts_of(view: LaneView, now: datetime | None = None) -> Iterator[Fact]:
    """What is known of a lane that needs somebody, and what to type; of any other what stands open."""
    if trouble_of(view) is None:
        yield from _open(view, now)
        yield from _ways(view)
        return
    if not view.settled or view.differs:
        yield "because", brief(view.differs if view.settled else view.why)
    if not view.settled or trouble_of(view) == "drifted":
        yield "may run", may_run_text(view)
        if seen := seen_text(view):
            yield "seen just now", seen
    if view.hold:
        yield "held", _held(view.hold, now)
    yield from _open(view, now)
    yield from _ways(view)


def _open(view: LaneView, now: datetime | None) -> Iterator[Fact]:
    yield from (("open", in_force(waiver, now)) for waiver in view.waivers)


def _held(hold: Hold, now: datetime | None) -> str:
    ends = f"until {hold.until}: " if hold.until else ""
    return f"{ends}{hold.reason} (by {hold.subject}, {ago(hold.since, now)})"


def _ways(view: LaneView) -> Iterator[Fact]:
    """What to type; where nothing can be typed, what has to come before."""
    for way in view.ways:
        yield way.what, (*FIRST.get(way.what, ()), way.command)
    if not view.ways and not view.settled and view.next:
        yield "next", brief(view.next)


def _row(name: str, view: LaneView, now: datetime | None, *, in_short: bool) -> Sequence[Cell]:
    """``in_short``: of a rule that refuses the code alone."""
    comes = view.next
    for promotion in view.promotions if in_short else ():
        comes = comes.replace(f"{promotion.code} {promotion.reason}", promotion.code) if promotion.code else comes
        for one in promotion.wanted:
            comes = comes.replace(f"{one.code}: {one.message}", one.code)
    state = "settled" if view.runs else "nothing yet"
    return (
        name,
        runs(view),
        _since(view, now),
        (state, *(in_force(waiver, now) for waiver in view.waivers)),
        tuple(filter(None, [brief(comes), view.command])) or NOTHING,
    )


def _since(view: LaneView, now: datetime | None) -> str:
    return ago(view.since, now) if view.since else NOTHING


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


def _in_all(views: Sequence[LaneView], first: Sequence[LaneView]) -> list[str]:
    if not first:
        return [f"{count(len(views), 'lane')}: all settled, and as recorded."]
    found = [trouble_of(view) for view in first]
    each = ", ".join(f"{found.count(trouble)} {trouble}" for trouble in TROUBLES if trouble in found)
    return [f"{len(first)} of {count(len(views), 'lane')} need{'s' if len(first) == 1 else ''} somebody: {each}."]
