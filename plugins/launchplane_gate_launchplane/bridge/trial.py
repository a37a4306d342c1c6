"""Two requests to the wrapped host, of nobody and about nothing, before it serves anybody.

They go to an app of the host's own on a database of their own, which is thrown away; no executor runs.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from launchplane_gate_launchplane.bridge.denied import GateDenied
from launchplane_gate_launchplane.bridge.unknown import unknown_host
from launchplane_gate_launchplane.protocol import Answer, Call, Reading

ROUTE, KEY, EARLIER = "/v1/drivers/generic-web/deploy", "a trial's key", "the trace of an earlier trial"
PRODUCT, COMMIT = "trial", "0" * 40
_DIGEST = f"trial/trial@sha256:{'0' * 64}"
_WANTED = {"product": PRODUCT, "instance": "testing", "artifact_id": _DIGEST, "source_git_ref": COMMIT}
_BODY = {"product": PRODUCT, "deploy": _WANTED}
_PROFILE = {
    "product": PRODUCT,
    "display_name": PRODUCT,
    "repository": "trial/trial",
    "driver_id": "generic-web",
    "image": {"repository": "trial/trial"},
    "runtime_port": 3000,
    "health_path": "/health",
    "lanes": [{"instance": "testing", "context": PRODUCT, "base_url": "https://trial.invalid"}],
    "updated_at": "2026-01-01T00:00:00Z",
    "source": "trial",
}


class Trial:
    """A gate that denies the first call, and says of the second that it was made before."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def run(self, call: Call) -> Answer:
        self.calls.append(call)
        if len(self.calls) == 1:
            raise GateDenied(status=409, code="trial", message="a trial")
        return Answer(result=_result(call), original_trace_id=EARLIER)

    def change(self, **_: Any) -> NoReturn:
        raise GateDenied(status=409, code="trial", message="a trial changes nothing")

    def read(self, action: str, params: Mapping[str, str]) -> Reading:
        raise FileNotFoundError(action, params)


def try_requests(service: ModuleType, trial: Trial) -> None:
    """Raises SettingsError where what was heard, or what was answered, is not what it should be."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            post = _app(service, Path(folder))
            denied, replayed = post(), post()
        except Exception as error:
            raise unknown_host(f"a trial request ended with {type(error).__name__}: {error}") from error
    _compare("a denial", denied, {"code": 409, "status": "rejected", "error": {"code": "trial", "message": "a trial"}})
    _compare("a replay", replayed, {"code": 202, "replayed": True, "original_trace_id": EARLIER})
    heard = [
        {
            "route": call.route,
            "driver": call.driver_id,
            "product": call.product,
            "key": call.idempotency_key,
            "caller": getattr(call.identity, "subject", None),
            "commit": getattr(call.request, "source_git_ref", None),
            "trace": call.trace_id,
            "is told apart": bool(call.scope and call.fingerprint),
        }
        for call in trial.calls
    ]
    meant: dict[str, object] = {
        "route": ROUTE,
        "driver": "generic-web",
        "product": PRODUCT,
        "key": KEY,
        "caller": "trial",
    }
    meant |= {"commit": COMMIT, "is told apart": True}
    if [found | {"trace": ""} for found in heard] != [meant | {"trace": ""}] * 2:
        raise unknown_host(f"of a trial request was heard {heard}, and it was {meant}")
    if [found["trace"] for found in heard] != [denied["trace_id"], replayed["trace_id"]]:
        raise unknown_host("the trace id of a trial request was not heard")


def _app(service: ModuleType, folder: Path) -> Callable[[], dict[str, Any]]:
    """The host's app; what is returned asks it once, and gives its answer with the status as ``code``."""
    url = f"sqlite+pysqlite:///{folder / 'trial.sqlite'}"  # named, or the host would take the one of its environment
    auth = import_module("control_plane.service_auth")
    profiles = import_module("control_plane.contracts.product_profile_record")
    whose = {"repository": "trial/trial", "products": [PRODUCT], "contexts": [PRODUCT]}
    rule = {**whose, "actions": ["generic_web_deploy.execute"]}
    app = service.create_launchplane_service_app(
        state_dir=folder,
        verifier=_Verifier(auth),
        authz_policy=auth.LaunchplaneAuthzPolicy.model_validate({"github_actions": [rule]}),
        control_plane_root_path=folder,
        database_url=url,
    )
    store = service.build_record_store(state_dir=folder, database_url=url)
    store.write_product_profile_record(profiles.LaunchplaneProductProfileRecord.model_validate(_PROFILE))
    store.close()

    def post() -> dict[str, Any]:
        said: list[str] = []
        body = json.dumps(_BODY).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": ROUTE,
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/json",
            "HTTP_AUTHORIZATION": "Bearer trial",
            "HTTP_IDEMPOTENCY_KEY": KEY,
            "wsgi.input": io.BytesIO(body),
        }
        answer = b"".join(app(environ, lambda status, _headers: said.append(status)))
        return {**json.loads(answer), "code": int(said[-1].partition(" ")[0])}

    return post


class _Verifier:
    def __init__(self, auth: ModuleType) -> None:
        self._auth = auth

    def verify(self, token: str) -> Any:
        return self._auth.GitHubActionsIdentity(
            repository="trial/trial",
            repository_owner="trial",
            workflow_ref="trial",
            job_workflow_ref="",
            ref="",
            ref_type="",
            event_name="",
            environment="",
            subject=token,
            sha="",
            raw_claims={},
        )


def _result(call: Call) -> Any:
    deploys = import_module("control_plane.workflows.generic_web_deploy")
    return deploys.GenericWebDeployResult(
        deployment_record_id="trial",
        deploy_status="pass",
        deploy_started_at="",
        deploy_finished_at="",
        product=call.product,
        context=PRODUCT,
        instance="testing",
    )


def _compare(what: str, found: Mapping[str, Any], meant: Mapping[str, Any]) -> None:
    if (answered := {name: found.get(name) for name in meant}) != meant:
        raise unknown_host(f"{what} reached the caller of a trial request as {answered}, and it was {dict(meant)}")
