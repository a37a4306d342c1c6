"""Refusals that no run stands for: on record, and few however many there are.

Who asks and may not gets an entry the first time in an hour that the same rules refuse the same; what follows is
counted, and told in one entry a lane once the hour is over. Of those whom no policy names even the first ones are few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import Entering, Head
from launchplane_gate.ledger.kept import body_in
from launchplane_gate.model import Lane

NOWHERE = Lane.model_construct(context="-", instance="-")  # the chain of what was asked about no lane that there is
STRANGERS_AN_HOUR = 20  # entries a lane
REFUSED = "refused"
SUMMED = "refusals"
BEYOND = "beyond"  # the key of those that are counted together

_REFUSALS = tables.refusals
_HOUR: sa.BindParameter[str] = sa.bindparam("of_hour")
_OF_THE_HOUR = (*tables.is_lane(_REFUSALS), _REFUSALS.c.hour == _HOUR)
_OF_KEY = (*_OF_THE_HOUR, _REFUSALS.c.key == sa.bindparam("of_key"))
_SELECT = sa.select(_REFUSALS).where(*_OF_KEY)
_STRANGERS = sa.select(sa.func.count()).select_from(_REFUSALS).where(*_OF_THE_HOUR, _REFUSALS.c.stranger)
_COUNT = _REFUSALS.update().where(*_OF_KEY).values(repeats=_REFUSALS.c.repeats + 1)
_LANES_BEFORE = sa.select(_REFUSALS.c.context, _REFUSALS.c.instance).where(_REFUSALS.c.hour < _HOUR).distinct()
_BEFORE = (*tables.is_lane(_REFUSALS), _REFUSALS.c.hour < _HOUR)
_PAST = sa.select(_REFUSALS).where(*_BEFORE).order_by(_REFUSALS.c.hour)
_FORGET = _REFUSALS.delete().where(*_BEFORE)
_COUNTED = sa.select(sa.func.sum(_REFUSALS.c.repeats)).where(_REFUSALS.c.decision_id == sa.bindparam("of_decision"))
_ENTRY = sa.select(tables.entries.c.context, tables.entries.c.instance, tables.entries.c.position).where(
    tables.entries.c.decision_id == sa.bindparam("of_decision")
)
_SUMMED_NEXT = (
    sa.select(tables.entries.c.body)
    .where(
        *tables.is_lane(tables.entries),
        tables.entries.c.kind == SUMMED,
        tables.entries.c.position > sa.bindparam("of_position"),
    )
    .order_by(tables.entries.c.position)
    .limit(2)  # its own hour is summed up next; a clock elsewhere may have begun the hour after
)


Append = Callable[[Entering, str, str, Mapping[str, Any]], Head]


@dataclass(frozen=True)
class Refusal:
    """``key``: the same where who asked what, and the rules that refused it, are."""

    key: str
    decision_id: str
    body: Mapping[str, Any]
    stranger: bool


def hour_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H")


def note(at: Entering, append: Append, hour: str, refusal: Refusal) -> str:
    """Enter or count a refusal; gives the id of the decision that stands for it, empty where only its number does."""
    connection, lane = at.connection, at.row.lane
    here = tables.of_lane(lane, of_hour=hour)
    key, decision_id = refusal.key, refusal.decision_id
    before = connection.execute(_SELECT, here | {"of_key": key}).first()
    if before is None and refusal.stranger:
        entered = connection.execute(_STRANGERS, here).scalar() or 0
        if entered >= STRANGERS_AN_HOUR:
            key, decision_id = BEYOND, ""
            before = connection.execute(_SELECT, here | {"of_key": key}).first()
    if before:
        connection.execute(_COUNT, here | {"of_key": key})
        return str(before.decision_id)
    if decision_id:
        append(at, REFUSED, decision_id, refusal.body)
    new: dict[str, Any] = {"context": lane.context, "instance": lane.instance, "hour": hour, "key": key}
    new |= {"decision_id": decision_id, "stranger": refusal.stranger, "repeats": 0 if decision_id else 1}
    connection.execute(_REFUSALS.insert(), new)
    return decision_id


def repeats_of(connection: sa.Connection, decision_id: str) -> int:
    """How often the refusal was repeated within its hour, for which a decision stands."""
    counted = connection.execute(_COUNTED, {"of_decision": decision_id}).scalar() or 0
    entry = connection.execute(_ENTRY, {"of_decision": decision_id}).first()
    if entry is None:
        return int(counted)
    lane = Lane.model_construct(context=entry.context, instance=entry.instance)
    summed = connection.execute(_SUMMED_NEXT, tables.of_lane(lane, of_position=entry.position)).scalars()
    again: int = sum(body_in(body)["repeats"].get(decision_id, 0) for body in summed)
    return int(counted) + again


def lanes_before(connection: sa.Connection, hour: str) -> list[Lane]:
    """The lanes that have refusals of earlier hours to be summed up."""
    rows = connection.execute(_LANES_BEFORE, {"of_hour": hour}).all()
    return [Lane.model_construct(context=row.context, instance=row.instance) for row in rows]


def sum_up(at: Entering, append: Append, hour: str) -> None:
    """Enter how often each refusal on a lane of the hours before this one was repeated."""
    before = tables.of_lane(at.row.lane, of_hour=hour)
    past = at.connection.execute(_PAST, before).all()
    for then in dict.fromkeys(one.hour for one in past):
        of_then = [one for one in past if one.hour == then]
        repeats = {one.decision_id: one.repeats for one in of_then if one.repeats and one.decision_id}
        others = sum(one.repeats for one in of_then if not one.decision_id)
        if repeats or others:
            append(at, SUMMED, then, {"hour": f"{then}:00:00Z", "repeats": repeats, "others": others})
    at.connection.execute(_FORGET, before)
