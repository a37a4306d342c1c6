"""Asking again what was decided, and what becomes of it under other policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from launchplane_gate import strictjson
from launchplane_gate.authoring.replay.facts import ReadBefore, Reads, never_had
from launchplane_gate.authoring.replay.stored import Result, Stored
from launchplane_gate.errors import EngineError
from launchplane_gate.ledger.kept import LARGEST
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.floor import VERSION_CODES
from launchplane_gate.policy.decision import Ask, ask_rules, held_to_contract, roll_call_of, weigh
from launchplane_gate.policy.engines.embedded.interpreter import VERSION, Interpreter
from launchplane_gate.policy.engines.embedded.worker import Worker
from launchplane_gate.policy.engines.protocol import Unanswered
from launchplane_gate.policy_input import PolicyInput, StandingInput
from launchplane_gate.settings import EmbeddedSettings

Flip = Literal["same", "allow-to-deny", "deny-to-allow", "not-known", "undecided"]
Facts = PolicyInput | StandingInput
ENGINE = f"embedded regorus {VERSION}"


class Change(NamedTuple):
    """What a rule said then and says now; None where it was not asked. ``never_had``: a fact that it reads now."""

    code: str
    was: Result | None
    now: Result | None
    never_had: str = ""

    @property
    def is_of_status(self) -> bool:
        return self.was is None or self.now is None or self.was.status != self.now.status


@dataclass(frozen=True)
class Replayed:
    """What became of one decision. ``differs``: the policies that decided say another thing now.

    ``why``: it could not be decided again; ``unanswered``: the engine had to be stopped.
    """

    stored: Stored
    flip: Flip
    changes: tuple[Change, ...] = ()
    why: str = ""
    unanswered: bool = False
    differs: bool = False


@dataclass(frozen=True)
class Policies:
    """What is asked. ``data`` is what the rules read beside the input; ``reads`` by the rules of the bundle.

    ``rules``: the only ones that are compared; none: all of them. ``exact``: what rules said is as they said it; in a
    sample there are other words for some.
    """

    bundle: Bundle
    data: Mapping[str, Any]
    reads: Reads
    before: ReadBefore
    rules: frozenset[str] = frozenset()
    exact: bool = True


class Asker:
    """Asks in a process of the engine of its own; from one thread at a time.

    Of the rules no more are loaded than a question of its kind may have on its roll call: whoever asks for one rule has
    all of them evaluated.
    """

    def __init__(self, policies: Policies, bounds: EmbeddedSettings) -> None:
        self.policies = policies
        self._worker = Worker(bounds)
        self._interpreters: dict[str, Interpreter] = {}
        self.is_over = False  # whoever waits wants no more answers

    def stop(self) -> None:
        self._worker.stop()

    def again(self, stored: Stored) -> Replayed:
        """Ask one that has its input. What cannot be decided again says why."""
        assert stored.input_text is not None
        if self.is_over:
            return Replayed(stored, "undecided", why="nobody waits for it any more")
        try:
            policy_input = strictjson.loads(stored.input_text, max_bytes=LARGEST)
            facts = held_to_contract(policy_input)
        except (EngineError, ValueError, AttributeError) as error:
            return Replayed(stored, "not-known", why=f"{error}: an older or newer version wrote it")
        try:
            now = self._results(stored, policy_input, facts)
        except EngineError as error:
            return Replayed(stored, "undecided", why=str(error), unanswered=isinstance(error, Unanswered))
        return self._compared(stored, policy_input, now)

    def _results(self, stored: Stored, policy_input: Mapping[str, Any], facts: Facts) -> dict[str, Result]:
        """Raises EngineError."""
        assert stored.input_text is not None
        bundle = self.policies.bundle
        roll_call = roll_call_of(bundle, facts)
        ask = self._ask(facts.action, facts.phase, stored.input_text)
        said = ask_rules(ask, roll_call, policy_input)
        results, _ = weigh(bundle, facts, roll_call, said, waivers=stored.offered, now=stored.at)
        return {one.code: Result(one.status, one.message) for one in results}

    def _ask(self, action: str, phase: str, text: str) -> Ask:
        kind = f"{action} {phase}" if phase == "admit" else phase
        if kind not in self._interpreters:
            self._interpreters[kind] = self._interpreter(action, phase)
        interpreter = self._interpreters[kind]
        return lambda path, _: interpreter.value(path, text)

    def _interpreter(self, action: str, phase: str) -> Interpreter:
        """Of what may be asked in a phase; of ``admit``, for which most is asked, by one action."""
        bundle = self.policies.bundle
        wanted = set(VERSION_CODES)  # which the core has asked whatever the roll call says
        for _, of, at, codes in bundle.settings.roll_call.lists():
            if at == phase and (of == action or at != "admit"):
                wanted.update(codes)
        paths = {f"gate/rules/{code.replace('.', '/')}.rego" for code in wanted}
        modules = [one for one in bundle.policies if one[0] in paths or not one[0].startswith("gate/rules/")]
        return Interpreter(modules, self.policies.data, by=self._worker)

    def _compared(self, stored: Stored, policy_input: Mapping[str, Any], now: Mapping[str, Result]) -> Replayed:
        rules = self.policies.rules
        was = {code: result for code, result in stored.results.items() if not rules or code in rules}
        now = {code: result for code, result in now.items() if not rules or code in rules}
        changes = [
            self._with_what_is_missing(stored, policy_input, Change(code, was.get(code), now.get(code)))
            for code in dict.fromkeys((*was, *now))
            if was.get(code) != now.get(code)
        ]
        allowed = all(result.is_good for result in was.values()) and bool(rules or was)
        replayed = Replayed(stored, _flip(allowed, now, changes), tuple(changes))
        if stored.revision != self.policies.bundle.revision:
            return replayed
        words_count = self.policies.exact and stored.engine == ENGINE  # another engine may write a number otherwise
        return replace(replayed, differs=any(words_count or change.is_of_status for change in changes))

    def _with_what_is_missing(self, stored: Stored, policy_input: Mapping[str, Any], change: Change) -> Change:
        if change.now is None or change.now.is_good or (change.was and not change.was.is_good):
            return change
        facts = self.policies.reads.get(change.code, frozenset())
        missing = never_had(policy_input, facts)
        if missing and change.was:  # what it read then too, and was not there, counted as it stood
            facts -= self.policies.before(stored.revision).get(change.code, frozenset())
            missing = never_had(policy_input, facts)
        return change._replace(never_had=missing)


def _flip(allowed: bool, now: Mapping[str, Result], changes: list[Change]) -> Flip:
    failing = {code for code, result in now.items() if not result.is_good}
    if not failing:
        return "same" if allowed else "deny-to-allow"
    if failing <= {change.code for change in changes if change.never_had}:
        return "not-known"
    return "allow-to-deny" if allowed else "same"
