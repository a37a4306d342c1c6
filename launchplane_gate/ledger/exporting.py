"""A ledger as lines of JSON: a first one that says what follows, then an entry a line with all that is hashed.

Whoever has such a file can hold its chains to heads that they kept, with no database and no settings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any

from launchplane_gate import strictjson
from launchplane_gate.errors import UsageError
from launchplane_gate.ledger.chain import Head
from launchplane_gate.ledger.chains import Chains
from launchplane_gate.ledger.heads import KeptHead, as_document, kept_from
from launchplane_gate.ledger.kept import LARGEST
from launchplane_gate.ledger.tables import ENTRY_FORMAT, entries
from launchplane_gate.ledger.verified import Findings, Verified

EXPORT = 1  # the form of such a file
EVERY = 10_000  # entries after which somebody is told how far it is
HASHED = tuple(column.name for column in entries.c if column.name != "number")
NO_EXPORT = "Nothing was verified. `launchplane-gate decisions export <file>` writes one."

Progress = Callable[[str], None]


def first_line(ledger_id: str, heads: Iterable[Head]) -> str:
    told = {"export": EXPORT, "format": ENTRY_FORMAT, "ledger_id": ledger_id}
    return _line(told | as_document(kept_from(ledger_id, heads)))


def line_of(entry: Mapping[str, Any], input_text: bytes | None) -> str:
    """``input_text`` is that of a decision of format 2, which stands apart from its entry."""
    text = None if input_text is None else input_text.decode("utf-8", "surrogatepass")
    return _line({name: entry[name] for name in HASHED} | {"input_text": text})


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"  # in ASCII: a lone surrogate can be written


def verify_file(file: IO[bytes], kept: Iterable[KeptHead] | None, progress: Progress) -> Verified:
    """Hold a file that was exported to itself, and to heads that were kept elsewhere. Raises UsageError for no export.

    A file that lost its end is told by its own first line; whoever rewrote that too, by a kept head alone.
    """
    ledger_id, heads = first_in(file)
    findings = Findings()
    kept = None if kept is None else list(kept)
    chains = Chains(findings, kept or (), ledger_id=ledger_id)
    for number, (line, entry) in enumerate(entries_in(file, findings), 1):
        try:
            chains.take(entry)
            text = entry["input_text"]
            chains.take_input(entry, None if text is None else text.encode("utf-8", "surrogatepass"))
        except (TypeError, ValueError, AttributeError) as error:
            findings.add(f"line {line} is no entry: {error}")
        if number % EVERY == 0:
            progress(f"{number:,} entries read")
    chains.end()
    for head in heads:
        if chains.heads.get(head.lane, (0, "")) != (head.position, head.hash):
            findings.add(f"{head.lane}: the chain does not end with entry {head.position}, as the first line says")
    for lane in sorted(chains.heads.keys() - {head.lane for head in heads}):
        findings.add(f"{lane}: the file's first line does not name this chain")
    return Verified(
        of="file",
        ledger_id=ledger_id,
        entries=chains.count,
        heads=None if kept is None else len(kept),
        inputs=chains.inputs,
        archived=chains.archived,
        wrong=tuple(findings.told),
        wrong_beyond=findings.beyond,
    )


def first_in(file: IO[bytes]) -> tuple[str, list[KeptHead]]:
    """The ledger's id, and the heads that its entries lead to. Raises UsageError."""
    try:
        told = strictjson.loads(file.readline(LARGEST), max_bytes=LARGEST)
        if (told["export"], told["format"]) != (EXPORT, ENTRY_FORMAT):
            form = f"form {told['export']}, format {told['format']}; this version reads {EXPORT} and {ENTRY_FORMAT}"
            raise UsageError(f"the file cannot be verified: it is of {form}", hint=NO_EXPORT)
        heads = [_head(head) for head in told["heads"]]
        return str(told["ledger_id"]), heads
    except (strictjson.NotStrictJson, KeyError, TypeError) as error:
        raise UsageError(f"the file is no export of a ledger: its first line {_why(error)}", hint=NO_EXPORT) from None


def _head(told: object) -> KeptHead:
    """Raises TypeError for what is none."""
    match told:
        case {"ledger_id": str(ledger_id), "lane": str(lane), "position": int(position), "hash": str(ends), **rest} if (
            not rest and not isinstance(position, bool)
        ):
            return KeptHead(ledger_id, lane, position, ends)
    raise TypeError


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, strictjson.NotStrictJson) else "does not say what follows"


def entries_in(file: IO[bytes], findings: Findings) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each entry of such a file, behind its first line, with the line that it stands on."""
    expected = {*HASHED, "input_text"}
    number = 1
    while line := file.readline(LARGEST):
        number += 1
        try:
            entry = strictjson.loads(line, max_bytes=LARGEST)
        except strictjson.NotStrictJson as error:
            findings.add(f"line {number} {error}")
            continue
        if not isinstance(entry, dict) or entry.keys() != expected:
            findings.add(f"line {number} has not the form of an entry")
            continue
        yield number, entry
