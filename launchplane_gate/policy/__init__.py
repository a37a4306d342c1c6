"""Policies: loading a bundle, proving an engine and what it was given, and making decisions of its answers."""

from launchplane_gate.policy.bundle import Bundle, load_bundle, shipped_policies
from launchplane_gate.policy.choice import Proof, open_engine, prove_engine
from launchplane_gate.policy.decision import decide
from launchplane_gate.policy.embedded import EmbeddedEngine
from launchplane_gate.policy.engine import PolicyEngine
from launchplane_gate.policy.form import BadForm, check_form
from launchplane_gate.policy.syntax import Finding

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
]
