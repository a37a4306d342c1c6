"""No file of a bundle can answer for the rule of another, end the process or hang it: the form is checked at load."""

from __future__ import annotations

from pathlib import Path

import pytest

from launchplane_gate.policy import BadForm, Finding, check_form, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.functions import FUNCTIONS, FUNCTIONS_OF_TESTS
from launchplane_gate.policy.bundle.syntax import DEEPEST, Source, parse
from launchplane_gate.policy.engines.embedded.interpreter import NotRego
from launchplane_gate.policy.engines.embedded.vectors import vectors
from tests.fakes import bundles

RULE = "gate/rules/lane/quiet.rego"
LIB = "gate/lib/texts.rego"
TEST = "gate/rules/lane/quiet_test.rego"
PACKAGES = {RULE: "gate.rules.lane.quiet", LIB: "gate.lib.texts", TEST: "gate_test.rules.lane.quiet"}
GOOD_RULE = "satisfied if input.quiet == true\n\nmessage := sprintf(`%v`, [input.quiet])\n"
GOOD_LIB = "text(value) if is_string(value)\n\n_secret(value) := value\n"


def source(path: str, body: str, package: str | None = None) -> Source:
    return Source(path, path, f"package {package or PACKAGES[path]}\n\n{body}")


def findings(*sources: Source) -> list[Finding]:
    return check_form([parse(source) for source in sources])


def in_rule(body: str) -> list[Finding]:
    """What is found where a rule also says something else; that begins on line 7."""
    return findings(source(LIB, GOOD_LIB), source(RULE, f"import data.gate.lib.texts\n\n{GOOD_RULE}\n{body}"))


@pytest.mark.parametrize(
    "body",
    [
        GOOD_RULE,
        "satisfied := true if input.a\n\nsatisfied if input.b\n\nmessage := `a` if {\n\tinput.a\n} else := `b`",
        GOOD_RULE + "_names contains name if some name in input.names",
        GOOD_RULE + "_own(x) := y if {\n\ty := x + data.config.thresholds.health_s\n}",
        "import rego.v1\nimport future.keywords.not\n\n" + GOOD_RULE,
        "import data.gate.lib.texts\n\n" + GOOD_RULE + "_known if texts.text(input.a)",
        GOOD_RULE + '_all if every key, value in input.o { key != "a"; value > -1 }',
        GOOD_RULE + "_made := {k: [v, {1, v}] | some k, v in input.o; [_, x] := v; not x in {1}}",
    ],
)
def test_what_a_rule_needs_is_let_through(body: str) -> None:
    assert findings(source(LIB, GOOD_LIB), source(RULE, body)) == []


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("default satisfied := true", "`default`"),
        ("default message := ``", "`default`"),
        ("satisfied := true", "`satisfied` is not stated with `if`"),
        ("satisfied contains 1 if input.a", "`satisfied` is not stated with `if`"),
        ("satisfied(x) if x", "`satisfied` is not stated with `if`"),
        ("satisfied := 1 if input.a", "true and nothing else"),
        ("satisfied := input.a if input.b", "true and nothing else"),
        ("satisfied if {\n\tinput.a\n} else := true", "`else`"),
        ("message contains `a`", "`message` is no single value"),
        ("satisfied[x] := true if x := 1", "a head with a reference"),
        ("rules.lane.held.satisfied := true", "a head with a reference"),
        ("allow := true", "not `allow`"),
        ("test_it if true", "not `test_it`"),
        ("_a if satisfied with input as {}", "`with`"),
        ("_a := count([1 | input.a with data.config as {}])", "`with`"),
        ("_a := data.gate.rules.lane.held", "`data.gate.rules.lane.held` may not be read"),
        ("_a := data", "`data` may not be read"),
        ("_a := data[input.a]", "may not be read"),
        ("_a := data.gate.lib.texts.text(1)", "`data.gate.lib.texts.text` is no function"),
        ("_a := texts._secret(1)", "`texts._secret` is no function"),
        ("_a := texts.unknown(1)", "`texts.unknown` is no function"),
        ("_a := texts", "`texts` is not called"),
        ("_a := texts[input.a]", "is not called"),
        ("_a := unknown(1)", "`unknown` is no function"),
        ("_a := texts.text(1, 2)", "takes 1 arguments, not 2"),
        ("_a := startswith(`a`)", "takes 2 arguments, not 1"),
        ("_a := y if count([1], y)", "takes 1 arguments, not 2"),
        ("_a := http.send({})", "`http.send` is no function"),
        ("_a := opa.runtime()", "`opa.runtime` is no function"),
        ("_a := time.now_ns()", "`time.now_ns` is no function"),
        ("_a := rand.intn(`a`, 5)", "`rand.intn` is no function"),
        ("_a := walk(input)", "`walk` is no function"),
        ("_a if print(input)", "`print` is no function"),
        ("_a if trace(`a`)", "`trace` is no function"),
        ("_a := rego.metadata.rule()", "`rego.metadata.rule` is no function"),
        ("_a := semver.compare(`1.0.0`, `1.0.1`)", "`semver.compare` is no function"),
        ("_a := json.remove(input, [`a`])", "`json.remove` is no function"),
        ("_a := sprintf(`%s`, [1])", "verbs of `sprintf`"),
        ("_a := sprintf(input.a, [1])", "the format of `sprintf` is not written out"),
        ("_f(input) := input.a", "a variable may not be called `input`"),
        ("_f({`a`: data}) := data", "a variable may not be called `data`"),
        ("_a if every input in [1] { input == 1 }", "a variable may not be called `input`"),
        ("_f(n) := _f(n - 1)", "never ends"),
        ("_f(n) := _g(n)\n_g(n) := _f(n)", "never ends"),
        ("_a if _b\n_b if { x := [1 | _a]; x }", "never ends"),
        ("_a := 1 if { every x in input.l { http.send({}) } }", "`http.send` is no function"),
        ("_a := [1 | some x in {input[unknown(1)]}]", "`unknown` is no function"),
    ],
)
def test_what_a_rule_may_not_say_is_refused_with_its_line_and_a_remedy(body: str, wrong: str) -> None:
    found = [finding for finding in in_rule(body) if wrong in finding.message]
    assert found, in_rule(body)
    assert found[0].file == RULE
    assert found[0].line >= 9
    assert found[0].remedy.endswith(".")


def test_a_rule_says_both_whether_it_is_satisfied_and_why() -> None:
    assert "no `message`" in findings(source(RULE, "satisfied if input.a"))[0].message
    assert "no `satisfied`" in findings(source(RULE, "message := `a`"))[0].message


@pytest.mark.parametrize(
    "target",
    [
        "data.gate.rules.lane.held",
        "data.config",
        "data",
        "input",
        "input.a",
        "future.keywords.in",
        "data.gate.lib",
        "data.gate.lib.texts._secret",
    ],
)
def test_a_rule_imports_libraries_only(target: str) -> None:
    assert "may not be imported" in findings(source(RULE, f"import {target}\n\n{GOOD_RULE}"))[0].message


@pytest.mark.parametrize("name", ["input", "count", "other"])
def test_a_library_goes_by_its_own_name(name: str) -> None:
    body = f"import data.gate.lib.texts as {name}\n\n{GOOD_RULE}"
    assert f"an import may not be called `{name}`" in findings(source(LIB, GOOD_LIB), source(RULE, body))[0].message


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("names := {1}", "`names` is no function"),
        ("text contains 1", "`text` is no function"),
        ("default text(_) := true", "`default`"),
        ("count(x) := 0", "`count` hides"),
        ("text(x) := data.gate.rules.lane.held", "may not be read"),
        ("text(x) if input.a with input as {}", "`with`"),
        ("a.b(x) := x", "a head with a reference"),
    ],
)
def test_a_library_holds_functions_only(body: str, wrong: str) -> None:
    assert any(wrong in finding.message for finding in findings(source(LIB, body)))


@pytest.mark.parametrize("name", ["time", "object", "count", "input", "data"])
def test_a_library_hides_nothing_of_regos_own(name: str) -> None:
    found = findings(Source(f"gate/lib/{name}.rego", "f", f"package gate.lib.{name}\n\ntext(x) := x"))
    assert "hides" in found[0].message


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("gate/rules/lane/other.rego", "gate.rules.lane.quiet"),
        ("gate/rules/quiet.rego", "gate.rules.quiet"),
        ("gate/rules/lane/deep/quiet.rego", "gate.rules.lane.deep.quiet"),
        ("gate/rules.rego", "gate.rules"),
        ("gate/rules/lane.rego", "gate.rules.lane"),
        ("gate.rego", "gate"),
        ("config.rego", "config"),
        ("config/products.rego", "config.products"),
        ("gate/decisions.rego", "gate.decisions"),
        ("gate/lib/texts.rego", "gate.lib"),
        ("gate/rules/lane/quiet.rego", "gate_test.rules.lane.quiet"),
        ("gate/rules/lane/quiet_test.rego", "gate.rules.lane.quiet_test"),
        ("gate/rules/lane/quiet_test.rego", "gate.rules.lane.quiet"),
        ("gate/rules/lane/quiet_test.rego", "gate_test"),
    ],
)
def test_a_package_stands_at_its_path_and_there_are_no_others(path: str, package: str) -> None:
    found = findings(source(path, GOOD_RULE, package))
    assert any("package" in finding.message and finding.line == 1 for finding in found)


def test_a_package_has_one_file() -> None:
    second = Source("gate/rules/lane/second.rego", "second.rego", f"package gate.rules.lane.quiet\n\n{GOOD_RULE}")
    found = findings(source(RULE, GOOD_RULE), second)
    assert any("is that of gate/rules/lane/quiet.rego too" in finding.message for finding in found)


@pytest.mark.parametrize("text", ['package gate.rules["lane"].quiet.x[1]\n', "package a\n\n__target__ := `t`\n"])
def test_a_module_that_the_checks_do_not_know_is_refused(text: str) -> None:
    with pytest.raises(NotRego):
        parse(Source(RULE, RULE, text))


def test_tests_may_replace_facts_and_call_what_they_test() -> None:
    good = (
        "import data.gate.lib.texts\nimport data.gate.rules.lane.quiet as rule\n\n"
        "_good := {`quiet`: true}\n\n"
        "test_yes if rule.satisfied with input as _good\n\n"
        "test_no if not rule.satisfied with input as json.remove(_good, [`quiet`])\n\n"
        "todo_test_more if data.gate.lib.texts.text(data.gate.rules.lane.quiet.message)\n"
    )
    assert findings(source(LIB, GOOD_LIB), source(RULE, GOOD_RULE), source(TEST, good)) == []


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("default test_it := true", "`default`"),
        ("test_it contains 1", "is not run as a test"),
        ("test_it(x) if x", "is not run as a test"),
        ("rules.test_it if true", "a head with a reference"),
        ("test_it if 1 == 2\n\ntest_it if true", "`test_it` is there twice"),
        ("test_it if http.send({})", "`http.send` is no function"),
        ("test_it if unknown(1)", "`unknown` is no function"),
        ("f(x) := data.gate_test.rules.lane.quiet.f(x)\n\ntest_it if f(1)", "never ends"),
        ("import data.config.products as input\n\ntest_it if true", "an import may not be called `input`"),
        ("import data.other\n\ntest_it if true", "may not be imported"),
    ],
)
def test_a_test_that_would_prove_nothing_is_refused(body: str, wrong: str) -> None:
    assert any(wrong in finding.message for finding in findings(source(TEST, body)))


@pytest.mark.parametrize("opening", ["[", "{", "(", "f("])
def test_nesting_that_may_hang_the_engine_is_refused_before_it_is_parsed(opening: str) -> None:
    with pytest.raises(NotRego, match=f"nested more than {DEEPEST} deep") as refused:
        parse(Source(RULE, RULE, f"package a\n\nx := {opening * 30}"))
    assert refused.value.line == 3


def test_brackets_in_texts_and_comments_are_none() -> None:
    brackets = "[" * 30
    parse(Source(RULE, RULE, f'package a # {brackets}\n\nx := ["{brackets}\\"", `{brackets}`] # {brackets}'))


@pytest.mark.parametrize(
    ("text", "line"),
    [("package a\n\nx := \n", 4), ("package a\n\nx { true }\n", 3), ("", 1), ("x := 1", 1), ("package a\n\nx := `", 3)],
)
def test_a_syntax_error_is_told_by_its_line_without_a_backtrace(text: str, line: int) -> None:
    with pytest.raises(NotRego) as refused:
        parse(Source(RULE, RULE, text))
    assert refused.value.line == line
    assert "backtrace" not in str(refused.value).lower()
    assert "\n" not in str(refused.value)


def test_an_expression_too_long_to_look_at_is_refused() -> None:
    with pytest.raises(NotRego, match="too long"):
        parse(Source(RULE, RULE, "package a\n\nx := 1" + " +\n1" * 1500))


def test_all_findings_of_a_bundle_are_told_at_once(tmp_path: Path) -> None:
    folder = bundles.small(tmp_path)
    bundles.write(
        folder, {"gate/lib/a.rego": "package gate.lib.a\n\nx := 1\n", "gate/lib/b.rego": "package gate.lib.b\n\n!\n"}
    )
    with pytest.raises(BadForm) as refused:
        load_bundle([folder])
    assert [Path(finding.file).name for finding in refused.value.findings] == ["a.rego", "b.rego"]
    first, second = str(refused.value).splitlines()
    assert first.startswith(f"{folder}/gate/lib/a.rego:3: ")
    assert second.startswith(f"{folder}/gate/lib/b.rego:3: ")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gate/rules/lane/again.rego", bundles.rule("lane.settled", "satisfied if true\n\nmessage := ``\n")),
        ("gate/rules.rego", "package gate.rules\n\nlane.settled.satisfied := true\n"),
        ("gate/open.rego", "package gate\n\nrules.lane.settled.satisfied := true\n"),
    ],
    ids=["a second file in the package", "a head with a reference above it", "the same from the root"],
)
def test_no_other_file_can_answer_for_a_rule(tmp_path: Path, path: str, text: str) -> None:
    further = bundles.write(tmp_path / "further", {path: text})
    with pytest.raises(BadForm, match=rf"{path}:\d+: "):
        load_bundle([bundles.small(tmp_path / "first"), further])


def test_no_rule_answers_yes_by_default(tmp_path: Path) -> None:
    folder = bundles.small(tmp_path)
    always = "default satisfied := true\n\nsatisfied if input.a\n\nmessage := ``\n"
    bundles.write(folder, {"gate/rules/lane/settled.rego": bundles.rule("lane.settled", always)})
    with pytest.raises(BadForm, match=r"lane/settled\.rego:7: `default`"):
        load_bundle([folder])


def test_the_shipped_policies_have_the_form() -> None:
    files = sorted(shipped_policies().rglob("*.rego"))
    sources = [Source(file.relative_to(shipped_policies()).as_posix(), str(file), file.read_text()) for file in files]
    assert check_form([parse(source) for source in sources]) == []


@pytest.mark.parametrize("function", sorted(FUNCTIONS_OF_TESTS))
def test_every_function_that_may_be_called_has_a_vector(function: str) -> None:
    assert any(f"{function}(" in vector.rego for vector in vectors())


def test_rules_may_call_nothing_that_tests_may_not() -> None:
    assert FUNCTIONS.items() <= FUNCTIONS_OF_TESTS.items()
