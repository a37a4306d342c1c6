"""``check``: ask the policies, and do nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from launchplane_gate.cli.asking import (
    deploy_request,
    deploying,
    promote_request,
    promoting,
    rollback_request,
    rolling_back,
)
from launchplane_gate.cli.explaining import explained, of_check
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.proposals import TakesFiles, check_proposals
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.gate import Gate
    from launchplane_gate.hookspecs import Progress
    from launchplane_gate.line import Checked
    from launchplane_gate.model import Actor, Decision, Request
    from launchplane_gate.policy import Bundle, PolicyEngine
    from launchplane_gate.report.points import Report


@click.group(cls=TakesFiles, invoke_without_command=True)
@click.option("--input", "source", metavar="FILE", help="A complete policy input as JSON; - is standard input.")
@explained
@click.pass_context
def check(context: click.Context, source: str | None, explains: bool) -> Answer | None:
    """Ask the policies, and do nothing.

    Allowed ends with 0, refused with 1. `check deploy`, `check promote` and `check rollback` gather the facts as the
    real thing would. `check --input` decides on facts that are given, and needs neither records nor platform; what an
    earlier decision was made on is in `launchplane-gate decisions show ID --output json`, at `input`. `check FILE...`
    is short for `check proposals`, of files that propose promotions.

    With --explain it says of a refusal what `launchplane-gate decisions explain` does of one on record.

    \b
    Examples:
      launchplane-gate check promote sellyouroutboard
      launchplane-gate check promote sellyouroutboard --explain
      launchplane-gate check promotion.yaml
      launchplane-gate check --input facts.json
    """
    if context.invoked_subcommand:
        if explains:
            raise click.UsageError(f"give --explain after {context.invoked_subcommand}", context)
        if source:
            raise click.UsageError(f"--input and {context.invoked_subcommand} cannot go together", context)
        return None
    if not source:
        raise click.UsageError("say what to check: deploy, promote, rollback, promotion.yaml or --input FILE", context)
    return _of_input(_read_input(source), context.ensure_object(Session), explains=explains)


check.add_command(check_proposals)


@check.command("deploy")
@deploying
@explained
@pass_session
def check_deploy(session: Session, /, explains: bool, **asked: Any) -> Answer:
    """Ask whether a release may be deployed to a lane.

    \b
    Example:
      launchplane-gate check deploy sellyouroutboard --to testing \\
        --artifact ghcr.io/cbusillo/sellyouroutboard@sha256:... --ref 41620cf13151d1a12f09d06007d67bdf791d200c
    """
    with session.gate(to_read=True) as gate, progress_shown() as progress:
        return _checked(gate, deploy_request(**asked), session.actor(), progress, explains=explains)


@check.command("promote")
@promoting
@explained
@pass_session
def check_promote(session: Session, /, explains: bool, **asked: Any) -> Answer:
    """Ask whether what one lane runs may be promoted to another.

    \b
    Example:
      launchplane-gate check promote sellyouroutboard --ref 41620cf13151d1a12f09d06007d67bdf791d200c
    """
    with session.gate(to_read=True) as gate, progress_shown() as progress:
        return _checked(gate, promote_request(gate, **asked), session.actor(), progress, explains=explains)


@check.command("rollback")
@rolling_back
@explained
@pass_session
def check_rollback(session: Session, /, explains: bool, **asked: Any) -> Answer:
    """Ask whether a lane may go back to what it ran before, and what that is.

    \b
    Example:
      launchplane-gate check rollback sellyouroutboard
    """
    with session.gate(to_read=True) as gate, progress_shown() as progress:
        return _checked(gate, rollback_request(gate, **asked), session.actor(), progress, explains=explains)


def _checked(gate: Gate, request: Request, actor: Actor, progress: Progress, *, explains: bool) -> Answer:
    checked = gate.checked(request, actor, progress)
    return _told(gate.bundle, gate.engine, checked, explains=explains)


def _told(bundle: Bundle, engine: PolicyEngine, checked: Checked, *, explains: bool) -> Answer:
    answer = _answer(checked.decision, bundle)
    return replace(of_check(bundle, engine, checked), report=answer.report) if explains else answer


def _answer(decision: Decision, bundle: Bundle) -> Answer:
    from launchplane_gate.report.decision import checked_line, checked_text

    def report() -> Report:
        from launchplane_gate.report.told import decision_report

        return decision_report("check", checked_line(decision), decision, bundle)

    document = {**decision.model_dump(mode="json"), "allowed": decision.allowed}
    return Answer(document, checked_text(decision), 0 if decision.allowed else 1, report=report)


def _read_input(source: str) -> dict[str, Any]:
    """A policy input, held to its contract. Raises RequestError, which names the place."""
    from pydantic import ValidationError

    from launchplane_gate import strictjson
    from launchplane_gate.errors import RequestError
    from launchplane_gate.policy_input import PolicyInput, StandingInput

    name = "standard input" if source == "-" else source
    try:
        if source == "-":
            text = sys.stdin.buffer.read(strictjson.MAX_BYTES + 1)
        else:
            with Path(source).open("rb") as opened:
                text = opened.read(strictjson.MAX_BYTES + 1)
        facts = strictjson.loads(text)
        of_standing = isinstance(facts, dict) and facts.get("phase") == "standing"
        (StandingInput if of_standing else PolicyInput).model_validate_json(text, strict=True)
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise RequestError(f"{name}: {_first_fault(error)}") from None
        reason = error.strerror if isinstance(error, OSError) else error
        raise RequestError(f"{name} {'cannot be read: ' if isinstance(error, OSError) else ''}{reason}") from None
    assert isinstance(facts, dict)  # its contract says so
    return facts


def _first_fault(error: Any) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the document"
    what = "is not a known key" if first["type"] == "extra_forbidden" else first["msg"][0].lower() + first["msg"][1:]
    more = error.error_count() - 1
    return f"{place}: {what}" + (f" ({more} more)" if more else "")


def _of_input(facts: Mapping[str, Any], session: Session, *, explains: bool) -> Answer:
    """Decide without records: the shipped policies, and those that the settings add where there are settings."""
    from datetime import UTC, datetime

    from launchplane_gate.line import Checked
    from launchplane_gate.policy import decide

    bundle = session.bundle(remembers=True)
    engine = session.engine(bundle, remembers=True)
    decision = decide(engine, bundle, facts, waivers=(), now=datetime.now(UTC), decision_id="not-saved")
    return _told(bundle, engine, Checked(decision, facts), explains=explains)
