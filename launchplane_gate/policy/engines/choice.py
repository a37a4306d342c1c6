"""Which engine decides, as the settings say, and what it shows of itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from launchplane_gate.extras import needed
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.engines.confirmed import ConfirmedEngine, where_a_path_ends
from launchplane_gate.policy.engines.embedded.engine import EmbeddedEngine
from launchplane_gate.policy.engines.protocol import PolicyEngine
from launchplane_gate.settings import OpaSettings

if TYPE_CHECKING:
    from launchplane_gate.policy.engines.opa.engine import OpaEngine


class Proof(NamedTuple):
    """An engine that proved itself. ``tests`` counts the Rego tests that passed there; a server may hold none."""

    name: str
    revision: str
    tests: int
    took_s: float


def open_engine(bundle: Bundle, opa: OpaSettings | None, *, remembers: bool = False) -> PolicyEngine:
    """The engine that answers for a bundle: a server where there are settings of one, else the embedded one.

    Where a path ends, the embedded one confirms a server, unless the settings say otherwise.
    Raises EngineError, PolicyError or SettingsError. A server is examined when it is first asked, so that the ledger
    has every decision that could not be had. ``remembers``: see EmbeddedEngine.
    """
    if not opa:
        return EmbeddedEngine(bundle, remembers=remembers)
    server = _server(bundle, opa)
    if opa.confirm == "none":
        return server
    needed = where_a_path_ends(bundle) if opa.confirm is None else None
    return ConfirmedEngine(server, EmbeddedEngine(bundle, remembers=remembers), needed)


def prove_engine(bundle: Bundle, opa: OpaSettings | None) -> Proof:
    """Have the engine prove itself now. Raises as ``open_engine`` does, and EngineError for a server's faults."""
    started = time.monotonic()
    if not opa:
        engine = EmbeddedEngine(bundle)
        return Proof(engine.name, engine.revision, len(bundle.tests), time.monotonic() - started)
    server = _server(bundle, opa)
    seen = server.examine()
    name = f"{server.name} at {opa.url}"
    if opa.confirm != "none":
        name += f", confirmed by {EmbeddedEngine(bundle).name}{'' if opa.confirm else ' where a path ends'}"
    return Proof(name, seen.revision, seen.tests, time.monotonic() - started)


def _server(bundle: Bundle, opa: OpaSettings) -> OpaEngine:
    with needed("opa", 'settings: engine = "opa"'):
        from launchplane_gate.policy.engines.opa.engine import OpaEngine  # noqa: PLC0415  # 0.4 s to import, an extra

    return OpaEngine(bundle, opa)
