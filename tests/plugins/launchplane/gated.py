"""A host served with a gate in it, in a process of its own, over a Dokploy of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import httpx
import psutil

from tests.conftest import A, B, C
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.health_server import HealthServer
from tests.places import ROOT
from tests.plugins.launchplane import pages
from tests.plugins.launchplane.hosts import Host, artifact, commit
from tests.plugins.launchplane.serving import SUBJECT, Stands

VERIREEL = "verireel"


@dataclass
class Service:
    """The host as its callers see it, by one process."""

    client: httpx.Client
    process: psutil.Process
    site: Site

    @property
    def dokploy(self) -> FakeDokploy:
        return self.site.dokploy

    def post(self, path: str, body: Any, key: str = "", caller: str = SUBJECT) -> httpx.Response:
        headers = {"Authorization": f"Bearer {caller}"} | ({"Idempotency-Key": key} if key else {})
        return self.client.post(path, json=body, headers=headers)

    def deploy(
        self, product: str, letter: str, instance: str = "testing", key: str = "", **asked: Any
    ) -> httpx.Response:
        """``caller``: another than SUBJECT."""
        how = {"caller": asked.pop("caller")} if "caller" in asked else {}
        wanted = {"product": product, "instance": instance, **release(letter), **asked}
        return self.post("/v1/drivers/generic-web/deploy", {"product": product, "deploy": wanted}, key, **how)

    def promote(self, product: str, letter: str, key: str = "", **asked: Any) -> httpx.Response:
        """As ``deploy``."""
        how = {"caller": asked.pop("caller")} if "caller" in asked else {}
        wanted = {"product": product, "health_timeout_seconds": 2, **release(letter), **asked}
        return self.post(
            "/v1/drivers/generic-web/prod-promotion", {"product": product, "promotion": wanted}, key, **how
        )

    def inventory(self, product: str, instance: str) -> Any:
        """As the host shows it; None where there is none."""
        answer = self.client.get(f"/v1/inventory/{product}/{instance}")
        return answer.json()["record"] if answer.status_code == 200 else None

    def runs(self, product: str, instance: str) -> str | None:
        """The commit of the inventory."""
        found = self.inventory(product, instance)
        return found and str(found["source_git_ref"])

    def record(self, record_id: str, of: str = "deployments") -> Any:
        """As the host shows it."""
        return self.client.get(f"/v1/{of}/{record_id}").json()["record"]

    def lane(self, product: str, instance: str) -> Any:
        return self.client.get(f"/v1/gate/lanes/{product}/{instance}").json()["lane"]

    def decision(self, decision_id: str) -> Any:
        return self.client.get(f"/v1/gate/decisions/{decision_id}").json()["decision"]

    def running(self, product: str, instance: str) -> str | None:
        return self.dokploy.running(self.site.target(product, instance))


def release(letter: str) -> dict[str, str]:
    return {"artifact_id": artifact(letter), "source_git_ref": commit(letter)}


@dataclass(frozen=True)
class Shop:
    """A product of a served host, of which nobody else asks anything."""

    service: Service
    product: str

    @property
    def dokploy(self) -> FakeDokploy:
        return self.service.dokploy

    def deploy(self, letter: str, instance: str = "testing", **asked: Any) -> httpx.Response:
        return self.service.deploy(self.product, letter, instance, **asked)

    def promote(self, letter: str, **asked: Any) -> httpx.Response:
        return self.service.promote(self.product, letter, **asked)

    def reported(self, letter: str, instance: str = "testing", **told: Any) -> Any:
        """A deployment record, as another writer hands it in."""
        named = {"context": self.product, "record_id": f"deployment-told-{self.product}-{instance}-{letter}"}
        return Host().deployment(letter, instance, **(named | told))

    def reported_promotion(self, letter: str, **told: Any) -> Any:
        named = {"context": self.product, "record_id": f"promotion-told-{self.product}-{letter}"}
        return Host().promotion(letter, **(named | told))

    def tell(self, record: Any, **how: str) -> httpx.Response:
        """Evidence: of a deployment or a promotion."""
        kind = "promotion" if hasattr(record, "from_instance") else "deployment"
        body = {"product": self.product, kind: record.model_dump(mode="json", exclude_none=True)}
        return self.service.post(f"/v1/evidence/{kind}s", body, **how)

    def inventory(self, instance: str = "testing") -> Any:
        return self.service.inventory(self.product, instance)

    def runs(self, instance: str = "testing") -> str | None:
        return self.service.runs(self.product, instance)

    def running(self, instance: str = "testing") -> str | None:
        return self.service.running(self.product, instance)

    def lane(self, instance: str = "testing") -> Any:
        return self.service.lane(self.product, instance)

    def target(self, instance: str = "testing") -> str:
        return self.service.site.target(self.product, instance)

    def records(self, instance: str = "testing") -> list[Any]:
        """The deployment records of a lane, in the order of their starts."""
        found = self.service.site.store.list_deployment_records(context_name=self.product, instance_name=instance)
        return sorted(found, key=lambda record: record.deploy.started_at)

    def promotions(self) -> list[Any]:
        found = self.service.site.store.list_promotion_records(context_name=self.product)
        return sorted(found, key=lambda record: record.deploy.started_at)

    def changes(self, instance: str) -> int:
        """How often Dokploy was asked to change what a lane is on."""
        return self.dokploy.changes(self.target(instance))


@dataclass
class Site:
    """What a host is served from, by one process, by two, or by one after another: its state, records and Dokploy.

    ``store``: the host's own, of these tests' process; ``url``: of that, empty for files; ``database``: the ledger's,
    where that is in one; ``root``: what its state, its gate's and its log are in.
    """

    root: Path
    dokploy: FakeDokploy
    stands: Stands
    checkout: Path | None
    store: Any
    url: str
    database: str

    def target(self, product: str, instance: str) -> str:
        return self.stands.targets[product][instance]

    @contextmanager
    def serving(self, *before: str) -> Iterator[Service]:
        """A process, which is killed at the end if it was not before. ``before``: what stands before its command."""
        with (self.root / "log").open("ab") as log:
            process = psutil.Popen([*before, *self._command()], stdout=subprocess.PIPE, stderr=log, **self._around())
            try:
                port = process.stdout.readline().decode().strip()
                assert port, (self.root / "log").read_text()
                headers = {"Authorization": f"Bearer {SUBJECT}"}
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
                    yield Service(client, process, self)
            finally:
                if process.is_running():
                    process.kill()
                process.wait()

    def commands(self, *lines: list[str]) -> list[str]:
        """What the host's commands say, each given in parts, in a process that has the gate too.

        ``["dokploy", route, target id]``: any code of the host asks that of Dokploy.
        """
        run = [*self._command(), json.dumps(lines)]
        told = subprocess.run(run, check=True, capture_output=True, text=True, timeout=120, **self._around())
        said: list[str] = json.loads(told.stdout.splitlines()[-1])
        return said

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "tests.plugins.launchplane.serving_gated", str(self.root / "told.json")]

    def _around(self) -> dict[str, Any]:
        path = ":".join(str(folder) for folder in (self.checkout, ROOT, ROOT / "plugins") if folder)
        return {"env": {"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "HOME": str(self.root)}, "cwd": self.root}


@contextmanager
def sited(
    root: Path,
    products: tuple[str, ...],
    *,
    by: str,
    checkout: Path | None = None,
    store: str = "files",
    database: str = "",
    drivers: Mapping[str, str] = {},
    not_governed: tuple[str, ...] = (),
    stands: Mapping[str, Any] = {},
    opa: str = "",
    **limits: Any,
) -> Iterator[Site]:
    """A host with lanes of some products. ``by``: what puts the gate in: edit, which ``checkout`` has, bridge, or none.

    ``store``: files, sqlite or postgres, which is at ``database``. ``drivers``: of products that have another.
    ``not_governed``: as in the settings; ``opa``: the URL of one, in place of the embedded engine; ``limits``: of the
    gate; ``stands``: see Stands.
    """
    with ExitStack() as stack:
        dokploy = stack.enter_context(FakeDokploy())
        for one in (A, B, C):
            dokploy.push(one.artifact_id, one.source_git_ref)
        made = Stands.on(dokploy, products, drivers=dict(drivers), **stands)
        films = [product for product, driver in drivers.items() if driver == VERIREEL]
        if films:
            web = stack.enter_context(HealthServer())
            made = pages.beside(made, web, dokploy, films)
        url = _url(root, store, database)
        told = {
            "root": str(root),
            "by": by,
            "url": url,
            "database": database,
            "stands": asdict(made),
            "not_governed": not_governed,
            "opa": opa,
            "limits": limits,
        }
        (root / "told.json").write_text(json.dumps(told))
        host = Host()
        kept = host.sql_store(url) if url else host.file_store(root / "state")
        yield Site(root, dokploy, made, checkout, kept, url, database)
        if url:
            kept.close()


def _url(root: Path, store: str, database: str) -> str:
    """Of the host's records, as the host has it; empty for files."""
    if database:
        return database.replace("postgresql:", "postgresql+psycopg:")
    return f"sqlite+pysqlite:///{root / 'host.sqlite'}" if store == "sqlite" else ""


@contextmanager
def gated(root: Path, products: tuple[str, ...], **site: Any) -> Iterator[Service]:
    """One process of a site: see ``sited``."""
    with sited(root, products, **site) as made, made.serving() as service:
        yield service


def edited(folder: Path) -> Path:
    """A copy of the host that these tests run on, edited by the command."""
    package = Path(str(import_module("control_plane").__file__)).parent
    copytree(package, folder / "control_plane", ignore=ignore_patterns("__pycache__"))
    run = [sys.executable, "-m", "launchplane_gate_launchplane.edit", str(folder), "--write"]
    subprocess.run(run, check=True, capture_output=True, text=True)
    return folder


@dataclass(frozen=True)
class Way:
    """How a gate gets into a host, and where that one has its records."""

    name: str
    checkout: Path
    new_database: Callable[[], str]

    @contextmanager
    def sited(self, root: Path, products: tuple[str, ...], **site: Any) -> Iterator[Site]:
        by, _, store = self.name.split()
        database = self.new_database() if store == "postgres" else ""
        given = {"checkout": self.checkout if by == "edit" else None, "store": store, "database": database, "by": by}
        with sited(root, products, **(given | site)) as made:
            yield made
