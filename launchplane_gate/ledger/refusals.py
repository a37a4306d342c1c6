"""Refusals that no run stands for: on record, and few however many there are.

Who asks and may not gets an entry the first time in an hour that the same rules refuse the same; what follows is
counted, and told in one entry a lane once the hour is over. Of those whom no policy names even the first ones are few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from launchplane_gate.ledger import tables
from launchplane_gate.ledger.entry import body_in
from launchplane_gate.model import Lane

NOWHERE = Lane.model_construct(context="-", instance="-")  # the chain of what was asked about no lane that there is
STRANGERS_AN_HOUR = 20  # entries a lane
REFUSED = "refused"
SUMMED = "refusals"
BEYOND = "beyond"  # the key of those that are counted together

Append = Callable[[Lane, str, str, Mapping[str, Any]], object]


def hour_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H")


def note(
    connection: sa.Connection,
    append: Append,
    lane: Lane,
    hour: str,
    *,
    key: str,
    decision_id: str,
    body: Mapping[str, Any],
    stranger: bool,
) -> str:
    """Enter or count a refusal; gives the id of the decision that stands for it, empty where only its number does."""
    here = tables.of_lane(lane, of_hour=hour)
    before = connection.execute(tables.SELECT_REFUSAL, here | {"of_key": key}).first()
    if before is None and stranger:
        entered = connection.execute(tables.STRANGERS, here).scalar() or 0
        if entered >= STRANGERS_AN_HOUR:
            key, decision_id = BEYOND, ""
            before = connection.execute(tables.SELECT_REFUSAL, here | {"of_key": key}).first()
    if before:
        connection.execute(tables.COUNT_REFUSAL, here | {"of_key": key})
        return str(before.decision_id)
    if decision_id:
        append(lane, REFUSED, decision_id, body)
    row = {"context": lane.context, "instance": lane.instance, "hour": hour, "key": key, "decision_id": decision_id}
    connection.execute(tables.refusals.insert(), row | {"stranger": stranger, "repeats": 0 if decision_id else 1})
    return decision_id


def repeats_of(connection: sa.Connection, decision_id: str) -> int:
    """How often the refusal was repeated within its hour, for which a decision stands."""
    counted = connection.execute(tables.REPEATS, {"of_decision": decision_id}).scalar() or 0
    summed = connection.execute(tables.SUMMED_WITH, {"of_decision": f'"{decision_id}":'}).scalars()
    again: int = sum(body_in(body)["repeats"].get(decision_id, 0) for body in summed)
    return int(counted) + again


def sum_up(connection: sa.Connection, append: Append, hour: str) -> None:
    """Enter how often each refusal of the hours before this one was repeated."""
    past = connection.execute(tables.PAST_REFUSALS, {"of_hour": hour}).all()
    if not past:
        return
    for context, instance, then in dict.fromkeys((row.context, row.instance, row.hour) for row in past):
        here = [row for row in past if (row.context, row.instance, row.hour) == (context, instance, then)]
        repeats = {row.decision_id: row.repeats for row in here if row.repeats and row.decision_id}
        others = sum(row.repeats for row in here if not row.decision_id)
        if repeats or others:
            lane = Lane.model_construct(context=context, instance=instance)
            append(lane, SUMMED, then, {"hour": f"{then}:00:00Z", "repeats": repeats, "others": others})
    connection.execute(tables.FORGET_REFUSALS, {"of_hour": hour})
