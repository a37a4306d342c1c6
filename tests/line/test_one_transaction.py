"""Where records and ledger share a database, a run is recorded whole or not at all, whatever is lost on the way."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from launchplane_gate.errors import GateError, LedgerError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import InventoryWriter
from launchplane_gate.lane_records import read_lane
from launchplane_gate.ledger import tables
from launchplane_gate.model import Lane, Run
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.settled import settled
from tests.conftest import ACTOR, PROD, TESTING, A, B, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.fakes.postgres_proxy import PostgresProxy
from tests.on_postgres import gate_on, migrated
from tests.postgres import PostgresServer

pytestmark = pytest.mark.thorough  # each statement and each commit is lost once

EVERY = 1 if int(os.environ.get("LAUNCHPLANE_GATE_RACES", "0")) > 100 else 5  # of the statements, or of the commits


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[PostgresProxy]:
    """It stands before the database ``recorded``."""
    migrated(postgres_server.create_database("recorded"))
    with PostgresProxy(postgres_server) as proxy:
        yield proxy
    postgres_server.drop_database("recorded")


@pytest.fixture
def gate(
    proxy: PostgresProxy, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> Iterator[Gate]:
    gate = gate_on(proxy.url("recorded"), tmp_path, bundle, engine, platform)
    yield gate
    gate.ledger.close()


def is_settled(gate: Gate, lane: Lane) -> bool:
    return settled(read_lane(gate.store, gate.ledger, lane), gate.ledger, gate.ledger.last_effective(lane))[0]


def see_that_it_is_all_or_nothing(gate: Gate, run: Run) -> None:
    """Inventory, promotion and the end of the run say the same; nothing is lost or told twice."""
    records = read_lane(gate.store, gate.ledger, PROD)
    named = records.inventory.promotion_record_id if records.inventory else ""
    row = gate.ledger.run_row(run.run_id)
    if row and row.status == "recorded":
        assert is_settled(gate, PROD) and named == run.promotion_record_id
        assert records.promotion and records.promotion.deploy.status == "pass"
    else:
        assert not is_settled(gate, PROD) and named != run.promotion_record_id
        assert gate.ledger.body_of(run.run_id, "recording") is None
    assert not gate.ledger.verify().wrong


def test_what_is_recorded_is_one_transaction_that_locks_its_lane_once(
    gate: Gate, proxy: PostgresProxy, platform: FakePlatform
) -> None:
    gate.run(deploy(A), ACTOR)
    counted = []
    locks = 0

    @event.listens_for(gate.ledger.database.engine, "before_cursor_execute")
    def _counts(_1: object, _2: object, statement: str, *_: object) -> None:
        nonlocal locks
        locks += "FOR UPDATE" in statement

    def recording(inventory: InventoryWriter) -> None:
        before = proxy.commits, locks
        inventory.write()
        counted.append((proxy.commits - before[0], locks - before[1]))

    platform.recording = recording
    run = gate.run(promote(A), ACTOR)
    assert run.status == "recorded" and counted == [(1, 1)]
    see_that_it_is_all_or_nothing(gate, run)
    assert [entry.kind for entry in gate.ledger.entries(subject=run.run_id)][-3:] == [
        "confirmed",
        "recording",
        "recorded",
    ]


@pytest.mark.parametrize("fate", ["never arrives", "answer lost", "arrives late"])
def test_a_commit_that_is_lost_is_all_or_nothing(
    gate: Gate, proxy: PostgresProxy, platform: FakePlatform, fate: str
) -> None:
    gate.run(deploy(A), ACTOR)

    def recording(inventory: InventoryWriter) -> None:
        if fate == "never arrives":
            proxy.lose_the_commit()
        elif fate == "answer lost":
            proxy.lose_the_answer_of()
        else:
            proxy.delay_the_commit()
            threading.Timer(1, proxy.deliver).start()
        inventory.write()

    platform.recording = recording
    run = gate.run(promote(A), ACTOR)
    assert run.status == ("unrecorded" if fate == "never arrives" else "recorded")
    see_that_it_is_all_or_nothing(gate, run)
    platform.recording = lambda inventory: inventory.write()
    assert gate.run(promote(A, redeploy=True), ACTOR).status == "recorded"
    assert is_settled(gate, PROD)


def test_a_connection_that_is_lost_at_any_statement_leaves_all_or_nothing(
    gate: Gate, proxy: PostgresProxy, platform: FakePlatform
) -> None:
    gate.run(deploy(A), ACTOR)
    settle(gate)
    left = 0

    @event.listens_for(gate.ledger.database.engine, "before_cursor_execute")
    def _counts(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            proxy.cut()

    for number in range(1, 100, EVERY):
        was_cut = False

        def recording(inventory: InventoryWriter, number: int = number) -> None:
            nonlocal left, was_cut
            left = number
            try:
                inventory.write()
            finally:
                was_cut, left = left <= 0, 0

        platform.recording = recording
        run = gate.run(promote(A, redeploy=True), ACTOR)
        see_that_it_is_all_or_nothing(gate, run)
        if not was_cut:
            break
        platform.recording = lambda inventory: inventory.write()
        settle(gate)
    assert run.status == "recorded" and number > 15


@pytest.mark.parametrize("status", ["pending", "pass"])
def test_a_step_is_kept_with_its_deployment_record_or_not_at_all(
    gate: Gate, proxy: PostgresProxy, platform: FakePlatform, status: str
) -> None:
    step, runs = {"pending": ("redeemed", A), "pass": ("outcome", B)}[status]
    gate.run(deploy(A), ACTOR)
    was_cut = False

    @event.listens_for(gate.ledger.database.engine, "before_cursor_execute")
    def _cuts(_1: object, _2: object, statement: str, parameters: Any, *_: object) -> None:
        nonlocal was_cut
        if not was_cut and "deployments SET" in statement:
            was_cut = json.loads(parameters["record"])["deploy"]["status"] == status
            if was_cut:
                proxy.cut()

    run = gate.run(deploy(B), ACTOR)
    assert was_cut and run.status != "recorded"
    assert gate.ledger.body_of(run.run_id, step) is None
    assert platform.runs[str(TESTING)] == runs
    assert not gate.ledger.verify().wrong


def test_a_driver_that_raises_after_it_undoes_nothing(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    said: list[str] = []
    for error in (RuntimeError("too late"), KeyboardInterrupt()):

        def recording(inventory: InventoryWriter, error: BaseException = error) -> None:
            inventory.write()
            raise error

        platform.recording = recording
        if isinstance(error, Exception):
            run_id = gate.run(promote(A, redeploy=True), ACTOR, said.append).run_id
        else:
            with pytest.raises(KeyboardInterrupt):
                gate.run(promote(A, redeploy=True), ACTOR)
            [run_id] = gate.ledger.runs(PROD, limit=1)
        row = gate.ledger.run_row(run_id)
        assert row and row.status == "recorded" and is_settled(gate, PROD)
    assert any("raised after it was recorded: RuntimeError: too late" in line for line in said)


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)

    def recording(inventory: InventoryWriter) -> None:
        with gate.ledger.database.write() as connection:
            connection.execute(
                tables.inventories.update().values(record=sa.func.replace(tables.inventories.c.record, "a", "b"))
            )
        inventory.write()

    gate.run(promote(A), ACTOR)
    platform.recording = recording
    assert gate.run(deploy(B), ACTOR).status == "unrecorded"
    assert not is_settled(gate, TESTING)


def test_every_commit_of_a_run_may_be_lost_or_its_answer(gate: Gate, proxy: PostgresProxy) -> None:
    """Refused or finished, and in any case on record: nothing is taken for done that is not, and nothing done twice."""
    gate.run(deploy(A), ACTOR)
    before = proxy.commits
    gate.run(promote(A), ACTOR)
    of_a_run = proxy.commits - before
    for number in range(1, of_a_run + 1, EVERY):
        for lose in (proxy.lose_the_answer_of, proxy.lose_the_commit):
            known = set(gate.ledger.runs(PROD, limit=1000))
            lose(number)
            try:
                run = gate.run(promote(A, redeploy=True), ACTOR)
            except GateError as error:
                assert isinstance(error, LedgerError), error
            else:
                assert gate.ledger.run_row(run.run_id).status == run.status  # type: ignore[union-attr]  # there is one
            assert len(set(gate.ledger.runs(PROD, limit=1000)) - known) <= 1
            assert not gate.ledger.verify().wrong
            settle(gate)
    assert of_a_run > 5


def settle(gate: Gate) -> None:
    deadline = time.monotonic() + 70
    while time.monotonic() < deadline:
        try:
            if gate.run(promote(A, redeploy=True), ACTOR).status == "recorded":
                return
        except GateError:
            time.sleep(0.2)
    raise AssertionError("the lane cannot be settled")
