"""Thousands of broken questions: of each rule the engines and an independent oracle have to say the same.

2,000 questions by default, as many as LAUNCHPLANE_GATE_MUTATIONS says otherwise. A difference is the fault of a rule or
of the oracle; whichever is mended, the case gets a name in the rule's own Rego test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from launchplane_gate.model import Actor
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.config import Config
from tests.opa import needs_opa
from tests.policy import oracle
from tests.policy.differential import CONFIG, Comparison, Engine, bundle_in, compare, on_embedded, on_opa, roll_call
from tests.policy.mutations import GOLDEN, golden, questions

pytestmark = pytest.mark.thorough  # thousands of questions to three who answer

QUESTIONS = int(os.environ.get("LAUNCHPLANE_GATE_MUTATIONS", "2000"))
SEED = 418


def assert_agreed(seen: Comparison) -> None:
    assert seen.differences[:3] == []
    assert seen.asked == QUESTIONS
    assert QUESTIONS * 0.1 < seen.allowed < QUESTIONS * 0.7, "too little is refused, or too little allowed"
    for code in oracle.RULES:
        assert QUESTIONS * 0.01 < seen.met[code] < QUESTIONS * 0.99, f"{code} is hardly put to the test"


def test_every_rule_says_on_the_embedded_engine_what_the_oracle_says(tmp_path: Path) -> None:
    assert_agreed(compare(QUESTIONS, SEED, {"embedded": on_embedded(bundle_in(tmp_path))}))


@needs_opa
def test_every_rule_says_on_opa_what_the_oracle_says(tmp_path: Path) -> None:
    assert_agreed(compare(QUESTIONS, SEED, {"opa": on_opa(bundle_in(tmp_path))}))


# -- that it would be seen


WEAKER = {
    "rules/lane/settled": ("input.source.run.settled == true", "input.source.run.settled"),
    "rules/lane/not_held": ("is_null(input.destination.hold)", "true"),
    "rules/inventory/source_current": ("releases.named_by(input.source.inventory, input.release)", "true"),
    "rules/inventory/source_soaked": ("input.source.run.settled == true", "true"),
    "rules/release/commit_full": ("releases.is_commit(input.release.source_git_ref)", "input.release.source_git_ref"),
    "rules/confirm/outcome_passed": ("input.outcome.touched == true", "true"),
    "rules/confirm/stayed_up": ("finished <= since", "true"),
    "rules/inventory/source_running": ("times.past(steady, now, _settle_s)", "now >= steady"),
    "rules/lane/provable": ("count(lanes.health_urls(input.product, input.destination.lane)) >= 1", "true"),
    "rules/release/told_apart": ("entry.source_git_ref != release.source_git_ref", "true"),
    "rules/release/version_free": ("entry.source_git_ref != commit", "true"),
    "rules/actor/permitted": ("action == named", "named"),
    "rules/lane/driver_matches": ("is_null(input.driver.addressed)", "true"),
    "rules/waiver/two_people": ("input.waiver.requester != input.waiver.approver", "true"),
}


def test_rules_that_ask_for_less_are_seen(tmp_path: Path) -> None:
    bundle = bundle_in(tmp_path)
    for name, (line, instead) in WEAKER.items():
        rule = bundle / "gate" / f"{name}.rego"
        assert line in rule.read_text()
        rule.write_text(rule.read_text().replace(line, instead, 1))  # what is satisfied stands before what is said
    seen = compare(3000, SEED, {"embedded": on_embedded(bundle)})
    assert seen.apart.keys() == {name.removeprefix("rules/").replace("/", ".") for name in WEAKER}


@pytest.mark.parametrize("engine", [on_embedded, pytest.param(on_opa, marks=needs_opa)])
def test_a_rule_that_ends_in_an_error_is_seen(tmp_path: Path, engine: Callable[[Path], Engine]) -> None:
    bundle = bundle_in(tmp_path)
    rule = bundle / "gate/rules/lane/settled.rego"
    rule.write_text(rule.read_text().replace("satisfied if {", "satisfied if {\n\tto_number(input.nonce) > 0"))
    seen = compare(4, SEED, {"engine": engine(bundle)})
    assert seen.apart.keys() == {"an error"}


# -- what the comparison stands on


def test_the_oracle_knows_every_shipped_rule(bundle: Bundle) -> None:
    assert oracle.RULES.keys() == bundle.metadata.keys()


def test_the_oracle_allows_what_is_good() -> None:
    for name in GOLDEN:
        assert roll_call(golden(name)) <= oracle.satisfied(golden(name), CONFIG)


def test_the_configuration_is_one_that_the_gate_would_load() -> None:
    Config.model_validate_json(json.dumps(CONFIG))


def test_whom_a_rule_permits_the_core_does_not_take_for_a_stranger() -> None:
    settings = Config.model_validate_json(json.dumps(CONFIG))
    asked = [one for one in questions(QUESTIONS, SEED) if "actor.permitted" in oracle.satisfied(one, CONFIG)]
    for one in asked:
        actor = {"subject": one["actor"]["subject"], "verified_by": one["actor"]["verified_by"]}
        assert settings.names(Actor.model_validate(actor)), actor
    assert len(asked) > QUESTIONS * 0.1
    assert not settings.names(Actor(subject="repo:cbusillos/shop:ref:refs/heads/main", verified_by="github-oidc"))


def test_the_questions_of_a_seed_are_the_same_each_time() -> None:
    asked = list(questions(500, 1))
    assert asked == list(questions(500, 1))
    assert asked != list(questions(500, 2))
