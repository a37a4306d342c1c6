"""Commands that are run beside a target: kept, listed, and run when asked. One that fails is still a 200."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.dokploy import answers
from tests.fakes.dokploy.answers import Answer, says
from tests.fakes.dokploy.rows import Row, deployment_row, new_id, stamp
from tests.fakes.dokploy.state import State

Given = dict[str, Any]


def listed(state: State, given: Given) -> Answer:
    of = {"application": "applicationId", "compose": "composeId"}.get(given["scheduleType"], "serverId")
    return says([row for row in state.schedules.values() if row.get(of) == given["id"]])


def create(state: State, given: Given) -> Answer:
    row: Row = {"scheduleId": new_id(), "createdAt": stamp(), "enabled": True, "applicationId": None, "deployments": []}
    state.schedules[row["scheduleId"]] = row | given
    return says(state.schedules[row["scheduleId"]])


def update(state: State, given: Given) -> Answer:
    row = state.schedules.get(given["scheduleId"])
    if row is None:
        return answers.not_found("Schedule", "schedule.update")
    row.update(given)
    return says(row)


def run(state: State, given: Given) -> Answer:
    """Run its command to its end, as ``state.commands_end``."""
    row = state.schedules.get(given["scheduleId"])
    if row is None:
        return answers.not_found("Schedule", "schedule.runManually")
    target = state.targets[row["applicationId"]]
    ran: Row = deployment_row(target.row, row["name"], "") | {"scheduleId": row["scheduleId"], "applicationId": None}
    ran.update(status=state.commands_end, finishedAt=stamp())
    row["deployments"].append(ran)
    return says({name: ran[name] for name in ("status", "deploymentId", "logPath")})


def rows_of(state: State, schedule_id: str) -> list[Row]:
    """What was run of a schedule, the newest first."""
    row = state.schedules.get(schedule_id)
    return row["deployments"][::-1] if row else []


ROUTES: dict[str, Callable[[State, Given], Answer]] = {
    "schedule.list": listed,
    "schedule.create": create,
    "schedule.update": update,
    "schedule.runManually": run,
}
