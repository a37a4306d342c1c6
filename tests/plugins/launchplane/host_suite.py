"""Run the host's own tests in the folder that this is started in, with a gate installed: `python host_suite.py HOW`.

HOW: "governs nothing", or "runs all", whose gate runs what it is handed and keeps the keys; a command it lets go.
"""

from __future__ import annotations

import sys
import unittest
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any


class PassThrough:
    """As little of a gate as the host needs."""

    def __init__(self, denied: Any, *, runs_all: bool) -> None:
        self.calls = 0
        self._denied = denied
        self._runs_all = runs_all
        self._kept: dict[tuple[Any, ...], tuple[str, Any, str]] = {}

    def run(self, call: Any) -> Any:
        self.calls += 1
        if not self._runs_all or not call.route.startswith("/"):
            return None
        key = (id(call.record_store), call.scope, call.route, call.idempotency_key)
        if call.idempotency_key and key in self._kept:
            fingerprint, result, trace_id = self._kept[key]
            if fingerprint != call.fingerprint:
                raise self._denied(status=409, code="idempotency_key_reused", message="another request's")
            return SimpleNamespace(result=result, original_trace_id=trace_id)
        result = call.execute(call.record_store)
        self._kept[key] = (call.fingerprint, result, call.trace_id)
        return SimpleNamespace(result=result, original_trace_id="")

    def change(self, *, payload: Any, timeout_s: float, send: Callable[[Any, float], Any], **_: Any) -> Any:
        return send(payload, timeout_s)

    def read(self, action: str, params: Any) -> Any:
        raise FileNotFoundError(f"{action} {params}")


def main() -> None:
    sys.path.insert(0, "")
    gate = import_module("control_plane.gate")
    passing = PassThrough(gate.GateDenied, runs_all=sys.argv[1] == "runs all")
    gate.install(passing)
    ran = unittest.main(module=None, argv=["unittest", "discover", "-q"], exit=False).result
    print(f"{ran.testsRun} tests, {passing.calls} calls", file=sys.stderr)
    sys.exit(0 if ran.wasSuccessful() and passing.calls else 1)


if __name__ == "__main__":
    main()
