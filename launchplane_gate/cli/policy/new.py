"""``policy new``: a rule to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Changing
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.authoring.new.rule import Begun


@click.command(cls=Changing)
@click.argument("code", metavar="CATEGORY.NAME")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder of policies that it goes into; made, if need be.  [default: the one that the settings name]",
)
@pass_session
def new(session: Session, code: str, folder: Path | None) -> Answer:
    """Begin a rule: with its metadata, its test and its place on the roll call.

    It holds as it stands: each promotion is asked for a reason. Make it into the rule that you want, one step at a
    time. It is loaded and tested with all other policies before anything is written, and nothing that is there is
    overwritten: to config/data.json the rule is added. Beside it comes the schema of what rules may read, for
    `opa check` and editors.

    \b
    Examples:
      launchplane-gate policy new release.vetted
      launchplane-gate policy new release.vetted --folder policies
    """
    from launchplane_gate.authoring.cases.reading import all_facts
    from launchplane_gate.authoring.new.rule import begin, write
    from launchplane_gate.authoring.schema import as_text

    schema = as_text(all_facts(session.plugins_named()))  # the shipped rules read what any shipped plugin brings
    folders, into = _folders(session, folder)
    with progress_shown("testing it with all other policies"):
        begun = begin(folders, into, code)
    written = write(begun, schema)
    is_named = any(into.resolve() == one.resolve() for one in session.policy_folders()[1:])
    return _told(begun, written, is_named=is_named)


def _folders(session: Session, named: Path | None) -> tuple[list[Path], Path]:
    """The folders that the gate asks, and the one for the rule."""
    of_settings = [_from_here(one) for one in session.policy_folders()]
    if named is None and len(of_settings) != len(("shipped", "own")):
        raise click.UsageError("name the folder of policies that the rule goes into: --folder policies")
    into = _from_here(named or of_settings[-1])
    is_one = any(into.resolve() == one.resolve() for one in of_settings)  # else it adds to the shipped ones alone
    return of_settings if is_one else of_settings[:1], into


def _from_here(path: Path) -> Path:
    """As people name it from where they are."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) and path != here else path


def _told(begun: Begun, schema: Path | None, *, is_named: bool) -> Answer:
    from launchplane_gate.authoring.new.rule import ACTION, PHASE, SCHEMA

    files = [
        (begun.rule.file, "the rule: change what has to hold, and what it says"),
        (begun.test.file, "its test: a good input, bad ones, and missing facts"),
        (str(begun.config), f"has it asked of {ACTION}, in {PHASE}"),
        *([(str(schema), "what rules may read, for `opa check` and editors")] if schema else []),
    ]
    text = [f"Wrote the rule {begun.code}, which holds as it stands: a promotion says why."]
    text += [line for file, what in files for line in (f"  {file}", f"    {what}")]
    if not is_named:
        text += ["It is asked once the settings name its folder:", f'  "{begun.folder.path}" in [policy] folders']
    folder = "" if is_named else f" {shlex.quote(str(begun.folder.path))}"
    steps = [
        f"launchplane-gate policy check{folder}",
        f"launchplane-gate policy test --only {begun.code}{folder}",
        f"launchplane-gate policy mutate --only {begun.code}{folder}",
        _opa_check(begun.folder.path / SCHEMA, begun.folder.path),
    ]
    document = {
        "rule": begun.code,
        "files": [file for file, _ in files],
        "in_settings": is_named,
        "next": steps,
    }
    return Answer(document, [*text, "Type next:", *(f"  {step}" for step in steps)])


def _opa_check(schema: Path, folder: Path) -> str:
    """The shipped policies stand beside, for what a rule and its test take from them."""
    from launchplane_gate.policy import shipped_policies

    places = (schema, _from_here(shipped_policies()) / "gate", folder / "gate")
    return "opa check --strict --schema {} {} {}".format(*(shlex.quote(str(place)) for place in places))
