"""The JSON Schemas of the contracts, and the check that no rule reads a fact which no policy input has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from launchplane_gate.authoring.paths import unknown_facts
from launchplane_gate.authoring.schema import DOCUMENTS, SHIPPED, Document, as_text, schema_of, shipped_schema
from launchplane_gate.cli import program
from launchplane_gate.demo.workspace import write_workspace
from launchplane_gate.model import Contract
from launchplane_gate.plugins import evidence_contracts
from launchplane_gate.policy import Bundle, EmbeddedEngine, Finding, decide, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.syntax import Source
from launchplane_gate_health import HealthPlugin
from launchplane_gate_health.evidence import HealthEvidence
from tests.fakes import bundles
from tests.places import CASES, ROOT

OF_RUNS = ("promote_admit", "promote_confirm", "deploy_admit", "deploy_confirm")
OF_STANDING = ("promote_standing", "deploy_standing", "waive_standing", "approve_standing")
GOLDEN = (*OF_RUNS, *OF_STANDING)
OPA = shutil.which("opa") or shutil.which("opa", path=str(Path.home() / "go/bin"))
needs_opa = pytest.mark.skipif(OPA is None, reason="no opa at hand")


def golden(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text())


def opa(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(OPA), *arguments], capture_output=True, text=True, check=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, ["policy", *arguments])


# -- the schemas


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_shipped_schema_is_that_of_its_contract(document: Document) -> None:
    made = as_text(schema_of(document, evidence_contracts()))
    file = (SHIPPED / f"{document}.json").relative_to(ROOT)
    write = f"launchplane-gate policy schema {document} -o {file}"
    assert (ROOT / file).read_text() == made, f"a contract was changed; write its schema anew: {write}"


def fits(documents: list[Any], schema: Any, folder: Path) -> list[bool]:
    """Which of the documents OPA finds to fit a schema."""
    asked = folder / "asked.json"
    asked.write_text(json.dumps({"asked": documents, "is": schema}))
    query = "[fits | some one in input.asked; [fits, _] := json.match_schema(one, input.is)]"
    told = opa("eval", "--fail", "--format=raw", "--input", str(asked), query)
    found: list[bool] = json.loads(told.stdout)
    return found


@needs_opa
@pytest.mark.parametrize("name", GOLDEN)
def test_opa_finds_that_a_golden_input_fits_the_schema_and_a_broken_one_does_not(name: str, tmp_path: Path) -> None:
    good = golden(name)
    no_evidence, misspelt, another_type = good | {"evidence": {}}, good | {"nwo": ""}, good | {"actor": "me"}
    another_phase = good | {"phase": "standing" if name in OF_RUNS else "admit"}
    asked = [good, no_evidence, misspelt, another_type, another_phase]
    right = [True, name in OF_RUNS, False, False, False]  # where who asks is not known yet, no evidence is there
    assert fits(asked, shipped_schema("input"), tmp_path) == right


@needs_opa
def test_opa_finds_that_what_check_prints_fits_the_schema_of_a_decision(bundle: Bundle, tmp_path: Path) -> None:
    decision = decide(
        EmbeddedEngine(bundle), bundle, golden("deploy_admit"), waivers=(), now=datetime.now(UTC), decision_id="d"
    )
    printed = {**decision.model_dump(mode="json"), "allowed": decision.allowed}
    assert fits([printed, printed | {"alowed": True}, {}], shipped_schema("decision"), tmp_path) == [True, False, False]


@needs_opa
def test_opa_finds_that_the_settings_of_a_workspace_fit_their_schema(tmp_path: Path) -> None:
    write_workspace(tmp_path, releases={}, ports=(1, 2), actor="me", confirm_timeout_s=1, confirm_interval_s=1)
    settings = tomllib.loads((tmp_path / "launchplane-gate.toml").read_text())
    misspelt = settings | {"engin": "opa"}
    assert fits([settings, misspelt], shipped_schema("settings"), tmp_path) == [True, False]


def nodes(schema: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    yield place, schema
    for branch in schema.get("anyOf", ()):
        yield from nodes(branch, place)
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{place}.{name}")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from nodes(inner, f"{place}[]")


def test_in_the_schema_for_authoring_nothing_is_null_and_nothing_is_open() -> None:
    seen = list(nodes(shipped_schema("authoring")))
    assert len(seen) > 200
    for place, schema in seen:
        assert "anyOf" in schema or schema.get("type") not in (None, "null"), place
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is not True, place
        if schema.get("type") == "array":
            assert schema["items"], place


def test_every_fact_of_a_golden_input_is_in_the_schema_for_authoring() -> None:
    def missing(value: Any, schema: Any, place: str) -> Iterator[str]:
        if isinstance(value, dict):
            for name, part in value.items():
                there = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
                yield from missing(part, there, f"{place}.{name}") if there else [f"{place}.{name}"]
        for entry in value if isinstance(value, list) else ():
            yield from missing(entry, schema["items"], place)

    for name in GOLDEN:
        assert list(missing(golden(name), shipped_schema("authoring"), "input")) == []


def test_a_contract_that_is_given_another_field_has_another_schema() -> None:
    class Wider(HealthEvidence):
        third: str = ""

    for document in ("input", "authoring"):
        assert schema_of(document, {"health": Wider}) != shipped_schema(document)


def test_evidence_whose_shape_no_plugin_tells_is_taken_as_it_is() -> None:
    schema = schema_of("authoring", {"mystery": None, "told": Contract})
    assert schema["properties"]["evidence"]["properties"]["mystery"] == {}
    assert schema["properties"]["evidence"]["additionalProperties"] is False
    module = Source("gate/rules/a/b.rego", "b.rego", RULE.format(line="input.evidence.mystery.any.name"))
    assert unknown_facts([module], schema) == []
    assert unknown_facts([module], shipped_schema("authoring"))


def test_what_two_phases_say_of_a_fact_is_taken_together() -> None:
    schema = shipped_schema("authoring")["properties"]
    assert schema["phase"]["enum"] == ["admit", "confirm", "standing"]
    assert {"promote", "approve"} <= set(schema["action"]["enum"])
    assert schema["waiver"]["properties"].keys() == {"waiver_id", "code", "requester", "approver"}
    assert schema["source"]["properties"].keys() >= {"lane", "inventory", "run"}


# -- the command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings, which the commands are run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAUNCHPLANE_GATE_CONFIG", raising=False)
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.usefixtures("here")
def test_the_command_prints_a_schema(document: Document) -> None:
    for arguments in (["schema", document], ["schema", document, "--output", "json"]):
        said = run(*arguments)
        assert (said.exit_code, json.loads(said.stdout)) == (0, shipped_schema(document))


def test_the_command_writes_a_schema_where_it_is_told_to(here: Path) -> None:
    said = run("schema", "authoring", "-o", "authoring.json")
    assert (said.exit_code, said.stdout) == (0, "The schema is in authoring.json.\n")
    assert (here / "authoring.json").read_text() == (SHIPPED / "authoring.json").read_text()
    said = run("schema", "-o", "nowhere/authoring.json")
    assert said.exit_code == 2
    assert "nowhere/authoring.json cannot be written" in said.stderr


def test_with_settings_the_evidence_is_that_of_the_plugins_that_they_enable(here: Path) -> None:
    settings = here / "launchplane-gate.toml"
    settings.write_text('schema_version = 1\n[plugins.local]\ntoken = { env = "NOT_AT_HAND" }\n')
    of_a_run = json.loads(run("schema", "input").stdout)["definitions"]["PolicyInput"]
    assert of_a_run["properties"]["evidence"]["properties"] == {}
    said = run("check")  # no secret has to be at hand
    assert said.exit_code == 1
    assert "no policy input has `input.evidence.health`" in said.stdout
    assert "[plugins.health] in the settings" in said.stdout
    settings.write_text("schema_version = 1\n[plugins.health]\n")
    assert run("check").exit_code == 0  # what nobody asks may read what no enabled plugin brings
    roll_call = {"products": {"p": {"promote": {"admit": ["release.artifact_revision"]}}}}
    (here / "own/config").mkdir(parents=True)
    (here / "own/config/data.json").write_text(json.dumps({"roll_call": roll_call, "products": {"p": {}}}))
    assert "[plugins.oci] in the settings" in run("check", "own").stdout
    settings.write_text("schema_version = 1\n[plugins.heatlh]\n")
    assert run("schema").exit_code == 2


# -- the check of what policies read

RULE = """# METADATA
# title: Whoever promotes says why
# custom:
#   remedy: Say why.
package gate.rules.request.reason_given

import data.gate.lib.say

satisfied if {{
	is_string(input.request.reason)
	{line}
}}

message := "none given" if not satisfied
"""


def findings(line: str, path: str = "gate/rules/request/reason_given.rego") -> list[Finding]:
    module = Source(path, f"strict/{path}", RULE.format(line=line))
    return unknown_facts([module], shipped_schema("authoring"))


@pytest.mark.parametrize(
    ("line", "told", "meant"),
    [
        ("input.request.raeson", "no policy input has `input.request.raeson`", "Did you mean `reason`?"),
        ('input["request"]["raeson"] == 1', "`input.request.raeson`", "Did you mean `reason`?"),
        ("input.sorce.run.settled", "`input.sorce`", "Did you mean `source`?"),
        ("input.now.seconds == 1", "`input.now` is of the type string", "Leave that out."),
        ("input.destination.history.at == 1", "`input.destination.history` is a list", "some x in"),
        ("input.actr[_] == 1", "`input.actr`", "Did you mean `actor`?"),
        ("input.product.preview.override_env.TOKEN", "`input.product.preview`", "There are: driver_id"),
        ('input.waiver.approvre == "bob"', "`input.waiver.approvre`", "Did you mean `approver`?"),
        ("input.product.lanes[input.nwo] == 1", "`input.nwo`", "Did you mean `now`?"),
        ("input.evidence.health.sources[0].url", "`input.evidence.health.sources`", "Did you mean `source`?"),
        ("input.evidence.sbom.digest", "`input.evidence.sbom`", "[plugins.sbom]"),
        ('object.get(input, ["request", "raeson"], "") == ""', "`input.request.raeson`", "`reason`"),
        ('object.get(input, "reqest", {}) == {}', "`input.reqest`", "`request`"),
        ('object.get(input.request, ["raeson"], "") == ""', "`input.request.raeson`", "`reason`"),
        ('object.get(input, ["request", "raeson", input.now], "") == ""', "`input.request.raeson`", "`reason`"),
        ('say.known(object.get(input, "nwo", 1), "") == ""', "`input.nwo`", "`now`"),
        ("run := input.source.run; last := run.last; last.state == 1", "`input.source.run.last.state`", "`status`"),
        ("some backup in input.destination.backups; backup.create_at", "backups[_].create_at`", "`created_at`"),
        ("every entry in input.destination.history { entry.artifact }", "history[_].artifact`", "`artifact_id`"),
        (
            '[x | some one in input.product.lanes; x := object.get(one, "contxt", 1)] == []',
            "`input.product.",
            "`context`",
        ),
    ],
)
def test_a_misspelt_fact_is_found_where_it_stands(line: str, told: str, meant: str) -> None:
    [finding] = findings(line)
    assert (finding.file, finding.line) == ("strict/gate/rules/request/reason_given.rego", 11)
    assert told in finding.message
    assert meant in finding.remedy


@pytest.mark.parametrize(
    "line",
    [
        "input.product.lanes[0].nothing_checks_this",  # from a computed part on
        'object.get(input, ["destination", input.now, "unheard_of"], 1)',
        "some x in input.product.lanes; y := [x | some x in input.destination.history]; x.at",  # which x?
        'x := object.get(input, "request", {}); x.raeson',  # or the default
        "every key, part in input.release { part.length; key.length }",  # a value of any field
    ],
)
def test_what_is_not_certain_is_not_judged(line: str) -> None:
    assert findings(line) == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ('object.get(input, ["evidence", "github"], {}) == {}', False),  # how a rule does without it
        ('object.get(input.evidence, "github", {}) == {}', False),
        ('object.get(input, ["evidence", "githbu"], {}) == {}', True),
        ('object.get(input, ["evidence", "sbom"], {}) == {}', True),
        ('object.get(input, ["evidence", "github", "commit"], {}) == {}', True),
        ("input.evidence.github == {}", True),
    ],
)
def test_a_rule_may_do_without_a_shipped_plugin_that_is_not_enabled(line: str, is_found: bool) -> None:
    schema = schema_of("authoring", {"health": HealthEvidence})
    module = Source("gate/rules/a/b.rego", "b.rego", RULE.format(line=line))
    assert bool(unknown_facts([module], schema)) == is_found


def test_a_test_may_break_an_input_on_purpose() -> None:
    assert findings("input.request.raeson")
    assert findings("input.request.raeson", "gate/rules/request/reason_given_test.rego") == []


@pytest.mark.usefixtures("here")
def test_the_shipped_policies_read_what_inputs_have() -> None:
    assert unknown_facts(load_bundle([shipped_policies()]).modules, shipped_schema("authoring")) == []
    assert run("check").exit_code == 0


def test_the_check_refuses_a_folder_with_a_misspelt_fact(here: Path) -> None:
    rules = here / "strict/gate/rules/request"
    rules.mkdir(parents=True)
    (rules / "reason_given.rego").write_text(RULE.format(line='object.get(input, ["request", "raeson"], "") != ""'))
    (rules / "reason_given_test.rego").write_text(bundles.a_test("request.reason_given"))
    (here / "strict/config").mkdir()
    roll_call = {"base": {"promote": {"admit": ["request.reason_given"]}}}
    (here / "strict/config/data.json").write_text(json.dumps({"roll_call": roll_call}))
    said = run("check", "strict")
    assert said.exit_code == 1
    assert said.stdout.splitlines() == [
        "strict/gate/rules/request/reason_given.rego:11: no policy input has `input.request.raeson`",
        "  Did you mean `reason`? There are: dry_run, expected, product, reason, reported, version.",
        "1 finding; the gate loads these policies, and what they read there is never known.",
    ]


def test_every_fact_that_a_shipped_rule_names_would_be_missed_if_it_were_misspelt(bundle: Bundle) -> None:
    """Each reference that is written out is misspelt in turn, in the text of its module."""
    name = re.compile(r"(?<![\w.])input\.(?:[a-z_]+\.)*(?P<last>[a-z_]+)")
    asked = 0
    for module in bundle.modules:
        if module.is_test or module.path == "gate/decision.rego":
            continue
        for match in name.finditer(module.text):
            text = f"{module.text[: match.end()]}x{module.text[match.end() :]}"
            [finding] = unknown_facts([Source(module.path, module.file, text)], shipped_schema("authoring"))
            assert finding.line == module.text.count("\n", 0, match.start()) + 1
            asked += 1
    assert asked > 100


# -- the same on OPA


@needs_opa
def test_opa_checks_the_shipped_policies_against_the_schema(tmp_path: Path) -> None:
    check = ["check", "--strict", "--schema", str(SHIPPED / "authoring.json"), "--bundle"]
    done = opa(*check, str(shipped_policies()))
    assert done.returncode == 0, done.stderr
    folder = shutil.copytree(shipped_policies(), tmp_path / "policies")
    rule = folder / "gate/rules/lane/settled.rego"
    rule.write_text(rule.read_text().replace("input.source.run.settled", "input.source.run.setled"))
    done = opa(*check, str(folder))
    assert done.returncode == 1
    assert "undefined ref: input.source.run.setled" in done.stderr


# -- what the plugins tell


def test_what_the_health_plugin_finds_has_the_shape_that_it_tells() -> None:
    for name in OF_RUNS:
        HealthPlugin.evidence_contract.model_validate(golden(name)["evidence"].get("health", {}))


def test_a_shipped_plugin_that_brings_evidence_tells_its_shape() -> None:
    told = evidence_contracts()
    assert "health" in told
    assert None not in told.values()
