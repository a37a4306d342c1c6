"""Replaying many decisions, beside `opa exec` on the same inputs: ``python -m tests.benchmarks.replaying [NUMBER]``."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.authoring.bundle_file import write_bundle
from launchplane_gate.authoring.replay.asking import Policies
from launchplane_gate.authoring.replay.facts import reads_of
from launchplane_gate.authoring.replay.running import Wanted, replay
from launchplane_gate.authoring.replay.sources import from_ledger
from launchplane_gate.authoring.replay.touched import touched_since
from launchplane_gate.ledger import Ledger, tables
from launchplane_gate.ledger.chain import hash_of
from launchplane_gate.model import Lane
from launchplane_gate.policy import Bundle, EmbeddedEngine, decide, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.packing import packed
from launchplane_gate.settings import EmbeddedSettings
from tests.benchmarks.timing import SHORT
from tests.opa import PROGRAM
from tests.places import CASES

DECISIONS = 300 if SHORT else 100_000
BY_OPA = 60 if SHORT else 4_000  # files that it is given: its rate does not change with more
AT_ONCE = 1_000
LANE = Lane(context="shop", instance="prod")
KINDS = ("deploy_standing", "deploy_admit", "deploy_confirm", "promote_admit", "promote_confirm")


def replaying(number: int = DECISIONS) -> None:
    cores = len(os.sched_getaffinity(0))
    print(f"\nReplaying {number:,} decisions, on {cores} cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = _bundle(folder)
        _fill(folder / "state", bundle, number)
        whole = _replayed(folder / "state", bundle, cores)
        ours = _replayed(folder / "state", _edited(folder), cores)
        used_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {'replay after an edit of one rule':<52} {ours:8.0f} decisions a second   wanted > 1,000")
        print(f"  {'replay of every rule':<52} {whole:8.0f} decisions a second   {used_mb:.0f} MB at most")
        if PROGRAM is None:
            print("  OPA: not measured, there is no opa program on this machine")
            return
        theirs = _executed(folder, bundle)
        print(f"  {'opa exec':<52} {theirs:8.0f} decisions a second")
        print(f"  replay has {ours / theirs:.1f} times the rate of opa exec   wanted >= 4.0")


def _bundle(folder: Path) -> Bundle:
    config = folder / "extra" / "config"
    config.mkdir(parents=True)
    products = json.loads((CASES / "config.json").read_text())["products"]
    (config / "data.json").write_text(json.dumps({"products": products}))
    return load_bundle([shipped_policies(), config.parent])


def _edited(folder: Path) -> Bundle:
    """One rule is written in another way, and says the same."""
    edited = folder / "edited"
    shutil.copytree(shipped_policies(), edited)
    rule = edited / "gate" / "rules" / "inventory" / "source_fresh.rego"
    rule.write_text(f"{rule.read_text()}\n# in other words\n")
    return load_bundle([edited, folder / "extra"])


def _questions() -> Iterator[dict[str, Any]]:
    """As a run after the other asks, each with a nonce of its own."""
    number = 0
    cases = [json.loads((CASES / f"{kind}.json").read_text()) for kind in KINDS]
    while True:
        for case in cases:
            number += 1
            yield {**case, "nonce": f"{number:032x}"}


def _fill(state: Path, bundle: Bundle, number: int) -> None:
    """A lane with so many decisions, chained as they should be."""
    engine, at, now = EmbeddedEngine(bundle), "2026-05-07T12:00:00.000000Z", datetime.now(UTC)
    said = {
        case["action"] + case["phase"]: decide(engine, bundle, case, waivers=(), now=now, decision_id="").model_dump(
            mode="json"
        )
        for case in islice(_questions(), len(KINDS))
    }
    ledger = Ledger.create(state)
    with ledger.database.write() as connection:
        kept = {"revision": bundle.revision, "at": at, "packed": packed(bundle)}
        connection.execute(tables.policies.insert(), kept)
    position, head, questions = 0, "0" * 64, _questions()
    for _ in range(0, number, AT_ONCE):
        entries, inputs = [], []
        for question in islice(questions, min(AT_ONCE, number - position)):
            position += 1
            text = strictjson.dumps(question).encode()
            digest = strictjson.sha256(text)
            inputs.append({"digest": digest, "at": at, "packed": zlib.compress(text, 1)})
            decision = {**said[question["action"] + question["phase"]], "decision_id": f"d-{position}"}
            entry = {
                **{"context": LANE.context, "instance": LANE.instance, "position": position, "kind": "decided"},
                **{"subject": f"r-{position}", "decision_id": f"d-{position}", "at": at, "previous": head},
                "body": strictjson.dumps({"decision": decision, "offered": [], "mode": "enforce"}),
                **{"format": tables.ENTRY_FORMAT, "entry_id": f"{position:032x}", "input_digest": digest},
            }
            head = hash_of(entry)
            entries.append(entry | {"hash": head})
        with ledger.database.write() as connection:
            connection.execute(tables.inputs.insert(), inputs)
            connection.execute(tables.entries.insert(), entries)
    with ledger.database.write() as connection:
        ledger.database.lock(connection, [LANE])
        connection.execute(tables.UPDATE_LANE.values(length=position, head=head), tables.of_lane(LANE))
    ledger.close()


def _replayed(state: Path, bundle: Bundle, workers: int) -> float:
    """Decisions a second, with all that is read and held to its chain."""
    began = time.perf_counter()
    ledger = Ledger.to_read(state, holds_records=False)
    source = from_ledger(ledger)
    touched = touched_since(source.policies, bundle)
    policies = Policies(bundle, {"config": bundle.config}, reads_of(bundle.modules), source.before, touched=touched)
    tally = replay(
        source.decisions,
        policies,
        Wanted(),
        workers=workers,
        bounds=EmbeddedSettings(),
        checkpoint=None,
        progress=lambda told: print(f"    {told}"),
        every_s=10.0,
    )
    took_s = time.perf_counter() - began
    ledger.close()
    assert tally.counts["same"] == tally.asked and not tally.counts["reworded"]
    return tally.asked / took_s


def _executed(folder: Path, bundle: Bundle) -> float:
    """The same by OPA: of many files, without what it takes for one."""
    assert PROGRAM
    file, inputs = folder / "gate.tar.gz", folder / "inputs"
    write_bundle(bundle, file)
    inputs.mkdir()
    for number, question in enumerate(islice(_questions(), BY_OPA)):
        (inputs / f"{number}.json").write_text(strictjson.dumps(question))
    base = [PROGRAM, "exec", "--bundle", str(file), "--decision", "gate/decision/answer"]
    one = _seconds([*base, str(inputs / "0.json")], answers=1)
    return (BY_OPA - 1) / (_seconds([*base, str(inputs)], answers=BY_OPA) - one)


def _seconds(command: list[str], *, answers: int) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True)
    took_s = time.perf_counter() - began
    told = json.loads(done.stdout)["result"]
    assert len(told) == answers and all("results" in one["result"] for one in told)
    return took_s


if __name__ == "__main__":
    replaying(*map(int, sys.argv[1:]))
