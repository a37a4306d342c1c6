"""The Rego tests run on both engines: what one passes and the other does not has failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from launchplane_gate.authoring.only import Only
from launchplane_gate.authoring.opa_tests import Opa, find_opa
from launchplane_gate.authoring.rego_tests import TestResult, run_rego_tests
from launchplane_gate.cli import program
from launchplane_gate.errors import EngineError, PolicyError, UsageError
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from tests import opa
from tests.fakes import bundles

pytestmark = pytest.mark.thorough  # servers of OPA by the dozen

PATH = "gate/some more_test.rego"  # a blank is no end of a name
HEADER = "package gate_test.more\n\n"  # so the first test begins on line 3

Make = Callable[[str], Bundle]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def bundle_with(body: str) -> Bundle:
        return load_bundle([bundles.write(bundles.small(tmp_path / "policies"), {PATH: HEADER + body})])

    return bundle_with


def run_one(bundle: Bundle) -> TestResult:
    [result] = run_rego_tests(bundle, Only(["gate_test.more."]), opa.opa())
    return result


# -- on OPA itself


@opa.needs_opa
def test_every_shipped_policy_test_holds_on_both_engines() -> None:
    results = run_rego_tests(load_bundle([shipped_policies()]), opa=opa.opa())
    assert len(results) > 100
    assert [f"{result.path}:{result.line}: {result.saw}" for result in results if not result.passed] == []
    assert all(result.engines == {"embedded": "pass", "opa": "pass"} for result in results)


@opa.needs_opa
@pytest.mark.parametrize(
    ("body", "embedded", "on_opa"),
    [
        ("test_it if 1 == 1", "pass", "pass"),
        ("test_it if 1 == 2", "fail", "fail"),
        ("test_it if input.x", "fail", "fail"),
        ("test_it := 5 if true", "fail", "fail"),
        ('test_it if input.x == 1 with input as {"x": 1}', "pass", "pass"),
        ('test_it if count(input.x) == 1 with input as {"x": 5}', "fail", "fail"),
        ("_c := 1 if true\n\n_c := 2 if true\n\ntest_it if _c", "fail", "fail"),
        ("todo_test_it if 1 == 2", "todo", "todo"),
    ],
)
def test_what_the_engines_agree_on_is_told_as_the_embedded_one_sees_it(
    make: Make, body: str, embedded: str, on_opa: str
) -> None:
    result = run_one(make(f"{body}\n"))
    assert result.engines == {"embedded": embedded, "opa": on_opa}
    assert (result.passed, result.skipped) == (embedded == "pass", embedded == "todo")
    assert "differ" not in result.saw


@opa.needs_opa
def test_what_only_the_embedded_engine_passes_has_failed(make: Make) -> None:
    bundle = make("same(x) := x\n\ntest_it if not same(input.x)\n")
    assert run_rego_tests(bundle, Only(["more"]))[0].passed
    result = run_one(bundle)
    assert (result.passed, result.skipped, result.line) == (False, False, 5)
    assert result.path.endswith(PATH)
    assert result.saw == f"the engines differ: the embedded one says pass, OPA {opa.opa().version} says fail"


@opa.needs_opa
def test_what_only_opa_passes_has_failed_and_tells_what_the_embedded_engine_saw(make: Make) -> None:
    result = run_one(make("_any if {\n\tsome x in input.list\n\tx\n}\n\ntest_it if not _any with input.list as 5\n"))
    assert (result.passed, result.line) == (False, 8)
    assert f"the embedded one says fail, OPA {opa.opa().version} says pass; `not _any" in result.saw


@opa.needs_opa
def test_what_opa_alone_takes_for_a_test_has_failed(tmp_path: Path) -> None:
    library = {"gate/lib/odd.rego": "package gate.lib.odd\n\ntest_it(x) := x\n"}
    results = run_rego_tests(load_bundle([bundles.write(bundles.small(tmp_path), library)]), opa=opa.opa())
    [failed] = [result for result in results if not result.passed]
    assert (failed.name, failed.line) == ("gate.lib.odd.test_it", 3)
    assert failed.path == str(tmp_path / "gate/lib/odd.rego")
    assert "for the gate this is no test" in failed.saw


@opa.needs_opa
def test_policies_that_opa_does_not_compile_are_refused_with_their_place(make: Make) -> None:
    bundle = make("test_one if count(5) == 1\n\ntest_two if count(6) == 1\n")
    with pytest.raises(PolicyError) as refused:
        run_rego_tests(bundle, opa=opa.opa())
    [file] = [module.file for module in bundle.modules if module.path == PATH]
    first, second = str(refused.value).splitlines()
    assert first.startswith(f"{file}:3: OPA {opa.opa().version}: rego_type_error: ")
    assert second.startswith(f"{file}:5: ")


@opa.needs_opa
def test_the_environment_does_not_choose_what_opa_runs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPA_TEST_RUN", "nothing")
    monkeypatch.setenv("OPA_TEST_FORMAT", "pretty")
    assert run_one(make("test_it if true\n")).passed


# -- an opa that is away, too old, or answers oddly: a program of the test's own in its place


def pretend(folder: Path, tests: str, version: str = "1.22.2") -> str:
    """A program that tells its version, and does ``tests`` when it is asked to run tests."""
    file = folder / "opa"
    file.write_text(f'#!/bin/sh\nif [ "$1" = version ]; then echo "Version: {version}"; exit; fi\n{tests}\n')
    file.chmod(0o755)
    return str(file)


def found(folder: Path, tests: str) -> Opa:
    program = find_opa(pretend(folder, tests))
    assert program
    return program


def test_a_test_that_opa_did_not_run_has_failed(make: Make, tmp_path: Path) -> None:
    [result] = run_rego_tests(make("test_it if true\n"), Only(["more"]), found(tmp_path, "echo '[]'"))
    assert not result.passed
    assert result.engines == {"embedded": "pass", "opa": None}
    assert result.saw == "the engines differ: the embedded one says pass, OPA 1.22.2 says nothing"


def test_an_error_of_opa_in_one_test_is_told(make: Make, tmp_path: Path) -> None:
    error = {"code": "eval_cancel_error", "message": "context\ndeadline exceeded"}
    location = {"file": PATH, "row": 3, "col": 1}
    entry = {"location": location, "package": "data.gate_test.more", "name": "test_it", "error": error}
    program = found(tmp_path, f"echo '{json.dumps([entry])}'; exit 2".replace("\\n", " "))
    [result] = run_rego_tests(make("test_it if true\n"), Only(["more"]), program)
    assert not result.passed
    assert result.saw.endswith("OPA 1.22.2 says fail; eval_cancel_error: context deadline exceeded")


@pytest.mark.parametrize(
    ("tests", "told"),
    [
        ("echo 'what?'", "did not report its tests"),
        ("echo '[{}]'", "did not report its tests"),
        ("echo '{\"a\": 1}'", "did not report its tests"),
        ("echo 'panic: oh' >&2; exit 1", "ended with 1: panic: oh"),
        ("exit 3", "ended with 3: no word"),
        ("kill -9 $$", "ended with -9: no word"),
        ("rm $0; exit 127", "ended with 127"),
    ],
)
def test_an_opa_that_reports_no_tests_is_an_error_and_never_a_pass(
    make: Make, tmp_path: Path, tests: str, told: str
) -> None:
    with pytest.raises(EngineError, match=told):
        run_rego_tests(make("test_it if true\n"), opa=found(tmp_path, tests))


def test_an_opa_that_does_not_end_is_not_waited_for(make: Make, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"opa test did not finish within 0 s"):
        found(tmp_path, "exec sleep 60").test(make("test_it if true\n"), timeout_s=0.1)


@pytest.mark.parametrize("version", ["0.70.0", "1.16.2", "1.21.2"])
def test_an_opa_that_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(UsageError, match=f"is OPA {version}, which is too old; it has to be 1.21.3 at least"):
        find_opa(pretend(tmp_path, "", version))


@pytest.mark.parametrize("version", ["1.21.3", "1.22.0-dev", "2.0.0"])
def test_a_newer_opa_is_taken(tmp_path: Path, version: str) -> None:
    program = find_opa(pretend(tmp_path, "", version))
    assert program and program.version == version


def test_another_program_of_that_name_is_no_opa(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not tell its version as OPA does"):
        find_opa(pretend(tmp_path, "", "unknown"))


# -- the command


def policy_test(folder: Path, *arguments: str, path: Path) -> Result:
    return CliRunner().invoke(program, ["policy", "test", *arguments, str(folder)], env={"PATH": str(path)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return bundles.write(tmp_path / "mine", {PATH: HEADER + "test_it if true\n\ntodo_test_it if false\n"})


def test_without_opa_the_command_says_so_and_goes_by_the_embedded_engine(folder: Path, tmp_path: Path) -> None:
    said = policy_test(folder, "--only", "more", path=tmp_path)
    assert said.exit_code == 0
    first, second = said.stdout.splitlines()
    assert first.startswith("1 test passed, 1 to be done, in ")
    assert second == "OPA was not asked: there is no `opa` on the PATH, and none was named by --opa."
    document = json.loads(policy_test(folder, "--only", "more", "--output", "json", path=tmp_path).stdout)
    assert document["engines"] == {"embedded": "regorus 0.13.0", "opa": None}
    assert [test["engines"] for test in document["tests"]] == [{"embedded": "pass"}, {"embedded": "todo"}]


def test_an_opa_that_is_named_has_to_be_there(folder: Path, tmp_path: Path) -> None:
    said = policy_test(folder, "--opa", "opa", path=tmp_path)
    assert (said.exit_code, said.stdout) == (2, "")
    assert "there is no program opa" in said.stderr


@opa.needs_opa
def test_with_opa_the_command_runs_both_and_names_them(folder: Path) -> None:
    path = Path(str(opa.PROGRAM)).parent
    said = policy_test(folder, "--only", "more", path=path)
    assert said.exit_code == 0
    version = opa.opa().version
    assert said.stdout.startswith(f"1 test passed, on the embedded engine and on OPA {version}, 1 to be done, in ")
    document = json.loads(policy_test(folder, "--only", "more", "--output", "json", path=path).stdout)
    assert document["engines"] == {"embedded": "regorus 0.13.0", "opa": version}
    assert [test["engines"]["opa"] for test in document["tests"]] == ["pass", "todo"]


@opa.needs_opa
def test_a_difference_ends_the_command_with_1(tmp_path: Path) -> None:
    body = HEADER + "same(x) := x\n\ntest_it if not same(input.x)\n"
    folder = bundles.write(tmp_path / "mine", {PATH: body})
    said = policy_test(folder, "--only", "more", path=Path(str(opa.PROGRAM)).parent)
    assert said.exit_code == 1
    assert f"{folder / PATH}:5: the engines differ" in said.stdout
    assert "1 of 1 test failed" in said.stdout
    assert policy_test(folder, "--only", "more", path=tmp_path).exit_code == 0
