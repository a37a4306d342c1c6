"""Commands as they were printed, typed by somebody: each in a process of its own."""

from __future__ import annotations

import shlex
import time

from launchplane_gate.commands import PROGRAM, WHY
from launchplane_gate.ledger import Ledger
from tests.cli.test_cli import Said, Site
from tests.warm import Process

WAITS = {"deploy", "promote", "rollback", "publish", "resume", "reconcile"}  # for a lane that somebody holds


def typed(site: Site, printed: str) -> Said:
    """What was printed is taken as it stands; of what is marked as the reader's, only why."""
    name, *words = shlex.split(printed.replace(WHY, "'it is a test'"))
    assert name == PROGRAM
    return ended(site.process(*words, *(["--wait", "60"] if WAITS & set(words[:2]) else [])))


def ended(process: Process) -> Said:
    out, err = process.communicate(timeout=90)
    assert process.returncode is not None
    return Said(process.returncode, out, err)


def newest(site: Site) -> str:
    """The id of the newest run."""
    ledger = Ledger.to_read(site.folder / "state", holds_records=True)
    try:
        return ledger.runs(limit=1)[0]
    finally:
        ledger.close()


def until_step(site: Site, step: str, process: Process, before: str) -> str:
    """Wait until a run has taken a step that is newer than the one ``before``; gives its id."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if (run_id := newest(site)) != before and step in _steps(site, run_id):
            return run_id
        time.sleep(0.01)
    raise AssertionError(f"it never came to {step}")


def _steps(site: Site, run_id: str) -> set[str]:
    ledger = Ledger.to_read(site.folder / "state", holds_records=True)
    try:
        return {entry.kind for entry in ledger.entries(subject=run_id)}
    finally:
        ledger.close()
