"""The host's executors over a fake Dokploy, behind the door of a gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from launchplane_gate.hookspecs import Approval, InventoryWriter, Progress
from launchplane_gate.model import Lane, Observation, Outcome, ReleaseIdentity, Run
from launchplane_gate_launchplane.executors import Executors, HostDeploy
from launchplane_gate_launchplane.governed import Governed
from launchplane_gate_launchplane.store import LaunchplaneStore
from launchplane_gate_launchplane.targets import HostTargets
from tests.fakes.dokploy import FakeDokploy
from tests.plugins.launchplane.desk import Denied
from tests.plugins.launchplane.hosts import Host

WAITING = ("generic_web_promotion", "verireel_stable_deploy", "verireel_prod_promotion")
POLL_S = 0.02  # where the host sleeps for seconds


class _Hasty:
    """The host's clock: it sleeps shortly."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, POLL_S))


@dataclass
class HostOnDokploy:
    """A host whose Dokploy is a fake, with the door around all that it asks of it. ``definitions``: by lane."""

    host: Host
    url: str
    key: str
    root: Path
    definitions: dict[Lane, Any]
    store: Any
    drivers: dict[str, Any]

    @property
    def dokploy(self) -> Any:
        return self.host.module("dokploy")

    @cached_property
    def targets(self) -> HostTargets:
        def definitions() -> Any:
            source = self.dokploy.read_control_plane_dokploy_source_of_truth(control_plane_root=self.root)
            return source.targets

        governed = Governed(LaunchplaneStore(self.store), self.store.list_product_profile_records, {"left-alone"})
        return HostTargets(definitions, governed)

    def define(self, lane: Lane, target_id: str, target_type: str = "application") -> None:
        self.definitions[lane] = self.dokploy.DokployTargetDefinition(
            context=lane.context,
            instance=lane.instance,
            target_type=target_type,
            target_id=target_id,
            target_name=f"{lane.instance}-app",
        )

    def ask(self, path: str, payload: Any = None, **rest: Any) -> Any:
        """What any code of the host may ask, whoever calls it."""
        method = "GET" if payload is None else "POST"
        return self.dokploy.dokploy_request(
            host=self.url, token=self.key, path=f"/api/{path}", method=method, payload=payload, **rest
        )

    def call(self, route: str, request: Any, execute: Callable[[Any], Any], store: Any = None) -> Any:
        return SimpleNamespace(
            route=route,
            driver_id=route.split("/")[3],
            request=request,
            record_store=self.store if store is None else store,
            control_plane_root=self.root,
            execute=execute,
        )

    def deploying(self, product: str, instance: str, release: ReleaseIdentity, **asked: Any) -> Any:
        """The call of a deploy."""
        executor = self.host.module("workflows.generic_web_deploy")
        request = executor.GenericWebDeployRequest(product=product, instance=instance, **release.model_dump(), **asked)
        return self.call(
            "/v1/drivers/generic-web/deploy",
            request,
            lambda store: executor.execute_generic_web_deploy(
                control_plane_root=self.root, record_store=store, request=request
            ),
        )

    def promoting(self, product: str, release: ReleaseIdentity, **asked: Any) -> Any:
        """The call of a promotion."""
        executor = self.host.module("workflows.generic_web_promotion")
        request = executor.GenericWebProdPromotionRequest(product=product, **release.model_dump(), **asked)
        return self.call(
            "/v1/drivers/generic-web/prod-promotion",
            request,
            lambda store: executor.execute_generic_web_prod_promotion(
                control_plane_root=self.root, record_store=store, request=request
            ),
        )

    def verireel(self, kind: str, request: Any) -> Any:
        """The call of one of its executors: ``stable_deploy`` or ``prod_promotion``."""
        executor = self.host.module(f"workflows.verireel_{kind}")
        execute = getattr(executor, f"execute_verireel_{kind}")
        route = "prod-promotion" if kind == "prod_promotion" else f"{request['instance']}-deploy"
        asked = getattr(executor, f"VeriReel{kind.title().replace('_', '')}Request").model_validate(request)
        return self.call(
            f"/v1/drivers/verireel/{route}",
            asked,
            lambda store: execute(control_plane_root=self.root, record_store=store, request=asked),
        )

    @cached_property
    def executors(self) -> Executors:
        return Executors(self.targets, self.drivers, Denied)


@contextmanager
def host_on(
    host: Host, fake: FakeDokploy, root: Path, store: Any, patching: pytest.MonkeyPatch
) -> Iterator[HostOnDokploy]:
    """The host's secrets and records are what it is told here; its clock is hasty, and its requests pass the door."""
    stage = HostOnDokploy(host, fake.url, fake.key, root, {}, store, {})
    dokploy, environments = stage.dokploy, host.module("runtime_environments")
    for name in ("dokploy", *(f"workflows.{name}" for name in WAITING)):
        patching.setattr(host.module(name), "time", _Hasty, raising=False)
    patching.setattr(dokploy, "read_dokploy_config", lambda **_: (stage.url, stage.key))
    patching.setattr(
        dokploy,
        "read_control_plane_dokploy_source_of_truth",
        lambda **_: SimpleNamespace(targets=tuple(stage.definitions.values())),
    )
    patching.setattr(environments, "resolve_runtime_environment_values", lambda **_: {})
    _put_in_front(dokploy, stage.executors.change, patching)
    yield stage


def _put_in_front(dokploy: Any, change: Callable[..., Any], patching: pytest.MonkeyPatch) -> None:
    """Around every request of the host, as its edit would have it."""
    plain = dokploy.dokploy_request

    def asked(  # as the host has it
        *,
        host: str,
        token: str,
        path: str,
        method: str = "GET",
        payload: Any = None,
        query: Any = None,
        timeout_seconds: float = 60,
    ) -> Any:
        def send(payload: Any, timeout_s: float) -> Any:
            return plain(
                host=host,
                token=token,
                path=path,
                method=method,
                payload=payload,
                query=query,
                timeout_seconds=timeout_s,
            )

        return change(method=method, path=path, payload=payload, query=query, timeout_s=timeout_seconds, send=send)

    patching.setattr(dokploy, "dokploy_request", asked)


class Executing:
    """A driver that deploys by the host's executor, and does all else as the one that is registered."""

    def __init__(self, driver: Any, act: Callable[[Approval], HostDeploy]) -> None:
        self.driver_id, self.deploy_timeout_s = driver.driver_id, driver.deploy_timeout_s
        self._driver, self._act = driver, act

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        return self._act(approval)(approval, progress)

    def find(self, run: Run) -> Outcome:
        found: Outcome = self._driver.find(run)
        return found

    def observe(self, lane: Lane) -> Observation:
        seen: Observation = self._driver.observe(lane)
        return seen

    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        return str(self._driver.obstacle(lane, release))

    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        self._driver.record(outcome, inventory)


def lanes_of(product: str, lanes: Mapping[Lane, str]) -> list[dict[str, str]]:
    """As the host's profile has them; ``lanes``: the health URL of each."""
    return [{"instance": lane.instance, "context": lane.context, "health_url": url} for lane, url in lanes.items()]
