"""``policy test``: run the Rego tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Reporting
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.policy.folders import NO_OPA, folders_named
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.authoring.rego_tests import TestResult
    from launchplane_gate.report.points import Report
    from launchplane_gate.report.text import Block


@click.command(cls=Reporting)
@folders_named
@click.option("--only", metavar="TEXT", help="Only the tests that have this in their full name.")
@click.option("--opa", "program", metavar="PROGRAM", help="The opa to ask too, which then has to be there.")
@pass_session
def test(session: Session, folders: tuple[Path, ...], only: str | None, program: str | None) -> Answer:
    """Run the Rego tests of the policies: 0 if all hold, 1 if one does not.

    They run on the embedded engine and, where there is an `opa` on the PATH, on OPA too: what one engine passes and
    the other does not has failed. A failing test is told with its file and line, the statement that does not hold, and
    what that saw. No tests at all are a failure too. A `todo_test_...` is skipped.

    \b
    Examples:
      launchplane-gate policy test
      launchplane-gate policy test --only source_current policies
      launchplane-gate policy test --opa /opt/opa/bin/opa
    """
    from dataclasses import asdict

    from launchplane_gate.authoring.opa_tests import find_opa
    from launchplane_gate.authoring.rego_tests import run_rego_tests
    from launchplane_gate.policy.engines.embedded.interpreter import VERSION

    opa = find_opa(program)
    results = run_rego_tests(session.bundle(folders), only, opa)
    failed = [result for result in results if not (result.passed or result.skipped)]
    ran = sum(not result.skipped for result in results)
    document = {
        "ran": ran,
        "failed": len(failed),
        "engines": {"embedded": f"regorus {VERSION}", "opa": opa.version if opa else None},
        "tests": [asdict(result) for result in results],
    }
    text = _tests_text(results, failed, ran, f", on the embedded engine and on OPA {opa.version}" if opa else "")
    told = str(text[-1])

    def report() -> Report:
        from launchplane_gate.report.told import tests_report

        facts = [("engines", f"regorus {VERSION}" + (f", OPA {opa.version}" if opa else "; OPA was not asked"))]
        return tests_report(told, results, facts)

    if opa is None:
        text.append(NO_OPA)
    return Answer(document, text, 0 if ran and not failed else 1, report=report)


def _tests_text(results: list[TestResult], failed: list[TestResult], ran: int, where: str) -> list[Block]:
    from launchplane_gate.report.words import count, span

    text: list[Block] = []
    for result in failed:
        text += [f"x {result.name}", f"  {result.path}:{result.line}: {result.saw}"]
    skipped = f", {len(results) - ran} to be done" if len(results) > ran else ""
    took = span(sum(result.duration_s for result in results))
    if failed:
        return [*text, f"{len(failed)} of {count(ran, 'test')} failed{skipped}, in {took}."]
    return [f"{count(ran, 'test')} passed{where}{skipped}, in {took}." if ran else f"No test ran{skipped}."]
