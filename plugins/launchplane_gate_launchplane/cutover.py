"""A context cutover: a product's lanes get another name, and nothing that is copied tells what they run.

The host copies the inventories and release tuples of the old names as if they had been written now. What a lane runs
that is the gate's, the gate writes, once it has seen it; all else is copied as ever, and so is what is not governed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from launchplane_gate_launchplane.protocol import Call

_LEFT_OUT = {"inventory_records": "instance", "release_tuple_records": "channel"}  # and what tells a lane in each


class _LeavesOut:
    """The host's store, which does not write what governed lanes of a context run."""

    def __init__(self, store: Any, context: str, instances: Collection[str]) -> None:
        self._store, self._context, self._instances = store, context, instances

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write_environment_inventory(self, record: Any) -> None:
        if not self._is_left_out(record.context, record.instance):
            self._store.write_environment_inventory(record)

    def write_release_tuple_record(self, record: Any) -> None:
        if not self._is_left_out(record.context, record.channel):
            self._store.write_release_tuple_record(record)

    def _is_left_out(self, context: str, instance: str) -> bool:
        return context.strip() == self._context.strip() and instance.strip() in self._instances


def cut_over(call: Call, context: str, instances: Collection[str]) -> dict[str, Any]:
    """Have the host do it, without what it would write of governed lanes; its answer, which says so."""
    told: Mapping[str, Any] = call.execute(_LeavesOut(call.record_store, context, instances))
    groups = {name: [_as_done(name, one, instances) for one in ones] for name, ones in told["groups"].items()}
    if groups == told["groups"]:
        return dict(told)
    counts = {
        name: counts if name not in _LEFT_OUT else _counted(groups[name]) for name, counts in told["counts"].items()
    }
    return {**told, "groups": groups, "counts": counts, "guardrails": [*told["guardrails"], _why(context, instances)]}


def _as_done(group: str, one: Mapping[str, Any], instances: Collection[str]) -> dict[str, Any]:
    is_left_out = group in _LEFT_OUT and str(one.get(_LEFT_OUT[group], "")).strip() in instances
    return {**one, "action": "skipped"} if is_left_out else dict(one)


def _counted(ones: list[dict[str, Any]]) -> dict[str, int]:
    return {action: sum(one["action"] == action for one in ones) for action in ("created", "skipped")}


def _why(context: str, instances: Collection[str]) -> str:
    lanes = ", ".join(f"{context}/{instance}" for instance in sorted(instances))
    return (
        f"The inventories and release tuples of {lanes} are not copied: the gate writes them, of what it has seen "
        "running. Clean up the old context, so that each target is one lane's, and deploy and promote again."
    )
