"""``check`` asks what the command would ask that acts: each option of its request, and nothing of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from launchplane_gate.cli.check import check
from launchplane_gate.cli.deploy import deploy, promote, rollback
from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import NEW, OLD, Site, clear, make_site
from tests.fakes import bundles

OF_THE_RUN = {"wait", "every_rule"}  # how it is run and told
OF_THE_CHECK = {"explains"}


def asked(command: click.Command, *but: str) -> dict[str, Any]:
    """All that can be said of a request, with its help."""
    return {str(one.name): one.to_info_dict() for one in command.params if one.name not in (*but, "config", "output")}


@pytest.mark.parametrize("command", [deploy, promote, rollback], ids=lambda command: str(command.name))
def test_a_check_takes_every_option_of_its_command_as_that_does(command: click.Command) -> None:
    of_the_command, of_the_check = asked(command, *OF_THE_RUN), asked(check.commands[str(command.name)], *OF_THE_CHECK)
    assert of_the_command == of_the_check
    assert {"reason", "driver", "idempotency_key"} < set(of_the_check)
    assert len(command.params) == len(of_the_command) + len(OF_THE_RUN) + 2  # --config and --output


SAYS_WHY = """
satisfied if {
	is_string(input.request.reason)
	startswith(input.request.reason, "TICKET-")
}

message := "It names no ticket." if not satisfied
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """OLD runs on testing, and a rule asks of a promotion why it is wanted."""
    made = make_site(tmp_path / "site")
    bundles.write(
        made.folder / "policies", {"gate/rules/request/says_why.rego": bundles.rule("request.says_why", SAYS_WHY)}
    )
    data = made.folder / "policies" / "config" / "data.json"
    policy = json.loads(data.read_text())
    policy.setdefault("roll_call", {})["products"] = {PRODUCT: {"promote": {"admit": ["request.says_why"]}}}
    data.write_text(json.dumps(policy))
    assert made.deploy(OLD).exit_code == 0
    yield made
    clear(made)


@pytest.mark.thorough
def test_a_rule_that_asks_why_is_answered_by_a_check_as_by_the_promotion(site: Site) -> None:
    said = site.run("check", "promote", PRODUCT)
    assert said.exit_code == 1 and "request.says_why" in said.out
    wanted = ["promote", PRODUCT, "--reason", "TICKET-7"]
    said = site.run("check", *wanted)
    assert said.exit_code == 0, said.out
    assert site.run(*wanted).exit_code == 0


@pytest.mark.thorough
def test_a_key_of_another_request_is_refused_by_a_check_as_by_the_promotion(site: Site) -> None:
    wanted = ["deploy", PRODUCT, "--to", "testing", "--artifact", site.artifacts[NEW], "--ref", NEW]
    assert site.run("check", *wanted, "--idempotency-key", "k").exit_code == 0
    assert site.run(*wanted, "--idempotency-key", "k").exit_code == 0
    assert site.run("check", *wanted, "--idempotency-key", "k").exit_code == 0
    other = [*wanted, "--reason", "another", "--idempotency-key", "k"]
    told = [site.run(*command) for command in (["check", *other], other)]
    assert [one.exit_code for one in told] == [2, 2] and told[0].err.endswith(told[1].err[-80:])
    assert "belongs to another request" in told[0].err
