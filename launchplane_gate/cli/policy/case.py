"""``policy case``: a case of a decision on record."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.authoring.cases.from_decision import Made
    from launchplane_gate.on_record import Kept
    from launchplane_gate.report.text import Block


@click.command(cls=Command)
@click.argument("decision_id", metavar="DECISION|BASE")
@click.option("-o", "--file", type=click.Path(path_type=Path), metavar="FILE", help="Write it there, as a new file.")
@click.option(
    "--base", metavar="NAME", help="The good question that it starts from.  [default: of its action and phase]"
)
@pass_session
def case(session: Session, decision_id: str, file: Path | None, base: str | None) -> Answer:
    """Write a case of a decision on record, cut down to the facts that matter.

    It starts from a good question, and states each fact without which another thing would come of a rule; all else is
    left out, names and addresses too, and what is left of those is told. It was run before you see it. Where today's
    policies decide otherwise, it states what they decide, and that is told. Put it into `cases/` of your folder of
    policies: `policy test` runs it. In place of a decision, the name of a good question shows that one whole.

    \b
    Examples:
      launchplane-gate policy case d-7Q2M4KXB
      launchplane-gate policy case d-7Q2M4KXB -o policies/cases/stale.yaml
      launchplane-gate policy case promotion
    """
    from launchplane_gate.authoring.cases.from_decision import case_of, shown
    from launchplane_gate.authoring.cases.questions import good_questions
    from launchplane_gate.authoring.cases.reading import all_facts
    from launchplane_gate.report.words import count

    if file and file.exists():
        raise click.BadParameter(f"{file} is there already", param_hint="-o")
    bundle = session.bundle(remembers=True)
    questions = good_questions(bundle).questions
    if decision_id in questions:
        return Answer({"facts": questions[decision_id]}, shown(decision_id, questions[decision_id]).split("\n"))
    kept = _kept(session, decision_id)
    authoring = all_facts(session.plugins_named())
    with progress_shown("cutting it down") as progress:
        made = case_of(
            bundle, authoring, kept.decision, _input(kept), _offered(kept), file=file, base=base, progress=progress
        )
    document = _document(made, file)
    notes = _notes(made)
    if file is None:
        return Answer(document, [*made.text.rstrip().split("\n"), *(f"# {note}" for note in notes)])
    _write(file, made.text, hint="Nothing was written.")
    _write_schema(session, file)
    session.changes = True
    test = f"  run it: launchplane-gate policy test --only {shlex.quote(made.case.full_name)}"
    what = f"{file}: {count(made.stated, 'fact')} of {made.differed} that differ from {made.case.said.base}"
    text: list[Block] = [what, *(f"  {note}" for note in notes), test]
    return Answer(document, text)


def _kept(session: Session, decision_id: str) -> Kept:
    from launchplane_gate.errors import RequestError
    from launchplane_gate.on_record import kept

    with session.records() as (_, _, ledger):
        found = kept(ledger, decision_id)
    if found is None:
        raise RequestError(f"there is no decision {decision_id}", hint="`launchplane-gate decisions list` shows them.")
    return found


def _input(kept: Kept) -> dict[str, Any]:
    from launchplane_gate.errors import RequestError

    if kept.entry.input is not None:
        return kept.entry.input
    where = f"its input was archived, to {kept.archived['file']}" if kept.archived else "no input of it is on record"
    raise RequestError(
        f"{kept.decision.decision_id}: {where}", hint="Nothing was written: a case is made of the input."
    )


def _offered(kept: Kept) -> tuple[Any, ...]:
    from launchplane_gate.model import Waiver

    return tuple(Waiver.model_validate(one) for one in kept.entry.body.get("offered", []))


def _notes(made: Made) -> list[str]:
    """What whoever reads the case should know of it."""
    words = {"pass": "satisfied", "fail": "not satisfied"}
    notes = [
        f"today's policies decide otherwise: {one.code} was {words.get(one.was, one.was)}, and is "
        f"{words.get(one.now, one.now)}"
        for one in made.otherwise
    ]
    notes += [f"left in it, since it matters: {one.text} ({one.path}, line {one.line})" for one in made.left]
    return notes


def _document(made: Made, file: Path | None) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "file": str(file) if file else None,
        "case": made.text,
        "base": made.case.said.base,
        "differed": made.differed,
        "stated": made.stated,
        "left": [asdict(one) for one in made.left],
        "otherwise": [asdict(one) for one in made.otherwise],
    }


def _write_schema(session: Session, file: Path) -> None:
    """Where there is none yet: the first line of a case names it for editors."""
    from launchplane_gate.authoring.cases.from_decision import schema_for
    from launchplane_gate.authoring.schema import as_text, schema_of
    from launchplane_gate.plugins import evidence_contracts

    schema = file.parent / schema_for(file)
    if not schema.exists():
        text = as_text(schema_of("case", evidence_contracts(session.plugins_named())))
        _write(schema, text, hint=f"{file} is written; its schema, for editors, is not.")


def _write(file: Path, text: str, *, hint: str) -> None:
    from launchplane_gate import private
    from launchplane_gate.errors import UsageError

    try:
        with private.replacing(file, mode=private.mode_of_the_user()) as opened:
            opened.write(text.encode())
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}", hint=hint) from None
