"""What the line is given: where records and runs live, who decides, who acts, and how long things may take."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import get_args

from launchplane_gate.attesting import Attester
from launchplane_gate.errors import RequestError, SettingsError
from launchplane_gate.hookspecs import Driver
from launchplane_gate.ledger import Lease, Ledger, Terms
from launchplane_gate.ledger.lease import WRITE_S
from launchplane_gate.model import Lane, Mode, Observable, Request
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, PolicyEngine
from launchplane_gate.records import ProductProfile
from launchplane_gate.store import RecordStore

GATHER_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Limits:
    """Seconds, all of them; ``confirm_interval_s`` lies between two looks, ``write_s`` bounds one write outside.

    ``gather_timeout_s`` bounds all that drivers and plugins are asked before a decision.
    """

    lane_wait_s: float = 60
    lease_s: float = 45
    confirm_timeout_s: float = 120
    confirm_interval_s: float = 1
    gather_timeout_s: float = GATHER_TIMEOUT_S
    write_s: float = WRITE_S

    def terms(self, run_s: float) -> Terms:
        return Terms(run_s=run_s, lease_s=self.lease_s, write_s=self.write_s)


@dataclass(frozen=True)
class Parts:
    """``attester``: who signs what a promotion rests on; None where nothing is attested.

    ``observed``: the products of which nothing is refused, by the settings.
    """

    store: RecordStore
    ledger: Ledger
    bundle: Bundle
    engine: PolicyEngine
    plugins: Plugins
    limits: Limits
    attester: Attester | None = None
    observed: frozenset[str] = frozenset()

    def mode_of(self, request: Request) -> Mode:
        """In which mode a request is decided: what callers asked for before there was a gate may be observed only."""
        is_observed = request.product in self.observed and request.action in get_args(Observable)
        return "observe" if is_observed else "enforce"

    def driver(self, profile: ProductProfile) -> Driver:
        """Raises RequestError for a product whose driver no plugin brings."""
        if profile.driver_id not in self.plugins.drivers:
            raise RequestError(f"no plugin brings the driver {profile.driver_id!r} of {profile.product}")
        return self.plugins.drivers[profile.driver_id]

    def profile(self, product: str) -> ProductProfile:
        """Raises RequestError for a product that the store does not know."""
        try:
            return self.store.read_product_profile_record(product)
        except FileNotFoundError:
            raise RequestError(
                f"unknown product {product!r}", hint="Nothing was done. `launchplane-gate lanes` lists the products."
            ) from None


def see_that_thresholds_can_be_met(bundle: Bundle, plugins: Plugins, product: str) -> None:
    """Raises SettingsError: better before a deploy than with every one."""
    for why in plugins.cannot_meet(product, bundle.settings.thresholds_of(product)):
        raise SettingsError(f"settings: {why}", hint="Nothing was done. Change the setting, or the threshold.")


def in_one_database(store: RecordStore, ledger: Ledger) -> bool:
    return getattr(store, "database", None) is ledger.database


def as_one(store: RecordStore, ledger: Ledger, lease: Lease) -> AbstractContextManager[None]:
    """Inside, steps and records are kept whole or not at all where they share a database; elsewhere in their order."""
    return ledger.together(*lease.lanes) if in_one_database(store, ledger) else nullcontext()


def find_lane(profile: ProductProfile, instance: str) -> Lane:
    """The lane of a product that an instance names. Raises RequestError."""
    contexts = {lane.context for lane in profile.lanes if lane.instance == instance}
    if len(contexts) != 1:
        known = ", ".join(sorted({lane.instance for lane in profile.lanes})) or "none"
        raise RequestError(f"{profile.product} has no lane {instance!r}; it has: {known}")
    return Lane(context=contexts.pop(), instance=instance)
