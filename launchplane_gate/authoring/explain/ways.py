"""What would make a refusal pass: acts that are tried one by one, and one after the other, each by asking again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from launchplane_gate.authoring.explain.acts import Act, acts
from launchplane_gate.authoring.explain.asked import Asked
from launchplane_gate.model import Decision, Waiver

DEEPEST = 3  # acts, one after the other
MOST_TRIED = 150
MOST_WAYS = 3
MOST_TO_GO_ON_FROM = 4

AsksAgain = Callable[[Mapping[str, Any], Sequence[Waiver]], Decision]
"""Decides on an input, with the waivers that are offered. Raises EngineError."""


@dataclass(frozen=True)
class Way:
    """Acts, in their order, and the command that passes then; empty where none can be typed, or an act's own does."""

    acts: tuple[Act, ...]
    command: str


@dataclass(frozen=True)
class Found:
    """``helps``: by code, the first act after which that rule does not refuse any more. ``tried``: how often asked."""

    ways: tuple[Way, ...]
    helps: Mapping[str, Act]
    tried: int


@dataclass(frozen=True)
class _State:
    asked: Asked
    refused: tuple[str, ...]
    waivers: tuple[Waiver, ...]
    acts: tuple[Act, ...] = ()


@dataclass
class _Search:
    ask: AsksAgain
    tried: int = 0
    helps: dict[str, Act] = field(default_factory=dict)

    def after(self, state: _State) -> Iterator[_State]:
        """Each state that an act leads to and that lets some rule pass; of those that wait, none after one that is
        enough.
        """
        waited = False
        for act in acts(state.asked, state.refused):
            if self.tried >= MOST_TRIED:
                return
            if act in state.acts or (act.name == "wait" and waited):
                continue
            self.tried += 1
            then = self.tried_after(state, act)
            if set(state.refused) - set(then.refused):
                waited = waited or (act.name == "wait" and not then.refused)
                yield then

    def tried_after(self, state: _State, act: Act) -> _State:
        asked = state.asked.after(act.changes)
        waivers = (*state.waivers, act.waiver) if act.waiver else state.waivers
        decision = self.ask(asked.facts, waivers)
        refused = tuple(result.code for result in decision.refusals)
        if not state.acts:
            for code in state.refused:
                if code not in refused:
                    self.helps.setdefault(code, act)
        return _State(asked, refused, waivers, (*state.acts, act))


def look_for(asked: Asked, refused: Iterable[str], waivers: Iterable[Waiver], ask: AsksAgain) -> Found:
    """The shortest ways to a yes. Raises EngineError where nobody can be asked."""
    search, ways = _Search(ask), list[Way]()
    states = [_State(asked, tuple(refused), tuple(waivers))]
    for _ in range(DEEPEST):
        then = [after for state in states for after in search.after(state)]
        ways = _ways(state for state in then if not state.refused)
        if ways:
            break
        states = sorted(then, key=lambda state: len(state.refused))[:MOST_TO_GO_ON_FROM]
    return Found(tuple(ways[:MOST_WAYS]), search.helps, search.tried)


def _ways(good: Iterable[_State]) -> list[Way]:
    """Each once, in whatever order its acts are; those that need no leave first."""
    found: dict[frozenset[str], Way] = {}
    for state in good:
        last = state.acts[-1]
        found.setdefault(
            frozenset(act.words for act in state.acts),
            Way(state.acts, "" if last.asks_anew else state.asked.again()),
        )
    return sorted(found.values(), key=lambda way: any(act.waiver for act in way.acts))
