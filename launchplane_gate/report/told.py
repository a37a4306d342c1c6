"""What decisions, tests, findings and errors come down to for the tools of CI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from launchplane_gate.authoring.coverage import Unseen
from launchplane_gate.authoring.places import place_of_rule
from launchplane_gate.authoring.proposals.deciding import Checked
from launchplane_gate.authoring.rego_tests import TestResult
from launchplane_gate.model import Decision, RuleResult
from launchplane_gate.policy import Bundle, Finding
from launchplane_gate.report.decision import engine_line, way_on
from launchplane_gate.report.points import Outcome, Place, Point, Report
from launchplane_gate.report.words import brief

OUTCOMES: dict[str, Outcome] = {"pass": "pass", "waived": "waived", "fail": "fail"}


def decision_report(
    name: str, headline: str, decision: Decision, bundle: Bundle | None = None, *, asked_at: Place | None = None
) -> Report:
    """A refusal is told where what was asked stands in a file, ``asked_at``; else at its rule, in its ``bundle``."""

    def place(result: RuleResult) -> Place | None:
        if result.status == "pass":
            return None
        found = place_of_rule(bundle, result.code) if bundle and not asked_at else None
        return Place(*found) if found else asked_at

    points = [_of_rule(result, place(result)) for result in decision.results]
    return Report(name, headline, points, _asked(decision), failed="refused")


def proposals_report(checked: Sequence[Checked], headline: str) -> Report:
    """Each rule of each proposal; what nobody observed keeps one from being known, and is no pass."""
    return Report(
        "check proposals", headline, [point for one in checked for point in _of_proposal(one)], failed="refused"
    )


def _of_proposal(one: Checked) -> Iterator[Point]:
    name, here = f"{one.product} {one.source} -> {one.destination}", Place(one.file, one.line)
    for result in one.decision.results if one.decision else ():
        at = Place(one.file, one.lines.get(result.code, one.line))
        point = _of_rule(result, None if result.status == "pass" else at)
        open_on = [fact for fact in one.not_known if result.code in fact.rules]
        if open_on:
            facts = ", ".join(fact.what for fact in open_on)
            point = replace(point, outcome="error", message=f"Not known: {facts}. {open_on[0].why}", remedy="")
        yield replace(point, name=f"{name}.{result.code}", group=name)
    if one.decision is None:
        title = "What the decision takes is known"
        yield Point("proposal.known", f"{name}.known", "error", title, one.detail, "", here, name)


def _of_rule(result: RuleResult, place: Place | None) -> Point:
    return Point(
        code=result.code,
        name=result.code,
        outcome=OUTCOMES[result.status],
        title=result.title,
        message="" if result.status == "pass" else brief(result.message),
        remedy="" if result.status == "pass" else way_on(result),
        place=place,
    )


def _asked(decision: Decision) -> list[tuple[str, str]]:
    """What was asked, of what, and by whom."""
    release, actor = decision.release, decision.actor
    lanes = f"{decision.source} -> {decision.destination}" if decision.source else str(decision.destination)
    return [
        ("asked", f"{decision.action} {decision.product}, {decision.phase}"),
        ("lane", lanes),
        *([("commit", release.source_git_ref), ("artifact", release.artifact_id)] if release else []),
        ("by", actor.subject + (f", verified by {actor.verified_by}" if actor.verified_by else "")),
        ("at", decision.decided_at),
        ("policy", engine_line(decision).removeprefix("policy ")),
        *([("decision", decision.decision_id)] if decision.decision_id.startswith("d-") else []),
    ]


def tests_report(
    headline: str,
    results: Iterable[TestResult],
    facts: Sequence[tuple[str, str]] = (),
    *,
    unseen: Iterable[Unseen] = (),
) -> Report:
    """``unseen``: what no test has seen, where that is a failure."""
    points = [*map(_of_test, results), *map(_of_unseen, unseen)]
    return Report("policy test", headline, points, facts)


def _of_unseen(unseen: Unseen) -> Point:
    return Point(
        code="policy.coverage",
        name=unseen.what,
        outcome="fail",
        title="The tests see each outcome of a rule, and each line",
        message=unseen.what,
        remedy="Write a test that sees it, or take out what no test can see.",
        place=Place(unseen.file, unseen.line),
    )


def _of_test(result: TestResult) -> Point:
    failed = not (result.passed or result.skipped)
    package, _, name = result.name.rpartition(".")
    return Point(
        code="policy.test",
        name=result.name,
        outcome="pass" if result.passed else "skipped" if result.skipped else "fail",
        title="Each test of a rule holds, on every engine",
        message=result.saw or ("does not hold" if failed else ""),
        remedy=f"Run it alone: `launchplane-gate policy test --only {name}`" if failed else "",
        place=Place(result.path, result.line),
        group=package,
        duration_s=result.duration_s,
    )


def rules_report(headline: str, bundle: Bundle) -> Report:
    """Of policies that the gate takes: each of their rules."""
    rules = [
        Point(code=code, name=code, outcome="pass", title=rule.title, place=Place(bundle.file_of(code)))
        for code, rule in bundle.metadata.items()
    ]
    return Report("policy check", headline, rules, [("policy", bundle.revision)])


def findings_report(headline: str, findings: Iterable[Finding]) -> Report:
    """Of policies that the gate does not take."""
    return Report("policy check", headline, _points(findings, "fail"))


def _points(findings: Iterable[Finding], outcome: Outcome) -> list[Point]:
    return [_of_finding(finding, Place(finding.file, finding.line), outcome) for finding in findings]


def _of_finding(finding: Finding, place: Place, outcome: Outcome) -> Point:
    return Point(
        code="policy.check",
        name=str(place),
        outcome=outcome,
        title="The gate takes the policies",
        message=finding.message,
        remedy=finding.remedy,
        place=place,
    )


def error_report(name: str, kind: str, message: str, hint: str, findings: Iterable[Finding] = ()) -> Report:
    """What kept a command from an answer. ``findings``: the places that are to blame, where they are known."""
    points = _points(findings, "error")
    told = Point(code=kind, name=kind, outcome="error", message=message, remedy=hint)
    return Report(name, f"{name}: {message}" if not points else f"{name}: {kind}. {hint}", points or [told])
