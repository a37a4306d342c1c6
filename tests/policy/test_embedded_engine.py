"""The embedded engine proves itself and its bundle before it answers, and is never trusted after an error."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import EngineError, PolicyError
from launchplane_gate.policy import Bundle, EmbeddedEngine, PolicyEngine, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.config import SETTLE_MAX_S
from launchplane_gate.policy.bundle.floor import FLOOR_CODES
from launchplane_gate.policy.decision import ANSWER, ask_rules
from launchplane_gate.policy.engines.embedded.interpreter import LONGEST_ERROR, Interpreter
from launchplane_gate.policy.engines.embedded.vectors import Vector, answer, vectors
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined
from launchplane_gate.policy.proof import questions
from launchplane_gate.policy.proof.must_refuse import (
    GOOD,
    asked_of_every_bundle,
    check_must_refuse,
    interpreter_of_questions,
    roll_call_of,
)
from tests.fakes import bundles
from tests.places import ROOT

ODD = "package gate.odd\n\nanswer := count(input.x)\n\nmade := [input.x, {input.x, 1}]\n"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rules, with one quick test in place of theirs."""
    return bundles.without_tests(tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="module")
def shipped(rules: Path) -> Bundle:
    return load_bundle([rules])


@pytest.fixture
def interpreter() -> Interpreter:
    return Interpreter([("odd.rego", ODD)], {})


def doctored(folder: Path, code: str, body: str) -> Bundle:
    """The shipped rules with another body for one of them."""
    files = {bundles.path_of(code): bundles.rule(code, body)}
    return load_bundle([bundles.write(bundles.without_tests(folder), files)])


# -- the engine


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: f"{vector.rego} on {vector.policy_input}")
def test_the_engine_answers_as_opa_does(vector: Vector) -> None:
    assert answer(vector) == vector.right


@pytest.mark.parametrize("kind", ["value", "undefined", "error"])
def test_a_wrong_answer_would_be_noticed(kind: str) -> None:
    vector = next(vector for vector in vectors() if vector.kind == kind)
    others = {answer(vector._replace(rego=f"answer := {value}")) for value in ("1", "input.none", "1 / 0")}
    assert len(others - {vector.right}) >= 2


def test_the_engine_is_one_of_its_kind(shipped: Bundle) -> None:
    engine: PolicyEngine = EmbeddedEngine(shipped)
    assert engine.name == "embedded regorus 0.13.0"
    assert engine.revision == shipped.revision
    assert engine.ask(ANSWER, questions.PROMOTION)["nonce"] == "must-refuse"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"gordon_to_regorus-0.12.0.dist-info/METADATA": "Name: gordon-to-regorus\nVersion: 0.12.0\n"}, "as 0.12.0"),
        ({"celine_regorus-0.9.1.dist-info/METADATA": "Name: celine-regorus\nVersion: 0.9.1\n"}, "celine-regorus is"),
        ({"regorus/__init__.py": "class Engine: pass\n"}, "not from gordon-to-regorus"),
    ],
)
def test_another_regorus_is_refused_by_its_distribution(tmp_path: Path, files: dict[str, str], said: str) -> None:
    bundles.write(tmp_path, files)
    code = "from launchplane_gate.policy.engines.embedded.interpreter import check_distribution; check_distribution()"
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "EngineError" in process.stderr.splitlines()[-1]
    assert said in process.stderr


# -- asking


def test_a_value_is_told_from_none(interpreter: Interpreter) -> None:
    assert interpreter.ask("data.gate.odd.answer", {"x": [1]}) == 1
    with pytest.raises(Undefined):
        interpreter.ask("data.gate.odd.answer", {})
    with pytest.raises(Undefined):
        interpreter.ask("data.gate.unknown", {})


def test_an_error_is_told_by_its_line_and_cut(interpreter: Interpreter) -> None:
    with pytest.raises(EvaluationFailed) as failed:
        interpreter.ask("data.gate.odd.answer", {"x": 5})
    assert "count" in str(failed.value)
    assert "odd.rego:3" in str(failed.value)
    assert "backtrace" not in str(failed.value).lower()
    assert len(str(failed.value)) <= LONGEST_ERROR + 50


def test_after_an_error_no_earlier_input_counts(interpreter: Interpreter) -> None:
    path = "data.gate.odd.answer"
    assert interpreter.value(path, '{"x": [1]}') == 1
    assert interpreter.value(path, None) == 1  # what an engine would go on with
    with pytest.raises(EvaluationFailed):
        interpreter.value(path, "not json")
    with pytest.raises(Undefined):
        interpreter.value(path, None)


@pytest.mark.parametrize("path", ["", "data", "input.x", "1 == 1", "data.gate.odd.answer == 1", "data.gate.odd; true"])
def test_only_paths_are_asked_for(interpreter: Interpreter, path: str) -> None:
    with pytest.raises(EngineError):
        interpreter.ask(path, {})


@pytest.mark.parametrize("value", [float("inf"), 2**53, "\ud800", b"bytes"])
def test_an_input_out_of_bounds_is_not_asked(interpreter: Interpreter, value: Any) -> None:
    with pytest.raises(EngineError, match="policy input"):
        interpreter.ask("data.gate.odd.made", {"x": value})


def test_an_answer_out_of_bounds_is_none() -> None:
    large = Interpreter([("large.rego", "package gate.large\n\nanswer := 9007199254740991 + 1\n")], {})
    with pytest.raises(EngineError, match="2\\^53"):
        large.ask("data.gate.large.answer", {})


def test_threads_do_not_mix_up_their_questions(interpreter: Interpreter) -> None:
    barrier = threading.Barrier(8)

    def ask(number: int) -> bool:
        barrier.wait(timeout=10)
        asked = {"x": [number] * number}
        for _ in range(200):
            if number % 2 and interpreter.ask("data.gate.odd.answer", asked) != number:
                return False
            if not number % 2:
                with pytest.raises(EvaluationFailed):
                    interpreter.ask("data.gate.odd.answer", {"x": number})
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))


# -- the bundle


def test_a_bundle_that_fails_its_own_tests_is_refused_and_each_test_named(tmp_path: Path, rules: Path) -> None:
    path = "gate/more_test.rego"
    tests = ["test_it if true", "test_no if 1 == 2", "test_odd if count(5) == 1", "todo_test_later if false"]
    text = "\n\n".join(["package gate_test.more", *tests])
    folder = bundles.write(tmp_path, {path: text})
    with pytest.raises(PolicyError) as refused:
        EmbeddedEngine(load_bundle([rules, folder]))
    first, second = str(refused.value).splitlines()
    assert first.startswith(f"{folder}/{path}:5: test_no does not hold. See what it saw: launchplane-gate policy test")
    assert second.startswith(f"{folder}/{path}:7: ") and "test_odd" in second and "does not hold" in second


def test_a_test_that_is_not_true_fails(tmp_path: Path, rules: Path) -> None:
    text = "package gate_test.more\n\ntest_five := 5\n\ntest_false := false\n"
    with pytest.raises(PolicyError, match=r"test_five(.|\n)*test_false"):
        EmbeddedEngine(load_bundle([rules, bundles.write(tmp_path, {"gate/more_test.rego": text})]))


@pytest.mark.parametrize("code", sorted(FLOOR_CODES))
def test_a_rule_of_the_floor_that_lets_everything_through_is_refused(tmp_path: Path, code: str) -> None:
    with pytest.raises(PolicyError) as refused:
        EmbeddedEngine(doctored(tmp_path, code, "satisfied if input.nonce\n\nmessage := ``\n"))
    assert f"{bundles.path_of(code)}:1: {code} lets through what has to be refused" in str(refused.value)


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("inventory.source_current", "input.source.inventory.source_git_ref == input.release.source_git_ref"),
        ("inventory.source_current", "input.release == input.request.expected"),
        ("inventory.source_latest", "every d in input.source.deployments { d.status == `pass` }"),
        (
            "release.commit_full",
            "is_string(input.release.source_git_ref)\n\tregex.match(`^[0-9a-f]+$`, input.release.source_git_ref)",
        ),
        (
            "release.artifact_pinned",
            "is_string(input.release.artifact_id)\n\tregex.match(`@sha256:[0-9a-f]{64}$`, input.release.artifact_id)",
        ),
        (
            "release.source_revision",
            "is_object(input.release)\n\tevery s in input.evidence.health.source { s.revision in input.release }",
        ),
        ("actor.permitted", "input.actor.subject == `deployer`"),
        (
            "actor.permitted",  # whatever is asked for
            "input.product.product == input.request.product\n\tinput.actor.subject == `deployer`\n\t"
            "input.actor.verified_by == `github-oidc`\n\tinput.destination.lane.instance != `elsewhere`",
        ),
        ("waiver.two_people", "input.waiver.requester != input.waiver.approver"),
        ("waiver.two_people", "input.actor.verified_by == `github-oidc`\n\tinput.waiver.approver != ``"),
        ("lane.settled", "input.destination.run.open == false"),
        ("release.as_expected", "input.request.expected.source_git_ref == input.release.source_git_ref"),
        (
            "release.ran_here",
            "is_array(input.destination.history)\n\tsome e in input.destination.history\n\t"
            "e.artifact_id == input.release.artifact_id",
        ),
        ("lane.driver_matches", "input.driver.driver_id == input.product.driver_id"),
        (
            "lane.driver_matches",
            "input.driver.driver_id == input.product.driver_id\n\tinput.driver.driver_id != null\n\t"
            "is_string(object.get(input, [`driver`, `addressed`], ``))",
        ),
        ("lane.not_held", "object.get(input, [`destination`, `hold`, `reason`], ``) == ``"),
        ("confirm.outcome_passed", "input.outcome.status != `fail`"),
        ("confirm.artifact_matches", "input.destination.observed.artifact_id == input.release.artifact_id"),
        (
            "confirm.artifact_matches",
            "is_array(input.destination.observed.containers)\n\tsome c in input.destination.observed.containers\n\t"
            "c.artifact_id == input.release.artifact_id",
        ),
        ("confirm.stayed_up", "input.outcome.good_since >= input.outcome.finished_at"),
        ("release.told_apart", "input.destination.observed.digests in {`shown`, `not_shown`}"),
        (
            "release.told_apart",
            "every r in input.destination.may_run { r.source_git_ref != input.release.source_git_ref }",
        ),
        ("lane.provable", "is_array(input.product.lanes)\n\tsome l in input.product.lanes\n\tl.health_url != ``"),
    ],
)
def test_a_rule_of_the_floor_with_a_hole_is_refused(tmp_path: Path, code: str, body: str) -> None:
    with pytest.raises(PolicyError, match=f"{code} lets through"):
        EmbeddedEngine(doctored(tmp_path, code, f"satisfied if {{\n\t{body}\n}}\n\nmessage := ``\n"))


@pytest.mark.parametrize("code", ["lane.settled", "lane.not_bypassed", "confirm.revision_live"])
def test_a_rule_of_the_floor_that_refuses_everything_proves_nothing_and_is_refused(tmp_path: Path, code: str) -> None:
    with pytest.raises(PolicyError, match=f"{code} refuses a good .*: never"):
        EmbeddedEngine(doctored(tmp_path, code, "satisfied if input.never\n\nmessage := `never`\n"))


def test_policies_that_cannot_decide_on_a_good_promotion_are_refused(tmp_path: Path, rules: Path) -> None:
    folder = bundles.further(tmp_path, ["lane.odd"])
    odd = "satisfied if count(input.now.year) > 0\n\nmessage := sprintf(`%v`, [count(5)])\n"
    with pytest.raises(PolicyError, match="cannot decide on a good promote"):
        EmbeddedEngine(bundles.unchecked(load_bundle([rules, folder]), "lane.odd", odd))


def test_the_must_refuse_questions_do_not_depend_on_the_products_of_a_bundle(shipped: Bundle) -> None:
    config = {**shipped.config, "products": {"p": questions.PRODUCT_POLICY}}
    check_must_refuse(dataclasses.replace(shipped, config=config))
    check_must_refuse(dataclasses.replace(shipped, config={**shipped.config, "products": {}}))


@pytest.mark.parametrize("good", GOOD, ids=lambda good: f"{good['action']}/{good['phase']}")
def test_the_shipped_policies_let_a_good_question_through(shipped: Bundle, good: dict[str, Any]) -> None:
    said = ask_rules(interpreter_of_questions(shipped).ask, roll_call_of(shipped, good), good)
    assert [code for code, answer in said.items() if not answer.satisfied] == []


def test_each_must_refuse_question_breaks_the_rules_that_it_names_and_no_other_of_the_floor(shipped: Bundle) -> None:
    ask = interpreter_of_questions(shipped).ask
    for question in asked_of_every_bundle():
        said = ask_rules(ask, roll_call_of(shipped, question.policy_input), question.policy_input)
        refused = {code for code in said if not said[code].satisfied}
        assert refused & (FLOOR_CODES | set(question.codes)) == set(question.codes), str(question)


def test_a_good_question_is_one_whatever_time_to_settle_is_asked_for(shipped: Bundle) -> None:
    for settle_s in (0, SETTLE_MAX_S):
        asked = {"thresholds": {**shipped.config["thresholds"], "settle_s": settle_s}, "drivers": {}}
        check_must_refuse(dataclasses.replace(shipped, config={**shipped.config, **asked}))


@pytest.mark.parametrize("code", ["inventory.source_running", "release.version_free"])
def test_a_rule_beside_the_floor_that_lets_everything_through_is_refused_too(tmp_path: Path, code: str) -> None:
    with pytest.raises(PolicyError, match=f"{code} lets through what has to be refused"):
        EmbeddedEngine(doctored(tmp_path, code, "satisfied if input.nonce\n\nmessage := ``\n"))


def test_the_shipped_bundle_passes_every_check() -> None:
    assert EmbeddedEngine(load_bundle([shipped_policies()])).revision


def test_without_its_engine_the_gate_says_so_and_decides_nothing() -> None:
    program = """
import sys
sys.modules["regorus"] = None  # as if it could not be imported
sys.argv = ["launchplane-gate", "policy", "check"]
from launchplane_gate.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "its module regorus cannot be imported" in done.stderr and "Install launchplane-gate again" in done.stderr
    assert "Traceback" not in done.stderr and "internal" not in done.stderr
