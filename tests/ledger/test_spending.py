"""A token lets one request be admitted, its repeats and what finishes its run; a copy of it lets nothing else be."""

from __future__ import annotations

import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from launchplane_gate.adoption import adopt
from launchplane_gate.errors import ActorUnproven, TokenSpent
from launchplane_gate.gate import Gate
from launchplane_gate.ledger import FILE_NAME, Ledger, tables
from launchplane_gate.ledger.spending import KEPT_S
from launchplane_gate.line import standing
from launchplane_gate.line.lane_requests import LaneRequest
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.model import Actor, Token, Waiver, lanes_of
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.restoring import Consent, Loss, enter
from launchplane_gate.runs import read_run
from tests.conftest import ACTOR, APPROVER, PRODUCT, PROFILE, A, B, deploy, open_gate, promote
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher
from tests.line.test_settling_runs import interrupted, resume
from tests.on_postgres import gate_on, migrated
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # races of two processes, on both databases

BOTH = ["sqlite", "postgres"]


def by_token(actor: Actor = ACTOR) -> Actor:
    """The actor, proven by a token that nobody has spent."""
    return actor.proven_by(Token(digest=secrets.token_hex(32), until=datetime.now(UTC) + timedelta(minutes=5)))


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher((PRODUCT,))


@pytest.fixture(params=BOTH)
def gate(  # noqa: PLR0917  # fixtures
    request: pytest.FixtureRequest,
    tmp_path: Path,
    bundle: Bundle,
    engine: EmbeddedEngine,
    platform: FakePlatform,
    publisher: FakePublisher,
) -> Iterator[Gate]:
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher})
    if request.param == "sqlite":
        gate = open_gate(tmp_path, bundle, engine, platform, plugins=plugins, confirm_timeout_s=5)
    else:
        url = migrated(request.getfixturevalue("postgres"))
        gate = gate_on(url, tmp_path, bundle, engine, platform, plugins=plugins, confirm_timeout_s=5)
    publisher.now = gate.ledger.now
    yield gate
    assert gate.ledger.verify().wrong == ()
    gate.ledger.close()


# -- of two requests with one token one is admitted


def test_a_token_lets_one_request_be_admitted_and_its_repeats(gate: Gate, platform: FakePlatform) -> None:
    job = by_token()
    first = gate.run(deploy(A), job)
    assert first.status == "recorded"
    looks: list[Any] = []
    platform.observing = looks.append
    for another in (deploy(B), deploy(A, reason="as if"), deploy(A, idempotency_key="k"), promote()):
        with pytest.raises(TokenSpent, match=f"spent on another request, which led to {first.run_id}") as error:
            gate.run(another, job)
        assert error.value.exit_code == 2 and "ask again with a new one" in error.value.hint
        refused = read_run(gate.ledger, gate.ledger.runs(limit=1)[0])  # on record
        assert (refused.status, refused.touched, refused.admitted) == ("denied", False, None)
        assert "was spent on another request" in refused.detail and refused.actor == ACTOR
    assert looks == [] and len(platform.deploys) == 1  # nobody else was asked
    platform.observing = lambda _: None
    assert gate.run(deploy(A), job).status == "recorded"
    assert gate.run(promote(), by_token()).status == "recorded"


def test_to_check_spends_nothing_and_takes_nothing_that_was_not_spent(gate: Gate) -> None:
    job = by_token()
    assert gate.check(deploy(B), job).allowed and gate.check(deploy(A), job).allowed
    assert _spent_in(gate) == []
    assert gate.run(deploy(A), job).status == "recorded"
    assert gate.check(deploy(B), job).allowed  # it changes nothing, whoever asks


def test_what_is_refused_spends_nothing(gate: Gate, platform: FakePlatform) -> None:
    job = by_token()
    assert gate.run(deploy(A, to="prod"), job).status == "denied"
    stranger = by_token(Actor(subject="mallory", verified_by="host"))
    assert gate.run(deploy(A), stranger).status == "denied"
    assert _spent_in(gate) == []
    assert gate.run(deploy(A), job).status == "recorded"
    platform.behaves = lambda self, approval: self.change(approval, status="fail")
    again = by_token()
    assert gate.run(deploy(B), again).status == "fail"  # it was admitted
    with pytest.raises(TokenSpent):
        gate.run(deploy(A), again)


def test_one_job_checks_promotes_and_publishes_with_one_token(gate: Gate, publisher: FakePublisher) -> None:
    gate.run(deploy(A), by_token())
    job, wanted = by_token(), promote(version="v0.2.10")
    assert gate.check(wanted, job).allowed
    publisher.fails = [RuntimeError("away")] * 3
    run = gate.run(wanted, job)
    assert run.status == "recorded" and run.publication and not run.publication.published
    again = gate.run(wanted, job)  # the whole request once more, which finds that it runs there
    assert again.status == "unchanged" and again.publication and not again.publication.published
    for run_id in (run.run_id, again.run_id):
        ended = gate.publish(run_id, job).publication
    assert ended and ended.published
    with pytest.raises(TokenSpent):
        gate.run(promote(version="v0.2.11"), job)


def test_a_token_that_published_publishes_that_and_no_more(gate: Gate, publisher: FakePublisher) -> None:
    gate.run(deploy(A), by_token())
    publisher.fails = [RuntimeError("away")]
    first = gate.run(promote(version="v0.2.10", idempotency_key="k"), by_token())
    job = by_token()
    for _ in range(2):
        assert gate.publish(first.run_id, job).publication == gate.publish(first.run_id, job).publication
    for another in (promote(version="v0.2.10", idempotency_key="k"), promote(version="v0.2.10"), deploy(B)):
        with pytest.raises(TokenSpent):
            gate.run(another, job)
    spent = by_token()
    gate.hold_lane(LaneRequest(PRODUCT, "testing", "audit"), spent)
    with pytest.raises(TokenSpent):
        gate.publish(first.run_id, spent)
    assert publisher.asked.count("v0.2.10") == 5


def test_a_repeat_that_publishes_spends_its_token_on_that(gate: Gate, publisher: FakePublisher) -> None:
    gate.run(deploy(A), by_token())
    publisher.fails = [RuntimeError("away")]
    wanted, job = promote(version="v0.2.10", idempotency_key="k"), by_token()
    assert gate.run(wanted, by_token()).status == "recorded"
    repeated = gate.run(wanted, job)
    assert repeated.replayed and repeated.publication and repeated.publication.published
    assert gate.publish(repeated.run_id, job).publication
    with pytest.raises(TokenSpent):
        gate.run(deploy(B), job)


def test_what_was_interrupted_is_finished_with_the_token_that_began_it(gate: Gate, platform: FakePlatform) -> None:
    job = by_token()
    run_id = interrupted(gate, deploy(A), platform, actor=job)
    with pytest.raises(TokenSpent):
        gate.run(deploy(B), job)
    ended = gate.run(resume(run_id), job)
    assert (ended.status, ended.of_run) == ("recorded", run_id)
    with pytest.raises(TokenSpent):
        gate.run(promote(), job)


def test_a_repeat_under_a_key_finishes_what_was_interrupted_with_the_same_token(
    gate: Gate, platform: FakePlatform
) -> None:
    job, wanted = by_token(), deploy(A, idempotency_key="k")
    interrupted(gate, wanted, platform, actor=job)
    ended = gate.run(wanted, job)
    assert (ended.status, ended.action) == ("recorded", "resume")
    other = by_token()
    assert gate.run(wanted, other).replayed  # nothing is decided, and nothing spent
    assert gate.run(deploy(B), other).status == "recorded"


# -- every request that is admitted spends


def _wanted(gate: Gate, **rest: Any) -> WaiverRequest:
    until = gate.ledger.now() + timedelta(hours=1)
    told = {"reason": "checkout is down", "expires_at": until, **rest}
    return WaiverRequest("lane.not_bypassed", PRODUCT, "prod", A.artifact_id, A.source_git_ref, **told)


def _a_waiver(gate: Gate) -> Waiver:
    return gate.request_waiver(_wanted(gate), ACTOR)


def _strangers_record(gate: Gate) -> str:
    run = gate.run(deploy(A), ACTOR)
    record = gate.store.read_deployment_record(str(run.deployment_record_id))
    gate.store.write_deployment_record(record.model_copy(update={"record_id": "by-hand", "runtime_source": None}))
    return "by-hand"


Ask = Callable[[Actor], Any]


def _hold(gate: Gate) -> Ask:
    return lambda actor: gate.hold_lane(LaneRequest(PRODUCT, "prod", "audit"), actor)


def _release(gate: Gate) -> Ask:
    _hold(gate)(ACTOR)
    return lambda actor: gate.release_lane(LaneRequest(PRODUCT, "prod", "it is over"), actor)


def _quarantine(gate: Gate) -> Ask:
    record_id = _strangers_record(gate)
    return lambda actor: gate.quarantine_record(LaneRequest(PRODUCT, "testing", "a trial"), record_id, actor)


def _waive(gate: Gate) -> Ask:
    wanted = _wanted(gate)
    return lambda actor: gate.request_waiver(wanted, actor)


def _approve(gate: Gate) -> Ask:
    waiver_id = _a_waiver(gate).waiver_id
    return lambda actor: gate.approve_waiver(waiver_id, APPROVER.proven_by(actor.token) if actor.token else APPROVER)


def _revoke(gate: Gate) -> Ask:
    waiver_id = _a_waiver(gate).waiver_id
    return lambda actor: gate.revoke_waiver(waiver_id, "it is over", actor)


REQUESTS = [_hold, _release, _quarantine, _waive, _approve, _revoke]


@pytest.mark.parametrize("request_of", REQUESTS, ids=lambda one: one.__name__.strip("_"))
def test_a_request_that_is_no_run_spends_its_token_too(gate: Gate, request_of: Callable[[Gate], Ask]) -> None:
    job, spent = by_token(), by_token()
    gate.run(deploy(B), spent)
    ask = request_of(gate)
    entries = len(gate.ledger.entries())
    with pytest.raises(TokenSpent):
        ask(spent)
    assert len(gate.ledger.entries()) == entries  # nothing was done
    ask(job)
    with pytest.raises(TokenSpent):
        gate.run(promote(), job)


def test_who_goes_on_with_a_ledger_spends_one_token_on_all_lanes(
    gate: Gate, bundle: Bundle, engine: EmbeddedEngine, tmp_path: Path
) -> None:
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    profiles, now = [PROFILE], gate.ledger.now()
    adopted = by_token()
    decided = standing.consent(bundle, engine, profiles, standing.Asked("adopt", "", ""), adopted, now=now)
    with_records = Ledger.open(tmp_path / "new", holds_records=False)
    assert adopt(gate.store, with_records, bundle, profiles, adopted, decided=decided) == lanes_of(PROFILE)
    restored = by_token()
    decided = standing.consent(bundle, engine, profiles, standing.Asked("restore", "", ""), restored, now=now)
    found = [Loss(lane, PRODUCT, {"ledgers": [], "heads": [], "runs": []}, "a disk") for lane in lanes_of(PROFILE)]
    enter(gate.store, with_records, bundle, found, Consent(restored, "a disk", decided))
    with with_records.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.tokens)).scalar() == 2
    assert not with_records.verify().wrong
    with_records.close()


# -- what is kept of it


def _spent_in(gate: Gate) -> list[Any]:
    with gate.ledger.database.read() as connection:
        return list(connection.execute(sa.select(tables.tokens)).all())


def test_of_a_token_its_digest_is_kept_until_a_day_after_it_expired(gate: Gate) -> None:
    old, now = by_token(), datetime.now(UTC)
    gate.run(deploy(A), old)
    [row] = _spent_in(gate)
    assert old.token and row.token == old.token.digest and abs(row.until - now.timestamp() - 300) < 60
    with gate.ledger.database.write() as connection:
        connection.execute(tables.tokens.update().values(until=int(now.timestamp()) - KEPT_S))
    gate.run(promote(), by_token())
    assert row.token not in {one.token for one in _spent_in(gate)}
    with gate.ledger.database.write() as connection:  # as it was when it was entered
        connection.execute(tables.tokens.insert(), dict(row._mapping))
    too_old = ACTOR.proven_by(Token(digest="0" * 64, until=now - timedelta(seconds=KEPT_S + 60)))
    with pytest.raises(ActorUnproven, match="expired long before"):
        gate.run(deploy(B), too_old)
    late = ACTOR.proven_by(Token(digest="1" * 64, until=now - timedelta(seconds=60)))
    assert gate.run(deploy(B), late).status == "recorded"  # who was proven in time may have waited


def test_what_is_read_back_has_no_token_and_no_record_has_its_words(gate: Gate) -> None:
    job = by_token()
    run = gate.run(deploy(A), job)
    assert run.actor.token is None and job.token and job.token.digest not in run.model_dump_json()
    assert "token" not in job.model_dump() and Actor.model_validate(job.model_dump()) == ACTOR


def test_verifying_tells_of_a_token_that_was_spent_twice(
    tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> None:
    gate, job = open_gate(tmp_path, bundle, engine, platform), by_token()
    first = gate.run(deploy(A), job)
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("DELETE FROM tokens")
    second = gate.run(promote(), job)
    [wrong] = [one for one in gate.ledger.verify().wrong if "admitted by" in one]
    assert wrong == f"{second.run_id} was admitted by a token that was spent on {first.run_id} before"
    gate.ledger.close()


def test_a_refusal_is_one_entry_an_hour_whichever_job_asks(gate: Gate) -> None:
    """What a token claims of its job differs each time; who asks does not."""
    for number in range(3):
        job = Actor(subject="mallory", verified_by="host", claims={"run_id": str(number)})
        assert gate.run(deploy(A), job).status == "denied"
    assert [entry.kind for entry in gate.ledger.entries()] == ["refused"]


# -- races


@pytest.mark.thorough
@pytest.mark.parametrize("where", BOTH)
def test_of_two_processes_with_one_token_one_is_admitted(
    where: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = migrated(request.getfixturevalue("postgres")) if where == "postgres" else ""
    if not url:
        Ledger.open(tmp_path, holds_records=False).close()
    askers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.spender", url, str(tmp_path), str(number)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    tokens = [*(secrets.token_hex(32) for _ in range(40)), f"hold{secrets.token_hex(30)}"]
    won = {0: 0, 1: 0}
    try:
        assert [_line(asker) for asker in askers] == ["ready", "ready"]
        for token in tokens:
            for asker in askers:
                assert asker.stdin
                asker.stdin.write(f"{token}\n")
                asker.stdin.flush()
            told = [_line(asker) for asker in askers]
            assert sorted(told) == ["admitted", "spent"], (token, told)
            won[told.index("admitted")] += 1
    finally:
        for asker in askers:
            asker.kill()
            asker.communicate()
    with Ledger.to_read(tmp_path, url, holds_records=False).database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.tokens)).scalar() == len(tokens)
    assert won[0] + won[1] == len(tokens)


def _line(asker: subprocess.Popen[str]) -> str:
    assert asker.stdout
    return asker.stdout.readline().strip()
