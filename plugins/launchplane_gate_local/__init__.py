"""Run each release as a process of this machine that serves HTTP: the driver for a fresh start, demos and tests."""

from launchplane_gate_local.driver import LocalDriver, LocalPlugin
from launchplane_gate_local.processes import stop_all
from launchplane_gate_local.releases import artifact_id

__all__ = ["LocalDriver", "LocalPlugin", "artifact_id", "stop_all"]
