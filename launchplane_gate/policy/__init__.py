"""Policies: loading a bundle, proving an engine and what it was given, and making decisions of its answers."""

from launchplane_gate.policy.bundle.form import BadForm, check_form
from launchplane_gate.policy.bundle.load import Bundle, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.syntax import Finding
from launchplane_gate.policy.decision import decide
from launchplane_gate.policy.engines.choice import Proof, open_engine, prove_engine
from launchplane_gate.policy.engines.embedded.engine import EmbeddedEngine
from launchplane_gate.policy.engines.embedded.worker import start_within
from launchplane_gate.policy.engines.protocol import PolicyEngine

__all__ = [
    "BadForm",
    "Bundle",
    "EmbeddedEngine",
    "Finding",
    "PolicyEngine",
    "Proof",
    "check_form",
    "decide",
    "load_bundle",
    "open_engine",
    "prove_engine",
    "shipped_policies",
    "start_within",
]
