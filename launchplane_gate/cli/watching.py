"""Looking again and again, until somebody has seen enough."""

from __future__ import annotations

import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from launchplane_gate.cli.output import Answer, Screen, message_lines
from launchplane_gate.cli.stopping import Stopped
from launchplane_gate.cli.streams import is_gone
from launchplane_gate.errors import GateError

EVERY_S = 5.0
_PASSES = {"next", "observed", "waivers", "promotions"}  # what of a lane may say something else as time goes by


def watched(look: Callable[[], Answer]) -> Answer:
    """Show what ``look`` finds, until Ctrl-C: that ends it well, with the last of it and its exit code.

    A terminal is drawn anew; a pipe gets a block for each change. What goes wrong the first time is raised, and later
    shown: it may be mended while somebody watches.
    """
    with Screen() as screen:
        try:
            last = look()
            known = None
            while True:
                if screen.is_terminal or _lasting(last.document) != known:
                    known = _lasting(last.document)
                    screen.show([_head(screen), "", *last.text])
                time.sleep(EVERY_S)
                if is_gone(sys.stdout) or _is_closed():  # nobody reads any more, and nothing new would tell us
                    return Answer({}, [])
                last = _again(look)
        except KeyboardInterrupt as stopped:
            if isinstance(stopped, Stopped) and stopped.number != signal.SIGINT:
                raise
    return last if screen.is_terminal else replace(last, text=[])


def _is_closed() -> bool:
    """Whether the other end of standard output was closed."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def _again(look: Callable[[], Answer]) -> Answer:
    try:
        return look()
    except GateError as error:
        return Answer({"error": str(error)}, [*message_lines(error), f"  {error.hint}"], error.exit_code)


def _head(screen: Screen) -> str:
    at = f"As of {datetime.now(UTC):%H:%M:%S} UTC"
    return f"{at}, every {EVERY_S:.0f} s; Ctrl-C ends it." if screen.is_terminal else f"{at}:"


def _lasting(document: Mapping[str, Any]) -> object:
    """What of a look is the same as long as nothing happens."""
    lanes = [
        {
            **{name: fact for name, fact in lane.items() if name not in _PASSES},
            "promotions": [(one["to"], one["allowed"], one["code"], one["done"]) for one in lane["promotions"]],
            "waivers": [one["waiver"]["waiver_id"] for one in lane["waivers"]],
        }
        for lane in document.get("lanes", ())
    ]
    runs = [(run["run_id"], run["status"]) for one in document.get("products", ()) for run in one["runs"]]
    return lanes, runs, document.get("not_told"), document.get("error")
