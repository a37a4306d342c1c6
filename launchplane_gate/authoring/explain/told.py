"""An explanation as it is told: the form of ``--output json``, of which there is a schema."""

from __future__ import annotations

from typing import Any, Literal

from launchplane_gate.model import Action, Actor, Contract, Lane, Mode, Phase, ReleaseIdentity


class Expression(Contract):
    """An expression of a policy, where it stands."""

    file: str
    line: int
    text: str


class Seen(Contract):
    """What a part of an expression came to. ``fact``: its place in the input, or that of what it is made of, if known.

    ``missing``: it has no value at all; ``value`` is null then.
    """

    text: str
    fact: str | None
    value: Any
    missing: bool = False


class Why(Contract):
    """The first expression of a rule that did not hold.

    ``asked_at``: from where it was reached, the rule's own line first; empty where it stands there itself. ``error``:
    why no expression can be named, empty where one is.
    """

    expression: Expression
    asked_at: tuple[Expression, ...] = ()
    saw: tuple[Seen, ...] = ()
    error: str = ""


class Becomes(Contract):
    """A fact that is another then. ``missing``: it is none any more."""

    fact: str
    value: Any
    missing: bool = False


class Step(Contract):
    """What a person can bring about. ``act`` tells programs which it is, ``words`` tell people.

    ``commands``: what to type for it; none where it is not done by typing, or by asking in another way. ``facts``:
    those that are others then. ``waives``: the rule that is let pass. ``not_before``: until when it waits.
    """

    act: str
    words: str
    commands: tuple[str, ...] = ()
    facts: tuple[Becomes, ...] = ()
    waives: str | None = None
    not_before: str | None = None


class WayOut(Contract):
    """What makes it pass: one step, or one and then the next. ``command``: what to type after that, if it is typed."""

    steps: tuple[Step, ...]
    command: str


class ExplainedRule(Contract):
    """``helps``: one step after which this rule does not refuse any more, whatever the others say.

    ``follows``: the rules refused in the same decision that this refusal comes of.
    """

    code: str
    status: Literal["fail", "waived"]
    title: str
    message: str
    remedy: str
    why: Why | None = None
    helps: Step | None = None
    follows: tuple[str, ...] = ()


class Explanation(Contract):
    """Why a decision fell as it did, by the policies ``explained_by``, and what would make it pass.

    ``rules``: those that are not satisfied, in the order of the roll call; ``passed`` counts the others. ``ways`` were
    proven by asking again, with ``tried`` questions in all. ``not_explained``: why causes and ways are not told.
    ``differs``: the rules of which the policies of today say something else, where it was decided by others.
    """

    schema_version: Literal[1] = 1
    decision_id: str
    action: Action
    phase: Phase
    product: str
    source: Lane | None
    destination: Lane
    release: ReleaseIdentity | None
    actor: Actor
    mode: Mode
    decided_at: str
    decided_by: str
    explained_by: str
    engine: str
    allowed: bool
    passed: int
    rules: tuple[ExplainedRule, ...]
    ways: tuple[WayOut, ...] = ()
    tried: int = 0
    not_explained: str = ""
    differs: tuple[str, ...] = ()
