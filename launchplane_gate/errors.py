"""One tree of errors: each says what happened, what state is left and what to do next.

GateError
  UsageError          2  a request, settings file or policy that cannot be used; nothing was done
    SettingsError, PolicyError, RequestError, KeyReused, RecordExists, RecordUnreadable, ActorUnproven
      TokenSpent, BadFiles
  Undecided           3  no decision could be had; nothing happened
    EngineError, EvidenceFailed, LedgerError, PastLost
      EnginesDiffer
  AnswerLost          3  what was to be written out was not, or not whole; nothing else was to happen
  Stale               1  the lanes moved between the decision and the deploy; nothing was deployed
    StaleReplay
  NotSettled          5  something happened that is not proven
  LaneBusy            7  another run holds the lane
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class GateError(Exception):
    """What happened is the message; ``hint`` says what is left and what to do next; ``exit_code`` is the CLI's."""

    exit_code = 3
    hint = "Nothing was done."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class UsageError(GateError):
    """What was asked for cannot be asked."""

    exit_code = 2


class SettingsError(UsageError):
    """The settings file, or what it refers to, cannot be used."""


class PolicyError(UsageError):
    """A policy bundle that must not decide anything. The message starts with ``file:line``."""

    hint = "No policy was loaded and nothing was done."


class RequestError(UsageError):
    """A request that names what does not exist, or has not the form of one."""


class BadFiles(RequestError):
    """Files that are not what they should be; the message has a line for each finding, which starts with file:line.

    ``findings``: the same apart, for the tools of CI.
    """

    findings: Sequence[Any] = ()


class KeyReused(UsageError):
    """An idempotency key that belongs to another request."""

    hint = "Nothing was done. Use a key of its own for every request, or repeat the first request exactly."


class RecordExists(UsageError):
    """A record under the id that the caller chose for a new one; it is never overwritten."""

    hint = "Nothing was deployed. Choose an id that no record has yet, or name none: the gate makes one."


class RecordUnreadable(UsageError):
    """A record of the store that is torn, of another form, or not where its name says."""

    hint = (
        "Nothing was done. Restore the record from a backup; a deploy or promotion to its lane replaces an inventory."
    )


class ActorUnproven(UsageError):
    """A token that does not prove who asks. Nobody asks then: it never stands for an unverified person."""

    hint = "Nothing was done. Ask again with a new token, or with none as the person at the terminal."


class TokenSpent(ActorUnproven):
    """A token that has let another request be admitted already: it proves who asked that, and nothing more."""

    hint = (
        "Nothing was done. A token is for one request, its repeats and what finishes it: ask again with a new one. A "
        "job of GitHub Actions that may have tokens gets one for each command by itself. Where nobody of yours spent "
        "this one, somebody has a copy of it: `launchplane-gate runs list` and `decisions list` show what was asked."
    )


class Undecided(GateError):
    """No decision could be had, so the answer is no."""

    hint = "Nothing was deployed."


class EngineError(Undecided):
    """The engine gave no answer, or one that is no answer."""

    hint = "Nothing was deployed. `launchplane-gate doctor` tells whether the engine works."


class EnginesDiffer(EngineError):
    """Two engines were asked, and a rule is satisfied by one of them alone; ``rules`` has what each said of it."""

    hint = (
        "Nothing was deployed. One of the two is wrong, or lies. See first who may write to the OPA server, and what "
        "stands between it and the gate; where both are as they should be, the rule means two things: mend it."
    )

    def __init__(self, first: str, second: str, rules: Mapping[str, tuple[str, str]]) -> None:
        told = []
        for one, other in dict.fromkeys(rules.values()):
            codes = ", ".join(code for code, said in rules.items() if said == (one, other))
            told.append(f"{first} says {one}, {second} says {other}, of {codes}")
        super().__init__(f"the engines differ: {'; '.join(told)}")
        self.rules = dict(rules)


class EvidenceFailed(Undecided):
    """A driver or plugin raised while facts were gathered."""

    hint = (
        "Nothing was deployed. Mend what the message names, and run the command again; `launchplane-gate doctor` asks "
        "whom a decision asks, and names who does not answer."
    )


class LedgerError(Undecided):
    """The ledger cannot be opened, read or written."""

    hint = "Nothing was deployed."


class PastLost(LedgerError):
    """A ledger that is empty, or older than what the records, its mark or the platform know."""

    hint = (
        "Nothing was done, and nothing but reading is until that is settled. `launchplane-gate ledger restore <backup> "
        "--reason <why>` puts a backup in its place; without one it goes on with what is there, on record, and every "
        "lane that is behind is unsettled until a deploy or promotion settles it."
    )


class AnswerLost(GateError):
    """What was to be written to standard output was not, or not all of it."""

    hint = "Do not use what was written."


class Stale(GateError):
    """A lane changed between the decision and the deploy."""

    exit_code = 1
    hint = "Nothing was deployed. Run the command again to decide on what the lanes run now."


class StaleReplay(Stale):
    """A repeat of a finished request whose result is no longer true."""

    hint = "Nothing was deployed. Use a new key to promote what the source lane runs now."


class StandingRefused(GateError):
    """A request of somebody who may not ask it there, or of what can never be; ``decision`` says why."""

    exit_code = 1
    hint = "Nothing was done."

    def __init__(self, action: str, decision: Any) -> None:
        refusals = "; ".join(f"{one.code}: {one.message}" for one in decision.causes)
        super().__init__(f"refused to {action}: {refusals}")
        self.action, self.decision = action, decision
        if decision.decision_id:
            self.hint = f"Nothing was done. `launchplane-gate decisions show {decision.decision_id}` has it in full."


class ApprovalVoid(GateError):
    """An approval that is forged, copied, spent, or whose lease ran out."""

    exit_code = 1
    hint = "Nothing was deployed by this approval. Run the command again for one of its own."


class NotSettled(GateError):
    """Something was done that is not proven; the lane is unsettled."""

    exit_code = 5
    hint = "The lane is unsettled: a deploy, or a promotion of what its source runs, settles it."


class LaneBusy(GateError):
    """Another run holds the lane."""

    exit_code = 7
    hint = "Nothing was done. Wait for that run to end, as `launchplane-gate lanes` tells, then run the command again."


def in_a_sentence(error: BaseException) -> str:
    """What was raised, as one line for the journal."""
    text = next(iter(str(error).splitlines()), "")[:500]
    return text if isinstance(error, GateError) else f"{type(error).__name__}: {text}".removesuffix(": ")
