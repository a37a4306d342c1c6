"""The host's own executor, unchanged, as the deploy of one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from launchplane_gate.errors import GateError
from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.model import Outcome, Target
from launchplane_gate_generic_web import ALREADY_SET
from launchplane_gate_launchplane.door import holding
from launchplane_gate_launchplane.kept_back import KeptBack
from launchplane_gate_launchplane.permit import NotPermitted, Permit
from launchplane_gate_launchplane.protocol import Call
from launchplane_gate_launchplane.targets import HostTargets, TargetsUnknown

# The executors that are run so, each with what it may ask of Dokploy once its deployment is triggered.
_MIGRATING = frozenset({"schedule.create", "schedule.update", "schedule.runManually"})
EXECUTORS: Mapping[str, frozenset[str]] = {
    "/v1/drivers/generic-web/deploy": frozenset(),
    "/v1/drivers/generic-web/prod-promotion": frozenset(),
    "/v1/drivers/verireel/testing-deploy": frozenset(),
    "/v1/drivers/verireel/prod-deploy": frozenset(),
    "/v1/drivers/verireel/prod-promotion": _MIGRATING,
}

# What the results of these executors say of how it went; each has some of them.
_TOLD = ("deploy_status", "promotion_status", "rollout_status", "migration_status", "health_status")

_CHARACTERS = 500
"""Of what the host says, that are kept."""


class HostDokploy(Protocol):
    """The host's module ``control_plane.dokploy``, as far as it is used here."""

    def read_dokploy_config(self, *, control_plane_root: Any) -> tuple[str, str]: ...
    def fetch_dokploy_target_payload(self, *, host: str, token: str, target_type: str, target_id: str) -> object: ...


class Act:
    """Deploys by a call's own executor. ``result``: what that returned; None where it did not return, or was not run.

    ``kept``: the host's store, as the executor had it.
    """

    def __init__(self, call: Call, targets: HostTargets, dokploy: HostDokploy) -> None:
        self._call, self._targets, self._dokploy = call, targets, dokploy
        self.result: Any = None
        self.kept = KeptBack(call.record_store)

    def __call__(self, approval: Approval, progress: Progress) -> Outcome:
        """See Driver.deploy. What the approval raises passes through, whatever the executor made of it."""
        try:
            target = self._targets.target(approval.lane)
        except TargetsUnknown as error:
            return Outcome(status="fail", touched=False, detail=f"{error}; {error.hint}")
        permit = Permit(approval, target, lambda: self._read_again(target), EXECUTORS[self._call.route], progress)
        raised: Exception | None = None
        try:
            with holding(permit):
                self.result = self._call.execute(self.kept)
        except Exception as error:  # noqa: BLE001  # whatever an executor raises is an outcome
            raised = error
        if permit.refused and not isinstance(permit.refused, NotPermitted):
            raise permit.refused
        return _outcome(permit, self.result, permit.refused or raised)

    def _read_again(self, target: Target) -> object:
        host, token = self._dokploy.read_dokploy_config(control_plane_root=self._call.control_plane_root)
        return self._dokploy.fetch_dokploy_target_payload(
            host=host, token=token, target_type=target.target_type, target_id=target.target_id
        )


def _outcome(permit: Permit, result: Any, error: Exception | None) -> Outcome:
    """What the host says, and what Dokploy has shown of our deployment: a pass needs both, a fail the latter."""
    said, passed = _said(permit, result, error), error is None and _passed(result)
    row: Mapping[str, Any] = permit.row or {}
    target = permit.target
    known = f"see the deployment {permit.title!r} of {target.target_type} {target.target_id}"
    if not permit.sent and passed:
        return Outcome(status="unknown", touched=True, detail=f"{said}, and asked Dokploy for no change")
    if not permit.sent:
        return Outcome(status="fail", touched=False, detail=f"nothing was changed: {said}")
    ended: dict[str, Any] = {"touched": True, "deployment_id": str(row.get("deploymentId") or "")}
    if row.get("status") == "error":
        failed = "Dokploy ended it with an error; its log there says why"
        return Outcome(status="fail", detail=f"{failed}; {known}; {ALREADY_SET}", **ended)
    if passed and row.get("status") == "done":
        return Outcome(status="pass", detail=known, **ended)
    return Outcome(status="unknown", detail=f"{said}; {known}; {ALREADY_SET}", **ended)


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
