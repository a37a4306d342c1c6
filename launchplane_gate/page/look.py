"""What the pages are drawn of: the views of ``lanes``, ``runs show`` and ``decisions explain``, taken at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from launchplane_gate.authoring.explain.explaining import Policies, explain
from launchplane_gate.authoring.explain.told import Explanation
from launchplane_gate.commands import looking_for_faults
from launchplane_gate.errors import EnginesDiffer, GateError
from launchplane_gate.lanes import LaneView, paths_of, published_as
from launchplane_gate.ledger import Entry, Ledger
from launchplane_gate.model import Actor, Decision, Observation, Run, Waiver, unstamp
from launchplane_gate.on_record import Kept, kept
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate.sight import NotTold, Sight

RUNS = 10  # of each lane that are shown, and
DECISIONS = 200  # of those behind them, the newest of which have a page
NO_INPUT = "what it was made on is not kept with it any more"


@dataclass(frozen=True)
class Step:
    """``decision_id``: of the decision that was taken then, if one was."""

    kind: str
    at: str
    said: str
    decision_id: str = ""


@dataclass(frozen=True)
class RunSeen:
    """A run with its steps. ``became``: what the platform told later of the deploy of one that was interrupted.

    ``shown``: what the platform showed when it was confirmed.
    """

    run: Run
    steps: tuple[Step, ...] = ()
    became: str = ""
    shown: Observation | None = None


@dataclass(frozen=True)
class LaneSeen:
    """``last``: the run that its state rests on; ``out_as``: the version under which what it recorded is published."""

    view: LaneView
    urls: int
    runs: tuple[RunSeen, ...] = ()
    last: RunSeen | None = None
    out_as: str = ""


@dataclass(frozen=True)
class ProductSeen:
    """``paths``: of promotion, from which lane to which; None where the policies could not be asked for them."""

    name: str
    lanes: tuple[LaneSeen, ...]
    paths: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True)
class DecisionSeen:
    """``told``: the decision explained by the policies of today; None where nobody could, which ``why_not`` says."""

    decision: Decision
    run_id: str
    repeats: int = 0
    told: Explanation | None = None
    why_not: str = ""


@dataclass(frozen=True)
class Look:
    """``not_told``: what nobody could tell, and why. ``titles``: of the rules.

    ``asked_as``: whose promotions were asked for. ``public``: what is not for everybody has been left out.
    """

    at: datetime
    products: tuple[ProductSeen, ...]
    decisions: Mapping[str, DecisionSeen]
    titles: Mapping[str, str] = field(default_factory=dict)
    asked_as: str = ""
    not_told: tuple[NotTold, ...] = ()
    public: bool = False


def look_through(sight: Sight, profiles: Sequence[ProductProfile], actor: Actor) -> Look:
    """Everything, as it is now, as far as there is somebody to tell. Nothing is changed."""
    gate = sight.gate
    at = gate.ledger.now()
    views, not_told = sight.look(profiles, actor)
    products = tuple(
        _product(
            gate.ledger,
            profile,
            views,
            tuple(paths_of(gate.bundle, profile.product)) if sight.knows_paths else None,
        )
        for profile in profiles
    )
    explaining = _Explaining(Policies(gate.bundle, gate.engine), sight.why)
    decisions = _decisions(gate.ledger, products, explaining)
    if explaining.why_not not in ("", *(one.why for one in not_told)):
        not_told.append(NotTold("what would make a decision pass", explaining.why_not, looking_for_faults()))
    return Look(
        at=at,
        products=products,
        decisions=decisions,
        titles={code: rule.title for code, rule in gate.bundle.metadata.items()},
        asked_as=actor.subject + (f", verified by {actor.verified_by}" if actor.verified_by else ""),
        not_told=tuple(not_told),
    )


def _product(
    ledger: Ledger, profile: ProductProfile, views: Iterable[LaneView], paths: tuple[tuple[str, str], ...] | None
) -> ProductSeen:
    here = [view for view in views if view.product == profile.product]
    lanes = [
        _lane(ledger, view, len(profile.health_urls(view.lane.context, view.lane.instance)))
        for view in in_order(here, paths or ())
    ]
    return ProductSeen(profile.product, tuple(lanes), paths)


def in_order(views: Sequence[LaneView], paths: Sequence[tuple[str, str]]) -> list[LaneView]:
    """Lanes from left to right: none before the one that is promoted to it, else as the settings name them."""
    left, ordered = list(views), list[LaneView]()
    while left:
        names = {view.lane.instance for view in left}
        ready = [view for view in left if not any(end == view.lane.instance and start in names for start, end in paths)]
        taken = ready[:1] or left[:1]  # paths may lead in a circle
        ordered += taken
        left.remove(taken[0])
    return ordered


def _lane(ledger: Ledger, view: LaneView, urls: int) -> LaneSeen:
    last = run_seen(ledger, view.run_id) if view.run_id else None
    return LaneSeen(
        view=view,
        urls=urls,
        runs=tuple(run_seen(ledger, run_id) for run_id in ledger.runs(view.lane, limit=RUNS)),
        last=last,
        out_as=published_as(ledger, last.run) if last and last.run.release == view.runs else "",
    )


def run_seen(ledger: Ledger, run_id: str) -> RunSeen:
    run, entries = read_run(ledger, run_id), ledger.entries(subject=run_id)
    found = next((entry for entry in reversed(entries) if entry.kind == "found"), None)
    shown = next((entry.input for entry in reversed(entries) if entry.kind in ("confirmed", "unchanged")), None)
    return RunSeen(
        run=run,
        steps=tuple(map(_step, entries)),
        became=str(found.body["status"]) if found and run.status == "interrupted" else "",
        shown=Observation.model_validate(shown["destination"]["observed"]) if shown else None,
    )


def _step(entry: Entry) -> Step:
    said, decision = str(entry.body.get("detail", "")), entry.body.get("decision")
    if entry.kind == "found":
        said = f"the deploy: {entry.body['status']}" + (f"; {said}" if said else "")
    return Step(entry.kind, entry.at, said, str(decision["decision_id"]) if decision else "")


def _decisions(ledger: Ledger, products: Iterable[ProductSeen], explaining: _Explaining) -> dict[str, DecisionSeen]:
    """The newest of those that the runs name, each explained."""
    runs = {run.run.run_id: run for product in products for lane in product.lanes for run in lane.runs}
    steps = [step for run in runs.values() for step in run.steps if step.decision_id]
    newest = sorted(steps, key=lambda step: step.at, reverse=True)[:DECISIONS]
    found = ((step.decision_id, kept(ledger, step.decision_id)) for step in newest)
    return {name: explaining.of(one) for name, one in found if one}


class _Explaining:
    """Explains one decision after the other, until nobody answers: then no other one is waited for.

    ``why_not`` says why, as long as somebody does it is empty.
    """

    def __init__(self, policies: Policies, why_not: str) -> None:
        self._policies, self.why_not = policies, why_not

    def of(self, found: Kept) -> DecisionSeen:
        told: Explanation | None = None
        why_not = self.why_not
        if not why_not:
            try:
                told = self._explained(self._policies, found)
            except GateError as error:
                why_not = str(error)
                if not isinstance(error, EnginesDiffer):  # which is about this one decision
                    self.why_not = why_not
        return DecisionSeen(found.decision, found.entry.subject, found.repeats, told, why_not)

    @staticmethod
    def _explained(policies: Policies, found: Kept) -> Explanation:
        """As of its own moment: what it says of waiting is then the same in every look."""
        offered = [Waiver.model_validate(waiver) for waiver in found.entry.body.get("offered", ())]
        at = unstamp(found.decision.decided_at) or datetime.now(UTC)
        return explain(policies, found.decision, found.entry.input, offered, at, why_none=NO_INPUT)
