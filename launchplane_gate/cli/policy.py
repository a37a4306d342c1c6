"""``policy``: the tools of those who write policies."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer, Output
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.authoring.rego_tests import TestResult
    from launchplane_gate.authoring.schema import Document
    from launchplane_gate.policy import Bundle, Finding
    from launchplane_gate.report.text import Block

NO_OPA = "OPA was not asked: there is no `opa` on the PATH, and none was named by --opa."
NOT_LOADED = "the gate does not load these policies"
FOLDERS = click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(path_type=Path))


@click.group(cls=Group)
def policy() -> None:
    """Check and test the policies, and pack them for OPA.

    The shipped ones, with the folders that the settings add, or those that you name.

    \b
    Examples:
      launchplane-gate policy check policies
      launchplane-gate policy test --only source_current
      launchplane-gate policy bundle -o gate.tar.gz
    """


@policy.command()
@FOLDERS
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
    if opa is None:
        text.append(NO_OPA)
    return Answer(document, text, 0 if ran and not failed else 1)


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


@policy.command()
@FOLDERS
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
    document = {"findings": [], "rules": rules, "tests": tests, "revision": bundle.revision, "changes": changes}
    return Answer(document, [f"{count(rules, 'rule')} and {count(tests, 'test')}: nothing to mend.", *_changes(bundle)])


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
    text.append(f"{count(len(findings), 'finding')}; {outcome}.")
    return Answer({"findings": [asdict(finding) for finding in findings]}, text, 1)


@policy.command()
@FOLDERS
@click.option("-o", "--file", "target", metavar="FILE", required=True, help="The file to write; - is standard output.")
@click.option("--opa", "program", metavar="PROGRAM", help="The opa to test them on, which then has to be there.")
@pass_session
def bundle(session: Session, folders: tuple[Path, ...], target: str, program: str | None) -> Answer:
    """Write the policies as one file that OPA serves.

    They are checked and tested first, as they are where the gate starts and, where there is an `opa` on the PATH, on
    OPA too; nothing is written where that fails. The file holds the merged configuration and every module, and names
    its revision, which is that of the policies. An older bundle is replaced, another file is not.

    \b
    Examples:
      launchplane-gate policy bundle -o gate.tar.gz
      launchplane-gate policy bundle -o gate.tar.gz policies
      opa run --server --bundle gate.tar.gz
    """
    from launchplane_gate.authoring.bundle_file import write_bundle
    from launchplane_gate.authoring.opa_tests import check_on_opa, find_opa
    from launchplane_gate.policy import EmbeddedEngine
    from launchplane_gate.policy.bundle.packing import packed
    from launchplane_gate.report.words import count

    to_screen = target == "-"
    if to_screen and any(output.path is None for output in session.outputs):
        raise click.UsageError("the bundle goes to standard output; give --output a file: --output json=FILE")
    if to_screen and sys.stdout.isatty():
        raise click.UsageError("a bundle is no text for a terminal; name a file, or send it on by `-o - | ...`")
    opa = find_opa(program)
    made = session.bundle(folders)
    EmbeddedEngine(made)
    if opa:
        check_on_opa(made, opa)
    document = {
        "file": target,
        "revision": made.revision,
        "modules": len(made.modules),
        "opa": opa.version if opa else None,
    }
    if to_screen:
        _send(packed(made))
        return Answer(document, [])
    write_bundle(made, Path(target))
    told = f"{target}: {count(len(made.modules), 'module')}, revision {made.revision}"
    tested = f"  tested on the embedded engine and on OPA {opa.version}" if opa else f"  {NO_OPA}"
    return Answer(document, [told, tested, f"  serve it: opa run --server --bundle {shlex.quote(target)}"])


@policy.command()
@click.argument("document", type=click.Choice(("input", "decision", "settings", "authoring")), default="input")
@click.option("-o", "file", metavar="FILE", help="Write it there; short for --output json=FILE.")
@pass_session
def schema(session: Session, document: Document, file: str | None) -> Answer:
    """Print a JSON Schema: of what the policies are asked, of a decision, or of the settings file.

    `authoring` is that of the input for those who write rules, with nothing in it null or open: `opa check --schema`
    takes it. Evidence is that of the plugins which the settings enable; without settings, of the shipped ones.

    \b
    Examples:
      launchplane-gate policy schema
      launchplane-gate policy schema authoring -o authoring.json
    """
    from launchplane_gate.authoring.schema import as_text, schema_of
    from launchplane_gate.plugins import evidence_contracts

    made = schema_of(document, evidence_contracts(session.plugins_named()))
    if file is None:
        return Answer(made, as_text(made).rstrip().split("\n"))
    try:
        session.outputs.append(Output.parse(f"json={file}"))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="-o") from None
    return Answer(made, [f"The schema is in {file}."])


def _send(content: bytes) -> None:
    from launchplane_gate.errors import UsageError

    try:
        click.echo(content, nl=False)
    except OSError as error:
        raise UsageError(f"standard output cannot be written: {error}", hint="Do not use what was written.") from None
