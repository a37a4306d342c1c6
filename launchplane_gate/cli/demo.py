"""``demo``: the story that the gate exists for."""

from __future__ import annotations

from pathlib import Path

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session


@click.command(cls=Command)
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Leave its records in DIR.")
@pass_session
def demo(session: Session, keep: Path | None) -> Answer:
    """Tell the story that the gate exists for.

    With real processes on this machine, a release is promoted; a stale promotion and a stale replay are refused; a
    deploy that cannot be proven stops what would build on it until it is settled. It takes less than a minute, and
    stops what it started.

    \b
    Examples:
      launchplane-gate demo
      launchplane-gate demo --keep story
    """
    from rich.console import Console

    from launchplane_gate.demo.story import tell

    if keep and keep.exists():
        raise click.UsageError(f"{keep} is there already; name a new folder")
    to_stderr = any(output.format == "json" and output.path is None for output in session.outputs)
    code = tell(keep, console=Console(highlight=False, stderr=to_stderr))
    return Answer({"ended_as_told": code == 0}, [], code)
