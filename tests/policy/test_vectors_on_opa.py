"""What the vectors say is right is what OPA says: they are by what the embedded engine is believed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from launchplane_gate import strictjson
from launchplane_gate.policy.engines.embedded.vectors import Vector, vectors
from tests import opa

HEADER = "import rego.v1\nimport future.keywords.not\n\n"
ERRORS = [vector for vector in vectors() if vector.kind == "error"]


def write(folder: Path, number: int, vector: Vector) -> None:
    text = vector.rego.replace("data.vector.", f"data.vector.v{number}.")
    (folder / f"v{number}.rego").write_text(f"package vector.v{number}\n\n{HEADER}{text}\n")


def ask(folder: Path, numbered: Iterable[tuple[int, Vector]]) -> tuple[int, str]:
    """The exit code, and the answer to each vector that has one, by its number."""
    inputs = []
    for number, vector in numbered:
        write(folder, number, vector)
        asked = f"answer := data.vector.v{number}.answer with input as {json.dumps(vector.policy_input)}"
        inputs.append(f'said["{number}"] := answer if {asked}')
    (folder / "asked.rego").write_text("package asked\n\n" + "\n\n".join(inputs))
    done = opa.run("eval", "--format", "raw", "--strict-builtin-errors", "--data", folder, "data.asked.said")
    return done.returncode, done.stdout + done.stderr


@opa.needs_opa
def test_opa_gives_the_answers_that_are_right(tmp_path: Path) -> None:
    answered = {number: vector for number, vector in enumerate(vectors()) if vector.kind != "error"}
    code, said = ask(tmp_path, answered.items())
    assert code == 0, said[:1000]
    answers = json.loads(said)
    for number, vector in answered.items():
        given = strictjson.dumps(answers[str(number)]) if str(number) in answers else "undefined"
        assert given == vector.right, vector.rego


@opa.needs_opa
@pytest.mark.parametrize("vector", ERRORS, ids=lambda vector: f"{vector.rego} on {vector.policy_input}")
def test_opa_ends_in_an_error_where_that_is_right(tmp_path: Path, vector: Vector) -> None:
    code, said = ask(tmp_path, [(0, vector)])
    assert code != 0
    assert "rego_parse_error" not in said
