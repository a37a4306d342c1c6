"""The permit: what one run of a host's executor may ask of Dokploy, and when.

It names one target and ends. Whatever the executor reads before its first change is "read and check first"; that
change enters the door of the approval, and the return of what triggers the deployment leaves it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from dotenv import dotenv_values

from launchplane_gate.errors import GateError
from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.model import Target
from launchplane_gate_generic_web import title_of
from launchplane_gate_launchplane.asked import IMAGE_VARIABLE, Asked

SETTING = frozenset({"application.saveDockerProvider", "compose.update"})
TRIGGERING = frozenset({"application.deploy", "application.redeploy", "compose.deploy", "compose.redeploy"})
CHANGES = SETTING | TRIGGERING | {"application.update", "application.saveEnvironment"}

_ROWS = {"application": "deployment.all", "compose": "deployment.allByCompose"}
_RUN_SCHEDULE = "schedule.runManually"

# What an executor writes back as it read it, and what decides with it what would run.
_READ = (
    "sourceType",
    "serverId",
    "username",
    "password",
    "registryUrl",
    "env",
    "composeFile",
    "composeType",
    "composePath",
    "command",
    "createEnvFile",
)


class NotPermitted(GateError):
    """What a run may not ask of the platform, or not any more."""

    exit_code = 1
    hint = "It was not sent."


class _NotTriggered(Exception):
    """Leaves the door of an approval without saying that a deploy was triggered."""


@dataclass
class Permit:
    """``after``: what may be asked once the deploy is triggered. ``limit_s``: how long the executor may take, from now.

    ``refused``: the first that the gate said to the executor, whatever that made of it.
    ``sent``: how many changes were asked for. ``row``: our deployment, as last seen. ``ran``: whether anything was run
    after it. ``troubles``: our words for what the host was told of each request that failed.
    """

    approval: Approval
    target: Target
    after: frozenset[str]
    progress: Progress
    limit_s: float
    refused: GateError | None = field(default=None, init=False)
    sent: int = field(default=0, init=False)
    row: Mapping[str, Any] | None = field(default=None, init=False)
    ran: bool = field(default=False, init=False)
    troubles: dict[str, str] = field(default_factory=dict, init=False)
    _since: float = field(default_factory=time.monotonic, init=False)
    _door: ExitStack = field(default_factory=ExitStack, init=False)
    _over: bool = field(default=False, init=False)
    _redeemed: bool = field(default=False, init=False)
    _image_set: bool = field(default=False, init=False)
    _triggered: bool = field(default=False, init=False)
    _read: tuple[Asked, Mapping[str, Any]] | None = field(default=None, init=False)  # the target, and by which request
    _before: frozenset[Any] | None = field(default=None, init=False)
    _schedules: set[Any] = field(default_factory=set, init=False)

    @property
    def title(self) -> str:
        return title_of(self.approval.run_id)

    def ask(self, asked: Asked) -> Any:
        """Make a request of the executor, if it may make it. Raises GateError, and what ``send`` raises."""
        try:
            if self.refused or self._over:
                raise self.refused or NotPermitted("the executor that had this permit has ended")
            if asked.reads:
                return self._reading(asked)
            if self._triggered and asked.route in self.after:
                return self._follow(asked)
            return self._change(asked)
        except GateError as error:
            self.refused = self.refused or error
            raise

    def end(self) -> None:
        """Let nothing more through."""
        self._over = True
        with suppress(_NotTriggered), self._door:
            if self._redeemed and not self._triggered:
                raise _NotTriggered

    # -- reading

    def _reading(self, asked: Asked) -> Any:
        answer = self._send(asked, asked.payload, self._run_seconds_left())
        kind = self.target.target_type
        if asked.route == "schedule.list" and asked.about == self.target.target_id:
            self._schedules |= {one.get("scheduleId") for one in _rows(answer, asked.route)}
        if asked.targets != {self._named}:
            return answer
        if asked.route == _ROWS[kind]:
            return self._cut(_rows(answer, asked.route))
        if asked.route == f"{kind}.one" and isinstance(answer, Mapping):
            self._read = asked, {name: answer.get(name) for name in _READ}
            if kind == "compose":
                return {**answer, "deployments": self._cut(_rows(answer.get("deployments"), asked.route))}
        return answer

    def _cut(self, rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The rows that were there before, and our own: the newest that is new to the executor is then ours.

        Without a status ours is not shown yet, since the host takes that for done.
        """
        if self._before is None:
            self._before = frozenset(row.get("deploymentId") for row in rows)
        own = [row for row in rows if row.get("title") == self.title]
        if len(own) > 1:
            raise NotPermitted(f"{len(own)} deployments on Dokploy bear the title {self.title!r}")
        for row in own:
            if self.row is None or self.row.get("status") != row.get("status"):
                self.progress(f"Dokploy's deployment: {row.get('status') or 'of no status yet'}")
            self.row = row
        shown = [row for row in own if row.get("status")]
        return [row for row in rows if row in shown or row.get("deploymentId") in self._before]

    # -- changing

    def _change(self, asked: Asked) -> Any:
        of_ours = asked.targets == {self._named} and isinstance(asked.payload, Mapping)
        if asked.route not in CHANGES or not of_ours:
            raise NotPermitted(
                f"{asked.route} of {_in_words(asked)} is not what this run may do: it may deploy to {self._what}"
            )
        if self._triggered:
            raise NotPermitted(f"{asked.route} of {self._what} after its deployment was triggered")
        self._see_that_it_is_approved(asked)
        self._redeem()
        if asked.route in SETTING:
            self._see_that_it_is_as_read()
        if asked.route in TRIGGERING:
            return self._trigger(asked)
        self.progress(f"changing {self._what}: {asked.route}")
        answer = self._write(asked, asked.payload)
        self._image_set = self._image_set or (asked.route in SETTING and self._image_of(asked) is not None)
        return answer

    def _see_that_it_is_approved(self, asked: Asked) -> None:
        approved, image = self.approval.release.artifact_id, self._image_of(asked)
        if image is not None and image != approved:
            raise NotPermitted(f"the host would set another image than the approved {approved}")
        if asked.route in TRIGGERING and not self._image_set:
            raise NotPermitted(f"the host would deploy {self._what} without having set its image")

    def _image_of(self, asked: Asked) -> str | None:
        """The image that a change would set; None where it says nothing of it."""
        if "dockerImage" in asked.payload:
            return str(asked.payload["dockerImage"])
        if asked.route == "compose.update" and "env" in asked.payload:
            set_to = dotenv_values(stream=io.StringIO(str(asked.payload["env"])), interpolate=False)
            return set_to.get(IMAGE_VARIABLE) or ""
        return None

    def _redeem(self) -> None:
        if self._redeemed:
            return
        self.approval.write_seconds_left()  # what would be too late is not begun
        self._door.enter_context(self.approval.redeem(self.target))
        self._redeemed = True

    def _see_that_it_is_as_read(self) -> None:
        """What is saved with the image goes back as it was read: a change of somebody in between would be lost."""
        if self._read is None:
            raise NotPermitted(f"the host would set the image of {self._what} without having read it")
        asked, read = self._read
        now = self._send(asked, asked.payload, self._run_seconds_left())
        if not isinstance(now, Mapping):
            raise NotPermitted(f"{self._what} could not be read again")
        if changed := [name for name in _READ if now.get(name) != read[name]]:
            raise NotPermitted(f"somebody changed {self._what} while it was read ({', '.join(changed)}); deploy again")

    def _trigger(self, asked: Asked) -> Any:
        release = self.approval.release
        described = f"{release.artifact_id} of commit {release.source_git_ref}"
        self.progress(f"deploying {self._what}: {asked.route}")
        with self._door:
            self._triggered = True
            return self._write(asked, {**asked.payload, "title": self.title, "description": described})

    def _follow(self, asked: Asked) -> Any:
        """What belongs to the release, and is run once it is deployed."""
        schedule = asked.payload.get("scheduleId") if isinstance(asked.payload, Mapping) else None
        of_ours = asked.targets == {self._named} or (not asked.targets and schedule in self._schedules)
        if not of_ours or (schedule is not None and schedule not in self._schedules):
            raise NotPermitted(f"{asked.route} of what does not belong to {self._what}")
        if asked.route != _RUN_SCHEDULE:
            return self._write(asked, asked.payload)
        self.approval.write_seconds_left()
        self.sent, self.ran = self.sent + 1, True
        self.progress(f"running what follows the deployment of {self._what}")
        return self._send(asked, asked.payload, self._run_seconds_left())  # it answers when what it runs has ended

    def _write(self, asked: Asked, payload: Any) -> Any:
        limit_s = self.approval.write_seconds_left()
        self.sent += 1
        return self._send(asked, payload, limit_s)

    def _send(self, asked: Asked, payload: Any, limit_s: float) -> Any:
        try:
            return asked.within(limit_s, payload)
        except Exception as error:
            self.troubles[str(error)] = asked.failed(error)
            if isinstance(error, TimeoutError):
                self._run_seconds_left()  # says so where it is the time of the run that is over
            raise

    def _run_seconds_left(self) -> float:
        left_s = min(self.approval.run_seconds_left(), self._since + self.limit_s - time.monotonic())
        if left_s <= 0:
            raise NotPermitted("the time that a run has for its deploy is over, whatever time the caller gave it")
        return left_s

    @property
    def _named(self) -> tuple[str, str]:
        return self.target.target_type, self.target.target_id

    @property
    def _what(self) -> str:
        return f"{self.target.target_type} {self.target.target_id}"


def _rows(answer: object, route: str) -> list[Mapping[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(row, Mapping) for row in answer):
        raise NotPermitted(f"what Dokploy answers {route} is no list of deployments")
    return answer


def _in_words(asked: Asked) -> str:
    return ", ".join(f"{kind} {id_}" for kind, id_ in sorted(asked.targets)) or "no known target"
