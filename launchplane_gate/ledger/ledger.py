"""The append-only record of decisions, runs, leases, keys, holds and waivers; each of its rooms has one subject.

``runs``, ``lanes``, ``keys`` and the like hold what the entries add up to, changed in the same transaction, so that a
question is one query and a step is one conditional update.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from launchplane_gate import private
from launchplane_gate.errors import LedgerError, PastLost
from launchplane_gate.ledger.archiving import Archiving
from launchplane_gate.ledger.chain import Head
from launchplane_gate.ledger.database import Database
from launchplane_gate.ledger.decided import Deciding
from launchplane_gate.ledger.holding import Holding
from launchplane_gate.ledger.journal import Journal
from launchplane_gate.ledger.leave import Leave
from launchplane_gate.ledger.mark import FILE_NAME as MARK_NAME
from launchplane_gate.ledger.mark import Mark
from launchplane_gate.ledger.postgres import Postgres
from launchplane_gate.ledger.ran import Ran
from launchplane_gate.ledger.reading import Reading
from launchplane_gate.ledger.seeing import Seeing
from launchplane_gate.ledger.sqlite import Sqlite
from launchplane_gate.ledger.verifying import Verifying
from launchplane_gate.model import Lane

FILE_NAME = "ledger.sqlite"
MOVED = f"{FILE_NAME}.moved"  # to a database: what is there is kept, and nobody goes on with it
ADOPT = (
    "Nothing was done. `launchplane-gate ledger restore <backup> --reason <why>` puts a backup in its place; or "
    "`launchplane-gate init --adopt` starts a new one, in which every lane is unsettled until a deploy or promotion "
    "settles it."
)


class Ledger(Archiving, Deciding, Holding, Journal, Leave, Ran, Reading, Seeing, Verifying):
    """In a file of ``state_dir``, or in Postgres; raises LedgerError where it cannot be opened, read or written."""

    @classmethod
    def open(cls, state_dir: Path, url: str = "", *, holds_records: bool, group: int | None = None) -> Ledger:
        """Open the ledger, or in a state directory start one where nothing has been recorded yet.

        ``url``: of the database in Postgres where it lives, if it does. ``group``: the id of one that may read the
        directory, where it has to be made. Raises PastLost for one that is not what the mark beside it knows.
        """
        if url:
            _make_state(state_dir, group)
            return cls._acting(Postgres.open(url), state_dir)
        path = state_dir / FILE_NAME
        _see_that_it_is_there(path, holds_records)
        if not path.exists() and (state_dir / MARK_NAME).exists():
            what = f"the ledger {path} is missing, and {MARK_NAME} beside it says that there was one"
            raise PastLost(what, hint=ADOPT)
        return cls._acting(Sqlite.create(path, new_ledger_id(), group=group), state_dir)

    @classmethod
    def create(cls, state_dir: Path, *, group: int | None = None) -> Ledger:
        """Start a ledger in a state directory, whatever was there of an earlier one."""
        ledger = cls(Sqlite.create(state_dir / FILE_NAME, new_ledger_id(), group=group))
        ledger.mark_anew(state_dir)
        return ledger

    @classmethod
    def _acting(cls, database: Database, state_dir: Path) -> Ledger:
        ledger = cls(database)
        ledger._mark = Mark(state_dir / MARK_NAME, ledger.ledger_id())
        try:
            if lost := ledger.behind_its_mark():
                raise PastLost(lost)
        except LedgerError:
            ledger.close()
            raise
        return ledger

    @classmethod
    def unmarked(cls, state_dir: Path, url: str = "") -> Ledger:
        """Open the ledger to write it whatever the mark beside it says: to restore it. Raises LedgerError."""
        return cls(Postgres.open(url)) if url else cls.in_file(state_dir / FILE_NAME)

    @classmethod
    def in_file(cls, path: Path) -> Ledger:
        """Open any file that is a ledger, to write it. Raises LedgerError."""
        return cls(Sqlite.open(path))

    @classmethod
    def to_read(cls, state_dir: Path, url: str = "", *, holds_records: bool) -> Ledger:
        """Open the ledger for reading: nothing is made or written, not even a lock."""
        if not url:
            _see_that_it_is_there(state_dir / FILE_NAME, holds_records)
        ledger = cls(Postgres.open(url) if url else Sqlite.to_read(state_dir / FILE_NAME))
        ledger._mark = Mark(state_dir / MARK_NAME, ledger.ledger_id())
        return ledger

    @property
    def copied(self) -> str:
        """Why a copy is read, as the ledger stood when it was opened; empty where it is the ledger itself."""
        return self.database.copied

    def close(self) -> None:
        self.database.close()

    def behind_its_mark(self) -> str:
        """What the mark beside the ledger knows and it does not, in one sentence; empty where that is nothing."""
        found = self._mark.read() if self._mark and not self.copied else None  # a copy stands still
        if found is None:
            return ""
        ledger_id, lanes = found
        if ledger_id != self.ledger_id():
            return f"{self.database.name} is another one than the mark beside it names ({ledger_id[:8]})"
        for name, (position, expected) in sorted(lanes.items()):
            if not self._has_or_forgave(Head(_lane(name), position, expected)):
                return f"{self.database.name} is older than the mark beside it, which knows entry {position} of {name}"
        return ""

    @staticmethod
    def marked(state_dir: Path) -> list[Head]:
        """The heads that the mark in a state directory names, whichever ledger's they are. Raises LedgerError."""
        found = Mark(state_dir / MARK_NAME, "").read()
        return [Head(_lane(name), *head) for name, head in found[1].items()] if found else []

    def mark_anew(self, state_dir: Path) -> None:
        """Have the mark in a state directory say how far this ledger is, whatever it said before."""
        self._mark = Mark(state_dir / MARK_NAME, self.ledger_id())
        self._mark.start_anew(self.heads())

    def _has_or_forgave(self, head: Head) -> bool:
        """Whether an entry is there, or on record as lost."""
        if self.has(head):
            return True
        return any(str(head) in past["heads"] for past in self.forgiven(head.lane))


def _lane(name: str) -> Lane:
    context, _, instance = name.rpartition("/")
    return Lane.model_construct(context=context, instance=instance)


def _make_state(folder: Path, group: int | None) -> None:
    """Raises LedgerError."""
    try:
        private.make_state(folder, group)
    except OSError as error:
        raise LedgerError(f"the state folder {folder} cannot be made: {error.strerror}") from error


def _see_that_it_is_there(path: Path, holds_records: bool) -> None:
    """Raises LedgerError."""
    try:
        is_there, in_a_folder = path.exists(), path.parent.is_dir() or not path.parent.exists()
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be used: {error.strerror}") from error
    if not in_a_folder:
        raise LedgerError(f"the ledger {path} cannot be used: what it should stand in is no folder")
    if not is_there and holds_records:
        raise PastLost(f"{path.parent} holds records but no ledger ({FILE_NAME} is missing)", hint=ADOPT)


def new_ledger_id() -> str:
    return secrets.token_hex(16)
