"""The engines side by side, in one run: the same bundle, the same question."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import regorus

from launchplane_gate import strictjson
from launchplane_gate.authoring.bundle_file import write_bundle
from launchplane_gate.policy import Bundle, EmbeddedEngine, PolicyEngine, decide, open_engine
from launchplane_gate.policy.engines.protocol import to_json
from launchplane_gate.settings import OpaSettings
from tests.benchmarks.timing import in_turn, report, timed
from tests.opa import PROGRAM, serving

ASK = "data.gate.decision.answer"
ROUTE = "/v1/data/gate/decision/answer?strict-builtin-errors=true&provenance=true"
CONFTEST = "github.com/open-policy-agent/conftest@v0.71.1"
FOR_S = 3.0  # of decisions, for how many there are in a second

# Conftest asks rules called deny; this one asks ours.
_DENY = """\
package main

deny contains code if {
	some code, said in data.gate.decision.answer.results
	not said.satisfied
}
"""


def engines(folder: Path, bundle: Bundle, question: dict[str, Any]) -> None:
    print("\nThe engines, on the same bundle and question")
    embedded = EmbeddedEngine(bundle)
    a_process_of_its_own(embedded, bundle, question)
    if PROGRAM is None:
        report("embedded", timed(lambda: embedded.ask(ASK, question), times=1000))
        print("  OPA: not measured, there is no opa program on this machine")
        return
    file = folder / "gate.tar.gz"
    write_bundle(bundle, file)
    with serving(file) as client:
        warm(embedded, client, question)
        confirming(bundle, client, question)
        a_second(bundle, client, question)
        children = psutil.Process().children()
        [server] = [child for child in children if child.name() == "opa"]
        [worker] = [child for child in children if any(part.endswith("serve.py") for part in child.cmdline())]
        print(f"  memory: embedded {_mb(worker.memory_info().rss)}, OPA server {_mb(server.memory_info().rss)}")
    cold(folder, file, question)


def a_process_of_its_own(embedded: EmbeddedEngine, bundle: Bundle, question: dict[str, Any]) -> None:
    """What it costs a decision that the engine is bounded: the same one, asked in this process."""
    engine = regorus.Engine()
    for path, text in bundle.policies:
        engine.add_policy(path, text)
    engine.add_data_json(json.dumps(bundle.data))

    def here() -> None:
        engine.set_input_json(to_json(question))
        assert strictjson.loads(engine.eval_query_as_json(ASK))["result"]

    bounded, unbounded = in_turn(lambda: embedded.ask(ASK, question), here, times=1000)
    ours, theirs = report("embedded", bounded), report("the same engine within this process", unbounded)
    print(f"  a process of its own costs a decision {ours - theirs:.2f} ms at p50   wanted <= 0.3 ms")


def warm(embedded: EmbeddedEngine, client: httpx.Client, question: dict[str, Any]) -> None:
    evaluating: list[float] = []

    def asked() -> None:
        answer = client.post(f"{ROUTE}&metrics=true", json={"input": question}).json()
        assert answer["result"]["nonce"] == question["nonce"]
        evaluating.append(answer["metrics"]["timer_rego_query_eval_ns"] / 1e6)

    ours, theirs = in_turn(lambda: embedded.ask(ASK, question), asked, times=1000)
    here = report("embedded", ours)
    there = report("OPA over HTTP, kept alive", theirs)
    report("of it: evaluation, as OPA tells", sorted(evaluating), "wanted < 1 ms")
    print(f"  the embedded engine takes {here / there:.2f} of OPA's round trip")


def confirming(bundle: Bundle, client: httpx.Client, question: dict[str, Any]) -> None:
    """What it costs a whole decision that two engines have to say yes."""
    url, now = str(client.base_url).rstrip("/"), datetime.now(UTC)
    alone, both = (open_engine(bundle, OpaSettings(url, confirm=how)) for how in ("none", "embedded"))

    def decided(engine: PolicyEngine) -> Callable[[], object]:
        return lambda: decide(engine, bundle, question, waivers=(), now=now, decision_id="d-0")

    one, two = in_turn(decided(alone), decided(both), times=300)
    by_one = report("a decision by OPA", one)
    by_two = report("a decision by OPA, confirmed by the embedded engine", two)
    print(f"  confirming takes {by_two / by_one:.2f} of the time of a decision without it")


def a_second(bundle: Bundle, client: httpx.Client, question: dict[str, Any]) -> None:
    """Decisions a second: of the embedded engine in processes of their own, of OPA by clients in threads."""
    for workers in (1, 2):
        with ProcessPoolExecutor(workers) as pool:
            counts = list(pool.map(_count, [bundle] * workers, [question] * workers))
        print(f"  embedded, {workers} worker(s): {sum(counts) / FOR_S:6.0f} decisions a second")
    for workers in (1, 2):
        total = [0] * workers

        def work(number: int, total: list[int] = total) -> None:
            with httpx.Client(base_url=client.base_url, trust_env=False) as own:
                total[number] = _repeated(lambda: own.post(ROUTE, json={"input": question}).raise_for_status())

        threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"  OPA over HTTP, {workers} client(s): {sum(total) / FOR_S:6.0f} decisions a second")


def _count(bundle: Bundle, question: dict[str, Any]) -> int:
    engine = EmbeddedEngine(bundle)
    engine.ask(ASK, question)
    return _repeated(lambda: engine.ask(ASK, question))


def _repeated(act: Callable[[], object]) -> int:
    end, count = time.monotonic() + FOR_S, 0
    while time.monotonic() < end:
        act()
        count += 1
    return count


def cold(folder: Path, file: Path, question: dict[str, Any]) -> None:
    asked = folder / "question.json"
    asked.write_text(json.dumps(question))
    command = [str(PROGRAM), "eval", "--bundle", str(file), "--input", str(asked), ASK]
    check = [sys.executable, "-m", "launchplane_gate", "check", "--input", str(asked)]
    print("\nOne decision from cold, whole processes in turn")
    runs = in_turn(
        *(partial(subprocess.run, one, capture_output=True, cwd=folder) for one in (check, command)), times=10
    )
    ours, theirs = report("check --input, what was proven being remembered", runs[0]), report("opa eval", runs[1])
    print(f"  check --input takes {ours / theirs:.1f} times as long   wanted <= 3")
    _cold("opa eval, from cold", command)
    conftest = conftest_program()
    if conftest is None:
        print("  conftest: not measured, there is neither the program nor a Go to build it with")
        return
    policies = folder / "unpacked"
    policies.mkdir()
    subprocess.run(["tar", "-xzf", file, "-C", policies], check=True)
    (policies / "deny.rego").write_text(_DENY)
    data = ["--data", str(policies / "config")]
    _cold(
        "conftest test, from cold", [conftest, "test", "--policy", str(policies), *data, str(folder / "question.json")]
    )


def _cold(what: str, command: list[str]) -> None:
    def run() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    report(what, timed(run, times=10))
    print(f"    {_mb(_largest(command))} at most")


def _largest(command: list[str]) -> int:
    """The most memory that a command had, in bytes, as a process of its own tells of its only child."""
    told = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
    told += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", told, *command], capture_output=True, text=True, check=True)
    return int(done.stdout) * (1 if sys.platform == "darwin" else resource.getpagesize() // 4)


def conftest_program() -> str | None:
    """The program, built once below the working folder where there is a Go."""
    tools = Path(".tools").absolute()
    found = shutil.which("conftest", path=f"{tools}{os.pathsep}{os.environ['PATH']}")
    if found or not shutil.which("go"):
        return found
    print("  (building conftest, once ...)", flush=True)
    environment = dict(os.environ) | {"GOBIN": str(tools), "GOFLAGS": "-mod=mod"}
    subprocess.run(["go", "install", CONFTEST], env=environment, check=True, capture_output=True)
    return str(tools / "conftest")


def _mb(size: int) -> str:
    return f"{size / 2**20:.0f} MB"
