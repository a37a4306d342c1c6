"""A host served with a gate in it, in a process of its own, over a Dokploy of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import httpx
import psutil

from tests.conftest import A, B, C
from tests.fakes.dokploy import FakeDokploy
from tests.places import ROOT
from tests.plugins.launchplane.hosts import artifact, commit
from tests.plugins.launchplane.serving import SUBJECT, Stands


@dataclass
class Service:
    """The host as its callers see it."""

    client: httpx.Client
    dokploy: FakeDokploy
    stands: Stands
    process: psutil.Process
    has_routes: bool

    def post(self, path: str, body: Any, key: str = "") -> httpx.Response:
        return self.client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})

    def deploy(self, product: str, letter: str, instance: str = "testing", key: str = "") -> httpx.Response:
        asked = {"product": product, "instance": instance, **release(letter)}
        return self.post("/v1/drivers/generic-web/deploy", {"product": product, "deploy": asked}, key)

    def promote(self, product: str, letter: str, key: str = "", **asked: Any) -> httpx.Response:
        body = {"product": product, "promotion": {"product": product, **release(letter), **asked}}
        return self.post("/v1/drivers/generic-web/prod-promotion", body, key)

    def inventory(self, product: str, instance: str) -> Any:
        """As the host shows it; None where there is none."""
        answer = self.client.get(f"/v1/inventory/{product}/{instance}")
        return answer.json()["record"] if answer.status_code == 200 else None

    def runs(self, product: str, instance: str) -> str | None:
        """The commit of the inventory."""
        found = self.inventory(product, instance)
        return found and str(found["source_git_ref"])

    def lane(self, product: str, instance: str) -> Any:
        return self.client.get(f"/v1/gate/lanes/{product}/{instance}").json()["lane"]

    def running(self, product: str, instance: str) -> str | None:
        return self.dokploy.running(self.stands.targets[product][instance])


def release(letter: str) -> dict[str, str]:
    return {"artifact_id": artifact(letter), "source_git_ref": commit(letter)}


@dataclass
class Site:
    """What a host is served from, by one process, by two, or by one after another: its state, records and Dokploy.

    ``has_routes``: those that the edit brings.
    """

    root: Path
    dokploy: FakeDokploy
    stands: Stands
    checkout: Path | None
    has_routes: bool

    @contextmanager
    def serving(self) -> Iterator[Service]:
        """A process, which is killed at the end if it was not before."""
        command = [sys.executable, "-m", "tests.plugins.launchplane.serving_gated", str(self.root / "told.json")]
        path = ":".join(str(folder) for folder in (self.checkout, ROOT, ROOT / "plugins") if folder)
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "HOME": str(self.root)}
        headers = {"Authorization": f"Bearer {SUBJECT}"}
        with (self.root / "log").open("ab") as log:
            process = psutil.Popen(command, env=environment, cwd=self.root, stdout=subprocess.PIPE, stderr=log)
            try:
                port = process.stdout.readline().decode().strip()
                assert port, (self.root / "log").read_text()
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
                    yield Service(client, self.dokploy, self.stands, process, self.has_routes)
            finally:
                if process.is_running():
                    process.kill()
                process.wait()


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
    **limits: float,
) -> Iterator[Site]:
    """A host with lanes of some products. ``by``: what puts the gate in: edit, which ``checkout`` has, bridge, or none.

    ``store``: files, sqlite or postgres, which is at ``database``. ``drivers``: of products that have another.
    ``limits``: of the gate.
    """
    with FakeDokploy() as dokploy:
        for one in (A, B, C):
            dokploy.push(one.artifact_id, one.source_git_ref)
        stands = Stands.on(dokploy, products, drivers=dict(drivers))
        told = {
            "root": str(root),
            "by": by,
            "store": store,
            "database": database,
            "stands": asdict(stands),
            "limits": limits,
        }
        (root / "told.json").write_text(json.dumps(told))
        yield Site(root, dokploy, stands, checkout, by == "edit")


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
