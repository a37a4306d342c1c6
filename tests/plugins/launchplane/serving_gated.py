"""A Launchplane served over HTTP with a gate in it, by the edit or by the bridge; a process of its own.

``python -m tests.plugins.launchplane.serving_gated FILE``, with an edited checkout first on the path, if it is one. It
prints its port.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.policy import load_bundle
from launchplane_gate_launchplane import bridge
from launchplane_gate_launchplane.embedding import in_host
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.on_postgres import migrated
from tests.plugins.generic_web.conftest import bundle_with
from tests.plugins.launchplane.hosts import Host
from tests.plugins.launchplane.serving import Hasty, Stands, gate_for, listening, policy_of, set_up

LANES = "/v1/gate/lanes/"


def serve(told: dict[str, Any]) -> None:
    """``stands``: see Stands; ``store``: files, sqlite or postgres; ``limits``: of the gate."""
    host, root, stands = Host(), Path(told["root"]), Stands(**told["stands"])
    url = told["database"].replace("postgresql:", "postgresql+psycopg:") or f"sqlite+pysqlite:///{root / 'host.sqlite'}"
    kept_in = "" if told["store"] == "files" else url
    app, store = set_up(host, root, stands, os.environ.__setitem__, database_url=kept_in)
    host.module("dokploy").time = Hasty
    ours = LaunchplaneStore(store)
    if told["by"] != "none":
        app = _gated(host, app, _gate(host, ours, root, stands, told), ours, by_edit=told["by"] == "edit")
    with listening(app) as port:
        print(port, flush=True)
        threading.Event().wait()


def _gated(host: Host, app: Any, gate: Gate, store: LaunchplaneStore, *, by_edit: bool) -> Any:
    if by_edit:
        host.module("gate").install(in_host(gate, store, deny=host.module("gate").GateDenied))
        return app
    embedded = in_host(gate, store, deny=bridge.GateDenied)
    bridge.install(embedded)

    def with_lanes(environ: Any, start_response: Any) -> Any:
        """A host that is not edited has no route for them, and the tests look at them."""
        if not environ["PATH_INFO"].startswith(LANES):
            return app(environ, start_response)
        context, _, instance = environ["PATH_INFO"].removeprefix(LANES).partition("/")
        start_response("200 OK", [("Content-Type", "application/json")])
        reading = embedded.read("gate_lane.read", {"context": context, "instance": instance})
        return [json.dumps(reading.payload).encode()]

    return with_lanes


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
    return gate_for(store, ledger, state, bundle, stands, **told["limits"])


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()))
