"""Two engines for one question: a yes counts where both say it, and where they differ nobody has decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError, EnginesDiffer
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.decision import Heard, Said, hear
from launchplane_gate.policy.engines.protocol import PolicyEngine

Needed = Callable[[Mapping[str, Any]], bool]


class ConfirmedEngine:
    """A first engine, whose word counts where a second one says the same of each rule.

    ``needed`` tells of a question whether it is put to both; without it, each one is.
    """

    def __init__(self, first: PolicyEngine, second: PolicyEngine, needed: Needed | None = None) -> None:
        if first.revision != second.revision:
            raise EngineError(f"{first.name} and {second.name} have not the same policies")
        self._first, self._second, self._needed = first, second, needed

    @property
    def name(self) -> str:
        """That of both; in a decision stands that of whoever was asked."""
        return _confirmed(self._first.name, self._second.name)

    @property
    def revision(self) -> str:
        return self._first.revision

    def hear(self, roll_call: Sequence[str], policy_input: Mapping[str, Any]) -> Heard:
        """What each rule says. Raises EnginesDiffer where one of them is satisfied by one engine alone."""
        first = hear(self._first, roll_call, policy_input)
        if self._needed and not self._needed(policy_input):
            return first
        second = hear(self._second, roll_call, policy_input)
        pairs = {code: (first.said[code], second.said[code]) for code in roll_call}
        odd = {code: pair for code, pair in pairs.items() if pair[0].satisfied is not pair[1].satisfied}
        if odd:
            told = {code: (_told(one), _told(other)) for code, (one, other) in odd.items()}
            raise EnginesDiffer(first.engine, second.engine, told)
        return Heard(_confirmed(first.engine, second.engine), {code: _of_both(*pair) for code, pair in pairs.items()})

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        """The value at a path, where both have the same. Raises EngineError."""
        value, other = (engine.ask(path, policy_input) for engine in (self._first, self._second))
        if strictjson.dumps(value) != strictjson.dumps(other):
            raise EnginesDiffer(self._first.name, self._second.name, {path: ("one value", "another")})
        return value


def where_a_path_ends(bundle: Bundle) -> Needed:
    """Whether a question is about a promotion, or about a lane at which a path of its product ends."""

    def needed(policy_input: Mapping[str, Any]) -> bool:
        policy = bundle.settings.products.get(policy_input["request"]["product"])
        if policy_input["action"] == "promote" or policy is None:
            return True
        instance = policy_input["destination"]["lane"]["instance"]
        return any(path.to == instance for path in policy.paths)

    return needed


def _confirmed(first: str, second: str) -> str:
    return f"{first}, confirmed by {second}"


def _of_both(one: Said, other: Said) -> Said:
    """What two say who agree; what one of them could not evaluate, no waiver may overrule."""
    return other if one.evaluated and not other.evaluated else one


def _told(said: Said) -> str:
    if not said.evaluated:
        return "that it cannot be evaluated"
    return "satisfied" if said.satisfied else "not satisfied"
