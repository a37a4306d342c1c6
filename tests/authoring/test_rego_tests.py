"""Policy authors run their Rego tests on the gate's own engine; a failing one tells where, and what it saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from launchplane_gate.authoring.only import Only
from launchplane_gate.authoring.rego_tests import TestResult, run_rego_tests
from launchplane_gate.errors import PolicyError
from launchplane_gate.policy import Bundle, load_bundle
from tests.fakes import bundles

PATH = "gate/more_test.rego"
HEADER = "package gate_test.more\n\nimport data.gate.rules.lane.settled\n\n"  # so the first test begins on line 5


Make = Callable[[str], Bundle]
Run = Callable[[str], TestResult]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def bundle_with(body: str) -> Bundle:
        return load_bundle([bundles.write(bundles.small(tmp_path), {PATH: HEADER + body})])

    return bundle_with


@pytest.fixture
def run(make: Make) -> Run:
    """Run the one test of a text."""

    def result_of(body: str) -> TestResult:
        [result] = run_rego_tests(make(body), Only(["gate_test.more."]))
        return result

    return result_of


def test_a_test_that_is_true_passes(run: Run) -> None:
    result = run("test_it if 1 == 1\n")
    assert (result.name, result.line, result.passed, result.skipped, result.saw) == (
        "gate_test.more.test_it",
        5,
        True,
        False,
        "",
    )
    assert result.path.endswith(PATH)
    assert 0 < result.duration_s < 5


def test_a_test_to_be_done_is_skipped_and_no_failure(run: Run) -> None:
    result = run("todo_test_it if 1 / 0 == 1\n")
    assert (result.passed, result.skipped, result.saw) == (False, True, "")


@pytest.mark.parametrize(
    ("body", "line", "saw"),
    [
        ("test_it if 1 == 2", 5, "`1 == 2` does not hold: left is 1; right is 2"),
        ('test_it if "a" == input.b', 5, '`"a" == input.b` does not hold: left is "a"; right is undefined'),
        (
            "test_it if {\n\tx := 1\n\ty := x + 1\n\ty == 3\n\tx == 2\n}",
            8,
            "`y == 3` does not hold: left is 2; right is 3",
        ),
        ("test_it if { x := 1; x == 2; x == 1 }", 5, "`x == 2` does not hold: left is 1; right is 2"),
        (
            'test_it if {\n\t# a note; with a semicolon\n\t("a") == "b" # another; note\n\ttrue\n}',
            7,
            '`("a") == "b" # another; note` does not hold: left is "a"; right is "b"',
        ),
        ("test_it if input.unknown", 5, "`input.unknown` does not hold: it is undefined"),
        ("test_it if not 1 == 1", 5, "`not 1 == 1` does not hold: left is 1; right is 1"),
        ("_yes := true\n\ntest_it if not _yes", 7, "`not _yes` does not hold: it is true"),
        ("test_it if 3 in [1, 2]", 5, "`3 in [1, 2]` does not hold: left is 3; right is [1, 2]"),
        ("test_it if { x := input.none; x }", 5, "`x := input.none` does not hold: right is undefined"),
        ("test_it if { some x in []; x }", 5, "`some x in []` does not hold: from []"),
        ("test_it if { some x in [1, 2]; x == 3 }", 5, "`x == 3` does not hold: left is 1, 2; right is 3, 3"),
        (
            'test_it if settled.satisfied with input as {"evidence": {}}',
            5,
            '`settled.satisfied with input as {"evidence": {}}` does not hold: it is undefined',
        ),
        (
            'test_it if settled.message == "no" with input as {}',
            5,
            '`settled.message == "no" with input as {}` does not hold: left is "as listed"; right is "no"',
        ),
        (
            'test_it if not settled.satisfied with input as {"evidence": {"satisfied": ["lane.settled"]}}',
            5,
            "does not hold: it is true",
        ),
        (
            'test_it if {\n\tevery fact in {"a", "b"} {\n\t\tfact == "a"\n\t}\n}',
            6,
            '`every fact in {"a", "b"} { fact == "a" }` does not hold: not for fact in ["b"]',
        ),
        (
            'test_it if every key, value in {"a": 1, "b": 2} { value == 1; key == "a" }',
            5,
            'not for key, value in [["b", 2]]',
        ),
        ("test_it if every x in input.none { x }", 5, "does not hold"),
        ("test_it if count(5) == 1", 5, "`count(5) == 1` ended in an error: "),
        ("_odd := count(5)\n\ntest_it if { true; _odd == 1 }", 7, "`_odd == 1` ended in an error: "),
        ("test_it := 5 if { true }", 5, "all of it holds, but its value is not true"),
        ("test_it := false", 5, "its value is not true"),
        ("test_it if 1 == 2\n\n# a comment\nother := 1", 5, "left is 1; right is 2"),
    ],
)
def test_a_failing_test_tells_the_line_and_what_it_saw(run: Run, body: str, line: int, saw: str) -> None:
    result = run(body)
    assert not result.passed
    assert result.line == line
    assert saw in result.saw
    assert "backtrace" not in result.saw.lower()


def test_what_was_seen_is_cut_to_a_readable_length(run: Run) -> None:
    result = run(f'test_it if "{"x" * 900}" == "{"y" * 900}"'.replace(" == ", " ==\n\t"))
    assert len(result.saw) < 1000
    assert "xxx..." in result.saw


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["two"], ["test_two"]),
        (["two", "one"], ["test_one", "test_two"]),
        (["gate_test.more.test_t*"], ["test_two", "test_three"]),
        (["*e"], ["test_one", "test_three"]),
        (["*.test_?wo", "test_three"], ["test_two", "test_three"]),
        (["test_[ot]*"], []),  # it fits the whole name, or nothing
    ],
)
def test_only_some_may_be_run(make: Make, patterns: list[str], names: list[str]) -> None:
    bundle = make("test_one if true\n\ntest_two if true\n\ntest_three if true\n")
    only = Only(patterns)
    assert [result.name.removeprefix("gate_test.more.") for result in run_rego_tests(bundle, only)] == names
    if names:
        only.see_that_all_fitted()
    assert len(run_rego_tests(bundle)) == 4


def test_a_pattern_that_fits_no_test_is_refused_beside_one_that_does(make: Make) -> None:
    only = Only(["one", "three"])
    run_rego_tests(make("test_one if true\n"), only)
    with pytest.raises(PolicyError, match="no test is called 'three'"):
        only.see_that_all_fitted()
