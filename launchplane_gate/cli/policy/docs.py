"""``policy docs``: the policies as one page."""

from __future__ import annotations

from pathlib import Path

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer, Output
from launchplane_gate.cli.policy.folders import folders_named
from launchplane_gate.cli.session import Session, pass_session


@click.command(cls=Command)
@folders_named
@click.option("-o", "file", metavar="FILE", help="Write it there; short for --output markdown=FILE.")
@pass_session
def docs(session: Session, folders: tuple[Path, ...], file: str | None) -> Answer:
    """Print the policies as one page of Markdown.

    The roll call as a table; the facts that rules read and nobody provides, and those that no rule rests on; and of
    each rule what it asks for, what it needs, what to do where it refuses, its tests, and the cases that name it.

    \b
    Examples:
      launchplane-gate policy docs -o policies.md
      launchplane-gate policy docs mine
    """
    from launchplane_gate.authoring.cases.reading import all_facts, read_cases
    from launchplane_gate.authoring.overview.asked import everything_asked, of_the_core
    from launchplane_gate.authoring.overview.rules import not_provided, overviews, unread
    from launchplane_gate.report.page import Page

    if file:
        try:
            session.outputs.append(Output.parse(f"markdown={file}"))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="-o") from None
    bundle = session.bundle(folders, remembers=True)
    plugins = session.plugins_named()
    authoring = all_facts(plugins)
    page = Page(
        bundle,
        overviews(bundle, read_cases(bundle, authoring)),
        [*everything_asked(bundle), *of_the_core(bundle)],
        unread(bundle, authoring),
        not_provided(bundle, authoring, plugins),
    )
    told = page.markdown()
    return Answer(page.document(), [f"The page is in {file}."] if file else told.rstrip("\n").split("\n"), page=told)
