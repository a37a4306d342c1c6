"""What verifying found, of a ledger or of a file that was exported from one."""

from __future__ import annotations

from typing import Literal

from launchplane_gate.model import Contract

TOLD = 100  # that are told one by one; of a ledger that was shredded more say nothing more


class Findings:
    """What is wrong, a sentence each, and how many more there are than are told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.beyond = 0

    def add(self, what: str) -> None:
        what = what.encode("utf-8", "backslashreplace").decode()  # of a broken text there may be a part in it
        if len(self.told) < TOLD:
            self.told.append(what)
        else:
            self.beyond += 1


class RecordsVerified(Contract):
    """``whole``: as their runs wrote them. ``open``: of runs that ended before all was written, or from before digests.

    ``others``: no run of this ledger wrote them, and nothing is said of them.
    """

    whole: int
    open: int
    others: int


class Verified(Contract):
    """What was held to what. ``wrong`` is what differs, a sentence each; ``wrong_beyond``: how many more there are.

    ``heads``: how many kept elsewhere it was held to; None: to none, so that neither a chain that was rewritten as a
    whole nor a tail that was cut off can be seen. ``runs_of_format_1``: of these only step and status can be compared.
    ``inputs``: texts that are what was decided on; ``archived``: those that stand elsewhere.
    ``integrity``: of the database file, where it has such a check. ``records``: None where they were not looked at.
    """

    of: Literal["ledger", "lane", "file"]
    ledger_id: str
    entries: int
    heads: int | None
    runs: int | None = None
    runs_of_format_1: int = 0
    inputs: int | None = None
    archived: int = 0
    integrity: Literal["whole", "broken", "unasked"] = "unasked"
    records: RecordsVerified | None = None
    wrong: tuple[str, ...] = ()
    wrong_beyond: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.wrong

    def with_more(self, findings: Findings, records: RecordsVerified | None) -> Verified:
        """The same, with what was found of the records; None where they could not be looked at."""
        return self.model_copy(
            update={
                "records": records,
                "wrong": (*self.wrong, *findings.told),
                "wrong_beyond": self.wrong_beyond + findings.beyond,
            }
        )
