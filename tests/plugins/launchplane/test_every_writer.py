"""Each way by which the host writes an inventory, a release tuple, a deployment or a promotion asks the gate."""

from __future__ import annotations

import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate_launchplane import bridge
from launchplane_gate_launchplane.bridge.commands import COMMANDS as BRIDGED_COMMANDS
from launchplane_gate_launchplane.bridge.wrappers import ROUTES as BRIDGED_ROUTES
from launchplane_gate_launchplane.edit.sites import ROUTES as EDITED_ROUTES
from launchplane_gate_launchplane.protocol import COMMANDS, Answer
from tests.plugins.launchplane.hosts import Host
from tests.plugins.launchplane.test_edited import Recording, commands
from tests.plugins.launchplane.writers import ways_to_write


def test_whatever_writes_in_the_host_is_known_to_the_edit_and_to_the_bridge(host: Host) -> None:
    """One that a later revision of the host has more is named here: by a route, a command or a function."""
    found = ways_to_write(host)
    assert found.routes == EDITED_ROUTES == BRIDGED_ROUTES
    assert found.commands == COMMANDS == BRIDGED_COMMANDS
    assert found.others == frozenset()


def test_a_writer_more_is_found(host: Host, tmp_path: Path) -> None:
    """A route that calls what writes, and a function of a new module that nobody calls by its name."""
    installed = Path(str(import_module("control_plane").__file__)).parent
    package = Path(shutil.copytree(installed, tmp_path / "control_plane", ignore=shutil.ignore_patterns("__pycache__")))
    (package / "nightly.py").write_text("def sweep(store, record):\n    store.write_environment_inventory(record)\n")
    known = r'(?m)^( *)(el)?if path == "/v1/evidence/deployments":'
    more = r'\1\2if path == "/v1/new":\n\1    apply_deployment_evidence()\n\1elif path == "/v1/evidence/deployments":'
    service = package / "service.py"
    service.write_text(re.sub(known, more, service.read_text()))
    found = ways_to_write(host, package)
    assert found.routes - EDITED_ROUTES == {"/v1/new"}
    assert found.others == {"sweep"}


def test_by_the_bridge_each_command_refuses_for_what_is_governed_and_writes_nothing(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an edited host's do: see test_edited."""

    def deny(call: Any) -> Answer:
        raise bridge.GateDenied(status=409, code="policy_denied", message="not by a command")

    monkeypatch.chdir(tmp_path)
    store, gate = host.file_store(tmp_path), Recording(deny)
    store.write_deployment_record(host.deployment("a"))
    store.write_promotion_record(host.promotion("a"))
    bridge.install(gate)
    try:
        for command, arguments in commands(host, tmp_path).items():
            ran = CliRunner().invoke(host.module("cli").main, [*command.split()[1:], *arguments])
            assert (ran.exit_code, ran.output) == (1, "Error: not by a command\n"), (command, ran.exception)
    finally:
        bridge.uninstall()
    assert {call.route for call in gate.calls} == COMMANDS
    assert not store.list_environment_inventory() and not store.list_release_tuple_records()
    assert (len(store.list_deployment_records()), len(store.list_promotion_records())) == (1, 1)
