"""The host served over HTTP, real or not, with a Dokploy of ours behind it: its own app, stores, secrets and targets.

Who asks is made of the text of the bearer token, as a verified token of GitHub Actions would be.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import pytest

from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.stage import COMMITS, IMAGE, artifact
from tests.plugins.launchplane.hosts import IS_REAL, PRODUCT, Host

REPOSITORY = "cbusillo/sellyouroutboard"
WORKFLOW = f"{REPOSITORY}/.github/workflows/promote-prod.yml@refs/heads/main"
SUBJECT = f"repo:{REPOSITORY}:ref:refs/heads/main"
DATABASE = "LAUNCHPLANE_DATABASE_URL"  # targets and secrets are looked for there, wherever the records are
NOW = "2026-11-30T00:00:00Z"
POLL_S = 0.05  # where the host sleeps for seconds

ACTIONS = (
    "deployment.read",
    "deployment.write",
    "gate_decision.read",
    "gate_lane.read",
    "generic_web_deploy.execute",
    "generic_web_prod_promotion.execute",
    "inventory.read",
    "operations.read",
    "product_profile.read",
    "promotion.read",
    "promotion.write",
)


@dataclass
class Served:
    """``targets``: the Dokploy application of each instance. ``store``: the host's own record store."""

    url: str
    host: Host
    dokploy: FakeDokploy
    targets: dict[str, str]
    store: Any
    state: Path

    def post(self, path: str, body: dict[str, Any], *, key: str = "", caller: str = SUBJECT) -> httpx.Response:
        headers = {"Authorization": f"Bearer {caller}", **({"Idempotency-Key": key} if key else {})}
        return httpx.post(self.url + path, json=body, headers=headers, trust_env=False, timeout=120)

    def get(self, path: str, *, caller: str = SUBJECT) -> httpx.Response:
        return httpx.get(self.url + path, headers={"Authorization": f"Bearer {caller}"}, trust_env=False, timeout=60)

    def deploy(self, release: str, *, lane: str = "testing", **more: Any) -> httpx.Response:
        """``release``: one of the stage's. ``commit``: another than its own; ``key`` and ``caller`` as for ``post``."""
        wanted, how = _wanted(release, more)
        body = {"product": PRODUCT, "deploy": {"instance": lane, **wanted}}
        return self.post("/v1/drivers/generic-web/deploy", body, **how)

    def promote(self, release: str, **more: Any) -> httpx.Response:
        """As ``deploy``."""
        wanted, how = _wanted(release, more)
        body = {"product": PRODUCT, "promotion": {"health_timeout_seconds": 2, **wanted}}
        return self.post("/v1/drivers/generic-web/prod-promotion", body, **how)

    def inventory(self, lane: str) -> dict[str, Any] | None:
        """As the host shows it; None where it shows none."""
        answer = self.get(f"/v1/inventory/{PRODUCT}/{lane}")
        record: dict[str, Any] | None = answer.json()["record"] if answer.status_code == 200 else None
        return record

    def commit_on(self, lane: str) -> str | None:
        """What the inventory says that a lane runs."""
        inventory = self.inventory(lane)
        return inventory["source_git_ref"] if inventory else None

    @property
    def changes(self) -> list[str]:
        """What Dokploy was asked to change, in its order."""
        return [asked.path for asked in self.dokploy.requests if asked.method == "POST"]


def _wanted(release: str, more: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    how: dict[str, str] = {name: more.pop(name) for name in ("key", "caller") if name in more}
    ref = more.pop("commit", COMMITS[release])
    return {"product": PRODUCT, "artifact_id": artifact(release), "source_git_ref": ref, **more}, how


@contextmanager
def served(
    host: Host, folder: Path, dokploy: FakeDokploy, patching: pytest.MonkeyPatch, *, database_url: str = ""
) -> Iterator[Served]:
    """The host's app on a port of its own; records are files, or in ``database_url``. Its clock is hasty."""
    patching.delenv(DATABASE, raising=False)
    targets = {lane: dokploy.add_application(f"syo-{lane}-app") for lane in ("testing", "prod")}
    state = folder / "state"
    service = host.module("service")
    with ExitStack() as stack:
        store = host.sql_store(database_url) if database_url else host.file_store(state)
        app = service.create_launchplane_service_app(
            state_dir=state,
            verifier=_Verifier(host),
            authz_policy=_everything(host),
            control_plane_root_path=folder,
            database_url=database_url or None,
        )
        tracked = database_url or f"sqlite+pysqlite:///{folder / 'targets.sqlite'}"
        _track(host, tracked, dokploy, targets, patching)
        store.write_product_profile_record(profile(host, dokploy, targets))
        patching.setattr(host.module("dokploy"), "time", _Hasty)
        server = stack.enter_context(_listening(app))
        yield Served(f"http://127.0.0.1:{server}", host, dokploy, targets, store, state)
        if database_url:
            store.close()


class _Hasty:
    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, POLL_S))


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class _Threading(ThreadingMixIn, WSGIServer):
    """As the host's own."""

    daemon_threads = True


@contextmanager
def _listening(app: Any) -> Iterator[int]:
    with make_server("127.0.0.1", 0, app, server_class=_Threading, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Verifier:
    """Takes a token for the subject that it is; ``stranger`` is none."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def verify(self, token: str) -> Any:
        if token == "stranger":
            raise PermissionError(token)
        return self._host.module("service_auth").GitHubActionsIdentity(
            repository=REPOSITORY,
            repository_owner="cbusillo",
            workflow_ref=WORKFLOW,
            job_workflow_ref="",
            ref="refs/heads/main",
            ref_type="branch",
            event_name="workflow_dispatch",
            environment="",
            subject=token,
            sha=COMMITS["first"],
            raw_claims={"run_id": "7", "run_attempt": "1", "actor": "ann", "sub": token},
        )


def _everything(host: Host) -> Any:
    rule = {
        "repository": REPOSITORY,
        "products": [PRODUCT, "launchplane"],
        "contexts": [PRODUCT, "launchplane"],
        "actions": list(ACTIONS),
    }
    return host.module("service_auth").LaunchplaneAuthzPolicy.model_validate({"github_actions": [rule]})


def profile(host: Host, dokploy: FakeDokploy, targets: dict[str, str], **replaced: Any) -> Any:
    """The product's, whose health its Dokploy answers."""
    lanes = [
        {"instance": lane, "context": PRODUCT, "health_url": dokploy.health_url(target)}
        for lane, target in targets.items()
    ]
    values = {"image": {"repository": IMAGE}, "health_path": "/health", "lanes": lanes, **replaced}
    return host.profile(**values)


def _track(
    host: Host, database_url: str, dokploy: FakeDokploy, targets: dict[str, str], patching: pytest.MonkeyPatch
) -> None:
    """Tell the host in its database where the lanes are, and how its Dokploy is reached."""
    patching.setenv(DATABASE, database_url)
    database = host.sql_store(database_url)
    target_records = host.module("contracts.dokploy_target_record")
    id_records = host.module("contracts.dokploy_target_id_record")
    for lane, target in targets.items():
        where = {"context": PRODUCT, "instance": lane, "updated_at": NOW}
        database.write_dokploy_target_record(
            target_records.DokployTargetRecord(**where, target_type="application", target_name=f"syo-{lane}-app")
        )
        database.write_dokploy_target_id_record(id_records.DokployTargetIdRecord(**where, target_id=target))
        _give_environment(host, database, where)
    known = {"DOKPLOY_HOST": dokploy.url, "DOKPLOY_TOKEN": dokploy.key}
    _keep_secrets(host, database, known, patching)
    database.close()


def _give_environment(host: Host, database: Any, where: dict[str, str]) -> None:
    if IS_REAL:
        record = host.module("contracts.runtime_environment_record").RuntimeEnvironmentRecord
        database.write_runtime_environment_record(record(scope="instance", env={"LANE": where["instance"]}, **where))


def _keep_secrets(host: Host, database: Any, known: dict[str, str], patching: pytest.MonkeyPatch) -> None:
    """The real one seals them in its database, the stand-in takes them from the environment."""
    if not IS_REAL:
        for name, value in known.items():
            patching.setenv(name, value)
        return
    patching.setenv("LAUNCHPLANE_MASTER_ENCRYPTION_KEY", "a master key of the tests")
    secrets = host.module("secrets")
    for name, value in known.items():
        secrets.write_secret_value(
            record_store=database,
            scope="global",
            integration=secrets.DOKPLOY_SECRET_INTEGRATION,
            name=name,
            plaintext_value=value,
            binding_key=name,
        )
