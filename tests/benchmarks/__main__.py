"""How fast the gate is: ``make bench``. Figures of one run on one machine; the ratios are what holds elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine, decide, load_bundle, shipped_policies
from launchplane_gate.store import FileStore
from tests.conftest import ACTOR, POLICY, PROFILE, A, B, deploy
from tests.fakes.platform import FakeHealth, FakePlatform

CASES = Path(__file__).parents[1] / "cases"
ASK = "data.gate.decision.answer"
ASKED = ("embedded, the engine's answer", "embedded, the whole decision", "OPA server, kept alive, round trip")


def timed(act: Callable[[], object], *, times: int) -> list[float]:
    """Milliseconds of each of ``times`` calls, sorted."""
    [taken] = in_turn(act, times=times)
    return taken


def in_turn(*acts: Callable[[], object], times: int, warm: int = 3) -> list[list[float]]:
    """Milliseconds of each call of several things, done in turn: what slows the machine down slows all of them."""
    taken: list[list[float]] = [[] for _ in acts]
    for number in range(-warm, times):
        for act, calls in zip(acts, taken, strict=True):
            began = time.perf_counter()
            act()
            if number >= 0:
                calls.append((time.perf_counter() - began) * 1000)
    return [sorted(calls) for calls in taken]


def report(what: str, taken: list[float], wanted: str = "") -> float:
    middle = statistics.median(taken)
    late = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    print(f"  {what:<52} p50 {middle:8.2f} ms   p99 {late:8.2f} ms   {wanted}")
    return middle


class YesEngine:
    """Answers at once that every rule is satisfied: what is left is the gate's own work."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.name, self.revision = bundle, "yes", bundle.revision

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        action, phase = policy_input["action"], policy_input["phase"]
        driver, product = policy_input["driver"]["driver_id"], policy_input["request"]["product"]
        codes = self.bundle.roll_call(action, phase, driver, product)
        results = {code: {"satisfied": True, "message": ""} for code in codes}
        return {"nonce": policy_input["nonce"], "action": action, "phase": phase, "results": results}


@contextmanager
def opa_server(folder: Path) -> Iterator[httpx.Client | None]:
    """A real OPA server on the same policies, where the program is at hand."""
    program = shutil.which("opa")
    if program is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "run", "--server", "--log-level", "error", "--addr", f"127.0.0.1:{port}"]
    server = subprocess.Popen([*command, "--skip-version-check", "--bundle", str(folder)], stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for _ in range(100):
                try:
                    client.get("/health").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.05)
            yield client
    finally:
        server.terminate()
        server.wait()


def merged(folder: Path, config: Mapping[str, Any]) -> Path:
    """The shipped policies without their tests, with the products of the golden inputs."""
    target = folder / "policies"
    shutil.copytree(shipped_policies(), target, ignore=shutil.ignore_patterns("*_test.rego", "*.md"))
    (target / "config" / "data.json").write_text(json.dumps(config))
    return target


def decisions(folder: Path) -> None:
    config = json.loads((CASES / "config.json").read_text())
    extra = folder / "extra" / "config"
    extra.mkdir(parents=True)
    (extra / "data.json").write_text(json.dumps({"products": config["products"]}))
    bundle = load_bundle([shipped_policies(), extra.parent])
    engine = EmbeddedEngine(bundle)
    question = json.loads((CASES / "promote_admit.json").read_text())
    size = len(json.dumps(question))
    print(
        f"\nOne decision: the shipped bundle, {len(bundle.roll_call('promote', 'admit', '', ''))} rules, {size} bytes"
    )

    def whole() -> None:
        assert decide(engine, bundle, question, waivers=(), now=Ledger.now(clock), decision_id="d-0").allowed

    clock = Ledger.open(folder / "clock", holds_records=False)

    def answer() -> None:
        engine.ask(ASK, question)

    with opa_server(merged(folder, config)) as client:
        if client is None:
            for what, taken in zip(ASKED, in_turn(answer, whole, times=2000), strict=False):
                report(what, taken)
            print("  OPA server: not measured, there is no opa program on this machine")
            return
        url, body = "/v1/data/gate/decision/answer?strict-builtin-errors=true", {"input": question}

        def asked() -> None:
            assert client.post(url, json=body).json()["result"]["nonce"]

        ours, _, theirs = map(report, ASKED, in_turn(answer, whole, asked, times=1000))
        print(f"  wanted: the answer under 1 ms, and under 0.5 of OPA's round trip; it takes {ours / theirs:.2f}")


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
    bundle_ms = report("of it: load the bundle, start and check the engine", timed(load, times=5))
    print(f"  the engine's share of check --input is {bundle_ms / checked:.2f}")
    report("policy test", timed(command("policy", "test"), times=5))


def load() -> EmbeddedEngine:
    return EmbeddedEngine(load_bundle([shipped_policies()]))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        decisions(Path(name))
        own_work(Path(name))
    cold()
