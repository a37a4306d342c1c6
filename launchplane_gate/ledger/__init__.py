"""The append-only record of decisions, runs, leases, keys, holds and waivers.

``tables`` and the two databases (``sqlite``, ``postgres``) stand below; ``chain`` appends; the rooms are ``holding``
(who may change a lane), ``journal`` (runs and their steps), ``leave`` (waivers and holds), ``seeing`` (the records that
others write), ``reading`` (questions) and ``verifying``; ``ledger`` puts them together. ``records`` is a store of
records in the same database.
"""

from launchplane_gate.ledger.chain import ADDED, ATTESTING, CLOSING, PUBLISHING, Head
from launchplane_gate.ledger.entry import Entry
from launchplane_gate.ledger.heads import KeptHead
from launchplane_gate.ledger.holding import KEY_KEPT, Wish, ended_after
from launchplane_gate.ledger.journal import Key
from launchplane_gate.ledger.lease import Lease, Terms
from launchplane_gate.ledger.leave import APPROVED, KINDS, REVOKED, waivers_of
from launchplane_gate.ledger.ledger import FILE_NAME, MOVED, Ledger
from launchplane_gate.ledger.names import new_id
from launchplane_gate.ledger.reading import Row
from launchplane_gate.ledger.records import SqlStore
from launchplane_gate.ledger.refusals import NOWHERE, REFUSED, SUMMED
from launchplane_gate.ledger.seeing import ASIDE, BACKUPS, DEPLOYMENTS, Place, Sighting
from launchplane_gate.ledger.tables import FORMAT
from launchplane_gate.ledger.verified import Verified

__all__ = [
    "ADDED",
    "APPROVED",
    "ASIDE",
    "ATTESTING",
    "BACKUPS",
    "CLOSING",
    "DEPLOYMENTS",
    "FILE_NAME",
    "FORMAT",
    "KEY_KEPT",
    "KINDS",
    "MOVED",
    "NOWHERE",
    "PUBLISHING",
    "REFUSED",
    "REVOKED",
    "SUMMED",
    "Entry",
    "Head",
    "KeptHead",
    "Key",
    "Lease",
    "Ledger",
    "Place",
    "Row",
    "Sighting",
    "SqlStore",
    "Terms",
    "Verified",
    "Wish",
    "ended_after",
    "new_id",
    "waivers_of",
]
