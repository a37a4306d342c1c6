"""Whether everything that names the release of a lane names the same one, asked afresh.

The claim is what decision and inventory name; every other place is held to it. What cannot be seen is never taken for
equal: a platform that does not show by which digest its containers run is left out of the verdict, and said to be;
whatever could not be asked, or read in one piece, leaves it open.
"""

from __future__ import annotations

from launchplane_gate.errors import RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.lane_records import read_lane
from launchplane_gate.model import Lane, Run
from launchplane_gate.prove.nothing import is_empty, nothing
from launchplane_gate.prove.places import evidence, platform, recorded
from launchplane_gate.prove.proof import Identity, Proof, claimed, held_to, verdict_on, worst_of
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run

__all__ = ["Identity", "Proof", "lane_of_version", "prove", "worst_of"]

MAX_RUNS = 1000  # that are looked through for one that published a version
TRUE = ("recorded", "unchanged")  # what a run ends as whose lane was seen to run its release


def prove(gate: Gate, profile: ProductProfile, lane: Lane) -> Proof:
    """Ask every place that names the release of a lane. What fails is told in the proof."""
    records = read_lane(gate.store, gate.ledger, lane)
    row = gate.ledger.last_effective(lane)
    if is_empty(gate, records, row):
        return _proof(profile, lane, None, tuple(nothing(gate, profile, lane)))
    run = read_run(gate.ledger, row.run_id) if row and row.status == "recorded" else None
    said = tuple(recorded(gate, records, run))
    claim, version = claimed(said), _version(gate, lane, run)
    said += (*platform(gate, profile, lane), *evidence(gate, profile, lane, claim, version))
    return _proof(profile, lane, version, said)


def _proof(profile: ProductProfile, lane: Lane, version: str | None, said: tuple[Identity, ...]) -> Proof:
    claim = claimed(said)
    identities = tuple(held_to(claim, identity) for identity in said)
    return Proof(
        product=profile.product,
        lane=lane,
        release=claim,
        version=version,
        identities=identities,
        verdict=verdict_on(identities),
        by_digest={one.state for one in identities if one.what == "runs"} == {"one"},
        by_commit=tuple(one.where for one in identities if (one.what, one.state) == ("health", "one")),
    )


def _version(gate: Gate, lane: Lane, run: Run | None) -> str | None:
    """Under which version the run that a lane rests on was to be published, or a later one that left it unchanged."""
    for run_id in gate.ledger.runs(lane, limit=MAX_RUNS) if run else ():
        later = read_run(gate.ledger, run_id)
        if later.status in TRUE and later.release == (run and run.release) and later.publication:
            return later.publication.version
        if run and run_id == run.run_id:
            break
    return None


def lane_of_version(gate: Gate, profile: ProductProfile, version: str) -> Lane:
    """The lane that a version was promoted to. Raises RequestError."""
    for run_id in gate.ledger.runs(product=profile.product, limit=MAX_RUNS):
        run = read_run(gate.ledger, run_id)
        if run.status in TRUE and run.publication and run.publication.version == version:
            return run.destination
    raise RequestError(
        f"no promotion of {profile.product} that was recorded or unchanged is of the version {version}",
        hint="`launchplane-gate runs list` shows the promotions, `runs show` the version of each.",
    )
