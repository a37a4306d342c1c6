"""``observe``: what is told of products that are observed and not enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from datetime import datetime


@click.group(cls=Group)
def observe() -> None:
    """What enforced policies would have refused of a product that is observed.

    A product is observed where its table in the settings says mode = "observe", and by nothing else. All is decided,
    done, confirmed and recorded then, and nothing is refused: a run ends `recorded` where the policies allowed it, and
    `observed` where they would have refused it. Once the product is enforced, a lane whose last run was only observed
    is unsettled.

    \b
    Example:
      launchplane-gate observe report sellyouroutboard --since 7d
    """


@observe.command()
@click.argument("product", required=False)
@click.option(
    "--since",
    metavar="TIME",
    help="From when on: 2026-11-23T18:00:00+01:00, or how long ago: 12h, 7d.  [default: from the beginning]",
)
@pass_session
def report(session: Session, product: str | None, since: str | None) -> Answer:
    """Report what would have been refused and why: by rule, how often, when last, and whether that is over.

    A refusal is over where a later request along the same way passed that rule: the first deploys that are confirmed
    cure many. It changes nothing, and may be asked after the product is enforced, too.

    \b
    Examples:
      launchplane-gate observe report
      launchplane-gate observe report sellyouroutboard --since 7d --output json
    """
    from launchplane_gate.observed import observed
    from launchplane_gate.report.observed import report_text

    with session.records() as (settings, _, ledger):
        start = _start(since, ledger.now()) if since else ""
        wanted = [product] if product else sorted({*settings.observed, *settings.profiles})
        found = [
            observed(ledger, one, mode="observe" if one in settings.observed else "enforce", since=start)
            for one in wanted
        ]
        told = [one for one in found if one.mode == "observe" or one.requests]
        if product and not told:
            settings.profile(product)
    return Answer({"products": [one.model_dump(mode="json") for one in found]}, report_text(told))


def _start(text: str, now: datetime) -> str:
    """Raises RequestError for what is no moment, nor how long ago."""
    from datetime import timedelta

    from launchplane_gate.model import stamp
    from launchplane_gate.waivers import end_of

    found = end_of(text, "since")
    return stamp(now - found if isinstance(found, timedelta) else found)
