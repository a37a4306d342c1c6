"""A ledger with a past, and what is typed over it."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from launchplane_gate.cli import program
from launchplane_gate.errors import GateError
from launchplane_gate.gate import Gate
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.model import Actor
from tests.cli.test_cli_verify import SETTINGS
from tests.conftest import ACTOR, APPROVER, POLICY, PRODUCT, A, B, deploy, promote

STRANGER = Actor(subject="unverified:mallory@cafe")
REASON = "Mrs Smith of Acme called, see https://tickets.example.org/browse/OPS-7"
TOTAL = 13  # decisions of that past, of which one has no input
WITHOUT = 1


def past(gate: Gate) -> None:
    """Deploys and promotions, some refused, one by a waiver, one by a stranger; and requests that are no runs."""
    assert gate.run(deploy(A, reason=REASON), ACTOR).status == "recorded"
    assert gate.run(promote(), ACTOR).status == "recorded"
    assert gate.run(deploy(B), ACTOR).status == "recorded"
    assert gate.run(promote(A), ACTOR).status == "denied"
    assert gate.run(deploy(B, to="prod"), ACTOR).status == "denied"
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("lane.not_bypassed", PRODUCT, "prod", B.artifact_id, B.source_git_ref, REASON, until)
    gate.approve_waiver(gate.request_waiver(wanted, ACTOR).waiver_id, APPROVER)
    assert gate.run(deploy(B, to="prod"), ACTOR).status == "recorded"
    with suppress(GateError):
        gate.run(deploy(A), STRANGER)


@dataclass
class Place:
    """A folder with settings, a ledger and policies that can be edited."""

    folder: Path
    told: Any = None  # by the command that made what the tests look at

    def policies(self, name: str = "policies", **product: Any) -> str:
        """What the shipped policies are told of the product: as they were then, but for what is given here."""
        config = self.folder / name / "config"
        config.mkdir(parents=True, exist_ok=True)
        told = {**POLICY, "products": {PRODUCT: {**POLICY["products"][PRODUCT], **product}}}
        (config / "data.json").write_text(json.dumps(told))
        return str(self.folder / name)

    def with_rule(self, name: str, text: str, test: str) -> str:
        """Those policies with a rule more, ``extra.wanted``, that is asked of every deploy and promotion."""
        folder = Path(self.policies(name))
        data = json.loads((folder / "config" / "data.json").read_text())
        data["roll_call"] = {"products": {PRODUCT: {"deploy": {"admit": [CODE]}, "promote": {"admit": [CODE]}}}}
        (folder / "config" / "data.json").write_text(json.dumps(data))
        rules = folder / "gate" / "rules" / "extra"
        rules.mkdir(parents=True, exist_ok=True)
        (rules / "wanted.rego").write_text(RULE + text)
        (rules / "wanted_test.rego").write_text(RULE_TEST + test)
        return str(folder)

    def run(self, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(program, ["--config", str(self.folder / "launchplane-gate.toml"), *arguments])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output and "internal error" not in result.output
        return result.output

    def document(self, *arguments: str, code: int = 0) -> Any:
        file = self.folder / "document"
        file.unlink(missing_ok=True)
        self.run(*arguments, "--output", f"json={file}", code=code)
        return json.loads(file.read_text())

    def replay(self, *arguments: str, code: int = 0) -> Any:
        return self.document("policy", "replay", "--workers", "1", *arguments, code=code)

    def copy(self, to: Path) -> Place:
        shutil.copytree(self.folder, to)
        return Place(to)


CODE = "extra.wanted"
RULE = """\
# METADATA
# title: What is wanted besides is there
# description: For tests.
# custom:
#   remedy: Bring it about.
package gate.rules.extra.wanted

"""
RULE_TEST = """\
package gate_test.extra.wanted

import data.gate.rules.extra.wanted

"""


def place_in(folder: Path) -> Place:
    (folder / "releases").mkdir()
    (folder / "launchplane-gate.toml").write_text(SETTINGS)
    return Place(folder)
