"""The cause of a refusal is the first expression that does not hold, on either engine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.authoring.changes import MISSING, Change, at, changed, dotted
from launchplane_gate.authoring.explain.cause import Cause, Holds, cause_of
from launchplane_gate.authoring.explain.probes import Library, Modules, ask_embedded
from tests import opa
from tests.authoring.explain import broken
from tests.places import POLICIES

pytestmark = pytest.mark.thorough  # it breaks many inputs, on both engines

FRESH = "inventory.source_fresh"


def cause(code: str, *changes: Change, name: str = "promote_admit") -> Cause:
    return cause_of(Library(broken.bundle()), code, changed(broken.case(name), changes))


def stands(told: Cause) -> tuple[str, str]:
    """Where a cause stands, and what it says there."""
    path = Path(told.place.file).relative_to(POLICIES)
    return f"{path}:{told.place.line}", told.place.text


def line(path: str, text: str) -> str:
    lines = (POLICIES / path).read_text().splitlines()
    return f"{path}:{1 + next(index for index, one in enumerate(lines) if text in one)}"


def test_the_first_expression_is_named_with_its_line_and_the_fact_that_it_saw() -> None:
    told = cause("lane.settled", Change(("source", "run", "settled"), False))
    assert stands(told) == (
        line("gate/rules/lane/settled.rego", "input.source.run.settled == true"),
        "input.source.run.settled == true",
    )
    [saw] = told.saw
    assert (saw.fact, saw.value) == (("source", "run", "settled"), False)


def test_a_cause_in_a_helper_is_pointed_at_there_with_the_way_to_it() -> None:
    told = cause("inventory.source_current", Change(("source", "inventory", "source_git_ref"), broken.STALE))
    rule, lib = "gate/rules/inventory/source_current.rego", "gate/lib/releases.rego"
    assert stands(told)[0] == line(lib, "inventory.source_git_ref == release.source_git_ref")
    assert [(Path(place.file).name, place.line) for place in told.asked_at] == [
        ("source_current.rego", int(line(rule, "releases.named_by").rpartition(":")[2]))
    ]
    assert {dotted(fact) for fact in told.facts} == {"source.inventory.source_git_ref", "release.source_git_ref"}


def test_of_what_is_asked_of_each_entry_the_entry_is_named() -> None:
    told = cause("release.source_revision", Change(("evidence", "health", "source", 1, "revision"), broken.STALE))
    assert ("evidence", "health", "source", 1, "revision") in told.facts


def test_a_fact_that_is_missing_is_said_to_be() -> None:
    told = cause("release.source_revision", Change(("evidence", "health"), MISSING))
    assert [(saw.fact, saw.value) for saw in told.saw] == [(("evidence", "health", "source"), MISSING)]


def test_a_private_name_without_a_value_is_gone_into() -> None:
    told = cause(FRESH, Change(("source", "deployments", 0, "status"), "fail"))
    assert stands(told)[1] == 'deployment.status == "pass"'
    assert [saw.value for saw in told.saw] == ["fail"]


def test_of_several_bodies_the_one_that_came_furthest_tells() -> None:
    told = cause("lane.not_held", Change(("source", "hold"), broken.HOLD))
    assert stands(told)[1] == "is_null(input.source.hold)"


def test_a_rule_that_is_satisfied_has_no_cause() -> None:
    with pytest.raises(Holds):
        cause(FRESH)


@dataclass
class Recorded:
    """Asks the embedded engine, and keeps what was asked and answered."""

    kept: list[tuple[Modules, str, str, Any]] = field(default_factory=list)

    def __call__(self, modules: Modules, data: Mapping[str, Any], path: str, policy_input: str) -> Any:
        answer = ask_embedded(modules, data, path, policy_input)
        self.kept.append((modules, path, policy_input, answer))
        return answer


@pytest.fixture(scope="module")
def told() -> tuple[Recorded, list[tuple[str, dict[str, Any], Cause]]]:
    """Every cause of every refusal, found once, and what was asked for the first one of each rule."""
    asked = Recorded()
    causes: list[tuple[str, dict[str, Any], Cause]] = []
    for _, _, facts in broken.each():
        for code in broken.refused(facts):
            is_new = code not in {one for one, _, _ in causes}
            causes.append(
                (code, facts, cause_of(Library(broken.bundle(), asked if is_new else ask_embedded), code, facts))
            )
    return asked, causes


def test_every_refusal_has_a_cause_that_saw_what_stands_in_the_input(
    told: tuple[Recorded, list[tuple[str, dict[str, Any], Cause]]],
) -> None:
    _, causes = told
    for code, facts, found in causes:
        assert not found.error, (code, found)
        assert found.saw, (code, found)
        for saw in found.saw:
            if saw.fact and saw.text.endswith(f".{saw.fact[-1]}"):
                assert saw.value == at(facts, saw.fact), (code, saw)
    assert {dotted(change.path) for _, change, facts in broken.each() if not broken.refused(facts)} == set()
    assert len({code for code, _, _ in causes}) > 25


@opa.needs_opa
def test_opa_answers_each_question_about_a_cause_as_the_embedded_engine_does(
    tmp_path: Path, told: tuple[Recorded, list[tuple[str, dict[str, Any], Cause]]]
) -> None:
    """One process for all of them: each has its modules below a name of its own."""
    asked, _ = told
    answers = []
    for number, (modules, path, policy_input, _) in enumerate(asked.kept):
        for name, text in modules:
            file = tmp_path / f"q{number}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(re.sub(r"\b(package |data\.)gate\.", rf"\1q{number}.gate.", text))
        there = path.replace("data.gate.", f"data.q{number}.gate.")
        answers.append(f"answers[{number}] := told if told := {there} with input as {policy_input}")
    (tmp_path / "answers.rego").write_text("package told\n\n" + "\n\n".join(answers) + "\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "data.json").write_text(json.dumps(broken.bundle().config))
    said = opa.run("eval", "--format=raw", "--strict-builtin-errors", "--bundle", tmp_path, "data.told.answers")
    assert said.returncode == 0, said.stdout[:2000] + said.stderr[:2000]
    answered = json.loads(said.stdout)
    for number, (_, path, _, answer) in enumerate(asked.kept):
        assert answered[str(number)] == answer, path
    assert len(answered) == len(asked.kept) > 100
