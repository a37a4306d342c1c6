"""``lanes``: the first thing that an operator types."""

from __future__ import annotations

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown


@click.command(cls=Command)
@click.argument("product", required=False)
@pass_session
def lanes(session: Session, product: str | None) -> Answer:
    """What each lane runs, and what can be done next.

    For each lane: the release that the inventory names, since when, whether that is settled (proven by the lane's last
    run), and whether it can be promoted, or the first rule that refuses. Nothing is changed. `41620cf?` is not proven:
    then it is told what the lane may run for all that is known, and what its health URLs report and its platform shows.

    \b
    Example:
      launchplane-gate lanes sellyouroutboard
    """
    from launchplane_gate.lanes import look
    from launchplane_gate.report.lanes import lanes_text

    settings = session.settings()
    profiles = [settings.profile(product)] if product else list(settings.profiles.values())
    with session.gate(settings, to_read=True) as gate, progress_shown("looking at the lanes"):
        views = look(gate, profiles, session.actor())
    text = lanes_text(views, with_product=product is None) if views else [_no_products(settings.path.name)]
    return Answer({"lanes": [view.model_dump(mode="json") for view in views]}, text)


def _no_products(file: str) -> str:
    return f"{file} names no products yet: add a table [products.NAME]. `launchplane-gate init` writes an example."
