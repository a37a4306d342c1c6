"""Small faults in rules: each is noticed by a test, explained, or told with its line and an input that tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate.authoring.mutate.mutants import Mutant, mutants_of
from launchplane_gate.authoring.mutate.run import Mutation, Result, mutate
from launchplane_gate.authoring.schema import shipped_schema
from launchplane_gate.cli import program
from launchplane_gate.errors import PolicyError
from launchplane_gate.policy import start_within
from launchplane_gate.policy.bundle.files import read_folder
from launchplane_gate.policy.bundle.syntax import Source, parse
from launchplane_gate.settings import EmbeddedSettings
from tests.fakes import bundles

CODE = "reason.plain"
BODY = """satisfied if {
	is_array(input.source.deployments)
	every one in input.source.deployments { one.status == "pass" }
	input.request.reason != ""
}

message := "It says no." if not satisfied
"""
GOOD = '{"request": {"reason": "why"}, "source": {"deployments": [{"status": "pass"}]}}'
TEST = f"""package gate_test.rules.{CODE}

import data.gate.rules.{CODE}

_good := {GOOD}

_with(part, value) := json.patch(_good, [{{"op": "replace", "path": part, "value": value}}])

test_it if plain.satisfied with input as _good
"""
THOROUGH = """
test_none_failed if {
	every status in ["fail", "other"] {
		not plain.satisfied with input as _with("source/deployments/0/status", status)
	}
	not plain.satisfied with input as _with("source/deployments", [{"status": "pass"}, {"status": "fail"}])
}

test_deployments_are_a_list if not plain.satisfied with input as _with("source/deployments", {})

test_a_reason_is_one if not plain.satisfied with input as _with("request/reason", "")
"""
OF_THE_ROLL_CALL = f"""package gate_test.asked

import data.config

test_it_is_asked if "{CODE}" in config.roll_call.base.promote.admit
"""

CASE = f"""case: A promotion without a reason
base: promotion
facts:
  request.reason: ""
  source.deployments[2].status: pass
expect: refused
rules:
  {CODE}: not satisfied
"""

FACTS = shipped_schema("authoring")
Mutate = Callable[..., Mutation]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def run(base: Path, tmp_path: Path) -> Mutate:
    """Mutate a folder of one rule and its test."""

    def mutated(
        body: str = BODY, test: str = TEST + THOROUGH, *, optional: bool = False, only: Sequence[str] = (), **more: str
    ) -> Mutation:
        folders = [read_folder(base), read_folder(mine(tmp_path / "mine", body, test, optional=optional, **more))]
        return mutate(folders, folders[1:], only, facts=FACTS, progress=lambda done, total: None, engines=1)

    return mutated


def mine(folder: Path, body: str, test: str, *, optional: bool = False, **more: str) -> Path:
    path = bundles.path_of(CODE)
    texts = {path: bundles.rule(CODE, body), path.replace(".rego", "_test.rego"): test}
    texts |= {f"gate/{name}_test.rego": text for name, text in more.items()}
    roll_call: dict[str, Any] = {"base": {"promote": {"admit": [CODE]}}}
    return bundles.write(folder, texts, {"roll_call": roll_call | ({"optional": [CODE]} if optional else {})})


def changes(results: Sequence[Result]) -> list[tuple[str, ...]]:
    return [result.mutant.change for result in results]


def of_body(body: str) -> list[Mutant]:
    module = parse(Source(bundles.path_of(CODE), "plain.rego", bundles.rule(CODE, body)))
    return mutants_of(module, {f"gate.rules.{CODE}.{name}" for name in module.own - {"message"}})


CHANGES = {
    "input.a == 1": ["dropped: true", "turned: input.a != 1", "changed: input.a == 2"],
    "1 <= input.a": ["dropped: true", "changed: 2 <= input.a", "turned: 1 < input.a"],
    "input.a > -1": ["dropped: true", "turned: input.a >= -1", "changed: input.a > 0"],
    "input.a < 1.5": ["dropped: true", "turned: input.a <= 1.5", "changed: input.a < 1.51"],
    'input.a != ""': ["dropped: true", 'turned: input.a == ""', 'changed: input.a != "!"'],
    '"a" == input.a # b': ["dropped: true # b", 'changed: "a!" == input.a # b', 'turned: "a" != input.a # b'],
    'input["a"].b == true': ["dropped: true", 'turned: input["a"].b != true', 'changed: input["a"].b == false'],
    'input.a in {"ü"}': ["dropped: true", 'changed: input.a in {"ü!"}'],
    'startswith(input.a, "}")': ["dropped: true", 'changed: startswith(input.a, "}!")'],
    "input.a == {}": ["dropped: true", "turned: input.a != {}"],
    "x := input.a; x == 1": [
        "dropped: x := input.a; true",
        "turned: x := input.a; x != 1",
        "changed: x := input.a; x == 2",
    ],
    "regex.match(`^a$`, input.a)": [
        "dropped: true",
        "changed: regex.match(`a$`, input.a)",
        "changed: regex.match(`^a`, input.a)",
    ],
}


@pytest.mark.parametrize("statement", CHANGES)
def test_a_condition_is_dropped_a_comparison_turned_and_a_constant_changed(statement: str) -> None:
    mutants = of_body(f'satisfied if {{\n\t{statement}\n}}\n\nmessage := sprintf("%v", [1]) if not satisfied\n')
    assert [f"{one.kind}: {one.change[-1].removeprefix('+ ')}" for one in mutants] == CHANGES[statement]
    assert {mutant.line for mutant in mutants} == {8}


def test_every_becomes_some_and_stays_rego() -> None:
    bodies = ["{\n\tevery x in input.a { x.b == 1; x.c }\n}", "every i, x in input.a {\n\tx.b == i\n\tx.c\n}"]
    for body in bodies:
        [mutant] = [one for one in of_body(f'satisfied if {body}\n\nmessage := ""\n') if one.kind == "some"]
        assert any(line.startswith("+") and "some" in line for line in mutant.change)
        assert parse(mutant.mutated).rules[0].bodies[0]["query"]["stmts"][1:]


def test_what_a_message_alone_says_is_left_as_it_is() -> None:
    assert of_body('satisfied if input.a\n\nmessage := "A" if not satisfied\n')[0].kind == "dropped"
    assert len(of_body('satisfied if input.a\n\nmessage := "A" if not satisfied\n')) == 1


def test_where_the_tests_ask_it_all_no_test_is_missing(run: Mutate) -> None:
    mutation = run()
    assert (mutation.unexplained, mutation.findings) == ((), ())
    assert mutation.fates["killed"] == len(mutation.results) - mutation.fates["not viable"] > 4
    assert "unasked" in {result.mutant.kind for result in mutation.results if result.fate == "not viable"}


def test_what_no_test_notices_is_told_with_an_input_that_would(run: Mutate) -> None:
    mutation = run(test=TEST + THOROUGH.rpartition("test_a_reason")[0])
    empty = next(one for one in mutation.unexplained if one.mutant.change == ('- input.request.reason != ""', "+ true"))
    told = empty.told
    assert told and told.asked and (told.code, told.before) == (CODE, False)
    assert told.asked.policy_input["request"] == {}
    assert (empty.mutant.line, empty.mutant.source.path) == (10, bundles.path_of(CODE))
    assert str(told.asked) == f"gate_test.rules.{CODE}._good, where request.reason is missing"


def test_the_same_mutants_come_in_the_same_order(base: Path, tmp_path: Path) -> None:
    folders = [read_folder(base), read_folder(mine(tmp_path / "mine", BODY, TEST + THOROUGH))]
    one, two = (
        mutate(folders, folders[1:], facts=FACTS, progress=lambda *_: None, engines=engines) for engines in (1, 3)
    )
    assert one == two


EXPLAINED = BODY.replace("input.request", "is_object(input.request)\n\tinput.request")


def test_what_cannot_be_told_is_explained_on_its_line_or_above_it(run: Mutate) -> None:
    [left] = run(EXPLAINED).unexplained
    assert left.mutant.change == ("- is_object(input.request)", "+ true")
    assert left.told and left.told.asked is None and left.told.tried > 100
    said = "# equivalent if dropped: nothing else has a reason"
    for explained in (f"is_object(input.request) {said}", f"{said}\n\tis_object(input.request)"):
        mutation = run(EXPLAINED.replace("is_object(input.request)", explained))
        assert (mutation.unexplained, mutation.findings) == ((), ())
        assert [one.reason for one in mutation.results if one.fate == "survived"] == ["nothing else has a reason"]


def test_an_explanation_that_is_not_true_explains_nothing(run: Mutate) -> None:
    said = BODY.replace('reason != ""', 'reason != "" # equivalent if dropped: it is always there')
    test = TEST + THOROUGH.rpartition("test_a_reason")[0] + "\n_blank := " + GOOD.replace('"why"', '""') + "\n"
    kinds = {one.mutant.kind: one for one in run(said, test).unexplained}
    assert not kinds["dropped"].explained and kinds["dropped"].reason == "it is always there"
    [finding] = run(said).findings
    assert finding.line == 10 and "nothing dropped there goes unnoticed" in finding.message


def test_a_comment_that_is_nearly_an_explanation_is_told(run: Mutate) -> None:
    for comment in ("# equivalent: so it is", "# equivalent if gone: so it is", "# equivalent if dropped:"):
        [finding] = run(BODY.replace('!= ""', f'!= "" {comment}')).findings
        assert "explains nothing" in finding.message and "# equivalent if dropped: REASON" in finding.remedy


def test_what_the_gate_would_not_load_is_counted_apart(run: Mutate) -> None:
    body = BODY.replace(
        'input.request.reason != ""', 'is_string(input.request.reason)\n\tcount(split(input.request.reason, "")) > 0'
    )
    fates = {result.mutant.change[0]: result.fate for result in run(body).results if result.mutant.kind == "dropped"}
    assert fates["- is_string(input.request.reason)"] == "not viable"


@pytest.mark.thorough  # some mutants take a second each until they are stopped
def test_a_mutant_that_never_ends_is_stopped_and_counts_as_noticed(run: Mutate) -> None:
    start_within(EmbeddedSettings(timeout_s=1))
    try:
        body = bundles.ENDLESS.lstrip().replace(
            "letters :=", 'count(split(input.request.reason, "")) <= 3\n\tletters :='
        )
        test = (
            TEST + '\ntest_long if not plain.satisfied with input as _with("request/reason", sprintf("%0500d", [1]))\n'
        )
        mutation = run(body, test)
    finally:
        start_within(EmbeddedSettings())
    stopped = [one.mutant for one in mutation.results if one.fate == "stopped"]
    assert {mutant.change[0] for mutant in stopped} == {'- count(split(input.request.reason, "")) <= 3'}
    assert "dropped" in {mutant.kind for mutant in stopped}


def test_a_rule_off_the_roll_call_is_noticed_by_a_test_that_reads_it(run: Mutate) -> None:
    [left] = run(optional=True).unexplained
    assert (left.mutant.kind, left.mutant.of, left.mutant.source.path) == ("unasked", CODE, "config/data.json")
    assert run(optional=True, asked=OF_THE_ROLL_CALL).unexplained == ()


def test_only_what_is_named_is_changed(run: Mutate) -> None:
    assert {one.mutant.kind for one in run(only=["data.json"]).results} == {"unasked"}
    with pytest.raises(PolicyError, match="nothing to change has one of these in its name: no_such_rule"):
        run(only=["no_such_rule"])


def test_where_no_rule_is_there_is_nothing_to_notice(base: Path, tmp_path: Path) -> None:
    folders = [read_folder(base), read_folder(bundles.write(tmp_path / "mine", {}, {"products": {"shop": {}}}))]
    mutation = mutate(folders, folders[1:], facts=FACTS, progress=lambda *_: None)
    assert (mutation.results, mutation.findings) == ((), ())


def test_policies_whose_tests_fail_already_are_not_changed(run: Mutate) -> None:
    with pytest.raises(PolicyError, match="test_wrong does not hold"):
        run(test=TEST + "\ntest_wrong if 1 == 2\n")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder without settings."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.thorough  # it loads the shipped policies, twice
def test_the_command_shows_the_line_the_change_and_the_input_in_80_columns(nowhere: Path) -> None:
    folder = mine(nowhere / "mine", BODY, TEST + THOROUGH.rpartition("test_a_reason")[0])
    said = CliRunner().invoke(
        program, ["policy", "mutate", "mine", "--only", CODE, "--output", "json=all.json", "--output", "github=all.txt"]
    )
    assert said.exit_code == 1, said.output
    lines = said.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    at = lines.index(f"x mine/{bundles.path_of(CODE)}:10: {CODE}.satisfied")
    assert lines[at + 1 : at + 3] == ['    - input.request.reason != ""', "    + true"]
    assert "where request.reason is missing: it refuses, the mutant is satisfied." in re.sub(r"\s+", " ", said.stdout)
    document = json.loads((nowhere / "all.json").read_text())
    assert document["unexplained"] == len(document["findings"]) > 0
    assert sum(document[fate] for fate in ("killed", "stopped", "not_viable", "survived")) == document["mutants"]
    told = [result["told_by"] for result in document["results"] if result["fate"] == "survived" and result["told_by"]]
    assert any(one["input"]["request"] == {} for one in told)
    annotated = (nowhere / "all.txt").read_text()
    assert f"file=mine/{bundles.path_of(CODE)},line=10" in annotated and "request.reason is missing" in annotated
    (folder / "cases").mkdir()
    (folder / "cases" / "unreasoned.yaml").write_text(CASE)  # a case notices what no test does
    good = CliRunner().invoke(program, ["policy", "mutate", "mine"])
    assert good.exit_code == 0 and good.stdout.endswith("missing.\n"), good.output
