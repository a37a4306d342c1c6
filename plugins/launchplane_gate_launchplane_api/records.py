"""What Launchplane's own API shows of the lanes of a promotion: records; of runs, holds and platform no word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from launchplane_gate.errors import Undecided
from launchplane_gate.model import Lane, stamp
from launchplane_gate.outlook import Outlook, product_facts
from launchplane_gate.records import DeploymentRecord, EnvironmentInventory, ProductProfile, Record
from launchplane_gate_launchplane_api.asking import Launchplane

SHOWN = 10  # of the newest deployments of a context
IN_ORDER = "filesystem"  # the store that lists a deploy under way by when it began; others list it last
CUT_OFF = "the newest ten deployments of its context do not reach back to the one that its inventory names"
LANE = ("run", "hold", "observed", "steady_since")
DESTINATION = (*LANE, "history", "rolled_back", "way_back", "backups", "may_run", "versions")

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Shown:
    """What is on record of a lane. ``deployments``: None where some that may be newer are not shown."""

    lane: Lane
    inventory: EnvironmentInventory | None
    deployments: tuple[DeploymentRecord, ...] | None

    def facts(self, why: str) -> dict[str, Any]:
        """What the rules are told of it; of its runs, as what they refuse."""
        unknown = {"settled": False, "open": True, "why": why, "last": None, "confirmed_at": None}
        facts: dict[str, Any] = {
            "lane": self.lane.model_dump(),
            "inventory": self.inventory and self.inventory.model_dump(mode="json", exclude_none=True),
            "run": unknown,
        }
        if self.deployments is not None:
            facts["deployments"] = [self._told(record) for record in self.deployments]
        return facts

    def _told(self, record: DeploymentRecord) -> dict[str, Any]:
        """A deployment in short. That it is older is its own word: there is nobody who kept the order."""
        return {
            "record_id": record.record_id,
            "context": record.context,
            "instance": record.instance,
            "artifact_id": record.artifact_identity.artifact_id if record.artifact_identity else None,
            "source_git_ref": record.source_git_ref,
            "status": record.deploy.status,
            "started_at": record.deploy.started_at or None,
            "finished_at": record.deploy.finished_at or None,
            "touched": True,
            "older": self._is_older(record),
            "first_seen": None,
            "update": record.post_deploy_update.status if record.post_deploy_update.attempted else None,
        }

    def _is_older(self, record: DeploymentRecord) -> bool:
        named = next((one for one in self.deployments or () if _is_behind(self.inventory, one)), None)
        begun = record.deploy.started_at
        return named is not None and "" < begun < named.deploy.started_at


def outlook_of(
    host: Launchplane, profile: ProductProfile, source: Lane, destination: Lane, *, why: str, now: datetime
) -> Outlook:
    """``why``: the reason that nobody tells of runs and holds. Raises Undecided."""
    shown = _shown(host, [source, destination])
    here, there = shown[source], shown[destination]
    release = here.inventory
    artifact = release and release.artifact_identity
    unseen = {f"source.{name}": why for name in LANE} | {f"destination.{name}": why for name in DESTINATION}
    for name, one in (("source", here), ("destination", there)):
        if one.deployments is None:
            unseen[f"{name}.deployments"] = CUT_OFF
    at = stamp(now)
    facts = {
        "schema_version": 1,
        "action": "promote",
        "phase": "admit",
        "now": at,
        "release": {"artifact_id": artifact.artifact_id, "source_git_ref": release.source_git_ref}
        if release and artifact
        else None,
        "product": product_facts(profile),
        "driver": {"driver_id": profile.driver_id, "addressed": None},
        "source": here.facts(why),
        "destination": there.facts(why),
        "evidence": {},
        "outcome": None,
    }
    return Outlook(
        product=profile.product, source=source, destination=destination, as_of=at, facts=facts, unseen=unseen
    )


def _shown(host: Launchplane, lanes: Sequence[Lane]) -> dict[Lane, Shown]:
    recent = {
        context: host.get("contexts", context, "operations", "recent", allowed="operations.read")
        for context in dict.fromkeys(lane.context for lane in lanes)
    }
    return {lane: _on(lane, recent[lane.context]) for lane in lanes}


def _on(lane: Lane, recent: Mapping[str, Any]) -> Shown:
    inventories = [one for one in _list(EnvironmentInventory, recent, "inventory") if _is_on(lane, one)]
    deployments = _list(DeploymentRecord, recent, "recent_deployments")
    inventory = inventories[0] if inventories else None
    is_whole = len(deployments) < SHOWN or (
        recent.get("storage_backend") == IN_ORDER and _reach_behind(inventory, deployments)
    )
    found = sorted((one for one in deployments if _is_on(lane, one)), key=lambda one: one.deploy.started_at)
    return Shown(lane, inventory, tuple(found) if is_whole else None)


def _reach_behind(inventory: EnvironmentInventory | None, deployments: Sequence[DeploymentRecord]) -> bool:
    """Whether what is not shown any more began before the deployment that an inventory names.

    They are the newest by when they ended, or else began; so one that began later and is not shown would have ended
    before all of these.
    """
    named = next((one for one in deployments if _is_behind(inventory, one)), None)
    last = min((one.deploy.finished_at or one.deploy.started_at for one in deployments), default="")
    return named is not None and "" < last < named.deploy.started_at


def _is_behind(inventory: EnvironmentInventory | None, deployment: DeploymentRecord) -> bool:
    return inventory is not None and inventory.deployment_record_id == deployment.record_id


def _is_on(lane: Lane, record: EnvironmentInventory | DeploymentRecord) -> bool:
    return (record.context, record.instance) == (lane.context, lane.instance)


def _list(kind: type[R], recent: Mapping[str, Any], name: str) -> list[R]:
    try:
        return [kind.model_validate(one) for one in recent[name]]
    except (KeyError, TypeError, ValidationError):
        raise Undecided(f"what the Launchplane shows at {name} is of another form than is known here") from None
