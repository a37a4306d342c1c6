"""OPA answers as the embedded engine does, to the golden questions and with any one of their facts broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.authoring.bundle_file import write_bundle
from launchplane_gate.policy import load_bundle, shipped_policies
from launchplane_gate.policy.decision import ANSWER
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.protocol import Undefined
from tests import opa
from tests.policy.test_policies import NAMES, broken, case, nodes

pytestmark = (
    pytest.mark.thorough
)  # one server a question; tests/policy/test_opa_engine asks OPA of everything but the rules

QUERY = f"{{i: answer | some i, asked in input.asked; answer := {ANSWER} with input as asked}}"


def questions(name: str) -> Iterator[tuple[str, Any]]:
    """A golden question, and it with each fact left out, and with some of them changed."""
    golden = case(name)
    yield "golden", golden
    ways = [(node, *way) for node, _ in nodes(golden) for way in broken(golden, node)]
    step = len(ways) // 120  # all of them take half a minute
    for number, (node, change, question) in enumerate(ways):
        if change == "left out" or number % step == 0:
            yield f"{'.'.join(node)}: {change}", question


@opa.needs_opa
@pytest.mark.parametrize("name", NAMES)
def test_opa_gives_the_same_answers_and_messages(name: str, tmp_path: Path) -> None:
    bundle = replace(load_bundle([shipped_policies()]), config=case("config"))
    write_bundle(bundle, tmp_path / "gate.tar.gz")
    asked = dict(questions(name))
    assert len(asked) > 150
    (tmp_path / "input.json").write_text(json.dumps({"asked": list(asked.values())}))
    options = ["--bundle", "gate.tar.gz", "--input", "input.json", "--strict-builtin-errors", "--format", "raw"]
    done = opa.run("eval", *options, QUERY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[:2000]
    on_opa, embedded = json.loads(done.stdout), Interpreter(bundle.policies, bundle.data)
    different = [
        what
        for number, (what, question) in enumerate(asked.items())
        if on_opa.get(str(number)) != answer_of(embedded, question)
    ]
    assert different == []
    assert len(on_opa) > len(asked) / 2


def answer_of(interpreter: Interpreter, question: Any) -> Any:
    try:
        return interpreter.ask(ANSWER, question)
    except Undefined:
        return None
