"""``policy mutate``: small faults in the rules, and whether any test notices them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Reporting
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.policy.folders import folders_named
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from launchplane_gate.authoring.mutate.run import Result

ENOUGH = 10  # of all mutants, a tenth tells how long the others take


@click.command(cls=Reporting)
@folders_named
@click.option("--only", metavar="TEXT", multiple=True, help="Only files and rules with this in their names; several.")
@click.option("--engines", type=click.IntRange(1, 64), help="How many to ask at once; as many as there are processors.")
@pass_session
def mutate(session: Session, folders: tuple[Path, ...], only: tuple[str, ...], engines: int | None) -> Answer:
    """Change the rules a little, and see whether a test or case notices: 0 if one always does, 1 if not.

    A comparison is turned, a condition dropped, a constant changed, `some` said for `every`, a rule taken off the roll
    call: in the folders that you name or the settings name, else in the shipped policies. Nothing is written. What no
    test notices is told with its line, the change, and an input that tells the two apart, where one is found. Where
    none can be, say why on that line: `# equivalent if dropped: REASON` (or turned, changed, some).

    A mutant that does not end is stopped, and counts as noticed; one that the gate would not load is counted apart.

    \b
    Examples:
      launchplane-gate policy mutate
      launchplane-gate policy mutate mine --only source_current
    """
    from launchplane_gate.authoring.cases.reading import all_facts
    from launchplane_gate.authoring.mutate.run import mutate as mutated
    from launchplane_gate.policy.bundle.files import read_folder
    from launchplane_gate.report.mutated import mutation_report, mutation_text

    facts = all_facts(session.plugins_named())
    read = [read_folder(folder) for folder in session.policy_folders(folders)]
    began = time.monotonic()
    with progress_shown("loading the policies") as tell:
        mutation = mutated(read, read[1:] or read, only, facts=facts, progress=_countdown(tell), engines=engines or 0)
    found = [_finding(result) for result in mutation.unexplained]
    document = {
        "mutants": len(mutation.results),
        **{fate.replace(" ", "_"): mutation.fates[fate] for fate in ("killed", "stopped", "not viable", "survived")},
        "unexplained": len(found),
        "findings": [*found, *(vars(finding) for finding in mutation.findings)],
        "results": [_document(result) for result in mutation.results],
    }
    took_s = time.monotonic() - began
    text = mutation_text(mutation, took_s)
    return Answer(document, text, 1 if document["findings"] else 0, report=lambda: mutation_report(mutation, took_s))


def _countdown(tell: Callable[[str], None]) -> Callable[[int, int], None]:
    began = time.monotonic()

    def told(done: int, total: int) -> None:
        left_s = (time.monotonic() - began) * (total - done) / max(done, 1)
        left = f"; {left_s:.0f} s left" if done * ENOUGH > total else ""
        tell(f"putting the tests to {total} mutants{left}")

    return told


def _finding(result: Result) -> dict[str, object]:
    from launchplane_gate.report.mutated import message_of, remedy_of

    where = {"file": result.mutant.source.file, "line": result.mutant.line}
    return {**where, "message": message_of(result), "remedy": remedy_of(result)}


def _document(result: Result) -> dict[str, object]:
    mutant, told = result.mutant, result.told
    document: dict[str, object] = {
        "file": mutant.source.file,
        "line": mutant.line,
        "of": mutant.of,
        "kind": mutant.kind,
        "change": mutant.change,
        "fate": result.fate,
    }
    if told:
        input_ = told.asked and {"whose": str(told.asked), "rule": told.code, "input": told.asked.policy_input}
        document |= {"reason": result.reason or None, "tried": told.tried, "told_by": input_}
    return document
