"""The line: from a request to a record. It reads top to bottom here; each stage is a module of its own.

gather    the facts, each lane read once; the release is resolved there
admit     the policies decide whether it may happen; the decision is saved with its whole input
deploy    the driver acts, behind the one door: ``approval.redeem``
confirm   the lane is looked at until the policies are content, or the time is over
record    promotion record, then inventory
publish   the release for exactly the recorded commit
"""

from __future__ import annotations

from launchplane_gate.errors import LedgerError, NotSettled, in_a_sentence
from launchplane_gate.hookspecs import Progress
from launchplane_gate.ledger import Key
from launchplane_gate.line import journal
from launchplane_gate.line.admit import admit
from launchplane_gate.line.confirm import confirm, runs_it_already
from launchplane_gate.line.deploy import deploy
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.gather import ask, gather
from launchplane_gate.line.interrupted import tell_what_became
from launchplane_gate.line.parts import Limits, Parts, find_lane
from launchplane_gate.line.publish import publish_again, publish_recorded
from launchplane_gate.line.record import leave_pending, record
from launchplane_gate.line.replay import already_open, key_of, replay
from launchplane_gate.model import Actor, Decision, Request, Run
from launchplane_gate.runs import read_run

__all__ = ["Limits", "Parts", "check", "find_lane", "publish_again", "run"]


def check(parts: Parts, request: Request, actor: Actor, progress: Progress) -> Decision:
    """See Gate.check."""
    errand = Errand(parts, request, actor, progress)
    return ask(errand, gather(errand, "admit", dry_run=True))


def run(parts: Parts, request: Request, actor: Actor, progress: Progress) -> Run:
    """See Gate.run."""
    errand = Errand(parts, request, actor, progress)
    key, limits = key_of(errand), parts.limits
    if open_run := already_open(errand, key):
        return open_run
    wait_s, lease_s = limits.lane_wait_s, limits.lease_s
    with parts.ledger.hold(errand.lanes, wait_s=wait_s, lease_s=lease_s, waiting=progress) as lease:
        errand.lease = lease
        tell_what_became(errand)
        if replayed := replay(errand, key):
            return publish_recorded(errand, replayed)
        _go(errand, key)
        ended = _read_back(errand)
        if ended.status in ("recorded", "unchanged"):
            ended = publish_recorded(errand, ended)
    if ended.status == "recorded":
        for wrong in parts.plugins.recorded(ended):
            progress(wrong)
    return ended


def _go(errand: Errand, key: Key | None) -> None:
    approval = admit(errand, key)
    if approval is None:
        return
    try:
        if runs_it_already(errand):
            return
        outcome = deploy(errand, approval)
        if outcome and confirm(errand):
            record(errand, approval, outcome)
    except BaseException as error:
        leave_pending(errand, approval)
        journal.close_after(errand, error, approval)
        if not isinstance(error, Exception):
            raise


def _read_back(errand: Errand) -> Run:
    try:
        return read_run(errand.parts.ledger, errand.run_id)
    except LedgerError as error:
        raise NotSettled(f"run {errand.run_id} ended, but how cannot be read: {in_a_sentence(error)}") from error
