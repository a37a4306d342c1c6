"""Archiving: inputs of old decisions leave the ledger for a file, and every chain still verifies.

First the file is written, whole and durably, and read back; then the inputs leave in one transaction with the entry
that says where they are. Whatever ends it in between leaves them in the ledger, and at most a file too many.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from launchplane_gate import private, strictjson
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import Chain, Entering, Head
from launchplane_gate.ledger.chains import ARCHIVED
from launchplane_gate.ledger.comparing import streamed
from launchplane_gate.ledger.entry import Entry
from launchplane_gate.ledger.exporting import EVERY, Progress
from launchplane_gate.ledger.kept import LARGEST, body_in, inflated
from launchplane_gate.ledger.refusals import NOWHERE
from launchplane_gate.model import stamp

ARCHIVE = 1  # the form of such a file
AT_ONCE = 500  # digests in one statement
LEFT = "Nothing left the ledger."

_INPUTS = tables.inputs
_BEFORE = _INPUTS.c.at < sa.bindparam("of_moment")
_ORDER = (_INPUTS.c.at, _INPUTS.c.digest)
_DIGESTS = sa.select(_INPUTS.c.digest).where(_BEFORE).order_by(*_ORDER)
_OLD = sa.select(_INPUTS.c.digest, _INPUTS.c.at, _INPUTS.c.packed).where(_BEFORE).order_by(*_ORDER)
_FORGET = _INPUTS.delete().where(_INPUTS.c.digest.in_(sa.bindparam("of_digests", expanding=True)))
_SINCE = (
    sa.select(tables.entries.c.at, tables.entries.c.body)
    .where(
        *tables.is_lane(tables.entries),
        tables.entries.c.kind == ARCHIVED,
        tables.entries.c.number > sa.bindparam("of_number"),
    )
    .order_by(tables.entries.c.number)
)


@dataclass(frozen=True)
class Archive:
    """A file with the inputs of decisions from before a moment, and the machine that it was written on."""

    before: str
    inputs: int
    file: str
    sha256: str
    host: str


class Archiving(Chain):
    """The room of the ledger from which inputs leave."""

    def archive(self, before: datetime, folder: Path, actor: dict[str, Any], progress: Progress) -> Archive | None:
        """Move the inputs from before a moment to a file in a folder; None where there are none.

        ``actor``: whose word it is. Raises LedgerError, with all inputs where they were.
        """
        moment = {"of_moment": stamp(before)}
        try:
            private.make_folder(folder)
            with self._read(several=True) as connection:
                ledger_id = str(connection.execute(sa.select(tables.meta.c.ledger_id)).scalar() or "")
                count, named = _named(connection, moment)
                if not count:
                    return None
                file = folder.resolve() / f"inputs-before-{before:%Y-%m-%d}-{named[:12]}.jsonl.gz"
                first = {"archive": ARCHIVE, "ledger_id": ledger_id, "before": moment["of_moment"], "inputs": count}
                _write(file, _lines(connection, moment, first, progress))
            digests, sha256 = _read_back(file, first)
        except OSError as error:
            raise LedgerError(f"{folder} cannot be used: {error.strerror or error}", hint=LEFT) from error
        archive = Archive(moment["of_moment"], count, str(file), sha256, socket.gethostname())
        progress(f"taking {count:,} inputs out of the ledger")
        self._enter(NOWHERE, lambda at: self._forget(at, archive, digests, actor))
        return archive

    def _forget(self, at: Entering, archive: Archive, digests: list[str], actor: dict[str, Any]) -> Head:
        gone = 0
        for start in range(0, len(digests), AT_ONCE):
            some = digests[start : start + AT_ONCE]
            gone += at.connection.execute(_FORGET, {"of_digests": some}).rowcount
        if gone != len(digests):
            raise LedgerError("somebody else archived inputs meanwhile", hint=f"{LEFT} {archive.file} can be removed.")
        return self._append(at, ARCHIVED, archive.file, {"actor": actor, **vars(archive)})

    def archive_of(self, entry: Entry) -> tuple[str, Archive] | None:
        """When the input of an entry was archived, and to which file; None where nothing says that it was."""
        about = tables.of_lane(NOWHERE, of_number=entry.number)
        with self._read() as connection:
            rows = connection.execute(_SINCE, about).all()
        for row in rows:
            with suppress(KeyError, TypeError, ValueError):  # one that was altered says nothing
                body = body_in(row.body)
                if body["before"] > entry.at:
                    return row.at, Archive(**{name: body[name] for name in Archive.__dataclass_fields__})
        return None


def _named(connection: sa.Connection, moment: dict[str, str]) -> tuple[int, str]:
    """How many inputs there are, and a digest of which: the same ones make the same file, under the same name."""
    count, together = 0, hashlib.sha256()
    for row in streamed(connection, _DIGESTS, moment):
        together.update(row.digest.encode())
        count += 1
    return count, together.hexdigest()


def _lines(
    connection: sa.Connection, moment: dict[str, str], first: dict[str, Any], progress: Progress
) -> Iterator[str]:
    yield _line(first)
    for number, row in enumerate(streamed(connection, _OLD, moment), 1):
        text = inflated(row.packed)
        if text is None or strictjson.sha256(text) != row.digest:
            hint = f"{LEFT} `launchplane-gate decisions verify` names the entry."
            raise LedgerError(f"the policy input {row.digest[:12]} is not what was decided on", hint=hint)
        yield _line({"digest": row.digest, "at": row.at, "input": text.decode("utf-8", "surrogatepass")})
        if number % EVERY == 0:
            progress(f"{number:,} of {first['inputs']:,} inputs written")


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"  # in ASCII: a lone surrogate can be written


def _write(file: Path, lines: Iterator[str]) -> None:
    """All of the file or nothing, and on disk when this returns. Raises OSError."""
    with (
        private.replacing(file) as opened,
        gzip.GzipFile(filename="", mode="wb", fileobj=opened, mtime=0, compresslevel=6) as packing,
    ):
        for line in lines:
            packing.write(line.encode())
    private.sync(file)


def _read_back(file: Path, first: dict[str, Any]) -> tuple[list[str], str]:
    """The digests of the inputs in a file, each of which has its text there, and the digest of the file.

    Raises OSError, and LedgerError for a file that is not what was written.
    """
    digests = []
    try:
        sha256 = _sha256_of(file)
        with private.opened(file) as opened, gzip.GzipFile(fileobj=opened) as unpacking:
            is_whole = strictjson.loads(unpacking.readline(LARGEST)) == first
            while line := unpacking.readline(LARGEST):
                told = strictjson.loads(line, max_bytes=LARGEST)
                is_whole &= strictjson.sha256(told["input"].encode("utf-8", "surrogatepass")) == told["digest"]
                digests.append(told["digest"])
    except (EOFError, zlib.error, ValueError, KeyError, TypeError):
        is_whole = False
    if not is_whole or len(digests) != first["inputs"]:
        raise LedgerError(f"{file} reads back differently from what was written", hint=LEFT)
    return digests, sha256


def _sha256_of(file: Path) -> str:
    digest = hashlib.sha256()
    with private.opened(file) as opened:
        while part := opened.read(2**20):
            digest.update(part)
    return digest.hexdigest()
