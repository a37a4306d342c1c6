"""No file of a bundle can answer for the rule of another, end the process or hang it: the form is checked at load."""

from __future__ import annotations

from pathlib import Path

import pytest

from launchplane_gate.policy import BadForm, Finding, check_form, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.functions import FUNCTIONS, FUNCTIONS_OF_TESTS, WRAPPED
from launchplane_gate.policy.bundle.syntax import DEEPEST, Source, parse
from launchplane_gate.policy.engines.embedded.interpreter import NotRego
from launchplane_gate.policy.engines.embedded.vectors import vectors
from launchplane_gate.policy.engines.protocol import Unanswered
from tests.fakes import bundles

RULE = "gate/rules/lane/quiet.rego"
LIB = "gate/lib/words.rego"
TEST = "gate/rules/lane/quiet_test.rego"
PACKAGES = {RULE: "gate.rules.lane.quiet", LIB: "gate.lib.words", TEST: "gate_test.rules.lane.quiet"}
AMOUNTS = "gate/lib/amounts.rego"
GOOD_RULE = "satisfied if input.quiet == true\n\nmessage := sprintf(`%v`, [input.quiet])\n"
GOOD_LIB = "text(value) if is_string(value)\n\n_secret(value) := value\n"


def source(path: str, body: str, package: str | None = None) -> Source:
    return Source(path, path, f"package {package or PACKAGES[path]}\n\n{body}")


def findings(*sources: Source) -> list[Finding]:
    return check_form([parse(source) for source in sources])


def in_rule(body: str) -> list[Finding]:
    """What is found where a rule also says something else; that begins on line 10."""
    imports = "import data.gate.lib.amounts\nimport data.gate.lib.words"
    return findings(source(LIB, GOOD_LIB), shipped(AMOUNTS), source(RULE, f"{imports}\n\n{GOOD_RULE}\n{body}"))


def in_satisfied(body: str) -> list[Finding]:
    """What is found where `satisfied` rests on what a rule also says, as `_a`."""
    return in_rule(f"satisfied if _a\n\n{body}")


def shipped(path: str) -> Source:
    return Source(path, path, (shipped_policies() / path).read_text())


@pytest.mark.parametrize(
    "body",
    [
        GOOD_RULE,
        "satisfied := true if input.a\n\nsatisfied if input.b\n\nmessage := `a` if {\n\tinput.a\n} else := `b`",
        "import rego.v1\nimport future.keywords.not\n\n" + GOOD_RULE,
        "import data.gate.lib.words\n\n" + GOOD_RULE + "_known if words.text(input.a)",
    ],
)
def test_what_a_rule_needs_is_let_through(body: str) -> None:
    assert findings(source(LIB, GOOD_LIB), source(RULE, body)) == []


@pytest.mark.parametrize(
    "body",
    [
        '_a if every key, value in input.o { key != "a"; value > -1 }',
        "_a if {\n\tis_array(input.l)\n\tsome x in input.l\n\tx.ok == true\n}",
        "_a if {\n\tis_object(input.o)\n\tsome key, _ in input.o\n\tkey == `a`\n}",
        "_a if _all(input.l)\n\n_all(l) if {\n\tis_array(l)\n\tsome i, x in l\n\tamounts.is_whole(x)\n\tx > i\n}",
        "_a if {\n\tis_string(input.a)\n\tregex.match(`^[a-z0-9_-]+(:[0-9]{1,5})?$`, trim(input.a, ` `))\n}",
        "_a if {\n\tinput.a == `b`\n\tstartswith(input.a, `b`)\n}",
        "_a if {\n\tinput.a in {`b`, `c`}\n\tcontains(input.a, `b`) == false\n}",
        "_a if {\n\tevery x in input.l { is_string(x) }\n\tconcat(`,`, input.l) == `a,b`\n}",
        "_a if {\n\tamounts.is_whole(input.a)\n\tinput.a + 1 > 2\n\t100 - input.a * 100 > input.a % 60\n}",
        "_a if {\n\tamounts.is_whole(input.a)\n\t(input.a - input.a % 60) / 60 > 1\n}",
        "_a if {\n\tl := input.l\n\tis_array(l)\n\tcount([x | some x in l; x == `a`]) == 0\n}",
        "_a if {\n\tl := input.l\n\tis_array(l)\n"
        "\t[x | some x in l; is_object(x); object.get(x, `ok`, false) == false] == []\n}",
        "_a if {\n\t{`a`, `b`} - {x | some x in [`a`]} == {`b`}\n}",
        "_a if {\n\t[one, other] := split(`a.b`, `.`)\n\tone != other\n}",
        "_a if _age == `old`\n\n_age := `old` if {\n\tinput.a == 1\n} else := age if {\n\tage := input.b\n}",
        "_a if count(_parts) > 1\n\n_parts := split(input.a, `.`) if is_string(input.a)",
    ],
)
def test_what_every_engine_reads_in_the_same_way_is_let_through(body: str) -> None:
    assert in_satisfied(body) == []


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
        ("_a := data.gate.lib.words.text(1)", "`data.gate.lib.words.text` is no function"),
        ("_a := words._secret(1)", "`words._secret` is no function"),
        ("_a := words.unknown(1)", "`words.unknown` is no function"),
        ("_a := words", "`words` is not called"),
        ("_a := words[input.a]", "is not called"),
        ("_a := unknown(1)", "`unknown` is no function"),
        ("_a := words.text(1, 2)", "takes 1 arguments, not 2"),
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
    assert found[0].line >= 10
    assert found[0].remedy.endswith(".")


# Each was seen to be answered in another way by another engine, or to say yes where a fact is missing.
DIFFERENT = [
    ("_a if not input.b", "`not` is true where a fact is missing"),
    ("_a if not _b\n\n_b if input.c == 1", "`not` is true where a fact is missing"),
    ("_a if _f(1)\n\n_f(x) if not words.text(input.missing)", "`not` is true where a fact is missing"),
    ("_b if not input.b", "`not` stands before the name of a rule"),
    ("_b if not words.text(input.missing)", "`not` stands before the name of a rule"),
    ("_b if not _f(1)\n\n_f(x) if x == 2", "`not` stands before the name of a rule"),
    ("_b if not _f\n\n_f(x) if x == 2", "`not` stands before the name of a rule"),
    ("_b if {\n\tx := 1\n\tnot x in {2}\n}", "`not` stands before the name of a rule"),
    ("_b if not startswith(`a`, `b`)", "`not` stands before the name of a rule"),
    ("_a if _same(input.a, input.b)\n\n_same(x, x) if true", "two parameters are called `x`"),
    ("_f({`a`: x}) := x", "a parameter is more than a name"),
    ("_f([x, _]) := x", "a parameter is more than a name"),
    ("_f(1) := 2", "a parameter is more than a name"),
    ("_f(data.config.a) := 2", "a parameter is more than a name"),
    ("_f(http.send({})) := 2", "a parameter is more than a name"),
    *(
        (f"_a if regex.match(`{pattern}`, `a`)", "in a pattern")
        for pattern in (
            r"^\d+$",
            r"\w",
            r"\s",
            r"\bx",
            r"\pL",
            "(?x)a",
            "(?i)a",
            "(?P<a>b)",
            "a++",
            "a*?",
            "a**",
            "a??",
            "[a&&b]",
            "[a--b]",
            "[a~~b]",
            "[a[b]]",
            "[[:alpha:]]",
            "a{,3}",
            "a{x",
            "{",
            "}",
            "]",
            "^*",
            "|*",
            "(*)",
            "é",
            "[é]",
            "[z-a]",
            "a{3,2}",
            "\t",
            r"\n",
            r"\z",
            r"\Q",
            r"\x41",
        )
    ),
    ("_a if regex.match(`a{1001}`, `a`)", "longer than 1000 characters"),
    ("_a if regex.match(`(a{50}){50}`, `a`)", "longer than 1000 characters"),
    ("_a if regex.match(`(a`, `a`)", "is not closed"),
    ("_a if regex.match(`a)`, `a`)", "is not opened"),
    ("_a if regex.match(input.a, `a`)", "a pattern is not written out"),
    ("_a if regex.match(concat(``, [`a`]), `a`)", "a pattern is not written out"),
    ("_a if regex.match(`a`, input.a)", "`regex.match` needs a text"),
    ("_a if {\n\tsome x in input.l\n\tx == 1\n}", "`some ... in` needs a collection"),
    ("_a if {\n\tsome x in input.l\n\tis_array(input.l)\n}", "`some ... in` needs a collection"),
    ("_b := [x | some x in input.l]", "`some ... in` needs a collection"),
    ("_b := [x | some x in input.l] if every y in [1] { is_array(input.l) }", "`some ... in` needs a collection"),
    ("_a if {\n\tis_array(input.l)\n\tsome x in input.m\n\tx == 1\n}", "`some ... in` needs a collection"),
    ("_a if {\n\tis_array(input.l)\n\tsome [x, _] in input.l\n\tx == 1\n}", "`some` takes an entry apart"),
    ("_a if {\n\tsome i\n\tinput.l[i] == 1\n}", "`some` alone"),
    ("_a if input.l[_] == 1", "`_` stands for nothing"),
    ("_a if input.l[i] == 1", "`i` stands for nothing"),
    ("_a if input.a > 0.5", "the engines calculate in different ways with 0.5"),
    ("_a if input.a > 1e3", "the engines calculate in different ways with 1e3"),
    ("_a if input.a > 1.0", "the engines calculate in different ways with 1.0"),
    ("_a if input.a > 9007199254740992", "the engines calculate in different ways with 9007199254740992"),
    ("_a if input.a + 1 > 2", "arithmetic needs a whole number"),
    ("_a if {\n\tis_number(input.a)\n\tinput.a * 3 == 1\n}", "arithmetic needs a whole number"),
    ("_a if {\n\tamounts.is_whole(input.a)\n\tinput.a * input.a > 2\n}", "beyond what all engines calculate"),
    ("_a if {\n\tamounts.is_whole(input.a)\n\tinput.a / 2 > 2\n}", "divide in different ways"),
    ("_a if {\n\tamounts.is_whole(input.a)\n\t1 % input.a > 2\n}", "divide by nothing"),
    ("_a if {\n\tamounts.is_whole(input.a)\n\tinput.a % 0 > 2\n}", "divide by nothing"),
    ("_a if {\n\tamounts.is_whole(input.a)\n\t2 < -input.a\n}", "`-` before a number alone"),
    ("_a if sum([1]) > 2", "`sum` is no function"),
    ("_a if {\n\t{1} < {2}\n}", "order sets in different ways"),
    ("_a if input.a & input.b == {1}", "an operation on sets needs a set"),
    ("_b := sprintf(`%d`, [1])", "all verbs of `sprintf`"),
    ("_b := sprintf(`%5v`, [1])", "all verbs of `sprintf`"),
    ("_b := sprintf(`100%`, [])", "all verbs of `sprintf`"),
    ("_b := sprintf(`%v %v`, [1])", "one value for each %v"),
    ("_b := sprintf(`%v`, [1, 2])", "one value for each %v"),
    ("_b := sprintf(`%v`, input.a)", "one value for each %v"),
    ("_a if sprintf(`%v`, [input.a]) == `1`", "write some values in different ways"),
    ("_a if to_number(input.a) > 2", "`to_number` is right for some values alone"),
    ("_a if time.parse_rfc3339_ns(input.a) > 2", "`time.parse_rfc3339_ns` is right for some values alone"),
    ("_a if time.weekday(input.a) == `Monday`", "`time.weekday` is right for some values alone"),
    ("_a if time.clock(input.a) == [1, 2, 3]", "`time.clock` is right for some values alone"),
    ("_a if count(input.a) > 2", "`count` needs a collection"),
    ("_a if {\n\tis_string(input.a)\n\tcount(input.a) > 2\n}", "`count` needs a collection"),
    ("_a if startswith(input.a, `b`)", "`startswith` needs a text"),
    ("_a if concat(`,`, input.a) == `b`", "`concat` needs a list of texts"),
    ("_a if {\n\tis_array(input.a)\n\tconcat(`,`, input.a) == `b`\n}", "`concat` needs a list of texts"),
    ("_a if max(input.a) == 2", "`max` needs a list"),
    ("_a if object.get(input.a, `b`, 1) == 2", "`object.get` needs an object"),
    ("_a if array.concat(input.a, []) == []", "`array.concat` needs an array"),
    ("_a if {\n\tx := input.a in {1}\n\tx == false\n}", "the value of `in`"),
    ("_a if (input.a in {1}) == false", "the value of `in`"),
    ("_a if words.text(input.a in {1})", "the value of `in`"),
    ("_a if input.a = 1", "`=` may compare or assign"),
    ("_a if {\n\t{`a`: x} := input.a\n\tx == 1\n}", "no list of names"),
    ("_a if {\n\t[[x]] := input.a\n\tx == 1\n}", "no list of names"),
    ("_b := {k: 1 | some k in [1]}", "two entries of one key"),
    ("_b := {`a`: 1, `a`: 2}", "a key is there twice"),
    ("_b := {input.a: 1}", "a key of an object"),
    ("_b contains x if some x in [1]", "a partial rule passes over"),
    ("_b := 1 if input.a\n\n_b := 2 if input.c", "two values at once"),
    ("_f(x) := 1 if x\n\n_f(x) := 2 if input.c", "two values at once"),
    ("_b := input.c if {\n\tinput.a\n} else := 2", "goes on to the `else`"),
    ("_f(x) := x.y if {\n\tx.z\n} else := 2", "goes on to the `else`"),
    (
        "_a if _b == `low`\n\n_b := `high` if {\n\tinput.a > 9\n} else := `low`",
        "this `else` holds where a fact is missing",
    ),
    ("_a if count([x | some x in input.l]) == 0", "passes over what is missing"),
    ("_a if [x | is_array(input.l); some x in input.l] == []", "passes over what is missing"),
    (
        "_a if {\n\tl := input.l\n\tis_array(l)\n\tcount([x | some x in l; x.severity == `high`]) == 0\n}",
        "passes over what is missing",
    ),
    (
        "_a if {\n\tl := input.l\n\tis_array(l)\n\t{x.a | some x in l} == set()\n}",
        "passes over what is missing",
    ),
    (
        "_a if {\n\tl := input.l\n\tis_array(l)\n\t[1 | some x in l; _bad(x)] == []\n}\n\n_bad(x) if x.bad == true",
        "passes over what is missing",
    ),
    ("_a if [1 | _b] == []\n\n_b if input.c == 1", "passes over what is missing"),
    ("_b := y if {\n\tsome y in [1]\n\t[y | some y in [2]] == [2]\n}", "`y` is the name of something else"),
    ("_b if {\n\tsome x in [1]\n\ttrue\n}", "`x` is not used"),
    ("_b if {\n\tsome i, x in [1]\n\tx == 1\n}", "`i` is not used"),
    ("_b if every i, x in [1] { x == 1 }", "`i` is not used"),
    ("_b := y if {\n\ty := [y | some y in [1]]\n}", "`y` is the name of something else"),
    ("_b := 1 if {\n\tsome y in [y | some y in [1]]\n\ty == 1\n}", "`y` is the name of something else"),
    ("_b := 1 if {\n\tevery y in [y | some y in [1]] { y == 1 }\n}", "`y` is the name of something else"),
    ("_b := [_c | some _c in [2]]\n\n_c := 1", "`_c` is the name of something else"),
    ("_f(words) := 1", "`words` is the name of something else"),
]


@pytest.mark.parametrize(("body", "wrong"), DIFFERENT)
def test_what_the_engines_read_in_different_ways_is_refused_with_its_line_and_a_remedy(body: str, wrong: str) -> None:
    found = [finding for finding in in_satisfied(body) if wrong in finding.message]
    assert found, in_satisfied(body)
    assert found[0].line >= 12
    assert found[0].remedy.endswith(".")


@pytest.mark.parametrize("odd", ["\0", "\x07", "\x0c", "\r", "\x7f", "\u0085"])
def test_a_character_that_cannot_be_seen_is_refused_wherever_it_stands(odd: str) -> None:
    for text in (f"x := 1\n{odd} ", f"x := 1 # {odd} ", f"x := `{odd}`"):
        with pytest.raises(NotRego, match=f"U\\+{ord(odd):04X}") as refused:
            parse(Source(RULE, RULE, f"package a\n\n{text}\n"))
        assert refused.value.line in (3, 4)


@pytest.mark.parametrize("odd", ["\u00a0", "\ufeff", "\u2028", "\u0430"])
def test_what_is_blank_to_one_engine_and_a_letter_to_the_other_stands_in_texts_alone(odd: str) -> None:
    parse(Source(RULE, RULE, f'package a\n\nx := "{odd}" # {odd}\n'))
    with pytest.raises(NotRego, match=f"U\\+{ord(odd):04X}") as refused:
        parse(Source(RULE, RULE, f"package a\n\nx := `\n` # a\ny :={odd} 1\n"))
    assert refused.value.line == 5


def test_files_with_the_line_ends_of_windows_are_read() -> None:
    parse(Source(RULE, RULE, "package a\r\n\r\nx := 1\r\n"))


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
        "data.gate.lib.words._secret",
    ],
)
def test_a_rule_imports_libraries_only(target: str) -> None:
    assert "may not be imported" in findings(source(RULE, f"import {target}\n\n{GOOD_RULE}"))[0].message


@pytest.mark.parametrize("name", ["input", "count", "other"])
def test_a_library_goes_by_its_own_name(name: str) -> None:
    body = f"import data.gate.lib.words as {name}\n\n{GOOD_RULE}"
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
        ("gate/lib/words.rego", "gate.lib"),
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
        "import data.gate.lib.words\nimport data.gate.rules.lane.quiet as rule\n\n"
        "_good := {`quiet`: true}\n\n"
        "test_yes if rule.satisfied with input as _good\n\n"
        "test_no if not rule.satisfied with input as json.remove(_good, [`quiet`])\n\n"
        "todo_test_more if data.gate.lib.words.text(data.gate.rules.lane.quiet.message)\n"
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
    with pytest.raises((NotRego, Unanswered), match=r"too long|too large"):  # loading makes a finding of either
        parse(Source(RULE, RULE, "package a\n\nx := 1" + " +\n1" * 800))


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


@pytest.mark.parametrize("function", sorted(FUNCTIONS_OF_TESTS.keys() | WRAPPED.keys()))
def test_every_function_that_may_be_called_has_a_vector(function: str) -> None:
    assert any(f"{function}(" in vector.rego for vector in vectors())


def test_rules_may_call_nothing_that_tests_may_not() -> None:
    assert FUNCTIONS.keys() <= FUNCTIONS_OF_TESTS.keys()
