"""To find the place of a record costs the same, however long the past of its lane is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import event

from launchplane_gate.ledger import DEPLOYMENTS, Ledger, Sighting
from tests.conftest import TESTING


def test_no_question_goes_through_the_past_of_a_lane(tmp_path: Path) -> None:
    """Seen: asked for a lane, too, SQLite took the index of the lane, and a run of 100,000 took seven times as long."""
    ledger = Ledger.create(tmp_path)
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(ledger.database.engine, "before_cursor_execute", note)
    ledger.places(TESTING, [Sighting(f"{DEPLOYMENTS}one", "digest")])
    event.remove(ledger.database.engine, "before_cursor_execute", note)
    assert len(asked) == 2
    with ledger.database.read() as connection:
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            steps = [step for *_, step in plan if not step.startswith("USE TEMP")]
            assert all(" (deployment_record_id=?)" in step or " (subject=?)" in step for step in steps), steps
    ledger.close()
