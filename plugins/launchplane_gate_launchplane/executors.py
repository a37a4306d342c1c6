"""The host's own executor, unchanged, as the deploy of one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from launchplane_gate.errors import GateError
from launchplane_gate.hookspecs import Approval, Driver, Progress
from launchplane_gate.model import Lane, Outcome
from launchplane_gate.records import PostDeployUpdate
from launchplane_gate_generic_web import ALREADY_SET
from launchplane_gate_launchplane import calls
from launchplane_gate_launchplane.door import Door, holding
from launchplane_gate_launchplane.kept_back import KeptBack
from launchplane_gate_launchplane.permit import NotPermitted, Permit
from launchplane_gate_launchplane.protocol import Call, Deny
from launchplane_gate_launchplane.targets import HostTargets, TargetsUnknown

# The executors that are run so, each with what it may ask of Dokploy once its deployment is triggered.
_MIGRATING = frozenset({"schedule.create", "schedule.update", "schedule.runManually"})
EXECUTORS: Mapping[str, frozenset[str]] = {
    calls.GENERIC_WEB_DEPLOY: frozenset(),
    calls.GENERIC_WEB_PROMOTION: frozenset(),
    calls.VERIREEL_TESTING_DEPLOY: frozenset(),
    calls.VERIREEL_PROD_DEPLOY: frozenset(),
    calls.VERIREEL_PROMOTION: _MIGRATING,
}

# What the results of these executors say of how it went; each has some of them.
_TOLD = ("deploy_status", "promotion_status", "rollout_status", "migration_status", "health_status")

UNTOLD_S = 600.0  # what a deploy may take, where its driver does not tell
_CHARACTERS = 500  # of what the host says, that are kept


class Executors:
    """The host's executors, and the door through which all that they ask of Dokploy passes.

    ``drivers``: those that are registered; a run has the time for a deploy that its driver tells, whoever deploys.
    ``change`` is called around every request of the host to Dokploy: see HostGate.change. ``observes``: see Door.
    """

    def __init__(
        self,
        targets: HostTargets,
        drivers: Mapping[str, Driver],
        deny: Deny,
        observes: Callable[[Lane], bool] = lambda _: False,
    ) -> None:
        self._targets, self._drivers = targets, drivers
        self.change = Door(targets, deny, observes).change

    def act_of(self, call: Call) -> HostDeploy:
        """What deploys in one call: the executor of its route, which is one of EXECUTORS."""
        limit_s = getattr(self._drivers.get(call.driver_id), "deploy_timeout_s", UNTOLD_S)
        return HostDeploy(call, self._targets, limit_s)


class HostDeploy:
    """Deploys by a call's own executor. ``result``: what that returned; None where it did not return, or was not run.

    ``raised``: what it raised instead, of its own. ``kept``: the host's store, as the executor had it.
    """

    def __init__(self, call: Call, targets: HostTargets, limit_s: float) -> None:
        self._call, self._targets, self._limit_s = call, targets, limit_s
        self.result: Any = None
        self.raised: Exception | None = None
        self.kept = KeptBack(call.record_store)

    def __call__(self, approval: Approval, progress: Progress) -> Outcome:
        """See Driver.deploy. What the approval raises passes through, whatever the executor made of it."""
        try:
            target = self._targets.target(approval.lane)
        except TargetsUnknown as error:
            return Outcome(status="fail", touched=False, detail=f"{error}; {error.hint}")
        permit = Permit(
            approval,
            target,
            after=EXECUTORS[self._call.route],
            progress=progress,
            limit_s=self._limit_s,
        )
        try:
            with holding(permit):
                self.result = self._call.execute(self.kept)
        except Exception as error:  # noqa: BLE001  # whatever an executor raises is an outcome
            self.raised = error if error is not permit.refused else None
        if permit.refused and not isinstance(permit.refused, NotPermitted):
            raise permit.refused
        return self._outcome(permit, permit.refused or self.raised)

    def _outcome(self, permit: Permit, error: Exception | None) -> Outcome:
        """What the host says, and what Dokploy has shown of our deployment: a pass needs both, a fail the latter."""
        said, passed = _said(permit, self.result, error), error is None and _passed(self.result)
        target, row = permit.target, permit.row or {}
        known = f"see the deployment {permit.title!r} of {target.target_type} {target.target_id}"
        if not permit.sent and passed:
            return Outcome(status="unknown", touched=True, detail=f"{said}, and asked Dokploy for no change")
        if not permit.sent:
            return Outcome(status="fail", touched=False, detail=f"nothing was changed: {said}")
        status, detail = "unknown", f"{said}; {known}; {ALREADY_SET}"
        if row.get("status") == "error":
            failed = "Dokploy ended it with an error; its log there says why"
            status, detail = "fail", f"{failed}; {known}; {ALREADY_SET}"
        elif passed and row.get("status") == "done":
            status, detail = "pass", known
        return Outcome.model_validate(
            {
                "status": status,
                "touched": True,
                "detail": detail,
                "deployment_id": str(row.get("deploymentId") or ""),
                "post_deploy_update": self._update(permit),
                "runtime_source": getattr(self.kept.last("deployment_record"), "runtime_source", {}),
            }
        )

    def _update(self, permit: Permit) -> PostDeployUpdate | None:
        """Of what ran after the deployment. The host's records tell of one where nothing ran, too."""
        record = self.kept.last("promotion_record") or self.kept.last("deployment_record")
        told = record and record.post_deploy_update
        if not permit.ran or not told:
            return None
        return PostDeployUpdate(attempted=True, status=told.status, detail=_in_our_words(permit, told.detail))


def _passed(result: Any) -> bool:
    told = [getattr(result, name) for name in _TOLD if hasattr(result, name)]
    return bool(told) and all(status == "pass" for status in told)


def _said(permit: Permit, result: Any, error: Exception | None) -> str:
    """What the host says of it. Never what Dokploy answered to it: there may be secrets in that."""
    if error is not None:
        text = permit.troubles.get(str(error)) or _in_our_words(permit, str(error))
        is_ours = isinstance(error, GateError) or str(error) in permit.troubles
        return text if is_ours else f"{type(error).__name__}: {text}".removesuffix(": ")
    if message := str(getattr(result, "error_message", "")):
        return f"the host says: {_in_our_words(permit, message)}"
    told = ", ".join(f"{name} {getattr(result, name)}" for name in _TOLD if hasattr(result, name))
    return f"the host says: {told or 'nothing of how it ended'}"


def _in_our_words(permit: Permit, text: str) -> str:
    for theirs, ours in permit.troubles.items():
        text = text.replace(theirs, ours) if theirs else text
    return next(iter(text.splitlines()), "")[:_CHARACTERS]
