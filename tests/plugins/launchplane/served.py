"""The host served in this process, whatever is installed in it, with a product of the stage's releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.stage import COMMITS, IMAGE, artifact
from tests.plugins.launchplane.hosts import PRODUCT, Host
from tests.plugins.launchplane.serving import DATABASE, SUBJECT, Hasty, Stands, listening, set_up


@dataclass
class Served:
    """``store``: the host's own record store, in files below ``state``."""

    url: str
    host: Host
    dokploy: FakeDokploy
    stands: Stands
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
def served(host: Host, folder: Path, dokploy: FakeDokploy, patching: pytest.MonkeyPatch) -> Iterator[Served]:
    """The host's app on a port of its own; records are files. Its clock is hasty."""
    patching.delenv(DATABASE, raising=False)
    stands = Stands.on(dokploy, (PRODUCT,), image=IMAGE)
    app, store = set_up(host, folder, stands, patching.setenv)
    patching.setattr(host.module("dokploy"), "time", Hasty)
    with listening(app) as port:
        yield Served(f"http://127.0.0.1:{port}", host, dokploy, stands, store, folder / "state")
