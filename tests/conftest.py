"""A gate with the shipped policies, records and ledger on disk, and a fake platform at its edge."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Actor, Expected, Lane, ReleaseIdentity, Request
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine, PolicyEngine, load_bundle, shipped_policies
from launchplane_gate.records import ProductImage, ProductLane, ProductProfile
from launchplane_gate.store import FileStore
from tests.fakes.platform import FakeHealth, FakePlatform

pytest_plugins = [
    "pytester",  # runs the conformance kit against drivers that are broken on purpose
    "tests.postgres",
]

PRODUCT = "sellyouroutboard"
TESTING = Lane(context=PRODUCT, instance="testing")
PROD = Lane(context=PRODUCT, instance="prod")
IMAGE = "ghcr.io/cbusillo/sellyouroutboard"
ACTOR = Actor(subject="unverified:operator@desk")


def pytest_configure() -> None:
    gc.set_threshold(100_000, 50, 100)  # tests make much and leave few cycles: looking for them rarely saves a sixth


def release(letter: str) -> ReleaseIdentity:
    """Release A, B, C...: an artifact and a commit of its own."""
    nibble = format(ord(letter.lower()) - ord("a") + 10, "x")
    return ReleaseIdentity(artifact_id=f"{IMAGE}@sha256:{nibble * 64}", source_git_ref=nibble * 40)


A, B, C = release("A"), release("B"), release("C")

APPROVER = Actor(subject="github:alice", verified_by="host")
MAY = ["rollback", "waive", "approve", "adopt", "restore", "hold", "release", "quarantine"]
LISTED = [
    {"subject": ACTOR.subject, "verified_by": None, "may": MAY},
    {"subject": APPROVER.subject, "verified_by": APPROVER.verified_by, "may": MAY},
]

POLICY: dict[str, Any] = {
    "products": {
        PRODUCT: {
            "paths": [{"from": "testing", "to": "prod"}],
            "actors": dict.fromkeys(("testing", "prod"), LISTED),
        }
    },
    "drivers": {"fake": {"settle_s": 0}},  # a look is enough; what else it takes is tested by itself
}

PROFILE = ProductProfile(
    product=PRODUCT,
    display_name="SellYourOutboard.com",
    repository="cbusillo/sellyouroutboard",
    driver_id="fake",
    image=ProductImage(repository=IMAGE),
    runtime_port=3000,
    health_path="/api/health",
    lanes=tuple(
        ProductLane(instance=instance, context=PRODUCT, health_url=f"https://{instance}.example.org/api/health")
        for instance in ("testing", "prod")
    ),
    updated_at="2026-05-03T16:10:06Z",
    source="tests",
)


def deploy(what: ReleaseIdentity, to: str = "testing", **rest: Any) -> Request:
    expected = Expected(**what.model_dump())
    return Request(action="deploy", product=PRODUCT, destination=to, expected=expected, **rest)


def promote(expected: ReleaseIdentity | None = None, **rest: Any) -> Request:
    stated = Expected(**expected.model_dump()) if expected else Expected()
    return Request(action="promote", product=PRODUCT, source="testing", destination="prod", expected=stated, **rest)


def bundle_in(folder: Path, *, settle_s: int = 0) -> Bundle:
    """The shipped policies and, in ``folder``, what they are told of the product and of the fake driver."""
    (folder / "config").mkdir(exist_ok=True)
    policy = {**POLICY, "drivers": {"fake": {"settle_s": settle_s}}}
    (folder / "config" / "data.json").write_text(json.dumps(policy))
    return load_bundle([shipped_policies(), folder])


def bundle_with(folder: Path, **decided: Any) -> Bundle:
    """The same, with more or other things decided for the product."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").mkdir(exist_ok=True)
    product = POLICY["products"][PRODUCT] | decided
    (folder / "config" / "data.json").write_text(json.dumps({**POLICY, "products": {PRODUCT: product}}))
    return load_bundle([shipped_policies(), folder])


def open_gate(state: Path, bundle: Bundle, engine: PolicyEngine, platform: FakePlatform, **replaced: Any) -> Gate:
    """A gate on a state directory, as one of several processes would have it."""
    parts: dict[str, Any] = {
        "store": FileStore(state, {PRODUCT: PROFILE}),
        "ledger": replaced.get("ledger") or Ledger.open(state, holds_records=False),
        "bundle": bundle,
        "engine": engine,
        "plugins": Plugins({"fake": platform, "health": FakeHealth(platform)}),
        "lane_wait_s": 0.2,
        "confirm_timeout_s": 0.2,
        "confirm_interval_s": 0.02,
    }
    gate = Gate(**(parts | replaced))
    platform.now = gate.ledger.now
    return gate


@pytest.fixture(scope="session", autouse=True)
def home_of_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is remembered here is forgotten afterwards, and whoever runs the tests keeps what they remember."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_in(tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="session")
def engine(bundle: Bundle) -> EmbeddedEngine:
    return EmbeddedEngine(bundle)


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


MakeGate = Callable[..., Gate]


@pytest.fixture
def make_gate(tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform) -> Iterator[MakeGate]:
    """Gates on one state directory, as several processes would have them."""
    made: list[Gate] = []

    def make(**replaced: Any) -> Gate:
        policies = replaced.pop("bundle", bundle)
        asked = replaced.pop("engine", None) or (engine if policies is bundle else EmbeddedEngine(policies))
        gate = open_gate(tmp_path, policies, asked, platform, **replaced)
        made.append(gate)
        return gate

    yield make
    for gate in made:
        gate.ledger.close()


@pytest.fixture
def gate(make_gate: MakeGate) -> Gate:
    return make_gate()
