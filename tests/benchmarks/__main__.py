"""How fast the gate is: ``make bench``. Figures of one run on one machine; the ratios are what holds elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine, decide, load_bundle, shipped_policies
from launchplane_gate.store import FileStore
from tests.benchmarks.authoring import testing
from tests.benchmarks.engines import ASK, engines
from tests.benchmarks.ledgers import YesEngine, ledgers
from tests.benchmarks.proposals import proposals
from tests.benchmarks.replaying import replaying
from tests.benchmarks.timing import SHORT, in_turn, report, timed
from tests.conftest import ACTOR, POLICY, PROFILE, A, B, deploy
from tests.fakes.platform import FakeHealth, FakePlatform
from tests.places import CASES


def decisions(folder: Path) -> None:
    config = json.loads((CASES / "config.json").read_text())
    extra = folder / "extra" / "config"
    extra.mkdir(parents=True)
    (extra / "data.json").write_text(json.dumps({"products": config["products"]}))
    bundle = load_bundle([shipped_policies(), extra.parent])
    engine = EmbeddedEngine(bundle)
    question = json.loads((CASES / "promote_admit.json").read_text())
    rules = len(bundle.roll_call("promote", "admit", "", "", question["request"]["version"]))
    size = len(json.dumps(question))
    print(f"\nOne decision: the shipped bundle, {rules} rules, {size} bytes")
    clock = Ledger.open(folder / "clock", holds_records=False)

    def whole() -> None:
        assert decide(engine, bundle, question, waivers=(), now=clock.now(), decision_id="d-0").allowed

    answer, decision = in_turn(lambda: engine.ask(ASK, question), whole, times=1000)
    report("the embedded engine's answer", answer, "wanted < 1 ms")
    report("the whole decision", decision)
    engines(folder, bundle, question)


def own_work(folder: Path) -> None:
    (folder / "products" / "config").mkdir(parents=True)
    (folder / "products" / "config" / "data.json").write_text(json.dumps(POLICY))
    bundle = load_bundle([shipped_policies(), folder / "products"])
    print("\nOne run, saved durably, without engine and driver")
    memory = Path("/dev/shm")  # noqa: S108  # where there is one, syncing costs nothing: what is left is our own
    if memory.is_dir():
        with tempfile.TemporaryDirectory(dir=memory) as name:
            report("the gate's own work, records in memory", own_runs(Path(name), bundle), "wanted < 5 ms")
    report("the gate's own work, records on this disk", own_runs(folder / "state", bundle))
    probe = folder / "probe"

    def synced() -> None:
        with probe.open("wb") as opened:
            opened.write(b"x")
            opened.flush()
            os.fsync(opened.fileno())

    report("(one fsync of one byte on this disk)", timed(synced, times=100))


def own_runs(state: Path, bundle: Bundle) -> list[float]:
    platform = FakePlatform()
    gate = Gate(
        store=FileStore(state, {PROFILE.product: PROFILE}),
        ledger=Ledger.open(state, holds_records=False),
        bundle=bundle,
        engine=YesEngine(bundle),
        plugins=Plugins({"fake": platform, "health": FakeHealth(platform)}),
    )
    requests = [deploy(A), deploy(B)]

    def run() -> None:
        requests.reverse()
        assert gate.run(requests[0], ACTOR).status == "recorded"

    return timed(run, times=200)


def cold() -> None:
    print("\nFrom cold, whole processes")
    base = [sys.executable, "-m", "launchplane_gate"]
    config = CASES.parent / "cases" / "promote_admit.json"

    def command(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([*base, *arguments], check=False, capture_output=True, cwd=tempfile.gettempdir())

    report("--help", timed(command("--help"), times=10), "wanted < 100 ms")
    checked = report("check --input", timed(command("check", "--input", str(config)), times=10), "wanted < 400 ms")
    bundle_ms = report("of it: load the bundle, start and check the engine", sorted(loading() for _ in range(5)))
    print(f"  the engine's share of check --input is {bundle_ms / checked:.2f}")
    few = ("--only", "window") if SHORT else ()
    report(
        "policy mutate" + "".join(f" {word}" for word in few), timed(command("policy", "mutate", *few), times=1, warm=0)
    )


def loading() -> float:
    """Milliseconds, in a process of its own: one that has looked at the same policies before does not do so again."""
    said = "import time; from launchplane_gate.policy import *; began = time.perf_counter(); "
    said += "EmbeddedEngine(load_bundle([shipped_policies()])); print((time.perf_counter() - began) * 1000)"
    return float(subprocess.run([sys.executable, "-c", said], check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        decisions(Path(name))
        own_work(Path(name))
        testing(Path(name))
    ledgers()
    replaying()
    cold()
    with tempfile.TemporaryDirectory() as name:
        proposals(Path(name))
