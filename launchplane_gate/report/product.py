"""A product in one screen: what each lane runs and on what that rests, what a promotion would meet, the last runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from launchplane_gate.lanes import LaneView
from launchplane_gate.model import Run
from launchplane_gate.overview import Path, ProductView, Proof, trouble_of
from launchplane_gate.report.lanes import Fact, facts_of, runs
from launchplane_gate.report.seen import is_by_digest
from launchplane_gate.report.text import Block, Cell, Table
from launchplane_gate.report.words import ago, brief, count


def product_text(product: ProductView, now: datetime | None = None, *, with_name: bool = False) -> list[Block]:
    text: list[Block] = [product.product] if with_name else []
    wide = max(len(view.lane.instance) for view in product.lanes)
    for view in product.lanes:
        text.append(Table([(f"{view.lane.instance:{wide}}", f"{runs(view):8}", _stands(product, view, now))], indent=0))
        if facts := list(_facts(product, view, now)):
            text.append(Table(facts))
    last = [
        (run.run_id, run.action, f"{run.release or '-'} -> {run.destination.instance}", run.status, _when(run, now))
        for run in product.runs
    ]
    return [*text, "", *(["last runs", Table(last, names=(2,))] if last else ["no runs yet"])]


def _when(run: Run, now: datetime | None) -> str:
    out = run.publication
    version = f", {out.version}{'' if out.published else ' is not out'}" if out else ""
    return f"{ago(run.started_at, now)}{version}"


def _stands(product: ProductView, view: LaneView, now: datetime | None) -> str:
    """How a lane stands, since when, and on what that rests."""
    proof, since = product.proofs.get(view.lane.instance), ago(view.since, now).removesuffix(" ago")
    rests = [f"since {since}", proof.version if proof else "", _proven(proof) if proof else ""]
    trouble = trouble_of(view)
    if trouble and (trouble != "held" or not view.runs):
        return trouble
    if not view.runs:
        return "nothing has run here yet"
    return f"{'held, ' if trouble else ''}settled {', '.join(filter(None, rests))}"


def _facts(product: ProductView, view: LaneView, now: datetime | None) -> Iterator[Fact]:
    """What stands open on a lane, and what a promotion to it would meet."""
    yield from facts_of(view, now)
    if run := product.unpublished.get(view.lane.instance):
        assert run.publication  # or nothing of it would be missing
        yield "open", f"{run.publication.version} is not out: {brief(run.publication.detail)}"
    for path in product.paths:
        if path.destination == view.lane.instance:
            yield "next", _next(product, view, path)


def _proven(proof: Proof) -> str:
    """``proven by digest and 2 URLs``; what it was confirmed on may be archived."""
    if proof.observed is None:
        return f"confirmed as {proof.decision_id}"
    artifacts = {container.artifact_id for container in proof.observed.containers}
    by = [
        "digest" if any(artifact and is_by_digest(proof.observed, artifact) for artifact in artifacts) else "",
        count(proof.urls, "URL") if proof.urls else "",
    ]
    return f"proven by {' and '.join(filter(None, by)) or proof.decision_id}"


def _next(product: ProductView, view: LaneView, path: Path) -> Cell:
    """What a promotion along a path would meet now."""
    offer, source = path.offer, path.source
    start = next(view for view in product.lanes if view.lane.instance == source)
    if offer is None:
        trouble = trouble_of(start)
        return f"nothing comes from {source} {f'while it is {trouble}' if trouble else 'before something runs there'}"
    if offer.done:
        return f"runs what {source} runs"
    if offer.unknown:
        return f"not known whether {start.runs} can be promoted from {source}"
    wanted = (f"with --{one.field}, for {one.code}: {brief(one.message)}" for one in offer.wanted)
    if offer.passes_if_asked_well:
        command = "" if trouble_of(view) else view.command  # or it is told what settles the lane
        return tuple(filter(None, [f"{start.runs} can be promoted from {source}", *wanted, command]))
    refused = (f"{one.code}: {brief(one.message)}" for one in offer.refused)
    return (f"{start.runs} from {source} would be refused:", *refused, *wanted)
