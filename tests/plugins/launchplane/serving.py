"""What a host is served from over HTTP, real or not: its app, stores, secrets and targets, and a gate for it.

A Dokploy of ours is behind it. Who asks is made of the text of the bearer token, as a verified token of GitHub Actions
would be.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from pydantic import SecretStr

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Lane
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine, PolicyEngine
from launchplane_gate_generic_web import GenericWebPlugin
from launchplane_gate_health import HealthPlugin
from launchplane_gate_launchplane import LaunchplanePlugin
from launchplane_gate_launchplane.calls import actor_of
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.fakes.dokploy import FakeDokploy
from tests.plugins.generic_web.dokploy_site import OPTIONS, plugin_config
from tests.plugins.launchplane.desk import job
from tests.plugins.launchplane.hosts import IMAGE, IS_REAL, NOW, Host

SUBJECT = "repo:cbusillo/sellyouroutboard:ref:refs/heads/main"  # of the workflow that may ask
STRANGER = "stranger"  # a token of nobody
DATABASE = "LAUNCHPLANE_DATABASE_URL"  # targets and secrets are looked for there, wherever the records are
MASTER_KEY = "LAUNCHPLANE_MASTER_ENCRYPTION_KEY"
INSTANCES = ("testing", "prod")
SECRET = "sk-live-0verride"
DEPLOY_S = 8  # what a deploy has, also on a busy machine
POLL_S = 0.02  # where the host sleeps for seconds


@dataclass(frozen=True)
class Stands:
    """Where the lanes of products stand on a Dokploy, and how that is reached.

    ``targets``: the application of each instance, per product; ``health``: the URL of a target's, with ``{}`` for its
    id; ``drivers``: of products that have another; ``pages``: where products have theirs, with ``{}`` for the instance.
    ``untracked``, ``without_url``: products that the host knows no targets, or no health URL of. ``options``: of the
    driver.
    """

    url: str
    key: str
    health: str
    targets: Mapping[str, Mapping[str, str]]
    image: str = IMAGE
    drivers: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    untracked: Collection[str] = ()
    without_url: Collection[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def on(cls, dokploy: FakeDokploy, products: tuple[str, ...], **more: Any) -> Stands:
        """Each product with applications of its own."""
        targets = {
            name: {instance: dokploy.add_application(f"{name}-{instance}") for instance in INSTANCES}
            for name in products
        }
        return cls(dokploy.url, dokploy.key, dokploy.health_url("{}"), targets, **more)

    @property
    def by_lane(self) -> dict[Lane, dict[str, str]]:
        """As the tables of the settings would have the targets."""
        return {
            Lane(context=product, instance=instance): {"target_type": "application", "target_id": its_id}
            for product, ids in self.targets.items()
            for instance, its_id in ids.items()
        }


class Hasty:
    """The host's clock: it sleeps shortly."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, POLL_S))


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


class _Threading(ThreadingMixIn, WSGIServer):
    """As the host's own."""

    daemon_threads = True


@contextmanager
def listening(app: Any) -> Iterator[int]:
    """Serve an app on a port of its own, which is told."""
    with make_server("127.0.0.1", 0, app, server_class=_Threading, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Verifier:
    """Takes a token for the subject that it is, of that subject's repository; STRANGER is none."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def verify(self, token: str) -> Any:
        if token == STRANGER:
            raise PermissionError(token)
        return job(self._host, subject=token, repository=token.partition(":")[2].partition(":")[0])


def set_up(
    host: Host, root: Path, stands: Stands, setenv: Callable[[str, str], object], *, database_url: str = ""
) -> tuple[Any, Any]:
    """The app of a host that was told all, and its record store: files, or what is at ``database_url``.

    ``setenv``: what it needs in its environment from then on.
    """
    auth, url = host.module("service_auth"), database_url or f"sqlite+pysqlite:///{root / 'host.sqlite'}"
    state, rule = root / "state", auth.GitHubActionsPolicyRule(repository=job(host).repository)
    database = host.sql_store(url)
    store = host.module("storage.factory").build_record_store(state_dir=state, database_url=database_url or None)
    app = host.module("service").create_launchplane_service_app(
        state_dir=state,
        verifier=_Verifier(host),
        authz_policy=auth.LaunchplaneAuthzPolicy(github_actions=(rule,)),
        control_plane_root_path=root,
        database_url=database_url or None,
    )
    for product in stands.targets:
        store.write_product_profile_record(profile(host, stands, product))
        if product not in stands.untracked:
            _track(host, database, stands, product)
    setenv(DATABASE, url)
    _tell_secrets(host, database, setenv, DOKPLOY_HOST=stands.url, DOKPLOY_TOKEN=stands.key)
    return app, store


def profile(host: Host, stands: Stands, product: str, **replaced: Any) -> Any:
    """A product's, whose health its Dokploy answers; in its previews there is a secret."""
    has_url = product not in stands.without_url
    values = {
        "product": product,
        "image": {"repository": stands.image},
        "preview": {"override_env": {"API_KEY": SECRET}},
        "driver_id": stands.drivers.get(product, "generic-web"),
        "lanes": [
            {"instance": instance, "context": product, "health_url": stands.health.format(its_id) if has_url else ""}
            for instance, its_id in stands.targets[product].items()
        ],
    }
    return host.profile(**(values | replaced))


def _track(host: Host, database: Any, stands: Stands, product: str) -> None:
    """Tell the host in its database where the lanes of a product are."""
    target = host.module("contracts.dokploy_target_record").DokployTargetRecord
    target_id = host.module("contracts.dokploy_target_id_record").DokployTargetIdRecord
    for instance, its_id in stands.targets[product].items():
        place = {"context": product, "instance": instance, "updated_at": NOW}
        named = {"target_type": "application", "target_name": f"{product}-{instance}"}
        domains = (stands.pages[product].format(instance),) if product in stands.pages else ()
        database.write_dokploy_target_record(target(**place, **named, domains=domains))
        database.write_dokploy_target_id_record(target_id(**place, target_id=its_id))
        if IS_REAL:
            environment = host.module("contracts.runtime_environment_record").RuntimeEnvironmentRecord
            database.write_runtime_environment_record(environment(scope="instance", env={"PORT": "3000"}, **place))


def _tell_secrets(host: Host, database: Any, setenv: Callable[[str, str], object], **values: str) -> None:
    """The real one seals them in its database, the stand-in takes them from the environment."""
    if not IS_REAL:
        for name, value in values.items():
            setenv(name, value)
        return
    setenv(MASTER_KEY, "for-tests-only")
    secrets = host.module("secrets")
    for name, value in values.items():
        secrets.write_secret_value(
            record_store=database,
            scope="global",
            integration=secrets.DOKPLOY_SECRET_INTEGRATION,
            name=name.lower(),
            plaintext_value=value,
            binding_key=name,
        )


def policy_of(host: Host, products: tuple[str, ...]) -> dict[str, Any]:
    """What the policies are told: each product is promoted from testing to prod, by the workflow of SUBJECT."""
    listed = [{"subject": actor_of(job(host, subject=SUBJECT)).subject, "verified_by": "launchplane"}]
    product = {"paths": [{"from": "testing", "to": "prod"}], "actors": dict.fromkeys(INSTANCES, listed)}
    return {"products": dict.fromkeys(products, product)}


def gate_for(
    store: LaunchplaneStore,
    ledger: Ledger,
    state: Path,
    bundle: Bundle,
    stands: Stands,
    *,
    engine: PolicyEngine | None = None,
    **limits: Any,
) -> Gate:
    """A gate over the host's records, with its plugins on that Dokploy."""
    server = OPTIONS | {"url": stands.url, "api_key": SecretStr(stands.key), "deploy_timeout_s": DEPLOY_S}
    server |= stands.options
    looks, lanes = {"interval_s": 0, "timeout_s": 2}, stands.by_lane
    options = {"state_dir": ".", "dokploy": server}
    given: dict[str, Any] = {"lane_wait_s": 10, "confirm_timeout_s": 3, "confirm_interval_s": 0.05}
    return Gate(
        store=store,
        ledger=ledger,
        bundle=bundle,
        engine=engine or EmbeddedEngine(bundle),
        plugins=Plugins(
            {
                "generic-web": GenericWebPlugin(plugin_config("generic-web", server, lanes, state, ledger)),
                "launchplane": LaunchplanePlugin(plugin_config("launchplane", options, lanes, state, ledger)),
                "health": HealthPlugin(plugin_config("health", looks, lanes, state, ledger)),
            }
        ),
        **(given | limits),
    )
