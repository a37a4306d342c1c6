"""Where a driver is tried: a real gate on a state folder of its own, with the shipped policies and a product."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from launchplane_gate.errors import Undecided
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import PluginConfig, Question, hookimpl
from launchplane_gate.lane_records import read_lane
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Actor, Expected, Lane, ReleaseIdentity, Request, Run, stamp
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine, load_bundle, shipped_policies
from launchplane_gate.records import ProductImage, ProductLane, ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate.settled import settled
from launchplane_gate.store import FileStore
from launchplane_gate.testing.door import Meddling, Visit, WatchedDriver
from launchplane_gate.testing.platform import LANES, PRODUCT, TESTING, Platform

ACTOR = Actor(subject="unverified:kit@bench")
CONFIG = Path("config", "data.json")
_LISTED = {"subject": ACTOR.subject, "verified_by": ACTOR.verified_by}
POLICY = {"products": {PRODUCT: {"paths": [], "actors": {lane.instance: [_LISTED] for lane in LANES}}}}

T = TypeVar("T")


@cache
def policies(settle_s: int = 0) -> tuple[Bundle, EmbeddedEngine]:
    """The shipped policies, told of the kit's product; made once, for that takes a while.

    A lane has to stay good for ``settle_s``, whatever was shipped for its driver: a test cannot wait that long.
    """
    shipped, kit = _copies()
    config = json.loads((shipped_policies() / CONFIG).read_text())
    _settle(config, settle_s)
    (shipped / CONFIG).write_text(json.dumps(config))
    bundle = load_bundle([shipped, kit])
    return bundle, EmbeddedEngine(bundle)


@cache
def _copies() -> tuple[Path, Path]:
    """A copy of the shipped policies, always at the same place so that they are parsed once, and the kit's own."""
    folder = Path(tempfile.mkdtemp(prefix="conformance-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shipped, kit = folder / "policies", folder / "kit"
    shutil.copytree(shipped_policies(), shipped)
    (kit / CONFIG).parent.mkdir(parents=True)
    (kit / CONFIG).write_text(json.dumps(POLICY))
    return shipped, kit


def _settle(config: Any, settle_s: int) -> None:
    """Set every ``settle_s`` in a configuration."""
    for name, value in config.items() if isinstance(config, dict) else ():
        if name == "settle_s":
            config[name] = settle_s
        else:
            _settle(value, settle_s)


class Health:
    """The health of the lanes: the commit of what the platform says is truly running."""

    def __init__(self, platform: Platform, now: Callable[[], datetime]) -> None:
        self._platform, self._now = platform, now

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any]:
        lane = question.destination
        running = self._platform.running(lane)
        sample = {
            "url": question.product.health_urls(lane.context, lane.instance)[0],
            "status": 200 if running else None,
            "revision": running and running.source_git_ref,
            "seen_at": stamp(self._now()),
            "detail": "",
        }
        return {"destination": [sample] * 3}


class Seat:
    """A gate with the driver, as one process would have them."""

    def __init__(self, bench: Bench, *, settle_s: int, confirm_timeout_s: float) -> None:
        platform = bench.platform
        bundle, engine = policies(settle_s)
        ledger = Ledger.open(bench.state, holds_records=False)
        plugins = Plugins({platform.driver_id: bench.plugin(now=ledger.now), "health": Health(platform, ledger.now)})
        bench.expect(
            set(plugins.drivers) == {platform.driver_id},
            expected=f"a plugin that brings the driver {platform.driver_id!r}",
            seen=sorted(plugins.drivers),
        )
        self.driver = WatchedDriver(plugins.drivers[platform.driver_id], bench.within)
        plugins.drivers[platform.driver_id] = self.driver
        self.gate = Gate(
            store=FileStore(bench.state, {PRODUCT: profile_of(platform)}),
            ledger=ledger,
            bundle=bundle,
            engine=engine,
            plugins=plugins,
            lane_wait_s=0,
            confirm_timeout_s=confirm_timeout_s,
            confirm_interval_s=0.02,
        )


class Bench:
    """One promise being tried, on a platform and a state folder of its own. ``promise`` says which, for people."""

    def __init__(
        self, platform: Platform, state: Path, promise: str, *, confirm_timeout_s: float, limit_s: float
    ) -> None:
        self.platform, self.state, self.promise = platform, state, promise
        self.confirm_timeout_s, self.limit_s = confirm_timeout_s, limit_s
        self._seats: list[Seat] = []
        self._first: Seat | None = None

    # -- saying what is wrong

    def expect(self, held: object, *, expected: str, seen: object) -> None:
        if not held:
            pytest.fail(f"broken promise: {self.promise}\nexpected: {expected}\nseen: {seen}", pytrace=False)

    def within(self, what: str, call: Callable[[], T]) -> T:
        """What a call gives, or raises, if it comes back in time: a driver may wait for ever, a test may not."""
        done: Future[T] = Future()

        def work() -> None:
            try:
                done.set_result(call())
            except BaseException as error:  # noqa: BLE001  # it is raised again below
                done.set_exception(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(self.limit_s)
        self.expect(done.done(), expected=f"{what} comes back within {self.limit_s:.0f} s", seen="it still waits")
        return done.result()

    # -- acting

    @property
    def seat(self) -> Seat:
        """The seat from which everything is done that needs no other."""
        if self._first is None:
            self._first = self.another_seat()
        return self._first

    def another_seat(self, *, settle_s: int = 0, confirm_timeout_s: float | None = None) -> Seat:
        """A process of the gate beside the first. ``settle_s``: for how long a lane has to stay good there."""
        limit_s = self.confirm_timeout_s if confirm_timeout_s is None else confirm_timeout_s
        seat = Seat(self, settle_s=settle_s, confirm_timeout_s=limit_s)
        self._seats.append(seat)
        return seat

    def close(self) -> None:
        for seat in self._seats:
            seat.gate.ledger.close()

    def plugin(self, *, now: Callable[[], datetime], targets: Mapping[Lane, Mapping[str, Any]] | None = None) -> object:
        platform = self.platform
        config = PluginConfig(
            name=platform.driver_id,
            options=platform.options,
            targets=platform.targets if targets is None else targets,
            base_dir=self.state.parent,
            state_dir=self.state / "plugins" / platform.driver_id,
            now=now,
        )
        return platform.plugin(config)

    def driver(self, now: Callable[[], datetime] | None = None) -> WatchedDriver:
        """The driver as another process would have it. ``now``: a clock for it."""
        plugin = self.plugin(now=now or self.seat.gate.ledger.now)
        return WatchedDriver(Plugins({"plugin": plugin}).drivers[self.platform.driver_id], self.within)

    def deploy(
        self,
        release: ReleaseIdentity,
        *,
        to: Lane = TESTING,
        seat: Seat | None = None,
        meddling: Meddling | None = None,
    ) -> Run:
        """Take a deploy down the whole line."""
        gate, driver = (seat or self.seat).gate, (seat or self.seat).driver
        driver.meddling = meddling or Meddling()
        expected = Expected(**release.model_dump())
        request = Request(action="deploy", product=PRODUCT, destination=to.instance, expected=expected)
        try:
            return gate.run(request, ACTOR, driver.heard.append)
        except Undecided:
            return self.last_run()

    def deployed(self, release: ReleaseIdentity, *, to: Lane = TESTING) -> Run:
        """Deploy what the promise starts from."""
        run = self.deploy(release, to=to)
        running = self.platform.running(to)
        self.expect(
            running == release,
            expected=f"to begin with, a deploy of {release} that the platform then runs",
            seen=f"it runs {running}; {ended(run)}",
        )
        return run

    def interrupted(self, release: ReleaseIdentity) -> Run:
        """A deploy whose process ended right after it was triggered."""

        def end() -> None:
            raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            self.deploy(release, meddling=Meddling(at_trigger=end))
        return self.last_run()

    def changed_meanwhile(self, lane: Lane = TESTING) -> None:
        """Alter a record of a lane, so that an approval on it is stale."""
        store = self.seat.gate.store
        record = store.list_deployment_records(context_name=lane.context, instance_name=lane.instance)[-1]
        store.write_deployment_record(record.model_copy(update={"no_cache": not record.no_cache}))

    # -- seeing

    @property
    def visit(self) -> Visit:
        """The last deploy of the driver."""
        return self.seat.driver.visits[-1]

    def last_run(self) -> Run:
        ledger = self.seat.gate.ledger
        return read_run(ledger, ledger.runs()[0])

    def inventory(self, lane: Lane = TESTING) -> bytes | None:
        """The inventory of a lane, byte for byte."""
        path = self.state / "inventory" / lane.context / f"{lane.instance}.json"
        return path.read_bytes() if path.exists() else None

    def recorded(self, lane: Lane = TESTING) -> ReleaseIdentity | None:
        """What the inventory of a lane names."""
        return read_lane(self.seat.gate.store, self.seat.gate.ledger, lane).release

    def settled(self, lane: Lane = TESTING) -> bool:
        gate = self.seat.gate
        return settled(read_lane(gate.store, gate.ledger, lane), gate.ledger, gate.ledger.last_effective(lane))[0]


def ended(run: Run) -> str:
    """How a run ended, and why, for people."""
    refused = [f"{refusal.code}: {refusal.message}" for refusal in run.admitted.refusals] if run.admitted else []
    return f"the {run.action} to {run.destination} ended {run.status}: {run.detail or '; '.join(refused)}"


def profile_of(platform: Platform) -> ProductProfile:
    return ProductProfile(
        product=PRODUCT,
        display_name=PRODUCT,
        repository=f"kit/{PRODUCT}",
        driver_id=platform.driver_id,
        image=ProductImage(repository=platform.image),
        runtime_port=80,
        health_path="/health",
        lanes=tuple(
            ProductLane(
                instance=lane.instance, context=lane.context, health_url=f"http://{lane.instance}.invalid/health"
            )
            for lane in LANES
        ),
        updated_at="2026-01-01T00:00:00Z",
        source="kit",
    )
