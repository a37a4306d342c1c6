"""``policy``: the tools of those who write policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.authoring.rego_tests import TestResult
    from launchplane_gate.policy import Finding
    from launchplane_gate.report.text import Block

FOLDERS = click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(path_type=Path))


@click.group(cls=Group)
def policy() -> None:
    """Check and test the policies.

    The shipped ones, with the folders that the settings add, or those that you name.

    \b
    Examples:
      launchplane-gate policy check policies
      launchplane-gate policy test --only source_current
    """


@policy.command()
@FOLDERS
@click.option("--only", metavar="TEXT", help="Only the tests that have this in their full name.")
@pass_session
def test(session: Session, folders: tuple[Path, ...], only: str | None) -> Answer:
    """Run the Rego tests of the policies: 0 if all hold, 1 if one does not.

    A failing test is told with its file and line, the statement that does not hold, and what that saw. No tests at all
    are a failure too. A `todo_test_...` is skipped.

    \b
    Examples:
      launchplane-gate policy test
      launchplane-gate policy test --only source_current policies
    """
    from dataclasses import asdict

    from launchplane_gate.authoring.rego_tests import run_rego_tests

    results = run_rego_tests(session.bundle(folders), only)
    failed = [result for result in results if not (result.passed or result.skipped)]
    ran = sum(not result.skipped for result in results)
    document = {"ran": ran, "failed": len(failed), "tests": [asdict(result) for result in results]}
    return Answer(document, _tests_text(results, failed, ran), 0 if ran and not failed else 1)


def _tests_text(results: list[TestResult], failed: list[TestResult], ran: int) -> list[Block]:
    from launchplane_gate.report.words import count, span

    text: list[Block] = []
    for result in failed:
        text += [f"x {result.name}", f"  {result.path}:{result.line}: {result.saw}"]
    skipped = f", {len(results) - ran} to be done" if len(results) > ran else ""
    took = span(sum(result.duration_s for result in results))
    if failed:
        return [*text, f"{len(failed)} of {count(ran, 'test')} failed{skipped}, in {took}."]
    return [f"{count(ran, 'test')} passed{skipped}, in {took}." if ran else f"No test ran{skipped}."]


@policy.command()
@FOLDERS
@pass_session
def check(session: Session, folders: tuple[Path, ...]) -> Answer:
    """Check the form of the policies, without asking them anything: 0 if the gate would take them, 1 if not.

    One rule a file, at the path of its package; every rule on a roll call; nothing that could answer for another rule.

    \b
    Example:
      launchplane-gate policy check policies
    """
    from launchplane_gate.policy import BadForm
    from launchplane_gate.report.words import count

    try:
        bundle = session.bundle(folders)
    except BadForm as error:
        return _findings(error.findings)
    rules, tests = len(bundle.metadata), len(bundle.tests)
    document = {"findings": [], "rules": rules, "tests": tests, "revision": bundle.revision}
    return Answer(document, [f"{count(rules, 'rule')} and {count(tests, 'test')}: nothing to mend."])


def _findings(findings: tuple[Finding, ...]) -> Answer:
    from dataclasses import asdict

    from launchplane_gate.report.words import count

    text: list[Block] = []
    for finding in findings:
        text += [f"{finding.file}:{finding.line}: {finding.message}", f"  {finding.remedy}"]
    text.append(f"{count(len(findings), 'finding')}; the gate does not load these policies.")
    return Answer({"findings": [asdict(finding) for finding in findings]}, text, 1)
