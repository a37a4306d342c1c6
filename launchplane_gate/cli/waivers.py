"""``waiver``: leave to pass one rule, once somebody else has approved it; breaking glass is one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.asking import releasing
from launchplane_gate.cli.command import Changing, Group
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

    One person requests it, and it counts once another one has approved it, who is verified and may approve there. The
    policies say which rules can be waived, for how long, and who may request and approve (`may` of an entry of
    `actors`). A direct deploy to the destination of a promotion, in an emergency, is a waiver of lane.not_bypassed.

    Who approves is verified by a token, or by a signature of an SSH key that the policies list: that works while GitHub
    is away.

    \b
    Examples:
      launchplane-gate waiver request lane.not_bypassed --lane sellyouroutboard/prod --artifact ... --ref ... \\
        --reason "checkout is down" --expires 2h
      launchplane-gate waiver text w-7Q2M4KXB > w.txt                   # the approver reads it, then signs it
      ssh-keygen -Y sign -n launchplane-gate -f ~/.ssh/id_ed25519 w.txt
      launchplane-gate waiver approve w-7Q2M4KXB --signature w.txt.sig
    """


@waiver.command(cls=Changing)
@click.argument("code")
@click.option("--lane", "where", metavar=LANE, required=True, help="The lane that takes the release.")
@releasing(required=True)
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is told wherever the waiver is used.")
@click.option(
    "--expires",
    metavar="TIME",
    required=True,
    help="When it ends: 2026-11-23T18:00:00+01:00, or how long it counts: 30m, 2h, 1d12h.",
)
@click.option(
    "--approver", metavar="NAME", default="", help="Who approved it, where the policies take your word (by_word)."
)
@pass_session
def request(
    session: Session, code: str, where: str, artifact: str, ref: str, reason: str, expires: str, approver: str
) -> Answer:
    """Ask for leave to let a release pass one rule on a lane.

    Everything else is asked as always. Once it is approved it counts until it expires or is revoked, also for a second
    run.

    \b
    Example:
      launchplane-gate waiver request lane.not_bypassed --lane sellyouroutboard/prod \\
        --artifact ghcr.io/cbusillo/sellyouroutboard@sha256:... --ref 41620cf13151d1a12f09d06007d67bdf791d200c \\
        --reason "checkout is down" --expires 2h
    """
    from launchplane_gate.line.waive import WaiverRequest
    from launchplane_gate.report.waivers import requested_text
    from launchplane_gate.waivers import end_of

    product, instance = _named(where)
    expires_at = end_of(expires, "expires")
    wanted = WaiverRequest(code, product, instance, artifact, ref, reason, expires_at, approver)
    with session.gate() as gate:
        requested = gate.request_waiver(wanted, session.actor())
        approvers = [entry.subject for entry in gate.bundle.settings.approvers(product, instance)]
    return Answer({"waiver": requested.model_dump(mode="json")}, requested_text(requested, approvers))


@waiver.command(cls=Changing)
@click.argument("waiver_id", metavar="ID")
@click.option(
    "--signature",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A signature of what `waiver text ID` prints; - is standard input.",
)
@pass_session
def approve(session: Session, waiver_id: str, signature: Path | None) -> Answer:
    """Let a waiver count that somebody else requested.

    You are who a token proves you to be (in CI, or in LAUNCHPLANE_GATE_OIDC_TOKEN), or who made the signature: then
    anybody may hand it in.

    \b
    Examples:
      launchplane-gate waiver approve w-7Q2M4KXB
      launchplane-gate waiver approve w-7Q2M4KXB --signature w.txt.sig
    """
    from launchplane_gate.report.waivers import approved_text

    signed = _read_signature(signature) if signature else None
    with session.gate() as gate:
        approved = gate.approve_waiver(waiver_id, session.actor(), signed)
    return Answer({"waiver": approved.model_dump(mode="json")}, approved_text(approved))


@waiver.command()
@click.argument("waiver_id", metavar="ID")
@pass_session
def text(session: Session, waiver_id: str) -> Answer:
    """Print what an approver signs: the whole waiver, to be read first.

    \b
    Example:
      launchplane-gate waiver text w-7Q2M4KXB > w.txt
    """
    from launchplane_gate.line.waive import text_to_sign

    with session.records() as (_, _, ledger):
        told = text_to_sign(ledger, waiver_id)
    return Answer({"text": told}, told.splitlines())


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
    from launchplane_gate.model import lanes_of
    from launchplane_gate.report.waivers import waivers_text
    from launchplane_gate.waivers import look_at_waivers

    lane = _lane_at(session.settings(), where)[1] if where else None
    policies = session.bundle().settings
    with session.records() as (settings, _, ledger):
        products = {one: profile.product for profile in settings.profiles.values() for one in lanes_of(profile)}
        found = look_at_waivers(ledger, policies, products, lane)
    shown = [view for view in found if everything or view.state in ("live", "requested", "void")]
    none = "no waiver is in force" + ("" if everything or not found else "; --all shows those that ended")
    return Answer(
        {"waivers": [view.model_dump(mode="json") for view in shown]}, waivers_text(shown) if shown else [none]
    )


@waiver.command(cls=Changing)
@click.argument("waiver_id", metavar="ID")
@click.option("--reason", metavar="TEXT", required=True, help="Why.")
@pass_session
def revoke(session: Session, waiver_id: str, reason: str) -> Answer:
    """End a waiver at once; whoever may ship to its lane may do so.

    A run that was let go because of it, and has not begun to deploy, is refused then; one that has is not stopped.

    \b
    Example:
      launchplane-gate waiver revoke w-7Q2M4KXB --reason "rolled forward instead"
    """
    from launchplane_gate.report.waivers import revoked_text

    with session.gate() as gate:
        ended, revocation = gate.revoke_waiver(waiver_id, reason, session.actor())
    document = {"waiver": ended.model_dump(mode="json"), "revoked": revocation.model_dump(mode="json")}
    return Answer(document, revoked_text(ended, revocation))


def _read_signature(path: Path) -> str:
    """Raises RequestError."""
    from launchplane_gate.errors import RequestError
    from launchplane_gate.private import read_regular
    from launchplane_gate.ssh import MAX_CHARACTERS

    try:
        most, is_input = MAX_CHARACTERS + 1, str(path) == "-"
        signature = sys.stdin.buffer.read(most) if is_input else read_regular(path, most)
        return signature.decode("ascii", "replace")
    except OSError as error:
        raise RequestError(f"--signature: {path} cannot be read: {error.strerror}", hint="Nothing was done.") from None


def _named(where: str) -> tuple[str, str]:
    """Product and instance of ``PRODUCT/LANE``. Raises RequestError."""
    from launchplane_gate.errors import RequestError

    product, _, instance = where.partition("/")
    if not product or not instance:
        raise RequestError(f"--lane: {where[:80]!r} is not {LANE}", hint="Nothing was done.")
    return product, instance


def _lane_at(settings: Settings, where: str) -> tuple[ProductProfile, Lane]:
    """The lane that ``PRODUCT/LANE`` names. Raises RequestError."""
    from launchplane_gate.line import find_lane

    product, _, instance = where.partition("/")
    profile = settings.profile(product)
    return profile, find_lane(profile, instance)
