"""A case says what comes of each rule; where another thing comes of one, the fact that decided is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.authoring.cases.questions import good_questions
from launchplane_gate.authoring.cases.reading import read_cases
from launchplane_gate.authoring.cases.running import run_cases
from launchplane_gate.authoring.schema import shipped_schema
from launchplane_gate.policy import load_bundle, shipped_policies
from tests.authoring.cases.conftest import Run, read
from tests.opa import needs_opa, opa

pytestmark = pytest.mark.thorough  # it loads whole bundles, on both engines

UNSETTLED = """case: Testing is not settled
base: promotion
facts:
  source.run.settled: false
expect: refused
rules:
  lane.settled: not satisfied
  inventory.source_soaked: not satisfied
"""
FRIDAY = "case: Late on a Friday\nbase: promotion\nat: 2026-05-08T18:30:00Z\n"


@needs_opa
def test_each_shipped_case_holds_on_both_engines() -> None:
    bundle = load_bundle([shipped_policies()])
    results = run_cases(read_cases(bundle, shipped_schema("authoring")), opa())
    assert len(results) > 10
    assert [result for result in results if not result.passed] == []
    assert all(result.engines == {"embedded": "pass", "opa": "pass"} for result in results)


@pytest.mark.parametrize("base", good_questions(load_bundle([shipped_policies()])).questions)
def test_every_rule_is_satisfied_of_each_base(base: str, run: Run) -> None:
    result = run(f"case: It is good\nbase: {base}\nexpect: allowed\n")
    assert result.passed, result.saw


def test_a_case_that_holds_passes(run: Run) -> None:
    result = run(UNSETTLED)
    assert (result.name, result.passed, result.saw) == ("cases.one", True, "")


@pytest.mark.parametrize(
    ("text", "line", "saw"),
    [
        (
            UNSETTLED.replace("  lane.settled: not satisfied\n", ""),
            5,
            "lane.settled was to be satisfied, and is not satisfied: *; decided by source.run.settled, which is false "
            "(line 4; else it is true)",
        ),
        (
            UNSETTLED.replace("settled: false", "settled: true"),
            7,
            "lane.settled was to be not satisfied, and is satisfied; nothing that the case states decides it: of "
            "promotion the same comes; inventory.source_soaked *",
        ),
        (
            "case: x\nbase: promotion\nwithout: [evidence.health]\nexpect: allowed\n",
            4,
            "release.source_revision was to be satisfied, and is not known: *; decided by evidence.health, which is "
            "missing (line 3; else it is *",
        ),
        (
            f"{FRIDAY}waivers:\n  - rule: window.open\n    approved_by: null\nexpect: allowed\n"
            "rules:\n  window.open: waived\n",
            9,
            "window.open was to be waived, and is not satisfied: * The waiver w-1 does not count: nobody has "
            "approved it yet; nothing that the case states decides it: of promotion the same comes",
        ),
        (
            "case: x\nbase: promotion\nfacts: {source.run.settled: false, source.run.open: true}\nexpect: refused\n"
            "rules:\n  lane.not_held: not satisfied\n  lane.settled: not satisfied\n"
            "  inventory.source_soaked: not satisfied\n",
            6,
            "lane.not_held was to be not satisfied, and is satisfied; *",
        ),
    ],
)
def test_a_case_that_does_not_hold_says_the_rule_what_was_expected_and_what_decided(
    text: str, line: int, saw: str, run: Run
) -> None:
    result = run(text)
    assert not result.passed
    assert result.line == line
    here = result.saw
    for part in saw.split("*"):  # what stands there is the rule's own message
        assert part in here, result.saw
        here = here[here.index(part) + len(part) :]


def test_a_refusal_of_two_facts_together_says_so(run: Run) -> None:
    result = run(
        "case: x\nbase: promotion\nfacts: {destination.hold: {reason: x, subject: y, since: 2026-05-07T11:00:00Z},"
        " source.hold: {reason: x, subject: y, since: 2026-05-07T11:00:00Z}}\nexpect: allowed\n"
    )
    assert "lane.not_held was to be satisfied, and is not satisfied" in result.saw
    assert "no single fact of the case decides it, but several of them do" in result.saw


def test_the_fact_of_another_case_that_it_starts_from_is_told_with_that_file(tmp_path: Path) -> None:
    cases = read(tmp_path, {"cases/bad.yaml": UNSETTLED, "cases/child.yaml": "case: x\nbase: bad\nexpect: allowed\n"})
    bad, child = run_cases(cases)
    assert bad.passed and not child.passed
    assert f"which is false ({tmp_path}/cases/bad.yaml:4; else it is true)" in child.saw


def test_every_time_moves_along_with_the_question(run: Run) -> None:
    good = run(f"{FRIDAY.replace('18:30', '08:30')}expect: allowed\n")
    assert good.passed, good.saw
    late = run(f"{FRIDAY}expect: refused\nrules: {{window.open: not satisfied}}\n")
    assert late.passed, late.saw


def test_a_waiver_that_counts_lets_a_rule_pass(run: Run) -> None:
    result = run(f"{FRIDAY}waivers: [{{rule: window.open}}]\nexpect: allowed\nrules: {{window.open: waived}}\n")
    assert result.passed, result.saw


@pytest.mark.parametrize(
    "more",
    [
        "expires_at: 2026-05-08T18:29:59Z",
        "requested_at: 2026-05-08T18:31:00Z",
        "lane: testing",
        "how: word",
        "approved_by: {subject: requester, verified_by: github-oidc}",
        "release: {artifact_id: other, source_git_ref: other}",
    ],
)
def test_a_waiver_that_does_not_count_lets_nothing_pass(more: str, run: Run) -> None:
    result = run(
        f"{FRIDAY}waivers:\n  - rule: window.open\n    {more}\nexpect: refused\nrules: {{window.open: not satisfied}}\n"
    )
    assert result.passed, result.saw


OWN = {
    "products": {
        "shop": {
            "paths": [{"from": "testing", "to": "prod"}],
            "actors": {"prod": [{"subject": "repo:acme/shop:*", "verified_by": "github-oidc"}]},
            "windows": {"prod": [{"days": ["Saturday"], "from": "09:00", "to": "17:00", "zone": "UTC"}]},
        }
    },
    "roll_call": {"base": {"promote": {"admit": ["acme.ticket"]}}},
}
RULE = """# METADATA
# title: There is a ticket
# custom:
#   remedy: Name one.
package gate.rules.acme.ticket

satisfied if {
	is_string(input.request.reason)
	startswith(input.request.reason, "SHOP-")
}

message := "There is no ticket." if not satisfied
"""
TEST = """package gate_test.rules.acme.ticket

import data.gate.rules.acme.ticket

test_a_ticket_is_wanted if not ticket.satisfied with input as {"request": {"reason": ""}}
"""
SHOP = """case: A good promotion of the shop
base: promotion
at: 2026-05-09T10:00:00Z
facts:
  request: {product: shop, reason: SHOP-1, version: ~}
  product.product: shop
  actor.subject: repo:acme/shop:ref:refs/heads/main
expect: allowed
"""


def folder(files: dict[str, Any]) -> dict[str, str]:
    return {
        "config/data.json": json.dumps(OWN),
        "gate/rules/acme/ticket.rego": RULE,
        "gate/rules/acme/ticket_test.rego": TEST,
        **files,
    }


def test_a_folder_of_ones_own_is_asked_with_what_it_decides(tmp_path: Path) -> None:
    late = "case: x\nbase: shop\nat: 2026-05-08T10:00:00Z\nexpect: refused\nrules: {window.open: not satisfied}\n"
    no_ticket = (
        "case: x\nbase: shop\nfacts: {request.reason: x}\nexpect: refused\nrules: {acme.ticket: not satisfied}\n"
    )
    cases = read(
        tmp_path, folder({"cases/shop.yaml": SHOP, "cases/late.yaml": late, "cases/no_ticket.yaml": no_ticket})
    )
    assert [(result.name, result.saw) for result in run_cases(cases)] == [
        ("cases.late", ""),
        ("cases.no_ticket", ""),
        ("cases.shop", ""),
    ]


def test_the_cases_of_a_folder_hold_whatever_further_ones_add(tmp_path: Path) -> None:
    """Else nobody could add a rule: each shipped case that expects a yes would fail."""
    for path, text in folder({}).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    cases = read_cases(load_bundle([shipped_policies(), tmp_path]), shipped_schema("authoring"))
    assert cases and [result.saw for result in run_cases(cases) if not result.passed] == []


# The loader takes no such rule: it ends in an error where it is asked of SHOP-2, as only a fault of ours could.
EVALUATION_ENDS = """package gate.rules.acme.ticket

satisfied if _said == "yes"

_said := "yes" if startswith(input.request.reason, "SHOP-")

_said := "no" if startswith(input.request.reason, "SHOP-2")
"""


@needs_opa
def test_a_rule_that_cannot_be_evaluated_is_not_known_on_both_engines(tmp_path: Path) -> None:
    asked = SHOP.replace("promotion", "standing_to_promote").replace("at: 2026-05-09T10:00:00Z\n", "")
    odd = asked.replace("SHOP-1", "SHOP-2").replace("allowed", "refused") + "rules: {acme.ticket: not known}\n"
    files = folder({"cases/even.yaml": asked, "cases/odd.yaml": odd})
    config = {**OWN, "roll_call": {"base": {"promote": {"standing": ["acme.ticket"], "admit": ["acme.ticket"]}}}}
    read(tmp_path, {**files, "config/data.json": json.dumps(config)})
    bundle = load_bundle([shipped_policies(), tmp_path])
    modules = tuple(
        replace(one, text=EVALUATION_ENDS) if one.path.endswith("acme/ticket.rego") else one for one in bundle.modules
    )
    cases = read_cases(replace(bundle, modules=modules), shipped_schema("authoring"))
    results = run_cases([case for case in cases if case.name in ("odd", "even")], opa())
    assert [(result.saw, result.engines) for result in results] == [("", {"embedded": "pass", "opa": "pass"})] * 2
