"""Coverage: which outcomes of a rule the tests have seen, and which lines; what they have not seen is located."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from launchplane_gate.authoring.coverage import Coverage, Share, coverage
from launchplane_gate.authoring.paths import facts_read
from launchplane_gate.cli import program
from launchplane_gate.policy import load_bundle
from launchplane_gate.policy.bundle.syntax import Source, parse
from tests.fakes import bundles

RULE = "gate/rules/lane/settled.rego"  # of the small bundle, which every action asks
TEST = "gate/more_test.rego"
BODY = """\
satisfied if {
	input.a.b == 1
	_late(input.a.c)
}

satisfied if input.way == "other"

_late(c) if {
	c > 1
	object.get(input, ["now"], 5) == 5
}

message := sprintf("It is %v.", [object.get(input, ["said"], "")]) if not satisfied
"""
HEADER = "package gate_test.more\n\nimport data.gate.rules.lane.settled\n\n"
GOOD = '{"a": {"b": 1, "c": 2}, "way": "none"}'

Cover = Callable[..., Coverage]


@pytest.fixture
def cover(tmp_path: Path) -> Cover:
    """What tests of these bodies see of the rule."""

    def covered(*bodies: str) -> Coverage:
        rule = bundles.rule("lane.settled", BODY)
        tests = "".join(f"test_{number} if {body}\n\n" for number, body in enumerate(bodies))
        folder = bundles.write(bundles.small(tmp_path), {RULE: rule, TEST: HEADER + tests})
        bundle = load_bundle([folder])
        return coverage(bundle, [test for test in bundle.tests if test.package == "gate_test.more"])

    return covered


def unseen(found: Coverage) -> list[str]:
    """Of the rule alone: its outcomes, short, and its lines."""
    ours = [one for one in found.unseen if one.file.endswith(RULE)]
    short = [one.what.removeprefix("lane.settled was never seen ").partition(",")[0] for one in ours]
    return [what if "never evaluated" not in what else str(one.line - 6) for one, what in zip(ours, short, strict=True)]


def asked(change: str = "") -> str:
    given = f'json.remove({GOOD}, ["{change}"])' if change else GOOD
    return f"{'not ' if change else ''}settled.satisfied with input as {given}"


def test_a_rule_that_nothing_asks_has_been_seen_in_nothing(cover: Cover) -> None:
    found = unseen(cover("true"))
    assert {"to be satisfied", "to refuse"} <= set(found)
    assert {"without input.a.b", "without input.a.c", "without input.way", "without input.now"} <= set(found)
    assert {"2", "3", "6", "9", "10"} <= set(found)


def test_each_outcome_is_seen_by_the_test_that_brings_it_about(cover: Cover) -> None:
    good = asked()
    assert "to be satisfied" not in unseen(cover(good)) and "to refuse" in unseen(cover(good))
    facts = {"without input.a.b", "without input.a.c", "without input.way"}
    assert facts & set(unseen(cover(good, asked("a/b")))) == facts - {"without input.a.b"}
    assert facts & set(unseen(cover(good, asked("a/b"), asked("a/c")))) == {"without input.way"}
    assert facts & set(unseen(cover(good, asked("a")))) == {"without input.way"}  # all that it holds is gone with it


def test_what_is_missing_beside_something_else_shows_nothing(cover: Cover) -> None:
    empty = "not settled.satisfied with input as {}"
    both = f'not settled.satisfied with input as json.remove({GOOD}, ["a/b", "a/c"])'
    found = unseen(cover(asked(), empty, both))
    assert {"without input.a.b", "without input.a.c", "without input.way"} <= set(found) and "to refuse" not in found


def test_a_fact_that_may_be_missing_is_seen_to_be_where_the_rule_holds(cover: Cover) -> None:
    found = unseen(cover(asked(), 'settled.satisfied with input as {"way": "other"}'))
    assert not {"without input.a.b", "without input.now"} & set(found)


def test_a_message_has_no_say_in_what_a_rule_reads(tmp_path: Path) -> None:
    source = Source(RULE, RULE, bundles.rule("lane.settled", BODY))
    assert facts_read(parse(source), "satisfied") == {
        ("a", "b"): 8,
        ("a", "c"): 9,
        ("way",): 12,
        ("now",): 16,
    }
    assert facts_read(parse(source), "message") == {("said",): 19, **facts_read(parse(source), "satisfied")}


def test_a_test_that_ends_in_an_error_hides_nothing_of_the_others(cover: Cover) -> None:
    error = 'count(input.x) == 1 with input as {"x": 5}'
    alone = unseen(cover(asked()))
    assert unseen(cover(error, asked())) == unseen(cover(asked(), error)) == alone


def test_percents_are_whole_and_rounded_down() -> None:
    assert [Share(seen, 3).percent for seen in range(4)] == [0, 33, 66, 100]
    assert Share(999, 1000).percent == 99 and Share(0, 0).percent == 100


def test_the_command_fails_below_what_is_wanted_and_says_what_is_not_covered(tmp_path: Path) -> None:
    test = bundles.a_test("request.odd")
    rule = bundles.rule("request.odd", 'satisfied if input.request.reason == "x"\n\nmessage := "No."\n')
    call = {"roll_call": {"base": {"promote": {"admit": ["request.odd"]}}}}
    path = bundles.path_of("request.odd")
    folder = bundles.write(tmp_path / "mine", {path: rule, path.replace(".rego", "_test.rego"): test}, call)

    def policy_test(*options: str) -> tuple[int, str]:
        only = ["--only", "request.odd", "--only", "*.two_people.*", "--output", f"json={tmp_path}/told.json"]
        said = CliRunner().invoke(program, ["policy", "test", *only, *options, str(folder)], env={"PATH": ""})
        return said.exit_code, said.output

    code, told = policy_test("--coverage")
    assert code == 0, told
    assert f"{folder / path}:7: request.odd was never seen to " in told
    document = json.loads((tmp_path / "told.json").read_text())["coverage"]
    assert document["at_least"] is None and 0 < document["percent"] < 90
    code, told = policy_test("--coverage-at-least", "90", "--output", "github")
    assert code == 1 and "mine/gate/rules/request/odd.rego,line=7,title=request.odd was never seen" in told
    assert policy_test("--coverage-at-least", str(document["percent"]))[0] == 0
    assert policy_test()[0] == 0 and "coverage" not in json.loads((tmp_path / "told.json").read_text())
    code, _ = policy_test("--coverage-at-least", "90.5")
    assert code == 2
