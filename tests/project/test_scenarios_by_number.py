"""Each scenario of what a gate in front of production must do, by number, and the tests that show it.

A test says in its docstring what it shows: ``S10: ...``, ``S14; and S2: ...``.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.places import ROOT

TESTS = ROOT / "tests"
ALL = [*(f"S{number}" for number in range(1, 67)), "S21b", "S21c"]

# Over HTTP, at a served host: by the edit on files, SQLite and Postgres, and by the bridge on files.
SERVED = {
    "deploy": "S1 S2 S3 S4 S5 S6 S7 S8 S14 S53",
    "source": "S10 S11 S12 S13 S14 S15 S16 S17 S18 S54",
    "keys": "S19 S20 S21 S21b S21c S29",
    "crash": "S22 S23 S24 S25 S27 S64 S66",
    "killed": "S24 S26 S32 S34 S59 S60",
    "races": "S28 S29 S30 S31 S35",
    "bypass": "S36 S37 S38 S39 S40 S46 S58 S61",
    "drivers": "S9 S44 S45 S46",
    "evidence": "S51 S52 S53 S54 S55 S56 S57 S62 S63",
    "observed": "S65",
}

# What is the core's by its nature, or the host's own suite.
ONCE = {
    "S33": ["line/test_scenarios_of_prod.py::test_s33_a_run_ends_under_the_policies_and_the_product_that_let_it_go"],
    "S48": [
        "line/test_publishing.py::test_a_run_that_was_not_recorded_publishes_nothing",
        "plugins/github/test_github_identity.py::test_nobody_publishes_whom_the_settings_do_not_name",
        "plugins/github/test_github_evidence.py::test_an_identity_without_the_permission_is_refused_before_the_deploy",
    ],
    "S49": [
        "plugins/github/test_github_publisher.py::test_a_release_is_drafted_tagged_and_published_on_the_promoted_commit",
        "plugins/github/test_github_publisher.py::test_a_tag_that_is_on_the_commit_already_is_completed",
        "plugins/github/test_github_publisher.py::test_a_tag_on_another_commit_is_told_and_never_moved",
    ],
    "S50": ["line/test_publishing.py::test_a_publisher_that_fails_leaves_the_record_and_can_be_asked_again"],
    "S51": [
        "line/test_issue_418.py::test_a_live_recovery_promotes_the_unpromoted_release_and_prod_health_reports_it",
        "line/test_issue_418.py::test_release_and_tag_state_points_at_the_promoted_revision",
    ],
    "S56": ["plugins/launchplane/test_edit_of_the_host.py::test_its_own_suite_stays_green_with_a_gate"],
}

ODOO = {"S41", "S42", "S43", "S47"}  # odoo's and rollbacks': refused by name, until they are governed

# The core's own tests of what it promises without a host too; of 64 what a host shows is a test of the host's.
CORE = [
    *(f"S{number}" for number in range(10, 35)),
    *("S21b", "S21c", "S36", "S46"),
    *("S57", "S59", "S60", "S63", "S64", "S66"),
]


def functions_in(*names: str) -> Iterator[tuple[str, str, str]]:
    """Each test function: where it is, its name and its docstring."""
    for path in [TESTS / name for name in names] or sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                yield str(path.relative_to(TESTS)), node.name, ast.get_docstring(node) or ""


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\bS\d+[a-z]?\b", text))


def test_every_scenario_stands_in_a_table() -> None:
    served = {number for told in SERVED.values() for number in told.split()}
    assert served | ONCE.keys() | ODOO == set(ALL)
    assert not ODOO & (served | ONCE.keys())


@pytest.mark.parametrize("module", SERVED)
def test_what_a_module_of_the_served_host_is_to_show_it_shows(module: str) -> None:
    found = list(functions_in(f"plugins/launchplane/test_scenarios_{module}.py"))
    assert numbers(" ".join(text for *_, text in found)) == numbers(SERVED[module])


def test_what_is_shown_once_is_there() -> None:
    there = {f"{path}::{name}" for path, name, _ in functions_in()}
    assert {test for tests in ONCE.values() for test in tests} <= there


def test_every_scenario_of_the_core_has_a_test_that_begins_with_its_number() -> None:
    shown = {found[1] for _, _, text in functions_in() if (found := re.match(r"(S\d+[a-z]?): \S", text))}
    missing = [scenario for scenario in CORE if scenario not in shown]
    assert not missing, f"no test begins with {', '.join(missing)}"
