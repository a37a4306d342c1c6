"""``policy schema``: what the policies are asked, as a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer, Output
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.authoring.schema import Document


@click.command(cls=Command)
@click.argument(
    "document",
    type=click.Choice(("input", "decision", "settings", "authoring", "explanation", "case", "proposal")),
    default="input",
)
@click.option("-o", "file", metavar="FILE", help="Write it there; short for --output json=FILE.")
@pass_session
def schema(session: Session, document: Document, file: str | None) -> Answer:
    """Print a JSON Schema: of what the policies are asked, of a decision or its explanation, or of a file.

    Files that people write are the settings, a case, and a proposal.

    `authoring` is that of the input for those who write rules, with nothing in it null or open: `opa check --schema`
    takes it. `proposal` is that of promotion.yaml, for editors. Evidence is that of the plugins which the settings
    enable; without settings, of the shipped ones.

    \b
    Examples:
      launchplane-gate policy schema
      launchplane-gate policy schema authoring -o authoring.json
      launchplane-gate policy schema case -o policies/cases/.schema.json
      launchplane-gate policy schema proposal -o promotion.schema.json
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
