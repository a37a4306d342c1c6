"""The gate as the host calls it: each call decided, done by the line, and answered in the host's shapes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from launchplane_gate.errors import EngineError
from launchplane_gate.policy import PolicyEngine
from tests.conftest import PROD, TESTING
from tests.fakes.platform import FakePlatform
from tests.plugins.launchplane.conftest import MakeDesk
from tests.plugins.launchplane.desk import WORKFLOW, Denied, Desk, human, job
from tests.plugins.launchplane.hosts import PRODUCT, Host, artifact, commit

KEY = "generic-web-prod-promotion:sellyouroutboard:testing:prod"


def test_a_deploy_is_answered_as_its_executor_answers_and_the_inventory_is_true(desk: Desk) -> None:
    """S1, and S53: the record names the decision that let it go."""
    result = desk.deploy("A")
    kind = desk.host.module("workflows.generic_web_deploy").GenericWebDeployResult
    assert isinstance(result, kind) and result.deploy_status == "pass" and result.error_message == ""
    assert (result.product, result.context, result.instance) == (PRODUCT, PRODUCT, "testing")
    assert (result.target_id, result.target_type, result.target_name) == ("app", "application", "app")
    record = desk.store.read_deployment_record(result.deployment_record_id)
    assert (record.deploy.started_at, record.deploy.finished_at) == (
        result.deploy_started_at,
        result.deploy_finished_at,
    )
    inventory = desk.inventory()
    assert (inventory.artifact_identity.artifact_id, inventory.source_git_ref) == (artifact("A"), commit("A"))
    assert (inventory.deployment_record_id, inventory.promotion_record_id) == (result.deployment_record_id, "")
    assert inventory.deploy == record.deploy
    decision = desk.embedded.read("gate_decision.read", {"decision_id": record.runtime_source["gate_decision_id"]})
    assert (decision.context, decision.payload["decision"]["allowed"]) == (PRODUCT, True)  # type: ignore[index]


def test_a_promotion_is_answered_as_its_executor_answers(desk: Desk) -> None:
    desk.deploy("A")
    result = desk.promote("A")
    assert isinstance(result, desk.host.module("workflows.generic_web_promotion").GenericWebProdPromotionResult)
    told = (result.promotion_status, result.deployment_status, result.source_health_status)
    assert (*told, result.destination_health_status, result.backup_status) == (
        "pass",
        "pass",
        "pass",
        "pass",
        "skipped",
    )
    assert (result.from_instance, result.to_instance, result.dry_run) == ("testing", "prod", False)
    inventory = desk.inventory("prod")
    assert result.inventory_record_id == f"{PRODUCT}-prod"
    assert inventory.promotion_record_id == result.promotion_record_id
    assert inventory.deployment_record_id == result.deployment_record_id
    assert desk.store.read_promotion_record(result.promotion_record_id).deploy.status == "pass"


@pytest.mark.parametrize("status", ["fail", "unknown"])
def test_a_deploy_that_did_not_pass_is_202_with_fail_and_leaves_the_inventory_alone(desk: Desk, status: Any) -> None:
    """S2: byte for byte as it was. The text names the decision, and the way back."""
    desk.deploy("A")
    before = desk.inventory()
    desk.platform.behaves = lambda platform, approval: platform.change(approval, status=status, detail="it broke")
    result = desk.deploy("B")
    assert (result.deploy_status, desk.inventory()) == ("fail", before)
    record = desk.store.read_deployment_record(result.deployment_record_id)
    assert record.deploy.status == ("fail" if status == "fail" else "pending")
    assert record.runtime_source["gate_decision_id"] in result.error_message
    assert "it broke" in result.error_message and "launchplane-gate deploy" in result.error_message


def test_what_fails_before_anything_was_changed_says_so(desk: Desk) -> None:
    desk.deploy("A")

    def breaks(*_: object) -> Any:
        raise RuntimeError("no target definition")

    desk.platform.behaves = breaks
    result = desk.deploy("B")
    assert result.deploy_status == "fail" and "no target definition" in result.error_message
    assert "Nothing was changed" in result.error_message and desk.deploy is not None
    desk.platform.behaves = None
    assert desk.promote("A").promotion_status == "pass"  # the lane is as it was


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"source_git_ref": commit("B")}, "release.told_apart"),
        ({"artifact_id": "ghcr.io/cbusillo/sellyouroutboard:latest"}, "release.artifact_pinned"),
        ({"artifact_id": f"ghcr.io/stranger/outboard@sha256:{'a' * 64}"}, "release.artifact_pinned"),
        ({"source_git_ref": "main"}, "release.commit_full"),
    ],
)
def test_what_no_release_could_be_is_refused(desk: Desk, asked: dict[str, str], code: str) -> None:
    """S5; and S4 as far as the two are known not to belong together: a commit that another artifact has here."""
    desk.deploy("B")
    desk.platform.digests = "not_shown"
    denied = desk.refused(desk.deployment("A", asked=asked))
    assert (denied.status, denied.code) == (409, "policy_denied") and code in denied.message


def test_a_direct_deploy_to_prod_is_refused_with_what_to_do_instead(desk: Desk) -> None:
    desk.deploy("A")
    denied = desk.refused(desk.deployment("A", "prod"))
    assert (denied.status, denied.code) == (409, "policy_denied")
    assert "lane.not_bypassed" in denied.message and "decision d-" in denied.message
    assert desk.inventory("prod") is None


# -- the source of a promotion


def test_another_artifact_or_commit_than_testing_runs_is_refused(desk: Desk) -> None:
    """S10, S11 and S54: the rule, what it saw and what it would take reach the caller. S52: it is on record."""
    desk.deploy("A")
    for call in (desk.promotion("F"), desk.promotion("A", asked={"source_git_ref": commit("B")})):
        denied = desk.refused(call)
        assert (denied.status, denied.code) == (409, "policy_denied")
        assert "inventory.source_current" in denied.message and commit("A") in denied.message
        entry = desk.gate.ledger.decision_entries(limit=1)[0]
        kept = entry.body["decision"]
        assert kept["decision_id"] in denied.message and kept["trace"] == call.trace_id
        assert kept["actor"]["subject"].startswith("cbusillo/sellyouroutboard|") and kept["destination"] == {
            "context": PRODUCT,
            "instance": "prod",
        }
    assert desk.inventory("prod") is None
    assert not desk.store.list_promotion_records(context_name=PRODUCT)
    assert not desk.store.list_deployment_records(context_name=PRODUCT, instance_name="prod")


def test_without_a_testing_inventory_nothing_is_promoted(desk: Desk) -> None:
    """S12"""
    denied = desk.refused(desk.promotion("A"))
    assert "inventory.source_present" in denied.message


def test_what_came_after_the_inventory_of_testing_is_not_promoted_past(desk: Desk, host: Host) -> None:
    """S13: a newer deployment whose inventory was lost."""
    desk.deploy("A")
    desk.store.write_deployment_record(
        host.deployment("B", record_id="deployment-lost", deploy=host.deploy("testing") | {"started_at": ""})
    )
    for letter in ("A", "B"):
        assert "lane.settled" in desk.refused(desk.promotion(letter)).message


@pytest.mark.parametrize("status", ["fail", "unknown"])
def test_a_failed_or_pending_deploy_of_testing_is_not_promoted_past(desk: Desk, status: Any) -> None:
    """S14"""
    desk.deploy("A")
    desk.platform.behaves = lambda platform, approval: platform.change(approval, status=status)
    desk.deploy("B")
    desk.platform.behaves = None
    assert "lane.settled" in desk.refused(desk.promotion("A")).message


def test_testing_has_to_report_its_revision_when_it_is_promoted(desk: Desk) -> None:
    """S15 and S16: no record of a promotion, nothing under the key, and the same key runs once testing answers."""
    desk.deploy("A")
    desk.platform.reports[str(TESTING)] = None
    call = desk.promotion("A", idempotency_key=KEY)
    assert "release.source_revision" in desk.refused(call).message
    assert not desk.store.list_promotion_records(context_name=PRODUCT)
    desk.platform.reports.clear()
    answer = desk.run(call)
    assert (answer.result.promotion_status, answer.original_trace_id) == ("pass", "")


def test_a_dry_run_is_decided_and_does_nothing_else(desk: Desk) -> None:
    """S17: also for a person at the host's own pages; the host makes its answer itself."""
    desk.deploy("A")
    count = len(desk.gate.ledger.decision_entries(limit=50))
    wanted = desk.promotion("A", asked={"dry_run": True}, idempotency_key=KEY, returns="as the host says")
    assert desk.run(wanted).result == "as the host says" and len(desk.executed) == 2
    assert desk.refused(desk.promotion("B", asked={"dry_run": True})).code == "policy_denied"
    person = desk.promotion("A", asked={"dry_run": True}, identity=human(desk.host), returns="too")
    assert desk.run(person).result == "too"
    assert (
        "actor.permitted"
        in desk.refused(desk.promotion("A", asked={"dry_run": True}, identity=human(desk.host, "mallory"))).message
    )
    assert len(desk.gate.ledger.decision_entries(limit=50)) == count
    assert desk.inventory("prod") is None and len(desk.platform.deploys) == 1
    assert desk.run(desk.promotion("A", idempotency_key=KEY)).original_trace_id == ""  # the key is not spent


# -- keys


def test_a_repeat_is_a_replay_while_it_is_true_and_stale_afterwards(desk: Desk) -> None:
    """S20 and S19"""
    desk.deploy("A")
    call = desk.promotion("A", idempotency_key=KEY)
    first = desk.run(call)
    again = desk.run(desk.promotion("A", idempotency_key=KEY))
    assert (again.result, again.original_trace_id) == (first.result, call.trace_id)
    assert len(desk.platform.deploys) == 2
    desk.deploy("B")
    assert desk.promote("B", idempotency_key="another").promotion_status == "pass"
    desk.deploy("C")
    stale = desk.refused(desk.promotion("A", idempotency_key=KEY))
    assert (stale.status, stale.code) == (409, "stale_idempotent_replay")
    assert desk.inventory("prod").source_git_ref == commit("B")


def test_the_same_key_with_another_request_is_told(desk: Desk) -> None:
    desk.deploy("A", idempotency_key="k")
    for other in (
        desk.deployment("B", idempotency_key="k"),
        desk.deployment("A", idempotency_key="k", asked={"no_cache": True}),
        desk.deployment("A", idempotency_key="k", asked={"timeout_seconds": 9}),
    ):
        reused = desk.refused(other)
        assert (reused.status, reused.code) == (409, "idempotency_key_reused")


def test_two_in_flight_under_one_key_deploy_once_and_are_answered_alike(desk: Desk) -> None:
    """S21: the second waits for the first, and is answered what came of it."""
    begun, go_on = threading.Event(), threading.Event()

    def slowly(platform: FakePlatform, approval: Any) -> Any:
        begun.set()
        go_on.wait(10)
        return platform.change(approval)

    desk.platform.behaves = slowly
    desk.gate.lane_wait_s = 10
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(desk.run(desk.deployment("A", idempotency_key="k"))))
    thread.start()
    assert begun.wait(10)
    threading.Timer(0.3, go_on.set).start()
    second = desk.run(desk.deployment("A", idempotency_key="k"))
    thread.join()
    assert second.result == first[0].result and second.original_trace_id
    assert len(desk.platform.deploys) == 1


def test_where_the_wait_ends_first_it_is_told_to_be_in_progress(desk: Desk) -> None:
    """S21; and another request meanwhile finds the lane busy."""
    told: list[Any] = []

    def meanwhile(platform: FakePlatform, approval: Any) -> Any:
        told.extend(desk.refused(desk.deployment("A", idempotency_key="k")) for _ in range(1))
        told.append(desk.refused(desk.deployment("B")))
        return platform.change(approval)

    desk.platform.behaves = meanwhile
    assert desk.deploy("A", idempotency_key="k").deploy_status == "pass"
    assert [(one.status, one.code) for one in told] == [(409, "in_progress"), (409, "lane_busy")]


def test_what_failed_is_not_remembered_under_its_key(desk: Desk) -> None:
    """S21b"""
    desk.platform.behaves = lambda platform, approval: platform.change(approval, status="fail")
    call = desk.deployment("A", idempotency_key="k")
    assert desk.run(call).result.deploy_status == "fail"
    desk.platform.behaves = None
    again = desk.run(call)
    assert (again.result.deploy_status, again.original_trace_id) == ("pass", "")


@pytest.mark.parametrize("key", ["with a space", "k" * 600, "schlüssel"])
def test_a_key_of_any_form_is_a_key(desk: Desk, key: str) -> None:
    desk.deploy("A", idempotency_key=key)
    assert desk.run(desk.deployment("A", idempotency_key=key)).original_trace_id
    assert desk.refused(desk.deployment("B", idempotency_key=key)).code == "idempotency_key_reused"


def test_a_promotion_of_what_prod_runs_already_is_answered_with_the_records_that_stand(desk: Desk) -> None:
    desk.deploy("A")
    first = desk.promote("A")
    again = desk.promote("A")
    assert again == first and len(desk.platform.deploys) == 2
    assert desk.promote("A", asked={"no_cache": True}).promotion_record_id != first.promotion_record_id
    assert len(desk.platform.deploys) == 3


# -- what is not proven


def test_a_promotion_that_is_not_confirmed_leaves_a_record_that_says_so(desk: Desk) -> None:
    """S64"""
    desk.deploy("A")
    desk.promote("A")
    before = desk.inventory("prod")
    desk.deploy("B")
    desk.platform.reports[str(PROD)] = commit("A")  # the old container still answers
    result = desk.promote("B")
    assert (result.promotion_status, result.inventory_record_id, desk.inventory("prod")) == ("fail", "", before)
    promotion = desk.store.read_promotion_record(result.promotion_record_id)
    assert promotion.deploy.status == "fail"
    assert "confirm.revision_live" in result.error_message and "`launchplane-gate promote" in result.error_message
    assert f"decision {desk.gate.ledger.decision_entries(limit=1)[0].body['decision']['decision_id']}" in (
        result.error_message
    )
    desk.platform.reports.clear()
    assert desk.promote("B").promotion_status == "pass"


def test_a_promotion_whose_inventory_cannot_be_written_leaves_none_that_says_pass(desk: Desk) -> None:
    """S64"""
    desk.deploy("A")

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    desk.platform.recording = full
    result = desk.promote("A")
    assert (result.promotion_status, desk.inventory("prod")) == ("fail", None)
    statuses = [one.deploy.status for one in desk.store.list_promotion_records(context_name=PRODUCT)]
    assert statuses and "pass" not in statuses
    assert "No space left" in result.error_message


def test_what_ends_after_redeem_and_cannot_be_kept_is_told_as_failed(desk: Desk) -> None:
    """Nothing raises past the host's handlers, which would say that nothing was done."""

    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception("the disk is gone"))

    def gone(platform: FakePlatform, approval: Any) -> Any:
        outcome = platform.change(approval)
        event.listen(desk.gate.ledger.database.engine, "before_cursor_execute", away)
        return outcome

    desk.platform.behaves = gone
    result = desk.deploy("A")
    event.remove(desk.gate.ledger.database.engine, "before_cursor_execute", away)
    assert (result.deploy_status, result.deployment_record_id) == ("fail", "")
    assert "the ledger could not be told" in result.error_message and "unsettled" in result.error_message


# -- no decision


class Away:
    """An engine that cannot be reached."""

    def __init__(self, engine: PolicyEngine) -> None:
        self.name, self.revision = engine.name, engine.revision

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        raise EngineError("it went away")


def test_an_engine_that_is_away_refuses_with_503(make_desk: MakeDesk, desk_engine: PolicyEngine) -> None:
    """S34"""
    desk = make_desk(engine=Away(desk_engine))
    for call in (desk.deployment("A"), desk.promotion("A", asked={"dry_run": True})):
        denied = desk.refused(call)
        assert (denied.status, denied.code) == (503, "policy_unavailable") and "it went away" in denied.message
    assert desk.platform.deploys == [] and desk.executed == []


def test_a_gate_beside_other_records_lets_nothing_through(desk: Desk, host: Host, tmp_path: Path) -> None:
    """The host may be started with another folder or database than the settings of the gate name."""
    for elsewhere in (host.file_store(tmp_path / "elsewhere"), host.sql_store("sqlite+pysqlite://")):
        denied = desk.refused(desk.deployment("A", record_store=elsewhere))
        assert (denied.status, denied.code) == (503, "policy_unavailable") and "plugins.launchplane" in denied.message
    assert desk.deploy("A", record_store=host.file_store(desk.root)).deploy_status == "pass"


def test_a_fault_of_the_gate_is_no_fault_of_the_caller(desk: Desk) -> None:
    """The host would answer 400 to a ValueError, 404 to a FileNotFoundError, 401 to a PermissionError."""
    for kind in (ValueError, FileNotFoundError, PermissionError):

        def raising(*_: object, kind: type[Exception] = kind) -> Any:
            raise kind("a secret")

        desk.acting.act_of = raising  # type: ignore[assignment]  # an edge that breaks
        denied = desk.refused(desk.deployment("A"))
        assert (denied.status, denied.code) == (503, "policy_unavailable")
        assert "a secret" not in denied.message and kind.__name__ in denied.message


# -- who is governed, and who asks


def test_a_product_of_another_driver_does_not_get_in_by_the_route_of_generic_web(desk: Desk, host: Host) -> None:
    """S36"""
    desk.store.write_product_profile_record(host.profile(driver_id="verireel"))
    denied = desk.refused(desk.deployment("A", "prod"))
    assert denied.code == "policy_denied" and "lane.driver_matches" in denied.message


def test_a_product_without_a_record_is_refused_unless_the_settings_leave_it_alone(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """S61"""
    call = desk.deployment("A", product="nobody")
    denied = desk.refused(call)
    assert (denied.status, denied.code) == (409, "not_governed") and "not_governed" in denied.message
    assert desk.embed(desk.gate, ["nobody"]).run(call) is None
    assert "goes past the gate" in caplog.text and desk.acting.asked == []


def test_a_product_of_a_driver_that_is_not_governed_yet_is_refused_unless_it_is_left_alone(
    desk: Desk, host: Host
) -> None:
    """S61: and a lane, a context, a product or a driver can be."""
    desk.store.write_product_profile_record(host.profile(driver_id="odoo"))
    assert desk.refused(desk.deployment("A")).code == "policy_denied"
    for name in ("odoo", PRODUCT, f"{PRODUCT}/testing"):
        assert desk.embed(desk.gate, [name]).run(desk.deployment("A")) is None
    with pytest.raises(Denied):
        desk.embed(desk.gate, ["generic-web", f"{PRODUCT}/prod"]).run(desk.deployment("A"))
    assert desk.acting.asked == []


def test_whoever_claims_another_product_is_asked_about_the_lane_that_they_name(desk: Desk, host: Host) -> None:
    """The routes of VeriReel take any lane, and a product without a record."""
    kind = host.module("workflows.verireel_stable_deploy").VeriReelStableDeployRequest
    release = {"artifact_id": artifact("A"), "source_git_ref": commit("A")}
    request = kind(context=PRODUCT, instance="prod", **release)
    call = desk.call("/v1/drivers/verireel/prod-deploy", request, product="verireel")
    assert "lane.driver_matches" in desk.refused(call).message
    with pytest.raises(Denied, match="driver_matches"):
        desk.embed(desk.gate, ["verireel"]).run(call)


def test_a_profile_that_cannot_be_read_is_not_taken_for_no_governed_one(desk: Desk, host: Host) -> None:
    file = next((desk.root / "launchplane_product_profiles").glob("*.json"))
    file.write_text("{")
    for call in (desk.deployment("A"), desk.report(host.deployment("A"))):
        denied = desk.refused(call)
        assert (denied.status, denied.code) == (503, "policy_unavailable")
    assert desk.inventory() is None


@pytest.mark.parametrize(
    "route", ["/v1/drivers/verireel/prod-rollback", "/v1/drivers/odoo/prod-rollback", "/v1/drivers/new/thing"]
)
def test_what_is_not_governed_yet_is_refused_by_name(desk: Desk, host: Host, route: str) -> None:
    kind = host.module("workflows.verireel_stable_deploy").VeriReelStableDeployRequest
    request = kind(context=PRODUCT, instance="prod", artifact_id=artifact("A"), source_git_ref=commit("A"))
    denied = desk.refused(desk.call(route, request))
    assert (denied.status, denied.code) == (409, "policy_denied") and route in denied.message


def test_commands_that_would_go_past_the_gate_are_refused(desk: Desk, host: Host) -> None:
    """S38"""
    record = host.deployment("A")
    for command in ("launchplane ship execute", "launchplane inventory write-from-deployment"):
        denied = desk.refused(desk.call(command, record, product=""))
        assert command in denied.message and "launchplane-gate" in denied.message
    assert desk.refused(desk.call("launchplane storage import-core-records", None, product="")).status == 409
    elsewhere = host.deployment("A", context="opw", instance="prod")
    assert desk.embedded.run(desk.call("launchplane inventory write-from-deployment", elsewhere, product="")) is None
    assert desk.refused(desk.call("launchplane ship execute", elsewhere, product="")).code == "not_governed"


def test_a_job_asks_as_the_host_verified_it(desk: Desk) -> None:
    desk.deploy("A")
    actor = desk.gate.ledger.decision_entries(limit=1)[0].body["decision"]["actor"]
    assert (
        actor["subject"] == f"cbusillo/sellyouroutboard|{WORKFLOW}|repo:cbusillo/sellyouroutboard:ref:refs/heads/main"
    )
    assert (actor["verified_by"], actor["person"]) == ("launchplane", "alice")
    claims = actor["claims"]
    assert (claims["repository"], claims["ref"], claims["sha"], claims["run_id"]) == (
        "cbusillo/sellyouroutboard",
        "refs/heads/main",
        commit("A"),
        "25520881173",
    )


def test_who_is_not_named_by_the_policies_is_told_nothing_else(desk: Desk) -> None:
    stranger = job(desk.host, subject="repo:stranger/fork:ref:refs/heads/main", repository="stranger/fork")
    denied = desk.refused(desk.deployment("A", identity=stranger))
    assert denied.code == "policy_denied" and "actor.permitted" in denied.message
    assert desk.refused(desk.deployment("A", identity=object())).code == "policy_denied"


# -- what is read


def test_a_decision_and_a_lane_are_read_as_the_command_line_shows_them(desk: Desk) -> None:
    desk.deploy("A")
    lane = desk.embedded.read("gate_lane.read", {"context": PRODUCT, "instance": "testing"})
    view: Any = lane.payload["lane"]
    assert (lane.context, view["settled"], view["runs"]["source_git_ref"]) == (PRODUCT, True, commit("A"))
    denied = desk.refused(desk.promotion("B"))
    decision_id = denied.message.partition("decision ")[2].partition(".")[0]
    decision: Any = desk.embedded.read("gate_decision.read", {"decision_id": decision_id}).payload["decision"]
    assert (decision["decision_id"], decision["allowed"]) == (decision_id, False) and decision["input"]["actor"]
    for action, params in (
        ("gate_decision.read", {"decision_id": "d-NONE"}),
        ("gate_lane.read", {"context": "elsewhere", "instance": "prod"}),
    ):
        with pytest.raises(FileNotFoundError):
            desk.embedded.read(action, params)  # type: ignore[arg-type]


# -- VeriReel


@pytest.fixture
def verireel(desk: Desk, host: Host) -> Desk:
    desk.store.write_product_profile_record(host.profile(driver_id="verireel"))
    return desk


def test_verireels_deploy_and_promotion_are_answered_in_its_shapes(verireel: Desk) -> None:
    result = verireel.run(verireel.stable("A")).result
    assert isinstance(result, verireel.host.module("workflows.verireel_stable_deploy").VeriReelStableDeployResult)
    assert (result.deploy_status, result.rollout_status) == ("pass", "pass")
    assert result.rollout_base_url == "https://testing.example.org"
    assert result.rollout_health_urls == ("https://testing.example.org/api/health",)
    assert verireel.inventory().deployment_record_id == result.deployment_record_id
    verireel.run(verireel.verification(result.deployment_record_id))
    promoted = verireel.run(verireel.stable_promotion("A", "promotion-of-theirs")).result
    assert (promoted.promotion_record_id, promoted.deploy_status, promoted.rollout_status, promoted.health_status) == (
        "promotion-of-theirs",
        "pass",
        "pass",
        "pass",
    )
    assert verireel.inventory("prod").promotion_record_id == "promotion-of-theirs"


def test_an_id_that_another_promotion_has_is_refused(verireel: Desk) -> None:
    """S46: the record is not written over, and nothing is deployed."""
    for letter in "AB":
        deployed = verireel.run(verireel.stable(letter)).result.deployment_record_id
        verireel.run(verireel.verification(deployed))
        if letter == "A":
            verireel.run(verireel.stable_promotion("A", "promotion-of-theirs"))
    kept = verireel.store.read_promotion_record("promotion-of-theirs")
    denied = verireel.refused(verireel.stable_promotion("B", "promotion-of-theirs"))
    assert (denied.status, denied.code) == (409, "record_exists")
    assert verireel.store.read_promotion_record("promotion-of-theirs") == kept
    assert verireel.inventory("prod").source_git_ref == commit("A")


def test_verireels_promotion_ships_what_tests_passed_on(verireel: Desk) -> None:
    """S44: what its caller says of the source's health counts for nothing; the tests of that very deployment do."""
    deployed = verireel.run(verireel.stable("A")).result.deployment_record_id
    untested = verireel.refused(verireel.stable_promotion("A", "promotion-1"))
    assert "inventory.source_tested" in untested.message and "as nobody has told" in untested.message
    verireel.run(verireel.verification(deployed, asked={"owner_routes_status": "fail"}))
    assert "ended fail" in verireel.refused(verireel.stable_promotion("A", "promotion-1")).message
    verireel.run(verireel.verification(deployed))
    assert verireel.run(verireel.stable_promotion("A", "promotion-1")).result.deploy_status == "pass"
    verireel.run(verireel.stable("B"))
    assert "inventory.source_tested" in verireel.refused(verireel.stable_promotion("B", "promotion-2")).message


def test_verireels_direct_deploy_to_prod_and_a_tag_are_refused(verireel: Desk) -> None:
    """S37"""
    assert "lane.not_bypassed" in verireel.refused(verireel.stable("A", "prod")).message
    call = verireel.stable("A")
    call.request.artifact_id = "ghcr.io/cbusillo/sellyouroutboard:v1"
    assert "release.artifact_pinned" in verireel.refused(call).message
