"""A case that was read, and can be asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from launchplane_gate.authoring.cases.form import CaseFile, CaseWaiver, Result
from launchplane_gate.authoring.cases.paths import Stated
from launchplane_gate.authoring.cases.questions import Layer, asked
from launchplane_gate.authoring.changes import MISSING
from launchplane_gate.model import Lane, ReleaseIdentity, Waiver, WaiverApproval
from launchplane_gate.moments import unstamp
from launchplane_gate.policy import Bundle

_HOUR = timedelta(hours=1)
_NO_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # of a question that knows none


@dataclass(frozen=True)
class Case:
    """``name`` is its path below ``cases/``, ``start`` the good question at its bottom, ``layers`` what changes that.

    ``bundle``: the policies that it holds for. ``lines``: where each rule, and what is decided, is expected.
    """

    name: str
    file: str
    said: CaseFile
    start: Mapping[str, Any]
    layers: tuple[Layer, ...]
    bundle: Bundle
    lines: Mapping[str, int]

    @property
    def full_name(self) -> str:
        return f"cases.{self.name.replace('/', '.')}"

    @cached_property
    def stated(self) -> tuple[Stated, ...]:
        """All facts that it states, those of the cases that it starts from included; its own first."""
        return tuple(one for layer in reversed(self.layers) for one in layer.stated)

    @cached_property
    def missing(self) -> tuple[Stated, ...]:
        return tuple(one for one in self.stated if one.value is MISSING)

    def question(self, but: Collection[Stated] = ()) -> dict[str, Any]:
        return asked(self.start, self.layers, but)

    @cached_property
    def roll_call(self) -> tuple[str, ...]:
        return roll_call_of(self.bundle, self.question())

    @cached_property
    def expected(self) -> dict[str, Result]:
        return {code: self.said.rules.get(code, "satisfied") for code in self.roll_call}

    def line_of(self, code: str) -> int:
        return self.lines.get(code, self.lines["expect"])


def roll_call_of(bundle: Bundle, question: Mapping[str, Any]) -> tuple[str, ...]:
    request = question["request"]
    return bundle.roll_call(
        question["action"],
        question["phase"],
        question["driver"]["driver_id"],
        request["product"],
        request.get("version"),
    )


def moment_of(question: Mapping[str, Any]) -> datetime:
    return unstamp(str(question.get("now"))) or _NO_TIME


def waivers_of(said: tuple[CaseWaiver, ...], question: Mapping[str, Any]) -> tuple[Waiver, ...]:
    """The waivers of a case, for the lane and the release of its question; of no release there is none."""
    release = question["release"]
    return tuple(_waiver(f"w-{number}", one, question) for number, one in enumerate(said, 1) if one.release or release)


def _waiver(name: str, said: CaseWaiver, question: Mapping[str, Any]) -> Waiver:
    now, lane = moment_of(question), question["destination"]["lane"]
    requested_at = (unstamp(said.requested_at) if said.requested_at else None) or now - _HOUR
    approved = said.approved_by
    return Waiver(
        waiver_id=name,
        code=said.rule,
        product=question["request"]["product"],
        lane=Lane(context=lane["context"], instance=said.lane or lane["instance"]),
        release=said.release or ReleaseIdentity.model_validate(question["release"]),
        reason="a case",
        requested_by=said.requested_by,
        requested_at=requested_at,
        expires_at=(unstamp(said.expires_at) if said.expires_at else None) or now + _HOUR,
        approval=WaiverApproval(by=approved, how=said.how, at=requested_at) if approved else None,
    )
