"""The chains of a ledger, read from their first entries: from its tables, or from a file that was exported.

Nothing here grows with the number of entries but a line for each input that was archived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.ledger.chain import hash_of
from launchplane_gate.ledger.database import GENESIS
from launchplane_gate.ledger.heads import KeptHead
from launchplane_gate.ledger.kept import body_in
from launchplane_gate.ledger.refusals import NOWHERE
from launchplane_gate.ledger.tables import ENTRY_FORMAT
from launchplane_gate.ledger.verified import Findings

ARCHIVED = "archived"  # the kind of an entry of NOWHERE that says which inputs stand elsewhere


@dataclass(frozen=True)
class _Archived:
    """Inputs from before a moment, ``inputs`` of them, were taken out when ``order`` entries stood."""

    order: int
    position: int
    before: str
    inputs: int


@dataclass(frozen=True)
class _Missing:
    order: int
    at: str
    entry: str


class Chains:
    """``heads`` has the last position and hash of each lane, by its name, as far as entries were taken."""

    def __init__(self, findings: Findings, kept: Iterable[KeptHead] = (), *, ledger_id: str = "") -> None:
        self.heads: dict[str, tuple[int, str]] = {}
        self.count = self.inputs = 0
        self._findings = findings
        self._archives: list[_Archived] = []
        self._missing: list[_Missing] = []
        self._kept: dict[tuple[str, str], list[str]] = {}
        self._rewritten: list[tuple[str, str, str]] = []  # the lane, the head that was kept, and the entry's name
        self._lost: set[tuple[str, str]] = set()  # heads that are on record as lost, since a ledger was restored
        for head in kept:
            if head.ledger_id != ledger_id:
                whose = f"{head.ledger_id[:8]}, not of this one, {ledger_id[:8] or 'which has no name'}"
                findings.add(f"{head.lane}: the head that was kept elsewhere is of the ledger {whose}")
            else:
                self._kept.setdefault((head.lane, str(head.position)), []).append(head.hash)

    @property
    def archived(self) -> int:
        """How many inputs stand elsewhere, for all that the entries say."""
        return len(self._missing)

    def take(self, entry: Mapping[str, Any]) -> dict[str, Any] | None:
        """Hold the next entry to the one before it; gives its body, or None where that cannot be read."""
        self.count += 1
        lane = f"{entry['context']}/{entry['instance']}"
        name = f"{lane}: entry {entry['position']}"
        position, previous = self.heads.get(lane, (0, GENESIS))
        follows = isinstance(position, int) and entry["position"] == position + 1
        if not follows or entry["previous"] != previous:
            self._findings.add(f"{name} does not follow entry {position}")
        if entry["hash"] != _hash_of(entry):
            self._findings.add(f"{name} ({entry['kind']}) was altered")
        elif entry["format"] not in (None, ENTRY_FORMAT):
            self._findings.add(f"{name} is of format {entry['format']}, which this version does not know")
        for expected in self._kept.pop((lane, str(entry["position"])), ()):
            if expected != entry["hash"]:
                self._rewritten.append((lane, f"{entry['position']}:{expected}", name))
        self.heads[lane] = (entry["position"], entry["hash"])
        body = self._body(entry, name)
        if body and lane == str(NOWHERE) and entry["kind"] == ARCHIVED:
            self._note_archive(entry, body, name)
        if body and isinstance(past := body.get("past"), dict):
            self._lost |= {(lane, str(head)) for head in past.get("heads") or ()}
        return body

    def _body(self, entry: Mapping[str, Any], name: str) -> dict[str, Any] | None:
        try:
            body = body_in(entry["body"])
        except (ValueError, TypeError) as error:
            self._findings.add(f"{name} ({entry['kind']}) cannot be read: its body {error}")
            return None
        if not isinstance(body, dict):
            self._findings.add(f"{name} ({entry['kind']}) cannot be read: its body is no object")
            return None
        return body

    def _note_archive(self, entry: Mapping[str, Any], body: Mapping[str, Any], name: str) -> None:
        before, inputs = body.get("before"), body.get("inputs")
        if isinstance(before, str) and isinstance(inputs, int):
            self._archives.append(_Archived(self.count, entry["position"], before, inputs))
        else:
            self._findings.add(f"{name} does not say which inputs were archived")

    def take_input(self, entry: Mapping[str, Any], text: bytes | None) -> None:
        """Hold the text of an entry's input, None where there is none, to what the entry says of it."""
        name = f"{entry['context']}/{entry['instance']}: entry {entry['position']}"
        if entry["format"] is None:
            if entry["input_digest"] is not None or entry["entry_id"] is not None:
                self._findings.add(f"{name} is of format 1 and has what that had not")
            self.inputs += entry["input"] is not None
            return
        if entry["input"] is not None:
            self._findings.add(f"{name} holds an input that no hash covers")
        if entry["input_digest"] is None:
            return
        if text is None:
            self._missing.append(_Missing(self.count, str(entry["at"]), name))
        elif strictjson.sha256(text) != entry["input_digest"]:
            self._findings.add(f"{name}: its input is not what was decided on")
        else:
            self.inputs += 1

    def end(self) -> None:
        """Tell what can be told only once every entry was taken."""
        for lane, head, name in self._rewritten:
            known = self._on_record(lane, head)
            self._findings.add(f"{name} is another one than the head kept elsewhere: the chain was rewritten{known}")
        for (lane, position), hashes in sorted(self._kept.items()):
            ends = self.heads.get(lane, (0, ""))[0]
            known = self._on_record(lane, f"{position}:{hashes[0]}")
            what = f"{lane}: entry {position} is not there, which a head kept elsewhere knows"
            self._findings.add(f"{what}: its chain ends at {ends}, and what followed was cut off{known}")
        self._hold_to_archives()

    def _on_record(self, lane: str, head: str) -> str:
        return " (it is on record as lost)" if (lane, head) in self._lost else ""

    def _hold_to_archives(self) -> None:
        covered = dict.fromkeys(self._archives, 0)
        for missing in self._missing:
            archive = next((a for a in self._archives if a.before > missing.at and a.order > missing.order), None)
            if archive:
                covered[archive] += 1
            else:
                self._findings.add(f"{missing.entry}: its input is gone, and was not archived")
        for archive, gone in covered.items():
            if gone > archive.inputs:
                said = f"{NOWHERE}: entry {archive.position} says that {archive.inputs} inputs were archived"
                self._findings.add(f"{said}; {gone} are gone")


def _hash_of(entry: Mapping[str, Any]) -> str:
    try:
        return hash_of(entry)
    except (TypeError, ValueError):  # no entry of ours holds what has no canonical JSON
        return ""
