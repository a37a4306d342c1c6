"""Where in the files of a bundle a thing stands."""

from __future__ import annotations

from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.syntax import parse


def place_of_rule(bundle: Bundle, code: str) -> tuple[str, int] | None:
    """The file of a rule and the line on which it is satisfied; None where no rule has the code."""
    if code not in bundle.metadata:
        return None
    file = bundle.file_of(code)
    module = parse(next(module for module in bundle.modules if module.file == file))
    return file, next(rule.line for rule in module.rules if rule.name == "satisfied")
