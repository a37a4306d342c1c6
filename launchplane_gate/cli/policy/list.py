"""``policy list``: what is asked of a product."""

from __future__ import annotations

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session


@click.command("list", cls=Command)
@click.argument("product", metavar="PRODUCT")
@click.option("--driver", metavar="NAME", help="The driver that deploys it.  [default: as the settings say]")
@pass_session
def list_(session: Session, product: str, driver: str | None) -> Answer:
    """List what is asked of a product: each rule, in which phases of what, and whose it is.

    The phases are standing (may this one ask that?), admit (may it happen?) and confirm (did it?). With it come the
    rules that can be waived, and the figures that count for the product. `--output json` names the file of each rule,
    and the one that has it asked.

    \b
    Examples:
      launchplane-gate policy list sellyouroutboard
      launchplane-gate policy list sellyouroutboard --driver generic-web
    """
    from launchplane_gate.authoring.overview.asked import asked_of
    from launchplane_gate.report.listed import listed_document, listed_text

    bundle = session.bundle(remembers=True)
    found = asked_of(bundle, product, driver or _driver_of(session, product))
    return Answer(listed_document(bundle, found), listed_text(bundle, found))


def _driver_of(session: Session, product: str) -> str:
    """As far as the settings themselves say: no host's records are looked at for this."""
    profile = session.policy_settings().profiles.get(product) if session.has_settings() else None
    return profile.driver_id if profile else ""
