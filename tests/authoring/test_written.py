"""Rego that is written out of syntax trees means what was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.authoring.explain.written import Writer
from launchplane_gate.policy.bundle.syntax import Source, parse
from tests.places import POLICIES

_RULES = [path for path in sorted(POLICIES.rglob("*.rego")) if not path.name.endswith("_test.rego")]


def said(node: Any) -> Any:
    """A tree without where its nodes stand."""
    if isinstance(node, list | tuple):
        return [said(item) for item in node if not _is_place(item)]
    if isinstance(node, dict):
        left = {"span", "eidx", "sidx", "qidx", "key" if _is_place(node.get("key")) else ""}
        left |= {"value"} if _is_place(node.get("value")) else set()
        return {key: said(value) for key, value in node.items() if key not in left}
    return node


def _is_place(node: Any) -> bool:
    return isinstance(node, dict) and node.keys() >= {"line", "col", "start"}


@pytest.mark.parametrize("path", _RULES, ids=lambda path: str(path.relative_to(POLICIES)))
def test_every_statement_of_the_shipped_policies_is_written_as_it_was_read(path: Path) -> None:
    module = parse(Source(path.name, path.name, path.read_text()))
    writer = Writer(module)
    bodies = [body for rule in module.rules for body in rule.bodies if body["query"]["stmts"]]
    again = "\n".join(f"r{index} if {{ {writer.query(body['query'])} }}" for index, body in enumerate(bodies))
    reread = parse(Source("again.rego", "again.rego", f"package again\n\n{again}\n"))
    assert [said(rule.bodies[0]["query"]["stmts"]) for rule in reread.rules] == [
        said(body["query"]["stmts"]) for body in bodies
    ]
