"""What was heard of one request while the host handled it: its executors are told neither who asks nor under what key.

The host answers a request in one thread from end to end, and begins each with a trace id.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from launchplane_gate_launchplane.bridge.denied import GateDenied


@dataclass
class Heard:
    """``check``: the host's look for an idempotent answer, put off until it is known who owns the key.

    ``is_taken``: the gate took the call over. ``is_within``: its executor runs. ``denied`` and ``answer`` take the
    place of the next response.
    """

    trace_id: str
    identity: object = None
    scope: str = ""
    key: str = ""
    fingerprint: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    route: str = ""
    check: Callable[[], list[bytes] | None] = lambda: None
    is_taken: bool = False
    is_within: bool = False
    original_trace_id: str = ""
    denied: GateDenied | None = None
    answer: list[bytes] | None = None


class Hearing(threading.local):
    """The request that this thread handles; None where it handles none."""

    now: Heard | None = None


@dataclass(frozen=True, kw_only=True)
class BridgedCall:
    """A Call of the protocol, as it was heard."""

    route: str
    driver_id: str
    product: str
    request: BaseModel | None
    identity: object
    trace_id: str
    idempotency_key: str
    fingerprint: str
    scope: str
    record_store: Any
    control_plane_root: Path
    execute: Callable[[Any], Any]


def call_of(
    heard: Heard, request: BaseModel, arguments: Mapping[str, Any], execute: Callable[[Any], Any]
) -> BridgedCall:
    """The call that an executor of the host stands for, as its route, its caller and its arguments tell."""
    profile = arguments.get("profile")
    _, _, driver_id = heard.route.partition("/v1/drivers/")
    return BridgedCall(
        route=heard.route,
        driver_id=driver_id.partition("/")[0],
        product=profile.product if profile else str(heard.payload.get("product", "")).strip(),
        request=request,
        identity=heard.identity,
        trace_id=heard.trace_id,
        idempotency_key=heard.key,
        fingerprint=heard.fingerprint,
        scope=heard.scope,
        record_store=arguments["record_store"],
        control_plane_root=arguments.get("control_plane_root") or Path(),
        execute=execute,
    )
