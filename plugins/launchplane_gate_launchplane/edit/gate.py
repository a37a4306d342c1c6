"""A gate between what is asked of Launchplane, and authorized, and what then changes a lane.

``install`` puts one in place for this process. As long as there is none, everything goes its way as
if this module were not here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click
from pydantic import BaseModel

GATE_READ_ACTIONS = frozenset({"gate_decision.read", "gate_lane.read"})

Result = TypeVar("Result")


class GateDenied(Exception):
    """What was asked for is not done. Becomes the answer, with this status and code."""

    def __init__(self, *, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class GateCall:
    """An authorized write. ``execute`` makes it, with the record store that it is given."""

    route: str
    driver_id: str
    product: str
    request: BaseModel | None
    identity: object
    trace_id: str
    idempotency_key: str
    fingerprint: str
    scope: str
    record_store: object
    control_plane_root: Path
    execute: Callable[[Any], Any]


class GateAnswer(Protocol):
    """``result`` is what the executor would have returned; ``original_trace_id`` tells a replay."""

    @property
    def result(self) -> Any: ...

    @property
    def original_trace_id(self) -> str: ...


class GateReading(Protocol):
    """``payload`` may be shown to those who may do the action in ``context``."""

    @property
    def context(self) -> str: ...

    @property
    def payload(self) -> dict[str, object]: ...


class Gate(Protocol):
    def run(self, call: GateCall) -> GateAnswer | None:
        """Take a call over, and its idempotency key; None for one that is not governed.

        Raises GateDenied.
        """

    def change(
        self,
        *,
        method: str,
        path: str,
        payload: Any,
        query: Any,
        timeout_s: float,
        send: Callable[[Any, float], Any],
    ) -> object:
        """Stand around a request to the provider, which ``send(payload, timeout_s)`` makes.

        Raises GateDenied, and what ``send`` raises.
        """

    def read(self, action: str, params: Mapping[str, str]) -> GateReading:
        """Raises FileNotFoundError for what there is not, and GateDenied."""


_gates: list[Gate] = []


def install(gate: Gate | None) -> None:
    """For every thread of this process, from now on; None takes it out again."""
    _gates[:] = [] if gate is None else [gate]


def installed() -> Gate | None:
    return next(iter(_gates), None)


@dataclass(frozen=True, kw_only=True)
class GatedWrite:
    """A write of which the gate was asked. ``answer`` is None where it is not governed."""

    call: GateCall
    answer: GateAnswer | None

    def result_of(self, executor: Callable[..., Result]) -> Result:
        """The gate's, or else that of the executor, which runs now."""
        if self.answer is not None:
            result: Result = self.answer.result
        else:
            result = self.call.execute(self.call.record_store)
        return result

    @property
    def governed(self) -> bool:
        return self.answer is not None

    @property
    def original_trace_id(self) -> str:
        return self.answer.original_trace_id if self.answer is not None else ""


@dataclass(frozen=True, kw_only=True)
class GateWriter:
    """Who writes, and what the service knows of that before it knows what is written."""

    route: str
    identity: object
    trace_id: str
    idempotency_key: str
    fingerprint: str
    scope: str
    record_store: object
    control_plane_root: Path

    def write(
        self,
        *,
        driver_id: str = "",
        product: str = "",
        request: BaseModel | None,
        execute: Callable[[Any, Any], Any],
    ) -> GatedWrite:
        call = GateCall(
            route=self.route,
            driver_id=driver_id,
            product=product,
            request=request,
            identity=self.identity,
            trace_id=self.trace_id,
            idempotency_key=self.idempotency_key,
            fingerprint=self.fingerprint,
            scope=self.scope,
            record_store=self.record_store,
            control_plane_root=self.control_plane_root,
            execute=lambda record_store: execute(record_store, request),
        )
        gate = installed()
        return GatedWrite(call=call, answer=None if gate is None else gate.run(call))


def ask_for_command(
    command: str,
    *,
    request: BaseModel | None,
    record_store: Callable[[], object],
    control_plane_root: Callable[[], Path],
) -> None:
    """Let a command go on only where what it writes is not governed.

    A command writes through stores of its own, and so cannot be run by a gate.
    """
    if installed() is None:
        return

    def execute(_record_store: object, _request: object) -> None:
        raise GateDenied(
            status=409,
            code="not_through_the_gate",
            message=f"{command} cannot be run by the gate that is installed; use the service.",
        )

    writer = GateWriter(
        route=command,
        identity=None,
        trace_id="",
        idempotency_key="",
        fingerprint="",
        scope="",
        record_store=record_store(),
        control_plane_root=control_plane_root(),
    )
    if writer.write(request=request, execute=execute).governed:
        execute(None, request)


def match_gate_read_route(segments: list[str]) -> tuple[str, dict[str, str]] | None:
    """The routes that are there with a gate only."""
    if installed() is None:
        return None
    match segments:
        case ["v1", "gate", "decisions", decision_id]:
            return "gate_decision.read", {"decision_id": decision_id}
        case ["v1", "gate", "lanes", context, instance]:
            return "gate_lane.read", {"context": context, "instance": instance}
        case ["v1", "gate", "lanes", context, instance, "from", source]:
            return "gate_lane.read", {"context": context, "instance": instance, "from": source}
        case _:
            return None


def read_from_gate(action: str, params: Mapping[str, str]) -> GateReading:
    """Raises FileNotFoundError for what there is not, which a gate that is gone has nothing of."""
    gate = installed()
    if gate is None:
        raise FileNotFoundError(action)
    return gate.read(action, params)


class GatedGroup(click.Group):
    """Commands that tell in one sentence that the gate refused."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GateDenied as denied:
            raise click.ClickException(denied.message) from denied
