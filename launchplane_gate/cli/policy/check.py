"""``policy check``: what the gate demands of policies before it takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Reporting
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.policy.folders import folders_named
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.policy import Bundle, Finding
    from launchplane_gate.report.points import Report
    from launchplane_gate.report.text import Block

NOT_LOADED = "the gate does not load these policies"


@click.command(cls=Reporting)
@folders_named
@pass_session
def check(session: Session, folders: tuple[Path, ...]) -> Answer:
    """Check and test the policies as the gate does before it takes them: 0 if it would, 1 if not.

    Their form (one rule a file, at the path of its package; every rule on a roll call, and with a test; nothing that
    could answer for another rule, or loosens what came first), their tests, and what every bundle has to refuse. And no
    rule reads a fact that no policy input has: see `launchplane-gate policy schema authoring`. What each folder changes
    of what came before it is told.

    \b
    Example:
      launchplane-gate policy check policies
    """
    from dataclasses import asdict

    from launchplane_gate.authoring.paths import unknown_facts
    from launchplane_gate.authoring.proof import unproven
    from launchplane_gate.authoring.schema import schema_of, shipped_schema
    from launchplane_gate.plugins import evidence_contracts
    from launchplane_gate.policy import BadForm
    from launchplane_gate.report.words import count

    try:
        bundle = session.bundle(folders)
    except BadForm as error:
        return _findings(error.findings, NOT_LOADED)
    named = session.plugins_named()
    authoring = shipped_schema("authoring") if named is None else schema_of("authoring", evidence_contracts(named))
    modules = bundle.modules if named is None else bundle.asked  # the others may read what no enabled plugin brings
    unknown = unknown_facts(modules, authoring)
    if failed := unproven(bundle):
        return _findings([*failed, *unknown], NOT_LOADED)
    if unknown:
        return _findings(unknown, "the gate loads these policies, and what they read there is never known")
    rules, tests = len(bundle.metadata), len(bundle.tests)
    changes = [asdict(change) for change in bundle.changes]
    told = f"{count(rules, 'rule')} and {count(tests, 'test')}: nothing to mend."

    def report() -> Report:
        from launchplane_gate.report.told import rules_report

        return rules_report(told, bundle)

    document = {"findings": [], "rules": rules, "tests": tests, "revision": bundle.revision, "changes": changes}
    return Answer(document, [told, *_changes(bundle)], report=report)


def _changes(bundle: Bundle) -> list[Block]:
    """What each folder changes, below the name of its configuration."""
    text: list[Block] = []
    file = ""
    for change in bundle.changes:
        text += [f"{change.file}:"] if change.file != file else []
        text.append(f"  {change.what}")
        file = change.file
    return text


def _findings(findings: Sequence[Finding], outcome: str) -> Answer:
    from dataclasses import asdict

    from launchplane_gate.report.words import count

    text: list[Block] = []
    for finding in findings:
        text += [f"{finding.file}:{finding.line}: {finding.message}", f"  {finding.remedy}"]
    told = f"{count(len(findings), 'finding')}; {outcome}."

    def report() -> Report:
        from launchplane_gate.report.told import findings_report

        return findings_report(told, findings)

    return Answer({"findings": [asdict(finding) for finding in findings]}, [*text, told], 1, report=report)
