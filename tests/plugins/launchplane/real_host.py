"""The real Launchplane, served over HTTP with a Dokploy of ours behind it: its own app, stores, secrets and targets.

Identities are made of the bearer token's text, as a verified token of GitHub Actions would be.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx

from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.stage import IMAGE, artifact

PRODUCT = "sellyouroutboard"
REPOSITORY = "cbusillo/sellyouroutboard"
WORKFLOW = f"{REPOSITORY}/.github/workflows/promote-prod.yml@refs/heads/main"
LATER = "LAUNCHPLANE_DATABASE_URL"  # targets and secrets are looked for there, whatever the record store is
NOW = "2026-11-30T00:00:00Z"


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Host:
    """``targets``: the Dokploy application of each instance. ``store``: the host's own record store."""

    url: str
    dokploy: FakeDokploy
    targets: dict[str, str]
    store: Any
    state: Path

    def post(self, path: str, body: dict[str, Any], *, key: str = "", caller: str = "ci") -> httpx.Response:
        headers = {"Authorization": f"Bearer {caller}", **({"Idempotency-Key": key} if key else {})}
        return httpx.post(self.url + path, json=body, headers=headers, trust_env=False, timeout=120)

    def get(self, path: str, *, caller: str = "ci") -> httpx.Response:
        return httpx.get(self.url + path, headers={"Authorization": f"Bearer {caller}"}, trust_env=False, timeout=60)

    def deploy(self, release: str, commit: str, *, lane: str = "testing", key: str = "", **more: Any) -> httpx.Response:
        wanted = {"product": PRODUCT, "instance": lane, "artifact_id": artifact(release), "source_git_ref": commit}
        return self.post("/v1/drivers/generic-web/deploy", {"product": PRODUCT, "deploy": wanted | more}, key=key)

    def promote(self, release: str, commit: str, *, key: str = "", **more: Any) -> httpx.Response:
        wanted = {
            "product": PRODUCT,
            "artifact_id": artifact(release),
            "source_git_ref": commit,
            "health_timeout_seconds": 2,
        }
        return self.post(
            "/v1/drivers/generic-web/prod-promotion", {"product": PRODUCT, "promotion": wanted | more}, key=key
        )

    def inventory(self, lane: str) -> dict[str, Any] | None:
        """The inventory of a lane as the host shows it; None where it shows none."""
        answer = self.get(f"/v1/inventory/{PRODUCT}/{lane}")
        return answer.json()["record"] if answer.status_code == 200 else None


class _Verifier:
    def verify(self, token: str) -> Any:
        from control_plane.service_auth import GitHubActionsIdentity  # noqa: PLC0415  # the host may not be there

        if token == "stranger":
            raise PermissionError(token)
        return GitHubActionsIdentity(
            repository=REPOSITORY,
            repository_owner="cbusillo",
            workflow_ref=WORKFLOW,
            job_workflow_ref="",
            ref="refs/heads/main",
            ref_type="branch",
            event_name="workflow_dispatch",
            environment="",
            subject=f"repo:{REPOSITORY}:ref:refs/heads/main",
            sha="4" * 40,
            raw_claims={"run_id": "7", "sub": f"repo:{REPOSITORY}:ref:refs/heads/main"},
        )


@contextmanager
def served(folder: Path, dokploy: FakeDokploy, *, database_url: str = "") -> Iterator[Host]:
    """The host's app on a port of its own; records are files, or in ``database_url``."""
    from control_plane import service  # noqa: PLC0415  # the host may not be there
    from control_plane.service_auth import LaunchplaneAuthzPolicy  # noqa: PLC0415
    from control_plane.storage.postgres import PostgresRecordStore  # noqa: PLC0415

    state = folder / "state"
    os.environ.pop(LATER, None)
    everything = {
        "repository": REPOSITORY,
        "products": ["*", PRODUCT, "launchplane"],
        "contexts": ["*", PRODUCT, "launchplane"],
        "actions": sorted(ACTIONS),
    }
    app = service.create_launchplane_service_app(
        state_dir=state,
        verifier=_Verifier(),
        authz_policy=LaunchplaneAuthzPolicy.model_validate({"github_actions": [everything]}),
        control_plane_root_path=folder,
        database_url=database_url or None,
    )
    tracked = database_url or f"sqlite+pysqlite:///{folder / 'targets.sqlite'}"
    os.environ[LATER] = tracked
    os.environ["LAUNCHPLANE_MASTER_ENCRYPTION_KEY"] = "a master key of the tests"
    targets = {lane: dokploy.add_application(f"syo-{lane}-app") for lane in ("testing", "prod")}
    database = PostgresRecordStore(database_url=tracked)
    database.ensure_schema()
    _track(database, dokploy, targets)
    store = service.build_record_store(state_dir=state, database_url=database_url) if database_url else _files(state)
    store.write_product_profile_record(profile(dokploy, targets))
    with make_server("127.0.0.1", 0, app, server_class=service.ThreadingWSGIServer, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Host(f"http://127.0.0.1:{server.server_port}", dokploy, targets, store, state)
        finally:
            server.shutdown()
            thread.join()
            database.close()


def _files(state: Path) -> Any:
    from control_plane.storage.filesystem import FilesystemRecordStore  # noqa: PLC0415

    return FilesystemRecordStore(state_dir=state)


def profile(dokploy: FakeDokploy, targets: dict[str, str], *, driver_id: str = "generic-web") -> Any:
    from control_plane.contracts.product_profile_record import LaunchplaneProductProfileRecord  # noqa: PLC0415

    lanes = [
        {"instance": lane, "context": PRODUCT, "base_url": "", "health_url": dokploy.health_url(target)}
        for lane, target in targets.items()
    ]
    return LaunchplaneProductProfileRecord.model_validate(
        {
            "product": PRODUCT,
            "display_name": "Sell Your Outboard",
            "repository": REPOSITORY,
            "driver_id": driver_id,
            "image": {"repository": IMAGE},
            "runtime_port": 3000,
            "health_path": "/health",
            "lanes": lanes,
            "updated_at": NOW,
            "source": "tests",
        }
    )


def _track(database: Any, dokploy: FakeDokploy, targets: dict[str, str]) -> None:
    from control_plane import secrets  # noqa: PLC0415
    from control_plane.contracts.dokploy_target_id_record import DokployTargetIdRecord  # noqa: PLC0415
    from control_plane.contracts.dokploy_target_record import DokployTargetRecord  # noqa: PLC0415
    from control_plane.contracts.runtime_environment_record import RuntimeEnvironmentRecord  # noqa: PLC0415

    for lane, target in targets.items():
        database.write_runtime_environment_record(
            RuntimeEnvironmentRecord(
                scope="instance", context=PRODUCT, instance=lane, env={"LANE": lane}, updated_at=NOW
            )
        )
        where = {"context": PRODUCT, "instance": lane, "updated_at": NOW}
        database.write_dokploy_target_record(
            DokployTargetRecord(**where, target_type="application", target_name=f"syo-{lane}-app")
        )
        database.write_dokploy_target_id_record(DokployTargetIdRecord(**where, target_id=target))
    for name, value in (("host", dokploy.url), ("token", dokploy.key)):
        secrets.write_secret_value(
            record_store=database,
            scope="global",
            integration=secrets.DOKPLOY_SECRET_INTEGRATION,
            name=name,
            plaintext_value=value,
            binding_key=f"DOKPLOY_{name.upper()}",
        )


ACTIONS = (
    "generic_web_deploy.execute",
    "generic_web_prod_promotion.execute",
    "deployment.write",
    "deployment.read",
    "promotion.write",
    "promotion.read",
    "inventory.read",
    "operations.read",
    "product_profile.read",
    "gate_decision.read",
    "gate_lane.read",
)
