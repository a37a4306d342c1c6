"""What the host asks of VeriReel beside its health: pages of each lane, which tell what runs there on a Dokploy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from tests.conftest import A, B, C
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.health_server import Answer, Handler, HealthServer, says
from tests.plugins.launchplane.serving import Stands


def beside(stands: Stands, web: HealthServer, dokploy: FakeDokploy, products: Iterable[str]) -> Stands:
    """With pages for some products."""
    for product in products:
        for instance, target_id in stands.targets[product].items():
            answer(web, f"/{product}/{instance}", dokploy, target_id)
    return replace(stands, pages={product: web.url(f"/{product}/{{}}") for product in products})


def answer(web: HealthServer, base: str, dokploy: FakeDokploy, target_id: str) -> None:
    """Answer as the lane that a target is of."""
    web.answers[f"{base}/api/health"] = health_of(dokploy, target_id)
    for page in ("/", "/sign-in"):
        web.answers[f"{base}{page}"] = says(b"VeriReel", kind="text/html")


def health_of(dokploy: FakeDokploy, target_id: str, tag: str | None = None) -> Answer:
    """What truly runs there says its commit and its tag, or another."""

    def answer(handler: Handler) -> None:
        image = dokploy.running(target_id) or ""
        commit = next((one.source_git_ref for one in (A, B, C) if one.artifact_id == image), "")
        told = {"ok": True, "buildRevision": commit, "buildTag": tag or image.rpartition(":")[2]}
        says(json.dumps(told).encode())(handler)

    return answer
