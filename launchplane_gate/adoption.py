"""Starting a ledger beside records that are older than it, and what it takes until its lanes are settled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from launchplane_gate.lane_records import LaneRecords, read_lane
from launchplane_gate.ledger import Ledger, Terms, Wish, new_id
from launchplane_gate.model import Actor, Decision, Lane, ReleaseIdentity, lanes_of, unstamp
from launchplane_gate.on_record import on_record, spends
from launchplane_gate.past import lost
from launchplane_gate.policy import Bundle
from launchplane_gate.records import ProductProfile
from launchplane_gate.settled import settled
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


@dataclass(frozen=True)
class Unsettled:
    """A lane that has to be settled. ``mend``: what keeps a run from doing that, a sentence each.

    ``newest``: the release of the last deployment there that says that it passed; a guess, for a person.
    """

    lane: Lane
    records: LaneRecords
    adopted: bool
    why: str
    mend: tuple[str, ...]
    newest: ReleaseIdentity | None


def unsettled(
    store: RecordStore,
    ledger: Ledger,
    bundle: Bundle,
    profile: ProductProfile,
    *,
    adopted: Collection[Lane],
    drivers: Collection[str],
) -> Iterator[Unsettled]:
    """The lanes of a product that are not settled beside a ledger that was begun just now."""
    for lane in lanes_of(profile):
        records = read_lane(store, ledger, lane)
        is_settled, why = settled(records, ledger, ledger.last_effective(lane))
        if is_settled:
            continue
        mend = tuple(_to_mend(profile, records, bundle, drivers))
        yield Unsettled(lane, records, lane in adopted, why, mend, _newest(records))


def _to_mend(profile: ProductProfile, records: LaneRecords, bundle: Bundle, drivers: Collection[str]) -> Iterator[str]:
    lane, inventory = records.lane, records.inventory
    if profile.driver_id not in drivers:
        yield f"no enabled plugin brings its driver, {profile.driver_id}: all that is asked of it is refused"
    if profile.product not in bundle.settings.products:
        yield f"the policies do not name {profile.product}: all that is asked of it is refused"
    if not profile.health_urls(lane.context, lane.instance):
        yield "no health URL is known of it, so that no deploy to it could be confirmed"
    if inventory and records.release is None:
        artifact = inventory.artifact_identity.artifact_id if inventory.artifact_identity else "no artifact"
        yield f"its inventory names {artifact} at {inventory.source_git_ref}, which is no release"
    undated = [one for one in records.deployments if unstamp(one.deploy.started_at) is None]
    if undated:
        ids = ", ".join(sorted(one.record_id for one in undated)[:3])
        yield f"deployments of no known time stand there ({ids}): what is recorded next is newer than all of them"


def _newest(records: LaneRecords) -> ReleaseIdentity | None:
    """By what the records say of themselves."""
    passed = [one for one in records.deployments if one.deploy.status == "pass" and one.artifact_identity]
    for one in sorted(passed, key=lambda one: one.deploy.finished_at, reverse=True):
        assert one.artifact_identity  # looked at above
        try:
            return ReleaseIdentity(artifact_id=one.artifact_identity.artifact_id, source_git_ref=one.source_git_ref)
        except ValidationError:
            continue
    return None
