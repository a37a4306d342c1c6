"""A Launchplane served over HTTP with a gate in it, by the edit or by the bridge; a process of its own.

``python -m tests.plugins.launchplane.serving_gated FILE [COMMANDS]``, with an edited checkout first on the path, if it
is one. It prints its port; or, given commands of the host's instead, what each said.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.policy import load_bundle
from launchplane_gate.policy.engines.opa.engine import OpaEngine
from launchplane_gate.settings import OpaSettings
from launchplane_gate_launchplane import bridge
from launchplane_gate_launchplane.embedding import in_host
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.on_postgres import migrated
from tests.plugins.generic_web.conftest import bundle_with
from tests.plugins.launchplane.hosts import Host
from tests.plugins.launchplane.serving import DATABASE, Hasty, Stands, gate_for, listening, policy_of, set_up

READ: dict[str, tuple[Any, tuple[str, ...]]] = {
    "lanes": ("gate_lane.read", ("context", "instance")),
    "decisions": ("gate_decision.read", ("decision_id",)),
}


def serve(told: dict[str, Any], commands: list[list[str]]) -> None:
    """``stands``: see Stands; ``url``: of the host's records, empty for files; the rest is the gate's."""
    host, root, stands = Host(), Path(told["root"]), Stands(**told["stands"])
    app, store = set_up(host, root, stands, os.environ.__setitem__, database_url=told["url"])
    host.module("dokploy").time = Hasty
    ours = LaunchplaneStore(store)
    if told["by"] != "none":
        app = _gated(host, app, _gate(host, ours, root, stands, told), ours, told)
    if commands:
        print(json.dumps([_said(host, stands, told["url"], command) for command in commands]))
        return
    with listening(app) as port:
        print(port, flush=True)
        threading.Event().wait()


def _said(host: Host, stands: Stands, url: str, command: list[str]) -> str:
    if command[0] == "dokploy":
        asked = {"method": "POST", "path": command[1], "payload": {"applicationId": command[2]}}
        try:
            return str(host.module("dokploy").dokploy_request(host=stands.url, token=stands.key, **asked))
        except Exception as error:  # noqa: BLE001  # whatever the host's code would meet
            return f"{type(error).__name__}: {error}"
    ran = CliRunner(env={DATABASE: url or None}).invoke(host.module("cli").main, command)  # its records are there, too
    return ran.output if isinstance(ran.exception, SystemExit | None) else repr(ran.exception)


def _gated(host: Host, app: Any, gate: Gate, store: LaunchplaneStore, told: dict[str, Any]) -> Any:
    if told["by"] == "edit":
        theirs = host.module("gate")
        theirs.install(in_host(gate, store, deny=theirs.GateDenied, not_governed=told["not_governed"]))
        return app
    embedded = in_host(gate, store, deny=bridge.GateDenied, not_governed=told["not_governed"])
    bridge.install(embedded)

    def with_readings(environ: Any, start_response: Any) -> Any:
        """A host that is not edited has no routes for these, and the tests look at them."""
        kind, _, names = environ["PATH_INFO"].removeprefix("/v1/gate/").partition("/")
        if kind not in READ:
            return app(environ, start_response)
        action, fields = READ[kind]
        start_response("200 OK", [("Content-Type", "application/json")])
        reading = embedded.read(action, dict(zip(fields, names.split("/"), strict=True)))
        return [json.dumps(reading.payload).encode()]

    return with_readings


def _gate(host: Host, store: LaunchplaneStore, root: Path, stands: Stands, told: dict[str, Any]) -> Gate:
    state = root / "gate"
    is_first = not (root / "shipped").exists()
    if told["database"] and is_first:
        migrated(told["database"])
    state.mkdir(exist_ok=True)
    ledger = Ledger.open(state, told["database"], holds_records=False)
    if is_first:
        bundle = bundle_with(root, policy_of(host, tuple(stands.targets)), settle_s=0)
    else:
        bundle = load_bundle([root / "shipped", root / "own"])
    engine = OpaEngine(bundle, OpaSettings(url=told["opa"])) if told["opa"] else None
    return gate_for(store, ledger, state, bundle, stands, engine=engine, **told["limits"])


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()), json.loads(sys.argv[2]) if sys.argv[2:] else [])
