"""A product that is observed: its callers are answered as if there were no gate, and its inventories become true."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import click
import pytest

from launchplane_gate.model import Outcome
from tests.conftest import TESTING
from tests.plugins.launchplane.conftest import MakeDesk
from tests.plugins.launchplane.desk import Desk, job
from tests.plugins.launchplane.hosts import PRODUCT, Host, commit


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(observed=[PRODUCT])


def said(desk: Desk, instance: str, status: str = "pass") -> Any:
    """What the host's own executor of a deploy returns."""
    kind = desk.host.module("workflows.generic_web_deploy").GenericWebDeployResult
    return kind(
        deployment_record_id="deployment-of-the-host",
        deploy_status=status,
        deploy_started_at="2026-11-30T00:00:00Z",
        deploy_finished_at="2026-11-30T00:00:01Z",
        product=PRODUCT,
        context=PRODUCT,
        instance=instance,
    )


def promoted(desk: Desk, letter: str) -> Any:
    """The same, of a promotion."""
    kind = desk.host.module("workflows.generic_web_promotion").GenericWebProdPromotionResult
    return kind(
        product=PRODUCT,
        context=PRODUCT,
        from_instance="testing",
        to_instance="prod",
        artifact_id=letter,
        promotion_record_id="promotion-of-the-host",
        deployment_record_id="deployment-of-the-host",
        inventory_record_id=f"{PRODUCT}-prod",
        promotion_status="pass",
    )


def soon(desk: Desk, instance: str) -> str | None:
    """What the inventory of a lane names, once whatever is under way there was recorded."""
    until = time.monotonic() + 10
    lane = TESTING.model_copy(update={"instance": instance})
    while desk.gate.ledger.has_open_run(lane) and time.monotonic() < until:
        time.sleep(0.05)
    found = desk.inventory(instance)
    return found and str(found.source_git_ref)


def test_callers_who_know_of_no_gate_are_answered_as_ever_and_the_inventories_are_true(desk: Desk) -> None:
    """S65: what would have been refused is done, and on record as that."""
    stranger = job(desk.host, subject="repo:stranger/fork:ref:refs/heads/main", repository="stranger/fork")
    for letter in "AB":
        call = desk.deployment(letter, returns=said(desk, "testing"), identity=stranger)
        result = desk.run(call).result
        assert result.deploy_finished_at == "2026-11-30T00:00:01Z" and result.deploy_status == "pass"
        assert soon(desk, "testing") == commit(letter)
        assert desk.inventory().deployment_record_id == result.deployment_record_id
    other = desk.promotion("A", returns=promoted(desk, "A"))  # which is not what testing runs
    result = desk.run(other).result
    assert (result.promotion_status, result.inventory_record_id) == ("pass", f"{PRODUCT}-prod")
    assert soon(desk, "prod") == commit("A")
    assert desk.inventory("prod").promotion_record_id == result.promotion_record_id
    decision = desk.gate.ledger.decision_entries(limit=10)
    assert any("inventory.source_current" in str(entry.body["decision"]["results"]) for entry in decision)


def test_what_the_executor_says_and_raises_is_what_its_caller_hears(desk: Desk) -> None:
    failed = desk.deployment("A", returns=said(desk, "testing", "fail"))
    assert desk.run(failed).result.deploy_status == "fail"

    def raises(*_: object) -> Any:
        raise click.ClickException("no such target")

    desk.platform.behaves = raises
    with pytest.raises(click.ClickException, match="no such target"):
        desk.run(desk.deployment("B"))


def test_a_repeat_is_answered_as_the_first_call_was(desk: Desk) -> None:
    call = desk.deployment("A", returns=said(desk, "testing"), idempotency_key="k")
    first = desk.run(call).result
    assert soon(desk, "testing") == commit("A")
    again = desk.run(desk.deployment("A", idempotency_key="k"))
    assert again.original_trace_id == call.trace_id and len(desk.platform.deploys) == 1
    assert (again.result.deployment_record_id, again.result.deploy_status) == (first.deployment_record_id, "pass")


def test_a_dry_run_and_a_report_are_refused_nobody(desk: Desk, host: Host) -> None:
    dry = desk.promotion("A", asked={"dry_run": True}, returns="as the host says")
    assert desk.run(dry).result == "as the host says"
    stranger = job(desk.host, subject="repo:stranger/fork:ref:refs/heads/main", repository="stranger/fork")
    assert desk.run(desk.report(host.promotion("A", record_id="promotion-told"), identity=stranger)).result


def test_what_is_not_proven_is_answered_and_repeated_as_its_executor_had_it(desk: Desk) -> None:
    desk.platform.reports[str(TESTING)] = commit("B")
    for number in range(2):
        answer = desk.run(desk.deployment("A", returns=said(desk, "testing"), idempotency_key="k"))
        assert (answer.result.deploy_status, bool(answer.original_trace_id)) == ("pass", number == 1)
        assert soon(desk, "testing") is None
    reused = desk.refused(desk.deployment("B", idempotency_key="k"))
    assert (reused.status, reused.code) == (409, "idempotency_key_reused")


def test_what_the_gate_cannot_run_is_the_hosts_alone(desk: Desk) -> None:
    assert desk.embedded.run(replace(desk.deployment("A"), route="launchplane ship execute")) is None
    desk.platform.behaves = lambda platform, approval: Outcome(status="fail", touched=False, detail="no target")
    assert desk.embedded.run(desk.deployment("A")) is None


@pytest.mark.parametrize("wrong", ["no artifact", "an artifact that is no digest"])
def test_a_report_that_the_gate_cannot_be_asked_is_the_hosts_alone(desk: Desk, host: Host, wrong: str) -> None:
    """The host takes it as ever."""
    artifact = None if wrong == "no artifact" else {"artifact_id": "no digest"}
    report = host.deployment("A", record_id="deployment-told", artifact_identity=artifact)
    assert desk.embedded.run(desk.report(report)) is None
