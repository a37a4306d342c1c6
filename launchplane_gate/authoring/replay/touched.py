"""Which rules an edit touched. The others said then what they would say now: they are as they were, and so is all that
they rest on, and the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from launchplane_gate.authoring.replay.facts import by_package, reached
from launchplane_gate.authoring.replay.stored import Stored
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.packing import config_in, modules_in
from launchplane_gate.policy.bundle.syntax import Parsed, Source

RULES = "gate.rules."
CONFIG = ("data", "config")
ROLL_CALL = "roll_call"

Touched = Callable[[Stored], frozenset[str] | None]
"""The rules that are other ones than when a decision was made; None where each of them may be."""


class _Standing(NamedTuple):
    """``rules``: by its code, what a rule rests on; ``decision``: what asks them; ``config``: all but the roll call."""

    rules: Mapping[str, Any]
    decision: str
    config: Mapping[str, Any]


def every_rule(_: Stored) -> None:
    """Each rule may be another one."""


def touched_since(policies: Callable[[str], bytes | None], bundle: Bundle) -> Touched:
    """By the policies of each revision as they were kept. Those that decided are asked as a whole: under them each
    result has to come out again.
    """
    now = _standing(bundle.modules, bundle.config)

    @lru_cache(maxsize=64)
    def since(revision: str) -> tuple[frozenset[str] | None, bool]:
        packed = None if revision == bundle.revision else policies(revision)
        if not packed:
            return None, False
        then = _standing(modules_in(packed), config_in(packed))
        return _apart(then, now), then.config == now.config

    def of(stored: Stored) -> frozenset[str] | None:
        touched, as_configured = since(stored.revision)
        return touched if as_configured or not stored.offered else None  # whether a waiver counts is configured, too

    return of


def apart(a: Bundle, b: Bundle) -> frozenset[str] | None:
    """The rules that may say another thing in one than in the other; None where each of them may."""
    return _apart(_standing(a.modules, a.config), _standing(b.modules, b.config))


def _apart(one: _Standing, other: _Standing) -> frozenset[str] | None:
    if one.decision != other.decision:
        return None
    codes = one.rules.keys() | other.rules.keys()
    return frozenset(code for code in codes if one.rules.get(code) != other.rules.get(code))


def _standing(modules: Iterable[Source], config: Mapping[str, Any]) -> _Standing:
    parsed = by_package(modules)
    reads = {package: _configured(module, config) for package, module in parsed.items()}
    rules = {
        package.removeprefix(RULES): [
            (name, parsed[name].source.text, {key: config.get(key) for key in sorted(reads[name])})
            for name in sorted(reached(package, parsed))
        ]
        for package in parsed
        if package.startswith(RULES)
    }
    beside = {name: value for name, value in config.items() if name != ROLL_CALL}
    return _Standing(rules, parsed["gate.decision"].source.text, beside)


def _configured(module: Parsed, config: Mapping[str, Any]) -> frozenset[str]:
    """What a module reads of the configuration, by its first name; all of it where that is left open."""
    found: set[str] = set()
    for kind, node in (one for rule in module.rules for one in rule.nodes):
        if kind == "Reference" and node.parts[:2] == CONFIG[: len(node.parts)] and node.parts:
            found |= {node.parts[2]} if len(node.parts) > len(CONFIG) else config.keys()
    return frozenset(found)
