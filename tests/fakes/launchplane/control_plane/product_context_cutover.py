"""A product's lanes get the name of another context: what stands under the old one is copied, the history is not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from .contracts.product_profile_record import LaunchplaneProductProfileRecord
from .contracts.rules import Closed
from .workflows.ship import utc_now_timestamp


class ProductContextCutoverRequest(Closed):
    product: str
    source_context: str
    target_context: str
    mode: Literal["dry-run", "apply"] = "dry-run"
    display_name: str = ""
    source_label: str = "service:product-context-cutover"


def apply_product_context_cutover(*, record_store: Any, request: ProductContextCutoverRequest) -> dict[str, object]:
    """A trap: an inventory that is copied is as if it had been written now."""
    if request.source_context == request.target_context:
        raise ValueError("a cutover goes from one context to another")
    profile = record_store.read_product_profile_record(request.product)
    now = utc_now_timestamp()
    kinds = {
        "dokploy_targets": ("dokploy_target", "dokploy_target_records", "instance"),
        "dokploy_target_ids": ("dokploy_target_id", "dokploy_target_id_records", "instance"),
        "inventory_records": ("environment_inventory", "environment_inventory", "instance"),
        "release_tuple_records": ("release_tuple", "release_tuple_records", "channel"),
    }
    groups: dict[str, list[dict[str, object]]] = {}
    for group, (_, listed, named) in kinds.items():
        groups[group] = _plan(getattr(record_store, f"list_{listed}")(), request, named)
    moved = _moved(profile, request, now)
    plan: dict[str, object] = {
        "product": request.product,
        "source_context": request.source_context,
        "target_context": request.target_context,
        "mode": request.mode,
        "profile": {"lane_contexts": {lane.instance: lane.context for lane in moved.lanes}},
        "groups": groups,
        "counts": {name: _counts(items) for name, items in groups.items()},
        "guardrails": ["The history of deployments and promotions stays where it is."],
    }
    if request.mode == "dry-run":
        return plan
    for group, named in (("dokploy_targets", "instance"), ("dokploy_target_ids", "instance")):
        kind, listed, _ = kinds[group]
        write = getattr(record_store, f"write_{kind}_record")
        for record in _to_copy(getattr(record_store, f"list_{listed}")(), request, named):
            write(record.model_copy(update={"context": request.target_context, "updated_at": now}))
    for record in _to_copy(record_store.list_environment_inventory(), request, "instance"):
        record_store.write_environment_inventory(
            record.model_copy(update={"context": request.target_context, "updated_at": now})
        )
    for record in _to_copy(record_store.list_release_tuple_records(), request, "channel"):
        tuple_id = f"{request.target_context}-{record.channel}-{record.artifact_id}"
        record_store.write_release_tuple_record(
            record.model_copy(update={"context": request.target_context, "tuple_id": tuple_id})
        )
    record_store.write_product_profile_record(moved)
    return {**plan, "applied": True}


def _moved(
    profile: LaunchplaneProductProfileRecord, request: ProductContextCutoverRequest, now: str
) -> LaunchplaneProductProfileRecord:
    lanes = tuple(
        lane.model_copy(update={"context": request.target_context})
        if lane.context == request.source_context or lane.instance in {"testing", "prod"}
        else lane
        for lane in profile.lanes
    )
    before = dict.fromkeys([*profile.historical_contexts, request.source_context])
    return profile.model_copy(
        update={
            "display_name": request.display_name or profile.display_name,
            "lanes": lanes,
            "historical_contexts": tuple(one for one in before if one != request.target_context),
            "updated_at": now,
            "source": request.source_label,
        }
    )


def _to_copy(records: Iterable[Any], request: ProductContextCutoverRequest, named: str) -> list[Any]:
    there = {getattr(record, named) for record in records if record.context == request.target_context}
    own = [record for record in records if record.context == request.source_context]
    return [record for record in own if getattr(record, named) not in there]


def _plan(records: Iterable[Any], request: ProductContextCutoverRequest, named: str) -> list[dict[str, object]]:
    copied = _to_copy(records, request, named)
    return [
        {named: getattr(record, named), "action": "created" if record in copied else "skipped"}
        for record in records
        if record.context == request.source_context
    ]


def _counts(items: list[dict[str, object]]) -> dict[str, int]:
    return {action: sum(item["action"] == action for item in items) for action in ("created", "skipped")}
