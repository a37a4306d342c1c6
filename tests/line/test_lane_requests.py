"""Holding a lane and releasing it, and putting a record aside: who may, what it does, and that it is on record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launchplane_gate.errors import PastLost, RequestError, StandingRefused
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, InventoryWriter
from launchplane_gate.ledger import Ledger, SqlStore, tables
from launchplane_gate.ledger.postgres import Postgres
from launchplane_gate.line.lane_requests import LaneRequest
from launchplane_gate.model import Actor, Hold, Lane, Outcome, Request, Run, stamp, unstamp
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.store import Since
from launchplane_gate.verify import verify
from launchplane_gate.waivers import end_of
from tests.conftest import ACTOR, APPROVER, LISTED, PROD, PRODUCT, TESTING, A, B, MakeGate, bundle_with, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.line.test_order import codes, file_of, records_of, somebody_writes, why
from tests.line.test_settling_runs import interrupted, reconcile, resume
from tests.line.test_standing import STRANGER
from tests.on_postgres import gate_on, migrated

pytestmark = pytest.mark.thorough  # it waits for holds to end

HELD_PROD = LaneRequest(PRODUCT, "prod", "the database is being moved")
HELD_TESTING = LaneRequest(PRODUCT, "testing", "a trial goes on")
TRIAL = LaneRequest(PRODUCT, "testing", "a trial that was undone")
SOON = timedelta(seconds=1)


@pytest.fixture(params=["files", "postgres"])
def anywhere(
    request: pytest.FixtureRequest, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> Iterator[Gate]:
    """A gate on files and SQLite, and on one database of Postgres; testing and prod run A."""
    if request.param == "files":
        gate: Gate = request.getfixturevalue("make_gate")()
    else:
        gate = gate_on(migrated(request.getfixturevalue("postgres")), tmp_path, bundle, engine, platform)
    for wanted in (deploy(A), promote()):
        assert gate.run(wanted, ACTOR).status == "recorded"
    yield gate
    gate.ledger.close()


@pytest.fixture
def both(gate: Gate) -> Gate:
    """Testing and prod run A."""
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    return gate


def held(gate: Gate, wanted: LaneRequest = HELD_PROD, until: timedelta | None = None) -> Hold:
    """``until``: from now on, to less than a second."""
    ends = None if until is None else gate.ledger.now() + until
    return gate.hold_lane(wanted, ACTOR, ends).hold


def is_whole(gate: Gate) -> bool:
    found = verify(gate.ledger, gate.store)
    assert found.is_whole, found
    return True


# -- holding


def test_a_held_lane_takes_nothing_and_gives_nothing_until_it_is_released(anywhere: Gate) -> None:
    anywhere.run(deploy(B), ACTOR)
    hold = held(anywhere)
    assert (hold.subject, hold.reason, hold.until) == (ACTOR.subject, HELD_PROD.reason, None)
    refused = anywhere.run(promote(), ACTOR)
    assert (refused.status, codes(refused)) == ("denied", {"lane.not_held"})
    assert anywhere.run(deploy(A), ACTOR).status == "recorded"  # the other lane goes on
    back = anywhere.run(Request(action="rollback", product=PRODUCT, destination="prod"), ACTOR)
    assert "lane.not_held" in codes(back)
    held(anywhere, HELD_TESTING)
    assert codes(anywhere.run(deploy(B), ACTOR)) == {"lane.not_held"}
    anywhere.release_lane(HELD_PROD, ACTOR)
    assert "lane.not_held" in codes(anywhere.run(promote(redeploy=True), ACTOR))  # its source is held
    released = anywhere.release_lane(LaneRequest(PRODUCT, "testing", "it is over"), APPROVER)
    assert (released.hold.subject, released.by, released.reason) == (ACTOR.subject, APPROVER, "it is over")
    assert anywhere.run(promote(redeploy=True), ACTOR).status == "recorded"
    assert is_whole(anywhere)


def test_a_refusal_says_who_holds_the_lane_since_when_until_when_why_and_what_to_type(both: Gate) -> None:
    hold = held(both, until=timedelta(hours=1))
    refused = both.run(promote(redeploy=True), ACTOR)
    assert refused.admitted
    [refusal] = refused.admitted.refusals
    for said in (hold.subject, hold.since, str(hold.until), hold.reason):
        assert said in refusal.message
    assert f"`launchplane-gate lane release {PRODUCT}/prod --reason <why>`" in refusal.message


def test_a_hold_ends_by_itself_for_whoever_asks(anywhere: Gate) -> None:
    held(anywhere, until=SOON)
    assert "lane.not_held" in codes(anywhere.run(promote(redeploy=True), ACTOR))
    time.sleep(SOON.total_seconds())
    assert anywhere.ledger.hold_on(PROD) is None
    assert anywhere.check(promote(redeploy=True), ACTOR).allowed
    assert anywhere.run(promote(redeploy=True), ACTOR).status == "recorded"
    with pytest.raises(RequestError, match="is not held"):
        anywhere.release_lane(HELD_PROD, ACTOR)
    held(anywhere)  # and again
    assert is_whole(anywhere)


def test_what_a_hold_is_until_is_kept_to_the_ledgers_clock(both: Gate) -> None:
    now = both.ledger.now()
    for wished, least in ((timedelta(hours=2), now + timedelta(hours=2)), (now + timedelta(days=1), None)):
        hold = both.hold_lane(HELD_PROD, ACTOR, wished).hold
        ends = unstamp(hold.until or "")
        assert ends and (ends == wished if least is None else least <= ends <= least + timedelta(seconds=9))
        both.release_lane(HELD_PROD, ACTOR)
    berlin = datetime.fromisoformat("2999-01-01T01:00:00+01:00")
    assert both.hold_lane(HELD_PROD, ACTOR, berlin).hold.until == stamp(datetime(2999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("until", "wrong"),
    [
        (lambda now: now - timedelta(seconds=1), "is past; it is"),
        (lambda now: now, "is past"),
        (lambda now: now.replace(tzinfo=None) + timedelta(days=1), "has no zone"),
        (lambda _: timedelta(), "has to last"),
        (lambda _: timedelta(seconds=-1), "has to last"),
        (lambda _: datetime.fromisoformat("9999-12-31T23:59:59-14:00"), "after the last moment"),
    ],
)
def test_until_is_a_later_moment(both: Gate, until: Callable[[datetime], datetime | timedelta], wrong: str) -> None:
    with pytest.raises(RequestError, match=wrong):
        both.hold_lane(HELD_PROD, ACTOR, until(both.ledger.now()))
    assert both.ledger.hold_on(PROD) is None


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("45min", timedelta(minutes=45)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("2026-11-23T18:00:00+01:00", datetime(2026, 11, 23, 17, tzinfo=UTC)),
    ],
)
def test_until_is_read_as_a_moment_or_as_how_long(text: str, means: datetime | timedelta) -> None:
    assert end_of(text, "until") == means


@pytest.mark.parametrize(
    "text", ["", " ", "2", "h", "-2h", "2h1d", "2 weeks", "1.5h", "2026-11-23", "tomorrow", "\uff12h"]
)
def test_any_other_until_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="neither a moment with its zone"):
        end_of(text, "until")


def test_a_lane_that_is_held_is_not_held_again(anywhere: Gate) -> None:
    hold = held(anywhere, until=timedelta(hours=1))
    with pytest.raises(RequestError) as refused:
        anywhere.hold_lane(LaneRequest(PRODUCT, "prod", "another one"), APPROVER)
    for said in (hold.subject, hold.since, str(hold.until), hold.reason):
        assert said in str(refused.value)
    assert f"launchplane-gate lane release {PRODUCT}/prod --reason" in refused.value.hint
    assert anywhere.ledger.hold_on(PROD) == hold
    [entry] = anywhere.ledger.entries(kinds=["lane_held"])
    assert entry.body["hold"] == hold.model_dump()


def test_what_is_not_held_is_not_released(both: Gate) -> None:
    with pytest.raises(RequestError, match="is not held") as refused:
        both.release_lane(HELD_PROD, ACTOR)
    assert refused.value.exit_code == 2
    assert both.ledger.entries(kinds=["lane_released"]) == []


def test_only_the_hold_that_was_seen_is_ended(both: Gate) -> None:
    """Between the look and the entry another one may come."""
    seen = held(both)
    both.release_lane(HELD_PROD, ACTOR)
    other = held(both, LaneRequest(PRODUCT, "prod", "another one"))
    assert not both.ledger.end_hold(PROD, {}, seen=seen)
    assert not both.ledger.put_hold(PROD, seen, {})
    assert both.ledger.hold_on(PROD) == other


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 1001])
def test_every_one_of_them_says_why_in_one_line(both: Gate, reason: str) -> None:
    wanted = LaneRequest(PRODUCT, "prod", reason)
    for ask in (both.hold_lane, both.release_lane, lambda one, actor: both.quarantine_record(one, "x", actor)):
        with pytest.raises(RequestError, match="reason: say why"):
            ask(wanted, ACTOR)


# -- a hold while a run goes on


def running(gate: Gate, platform: FakePlatform, between: Callable[[], object]) -> Run:
    """A promotion, in which something happens after the decision and before redeem."""

    def behaves(self: FakePlatform, approval: Approval) -> Outcome:
        between()
        return self.change(approval)

    platform.behaves = behaves
    return gate.run(promote(redeploy=True), ACTOR)


@pytest.mark.parametrize("wanted", [HELD_PROD, HELD_TESTING], ids=lambda one: one.lane)
@pytest.mark.parametrize("until", [None, timedelta(hours=1)])
def test_a_hold_after_the_decision_makes_it_stale(
    anywhere: Gate, platform: FakePlatform, wanted: LaneRequest, until: timedelta | None
) -> None:
    count = len(platform.deploys)
    run = running(anywhere, platform, lambda: held(anywhere, wanted, until))
    assert (run.status, len(platform.deploys)) == ("stale", count)
    assert "is held since the policies decided, by unverified:operator@desk" in run.detail


def test_a_hold_that_had_ended_when_it_was_decided_does_not_make_it_stale(
    anywhere: Gate, platform: FakePlatform
) -> None:
    """The row of the lane still has it."""
    held(anywhere, until=SOON)
    time.sleep(SOON.total_seconds())
    assert running(anywhere, platform, lambda: None).status == "recorded"


def test_a_hold_that_came_and_ended_before_redeem_stops_nothing(both: Gate, platform: FakePlatform) -> None:
    def come_and_go() -> None:
        held(both, until=SOON)
        time.sleep(SOON.total_seconds())

    assert running(both, platform, come_and_go).status == "recorded"


def test_a_hold_that_the_decision_knew_of_may_end_before_redeem_and_no_other_may_come(
    make_gate: MakeGate, tmp_path: Path, platform: FakePlatform
) -> None:
    """No action that redeems is let go past a hold today: the approval is given what it would know then."""
    gate = make_gate()
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    known = held(gate, until=SOON)

    def decided_on(approval: Approval) -> None:
        approval.holds = {PROD: known}  # type: ignore[attr-defined]  # as if it had been there when it was decided

    gate.release_lane(HELD_PROD, ACTOR)

    def ended(self: FakePlatform, approval: Approval) -> Outcome:
        decided_on(approval)
        gate.ledger.put_hold(PROD, known, {})
        time.sleep(SOON.total_seconds())
        return self.change(approval)

    platform.behaves = ended
    assert gate.run(promote(redeploy=True), ACTOR).status == "recorded"

    def lasts(self: FakePlatform, approval: Approval) -> Outcome:
        lasting = held(gate)
        approval.holds = {PROD: lasting}  # type: ignore[attr-defined]  # as above
        return self.change(approval)

    platform.behaves = lasts
    assert gate.run(promote(redeploy=True), ACTOR).status == "recorded"  # what was decided on stands
    gate.release_lane(HELD_PROD, ACTOR)

    def another(self: FakePlatform, approval: Approval) -> Outcome:
        decided_on(approval)
        held(gate)
        return self.change(approval)

    platform.behaves = another
    assert gate.run(promote(redeploy=True), ACTOR).status == "stale"


def test_a_hold_during_a_deploy_does_not_keep_it_from_being_recorded(anywhere: Gate, platform: FakePlatform) -> None:
    """What was let go is recorded as it ended; what comes next is stopped."""

    def recording(inventory: InventoryWriter) -> None:
        held(anywhere)
        inventory.write()

    platform.recording = recording
    assert anywhere.run(promote(redeploy=True), ACTOR).status == "recorded"
    assert why(anywhere, PROD) == ""
    platform.recording = lambda inventory: inventory.write()
    assert codes(anywhere.run(promote(redeploy=True), ACTOR)) == {"lane.not_held"}


@pytest.mark.parametrize("wanted", [resume, reconcile])
@pytest.mark.parametrize("moment", ["ends", "comes"])
def test_a_hold_that_ends_or_comes_while_a_lane_is_settled_stops_nothing(
    both: Gate, platform: FakePlatform, wanted: Callable[..., Request], moment: str
) -> None:
    """A hold does not stop what deploys nothing, so the decision may know of one."""
    run_id = interrupted(both, deploy(B), platform)
    if moment == "ends":
        held(both, HELD_TESTING, SOON)

    def recording(inventory: InventoryWriter) -> None:
        if moment == "ends":
            assert both.ledger.hold_on(TESTING)
            time.sleep(SOON.total_seconds())
        else:
            held(both, HELD_TESTING)
        inventory.write()

    platform.recording = recording
    assert both.run(wanted(run_id) if wanted is resume else wanted(), ACTOR).status == "recorded"
    assert bool(both.ledger.hold_on(TESTING)) is (moment == "comes")
    assert why(both, TESTING) == ""


# -- who may


REQUESTS: list[Callable[[Gate, Actor], object]] = [
    lambda gate, actor: gate.hold_lane(LaneRequest(PRODUCT, "prod", "why"), actor),
    lambda gate, actor: gate.release_lane(LaneRequest(PRODUCT, "prod", "why"), actor),
    lambda gate, actor: gate.quarantine_record(LaneRequest(PRODUCT, "prod", "why"), "by-hand", actor),
]


@pytest.mark.parametrize("ask", REQUESTS)
def test_who_may_not_is_refused_and_that_is_on_record(make_gate: MakeGate, tmp_path: Path, ask: Callable) -> None:  # type: ignore[type-arg]
    may = ["rollback", "waive", "approve", "adopt", "restore"]
    listed = [LISTED[0] | {"may": may}, *LISTED[1:]]
    gate = make_gate(bundle=bundle_with(tmp_path / "policies", actors={"testing": listed, "prod": listed}))
    with pytest.raises(StandingRefused, match=r"actor\.permitted") as refused:
        ask(gate, ACTOR)
    [entry] = gate.ledger.decision_entries()
    assert entry.body["decision"]["decision_id"] == refused.value.decision.decision_id and entry.input
    assert entry.kind == "refused" and gate.ledger.hold_on(PROD) is None


@pytest.mark.parametrize("ask", REQUESTS)
def test_a_stranger_learns_nothing(gate: Gate, ask: Callable) -> None:  # type: ignore[type-arg]
    held(gate)
    with pytest.raises(StandingRefused, match="no entry of the policies names them"):
        ask(gate, STRANGER)
    for product, lane in (("nothing", "prod"), (PRODUCT, "moon")):
        with pytest.raises(StandingRefused, match="no entry of the policies names them"):
            gate.hold_lane(LaneRequest(product, lane, ""), STRANGER)


@pytest.mark.parametrize(("product", "lane"), [("other", "prod"), (PRODUCT, "moon")])
def test_a_lane_that_is_not_there_is_a_bad_request(gate: Gate, product: str, lane: str) -> None:
    with pytest.raises(RequestError, match=r"unknown product|has no lane"):
        gate.hold_lane(LaneRequest(product, lane, "why"), ACTOR)


def test_each_of_them_is_on_record_with_its_decision(both: Gate) -> None:
    somebody_writes(both, TESTING)
    hold = held(both)
    both.release_lane(LaneRequest(PRODUCT, "prod", "it was moved"), APPROVER)
    both.quarantine_record(TRIAL, "by-hand", ACTOR)
    entries = both.ledger.entries(kinds=["lane_held", "lane_released", "quarantined"])
    put, ended, aside = entries
    assert [(entry.kind, entry.subject, entry.lane) for entry in entries] == [
        ("lane_held", str(PROD), PROD),
        ("lane_released", str(PROD), PROD),
        ("quarantined", "deployments/by-hand", TESTING),
    ]
    assert (put.body["hold"], put.body["by"]["subject"]) == (hold.model_dump(), ACTOR.subject)
    assert (ended.body["reason"], ended.body["by"]["subject"]) == ("it was moved", APPROVER.subject)
    assert (aside.body["reason"], aside.body["by"]["subject"]) == (TRIAL.reason, ACTOR.subject)
    for entry, action in zip(entries, ("hold", "release", "quarantine"), strict=True):
        assert entry.input and entry.body["decision"]["action"] == entry.input["action"] == action
        assert entry.input["phase"] == "standing" and entry.input["request"]["reason"]
    assert is_whole(both)


def test_the_ledger_tells_a_hold_that_was_altered(both: Gate) -> None:
    held(both, until=timedelta(hours=1))
    with both.ledger.database.write() as connection:
        connection.exec_driver_sql("""UPDATE lanes SET hold = replace(hold, '"until":"2', '"until":"1')""")
    assert any("is held, its entries say another hold" in one for one in both.ledger.verify().wrong)


# -- quarantine


def torn(gate: Gate, lane: Lane = TESTING, record_id: str = "torn") -> None:
    """A record that nobody can read."""
    if isinstance(gate.store, SqlStore):
        there = {"context_name": lane.context, "instance_name": lane.instance}
        readable = [one.record for one in gate.store.list_deployments_since(**there, since=Since()) if one.record]
        changes = {"record_id": record_id, "runtime_source": {}}
        gate.store.write_deployment_record(readable[0].model_copy(update=changes))
        with gate.ledger.database.write() as connection:
            connection.execute(
                tables.deployments.update().where(tables.deployments.c.record_id == record_id).values(record="{")
            )
        return
    file_of(gate, lane, record_id).write_text("{")


def by_hand(gate: Gate, lane: Lane = TESTING, record_id: str = "by-hand") -> DeploymentRecord:
    record = records_of(gate, lane)[-1]
    deployed = record.deploy.model_copy(update={"started_at": "2099-01-01T00:00:00Z"})
    changes = {"record_id": record_id, "deploy": deployed, "runtime_source": {}}
    written = record.model_copy(update=changes)
    gate.store.write_deployment_record(written)
    return written


@pytest.mark.parametrize("write", [by_hand, torn], ids=["readable", "torn"])
def test_what_is_put_aside_unsettles_nothing_any_more(anywhere: Gate, write: Callable[[Gate], object]) -> None:
    write(anywhere)
    record_id = "by-hand" if write is by_hand else "torn"
    assert record_id in why(anywhere, TESTING)
    assert "lane.settled" in codes(anywhere.run(promote(redeploy=True), ACTOR))
    put_aside = anywhere.quarantine_record(TRIAL, record_id, ACTOR)
    assert (put_aside.record_id, put_aside.settled, put_aside.why) == (record_id, True, "")
    assert bool(put_aside.detail) is (write is torn)
    assert why(anywhere, TESTING) == ""
    assert anywhere.run(promote(redeploy=True), ACTOR).status == "recorded"
    assert is_whole(anywhere)


def test_one_that_changes_counts_again_and_as_it_was_it_does_not(anywhere: Gate) -> None:
    record = by_hand(anywhere)
    anywhere.quarantine_record(TRIAL, "by-hand", ACTOR)
    anywhere.store.write_deployment_record(record.model_copy(update={"source_git_ref": B.source_git_ref}))
    assert "by-hand" in why(anywhere, TESTING)
    assert not anywhere.check(promote(redeploy=True), ACTOR).allowed
    anywhere.store.write_deployment_record(record)
    assert why(anywhere, TESTING) == ""


def test_what_else_is_wrong_with_the_lane_is_said(both: Gate) -> None:
    by_hand(both, record_id="one")
    by_hand(both, record_id="two")
    put_aside = both.quarantine_record(TRIAL, "one", ACTOR)
    assert not put_aside.settled and "the deployment record two" in put_aside.why
    assert both.quarantine_record(TRIAL, "two", ACTOR).settled


def test_any_other_record_is_refused_with_what_to_do_instead(anywhere: Gate) -> None:
    first, last = anywhere.ledger.runs(TESTING)[-1], None
    anywhere.run(deploy(B), ACTOR)
    last = anywhere.ledger.runs(TESTING)[0]
    by_id = {record.runtime_source["gate_run_id"]: record.record_id for record in records_of(anywhere, TESTING)}
    by_hand(anywhere, record_id="older")
    anywhere.run(deploy(A), ACTOR)
    named = records_of(anywhere, TESTING)[-2].record_id  # the last one says that it is from 2099
    by_hand(anywhere, record_id="by-hand")
    anywhere.quarantine_record(TRIAL, "by-hand", ACTOR)
    expected = {
        named: ("its inventory names", "Deploy or promote to"),
        by_id[first]: (f"in its run {first}", f"launchplane-gate runs show {first}"),
        by_id[last]: (f"in its run {last}", "a deploy or promotion settles it"),
        "older": ("is older than the one that the inventory names", "nothing to do about it"),
        "by-hand": ("was put aside at", "nothing to do about it"),
        "nothing": ("has no deployment record 'nothing'", "these unsettle"),
        "": ("has no deployment record ''", "none does"),
        "../../prod/x": ("has no deployment record", "none does"),
    }
    heads = anywhere.ledger.heads()
    for record_id, (what, instead) in expected.items():
        with pytest.raises(RequestError) as refused:
            anywhere.quarantine_record(TRIAL, record_id, ACTOR)
        assert refused.value.exit_code == 2
        assert what in str(refused.value) and instead in refused.value.hint, (record_id, refused.value.hint)
    assert anywhere.ledger.heads() == heads


def test_the_record_of_another_lane_is_none_of_this_one(both: Gate) -> None:
    by_hand(both, PROD)
    with pytest.raises(RequestError, match="has no deployment record 'by-hand'"):
        both.quarantine_record(TRIAL, "by-hand", ACTOR)


def test_a_run_in_the_middle_notices(anywhere: Gate, platform: FakePlatform) -> None:
    """Before redeem it is stale, after that it is not recorded; a look at records that stay the same decides."""
    torn(anywhere)

    def behaves(self: FakePlatform, approval: Approval) -> Outcome:
        anywhere.quarantine_record(TRIAL, "torn", ACTOR)
        return self.change(approval)

    platform.behaves = behaves
    stale = anywhere.run(deploy(B), ACTOR)
    assert stale.status == "stale"
    torn(anywhere, record_id="another")

    def recording(inventory: InventoryWriter) -> None:
        anywhere.quarantine_record(TRIAL, "another", ACTOR)
        inventory.write()

    platform.behaves, platform.recording = FakePlatform.change, recording
    assert anywhere.run(deploy(B), ACTOR).status == "unrecorded"
    platform.recording = lambda inventory: inventory.write()
    assert anywhere.run(deploy(B), ACTOR).status == "recorded"
    assert why(anywhere, TESTING) == ""


def test_a_lost_past_is_not_put_aside(both: Gate) -> None:
    """A record that knows of another ledger stops everything; nobody may hide it."""
    record = records_of(both, TESTING)[-1]
    known = record.runtime_source | {"gate_ledger_id": "0" * 32, "gate_run_id": "r-ELSEWHERE"}
    both.store.write_deployment_record(record.model_copy(update={"record_id": "elsewhere", "runtime_source": known}))
    with pytest.raises(PastLost, match="was let go by another ledger"):
        both.quarantine_record(TRIAL, "elsewhere", ACTOR)
    assert both.ledger.entries(kinds=["quarantined"]) == []


def test_another_process_sees_the_same(both: Gate, make_gate: MakeGate, tmp_path: Path) -> None:
    by_hand(both)
    other = make_gate()
    assert "by-hand" in why(other, TESTING)
    both.quarantine_record(TRIAL, "by-hand", ACTOR)
    held(both)
    assert why(other, TESTING) == "" and other.ledger.hold_on(PROD)
    reader = make_gate(ledger=Ledger.to_read(tmp_path, holds_records=True))
    assert why(reader, TESTING) == "" and reader.ledger.hold_on(PROD)


def test_both_at_once_hold_it_once(postgres: str, tmp_path: Path) -> None:
    database = migrated(postgres)
    ledgers = [Ledger.open(tmp_path, database, holds_records=False) for _ in range(2)]
    wished = Hold(reason="why", subject="alice", since=stamp(ledgers[0].now()))
    assert [one.put_hold(PROD, wished, {}) for one in ledgers] == [True, False]
    assert [one.end_hold(PROD, {}, seen=wished) for one in ledgers] == [True, False]
    for one in ledgers:
        assert isinstance(one.database, Postgres)
        one.close()
