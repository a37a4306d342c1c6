"""Looks to draw pages of: one that a gate gave, of lanes in trouble, and the same with other texts in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from launchplane_gate.gate import Gate
from launchplane_gate.line.lane_requests import LaneRequest
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.page.look import Look, look_through
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, PolicyEngine
from launchplane_gate.sight import Sight
from tests.conftest import ACTOR, APPROVER, PRODUCT, PROFILE, TESTING, A, B, C, deploy, open_gate, promote
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher

T = TypeVar("T")
Told = Callable[[str, str], str]  # a field and what it says, to what it says instead

# What becomes the name of a file or an anchor, is one of a few words, or a revision that was proven to be one.
NAMES = {"product", "name", "context", "instance", "run_id", "decision_id", "to", "status", "action", "phase", "sign"}
NAMES |= {"mode", "digests", "state", "how", "paths", "subject_id"}


def troubled_gate(make_gate: Callable[..., Gate], platform: FakePlatform) -> Gate:
    """A release is out, a stale promotion was refused, testing is unsettled, prod is held and something is waived."""
    publisher = FakePublisher((PRODUCT,), platform.now)
    gate = make_gate(plugins=Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher}))
    statuses = [gate.run(deploy(A, reason="the first one"), ACTOR), gate.run(promote(version="v0.2.10"), ACTOR)]
    statuses += [gate.run(deploy(B), ACTOR), gate.run(promote(A), ACTOR)]
    platform.reports[str(TESTING)] = B.source_git_ref
    statuses.append(gate.run(deploy(C), ACTOR))
    ended = [run.status for run in statuses]
    assert ended == ["recorded", "recorded", "recorded", "denied", "unconfirmed"], ended
    gate.hold_lane(LaneRequest(PRODUCT, "prod", "the fair"), ACTOR, timedelta(hours=3))
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("window.open", PRODUCT, "prod", B.artifact_id, B.source_git_ref, "it cannot wait", until)
    gate.approve_waiver(gate.request_waiver(wanted, ACTOR).waiver_id, APPROVER)
    return gate


def seen_by(gate: Gate) -> Look:
    return look_through(Sight(gate), [PROFILE], ACTOR)


def look_of_trouble(state: Path, bundle: Bundle, engine: PolicyEngine) -> Iterator[Look]:
    """For a fixture: once for all tests that only read."""
    platform = FakePlatform()
    gate = troubled_gate(lambda **replaced: open_gate(state, bundle, engine, platform, **replaced), platform)
    yield seen_by(gate)
    gate.ledger.close()


def swapped(told: T, swap: Told, field: str = "") -> T:
    """The same, with each text in it as ``swap`` has it, whether a contract would let it be so or not."""
    changed: Any = told
    if isinstance(told, str):
        changed = swap(field, told)
    elif isinstance(told, BaseModel):
        parts = {name: getattr(told, name) for name in type(told).model_fields}
        changed = told.model_copy(update={name: swapped(part, swap, name) for name, part in parts.items()})
    elif is_dataclass(told) and not isinstance(told, type):
        parts = {one.name: getattr(told, one.name) for one in fields(told)}
        changed = replace(told, **{name: swapped(part, swap, name) for name, part in parts.items()})
    elif isinstance(told, tuple | list):
        changed = type(told)(swapped(part, swap, field) for part in told)
    elif isinstance(told, Mapping):
        changed = {key: swapped(part, swap, field) for key, part in told.items()}
    done: T = changed
    return done
