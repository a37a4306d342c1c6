"""``waiver``: leave to pass one rule, once somebody else has approved it; breaking glass is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.asking import releasing
from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.model import Lane
    from launchplane_gate.records import ProductProfile
    from launchplane_gate.settings import Settings

LANE = "PRODUCT/LANE"


@click.group(cls=Group)
def waiver() -> None:
    """Leave to pass one rule, on one lane, for one release, until a moment.

    The policies say which rules can be waived, and for how long. A direct deploy to the destination of a promotion, in
    an emergency, is a waiver of lane.not_bypassed. Its approver may be neither who grants it nor who makes use of it.
    Names at a terminal are believed, not proven: each waiver is kept, with both names, and told wherever it was used.

    \b
    Examples:
      launchplane-gate waiver grant lane.not_bypassed --lane sellyouroutboard/prod --artifact ... --ref ... \\
        --reason "checkout is down" --approver github:alice --expires 2026-11-23T18:00:00+01:00
      launchplane-gate waiver list
      launchplane-gate waiver revoke w-7Q2M4KXB --reason "rolled forward instead"
    """


@waiver.command()
@click.argument("code")
@click.option("--lane", "where", metavar=LANE, required=True, help="The lane that takes the release.")
@releasing(required=True)
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is told wherever the waiver is used.")
@click.option("--approver", metavar="NAME", required=True, help="Who approves it; not you.")
@click.option("--expires", metavar="TIME", required=True, help="RFC 3339 with its zone: 2026-11-23T18:00:00+01:00.")
@pass_session
def grant(
    session: Session, code: str, where: str, artifact: str, ref: str, reason: str, approver: str, expires: str
) -> Answer:
    """Let a release pass one rule on a lane.

    Everything else is asked as always. The waiver counts until it expires or is revoked, also for a second run.

    \b
    Example:
      launchplane-gate waiver grant lane.not_bypassed --lane sellyouroutboard/prod \\
        --artifact ghcr.io/cbusillo/sellyouroutboard@sha256:... --ref 41620cf13151d1a12f09d06007d67bdf791d200c \\
        --reason "checkout is down" --approver github:alice --expires 2026-11-23T18:00:00+01:00
    """
    from launchplane_gate import waivers
    from launchplane_gate.report.waivers import granted_text

    expires_at = waivers.moment(expires)
    profile, lane = _lane_at(session.settings(), where)
    bundle = session.bundle()
    with session.records() as (_, _, ledger):
        granted = waivers.grant(
            ledger,
            bundle,
            profile,
            lane,
            code=code,
            artifact=artifact,
            ref=ref,
            reason=reason,
            approver=approver,
            expires_at=expires_at,
            actor=session.actor(),
        )
    return Answer({"waiver": granted.model_dump(mode="json")}, granted_text(granted, profile.product))


@waiver.command("list")
@click.option("--lane", "where", metavar=LANE, help="Those of this lane only.")
@click.option("--all", "everything", is_flag=True, help="Those that ended or were revoked, too.")
@pass_session
def list_(session: Session, where: str | None, everything: bool) -> Answer:
    """List the waivers: until when each counts, and which runs used it.

    \b
    Example:
      launchplane-gate waiver list --lane sellyouroutboard/prod --all
    """
    from launchplane_gate.lanes import lanes_of
    from launchplane_gate.report.waivers import waivers_text
    from launchplane_gate.waivers import look_at_waivers

    lane = _lane_at(session.settings(), where)[1] if where else None
    policies = session.bundle().settings
    with session.records() as (settings, _, ledger):
        products = {one: profile.product for profile in settings.profiles.values() for one in lanes_of(profile)}
        found = look_at_waivers(ledger, policies, products, lane)
    shown = [view for view in found if everything or view.state in ("live", "void")]
    none = "no waiver is in force" + ("" if everything or not found else "; --all shows those that ended")
    return Answer(
        {"waivers": [view.model_dump(mode="json") for view in shown]}, waivers_text(shown) if shown else [none]
    )


@waiver.command()
@click.argument("waiver_id", metavar="ID")
@click.option("--reason", metavar="TEXT", required=True, help="Why.")
@pass_session
def revoke(session: Session, waiver_id: str, reason: str) -> Answer:
    """End a waiver at once.

    A run that was let go because of it, and has not begun to deploy, is refused then; one that has is not stopped.

    \b
    Example:
      launchplane-gate waiver revoke w-7Q2M4KXB --reason "rolled forward instead"
    """
    from launchplane_gate import waivers
    from launchplane_gate.report.waivers import revoked_text

    with session.records() as (_, _, ledger):
        ended, revocation = waivers.revoke(ledger, waiver_id, reason=reason, actor=session.actor())
    document = {"waiver": ended.model_dump(mode="json"), "revoked": revocation.model_dump(mode="json")}
    return Answer(document, revoked_text(ended, revocation))


def _lane_at(settings: Settings, where: str) -> tuple[ProductProfile, Lane]:
    """The lane that ``PRODUCT/LANE`` names. Raises RequestError."""
    from launchplane_gate.line import find_lane

    product, _, instance = where.partition("/")
    profile = settings.profile(product)
    return profile, find_lane(profile, instance)
