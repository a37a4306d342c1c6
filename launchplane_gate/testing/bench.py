"""Where a driver is tried: a real gate on a state folder of its own, with the shipped policies and a product."""

from __future__ import annotations

import json
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
from launchplane_gate.facts import read_lane, settled
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import PluginConfig, Question, hookimpl
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Actor, Expected, Lane, ReleaseIdentity, Request, Run, stamp
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine, load_bundle, shipped_policies
from launchplane_gate.records import ProductImage, ProductLane, ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate.store import FileStore
from launchplane_gate.testing.door import Meddling, Visit, WatchedDriver
from launchplane_gate.testing.platform import LANES, PRODUCT, TESTING, Platform

ACTOR = Actor(subject="unverified:kit@bench")
POLICY = {"products": {PRODUCT: {"paths": [], "actors": {lane.instance: [ACTOR.model_dump()] for lane in LANES}}}}

T = TypeVar("T")


@cache
def policies() -> tuple[Bundle, EmbeddedEngine]:
    """The shipped policies, told of the kit's product; made once, for that takes a while."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config" / "data.json"
        path.parent.mkdir()
        path.write_text(json.dumps(POLICY))
        bundle = load_bundle([shipped_policies(), Path(folder)])
        return bundle, EmbeddedEngine(bundle)


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

    def __init__(self, bench: Bench, **gate: Any) -> None:
        platform = bench.platform
        bundle, engine = policies()
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
            **{"lane_wait_s": 0, "confirm_timeout_s": bench.confirm_timeout_s, "confirm_interval_s": 0.02} | gate,
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

    def another_seat(self, **gate: Any) -> Seat:
        seat = Seat(self, **gate)
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
