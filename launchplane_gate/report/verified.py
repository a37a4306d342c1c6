"""What verifying found, as text: what is wrong first, then what was held to what, and what was not."""

from __future__ import annotations

from launchplane_gate.ledger import Verified
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import count

LOST = "This is not as it was written. Trust nothing in it until you know why; a backup has the rest."
NO_HEADS = "held to none: a chain that was rewritten as a whole, or lost its end, would not be seen (--head)"


def verified_text(found: Verified) -> list[Block]:
    wrong = [f"x {what}" for what in found.wrong]
    if found.wrong_beyond:
        wrong.append(f"x {count(found.wrong_beyond, 'thing')} more")
    verdict = LOST if wrong else f"{_entries(found)}: every chain is whole{_tables(found)}."
    return [*wrong, verdict, Table(_checks(found))]


def in_one_line(found: Verified) -> str:
    """For a list of things that were looked at."""
    archived = f", {count(found.archived, 'input')} archived" if found.archived else ""
    return f"{_entries(found)}, every chain is whole{_tables(found)}{archived}"


def _entries(found: Verified) -> str:
    return count(found.entries, "entry", "entries")


def _tables(found: Verified) -> str:
    return "" if found.runs is None else ", and all else is what they add up to"


def _checks(found: Verified) -> list[tuple[str, str]]:
    """A line for everything that was held to something, or could not be."""
    heads = NO_HEADS if found.heads is None else f"held to {count(found.heads, 'head')} kept elsewhere"
    rows = [("heads", heads), ("inputs", _inputs(found))]
    if found.runs is not None:
        rows.append(("runs", _runs(found)))
    if records := found.records:
        told = f"{records.whole} as written"
        told += f"; of {records.open} it is not known, their runs ended before" if records.open else ""
        told += f"; {records.others} of others, not judged" if records.others else ""
        rows.append(("records", told))
    if found.of == "ledger":
        rows.append(("database", _INTEGRITY[found.integrity]))
    return rows


_INTEGRITY = {
    "whole": "its own integrity check finds nothing",
    "broken": "its own integrity check finds it broken",
    "unasked": "it has no integrity check of its own",
}


def _inputs(found: Verified) -> str:
    told = f"{found.inputs} as decided on"
    return told + (f"; {found.archived} archived, which were not looked at" if found.archived else "")


def _runs(found: Verified) -> str:
    old = found.runs_of_format_1
    if not old:
        return f"{found.runs}, every column"
    return f"{found.runs}; of {old} of format 1 step and status alone, their entries tell no more"
