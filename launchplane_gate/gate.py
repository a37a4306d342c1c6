"""The gate, as whoever embeds it sees it: the same question asked with and without acting on it."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self, get_args

from pydantic import TypeAdapter, ValidationError

from launchplane_gate import line
from launchplane_gate.attesting import Attester, attester_of
from launchplane_gate.bounded import start
from launchplane_gate.errors import PastLost, RecordUnreadable, RequestError
from launchplane_gate.hookspecs import Act, Driver, Progress
from launchplane_gate.ledger import Ledger
from launchplane_gate.ledger.lease import WRITE_S
from launchplane_gate.line import Checked, Limits, Parts, lane_requests, waive
from launchplane_gate.line.lane_requests import Held, LaneRequest, PutAside, Released
from launchplane_gate.line.parts import GATHER_TIMEOUT_S, see_that_thresholds_can_be_met
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.model import Actor, Decision, Identifier, Lane, Request, Run, Shipping, Waiver, noun
from launchplane_gate.opening import hosted, ledger_beside, opened, records_beside
from launchplane_gate.outlook import Outlook
from launchplane_gate.past import missing
from launchplane_gate.plugins import Plugins, load_plugins
from launchplane_gate.policy import Bundle, PolicyEngine, load_bundle, open_engine, shipped_policies, start_within
from launchplane_gate.records import ProductProfile
from launchplane_gate.settings import Settings, load_settings
from launchplane_gate.store import RecordStore
from launchplane_gate.waivers import Revocation

NOBODY = Actor(subject="nobody")  # in place of who would ask


def quiet(_: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Observing:
    """``run``: as it stood once its deploy was over; ``ended``: as it ended, or what kept that from being told."""

    run: Run
    ended: Future[Run]


class Gate:
    """Decides on deploys and promotions, and lets a driver act only with the policies' yes.

    One Gate may be used from several threads. ``lane_wait_s``, ``lease_s``, ``confirm_timeout_s``,
    ``confirm_interval_s``, ``gather_timeout_s`` and ``write_s`` are seconds; the last but one bounds all that drivers
    and plugins are asked before a decision, the last one write outside. ``attester``: who signs what a promotion rests
    on, where that is wanted. ``observed``: the products of which nothing is refused, only told.
    """

    def __init__(
        self,
        *,
        store: RecordStore,
        ledger: Ledger,
        bundle: Bundle,
        engine: PolicyEngine,
        plugins: Plugins,
        lane_wait_s: float = 60,
        lease_s: float = 45,
        confirm_timeout_s: float = 120,
        confirm_interval_s: float = 1,
        gather_timeout_s: float = GATHER_TIMEOUT_S,
        write_s: float = WRITE_S,
        attester: Attester | None = None,
        observed: Collection[str] = (),
    ) -> None:
        self.store = store
        self.ledger = ledger
        self.bundle = bundle
        self.engine = engine
        self.plugins = plugins
        self.lane_wait_s = lane_wait_s
        self.lease_s = lease_s
        self.confirm_timeout_s = confirm_timeout_s
        self.confirm_interval_s = confirm_interval_s
        self.gather_timeout_s = gather_timeout_s
        self.write_s = write_s
        self.attester = attester
        self.observed = frozenset(observed)
        self._opened = ExitStack()

    @classmethod
    def open(
        cls,
        settings: Path | str | Settings | None = None,
        *,
        store: RecordStore | None = None,
        ledger: Ledger | None = None,
        to_read: bool = False,
    ) -> Self:
        """Make a gate from a settings file; see launchplane_gate.settings for where it is looked for.

        ``store``, ``ledger``: in place of those that the settings name. Whoever hands one in closes it, after the gate;
        beside a store of somebody else's the ledger is the one that the settings name, and the gate's to close.
        ``to_read``: it may look and check, and cannot act; then nothing has to be writable, and what the policies have
        proven before need not be proven again.
        Raises SettingsError, PolicyError, EngineError or LedgerError; nothing has been done then.
        """
        if not isinstance(settings, Settings):
            settings = load_settings(Path(settings) if settings else None)
        settings = hosted(settings)
        start_within(settings.embedded)
        bundle = load_bundle([shipped_policies(), *settings.policy_folders], remembers=to_read)
        engine = open_engine(bundle, settings.opa, remembers=to_read)
        with ExitStack() as opening:
            if ledger is None:
                if store is None:
                    store, ledger = opened(settings, to_read=to_read)
                else:
                    ledger = ledger_beside(settings, store, to_read=to_read)
                opening.callback(ledger.close)
            store = store or records_beside(settings, ledger, to_read=to_read)
            if not to_read:
                _see_the_past(store, ledger, settings)
            plugins = load_plugins(settings, now=ledger.now)
            for product in settings.profiles:
                see_that_thresholds_can_be_met(bundle, plugins, product)
            gate = cls._of(settings, store, ledger, bundle, engine, plugins)
            gate._opened = opening.pop_all()
        return gate

    @classmethod
    def _of(  # noqa: PLR0917  # what was opened
        cls,
        settings: Settings,
        store: RecordStore,
        ledger: Ledger,
        bundle: Bundle,
        engine: PolicyEngine,
        plugins: Plugins,
    ) -> Self:
        return cls(
            store=store,
            ledger=ledger,
            bundle=bundle,
            engine=engine,
            plugins=plugins,
            lane_wait_s=settings.lane_wait_s,
            lease_s=settings.lease_s,
            confirm_timeout_s=settings.confirm_timeout_s,
            confirm_interval_s=settings.confirm_interval_s,
            attester=attester_of(settings),
            observed=settings.observed,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what ``open`` opened; what was handed in is left open."""
        self._opened.close()

    def check(
        self,
        request: Request,
        actor: Actor,
        progress: Progress = quiet,
        *,
        act: Act | None = None,
        trace: str | None = None,
    ) -> Decision:
        """Gather real facts and decide; nothing is saved, held or changed, and ``act`` is not called.

        Raises RequestError for what ``run`` could not be called with either.
        """
        return line.check(self.parts, _call(request, actor, progress, act, trace)).decision

    def checked(self, request: Request, actor: Actor, progress: Progress = quiet) -> Checked:
        """What ``check`` decides, with what it was decided on: for whoever explains it. Raises as ``check`` does."""
        return line.check(self.parts, _call(request, actor, progress, None, None))

    def may_ask(self, request: Request, actor: Actor, *, trace: str | None = None) -> Decision:
        """What ``run`` decides first: may this one ask this here? Nobody else is asked, and nothing is saved."""
        return line.may_ask(self.parts, _call(request, actor, quiet, None, trace))

    def outlook(self, product: str, source: str, destination: str, progress: Progress = quiet) -> Outlook:
        """All that ``check`` would tell the policies of a promotion, whoever asks for it; for who may read all of that.

        Lanes are named by instance. Raises RequestError for what could not be asked, Undecided where a fact cannot be
        had.
        """
        request = Request(action="promote", product=product, source=source, destination=destination)
        return line.outlook(self.parts, _call(request, NOBODY, progress, None, None))

    def run(
        self,
        request: Request,
        actor: Actor,
        progress: Progress = quiet,
        *,
        act: Act | None = None,
        trace: str | None = None,
    ) -> Run:
        """Take a request down the line; the run's status says how far it came.

        ``act`` deploys in this one call, in place of the product's driver; a repeat of a request deploys nothing
        anew, and does not call it. ``trace``: by which the caller knows this call; it stands in the run and in its
        decisions.

        Raises UsageError, Undecided, Stale or LaneBusy where nothing was changed, NotSettled where something may
        have been and the ledger could not be told.
        """
        return line.run(self.parts, _call(request, actor, progress, act, trace))

    def observe(
        self,
        request: Request,
        actor: Actor,
        progress: Progress = quiet,
        *,
        act: Act | None = None,
        trace: str | None = None,
    ) -> Observing:
        """Take a request that callers made before there was a gate down the line, and be back once its deploy is over.

        Nothing is refused that enforced policies would refuse, nor what nobody could decide on: that is on record. Its
        lanes are held, and a later request waits for them, until it is confirmed and recorded, in a thread of its own.
        A process that ends before that leaves the run interrupted: ``resume`` finishes it, whatever the settings say by
        then. ``run`` does the same, and is back at the end.

        Raises RequestError for a product that the settings do not have observed, or what cannot be asked at all,
        LedgerError where nothing could be put on record, LaneBusy where another deploy goes on for an hour.
        """
        call = _call(request, actor, progress, act, trace)
        if self.parts.mode_of(request) != "observe":
            what = f"{request.product} is enforced" if request.product not in self.observed else "it is always enforced"
            raise RequestError(
                f"a {noun(request.action)} of {request.product} cannot be merely observed: {what}",
                hint=f'Nothing was done. mode = "observe" in [products.{request.product}] of the settings observes it.',
            )
        begun = line.observe(self.parts, call)
        return Observing(begun.run, start(begun.finish, f"finish {begun.run.run_id}"))

    def publish(self, run_id: str, actor: Actor, progress: Progress = quiet) -> Run:
        """Attest a recorded promotion, where that is wanted, and publish its release; any number of times.

        Raises RequestError for a run that has neither to be done, Stale where its lane has moved on since: an old
        release must not become the latest.
        """
        return line.publish_again(self.parts, run_id, actor, progress)

    def request_waiver(self, wanted: WaiverRequest, actor: Actor) -> Waiver:
        """Ask for leave to pass a rule; it counts once somebody else has approved it.

        Raises RequestError for what can be no waiver, StandingRefused for who may not ask for one.
        """
        return waive.request(self.parts, wanted, actor)

    def approve_waiver(self, waiver_id: str, actor: Actor, signature: str | None = None) -> Waiver:
        """Let a waiver count. With a ``signature`` of what ``waiver text`` prints the actor is whose SSH key made it.

        Raises RequestError where there is nothing to approve, ActorUnproven for a signature that proves nobody,
        StandingRefused for who may not approve: who requested it, who is not verified, and who is not named to.
        """
        return waive.approve(self.parts, waiver_id, actor, signature)

    def revoke_waiver(self, waiver_id: str, reason: str, actor: Actor) -> tuple[Waiver, Revocation]:
        """End a waiver at once. Raises RequestError where there is none to end, StandingRefused."""
        return waive.revoke(self.parts, waiver_id, reason, actor)

    def hold_lane(self, wanted: LaneRequest, actor: Actor, until: datetime | timedelta | None = None) -> Held:
        """Let nothing be deployed to a lane, or promoted from it: until a moment, for that long, or until a release.

        A run that has begun to deploy goes on. Raises RequestError where the lane is held already, or the moment is no
        later one, StandingRefused for who may not hold it.
        """
        return lane_requests.hold(self.parts, wanted, actor, until)

    def release_lane(self, wanted: LaneRequest, actor: Actor) -> Released:
        """End the hold on a lane. Raises RequestError where there is none, StandingRefused for who may not end it."""
        return lane_requests.release(self.parts, wanted, actor)

    def quarantine_record(self, wanted: LaneRequest, record_id: str, actor: Actor) -> PutAside:
        """Put aside a deployment record that the gate did not write and that unsettles its lane, readable or not.

        As it stands: should it change, it counts again. Raises RequestError for any other record, StandingRefused for
        who may not put one aside, PastLost where the records know what the ledger does not.
        """
        return lane_requests.quarantine(self.parts, wanted, record_id, actor)

    def driver(self, profile: ProductProfile) -> Driver:
        """Raises RequestError for a product whose driver no plugin brings."""
        return self.parts.driver(profile)

    def profile(self, product: str) -> ProductProfile:
        """Raises RequestError for a product that the store does not know."""
        return self.parts.profile(product)

    @property
    def parts(self) -> Parts:
        """What the line is given, as it stands now."""
        limits = Limits(
            lane_wait_s=self.lane_wait_s,
            lease_s=self.lease_s,
            confirm_timeout_s=self.confirm_timeout_s,
            confirm_interval_s=self.confirm_interval_s,
            gather_timeout_s=self.gather_timeout_s,
            write_s=self.write_s,
        )
        return Parts(
            self.store, self.ledger, self.bundle, self.engine, self.plugins, limits, self.attester, self.observed
        )


def _call(request: Request, actor: Actor, progress: Progress, act: Act | None, trace: str | None) -> line.Call:
    """Raises RequestError."""
    if act and request.action not in get_args(Shipping):
        raise RequestError(
            f"a {noun(request.action)} deploys nothing, and was called with what deploys",
            hint="Nothing was done. Call it without `act`.",
        )
    try:
        known = trace and TypeAdapter(Identifier).validate_python(trace)
    except ValidationError:
        form = "1 to 512 characters of ASCII that can be seen, and no space"
        raise RequestError(
            "the trace of the call has not the form of one", hint=f"Nothing was done. It is {form}."
        ) from None
    return line.Call(request, actor, progress, act, known or None)


def _see_the_past(store: RecordStore, ledger: Ledger, settings: Settings) -> None:
    """Raises PastLost where what a lane's inventory rests on is news to the ledger: better now than at that lane."""
    for profile in settings.profiles.values():
        for lane in profile.lanes:
            try:
                inventory = store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
                named = store.read_deployment_record(inventory.deployment_record_id)
            except (FileNotFoundError, RecordUnreadable):
                continue  # a fact of that lane, which unsettles it
            if lost := missing(ledger, Lane(context=lane.context, instance=lane.instance), [named]):
                raise PastLost(lost)
