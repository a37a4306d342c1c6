"""The first look of somebody with many products: which lanes need them; and a product in one screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from launchplane_gate.gate import Gate
from launchplane_gate.lanes import LaneView, Promotion, paths_of, published_as
from launchplane_gate.model import Contract, Observation, ReleaseIdentity, Run
from launchplane_gate.runs import read_run

LAST_RUNS = 5

Trouble = Literal["unsettled", "drifted", "not looked at", "held"]
TROUBLES: Sequence[Trouble] = ("unsettled", "drifted", "not looked at", "held")  # the worst first


class Proof(Contract):
    """What the release that a lane runs was confirmed on; ``observed`` is None where that is not kept any more.

    ``urls``: how many health URLs reported it; ``version``: under which it is out, empty where it is not.
    """

    run_id: str
    decision_id: str
    observed: Observation | None
    urls: int
    version: str


class Path(Contract):
    """A path of promotion; ``offer`` is None where what the source runs is in doubt, so that nothing is asked."""

    source: str
    destination: str
    offer: Promotion | None


class ProductView(Contract):
    """``proofs``: by lane, of those that have one. ``unpublished``: runs whose release is to be published, by lane."""

    product: str
    lanes: tuple[LaneView, ...]
    proofs: Mapping[str, Proof]
    unpublished: Mapping[str, Run]
    paths: tuple[Path, ...]
    runs: tuple[Run, ...]


def trouble_of(view: LaneView) -> Trouble | None:
    """Why somebody has to look at a lane; None where nobody has to."""
    if not view.settled:
        return "unsettled"
    if view.differs:
        seen = view.observed
        is_looked_at = seen is not None and seen.reachable and seen.digests != "failed"
        return "drifted" if is_looked_at else "not looked at"
    return "held" if view.hold else None


def in_trouble(views: Iterable[LaneView]) -> list[LaneView]:
    """Those that need somebody, the worst first."""
    found = [(trouble, view) for view in views if (trouble := trouble_of(view))]
    return [view for _, view in sorted(found, key=lambda one: TROUBLES.index(one[0]))]


def products(gate: Gate, views: Sequence[LaneView]) -> list[ProductView]:
    """Each product in one screen, of all its lanes."""
    by_product: dict[str, list[LaneView]] = {}
    for view in views:
        by_product.setdefault(view.product, []).append(view)
    return [_product(gate, product, lanes) for product, lanes in by_product.items()]


def _product(gate: Gate, product: str, views: Sequence[LaneView]) -> ProductView:
    recorded: dict[str, Run] = {}
    for view in views:
        if view.runs and (last := gate.ledger.last_naming(view.lane)):
            recorded[view.lane.instance] = read_run(gate.ledger, last.run_id)
    lanes = {view.lane.instance: view for view in views}
    paths = [(source, end) for source, end in paths_of(gate.bundle, product) if {source, end} <= lanes.keys()]
    return ProductView(
        product=product,
        lanes=tuple(views),
        proofs={name: proof for name, run in recorded.items() if (proof := _proof(gate, lanes[name], run))},
        unpublished={name: run for name, run in recorded.items() if run.publication and not run.publication.is_whole},
        paths=tuple(Path(source=source, destination=end, offer=_offered(lanes[source], end)) for source, end in paths),
        runs=tuple(read_run(gate.ledger, run_id) for run_id in gate.ledger.runs(product=product, limit=LAST_RUNS)),
    )


def _offered(source: LaneView, destination: str) -> Promotion | None:
    return next((offer for offer in source.promotions if offer.to == destination), None)


def _proof(gate: Gate, view: LaneView, run: Run) -> Proof | None:
    """None where the inventory was not written by a run that was confirmed."""
    if run.confirmed is None or run.release != view.runs:
        return None
    entries = gate.ledger.entries(subject=run.run_id, kinds=["confirmed", "unchanged"])
    asked = next((entry.input for entry in reversed(entries) if entry.input), None)
    return Proof(
        run_id=run.run_id,
        decision_id=run.confirmed.decision_id,
        observed=Observation.model_validate(asked["destination"]["observed"]) if asked else None,
        urls=_reporting(asked, run.release) if asked else 0,
        version=published_as(gate.ledger, run),
    )


def _reporting(asked: Mapping[str, Any], release: ReleaseIdentity | None) -> int:
    """How many health URLs reported the commit of a release, when a run was confirmed."""
    health = (asked.get("evidence") or {}).get("health") or {}
    samples = health.get("destination") or []
    return len({one["url"] for one in samples if release and one.get("revision") == release.source_git_ref})
