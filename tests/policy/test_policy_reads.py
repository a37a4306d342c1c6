"""Which plugins' evidence a roll call reads: what it does not read may go unasked, and nothing else may."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.reads import evidence_read, reads_of
from launchplane_gate.policy.bundle.syntax import Source, parse
from launchplane_gate.policy.decision import ANSWER
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from tests.fakes import bundles
from tests.policy.mutations import OF_RUNS, golden
from tests.policy.test_policies import Reading, case

RULE, LIB, DEEPER = "gate.rules.lane.own", "gate.lib.own", "gate.lib.deeper"


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle([shipped_policies()])


# -- the shipped policies


@pytest.mark.parametrize(
    ("action", "phase", "version", "sources"),
    [
        ("deploy", "standing", None, []),
        ("deploy", "admit", None, ["health"]),  # breaking glass has to work with GitHub away
        ("deploy", "confirm", None, ["health"]),
        ("promote", "standing", "v1.0.0", []),
        ("promote", "admit", None, ["github", "health"]),
        ("promote", "admit", "v1.0.0", ["github", "health"]),
        ("promote", "confirm", "v1.0.0", ["health"]),
        ("approve", "standing", None, []),
    ],
)
def test_what_the_shipped_roll_calls_read(
    shipped: Bundle, action: Any, phase: Any, version: str | None, sources: list[str]
) -> None:
    codes = shipped.roll_call(action, phase, "generic-web", "p", version)
    assert shipped.evidence_read(codes) == frozenset(sources)


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("release.commit_on_branch", "github"),
        ("release.publisher_ready", "github"),
        ("release.artifact_revision", "oci"),
    ],
)
def test_a_rule_that_a_product_adds_is_asked_about_where_it_is_asked(tmp_path: Path, code: str, source: str) -> None:
    roll_call = {"products": {"p": {"deploy": {"admit": [code]}}}}
    further = bundles.write(tmp_path, {}, {"roll_call": roll_call, "products": {"p": {}}})
    bundle = load_bundle([shipped_policies(), further])
    assert bundle.evidence_read(bundle.roll_call("deploy", "admit", "d", "p")) == frozenset({"health", source})
    assert bundle.evidence_read(bundle.roll_call("deploy", "admit", "d", "another")) == frozenset({"health"})


def test_no_shipped_rule_is_satisfied_by_evidence_that_it_is_not_said_to_read(shipped: Bundle) -> None:
    """By the analysis of the tests, which follows single functions and knows nothing of this one."""
    reading, found = Reading(), set()
    for code in shipped.metadata:
        told = shipped.evidence_read([code])
        assert told is not None
        sources = {read.node[1] for read in reading.of([code]) if read.node[:1] == ("evidence",) and read.node[1:]}
        assert sources <= told, code
        found |= sources
    assert found == {"health", "github", "oci"}


@pytest.mark.parametrize("name", OF_RUNS)
def test_what_is_not_read_changes_no_answer_and_no_message(shipped: Bundle, name: str) -> None:
    interpreter = Interpreter(shipped.policies, {"config": case("config")})
    question = golden(name)
    question["release"]["source_git_ref"] = "0" * 40  # so that there are messages
    told = shipped.evidence_read(shipped.roll_call(question["action"], question["phase"], "generic-web", "p", "v"))
    assert told is not None
    kept = {source: found for source, found in question["evidence"].items() if source in told}
    assert kept != question["evidence"]
    without = question | {"evidence": kept}
    assert interpreter.ask(ANSWER, without) == interpreter.ask(ANSWER, question)


# -- any policies


def told(line: str, lib: str = "true", deeper: str = "true", codes: Iterable[str] = ("lane.own",)) -> Any:
    """What a rule with this line reads, that calls a function with a line, that calls one in its turn."""
    texts = {
        RULE: f"import data.gate.lib.own\n\nsatisfied if {{\n\town.f(1)\n\t{line}\n}}\n\nmessage := ``\n",
        LIB: f"import data.gate.lib.deeper\n\nf(x) if {{\n\tdeeper.g(x)\n\t{lib}\n}}\n",
        DEEPER: f"g(y) if {{\n\ty\n\t{deeper}\n}}\n",
    }
    modules = [parse(Source("x.rego", "x.rego", f"package {name}\n\n{text}")) for name, text in texts.items()]
    return evidence_read({module.package: reads_of(module) for module in modules}, codes)


WRITTEN_OUT = [
    "input.evidence.scan.report.passed",
    'input["evidence"].scan.passed',
    'input.evidence["scan"][input.now].passed',
    "input.evidence.scan[_] == 1",
    "some x in input.evidence.scan.findings; x.level == 1",
    "every x in input.evidence.scan { x }",
    "scan := input.evidence.scan; scan.passed",
    "count([1 | input.evidence.scan.passed]) == 1",
    "not input.evidence.scan.failed",
    'object.get(input, ["evidence", "scan", "passed"], false)',
    'object.get(input, ["evidence", "scan", input.now], false)',
    'object.get(input.evidence, "scan", {}) != {}',
    "object.get(input.evidence, [`scan`, `passed`], false)",
    'object.get(input.evidence.scan, "passed", false)',
    'sprintf("%v", [object.get(input, ["evidence", "scan"], null)]) != ""',
    '{"a": input.evidence.scan.passed} != {}',
]
NOT_TOLD = [
    "input.evidence",
    "count(input.evidence) > 0",
    "some x in input.evidence; x.passed",
    "some name, _ in input.evidence; name",
    "every name, x in input.evidence { x.passed }",
    "input.evidence[_].passed",
    "input.evidence[input.request.reason].passed",
    "input[input.request.reason].scan",
    "some part in input; part.scan.passed",
    "found := input.evidence; found.scan",
    "all := input; all.evidence.scan",
    "[input][0].evidence.scan",
    '{"a": input}.a.evidence.scan',
    "[x] := [input.evidence]; x.scan",
    'object.get(input, "evidence", {}).scan',
    'object.get(input, ["evidence"], {}).scan',
    'object.get(input, ["evidence", input.now], {}) != {}',
    "object.get(input, [], {}).evidence.scan",
    'object.get(input, object.get(input, "path", []), 1) == 1',
    "object.get(input.evidence, input.now, {}) != {}",
    'object.get(input, "now", input).evidence.scan',
    'object.get([input], 0, {}).evidence.scan; object.get(input, "now", 1) == 1',
    'object.get(input, "now", 1) == 1; input[_].scan',
    "object.union(input, {}).evidence.scan",
    "own.f(input)",
    "own.f(input.evidence)",
    "input == 1",
]
NOTHING = ["input.now", "input.request.evidence.scan", 'object.get(input, ["request", "evidence"], 1) == 1']


@pytest.mark.parametrize("line", WRITTEN_OUT)
def test_a_source_that_is_written_out_is_told(line: str) -> None:
    assert told(line) == {"scan"}


@pytest.mark.parametrize("line", NOT_TOLD)
def test_what_may_be_any_source_is_any(line: str) -> None:
    assert told(line) is None
    assert told("input.evidence.sbom.digest", lib=line.replace("own.f", "deeper.g")) is None


@pytest.mark.parametrize("line", NOTHING)
def test_what_is_no_evidence_is_none(line: str) -> None:
    assert told(line) == frozenset()


def test_libraries_are_followed_and_so_are_those_that_they_import() -> None:
    read = told("input.evidence.one.x", "input.evidence.two.x", "input.evidence.three.x")
    assert read == {"one", "two", "three"}
    assert told("true", deeper="input.evidence[_].x") is None


def test_a_message_and_an_argument_count_too() -> None:
    header = f"package {RULE}\n\nsatisfied if true\n\n"
    for text, sources in {
        'message := sprintf("%v", [input.evidence.scan.passed])': {"scan"},
        "message := `` if {\n\tfalse\n} else := input.evidence.scan.why": {"scan"},
        "_all[name] := found if some name, found in input.evidence": None,
        "_f(input.evidence.scan) := 1": {"scan"},
    }.items():
        module = parse(Source("x.rego", "x.rego", header + text))
        assert reads_of(module).sources == sources


def test_of_a_rule_or_a_library_that_is_not_there_nothing_can_be_told() -> None:
    assert told("true", codes=["lane.own", "lane.unknown"]) is None
    text = f"package {RULE}\n\nimport data.gate.lib.unknown\n\nsatisfied if true\n"
    assert evidence_read({RULE: reads_of(parse(Source("x.rego", "x.rego", text)))}, ["lane.own"]) is None


def test_no_rules_read_nothing(shipped: Bundle) -> None:
    assert shipped.evidence_read([]) == frozenset()
