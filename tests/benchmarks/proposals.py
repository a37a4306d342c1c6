"""Ten proposals, checked from cold by one process on a snapshot, beside one, and beside facts that are given."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from launchplane_gate.gate import Gate, quiet
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Expected, Request
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import EmbeddedEngine, load_bundle, shipped_policies
from launchplane_gate.records import ProductLane, ProductProfile
from launchplane_gate.settings import load_settings
from launchplane_gate.snapshot import export
from launchplane_gate.store import FileStore
from tests.benchmarks.timing import in_turn, report
from tests.conftest import ACTOR, POLICY, PRODUCT, PROFILE, A
from tests.fakes.platform import FakeHealth, FakePlatform
from tests.keys import write_key
from tests.places import CASES

NAMES = tuple(f"shop-{number}" for number in range(10))
SETTINGS = 'schema_version = 1\nsnapshot_max_s = 86400\npolicy.folders = ["policies"]\n'
SIGNS = '[attestation]\nkey = { file = "attest.pem" }\n'


def proposals(folder: Path) -> None:
    print("\nProposals, from cold, whole processes, on a snapshot")
    files = prepared(folder)
    ten = command(folder, *files, "--snapshot", "lanes.json", "--as", ACTOR.subject)
    one = command(folder, files[0], "--snapshot", "lanes.json", "--as", ACTOR.subject)
    given = command(folder, "--input", str(CASES / "promote_admit.json"))
    of_ten, of_one, of_given = in_turn(ten, one, given, times=10, warm=1)
    tenth = report("check of ten proposals", of_ten, "wanted < 1 s")
    first = report("check of one of them", of_one)
    report("check --input, of facts that are given", of_given)
    print(f"  each further one takes {(tenth - first) / (len(NAMES) - 1):.1f} ms")


def command(folder: Path, *arguments: str) -> Callable[[], object]:
    def run() -> None:
        base = [sys.executable, "-m", "launchplane_gate", "check"]
        done = subprocess.run([*base, *arguments], check=False, capture_output=True, text=True, cwd=folder)
        assert done.returncode in (0, 1), done.stderr  # whatever is decided

    return run


def prepared(folder: Path) -> list[str]:
    """A snapshot of ten products that can all be promoted, and a proposal of each; gives their files."""
    (folder / "policies" / "config").mkdir(parents=True)
    policy = POLICY | {"products": dict.fromkeys(NAMES, POLICY["products"][PRODUCT])}
    (folder / "policies" / "config" / "data.json").write_text(json.dumps(policy))
    write_key(folder)
    (folder / "launchplane-gate.toml").write_text(SETTINGS + SIGNS)
    profiles = {name: _profile(name) for name in NAMES}
    bundle, platform = load_bundle([shipped_policies(), folder / "policies"]), FakePlatform()
    gate = Gate(
        store=FileStore(folder / "state", profiles),
        ledger=Ledger.open(folder / "state", holds_records=False),
        bundle=bundle,
        engine=EmbeddedEngine(bundle),
        plugins=Plugins({"fake": platform, "health": FakeHealth(platform)}),
        confirm_interval_s=0.02,
    )
    platform.now = gate.ledger.now
    for name in NAMES:
        request = Request(action="deploy", product=name, destination="testing", expected=Expected(**A.model_dump()))
        assert gate.run(request, ACTOR).status == "recorded"
        (folder / f"{name}.yaml").write_text(f"product: {name}\nfrom: testing\nto: prod\nref: {A.source_git_ref}\n")
    settings = load_settings(folder / "launchplane-gate.toml")
    _, content = export(gate, settings, profiles.values(), quiet)
    (folder / "lanes.json").write_bytes(content)
    gate.ledger.close()
    return [f"{name}.yaml" for name in NAMES]


def _profile(name: str) -> ProductProfile:
    lanes = tuple(
        ProductLane(instance=instance, context=name, health_url=f"https://{instance}.{name}.example.org/health")
        for instance in ("testing", "prod")
    )
    return PROFILE.model_copy(update={"product": name, "lanes": lanes})
