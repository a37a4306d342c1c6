"""What is asked of an OPA server stays between the two: neither its log nor a file of keys has it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from launchplane_gate.policy.engines.opa.answer import read
from launchplane_gate.policy.engines.opa.session import BoundedSession
from tests.fakes.authority import Authority
from tests.fakes.health_server import HealthServer, says
from tests.places import ROOT

ASKS = """
import sys
from launchplane_gate.policy.engines.opa.answer import read
from launchplane_gate.policy.engines.opa.session import BoundedSession
session = BoundedSession("OPA", 5, lambda raw: read(raw, "OPA"))
session.verify = sys.argv[2]
assert session.get(sys.argv[1]).json() == {}
"""


def test_the_keys_of_a_connection_to_opa_are_written_nowhere(tmp_path: Path) -> None:
    authority, log = Authority(tmp_path), tmp_path / "keys.log"
    with HealthServer() as server:
        server.answers["/v1/data"] = says(b"{}")
        server.socket = authority.server_context("127.0.0.1").wrap_socket(server.socket, server_side=True)
        subprocess.run(
            [sys.executable, "-c", ASKS, f"https://127.0.0.1:{server.server_port}/v1/data", str(authority.file)],
            env=os.environ | {"SSLKEYLOGFILE": str(log)},
            cwd=ROOT,
            check=True,
            timeout=60,
        )
    assert not log.exists()


def test_what_opa_is_asked_is_logged_by_nobody_and_what_others_ask_is(caplog: pytest.LogCaptureFixture) -> None:
    with HealthServer() as server, caplog.at_level(logging.DEBUG):
        server.answers["/"] = says(b"{}")
        BoundedSession("OPA", 5, lambda raw: read(raw, "OPA")).get(server.url("/?ours"))
        requests.get(server.url("/?theirs"), timeout=5)
    assert len(server.seen) == 2
    assert "/?theirs" in caplog.text
    assert "ours" not in caplog.text
