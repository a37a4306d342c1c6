"""A product on a fake Dokploy server, with a gate in front: real HTTP, the real health plugin, records on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Lane, Request, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, PolicyEngine
from launchplane_gate.records import ProductLane
from launchplane_gate.store import FileStore
from launchplane_gate_generic_web import GenericWebDriver, GenericWebPlugin
from launchplane_gate_health import HealthPlugin
from tests.conftest import ACTOR, PROD, PRODUCT, PROFILE, TESTING, A, B, C
from tests.fakes.dokploy import FakeDokploy

Named = Callable[[], Mapping[Lane, Mapping[str, Any]]]

USERNAME, PASSWORD = "robot$shop", "registry-pass-w0rd"
OPTIONS: dict[str, Any] = {"poll_s": 0.02, "timeout_s": 2, "deploy_timeout_s": 5}


@dataclass
class Site:
    """``targets``: the id of each lane's target. ``told``: the progress of the last run."""

    gate: Gate
    dokploy: FakeDokploy
    targets: dict[Lane, str]
    state: Path
    told: list[str] = field(default_factory=list)

    @property
    def driver(self) -> GenericWebDriver:
        driver = self.gate.plugins.drivers["generic-web"]
        assert isinstance(driver, GenericWebDriver)
        return driver

    def run(self, request: Request) -> Run:
        self.told = []
        return self.gate.run(request, ACTOR, self.told.append)

    def asked(self, route: str) -> int:
        """How often a route was asked so far."""
        return sum(request.path == f"/api/{route}" for request in self.dokploy.requests)

    def writes(self) -> list[str]:
        return [request.path.removeprefix("/api/") for request in self.dokploy.requests if request.method == "POST"]

    def everything_kept(self) -> bytes:
        """All that the gate has on disk."""
        return b"".join(path.read_bytes() for path in sorted(self.state.rglob("*")) if path.is_file())


def plugin_config(
    name: str, options: dict[str, Any], targets: dict[Lane, Any], gate_state: Path, ledger: Ledger, **rest: Any
) -> PluginConfig:
    return PluginConfig(name, options, targets, gate_state, gate_state / "plugins" / name, ledger.now, **rest)


@contextmanager
def site_on(
    dokploy: FakeDokploy,
    state: Path,
    bundle: Bundle,
    engine: PolicyEngine,
    *,
    targets: dict[Lane, dict[str, Any]] | None = None,
    named: Named | None = None,
    url: str | None = None,
    key: str | None = None,
    gate: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[Site]:
    """A site on a server that runs already; ``options`` are those of the plugin.

    ``named``: what plugins name as targets, where the settings name none.
    """
    for release in (A, B, C):
        dokploy.push(release.artifact_id, release.source_git_ref)
    if targets is None:
        targets = {lane: {"target_type": "application", "target_id": application(dokploy, lane)} for lane in LANES}
    ids = {lane: str(table["target_id"]) for lane, table in targets.items()}
    ledger = Ledger.open(state, holds_records=False)
    server = {"url": url or dokploy.url, "api_key": SecretStr(key or dokploy.key)}
    late: dict[str, Any] = {"named": named} if named else {}
    config = plugin_config("generic-web", OPTIONS | server | options, {} if named else targets, state, ledger, **late)
    driver = GenericWebPlugin(config)
    health = HealthPlugin(plugin_config("health", {"interval_s": 0, "timeout_s": 2}, targets, state, ledger))
    profile = PROFILE.model_copy(
        update={
            "driver_id": "generic-web",
            "lanes": tuple(
                ProductLane(instance=lane.instance, context=PRODUCT, health_url=dokploy.health_url(ids[lane]))
                for lane in ids
            ),
        }
    )
    made = Gate(
        store=FileStore(state, {PRODUCT: profile}),
        ledger=ledger,
        bundle=bundle,
        engine=engine,
        plugins=Plugins({"generic-web": driver, "health": health}),
        **({"lane_wait_s": 0.2, "confirm_timeout_s": 0.4, "confirm_interval_s": 0.02} | (gate or {})),
    )
    try:
        yield Site(made, dokploy, ids, state)
    finally:
        ledger.close()


LANES = (TESTING, PROD)


def application(dokploy: FakeDokploy, lane: Lane) -> str:
    return dokploy.add_application(lane.instance, username=USERNAME, password=PASSWORD)
