"""What stands in a store of the host, one record at a time: its own lists end at the first that is torn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.model import Lane
from launchplane_gate.records import Record
from launchplane_gate_launchplane.records import facts_in

SAFE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
_STATED = re.compile(rb'^  "(context|instance|to_instance)": "([^"\\]*)"', re.MULTILINE)
_ID = re.compile(r"(?:deployment|promotion|backup-gate)-(?:\d{8}T\d{6}Z-)?(.+)")


@dataclass(frozen=True)
class Text:
    """A record as it stands: its bytes, or why they cannot be had, and the lane that it is of, where that is told."""

    content: bytes = b""
    why: str = ""
    lane: Lane | None = None


class Shelf(Protocol):
    """The records of one kind. Whatever is asked for by a name has been held to ``safe`` before."""

    def standing(self, lane: Lane | None) -> Mapping[str, str]:
        """Of each that may be of a lane (of all for None) its id, and what changes whenever it does.

        Empty where it cannot be told whether it does. Raises RecordUnreadable where the store cannot be read.
        """

    def texts(self, names: Iterable[str]) -> Mapping[str, Text]:
        """Those that are there. Raises RecordUnreadable where the store cannot be read."""

    def where(self, name: str) -> str:
        """For people."""

    def holds_any(self) -> bool: ...


def safe(*parts: str) -> None:
    """Raises RecordUnreadable for what is no part of a name: it never reaches a path or a query."""
    for part in parts:
        if not SAFE_PART.fullmatch(part) or ".." in part:
            raise RecordUnreadable(f"{part[:80]!r} cannot be a part of a record's name")


def lane_of(text: bytes) -> Lane | None:
    """The lane that a record says it is of (a promotion is of where it goes); None where it does not say."""
    said = facts_in(text) or {key.decode(): value.decode(errors="replace") for key, value in _STATED.findall(text)}
    context, instance = said.get("context"), said.get("to_instance", said.get("instance"))
    if isinstance(context, str) and isinstance(instance, str) and context and instance:
        return Lane.model_construct(context=context, instance=instance)
    return None


def may_be_of(record_id: str, lane: Lane) -> bool:
    """Whether a record that says nothing may be of a lane, by its id: in the host's form that names one."""
    named = _ID.fullmatch(record_id)
    if not named:
        return True
    rest = f"{named[1]}-"
    return rest.startswith(f"{lane.context}-{lane.instance}-") or (
        rest.startswith(f"{lane.context}-") and f"-to-{lane.instance}-" in rest
    )


def is_one_operation(before: Record, after: Record) -> bool:
    """Whether a record may take the place of another: it is the same, or both are of one run, or of one deployment."""
    if before == after:
        return True
    told = [_operation(record) for record in (before, after)]
    return type(before) is type(after) and bool(told[0][-1]) and told[0] == told[1]


def lane_names(record: Record) -> list[str]:
    """The context of a record, and each instance that it names."""
    said = record.model_dump(mode="json", include={"context", "instance", "from_instance", "to_instance"})
    return [str(name) for name in said.values()]


def _operation(record: Record) -> tuple[str, ...]:
    """What a record is about; the last of it is empty for one that no operation is known of."""
    said = record.model_dump(mode="json")
    by = (said.get("runtime_source") or {}).get("gate_run_id") or said.get("deployment_record_id", "")
    return (*lane_names(record), (said.get("artifact_identity") or {}).get("artifact_id", ""), by)
