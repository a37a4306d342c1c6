"""Lanes and runs in the words and signs of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from launchplane_gate.authoring.explain.told import ExplainedRule, Explanation, Expression
from launchplane_gate.lanes import LaneView, Promotion
from launchplane_gate.model import Decision, RuleResult, Run
from launchplane_gate.overview import in_trouble, trouble_of
from launchplane_gate.page.look import LaneSeen, Look, ProductSeen, RunSeen
from launchplane_gate.report.decision import is_overlooked, requesting
from launchplane_gate.report.seen import containers_text, is_by_digest, may_run_text, seen_text
from launchplane_gate.report.words import brief, count
from launchplane_gate.words import noun, noun_of

_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")

LABELS = {"put aside": "put aside, where that record says nothing of what the lane runs"}

Sign = Literal["good", "bad", "held", "drift", "unknown", "none", "goes"]  # each has a shape and a colour of its own


@dataclass(frozen=True)
class Mark:
    """A word, and the sign beside it."""

    word: str
    sign: Sign


def still(text: str) -> str:
    """With its moments in full: how long ago they were would be wrong when it is read."""
    return _MOMENT.sub(r"\1 \2 UTC", text)


# -- lanes


def marks(view: LaneView) -> list[Mark]:
    """How a lane stands, what needs somebody first."""
    found = [] if view.settled else [Mark("unsettled", "bad")]
    if view.differs and not is_looked_at(view):
        found.append(Mark("not looked at", "unknown"))
    elif trouble_of(view) == "drifted":  # that an unsettled lane runs something else surprises nobody
        found.append(Mark("drifted", "drift"))
    if view.hold:
        found.append(Mark("held", "held"))
    if view.mode == "observe":
        found.append(Mark("only observed", "none"))
    if view.settled and not view.differs:
        found.append(Mark("settled", "good") if view.runs else Mark("nothing has run here", "none"))
    return found


def is_looked_at(view: LaneView) -> bool:
    return view.observed is not None and view.observed.reachable and view.observed.digests != "failed"


def is_in_trouble(view: LaneView) -> bool:
    """Whether somebody has to look at a lane."""
    return trouble_of(view) is not None


def troubled(look: Look) -> list[LaneView]:
    """The lanes that somebody has to look at, the worst first."""
    return in_trouble(lane.view for lane in all_lanes(look))


def all_lanes(look: Look) -> list[LaneSeen]:
    return [lane for product in look.products for lane in product.lanes]


def headline(look: Look) -> str:
    """How many lanes need a look."""
    return _headline(all_lanes(look))


def headline_of(product: ProductSeen) -> str:
    return _headline(product.lanes)


def _headline(lanes: Sequence[LaneSeen]) -> str:
    those = sum(is_in_trouble(lane.view) for lane in lanes)
    if those:
        return f"{those} of {count(len(lanes), 'lane')} {'needs' if those == 1 else 'need'} a look"
    if not lanes:
        return "No lanes"
    return "The lane is as recorded" if len(lanes) == 1 else f"All {len(lanes)} lanes are as recorded"


def has_product(look: Look, name: str) -> bool:
    return any(product.name == name for product in look.products)


def run_here(look: Look, product: str, run_id: str) -> bool:
    """Whether a run stands on the page of its product."""
    lanes = (lane for one in look.products if one.name == product for lane in one.lanes)
    return any(seen.run.run_id == run_id for lane in lanes for seen in lane.runs)


def trouble_first(look: Look) -> list[ProductSeen]:
    return sorted(look.products, key=lambda product: not any(is_in_trouble(lane.view) for lane in product.lanes))


def why(view: LaneView) -> list[str]:
    """What keeps a lane from being as it should be, a sentence each."""
    found = [] if view.settled else [view.why]
    if view.differs and (view.settled or not is_looked_at(view)):
        found.append(view.differs)
    return found


def may_run(view: LaneView) -> str:
    """Where that is not one release."""
    return "" if view.settled and not view.differs else may_run_text(view)


def seen(look: Look, view: LaneView) -> str:
    """What was seen of a lane, where ``why`` does not say it; in public the reported commits, and not where."""
    if look.public:
        commits = [brief(one.revision) for one in view.health if one.revision]
        return f"health reports {', '.join(commits)}" if commits else ""
    observed = view.observed and view.observed.model_copy(update={"detail": still(view.observed.detail)})
    health = tuple(one.model_copy(update={"detail": still(one.detail)}) for one in view.health)
    stilled = view.model_copy(update={"observed": observed, "health": health, "differs": still(view.differs)})
    told = seen_text(stilled)
    return "" if told == brief(stilled.differs) else told


def proof(lane: LaneSeen) -> str:
    """How it is known that a lane runs what its inventory says; empty where that is not known."""
    last, runs = lane.last, lane.view.runs
    if not (lane.view.settled and last and runs and last.run.confirmed and last.run.release == runs):
        return ""
    shown = last.shown
    results = last.run.confirmed.results
    is_reported = lane.urls and any(one.code == "confirm.revision_live" and one.status == "pass" for one in results)
    by = []
    if shown and is_by_digest(shown, runs.artifact_id):
        by.append(f"digest {', '.join(containers_text(shown))}")
    if is_reported:
        by.append(count(lane.urls, "URL that reports it", "URLs that report it"))
    return " and ".join(by)


@dataclass(frozen=True)
class Way:
    """What a promotion along a path would meet now. ``said``: the first thing that stands against it."""

    to: str
    mark: Mark
    code: str = ""
    said: str = ""


def ways(look: Look, product: ProductSeen, lane: LaneSeen) -> Iterator[Way]:
    """Of each path that begins at a lane."""
    offers = {offer.to: offer for offer in lane.view.promotions}
    for start, end in product.paths or ():
        if start == lane.view.lane.instance:
            yield _way(look, end, offers.get(end), lane.view)


def _way(look: Look, to: str, offer: Promotion | None, source: LaneView) -> Way:
    if offer is None:
        return Way(to, Mark("nothing to promote", "none"), said=_stands(source))
    if offer.done:
        return Way(to, Mark("runs it already", "good"))
    if offer.unknown:
        return Way(to, Mark("could not be asked", "unknown"), said=offer.reason)
    wanted = " ".join(f"With --{one.field}: {one.message or look.titles.get(one.code, '')}" for one in offer.wanted)
    if offer.allowed or (offer.wanted and not offer.code):
        return Way(to, Mark("can be promoted", "goes"), said=wanted)
    said = " ".join(filter(None, [offer.reason or look.titles.get(offer.code, ""), wanted]))
    return Way(to, Mark("would be refused", "bad"), offer.code, said)


def _stands(view: LaneView) -> str:
    lane, first = view.lane.instance, marks(view)[0]
    return f"{lane} is {first.word}" if first.sign in ("bad", "drift", "held") else f"{lane}: {first.word}"


@dataclass(frozen=True)
class Typed:
    """What somebody could type, and what for."""

    label: str
    command: str


def commands(view: LaneView) -> list[Typed]:
    """The ways on of a lane in doubt; of any other the next thing, if there is one."""
    if not view.ways:
        return [Typed("next", view.command)] if view.command else []
    return [Typed(LABELS.get(way.what, way.what), way.command) for way in view.ways]


# -- runs

_SIGNS: dict[str, Sign] = {
    "recorded": "good",
    "unchanged": "good",
    "adopted": "none",
    "restored": "none",
    "observed": "drift",
    "open": "goes",
    "denied": "held",
    "stale": "held",
    "undecided": "held",
}


def run_mark(seen: RunSeen) -> Mark:
    """What a run has reached."""
    run = seen.run
    word = f"{run.status}, its deploy: {seen.became}" if seen.became else str(run.status)
    if run.publication and run.status in ("recorded", "unchanged"):
        word += f", {run.publication.version}{'' if run.publication.published else ' is not out'}"
    return Mark(word, _SIGNS.get(run.status, "bad"))


def run_why(run: Run) -> str:
    """What was said of how it ended, where it did not end well: the rules that refused tell it better."""
    good = ("recorded", "observed", "adopted", "restored", "unchanged")
    return "" if run.status in good or refusal(run) else run.detail


def refusal(run: Run) -> Decision | None:
    """The decision that a run ended at, if it is one that refuses."""
    decision = run.confirmed or run.admitted
    return decision if decision and decision.refusals and run.status in ("denied", "unconfirmed") else None


def decided(run: Run) -> list[tuple[str, str]]:
    """The decisions behind a run: what each was, and its id."""
    told = (("admitted", run.admitted), ("confirmed", run.confirmed))
    return [(word if one.allowed else "refused", one.decision_id) for word, one in told if one]


def run_title(run: Run) -> str:
    """``Promotion of 41620cf from testing``."""
    said = noun_of(run.action, run.release.source_git_ref) if run.release else noun(run.action)
    return f"{said[0].upper()}{said[1:]}" + (f" from {run.source.instance}" if run.source else "")


def verdict(decision: Decision) -> Mark:
    if decision.allowed:
        return Mark("Allowed", "good")
    if is_overlooked(decision):
        return Mark("Would be refused, and is only observed", "drift")
    return Mark("Refused", "bad")


# -- decisions


@dataclass(frozen=True)
class Rules:
    """In the order in which they are shown: what refuses, what only follows from that, what was waived, the rest."""

    causes: Sequence[RuleResult]
    following: Sequence[RuleResult]
    waived: Sequence[RuleResult]
    passed: Sequence[RuleResult]


def rules(decision: Decision) -> Rules:
    following = [result for result in decision.refusals if result.follows]
    waived = [result for result in decision.results if result.status == "waived"]
    passed = [result for result in decision.results if result.status == "pass"]
    return Rules(decision.causes, following, waived, passed)


def leave(decision: Decision, result: RuleResult) -> str:
    """The command that asks for leave to pass a rule, where somebody could give it."""
    return requesting(decision, result.code) if result.waivable and decision.release else ""


def asked(decision: Decision) -> str:
    """``promote sellyouroutboard from testing to prod``."""
    to = decision.destination.instance
    if decision.source:
        return f"{decision.action} {decision.product} from {decision.source.instance} to {to}"
    if decision.action == "rollback":
        return f"roll back {decision.product} on {to}" + (f" to {decision.release}" if decision.release else "")
    return f"{decision.action} {decision.product} " + (f"{decision.release} " if decision.release else "") + f"on {to}"


def rules_headline(decision: Decision) -> str:
    refused, all_ = len(decision.refusals), count(len(decision.results), "rule")
    return f"{refused} of {all_} {'refuses' if refused == 1 else 'refuse'}" if refused else f"{all_}, none refuses"


def by_code(told: Explanation | None) -> Mapping[str, ExplainedRule]:
    return {rule.code: rule for rule in told.rules} if told else {}


def place(expression: Expression) -> str:
    """``FOLDER/gate/rules/lane/settled.rego:19``: the file from the folder of policies on that it is of."""
    folder, found, rest = expression.file.rpartition("/gate/")
    return f"{PurePath(folder).name}{found}{rest}:{expression.line}"


RULE_MARKS = {"fail": Mark("refuses", "bad"), "waived": Mark("waived", "drift"), "pass": Mark("passed", "good")}
