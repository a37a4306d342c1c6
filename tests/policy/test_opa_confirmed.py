"""What an OPA server allows, the embedded engine confirms where a path ends; where they differ, nobody has decided."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate import strictjson
from launchplane_gate.cli import program
from launchplane_gate.demo import workspace
from launchplane_gate.errors import EngineError, EnginesDiffer, SettingsError
from launchplane_gate.model import Actor, Decision, Waiver
from launchplane_gate.policy import (
    Bundle,
    EmbeddedEngine,
    PolicyEngine,
    decide,
    load_bundle,
    open_engine,
    prove_engine,
    shipped_policies,
)
from launchplane_gate.policy.bundle.config import ProductPolicy
from launchplane_gate.policy.bundle.packing import packed
from launchplane_gate.policy.decision import ANSWER, Heard, Said
from launchplane_gate.policy.engines.confirmed import ConfirmedEngine, where_a_path_ends
from launchplane_gate.policy.engines.opa.engine import OpaEngine
from launchplane_gate.policy.proof import questions
from launchplane_gate.runs import read_run
from launchplane_gate.settings import load_settings
from tests import opa
from tests.conftest import ACTOR, A, MakeGate, deploy
from tests.fakes import bundles
from tests.fakes.opa_stub import DECISION, Between, OpaStub
from tests.fakes.platform import FakePlatform

pytestmark = pytest.mark.thorough  # servers of OPA by the dozen

PRODUCT = questions.PRODUCT
STALE = questions.changed(questions.PROMOTION, {"source.inventory.artifact_identity.artifact_id": "another"})
NOW = datetime(2030, 1, 7, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped rules, and the product that the good questions are about."""
    made = load_bundle([bundles.without_tests(tmp_path_factory.mktemp("rules"))])
    known = {PRODUCT: ProductPolicy.model_validate_json(strictjson.dumps(questions.PRODUCT_POLICY))}
    return dataclasses.replace(
        made,
        config={**made.config, "products": {PRODUCT: questions.PRODUCT_POLICY}},
        settings=made.settings.model_copy(update={"products": known}),
    )


@pytest.fixture(scope="module")
def embedded(shipped: Bundle) -> EmbeddedEngine:
    return EmbeddedEngine(shipped)


@pytest.fixture
def between(shipped: Bundle) -> Iterator[Between]:
    """A server that was examined through somebody who turns what it decides."""
    with OpaStub(shipped) as stub, Between(stub.base) as between:
        yield between


def url(server: Between) -> str:
    return server.url("")


def decided(
    engine: PolicyEngine,
    bundle: Bundle,
    asked: Mapping[str, Any] = questions.PROMOTION,
    waivers: tuple[Waiver, ...] = (),
) -> Decision:
    return decide(engine, bundle, asked, waivers=waivers, now=NOW, decision_id="d-1")


class Says:
    """An engine that says what it is told to, or raises it."""

    def __init__(self, bundle: Bundle, name: str, said: Mapping[str, Said] | Exception) -> None:
        self.name, self.revision, self.said = name, bundle.revision, said

    def hear(self, roll_call: Any, policy_input: Any) -> Heard:
        if isinstance(self.said, Exception):
            raise self.said
        return Heard(self.name, self.said)

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        return self.said


# -- somebody who turns decisions


def test_whoever_turns_decisions_alone_passes_every_examination_and_allows_nothing(
    between: Between, shipped: Bundle
) -> None:
    """Seen: everything but the decisions came from a real OPA, and a stale promotion was allowed."""
    alone = open_engine(shipped, opa.patient(url(between), confirm="none"))
    assert decided(alone, shipped, STALE).allowed  # what `confirm` is there for
    with pytest.raises(EnginesDiffer) as error:
        decided(open_engine(shipped, opa.patient(url(between))), shipped, STALE)
    assert error.value.exit_code == 3 and isinstance(error.value, EngineError)
    assert error.value.rules["inventory.source_current"] == ("satisfied", "not satisfied")
    assert error.value.rules.keys() == between.turned
    said = re.escape("the engines differ: opa 1.22.2 says satisfied, embedded regorus 0.13.0 says not satisfied, of ")
    assert re.match(rf"{said}[a-z_., ]*\binventory\.source_current\b", str(error.value))
    assert error.value.hint.startswith("Nothing was deployed.")


@opa.needs_opa
def test_whoever_turns_the_decisions_of_a_real_opa_allows_nothing(shipped: Bundle, tmp_path: Path) -> None:
    (file := tmp_path / "gate.tar.gz").write_bytes(packed(shipped))
    with opa.serving(file) as client, Between(str(client.base_url)) as between:
        assert decided(open_engine(shipped, opa.patient(url(between), confirm="none")), shipped, STALE).allowed
        with pytest.raises(EnginesDiffer, match="source_current"):
            decided(open_engine(shipped, opa.patient(url(between))), shipped, STALE)
        honest = open_engine(shipped, opa.patient(str(client.base_url).rstrip("/")))
        assert not decided(honest, shipped, STALE).allowed
        decision = decided(honest, shipped)
        assert decision.allowed and ", confirmed by embedded regorus" in decision.engine


def test_a_refusal_that_one_engine_alone_has_is_an_alarm_too(shipped: Bundle, embedded: EmbeddedEngine) -> None:
    said = dict(ConfirmedEngine(embedded, embedded).hear(roll_call(shipped), questions.PROMOTION).said)
    said["lane.settled"] = Said(satisfied=False, message="no")
    for engines in ((Says(shipped, "x", said), embedded), (embedded, Says(shipped, "x", said))):
        with pytest.raises(EnginesDiffer, match=r"lane\.settled") as error:
            decided(ConfirmedEngine(*engines), shipped)
        assert error.value.rules.keys() == {"lane.settled"}


def test_what_one_engine_could_not_evaluate_is_told(shipped: Bundle, embedded: EmbeddedEngine) -> None:
    said = dict(ConfirmedEngine(embedded, embedded).hear(roll_call(shipped), questions.PROMOTION).said)
    said["lane.settled"] = Said(satisfied=False, message="could not be evaluated: odd", evaluated=False)
    with pytest.raises(EnginesDiffer) as error:
        decided(ConfirmedEngine(Says(shipped, "x", said), embedded), shipped)
    assert error.value.rules == {"lane.settled": ("that it cannot be evaluated", "satisfied")}


@pytest.mark.parametrize("evaluated", [(True, False), (False, True), (False, False), (True, True)])
def test_no_waiver_overrules_what_one_engine_could_not_evaluate(
    shipped: Bundle, embedded: EmbeddedEngine, evaluated: tuple[bool, bool]
) -> None:
    code = "inventory.source_fresh"
    good = ConfirmedEngine(embedded, embedded).hear(roll_call(shipped), questions.PROMOTION).said
    first, second = (
        Says(shipped, name, {**good, code: Said(satisfied=False, message=name, evaluated=known)})
        for name, known in zip(("one", "other"), evaluated, strict=True)
    )
    decision = decided(ConfirmedEngine(first, second), shipped, waivers=(waiver_of(code),))
    assert decision.allowed == all(evaluated)


def waiver_of(code: str) -> Waiver:
    return Waiver.model_validate(
        {
            "waiver_id": "w-1",
            "code": code,
            "lane": questions.PROMOTION["destination"]["lane"],
            "release": questions.PROMOTION["release"],
            "reason": "known",
            "requested_by": {"subject": "me"},
            "requested_at": NOW - timedelta(minutes=1),
            "expires_at": NOW + timedelta(minutes=1),
            "approval": {"by": Actor(subject="somebody", verified_by="host"), "how": "identity", "at": NOW},
        }
    )


def roll_call(bundle: Bundle) -> tuple[str, ...]:
    return bundle.roll_call("promote", "admit", questions.PROMOTION["driver"]["driver_id"], PRODUCT)


@pytest.mark.parametrize("first", [True, False])
def test_an_engine_that_has_no_answer_leaves_it_undecided(
    shipped: Bundle, embedded: EmbeddedEngine, first: bool
) -> None:
    away = Says(shipped, "x", EngineError("it is away"))
    engine = ConfirmedEngine(away, embedded) if first else ConfirmedEngine(embedded, away)
    with pytest.raises(EngineError, match="it is away"):
        decided(engine, shipped)


def test_engines_of_two_bundles_confirm_nothing(shipped: Bundle, embedded: EmbeddedEngine) -> None:
    other = Says(dataclasses.replace(shipped, revision="another"), "x", {})
    with pytest.raises(EngineError, match="have not the same policies"):
        ConfirmedEngine(embedded, other)


def test_a_value_is_one_that_both_have(shipped: Bundle, embedded: EmbeddedEngine) -> None:
    assert ConfirmedEngine(embedded, embedded).ask(ANSWER, questions.PROMOTION)["nonce"]
    one, other = Says(shipped, "x", {}), Says(shipped, "y", {"": Said(satisfied=False, message="")})
    with pytest.raises(EnginesDiffer):
        ConfirmedEngine(one, other).ask(ANSWER, {})


# -- which questions


def of(action: str, instance: str, product: str = PRODUCT) -> dict[str, Any]:
    lane = {"context": PRODUCT, "instance": instance}
    return {"action": action, "request": {"product": product}, "destination": {"lane": lane}}


@pytest.mark.parametrize(
    ("asked", "needed"),
    [
        (of("promote", "prod"), True),
        (of("promote", "testing"), True),
        (of("promote", "unknown"), True),
        (of("deploy", "testing"), False),
        (of("deploy", "prod"), True),
        (of("waive", "prod"), True),
        (of("approve", "prod"), True),
        (of("publish", "prod"), True),
        (of("adopt", "testing"), False),
        (of("deploy", "testing", product="unknown"), True),
    ],
)
def test_what_is_confirmed_is_a_promotion_or_of_a_lane_at_which_a_path_ends(
    shipped: Bundle, asked: dict[str, Any], needed: bool
) -> None:
    assert where_a_path_ends(shipped)(asked) == needed


@pytest.mark.parametrize(
    ("confirm", "promotion", "deployment"), [(None, True, False), ("embedded", True, True), ("none", False, False)]
)
def test_the_settings_say_what_is_confirmed_and_a_decision_says_whether_it_was(
    shipped: Bundle, confirm: Any, promotion: bool, deployment: bool
) -> None:
    with OpaStub(shipped) as stub:
        engine = open_engine(shipped, opa.patient(stub.base, confirm=confirm))
        for asked, confirmed in ((questions.PROMOTION, promotion), (questions.DEPLOY, deployment)):
            decision = decided(engine, shipped, asked)
            assert decision.allowed
            assert decision.engine.startswith("opa 1.22.2")
            assert (", confirmed by embedded regorus " in decision.engine) == confirmed
            assert decision.policy_revision == shipped.revision
        name = prove_engine(shipped, opa.patient(stub.base, confirm=confirm)).name
        assert name.startswith(f"opa 1.22.2 at {stub.base}")
        assert name.endswith("where a path ends") == (confirm is None)
        assert ("confirmed by embedded regorus" in name) == promotion


def test_confirming_is_turned_off_and_on_in_the_settings(tmp_path: Path) -> None:
    text = 'schema_version = 1\nengine = "opa"\n\n[opa]\nurl = "https://127.0.0.1:8181"\n'
    (path := tmp_path / "launchplane-gate.toml").write_text(text)
    assert (found := load_settings(path).opa) and found.confirm is None
    for confirm in ("embedded", "none"):
        path.write_text(f'{text}confirm = "{confirm}"\n')
        assert (found := load_settings(path).opa) and found.confirm == confirm
    for wrong in ('"opa"', '""', "false"):
        path.write_text(f"{text}confirm = {wrong}\n")
        with pytest.raises(SettingsError, match=r"opa\.confirm input should be 'embedded' or 'none'"):
            load_settings(path)


# -- on record


def test_a_difference_leaves_a_run_undecided_and_on_record_and_nothing_deployed(
    make_gate: MakeGate, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> None:
    with OpaStub(bundle) as stub, Between(stub.base) as between:
        platform.behaves = None
        gate = make_gate(engine=ConfirmedEngine(OpaEngine(bundle, opa.patient(url(between))), engine))
        with pytest.raises(EnginesDiffer, match=r"lane\.not_bypassed") as error:
            gate.run(deploy(A, to="prod"), ACTOR)
        [run_id] = gate.ledger.runs()
        run = read_run(gate.ledger, run_id)
        assert run.status == "undecided" and run.detail == str(error.value)
        assert platform.deploys == []
        assert ("POST", DECISION) in stub.asked


def test_a_command_says_which_rules_the_engines_differ_on_and_ends_with_three(tmp_path: Path) -> None:
    """Somebody whom no entry names asks to ship to prod, and whoever stands in between says yes."""
    workspace.write_workspace(tmp_path, releases={}, ports=(1, 2), actor="unverified:somebody@else")
    path = tmp_path / "launchplane-gate.toml"
    folders = load_settings(path).policy_folders
    with OpaStub(load_bundle([shipped_policies(), *folders])) as stub, Between(stub.base) as between:
        text = path.read_text().replace('engine = "embedded"', 'engine = "opa"', 1)
        path.write_text(f'{text}\n[opa]\nurl = "{url(between)}"\n')
        asked = ("deploy", workspace.PRODUCT, "--to", "prod", "--artifact", A.artifact_id, "--ref", A.source_git_ref)
        said = CliRunner().invoke(program, ["--config", str(path), *asked])
        assert said.exit_code == 3
        assert "the engines differ: opa 1.22.2 says satisfied, embedded regorus" in " ".join(said.stderr.split())
        assert "actor.permitted" in said.stderr and "Nothing was deployed." in said.stderr
