"""``ledger``: looking after the place where everything is recorded."""

from __future__ import annotations

import click

from launchplane_gate.cli.command import Group


@click.group(cls=Group)
def ledger() -> None:
    """Look after what is recorded, so that it lasts.

    What reads it stands elsewhere: `decisions` and `runs`.

    \b
    Example:
      launchplane-gate ledger archive --before 2026-01-01
    """
