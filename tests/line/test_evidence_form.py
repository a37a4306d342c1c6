"""What a plugin contributes is put to the policies as JSON; of what cannot be, the plugin is named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from launchplane_gate.errors import EvidenceFailed
from launchplane_gate.hookspecs import Question, hookimpl
from launchplane_gate.model import Container, Contract, Lane, Observation
from launchplane_gate.plugins import Plugins
from launchplane_gate.runs import read_run
from tests.conftest import ACTOR, PROD, PRODUCT, PROFILE, A, MakeGate, deploy, promote
from tests.fakes.platform import FakeHealth, FakePlatform


class Part(Contract):
    name: str
    seen: tuple[int, ...] = ()


class Facts(Contract):
    part: Part | None = None
    lane: Lane
    left_out: str = ""


FACTS = Facts(part=None, lane=PROD)
AS_JSON = {"part": None, "lane": {"context": PRODUCT, "instance": "prod"}}


@dataclass(eq=False)
class Telling:
    """A plugin that contributes what it is told to; nothing else in ``confirm``, where that is given."""

    says: Any
    in_confirm: Any = None

    @hookimpl
    def gate_evidence(self, question: Question) -> Any:
        return self.says if question.phase == "admit" or self.in_confirm is None else self.in_confirm


def asked(says: Any) -> Mapping[str, Any]:
    question = Question("admit", PROFILE, None, PROD, A, 5)
    return Plugins({"telling": Telling(says)}).evidence(question)


@pytest.mark.parametrize(
    ("says", "as_json"),
    [
        (FACTS, AS_JSON),
        ({"one": FACTS, "many": [FACTS, Part(name="a", seen=(1, 2))]}, {
            "one": AS_JSON, "many": [AS_JSON, {"name": "a", "seen": [1, 2]}],
        }),
        ({"a": (1, 2.5, None, True, "text")}, {"a": [1, 2.5, None, True, "text"]}),
        (None, None),
        ({}, {}),
    ],
)  # fmt: skip
def test_a_contract_is_evidence_and_whatever_else_is_json(says: Any, as_json: Any) -> None:
    assert asked(says) == {"telling": as_json}


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


ODD = [
    (["a", "list"], "it is a list, and no mapping"),
    ("text", "it is a str, and no mapping"),
    (Facts, "it is the class Facts, and no mapping"),
    ({"a": {"at": datetime(2026, 1, 1, tzinfo=UTC)}}, "a.at is of the type datetime"),
    ({"a": [1, {2}]}, "a.1 is of the type set"),
    ({"a": b"bytes"}, "a is of the type bytes"),
    ({1: "a key that is no text"}, "a key in it is no text, but of the type int"),
    ({"a": math.nan}, "a is nan, which is not JSON"),
    ({"a": 2**60}, "has an integer beyond 2^53"),
    ({"a": "\udc80"}, "has text that is not UTF-8"),
    (deep(63), "nested more than 62 levels deep"),
    (deep(100_000), "nested more than 62 levels deep"),
    ({"a": "x" * 5_000_000}, "larger than 4194304 bytes"),
]


@pytest.mark.parametrize(("says", "why"), ODD, ids=[why for _, why in ODD])
def test_what_cannot_be_asked_names_its_plugin(says: Any, why: str) -> None:
    with pytest.raises(EvidenceFailed) as failed:
        asked(says)
    said = str(failed.value)
    assert said.startswith("evidence of the plugin telling cannot be put to the policies: ") and why in said


def test_a_contract_goes_down_the_whole_line(make_gate: MakeGate, platform: FakePlatform) -> None:
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "telling": Telling(FACTS)})
    gate = make_gate(plugins=plugins)
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "recorded" and run.admitted
    [decided] = [entry for entry in gate.ledger.entries(subject=run.run_id) if entry.kind == "decided"]
    assert decided.input and decided.input["evidence"]["telling"] == AS_JSON


def test_what_cannot_be_asked_is_refused_and_in_confirm_not_confirmed(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    telling = Telling({"at": {1, 2}})
    gate = make_gate(plugins=Plugins({"fake": platform, "health": FakeHealth(platform), "telling": telling}))
    with pytest.raises(
        EvidenceFailed, match="evidence of the plugin telling cannot be put to the policies: at is of the type set"
    ):
        gate.run(deploy(A), ACTOR)
    assert platform.deploys == []
    telling.says, telling.in_confirm = FACTS, {"at": {1, 2}}
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unconfirmed"
    assert "telling" in read_run(gate.ledger, run.run_id).detail
    assert gate.check(promote(), ACTOR).allowed is False


MANY = Container(container_id="c", artifact_id=None, restarts=2**60)


@pytest.mark.parametrize("odd", [{"detail": "\udc80"}, {"containers": (MANY,)}])
def test_a_driver_whose_observation_cannot_be_asked_is_named(
    make_gate: MakeGate, platform: FakePlatform, odd: dict[str, Any]
) -> None:
    gate = make_gate()
    seen = platform.observe(PROD).model_copy(update=odd)

    def observe(lane: Any) -> Observation:
        return seen

    platform.observe = observe  # type: ignore[method-assign]  # a platform that tells what no policy can be asked
    with pytest.raises(EvidenceFailed, match=r"what the driver fake says of .* cannot be put to the policies: it"):
        gate.run(deploy(A), ACTOR)
    assert platform.deploys == []
