"""``policy test``: run the Rego tests and the cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Reporting
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.policy.folders import NO_OPA, folders_named
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from launchplane_gate.authoring.coverage import Coverage
    from launchplane_gate.authoring.rego_tests import TestResult
    from launchplane_gate.policy import Bundle
    from launchplane_gate.report.points import Report
    from launchplane_gate.report.text import Block


@click.command(cls=Reporting)
@folders_named
@click.option(
    "--only",
    metavar="PATTERN",
    multiple=True,
    help="Only the tests with this in their full name; with * or ? in it, all of it. More than once: any of them.",
)
@click.option("--opa", "program", metavar="PROGRAM", help="The opa to ask too, which then has to be there.")
@click.option("--coverage", "covers", is_flag=True, help="Tell what the tests have seen, and what they have not.")
@click.option(
    "--coverage-at-least",
    "least",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    help="Fail where they have seen less, of the outcomes or of the lines.",
)
@pass_session
def test(
    session: Session,
    folders: tuple[Path, ...],
    only: tuple[str, ...],
    program: str | None,
    covers: bool,
    least: int | None,
) -> Answer:
    """Run the Rego tests and the cases of the policies: 0 if all hold, 1 if one does not.

    They run on the embedded engine and, where there is an `opa` on the PATH, on OPA too: what one engine passes and
    the other does not has failed. A failing test is told with its file and line, the statement that does not hold, and
    what that saw. No tests at all are a failure too. A `todo_test_...` is skipped.

    A case is called `cases.`, and its path in `cases/`. Of a failing one each rule is told that another thing came of
    than it expects, and the fact that decided.

    Coverage is taken on the embedded engine. Its outcomes: each rule was seen to be satisfied, to refuse, and to meet
    the lack of each fact that it reads, on an input that was good but for that. Its lines: those of rules and libraries
    that were evaluated. Percents are whole numbers, rounded down.

    \b
    Examples:
      launchplane-gate policy test
      launchplane-gate policy test --only source_current --only 'gate_test.lane.*' policies
      launchplane-gate policy test --only 'cases.*'
      launchplane-gate policy test --opa /opt/opa/bin/opa
      launchplane-gate policy test --coverage-at-least 90
      launchplane-gate policy test --output junit=report.xml --output github
    """
    from dataclasses import asdict

    from launchplane_gate.authoring.cases.reading import all_facts, read_cases
    from launchplane_gate.authoring.cases.running import run_cases
    from launchplane_gate.authoring.only import Only
    from launchplane_gate.authoring.opa_tests import find_opa
    from launchplane_gate.authoring.rego_tests import run_rego_tests
    from launchplane_gate.policy.engines.embedded.interpreter import VERSION

    opa, asked = find_opa(program), Only(only)
    bundle = session.bundle(folders, remembers=True)
    cases = [one for one in read_cases(bundle, all_facts(session.plugins_named())) if asked.takes(one.full_name)]
    results = run_rego_tests(bundle, asked, opa) + run_cases(cases, opa)
    asked.see_that_all_fitted()
    seen = _seen(bundle, results) if covers or least is not None else None
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
    if opa is None:
        text.append(NO_OPA)
    too_low = seen is not None and least is not None and seen.percent < least
    if seen:
        document["coverage"] = {**asdict(seen), "percent": seen.percent, "at_least": least}
        text += _coverage_text(seen, least)

    def report() -> Report:
        from launchplane_gate.report.told import tests_report

        facts = [("engines", f"regorus {VERSION}" + (f", OPA {opa.version}" if opa else "; OPA was not asked"))]
        facts += [("coverage", _coverage_line(seen, least))] if seen else []
        return tests_report(told, results, facts, unseen=seen.unseen if seen and too_low else ())

    return Answer(document, text, 0 if ran and not failed and not too_low else 1, report=report)


def _seen(bundle: Bundle, results: Sequence[TestResult]) -> Coverage:
    from launchplane_gate.authoring.coverage import coverage

    ran = {f"data.{result.name}" for result in results}
    return coverage(bundle, [test for test in bundle.tests if test.rule in ran])


def _coverage_text(seen: Coverage, least: int | None) -> list[Block]:
    unseen: list[Block] = [f"  {one.file}:{one.line}: {one.what}" for one in seen.unseen]
    return ["", *(["Not covered:", *unseen] if unseen else []), _coverage_line(seen, least)]


def _coverage_line(seen: Coverage, least: int | None) -> str:
    shares = [
        f"{share.seen} of {share.of} {what} ({share.percent} %)"
        for share, what in ((seen.outcomes, "outcomes"), (seen.lines, "lines"))
    ]
    wanted = "" if least is None else f"; wanted is {least} % of both"
    return f"Covered, on the embedded engine: {' and '.join(shares)}{wanted}."


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
