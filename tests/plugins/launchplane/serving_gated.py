"""A Launchplane served over HTTP with a gate in it, by the edit or by the bridge; a process of test_over_http's.

``python -m tests.plugins.launchplane.serving_gated FILE``, with an edited checkout first on the path, if it is one. It
prints its port.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from socketserver import ThreadingMixIn
from types import SimpleNamespace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from pydantic import SecretStr

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Lane
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import EmbeddedEngine, load_bundle
from launchplane_gate_generic_web import GenericWebPlugin
from launchplane_gate_health import HealthPlugin
from launchplane_gate_launchplane import bridge
from launchplane_gate_launchplane.embedding import in_host
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.fakes.platform import FakePlatform
from tests.on_postgres import migrated
from tests.plugins.generic_web.conftest import bundle_with
from tests.plugins.generic_web.dokploy_site import OPTIONS, plugin_config
from tests.plugins.launchplane.desk import job
from tests.plugins.launchplane.hosts import NOW, Host

INSTANCES = ("testing", "prod")
LANES = "/v1/gate/lanes/"


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Verifier:
    """Takes every token for one of the product's workflow."""

    def __init__(self, host: Host) -> None:
        self.verify = lambda token: job(host)


def serve(told: dict[str, Any]) -> None:
    """``targets``: per product, per instance; ``store``: files, sqlite or postgres, which is at ``database``."""
    host, root = Host(), Path(told["root"])
    url = told["database"].replace("postgresql:", "postgresql+psycopg:") or f"sqlite+pysqlite:///{root / 'host.sqlite'}"
    database = host.sql_store(url)
    app, store = _service(host, root, None if told["store"] == "files" else url)
    _records(host, database, store, told)
    os.environ["LAUNCHPLANE_DATABASE_URL"] = url  # from here on: where the host has its targets
    host.module("dokploy").time = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: time.sleep(0.02))
    ours = LaunchplaneStore(store)
    if told["by"] != "none":
        app = _gated(host, app, _gate(ours, root, told), ours, by_edit=told["by"] == "edit")
    with make_server("127.0.0.1", 0, app, server_class=Server, handler_class=Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def _gated(host: Host, app: Any, gate: Gate, store: LaunchplaneStore, *, by_edit: bool) -> Any:
    if by_edit:
        host.module("gate").install(in_host(gate, store, deny=host.module("gate").GateDenied))
        return app
    embedded = in_host(gate, store, deny=bridge.GateDenied)
    bridge.install(embedded)

    def with_lanes(environ: Any, start_response: Any) -> Any:
        """A host that is not edited has no route for them, and the tests look at them."""
        if not environ["PATH_INFO"].startswith(LANES):
            return app(environ, start_response)
        context, _, instance = environ["PATH_INFO"].removeprefix(LANES).partition("/")
        start_response("200 OK", [("Content-Type", "application/json")])
        reading = embedded.read("gate_lane.read", {"context": context, "instance": instance})
        return [json.dumps(reading.payload).encode()]

    return with_lanes


def _service(host: Host, root: Path, url: str | None) -> tuple[Any, Any]:
    auth, factory = host.module("service_auth"), host.module("storage.factory")
    rule = auth.GitHubActionsPolicyRule(repository=job(host).repository)
    policy = auth.LaunchplaneAuthzPolicy(github_actions=(rule,))
    state = root / "state"
    app = host.module("service").create_launchplane_service_app(
        state_dir=state,
        verifier=Verifier(host),
        authz_policy=policy,
        control_plane_root_path=root,
        database_url=url,
    )
    return app, factory.build_record_store(state_dir=state, database_url=url)


def _records(host: Host, database: Any, store: Any, told: dict[str, Any]) -> None:
    """What the host has of each product: its profile where the service looks, the rest in its database."""
    target, target_id = (
        host.module("contracts.dokploy_target_record"),
        host.module("contracts.dokploy_target_id_record"),
    )
    for product, ids in told["targets"].items():
        lanes = [
            {"instance": one, "context": product, "health_url": told["health"].format(ids[one])} for one in INSTANCES
        ]
        driver_id = told["drivers"].get(product, "generic-web")
        store.write_product_profile_record(host.profile(product=product, lanes=lanes, driver_id=driver_id))
        for instance, its_id in ids.items():
            place = {"context": product, "instance": instance, "updated_at": NOW}
            named = {**place, "target_type": "application", "target_name": f"{product}-{instance}"}
            database.write_dokploy_target_record(target.DokployTargetRecord(**named))
            database.write_dokploy_target_id_record(target_id.DokployTargetIdRecord(**place, target_id=its_id))
            if told["real"]:
                environment = host.module("contracts.runtime_environment_record").RuntimeEnvironmentRecord
                database.write_runtime_environment_record(environment(scope="instance", env={"PORT": "3000"}, **place))
    if told["real"]:
        _seal(host, database, DOKPLOY_HOST=told["url"], DOKPLOY_TOKEN=told["key"])
    else:
        os.environ |= {"DOKPLOY_HOST": told["url"], "DOKPLOY_TOKEN": told["key"]}


def _seal(host: Host, database: Any, **values: str) -> None:
    """The real host keeps its secrets in its database."""
    secrets = host.module("secrets")
    os.environ[secrets.LAUNCHPLANE_SECRET_MASTER_KEY_ENV_VAR] = "for-tests-only"
    for name, value in values.items():
        secrets.write_secret_value(
            record_store=database,
            scope="global",
            integration=secrets.DOKPLOY_SECRET_INTEGRATION,
            name=name.lower(),
            plaintext_value=value,
            binding_key=name,
        )


def _gate(store: LaunchplaneStore, root: Path, told: dict[str, Any]) -> Gate:
    state = root / "gate"
    is_first = not (root / "shipped").exists()
    if told["database"] and is_first:
        migrated(told["database"])
    state.mkdir(exist_ok=True)
    ledger = Ledger.open(state, told["database"], holds_records=False)
    targets = {
        Lane(context=product, instance=instance): {"target_type": "application", "target_id": its_id}
        for product, ids in told["targets"].items()
        for instance, its_id in ids.items()
    }
    server = {"url": told["url"], "api_key": SecretStr(told["key"])}
    if is_first:
        bundle = bundle_with(root, told["policy"], settle_s=0)
    else:
        bundle = load_bundle([root / "shipped", root / "own"])
    return Gate(
        store=store,
        ledger=ledger,
        bundle=bundle,
        engine=EmbeddedEngine(bundle),
        plugins=Plugins(
            {
                "generic-web": GenericWebPlugin(plugin_config("generic-web", OPTIONS | server, targets, state, ledger)),
                "verireel": FakePlatform(driver_id="verireel"),
                "health": HealthPlugin(
                    plugin_config("health", {"interval_s": 0, "timeout_s": 2}, targets, state, ledger)
                ),
            }
        ),
        **({"lane_wait_s": 10, "confirm_timeout_s": 3, "confirm_interval_s": 0.05} | told["limits"]),
    )


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()))
