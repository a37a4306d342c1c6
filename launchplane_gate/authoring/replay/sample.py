"""A sample of decisions to be replayed elsewhere, such as in CI: without what tells who asked and where something runs.

Lines of JSON: a first one with the salt of the pseudonyms; before the first decision of each revision of policies what
its rules read; a line for each decision that has its input; and a last one with how many those are and the digest of
all before, so that a file which lost something says so. Stored results come out of it again, by the same policies.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from launchplane_gate import strictjson
from launchplane_gate.authoring.replay.facts import Reads, reads_of
from launchplane_gate.authoring.replay.pseudonyms import Pseudonyms, Replacing, names_in_config
from launchplane_gate.authoring.replay.stored import Stored, stored, stored_as
from launchplane_gate.errors import EngineError, LedgerError, UsageError
from launchplane_gate.ledger.decided import Decided
from launchplane_gate.ledger.kept import LARGEST, body_in
from launchplane_gate.policy.bundle.packing import config_in, modules_in
from launchplane_gate.policy.decision import held_to_contract

Progress = Callable[[str], None]
SAMPLE = 1  # the form of such a file
HINT = "Nothing was asked. `launchplane-gate decisions export --for-replay <file>` writes a sample."
EVERY = 1_000  # decisions after which somebody is told how far it is
GONE = "(not told: it names somebody)"
_LITERAL = re.compile(r'"((?:[^"\\\n])*)"')
_OF_DECISION = ("decision_id", "product", "action", "phase", "policy_revision", "engine", "decided_at")


@dataclass
class Written:
    """How many decisions went into a sample, and how many did not: ``without`` input, or with a name left in them."""

    decisions: int = 0
    without: int = 0
    left: int = 0


# -- writing


def sampled(
    decided: Iterable[Decided],
    policies: Callable[[str], bytes | None],
    since: datetime | None,
    written: Written,
    progress: Progress,
) -> Iterator[str]:
    """The lines of a sample. Raises LedgerError."""
    together = hashlib.sha256()
    for line in _lines(_since(decided, since), _Revisions(policies), written):
        together.update(line.encode())
        yield line
        if written.decisions and written.decisions % EVERY == 0:
            progress(f"{written.decisions:,} decisions written")
    yield _line({"end": written.decisions, "sha256": together.hexdigest()})


def _since(decided: Iterable[Decided], since: datetime | None) -> Iterator[tuple[Decided, Stored]]:
    for one in decided:
        found = stored(one, LedgerError)
        if since is None or found.at >= since:
            yield one, found


def _lines(decided: Iterable[tuple[Decided, Stored]], revisions: _Revisions, written: Written) -> Iterator[str]:
    pseudonyms = Pseudonyms(secrets.token_hex(16))
    yield _line({"sample": SAMPLE, "salt": pseudonyms.salt})
    told: set[str] = set()
    for one, found in decided:
        if one.input_text is None:
            written.without += 1
            continue
        revision = revisions.of(found.revision)
        line = _decision(one, revision, pseudonyms)
        if not line:
            written.left += 1
            continue
        if revision.name not in told:
            told.add(revision.name)
            yield _line({"policies": revision.name, "reads": {code: sorted(of) for code, of in revision.reads.items()}})
        written.decisions += 1
        yield line


def _decision(one: Decided, revision: _Revision, pseudonyms: Pseudonyms) -> str:
    """Empty where a name would be left in it, or what is left would be no input of ours any more."""
    decision = one.body["decision"]
    replacing = Replacing(pseudonyms, revision.said, revision.names)
    policy_input = replacing.value(body_in(one.input_text or ""))
    offered = replacing.value(list(one.body.get("offered", decision.get("waivers", ()))))
    results = [
        {"code": one["code"], "status": one["status"], "message": replacing.message(one["message"])}
        for one in decision["results"]
    ]
    kept = {name: decision[name] for name in _OF_DECISION}
    told = {"decision": {**kept, "results": results}, "offered": offered, "input": policy_input}
    try:
        held_to_contract(policy_input)
    except EngineError:
        return ""
    line = _line(told)
    if replacing.left_in(line):
        told["decision"]["results"] = [{**one, "message": GONE} for one in results]
        line = _line(told)
    return "" if replacing.left_in(line) else line


@dataclass(frozen=True)
class _Revision:
    """``said``: the texts that its rules write out; ``names``: those that its configuration names."""

    name: str
    reads: Reads = field(default_factory=dict)
    said: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()


class _Revisions:
    """Policies that decided, as the ledger keeps them."""

    def __init__(self, policies: Callable[[str], bytes | None]) -> None:
        self._policies = policies
        self._known: dict[str, _Revision] = {}

    def of(self, name: str) -> _Revision:
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> _Revision:
        packed = self._policies(name)
        if packed is None:
            return _Revision(name)
        modules = [module for module in modules_in(packed) if not module.is_test]
        said = frozenset(text for module in modules for text in _LITERAL.findall(module.text))
        return _Revision(name, reads_of(modules), said, tuple(names_in_config(config_in(packed))))


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"  # in ASCII: a lone surrogate can be written


# -- reading


@dataclass(frozen=True)
class Sample:
    """A file whose end was seen to be the end of what was written."""

    file: IO[bytes]
    name: str
    pseudonyms: Pseudonyms
    _reads: dict[str, Reads] = field(default_factory=dict)

    def before(self, revision: str) -> Reads:
        return self._reads.get(revision, {})

    def decisions(self) -> Iterator[Stored]:
        """Raises UsageError, with the line."""
        self.file.seek(0)
        self.file.readline()
        number = 1
        while line := self.file.readline(LARGEST):
            number += 1
            told = _read(line, f"{self.name}: line {number}")
            match told:
                case {"end": int(), "sha256": str()}:
                    return
                case {"policies": str(revision), "reads": dict(reads)}:
                    self._reads[revision] = {code: frozenset(facts) for code, facts in reads.items()}
                case {"decision": dict(), "input": dict(policy_input)}:
                    text = strictjson.dumps(policy_input)
                    yield stored_as(f"line {number}", told, text, "", UsageError)
                case _:
                    raise UsageError(f"{self.name}: line {number} has not the form of a decision", hint=HINT)


def opened_sample(file: IO[bytes], name: str) -> Sample:
    """A sample in a file that is read from its beginning. Raises UsageError for what is none, or is cut off."""
    first = file.readline(LARGEST)
    match _read(first, f"{name}: line 1"):
        case {"sample": int(form), "salt": str(salt)}:
            if form != SAMPLE:
                raise UsageError(f"{name} is of form {form}; this version reads {SAMPLE}", hint=HINT)
        case _:
            raise UsageError(f"{name} is no sample: its first line does not say what follows", hint=HINT)
    together, last, number = hashlib.sha256(), first, 1
    while line := file.readline(LARGEST):
        together.update(last)
        last, number = line, number + 1
    match _read(last, f"{name}: line {number}"):
        case {"end": int(), "sha256": str(digest)} if number > 1:
            if digest != together.hexdigest():
                raise UsageError(f"{name} is not as it was written: its last line has another digest", hint=HINT)
        case _:
            raise UsageError(f"{name} ends with line {number}, which is not its end: it is cut off", hint=HINT)
    return Sample(file, name, Pseudonyms(salt))


def _read(line: bytes, place: str) -> Any:
    try:
        return strictjson.loads(line, max_bytes=LARGEST)
    except strictjson.NotStrictJson as error:
        raise UsageError(f"{place} {error}", hint=HINT) from None
