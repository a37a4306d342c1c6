"""Asking again what was decided, and what becomes of it under other policies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from launchplane_gate import strictjson
from launchplane_gate.authoring.replay.facts import ReadBefore, Reads, never_had
from launchplane_gate.authoring.replay.stored import Result, Stored
from launchplane_gate.authoring.replay.touched import Touched, every_rule
from launchplane_gate.errors import EngineError
from launchplane_gate.ledger.kept import LARGEST
from launchplane_gate.model import Action, Phase
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.floor import OF_A_VERSION
from launchplane_gate.policy.decision import ANSWER, ask_rules, facts_in, read_answer, roll_call_of, weigh
from launchplane_gate.policy.engines.embedded.interpreter import VERSION, Interpreter
from launchplane_gate.policy.engines.embedded.worker import Worker
from launchplane_gate.policy.engines.protocol import Unanswered
from launchplane_gate.policy_input import PolicyInput, StandingInput
from launchplane_gate.settings import EmbeddedSettings

Flip = Literal["same", "allow-to-deny", "deny-to-allow", "not-known", "undecided"]
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

    ``why``: it could not be decided again; ``unanswered``: the engine had to be stopped. ``spared``: some rules were
    not asked, as they say now what they said.
    """

    stored: Stored
    flip: Flip
    changes: tuple[Change, ...] = ()
    why: str = ""
    unanswered: bool = False
    differs: bool = False
    spared: bool = False


@dataclass(frozen=True)
class Policies:
    """What is asked. ``data`` is what the rules read beside the input; ``reads`` by the rules of the bundle.

    ``rules``: the only ones that are compared; none: all of them. ``exact``: what rules said is as they said it; in a
    sample there are other words for some. ``touched``: which rules may say another thing now.
    """

    bundle: Bundle
    data: Mapping[str, Any]
    reads: Reads
    before: ReadBefore
    rules: frozenset[str] = frozenset()
    exact: bool = True
    touched: Touched = every_rule


class _Asked(NamedTuple):
    """``codes``: of the roll call, those that are asked again; ``interpreter``: None where there are none."""

    stored: Stored
    text: str
    facts: PolicyInput | StandingInput
    roll_call: tuple[str, ...]
    codes: frozenset[str]
    interpreter: Interpreter | None


class Asker:
    """Asks in a process of the engine of its own; from one thread at a time.

    Of the rules no more are loaded than a question of its kind may have on its roll call: whoever asks for one rule has
    all of them evaluated.
    """

    def __init__(self, policies: Policies, bounds: EmbeddedSettings) -> None:
        self.policies = policies
        self._worker = Worker(bounds)
        self._interpreters: dict[tuple[str, frozenset[str]], Interpreter] = {}
        self.is_over = False  # whoever waits wants no more answers

    def stop(self) -> None:
        self._worker.stop()

    def again(self, some: Sequence[Stored]) -> list[Replayed]:
        """Ask some that have their input, in their order. What cannot be decided again says why."""
        begun = [self._begun(stored) for stored in some]
        asked = [one for one in begun if isinstance(one, _Asked)]
        answers: dict[str, Any] = {}
        for interpreter in {id(one.interpreter): one.interpreter for one in asked if one.interpreter}.values():
            together = [one for one in asked if one.interpreter is interpreter]
            with suppress(EngineError):  # by the fault of one of them: each is asked by itself then
                values = interpreter.values(ANSWER, [one.text for one in together])
                answers |= {one.stored.name: value for one, value in zip(together, values, strict=True)}
        return [one if isinstance(one, Replayed) else self._ended(one, answers.get(one.stored.name)) for one in begun]

    def _begun(self, stored: Stored) -> _Asked | Replayed:
        assert stored.input_text is not None
        try:
            facts = facts_in(stored.input_text, stored.phase)
        except EngineError as error:
            return Replayed(stored, "not-known", why=f"{error}: an older or newer version wrote it")
        try:
            roll_call = roll_call_of(self.policies.bundle, facts)
        except EngineError as error:
            return Replayed(stored, "undecided", why=str(error))
        codes = self._codes(stored, roll_call)
        interpreter = self._interpreter(facts.action, facts.phase, codes, roll_call) if codes else None
        return _Asked(stored, stored.input_text, facts, roll_call, codes, interpreter)

    def _codes(self, stored: Stored, roll_call: Sequence[str]) -> frozenset[str]:
        """The rules of a roll call that are asked: those that are compared, and may say another thing than then."""
        touched = self.policies.touched(stored) if stored.engine == ENGINE else None
        compared = frozenset(filter(self._is_compared, roll_call))
        return compared if touched is None else compared & touched | compared - stored.results.keys()

    def _is_compared(self, code: str) -> bool:
        return not self.policies.rules or code in self.policies.rules

    def _ended(self, asked: _Asked, answer: Any) -> Replayed:
        """``answer``: where there was one to several."""
        if self.is_over:
            return Replayed(asked.stored, "undecided", why="nobody waits for it any more")
        try:
            fresh = self._answered(asked, answer)
        except EngineError as error:
            return Replayed(asked.stored, "undecided", why=str(error), unanswered=isinstance(error, Unanswered))
        then = asked.stored.results
        now = {code: fresh.get(code) or then[code] for code in asked.roll_call if self._is_compared(code)}
        return self._compared(asked.stored, now, spared=len(fresh) < len(now))

    def _answered(self, asked: _Asked, answer: Any) -> dict[str, Result]:
        """What becomes of the rules that are asked. Raises EngineError."""
        interpreter, stored = asked.interpreter, asked.stored
        if interpreter is None:
            return {}
        question = {"nonce": asked.facts.nonce, "action": asked.facts.action, "phase": asked.facts.phase}
        if answer is None:
            said = ask_rules(lambda path, _: interpreter.value(path, asked.text), asked.roll_call, question)
        else:
            said = read_answer(answer, asked.roll_call, question)
        results, _ = weigh(
            self.policies.bundle, asked.facts, asked.roll_call, said, waivers=stored.offered, now=stored.at
        )
        return {one.code: Result(one.status, one.message) for one in results if one.code in asked.codes}

    def _interpreter(
        self, action: Action, phase: Phase, codes: frozenset[str], roll_call: Sequence[str]
    ) -> Interpreter:
        """Of some rules; where none of them is left out, of all that may be asked in the phase, for all who ask there.

        In ``admit``, for which most is asked, of what may be asked of the action.
        """
        kind, every = f"{action} {phase}" if phase == "admit" else phase, len(codes) == len(roll_call)
        key = kind, frozenset[str]() if every else codes
        if key not in self._interpreters:
            wanted = self._codes_of(action, phase) if every else codes
            paths = {f"gate/rules/{code.replace('.', '/')}.rego" for code in wanted}
            policies = self.policies.bundle.policies
            modules = [one for one in policies if one[0] in paths or not one[0].startswith("gate/rules/")]
            self._interpreters[key] = Interpreter(modules, self.policies.data, by=self._worker)
        return self._interpreters[key]

    def _codes_of(self, action: Action, phase: Phase) -> set[str]:
        wanted = set(OF_A_VERSION.get((action, phase), ()))  # has the core asked, whatever the roll call says
        for _, of, at, listed in self.policies.bundle.settings.roll_call.lists():
            if at == phase and (of == action or at != "admit"):
                wanted.update(listed)
        return wanted

    def _compared(self, stored: Stored, now: Mapping[str, Result], *, spared: bool) -> Replayed:
        was = {code: result for code, result in stored.results.items() if self._is_compared(code)}
        changes = [
            self._with_what_is_missing(stored, Change(code, was.get(code), now.get(code)))
            for code in dict.fromkeys((*was, *now))
            if not self._is_same(was.get(code), now.get(code))
        ]
        allowed = all(result.is_good for result in was.values()) and bool(self.policies.rules or was)
        replayed = Replayed(stored, _flip(allowed, now, changes), tuple(changes), spared=spared)
        if stored.revision != self.policies.bundle.revision:
            return replayed
        words_count = self.policies.exact and stored.engine == ENGINE  # another engine may write a number otherwise
        return replace(replayed, differs=any(words_count or change.is_of_status for change in changes))

    def _is_same(self, was: Result | None, now: Result | None) -> bool:
        """In a sample a rule that lists names lists other ones, and so in another order."""
        if was == now or self.policies.exact or was is None or now is None:
            return was == now
        words = [sorted(re.findall(r"\w+", one.message)) for one in (was, now)]
        return was.status == now.status and words[0] == words[1]

    def _with_what_is_missing(self, stored: Stored, change: Change) -> Change:
        if change.now is None or change.now.is_good or (change.was and not change.was.is_good):
            return change
        assert stored.input_text is not None
        policy_input = strictjson.loads(stored.input_text, max_bytes=LARGEST)
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
