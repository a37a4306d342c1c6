"""``policy diff``: what tells two sets of policies apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from launchplane_gate.cli.command import Reporting
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.policy.folders import opened_to_read
from launchplane_gate.cli.session import Session, pass_session, progress_shown

Stored = Iterator[tuple[str, Mapping[str, Any]]]


@click.command(cls=Reporting)
@click.argument("a")
@click.argument("b")
@click.option(
    "--export", metavar="FILE", type=click.Path(path_type=Path), help="Look in what `decisions export` wrote, too."
)
@click.option("--fail-on", type=click.Choice(["loosening", "any"]), help="Exit 1 where B loosens, or differs at all.")
@pass_session
def diff(session: Session, a: str, b: str, export: Path | None, fail_on: str | None) -> Answer:
    """Tell what B makes different from A: folders of policies, or of a commit, as COMMIT:FOLDER.

    The roll call, the thresholds, what may be waived and what is decided for products, each marked where it loosens;
    the rules that are written differently; and an input that one of the two allows and the other denies. That is looked
    for among the decisions on record, where settings name a ledger, or in an --export; among the questions that every
    bundle is asked; among the cases of both; and among single changes of all. None among those proves nothing.

    A folder that has no gate/decision.rego adds to the shipped policies.

    \b
    Examples:
      launchplane-gate policy diff main:policies policies
      launchplane-gate policy diff origin/main:policies policies --fail-on loosening
    """
    from launchplane_gate.authoring.cases.reading import all_facts
    from launchplane_gate.authoring.diff.inputs import flips
    from launchplane_gate.authoring.diff.sides import side
    from launchplane_gate.authoring.diff.words import differences, directions
    from launchplane_gate.report.compared import compared_report, compared_text, document_of, is_loosening

    session.policy_folders()  # within the bounds of the settings
    names = a, b
    with ExitStack() as opened, progress_shown("loading the policies") as progress:
        one, other = (opened.enter_context(side(name)) for name in names)
        found = differences(one, other)
        told = None
        if ways := directions(found):
            stored = opened.enter_context(_stored(session, export))
            told = flips(one, other, ways, stored, facts=all_facts(session.plugins_named()), progress=progress)
    failed = (fail_on == "any" and found) or (fail_on == "loosening" and is_loosening(found, told))
    return Answer(
        document_of(names, found, told),
        compared_text(names, found, told),
        1 if failed else 0,
        report=lambda: compared_report(names, found, told),
    )


@contextmanager
def _stored(session: Session, export: Path | None) -> Iterator[Stored]:
    from launchplane_gate.authoring.diff.stored import stored_inputs
    from launchplane_gate.authoring.replay.sources import from_export, from_ledger

    if export:
        with opened_to_read(export, "Nothing was compared.") as file:
            yield stored_inputs(from_export(file, str(export), None).decisions)
    elif session.has_settings():
        with session.records() as (_, _, ledger):
            yield stored_inputs(from_ledger(ledger).decisions)
    else:
        yield iter(())
