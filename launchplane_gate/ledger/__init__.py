"""The append-only record of decisions, runs, leases, keys, holds and waivers."""

from launchplane_gate.ledger.chain import CLOSING, PUBLISHING
from launchplane_gate.ledger.entry import Entry
from launchplane_gate.ledger.lease import Lease
from launchplane_gate.ledger.ledger import FILE_NAME, SCHEMA_VERSION, Key, Ledger, Row, new_id

__all__ = ["CLOSING", "FILE_NAME", "PUBLISHING", "SCHEMA_VERSION", "Entry", "Key", "Lease", "Ledger", "Row", "new_id"]
