"""Starting a ledger beside records that are older than it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from launchplane_gate.lane_records import read_lane
from launchplane_gate.ledger import Ledger, Terms, Wish, new_id
from launchplane_gate.model import Actor, Decision, Lane, lanes_of
from launchplane_gate.on_record import on_record, spends
from launchplane_gate.past import lost
from launchplane_gate.policy import Bundle
from launchplane_gate.records import ProductProfile
from launchplane_gate.store import RecordStore


def adopt(
    store: RecordStore,
    ledger: Ledger,
    bundle: Bundle,
    profiles: Iterable[ProductProfile],
    actor: Actor,
    *,
    decided: Mapping[Lane, tuple[Decision, Mapping[str, Any]]],
) -> list[Lane]:
    """Begin the history of each lane that has an inventory; gives those lanes.

    Each is unsettled from here on, until a deploy or promotion settles it: nobody saw what it runs. ``decided``: what
    let the actor adopt each of them, with what it was decided on.
    """
    adopted = []
    for profile in profiles:
        for lane in lanes_of(profile):
            records = read_lane(store, ledger, lane)
            release = records.release
            if release is None:
                continue
            row: dict[str, Any] = {
                "run_id": new_id("r"),
                "product": profile.product,
                "action": "adopt",
                "artifact_id": release.artifact_id,
                "source_git_ref": release.source_git_ref,
                "step": "adopted",
                "status": "adopted",
                "redeemed": True,  # what came before may have touched the lane
            }
            past = lost(ledger, lane, records.deployments)
            detail = "the inventory stood in the store before the ledger did"
            body = {
                "actor": actor.model_dump(),
                "detail": detail,
                "past": past,
                **on_record(ledger, bundle, *decided[lane]),
                **spends(actor, "adopt", {}),
            }
            with ledger.hold([lane], Wish(Terms(run_s=60), run_id=row["run_id"])) as lease:
                ledger.begin_run(lane, row, body, lease=lease)
            adopted.append(lane)
    return adopted
