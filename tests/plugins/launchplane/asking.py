"""The host's service, asked as its callers do, without a socket."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from tests.plugins.launchplane.hosts import Host, artifact, commit

REPOSITORY = "cbusillo/sellyouroutboard"
WORKFLOW = f"{REPOSITORY}/.github/workflows/promote-prod.yml@refs/heads/main"


def identity(host: Host, **replaced: Any) -> Any:
    """A workflow, as the host has verified it."""
    values: dict[str, Any] = {
        "repository": REPOSITORY,
        "repository_owner": "cbusillo",
        "workflow_ref": WORKFLOW,
        "job_workflow_ref": "",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "event_name": "workflow_dispatch",
        "environment": "",
        "subject": f"repo:{REPOSITORY}:ref:refs/heads/main",
        "sha": commit("a"),
        "raw_claims": {"run_id": "1", "sha": commit("a")},
    }
    return host.module("service_auth").GitHubActionsIdentity(**(values | replaced))


class Verifier:
    """Tells callers by their token: `Bearer workflow` is the workflow, all else nobody."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def verify(self, token: str) -> Any:
        if token != "workflow":
            raise PermissionError("a token of nobody")
        return identity(self._host)


class Service:
    """``actions``: what the workflow may do, all of it where none is named."""

    def __init__(
        self,
        host: Host,
        state_dir: Path,
        *,
        database_url: str | None = None,
        actions: tuple[str, ...] = (),
        contexts: tuple[str, ...] = (),
    ) -> None:
        may = {"repository": REPOSITORY, "actions": actions, "contexts": contexts}
        self.app = host.module("service").create_launchplane_service_app(
            state_dir=state_dir,
            verifier=Verifier(host),
            authz_policy=host.module("service_auth").LaunchplaneAuthzPolicy(github_actions=(may,)),
            control_plane_root_path=state_dir,
            database_url=database_url,
        )

    def get(self, path: str, *, by: str = "workflow") -> tuple[int, dict[str, Any]]:
        return self._ask("GET", path, b"", {"HTTP_AUTHORIZATION": f"Bearer {by}"})

    def post(
        self, path: str, body: dict[str, Any], *, key: str = "", by: str = "workflow"
    ) -> tuple[int, dict[str, Any]]:
        headers = {"HTTP_AUTHORIZATION": f"Bearer {by}"} | ({"HTTP_IDEMPOTENCY_KEY": key} if key else {})
        return self._ask("POST", path, json.dumps(body).encode(), headers)

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        told: list[int] = []

        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            told.append(int(status.split(maxsplit=1)[0]))

        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_LENGTH": str(len(body))}
        answer = b"".join(self.app({**environ, "wsgi.input": io.BytesIO(body), **headers}, start_response))
        return told[0], json.loads(answer)


def bodies(host: Host) -> dict[str, dict[str, Any]]:
    """What a caller sends to each route where a lane changes; to VeriReel's and Odoo's by their products' own names."""
    release = {"artifact_id": artifact("a"), "source_git_ref": commit("a")}
    shop = {"product": "sellyouroutboard"}
    verireel = {"product": "verireel"}
    odoo = {"product": "odoo"}
    ids = {"promotion_record_id": "promotion-1", "backup_record_id": "backup-gate-1"}
    verified = dict.fromkeys(("migration_status", "verification_status", "owner_routes_status"), "pass")
    return {
        "/v1/evidence/deployments": {**shop, "deployment": host.deployment("a").model_dump(mode="json")},
        "/v1/evidence/promotions": {**shop, "promotion": host.promotion("a").model_dump(mode="json")},
        "/v1/drivers/generic-web/deploy": {**shop, "deploy": {**shop, **release, "instance": "testing"}},
        "/v1/drivers/generic-web/prod-promotion": {**shop, "promotion": {**shop, **release}},
        "/v1/drivers/odoo/prod-promotion": {
            **odoo,
            "promotion": {"context": "opw", "artifact_id": "artifact-opw-1", "backup_record_id": "backup-gate-1"},
        },
        "/v1/drivers/odoo/prod-rollback": {**odoo, "rollback": {"context": "opw"}},
        "/v1/drivers/verireel/testing-deploy": {**verireel, "deploy": release},
        "/v1/drivers/verireel/testing-verification": {
            **verireel,
            "verification": {"deployment_record_id": host.deployment("a").record_id, **verified},
        },
        "/v1/drivers/verireel/prod-deploy": {**verireel, "deploy": {**release, "instance": "prod"}},
        "/v1/drivers/verireel/prod-promotion": {**verireel, "promotion": {**release, **ids}},
        "/v1/drivers/verireel/prod-rollback": {**verireel, "rollback": ids},
    }
