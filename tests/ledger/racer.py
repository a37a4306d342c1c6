"""One of several processes that deploy and promote on the same lanes at once, each as on a machine of its own.

python -m tests.ledger.racer URL FOLDER NUMBER TIMES

It prints who it is, waits until FOLDER has ``go``, and then prints a line a request: what became of it. The platform
that they share is in FOLDER: what each lane runs is a file there, and ``log`` has a line for each deploy that begins
and ends.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import sys
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, cast

from launchplane_gate.errors import GateError
from launchplane_gate.gate import Gate
from launchplane_gate.holders import this_process
from launchplane_gate.hookspecs import Approval
from launchplane_gate.ledger import Ledger, SqlStore
from launchplane_gate.model import Actor, Expected, Lane, Outcome, ReleaseIdentity, Request, Target
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import EmbeddedEngine, load_bundle, shipped_policies
from launchplane_gate.records import ProductLane
from tests.conftest import IMAGE, PROFILE
from tests.fakes.platform import FakeHealth, FakePlatform

CONTEXTS = ("east", "west")
INSTANCES = ("testing", "prod")
# Of each context two products, whose lanes are the same and are source and destination the other way round.
PRODUCTS = {
    f"{context}-{end}": (context, start, end) for context in CONTEXTS for start, end in (INSTANCES, INSTANCES[::-1])
}
LANES = [Lane(context=context, instance=instance) for context in CONTEXTS for instance in INSTANCES]
RACERS = 8
LISTED = [{"subject": f"unverified:racer-{number}", "verified_by": None} for number in range(RACERS)]
POLICY = {
    "products": {
        product: {"paths": [{"from": start, "to": end}], "actors": dict.fromkeys(INSTANCES, LISTED)}
        for product, (_, start, end) in PRODUCTS.items()
    },
    "drivers": {"fake": {"settle_s": 0}},
}
PROFILES = {
    product: PROFILE.model_copy(
        update={
            "product": product,
            "lanes": tuple(
                ProductLane(instance=instance, context=context, health_url=f"https://{instance}.example.org/health")
                for instance in INSTANCES
            ),
        }
    )
    for product, (context, _, _) in PRODUCTS.items()
}


class Shelf(MutableMapping[str, Any]):
    """A mapping that processes share: a file a key, replaced at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def __getitem__(self, key: str) -> Any:
        try:
            return json.loads(self._path(key).read_text())
        except FileNotFoundError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, value: Any) -> None:
        new = self._folder / f".{secrets.token_hex(8)}"
        new.write_text(json.dumps(value))
        new.replace(self._path(key))

    def __delitem__(self, key: str) -> None:
        self._path(key).unlink()

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def _path(self, key: str) -> Path:
        return self._folder / key.replace("/", "+")


class Releases(Shelf):
    """What each lane runs."""

    def __getitem__(self, key: str) -> ReleaseIdentity:
        return ReleaseIdentity(**super().__getitem__(key))

    def __setitem__(self, key: str, value: ReleaseIdentity) -> None:
        super().__setitem__(key, value.model_dump())


def platform_in(folder: Path) -> FakePlatform:
    """One platform, however many processes look at it."""

    def log(**line: Any) -> None:
        descriptor = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, json.dumps(line).encode() + b"\n")
        os.close(descriptor)

    def deploying(platform: FakePlatform, approval: Approval) -> Outcome:
        lane = str(approval.lane)
        target = Target(target_type="application", target_id="app", target_name="app", deploy_mode="fake")
        with approval.redeem(target) as release:
            runs = {str(one): running.source_git_ref for one in LANES if (running := platform.runs.get(str(one)))}
            log(what="begins", run=approval.run_id, lane=lane, commit=release.source_git_ref, runs=runs)
            platform.run(approval.lane, release)
            platform.newest_run[lane] = approval.run_id
            log(what="ends", run=approval.run_id, lane=lane)
        return Outcome(status="pass", touched=True)

    shelves: dict[str, Any] = {name: Shelf(folder / name) for name in ("starts", "newest_run")}
    return FakePlatform(runs=cast("Any", Releases(folder / "runs")), behaves=deploying, **shelves)


def gate_in(url: str, folder: Path, number: str) -> Gate:
    bundle = load_bundle([shipped_policies(), folder / "policies"], remembers=True)
    platform = platform_in(folder)
    ledger = Ledger.open(folder / f"state-{number}", url, holds_records=False)
    platform.now = ledger.now
    return Gate(
        store=SqlStore(ledger.database, PROFILES),
        ledger=ledger,
        bundle=bundle,
        engine=EmbeddedEngine(bundle),
        plugins=Plugins({"fake": platform, "health": FakeHealth(platform)}),
        lane_wait_s=30,
        lease_s=20,
        confirm_timeout_s=5,
        confirm_interval_s=0.02,
        write_s=2,
    )


def any_request(dice: random.Random) -> Request:
    """More often than not a promotion; where it is none, of a release that never was before."""
    product, (_, start, end) = dice.choice(list(PRODUCTS.items()))
    if dice.random() < 0.6:
        return Request(action="promote", product=product, source=start, destination=end)
    release = Expected(artifact_id=f"{IMAGE}@sha256:{secrets.token_hex(32)}", source_git_ref=secrets.token_hex(20))
    return Request(action="deploy", product=product, destination=start, expected=release)


def main(url: str, folder: Path, number: str, times: int) -> None:
    dice = random.Random(int(number))  # noqa: S311  # nothing is to be kept from anybody
    gate = gate_in(url, folder, number)
    print(json.dumps({"who": this_process(), "now": gate.ledger.now().timestamp()}), flush=True)
    (folder / f"ready-{number}").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    for _ in range(times):
        request = any_request(dice)
        try:
            run = gate.run(request, Actor(subject=f"unverified:racer-{number}"))
            told = {"run": run.run_id, "status": run.status}
        except GateError as error:
            told = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps({"asked": f"{request.action} {request.product}", **told}), flush=True)
    gate.ledger.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
