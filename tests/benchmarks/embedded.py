"""What a gate costs the host that it is in: ``python -m tests.benchmarks.embedded``.

CPU of the host's process for each request, with no gate, by the bridge and by the edit, in turn; and the wall time that
a deploy takes. On the real Launchplane where that is installed, else on its stand-in; records are files.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.timing import FEW, SHORT, WARM
from tests.plugins.launchplane.gated import Service, edited, gated
from tests.plugins.launchplane.hosts import IMAGE, IS_REAL

PRODUCT = "shop-1"
WAYS = ("none", "bridge", "edit")
TIMES = FEW if SHORT else 40
RELEASES = itertools.count(1)

Ask = Callable[[Service, int], object]
"""Asks a host once, about a release of its own: nothing is promoted that a lane ran before."""


def release(number: int) -> dict[str, str]:
    return {"artifact_id": f"{IMAGE}@sha256:{number:064x}", "source_git_ref": f"{number:040x}"}


def deploy(service: Service, number: int) -> None:
    wanted = {"product": PRODUCT, "instance": "testing", **release(number)}
    service.dokploy.push(wanted["artifact_id"], wanted["source_git_ref"])
    told = service.post("/v1/drivers/generic-web/deploy", {"product": PRODUCT, "deploy": wanted}).json()
    assert told.get("result", {}).get("deploy_status") == "pass", told


def promote(service: Service, number: int) -> None:
    wanted = {"product": PRODUCT, **release(number)}
    told = service.post("/v1/drivers/generic-web/prod-promotion", {"product": PRODUCT, "promotion": wanted}).json()
    assert told.get("result", {}).get("promotion_status") == "pass", told


def read(service: Service, _: int) -> None:
    assert service.inventory(PRODUCT, "prod")


def main() -> None:
    print(f"\nInside Launchplane ({'the real one' if IS_REAL else 'its stand-in'}), for a request to it")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        checkout = edited(Path(folder) / "checkout")
        hosts = {}
        for way in WAYS:
            root = Path(folder) / way
            root.mkdir()
            lies = checkout if way == "edit" else None
            hosts[way] = stack.enter_context(gated(root, (PRODUCT,), by=way, checkout=lies))
        report("a deploy", hosts, deploy, aim="< 100 ms of the gate's")
        report("a promotion", hosts, promote, before=deploy)
        report("a read", hosts, read, aim="< 1 ms of the gate's", times=10 * TIMES)


def report(
    what: str,
    hosts: Mapping[str, Service],
    ask: Ask,
    *,
    before: Ask = lambda *_: None,
    aim: str = "",
    times: int = TIMES,
) -> None:
    """``before``: what is asked before each time, and not counted."""
    cpu: dict[str, list[float]] = {way: [] for way in hosts}
    wall: dict[str, list[float]] = {way: [] for way in hosts}
    for number in range(-WARM, times):
        wanted = next(RELEASES)
        for way, service in hosts.items():
            before(service, wanted)
            used, began = cpu_ms(service), time.perf_counter()
            ask(service, wanted)
            if number >= 0:
                cpu[way].append(cpu_ms(service) - used)
                wall[way].append((time.perf_counter() - began) * 1000)
    plain = statistics.mean(cpu["none"])
    print(f"  {what}{aim and f', wanted {aim}'}")
    for way in hosts:
        mean = statistics.mean(cpu[way])
        told = (
            f"CPU {mean:7.1f} ms   of the gate {mean - plain:7.1f} ms   wall p50 {statistics.median(wall[way]):7.1f} ms"
        )
        print(f"    {'no gate' if way == 'none' else 'by the ' + way:<14} {told}")


def cpu_ms(service: Service) -> float:
    used = service.process.cpu_times()
    return (used.user + used.system) * 1000


if __name__ == "__main__":
    main()
