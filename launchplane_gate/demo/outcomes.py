"""The page at the story's end: what was tried, what the gate said, and what testing and prod ran then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launchplane_gate.demo.workspace import LANES
from launchplane_gate.model import short
from launchplane_gate.report.text import Table, plain

SAID = {"fail": "failed", "unconfirmed": "not confirmed", "unchanged": "it runs there already"}
LONGEST = 23  # of what the gate said, so that the page has room in 80 columns
IN_DOUBT = "? not settled: the lane may run something else; what was last proven is named."


class Outcomes:
    """Filled by what each command answered, and read from what is on record."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, ...]] = []
        self._in_doubt: dict[str, bool] = {}  # by lane, as its last run left it

    def note(self, number: int, tried: str, document: Mapping[str, Any], inventories: Mapping[str, str]) -> None:
        """What came of a command; ``inventories``: what is on record of each lane since."""
        if lane := document.get("lane"):
            self._in_doubt[lane["lane"]["instance"]] = not lane["settled"]
        stand = [_stands(inventories.get(lane), self._in_doubt.get(lane, False)) for lane in LANES]
        self._rows.append((str(number), tried, _said(document), *stand))

    def note_lanes(self, document: Mapping[str, Any]) -> None:
        """What ``lanes`` finds, which looks at what runs."""
        found = {one["lane"]["instance"]: one for one in document["lanes"]}
        runs = [(found[lane]["runs"], not found[lane]["settled"]) for lane in LANES]
        stand = [_stands(release and release["source_git_ref"], in_doubt) for release, in_doubt in runs]
        self._rows.append(("", "as the lanes stand now", "", *stand))

    def page(self, width: int | None = None) -> str:
        """``width``: of the screen; None where lines do not end."""
        doubted = any("?" in cell for row in self._rows for cell in row[3:])
        table = Table(self._rows, ("", "what was tried", "what the gate said", *LANES), 0, prose=(1, 2))
        return plain([table, *(["", IN_DOUBT] if doubted else [])], width)


def _stands(commit: str | None, in_doubt: bool) -> str:
    return (short(commit) if commit else "-") + "?" * in_doubt


def _said(document: Mapping[str, Any]) -> str:
    """What the gate said, in few words."""
    if "error" in document:
        stale = document["error"]["kind"] == "StaleReplay"
        return "refused: no longer true" if stale else str(document["error"]["message"])
    status, publication = str(document["status"]), document["publication"]
    if status == "denied":
        code = next(one["code"] for one in document["admitted"]["results"] if one["status"] == "fail")
        whole = f"refused: {code}"
        return whole if len(whole) <= LONGEST else f"refused: {code.partition('.')[2]}"
    return SAID.get(status, status) + (f", {publication['version']}" if publication else "")
