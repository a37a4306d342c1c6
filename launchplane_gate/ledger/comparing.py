"""Holding the tables to what the entries add up to. Leases, waiters and refusals of this hour mean nothing here."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from launchplane_gate import strictjson
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.adding_up import AddedRun, AddedUp
from launchplane_gate.ledger.chain import CLOSING
from launchplane_gate.ledger.chains import Chains
from launchplane_gate.ledger.database import GENESIS
from launchplane_gate.ledger.kept import LARGEST
from launchplane_gate.ledger.spending import KEPT_S
from launchplane_gate.ledger.verified import Findings
from launchplane_gate.model import Lane

AT_ONCE = 200  # rows that are fetched
NAMING = ("recorded", "adopted", "restored")  # statuses of runs that say what their lane's inventory names
MANIFEST = ".manifest"  # of an archive of policies, as OPA reads it

Row = sa.Row[Any]


def as_stored(table: sa.Table) -> sa.Select[Any]:
    """All columns of a table, as they stand there: a value of another type is told, and no error."""
    columns: list[sa.ColumnElement[Any]] = [
        sa.type_coerce(column, sa.types.NullType()).label(column.name) for column in table.c
    ]
    return sa.select(*columns)


def streamed(connection: sa.Connection, query: sa.Select[Any], about: Mapping[str, Any] | None = None) -> Iterator[Row]:
    """The rows of a query, never all of them at once."""
    yield from connection.execute(query.execution_options(stream_results=True, yield_per=AT_ONCE), about or {})


def compare(
    connection: sa.Connection, chains: Chains, added: AddedUp, findings: Findings, *, now_s: float
) -> tuple[int, int]:
    """Hold all tables to the entries; gives how many runs there are, and how many of format 1.

    ``now_s``: the ledger's clock; what tokens were spent is forgotten in time.
    """
    _lanes(connection, as_stored(tables.lanes), chains, added, findings)
    old = {run_id for run_id, run in added.runs.items() if not run.is_whole}
    runs = _runs(connection, as_stored(tables.runs), added.runs, findings)
    _keys(connection, added, old, findings)
    _waivers(connection, as_stored(tables.waivers), added, findings)
    _uses(connection, added, findings)
    _tokens(connection, added, findings, now_s)
    _inputs(connection, findings)
    _policies(connection, added, findings)
    return runs, len(old)


def compare_lane(connection: sa.Connection, lane: Lane, chains: Chains, added: AddedUp, findings: Findings) -> None:
    """The same of what the tables say of one lane."""

    def of_lane(table: sa.Table) -> sa.Select[Any]:
        return as_stored(table).where(table.c.context == lane.context, table.c.instance == lane.instance)

    _lanes(connection, of_lane(tables.lanes), chains, added, findings)
    _runs(connection, of_lane(tables.runs), added.runs, findings, lane)
    _waivers(connection, of_lane(tables.waivers), added, findings)


def _lanes(
    connection: sa.Connection, query: sa.Select[Any], chains: Chains, added: AddedUp, findings: Findings
) -> None:
    heads, holds = dict(chains.heads), dict(added.holds)
    for row in streamed(connection, query):
        lane = f"{row.context}/{row.instance}"
        if heads.pop(lane, (0, GENESIS)) != (row.length, row.head):
            findings.add(f"{lane}: the chain does not end where the lane says")
        expected = holds.pop(lane, None)
        if _hold_in(row.hold) != expected:
            is_held = "is held" if row.hold is not None else "is not held"
            findings.add(f"{lane} {is_held}, its entries say {'another hold' if expected else 'that it is not'}")
    for lane in heads:
        findings.add(f"{lane} has entries, and no row says how many")


def _hold_in(text: Any) -> Any:
    if text is None:
        return None
    try:
        return strictjson.loads(text)
    except (strictjson.NotStrictJson, TypeError):
        return text


def _runs(
    connection: sa.Connection,
    query: sa.Select[Any],
    added_runs: Mapping[str, AddedRun],
    findings: Findings,
    lane: Lane | None = None,
) -> int:
    """Hold the runs to their entries, and the releases that inventories have named to the runs."""
    left, count = dict(added_runs), 0
    last: dict[tuple[str, str], int] = {}
    releases: dict[tuple[Any, ...], str] = {}
    for row in streamed(connection, query.order_by(tables.runs.c.number)):
        count += 1
        run = left.pop(row.run_id, None)
        if run is None:
            findings.add(f"run {row.run_id} says {row.status}, its entries end with nothing")
            continue
        _run(row, run, findings)
        if run.opened < last.get(run.lane, 0):
            findings.add(f"run {row.run_id} does not stand where its entries do")
        last[run.lane] = run.opened
        if row.status in NAMING and row.artifact_id is not None and row.source_git_ref is not None:
            releases[row.context, row.instance, row.artifact_id, row.source_git_ref] = row.run_id
    for run_id, run in left.items():
        findings.add(f"run {run_id} is gone, its entries end with {run.columns['step']}")
    _releases(connection, releases, findings, lane)
    return count


def _run(row: Row, run: AddedRun, findings: Findings) -> None:
    step = run.columns["step"]
    if (row.step, row.status) != (step, step if step in CLOSING else "open"):
        findings.add(f"run {row.run_id} says {row.status}, its entries end with {step}")
    if not run.is_whole:
        return
    for column in tables.runs.c:
        name = column.name
        if name in ("number", "step", "status"):
            continue
        found, expected = getattr(row, name), run.columns.get(name)
        if found != expected:
            findings.add(f"run {row.run_id}: its {name} is {found!r}, its entries say {expected!r}")


def _releases(
    connection: sa.Connection, expected: dict[tuple[Any, ...], str], findings: Findings, lane: Lane | None
) -> None:
    table = tables.releases
    query = as_stored(table)
    if lane:
        query = query.where(table.c.context == lane.context, table.c.instance == lane.instance)
    for row in streamed(connection, query):
        run_id = expected.pop((row.context, row.instance, row.artifact_id, row.source_git_ref), None)
        if run_id != row.run_id:
            named = f"{row.context}/{row.instance}: {row.run_id} is noted as the last to name {row.artifact_id}"
            findings.add(f"{named}; by the runs it is {run_id or 'none'}")
    for (context, instance, artifact, _), run_id in expected.items():
        findings.add(f"{context}/{instance}: that {run_id} named {artifact} is noted nowhere")


def _keys(connection: sa.Connection, added: AddedUp, old: set[str], findings: Findings) -> None:
    left = dict(added.keys)
    for row in streamed(connection, as_stored(tables.keys)):
        expected = left.pop((row.scope, row.key), None)
        if expected is None and row.run_id in old:
            continue  # format 1 did not enter keys
        if expected != (row.request_digest, row.run_id):
            said = f"run {expected[1]} has it" if expected else "nobody has it"
            findings.add(f"the key {row.key!r} is reserved for {row.run_id}; by the entries {said}")
    for (_, key), (_, run_id) in left.items():
        findings.add(f"the key {key!r} of {run_id} is not reserved any more, and no entry frees it")


def _waivers(connection: sa.Connection, query: sa.Select[Any], added: AddedUp, findings: Findings) -> None:
    left = dict(added.waivers)
    for row in streamed(connection, query):
        expected = left.pop(row.waiver_id, None)
        if expected is None:
            findings.add(f"the waiver {row.waiver_id} is noted, and no entry requests it")
            continue
        for name, value in expected.items():
            if getattr(row, name) != value:
                said = f"its {name} is {getattr(row, name)!r}, its entries say {value!r}"
                findings.add(f"the waiver {row.waiver_id}: {said}")
    for waiver_id in left:
        findings.add(f"the waiver {waiver_id} is noted nowhere, its entries are there")


def _uses(connection: sa.Connection, added: AddedUp, findings: Findings) -> None:
    left = set(added.uses)
    for row in streamed(connection, as_stored(tables.waiver_uses)):
        if (row.waiver_id, row.run_id) not in left:
            findings.add(f"{row.run_id} is noted to have used {row.waiver_id}; its entries do not say so")
        left.discard((row.waiver_id, row.run_id))
    for waiver_id, run_id in sorted(left):
        findings.add(f"that {run_id} used {waiver_id} is noted nowhere")


def _tokens(connection: sa.Connection, added: AddedUp, findings: Findings, now_s: float) -> None:
    for subject, first in added.spent_again:
        findings.add(f"{subject} was admitted by a token that was spent on {first} before")
    left = dict(added.tokens)
    for row in streamed(connection, as_stored(tables.tokens)):
        expected = left.pop(row.token, None)
        if expected is None:
            findings.add(f"a token is noted as spent on {row.subject}; no entry says so")
        elif expected != dict(row._mapping):
            findings.add(f"the token that was spent on {expected['subject']} is noted otherwise, for {row.subject}")
    for spent in left.values():
        if spent["until"] + KEPT_S > now_s:
            findings.add(f"that a token was spent on {spent['subject']} is noted nowhere")


def _inputs(connection: sa.Connection, findings: Findings) -> None:
    """Inputs of no entry. That every entry has its input was seen when the entries were read."""
    named = sa.select(tables.entries.c.input_digest).where(tables.entries.c.input_digest.is_not(None))
    for row in streamed(connection, sa.except_(sa.select(tables.inputs.c.digest), named)):  # type: ignore[arg-type]  # a compound one has no other methods that we use
        findings.add(f"the policy input {str(row.digest)[:12]} belongs to no entry")


def _policies(connection: sa.Connection, added: AddedUp, findings: Findings) -> None:
    left = dict(added.policies)
    for row in streamed(connection, as_stored(tables.policies)):
        left.pop(row.revision, None)
        if _revision_in(row.packed) != row.revision:
            findings.add(f"the policies that are kept as {str(row.revision)[:12]} are not those")
    for revision, decisions in left.items():
        findings.add(f"the policies {revision[:12]} are not kept, by which {decisions} decisions were made")


def _revision_in(packed: Any) -> str | None:
    """What the manifest of an archive of policies says; None where there is none."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            content = stream.read(LARGEST)
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            manifest = archive.extractfile(MANIFEST)
            said = strictjson.loads(manifest.read()) if manifest else {}
        return str(said["revision"])
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, KeyError, TypeError):
        return None
