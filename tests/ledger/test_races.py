"""Eight processes on four lanes at once, two of them as on other machines with wrong clocks: nothing is stale, done
twice or lost, and nobody waits for ever. LAUNCHPLANE_GATE_RACES says how many requests there are in all.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from launchplane_gate.lane_records import read_lane
from launchplane_gate.ledger import CLOSING, Ledger, SqlStore, tables
from launchplane_gate.model import unstamp
from tests.ledger.racer import LANES, POLICY, PROFILES, RACERS, platform_in
from tests.on_postgres import migrated
from tests.other_machine import clock_apart, environment, has_compiler, on_another_host
from tests.places import ROOT
from tests.postgres import PostgresServer

pytestmark = pytest.mark.thorough  # processes by the dozen

REQUESTS = int(os.environ.get("LAUNCHPLANE_GATE_RACES", "48"))
HOUR_S = 3600
FILLING = "2000-01-01T00:00:00Z"

Told = list[list[dict[str, Any]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = tmp_path / "policies" / "config"
    config.mkdir(parents=True)
    (config / "data.json").write_text(json.dumps(POLICY))
    return tmp_path


@contextmanager
def racing(url: str, folder: Path, *, times: int, apart: bool = False) -> Iterator[list[subprocess.Popen[str]]]:
    racers = []
    for number in range(RACERS):
        command = [sys.executable, "-m", "tests.ledger.racer", url, str(folder), str(number), str(times)]
        more = {}
        if apart and number in (0, 1):
            more = clock_apart(folder, HOUR_S if number else -HOUR_S)
            command = [*(on_another_host() or ()), *([f"host-{number}"] if on_another_host() else ()), *command]
        racers.append(
            subprocess.Popen(
                command, cwd=ROOT, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    try:
        wait_until(lambda: len(list(folder.glob("ready-*"))) == RACERS or any(one.poll() is not None for one in racers))
        (folder / "go").touch()
        yield racers
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


def finished(racers: list[subprocess.Popen[str]]) -> Told:
    """What each of them told, line by line; all of them came to their end."""
    told = []
    for racer in racers:
        out, wrong = racer.communicate(timeout=60 + REQUESTS)
        assert racer.returncode == 0, wrong[-3000:]
        told.append([json.loads(line) for line in out.splitlines()])
    return told


def see_that_nothing_was_stale_double_or_lost(url: str, folder: Path, told: Told) -> Counter[str]:
    """Holds what the processes told, what the platform saw, and what the ledger and the records say to one another."""
    with closing(Ledger.to_read(folder, url, holds_records=False)) as ledger:
        assert not ledger.verify().wrong
        runs = {row.run_id: row for row in rows(ledger, tables.runs)}
        log = [json.loads(line) for line in log_of(folder)]
        store = SqlStore(ledger.database, PROFILES)
        records = {one.record_id: one for one in store.list_deployment_records()}
        _see_the_log(log, runs)
        for line in [line for one in told for line in one if "run" in line]:
            assert runs[line["run"]].status == line["status"], line
        for lane in LANES:
            begun = [runs[line["run"]] for line in log if (line["what"], line["lane"]) == ("begins", str(lane))]
            began = [unstamp(records[row.deployment_record_id].deploy.started_at) for row in begun]
            assert began == sorted(set(began)), "a run went back in time"  # type: ignore[type-var]  # each has a moment
            last = ledger.last_effective(lane)
            if last is not None and last.status == "recorded":
                running = platform_in(folder).runs[str(lane)]
                assert begun[-1].run_id == last.run_id
                assert read_lane(store, ledger, lane).release == running
        assert {row.status for row in runs.values()} <= CLOSING | {"open"}
        return Counter(row.status for row in runs.values())


def _see_the_log(log: list[dict[str, Any]], runs: dict[str, Any]) -> None:
    at_work: dict[str, str] = {}
    began: set[str] = set()
    for line in log:
        if line["what"] == "ends":
            assert at_work.pop(line["lane"]) == line["run"]
            continue
        row = runs[line["run"]]
        assert line["lane"] not in at_work, "two deploys of one lane at once"
        assert line["run"] not in began, "one run deployed twice"
        assert row.redeemed and row.source_git_ref == line["commit"]
        if row.action == "promote":
            source = f"{row.source_context}/{row.source_instance}"
            assert line["runs"][source] == line["commit"], "promoted what its source did not run"
        at_work[line["lane"]] = line["run"]
        began.add(line["run"])
    assert at_work == {}
    assert [row for row in runs.values() if row.redeemed and row.run_id not in began] == []


def rows(ledger: Ledger, table: sa.Table) -> list[Any]:
    with ledger.database.read() as connection:
        return list(connection.execute(sa.select(table)).all())


@pytest.mark.skipif(not has_compiler(), reason="a clock is set wrong by a library that is compiled here")
def test_in_a_race_nothing_is_stale_double_or_lost(postgres: str, folder: Path) -> None:
    with racing(migrated(postgres), folder, times=REQUESTS // RACERS, apart=True) as racers:
        told = finished(racers)
    hosts = {one[0]["who"].partition("/")[0] for one in told}
    assert len(hosts) == (3 if on_another_host() else 1)
    nows = [one[0]["now"] for one in told]
    assert max(nows) - min(nows) < 60, "the server's clock is everybody's"
    ended = see_that_nothing_was_stale_double_or_lost(postgres, folder, told)
    errors = Counter(line["error"] for one in told for line in one if "error" in line)
    assert set(errors) <= {"LaneBusy"}, [line for one in told for line in one if "error" in line]
    assert ended["recorded"] > REQUESTS / 10 and ended["open"] == 0
    assert set(ended) <= {"recorded", "unchanged", "denied", "stale"}


def test_a_database_that_is_started_again_in_mid_race_loses_nothing(own_postgres: PostgresServer, folder: Path) -> None:
    url = migrated(own_postgres.create_database("raced"))
    with racing(url, folder, times=max(5, REQUESTS // 2 // RACERS)) as racers:
        for end in (own_postgres.restart, own_postgres.kill):
            wait_until(partial(has_gone_on, racers, folder, len(log_of(folder)) + 2))
            end()
            if end == own_postgres.kill:
                own_postgres.start()
        told = finished(racers)
    see_that_nothing_was_stale_double_or_lost(url, folder, told)


def log_of(folder: Path) -> list[str]:
    log = folder / "log"
    return log.read_text().splitlines() if log.exists() else []


def has_gone_on(racers: list[subprocess.Popen[str]], folder: Path, lines: int) -> bool:
    return len(log_of(folder)) > lines or all(racer.poll() is not None for racer in racers)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_on_a_full_disk_a_run_is_refused_or_finished(own_postgres: PostgresServer, folder: Path) -> None:
    """Full is a file that may not grow: the one bound of that kind that every test may set."""
    url = migrated(own_postgres.create_database("full"))
    with closing(Ledger.open(folder, url, holds_records=False)) as ledger:
        fill(ledger)
    with files_no_larger_than(2**20):
        own_postgres.restart()
    with racing(url, folder, times=4) as racers:
        told = finished(racers)
    own_postgres.restart()
    with closing(Ledger.open(folder, url, holds_records=False)) as ledger, ledger.database.write() as connection:
        connection.execute(tables.inputs.delete().where(tables.inputs.c.at == FILLING))
    errors = [line["message"] for one in told for line in one if "error" in line]
    assert any("could not extend file" in message for message in errors), told
    see_that_nothing_was_stale_double_or_lost(url, folder, told)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """For whoever is started inside."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(ledger: Ledger) -> None:
    """Until little more goes into the table of inputs."""
    page = os.urandom(1900)
    with ledger.database.write() as connection:
        for number in range(490):
            connection.execute(tables.inputs.insert(), {"digest": f"{number}", "at": FILLING, "packed": page})
