"""``prove``: whether everything that names the release of a lane names the same one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.gate import Gate
    from launchplane_gate.model import Lane
    from launchplane_gate.records import ProductProfile

EXIT_CODES: Mapping[str, int] = {"one": 0, "differs": 1, "unknown": 3}


@click.command(cls=Command)
@click.argument("product")
@click.option("--lane", metavar="LANE", help="Which lane.  [default: the one that is promoted to]")
@click.option("--version", metavar="TAG", help="The lane that this version was promoted to.")
@pass_session
def prove(session: Session, product: str, lane: str | None, version: str | None) -> Answer:
    """Prove that everything names one release.

    Asked afresh: the inventory, the deployment that it rests on, the decision that let it go, what the platform shows,
    (the digest of every running container, where it does), every health URL, the label of the image on each platform,
    tag and release. It ends with 0 if all that can be seen is one, 1 if something differs, 3 if something could not be
    asked. What a platform does not show is said to be not observable, with the right that is missing; it is never taken
    for equal. For cron and CI: --output json.

    \b
    Examples:
      launchplane-gate prove sellyouroutboard
      launchplane-gate prove sellyouroutboard --version v0.2.10
    """
    from launchplane_gate.prove import lane_of_version
    from launchplane_gate.prove import prove as prove_lane
    from launchplane_gate.report.prove import proof_text

    if lane and version:
        raise click.UsageError("--lane and --version cannot go together")
    with session.gate(to_read=True) as gate, progress_shown("asking every place that names the release"):
        profile = gate.profile(product)
        where = lane_of_version(gate, profile, version) if version else _lane(gate, profile, lane)
        proof = prove_lane(gate, profile, where)
    if version and proof.version != version:
        from launchplane_gate.errors import Stale

        raise Stale(
            f"{where} runs {proof.release or 'nothing known'} now, of {proof.version or 'no version'}",
            hint=f"What {version} shipped is no longer there; `launchplane-gate inventory history {where}` has it.",
        )
    return Answer(proof.model_dump(mode="json"), proof_text(proof), EXIT_CODES[proof.verdict])


def _lane(gate: Gate, profile: ProductProfile, instance: str | None) -> Lane:
    """The lane that is named, else the only one that the product is promoted to. Raises RequestError."""
    from launchplane_gate.errors import RequestError
    from launchplane_gate.lanes import paths_of
    from launchplane_gate.line import find_lane

    ends = sorted({end for _, end in paths_of(gate.bundle, profile.product)})
    if instance is None and len(ends) != 1:
        raise RequestError(
            f"{profile.product} is promoted to {len(ends) or 'no'} lanes: {', '.join(ends) or 'none'}",
            hint="Nothing was asked. Name one: --lane LANE.",
        )
    return find_lane(profile, instance or ends[0])
