"""The ledger: whole runs by one writer and by eight, in both databases; a long past; and verifying.

As a program it is one of several writers: ``python -m tests.benchmarks.ledgers STATE URL NUMBER TIMES``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from launchplane_gate import strictjson
from launchplane_gate.gate import Gate
from launchplane_gate.lanes import look
from launchplane_gate.ledger import Ledger, SqlStore, tables
from launchplane_gate.ledger.chain import hash_of
from launchplane_gate.model import Actor, Expected, Lane, ReleaseIdentity, Request, stamp
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from launchplane_gate.records import ProductLane
from launchplane_gate.store import FileStore
from tests import postgres
from tests.benchmarks.timing import SHORT, WARM, report, timed
from tests.conftest import ACTOR, LISTED, PROFILE, A, B, release
from tests.fakes.platform import FakeHealth, FakePlatform
from tests.on_postgres import migrated
from tests.places import ROOT

WRITERS = 8
PASTS = (0, 2_000) if SHORT else (0, 2_000, 100_000)  # runs that a lane has behind it
PRODUCTS = [f"w{number}" for number in range(WRITERS)]
POLICY = {
    "products": {
        product: {
            "paths": [{"from": "testing", "to": "prod"}],
            "actors": dict.fromkeys(("testing", "prod"), LISTED),
        }
        for product in PRODUCTS
    },
    "drivers": {"fake": {"settle_s": 0}},
}
PROFILES = {
    product: PROFILE.model_copy(
        update={
            "product": product,
            "lanes": tuple(
                ProductLane(instance=instance, context=product, health_url=f"https://{instance}.example.org/health")
                for instance in ("testing", "prod")
            ),
        }
    )
    for product in PRODUCTS
}


class YesEngine:
    """Answers at once that every rule is satisfied: what is left is the gate's own work."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.name, self.revision = bundle, "yes", bundle.revision

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        action, phase = policy_input["action"], policy_input["phase"]
        driver, product = policy_input["driver"]["driver_id"], policy_input["request"]["product"]
        codes = self.bundle.roll_call(action, phase, driver, product, policy_input["request"].get("version"))
        results = {code: {"satisfied": True, "message": ""} for code in codes}
        return {"nonce": policy_input["nonce"], "action": action, "phase": phase, "results": results}


def policies_in(folder: Path) -> Bundle:
    (folder / "config").mkdir(parents=True, exist_ok=True)
    (folder / "config" / "data.json").write_text(json.dumps(POLICY))
    return load_bundle([shipped_policies(), folder])


def gate_on(state: Path, url: str, bundle: Bundle) -> Gate:
    ledger = Ledger.open(state, url, holds_records=False)
    platform = FakePlatform(now=ledger.now)
    return Gate(
        store=SqlStore(ledger.database, PROFILES) if url else FileStore(state, PROFILES),
        ledger=ledger,
        bundle=bundle,
        engine=YesEngine(bundle),
        plugins=Plugins({"fake": platform, "health": FakeHealth(platform)}),
    )


def runs_of(gate: Gate, product: str, times: int) -> list[float]:
    requests = [deploy(product, A), deploy(product, B)]

    def run() -> None:
        requests.reverse()
        ended = gate.run(requests[0], ACTOR)
        assert ended.status == "recorded", ended

    return timed(run, times=times)


def deploy(product: str, what: ReleaseIdentity) -> Request:
    return Request(action="deploy", product=product, destination="testing", expected=Expected(**what.model_dump()))


def ledgers() -> None:
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as found:
        bundle = policies_in(Path(name) / "policies")
        print("\nOne run, saved durably, without engine and driver; records and ledger on this disk")
        for title, state, url in found:
            gate = gate_on(state, url, bundle)
            wanted = "wanted < 10 ms" if url else "wanted < 5 ms, without the disk's syncs"
            report(f"{title}, 1 writer", runs_of(gate, PRODUCTS[0], 150), wanted)
            print(f"  {f'{title}, statements of a run':<52} {_statements(gate):8.0f}")
            gate.ledger.close()
            _eight(title, state, url)
        print("\nThe same with a long past in the lane")
        for title, state, url in found:
            _past(title, state.with_name(f"{state.name}-past"), url and _another(url), bundle)


@contextmanager
def databases(folder: Path) -> Iterator[list[tuple[str, Path, str]]]:
    """A title, a state folder and a URL of each; of Postgres where it is installed."""
    found = [("SQLite", folder / "sqlite", "")]
    if postgres.programs() is not None:
        with postgres.initialised() as cluster, postgres.running(cluster) as server:
            url = migrated(server.create_database("bench"))
            migrated(server.create_database("bench_past"))
            yield [*found, ("Postgres", folder / "postgres", url)]
        return
    print("\n(Postgres is not installed: SQLite alone)")
    yield found


def _statements(gate: Gate) -> float:
    """How many a run takes: each costs more in this process than in the database."""
    count, times = 0, 10

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    engine = gate.ledger.database.engine
    sa.event.listen(engine, "before_cursor_execute", counted)
    began = len(runs_of(gate, PRODUCTS[0], times))
    sa.event.remove(engine, "before_cursor_execute", counted)
    return count / (began + WARM)


def _another(url: str) -> str:
    return f"{url}_past"


def _eight(title: str, state: Path, url: str) -> None:
    times, began = 30, time.perf_counter()
    command = [sys.executable, "-m", "tests.benchmarks.ledgers", str(state), url]
    writers = [
        subprocess.Popen([*command, str(number), str(times)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for number in range(WRITERS)
    ]
    told = [json.loads(writer.communicate()[0]) for writer in writers]
    took_s = max(end for _, _, end in told) - min(start for _, start, _ in told)
    done = sorted(one for taken, _, _ in told for one in taken)
    middle = statistics.median(done)
    assert time.perf_counter() > began
    print(f"  {f'{title}, {WRITERS} writers':<52} p50 {middle:8.2f} ms   {len(done) / took_s:.0f} runs a second")


def writer(state: str, url: str, number: str, times: str) -> None:
    gate = gate_on(Path(state), url, policies_in(Path(tempfile.mkdtemp())))
    began = time.time()
    taken = runs_of(gate, PRODUCTS[int(number)], int(times))
    print(json.dumps([taken, began, time.time()]))


# -- a long past


def _past(title: str, state: Path, url: str, bundle: Bundle) -> None:
    gate, had = gate_on(state, url, bundle), 0
    product = PRODUCTS[0]
    lane = Lane(context=product, instance="testing")
    actor = Actor(subject=ACTOR.subject)
    for runs in PASTS:
        gate.run(deploy(product, A), ACTOR)
        grow(gate, lane, runs - had)
        had = runs
        runs_of(gate, product, 2)
        promotion = Request(action="promote", product=product, source="testing", destination="prod")
        asked: list[tuple[str, Callable[[], object]]] = [
            ("lanes", lambda: look(gate, [PROFILES[product]], actor)),
            ("check", lambda request=promotion: gate.check(request, ACTOR)),  # type: ignore[misc]  # bound now
        ]
        for what, act in asked:
            report(f"{title}, {runs:,} runs: {what}", timed(act, times=15))
        report(f"{title}, {runs:,} runs: a run", runs_of(gate, product, 15))
    began = time.perf_counter()
    verified = gate.ledger.verify()
    took_s = time.perf_counter() - began
    assert not verified.wrong, verified.wrong[:3]
    each_s = took_s / verified.entries
    print(f"  {f'{title}, verify {verified.entries:,} entries':<52} {took_s:.1f} s: {each_s * 1e5:.1f} s for 100,000")
    gate.ledger.close()


def grow(gate: Gate, lane: Lane, runs: int) -> None:
    """Put recorded runs into a lane's past, two entries and a deployment record each, chained as they should be."""
    database = gate.ledger.database
    at = stamp(gate.ledger.now())
    with database.write() as connection:
        row = database.lock(connection, [lane])[lane]
        position, head = row.length, row.head
        for start in range(0, runs, 5_000):
            entries: list[dict[str, Any]] = []
            rows: list[dict[str, Any]] = []
            for number in range(start, min(start + 5_000, runs)):
                whole = _run(lane, f"r-{position:08d}", release("AB"[number % 2]), at)
                changed = {"step": "recorded", "status": "recorded", "redeemed": True}
                for kind, columns in (("decided", whole), ("recorded", changed)):
                    position += 1
                    told = {"kind": kind, "subject": whole["run_id"], "at": at, "previous": head}
                    entry = _entry(lane, position, told, columns)
                    head = entry["hash"]
                    entries.append(entry)
                rows.append(whole | changed)
            connection.execute(tables.entries.insert(), entries)
            connection.execute(tables.runs.insert(), rows)
        connection.execute(tables.UPDATE_LANE.values(length=position, head=head), tables.of_lane(lane))
        for name in ("A", "B") if runs else ():
            _name(connection, lane, release(name))
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")  # as the server itself does within a minute of such growth


def _run(lane: Lane, run_id: str, what: ReleaseIdentity, at: str) -> dict[str, Any]:
    columns = {"run_id": run_id, "product": lane.context, "action": "deploy", **what.model_dump()}
    columns |= {"context": lane.context, "instance": lane.instance, "holder": "h", "step": "decided", "status": "open"}
    return columns | {"redeemed": False, "untouched": False, "started_at": at}


def _entry(lane: Lane, position: int, told: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    entry = {"context": lane.context, "instance": lane.instance, "position": position, **told}
    entry |= {"decision_id": None, "body": strictjson.dumps({"run": columns})}
    entry |= {"format": tables.ENTRY_FORMAT, "entry_id": f"{lane}-{position}", "input_digest": None}
    return entry | {"hash": hash_of(entry)}


def _name(connection: sa.Connection, lane: Lane, what: ReleaseIdentity) -> None:
    """Have the last run of a release stand for it."""
    runs, releases = tables.runs, tables.releases
    of_it = (runs.c.context == lane.context, runs.c.instance == lane.instance, runs.c.artifact_id == what.artifact_id)
    last = connection.execute(sa.select(runs.c.run_id).where(*of_it).order_by(runs.c.number.desc()).limit(1)).scalar()
    here = (releases.c.context == lane.context, releases.c.artifact_id == what.artifact_id)
    connection.execute(releases.delete().where(*here))
    named = {"context": lane.context, "instance": lane.instance, "run_id": last, **what.model_dump()}
    connection.execute(releases.insert(), named)


if __name__ == "__main__":
    writer(*sys.argv[1:])
