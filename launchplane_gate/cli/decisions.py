"""``decisions``: what the policies decided, on which facts, and that the record of it is whole."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown
from launchplane_gate.cli.streams import send

if TYPE_CHECKING:
    from launchplane_gate.hookspecs import Progress
    from launchplane_gate.ledger import KeptHead, Verified
    from launchplane_gate.model import Decision
    from launchplane_gate.on_record import Kept
    from launchplane_gate.report.text import Block

LARGEST = 2**20  # bytes of a file with heads
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@click.group(cls=Group)
def decisions() -> None:
    """Every decision, and what it was made on.

    Decisions are kept with their whole input, in a chain of hashes for each lane.

    \b
    Examples:
      launchplane-gate decisions list
      launchplane-gate decisions show d-7Q2M4KXB
      launchplane-gate decisions explain d-7Q2M4KXB
      launchplane-gate decisions verify
      launchplane-gate decisions export decisions.jsonl
    """


@decisions.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many at most.")
@pass_session
def list_(session: Session, limit: int) -> Answer:
    """List the newest decisions.

    \b
    Example:
      launchplane-gate decisions list --limit 5
    """
    from launchplane_gate.on_record import decision_in

    with session.records() as (_, _, ledger):
        found = [decision_in(entry) for entry in ledger.decision_entries(limit=limit)]
    document = [{**decision.model_dump(mode="json"), "allowed": decision.allowed} for decision in found]
    return Answer({"decisions": document}, _list_text(found))


@decisions.command()
@click.argument("decision_id", metavar="ID")
@pass_session
def show(session: Session, decision_id: str) -> Answer:
    """Show a decision: every rule, what it saw, and what it would take.

    With --output json the input that the policies were asked on is shown too; `check --input` takes it as it is.

    \b
    Examples:
      launchplane-gate decisions show d-7Q2M4KXB
      launchplane-gate decisions show d-7Q2M4KXB --output json | jq .input | launchplane-gate check --input -
    """
    from launchplane_gate.report.decision import saved_text

    found = _kept(session, decision_id)
    text = saved_text(found.decision, found.entry.subject, found.repeats, input_is=_where_its_input_is(found))
    return Answer(found.document, text)


@decisions.command()
@click.argument("decision_id", metavar="ID")
@pass_session
def explain(session: Session, decision_id: str) -> Answer:
    """Explain a decision: what did not hold, and what would make it pass.

    Of each rule that refused: the first expression that did not hold, with its file and line, the values that it saw,
    and the remedy. Then what a person could do about it: one thing, or one and then the next, each with what to type.
    It was proven by asking the policies again with the facts changed by that; nothing is done.

    It is asked of the policies of today. Where others decided, and those of today would say something else of a rule,
    nothing is explained, and it ends with 1. --output json has the form of `policy schema explanation`.

    \b
    Examples:
      launchplane-gate decisions explain d-7Q2M4KXB
      launchplane-gate decisions explain d-7Q2M4KXB --output json | jq .ways
    """
    from launchplane_gate.cli.explaining import of_record

    found = _kept(session, decision_id)
    bundle = session.bundle(remembers=True)
    engine = session.engine(bundle, remembers=True)
    return of_record(bundle, engine, found, f"what it was made on is {_where_its_input_is(found)}")


def _kept(session: Session, decision_id: str) -> Kept:
    """Raises RequestError."""
    from launchplane_gate.errors import RequestError
    from launchplane_gate.on_record import kept

    with session.records() as (_, _, ledger):
        found = kept(ledger, decision_id)
    if found is None:
        hint = "`launchplane-gate decisions list` shows the newest ones. What `check` decides is not saved."
        raise RequestError(f"there is no decision {decision_id}", hint=hint)
    return found


def _where_its_input_is(found: Kept) -> str:
    if found.entry.input_text is not None or found.entry.input_digest is None:
        return "--output json shows it"
    if archive := found.archived:
        return f"archived {archive['at'][:10]}: {archive['file']} on {archive['host']}, sha256 {archive['sha256']}"
    return "gone, and not archived: `launchplane-gate decisions verify` tells what else is"


@decisions.command()
@pass_session
def head(session: Session) -> Answer:
    """Print the head of each lane's chain: the ledger, the lane, how many entries there are, and the last one's hash.

    Kept where nobody of this machine writes, it tells later whether the chains were rewritten or cut since.

    \b
    Examples:
      launchplane-gate decisions head > heads.txt
      launchplane-gate decisions verify --head heads.txt
    """
    from launchplane_gate.ledger.heads import as_document, kept_from

    with session.records() as (_, _, ledger), ledger.snapshot():
        heads = kept_from(ledger.ledger_id(), ledger.heads())
    return Answer(as_document(heads), [str(head) for head in heads])


@decisions.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--head", metavar="FILE", help="Heads that were kept elsewhere; - is standard input.")
@pass_session
def verify(session: Session, file: Path | None, head: str | None) -> Answer:
    """Verify that nothing on record was altered, taken out or put in: 0 if nothing was, 1 otherwise.

    The entries of each lane are chained by hash. Every run, key, hold, waiver, input and record is held to them. That
    finds accidents, and changes of single things. Whoever rewrites a whole chain, or cuts off its end, is found by
    --head alone: give it what `decisions head` printed before.

    With FILE it verifies what `decisions export` wrote, for which neither settings nor a database are needed.

    \b
    Examples:
      launchplane-gate decisions verify
      launchplane-gate decisions verify --head heads.txt
      launchplane-gate decisions verify decisions.jsonl --head heads.txt
    """
    from launchplane_gate.report.verified import verified_text
    from launchplane_gate.verify import verify as verify_all

    kept = _heads_in(head) if head else None
    with progress_shown("reading every entry") as progress:
        if file:
            found = _verified_file(file, kept, progress)
        else:
            with session.records() as (_, store, ledger):
                found = verify_all(ledger, store, kept, progress=progress)
    document = {**found.model_dump(mode="json"), "whole": found.is_whole}
    return Answer(document, verified_text(found), 0 if found.is_whole else 1)


@decisions.command()
@click.argument("target", metavar="[FILE]", default="-")
@click.option("--force", is_flag=True, help="Replace the file, if there is one.")
@click.option("--for-replay", is_flag=True, help="Write a sample for `policy replay`, without subjects and URLs.")
@click.option("--since", metavar="MOMENT", type=MOMENT, help="Of a sample: what was decided since; 2026-05-01, in UTC.")
@pass_session
def export(session: Session, target: str, force: bool, for_replay: bool, since: datetime | None) -> Answer:
    """Write all that is on record as lines of JSON: one that says what follows, then an entry a line.

    An entry has all that is hashed, and the input of its decision where that is not archived. `decisions verify FILE`
    verifies it anywhere. Without FILE it goes to standard output.

    --for-replay writes the decisions alone, for `policy replay --sample`: subjects, claims, URLs, repositories, reasons
    and whatever else the gate does not know to be harmless are replaced by pseudonyms, and what is equal stays equal.
    Names of products and lanes, versions, commits and times stay. Whoever knows a name can find it again by trying.

    \b
    Examples:
      launchplane-gate decisions export decisions.jsonl
      launchplane-gate decisions export | gzip > decisions.jsonl.gz
      launchplane-gate decisions export --for-replay --since 2026-05-01 sample.jsonl
    """
    from launchplane_gate.report.words import count

    to_screen = target == "-"
    if to_screen and any(output.path is None for output in session.outputs):
        raise click.UsageError("the entries go to standard output; give --output a file: --output json=FILE")
    if since and not for_replay:
        raise click.UsageError("--since is for --for-replay: a part of a chain cannot be verified")
    if for_replay:
        return _sample(session, target, since, force=force)
    with session.records() as (_, _, ledger), progress_shown("reading every entry") as progress:
        lines = ledger.exported(progress)
        written = send(map(str.encode, lines)) if to_screen else _written(Path(target), lines, force=force)
    session.changes = not to_screen
    document = {"file": target, "entries": written - 1}
    text = [f"{target}: {count(written - 1, 'entry', 'entries')}, for its owner alone"]
    text.append(f"  verify it anywhere: launchplane-gate decisions verify {shlex.quote(target)}")
    return Answer(document, [] if to_screen else text)


def _sample(session: Session, target: str, since: datetime | None, *, force: bool) -> Answer:
    """Write a sample, and tell its digest, by which it is named where it is replayed."""
    from launchplane_gate.authoring.replay.sample import Written, sampled
    from launchplane_gate.report.words import count

    written, together = Written(), hashlib.sha256()
    with session.records() as (_, _, ledger), progress_shown("reading every decision") as progress:
        decided = ledger.decided(ledger.heads())
        lines = sampled(decided, ledger.policies, since.replace(tzinfo=UTC) if since else None, written, progress)
        lines = _hashed(lines, together.update)
        send(map(str.encode, lines)) if target == "-" else _written(Path(target), lines, force=force)
    session.changes = target != "-"
    document = {"file": target, "sha256": together.hexdigest(), **vars(written)}
    text = [f"{target}: {count(written.decisions, 'decision')}, without subjects and URLs"]
    if written.without:
        text.append(f"  {written.without:,} have no input that could be asked on, and are not in it")
    if written.left:
        text.append(f"  {written.left:,} were left out, in which a name would have stayed")
    text.append(f"  launchplane-gate policy replay --sample {shlex.quote(target)} --sha256 {together.hexdigest()}")
    return Answer(document, [] if target == "-" else text)


def _hashed(lines: Iterable[str], update: Callable[[bytes], None]) -> Iterator[str]:
    for line in lines:
        update(line.encode())
        yield line


def _heads_in(name: str) -> list[KeptHead]:
    """Raises UsageError."""
    from launchplane_gate import private
    from launchplane_gate.errors import UsageError
    from launchplane_gate.ledger.heads import HINT, read_heads

    try:
        text = sys.stdin.buffer.read(LARGEST) if name == "-" else private.read_regular(Path(name), LARGEST)
        return read_heads(text.decode())
    except OSError as error:
        raise UsageError(f"the heads in {name} cannot be read: {error.strerror or error}", hint=HINT) from None
    except UnicodeDecodeError:
        raise UsageError(f"the heads in {name} cannot be read: it is no text", hint=HINT) from None


def _verified_file(file: Path, kept: list[KeptHead] | None, progress: Progress) -> Verified:
    from launchplane_gate import private
    from launchplane_gate.errors import UsageError
    from launchplane_gate.ledger.exporting import NO_EXPORT, verify_file

    try:
        with private.opened(file) as opened:
            return verify_file(opened, kept, progress)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}", hint=NO_EXPORT) from None


def _written(path: Path, lines: Iterable[str], *, force: bool) -> int:
    """Write lines to a file for us alone, all or none; gives how many. Raises UsageError."""
    from launchplane_gate import private
    from launchplane_gate.errors import UsageError

    written = 0
    try:
        if os.path.lexists(path):
            if not force:
                hint = "Nothing was written. Name another file, or give --force to replace this one."
                raise UsageError(f"{path} is there already", hint=hint)
            private.see_that_it_is_a_file(path)
        with private.replacing(path, mode=0o600) as opened:
            for line in lines:
                opened.write(line.encode())
                written += 1
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}", hint="Nothing was written.") from None
    return written


def _list_text(found: list[Decision]) -> list[Block]:
    from launchplane_gate.report.decision import what
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import ago

    if not found:
        return ["nothing has been decided yet"]
    rows = [
        (
            decision.decision_id,
            ago(decision.decided_at),
            f"{decision.action} {decision.phase}",
            what(decision),
            _in_short(decision),
        )
        for decision in found
    ]
    return [Table(rows, ("DECISION", "WHEN", "ASKED", "WHAT", "ANSWER"), indent=0, prose=(3, 4))]


def _in_short(decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    from launchplane_gate.report.decision import is_overlooked

    said = "observed" if is_overlooked(decision) else "refused"
    more = len(decision.refusals) - 1
    return f"{said}: {decision.causes[0].code}" + (f" and {more} more" if more else "")
