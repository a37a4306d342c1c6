"""A rule that never ends costs a question, never the gate or what embeds it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from launchplane_gate.errors import EngineError
from launchplane_gate.gate import Gate
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies, start_within
from launchplane_gate.settings import EmbeddedSettings
from tests.cli.test_cli import NEW, Site, clear, make_site
from tests.conftest import ACTOR, POLICY, PRODUCT, A, MakeGate, deploy
from tests.fakes import bundles
from tests.fakes.platform import FakePlatform
from tests.forks import in_a_child

pytestmark = pytest.mark.thorough  # it waits for rules that never end

RULE = f"""# METADATA
# title: The reason is no palindrome of palindromes
# custom:
#   remedy: Give another reason.
package gate.rules.reason.plain
{bundles.ENDLESS}"""
TEST = """package gate_test.reason.plain

import data.gate.rules.reason.plain

test_a_short_reason_is_plain if plain.satisfied with input as {"request": {"reason": "why"}}
"""
LONG = "x" * 900


def write(folder: Path) -> None:
    """A rule that holds for every reason, in a time that grows with the fourth power of its length."""
    rules = folder / "gate" / "rules" / "reason"
    rules.mkdir(parents=True)
    (rules / "plain.rego").write_text(RULE)
    (rules / "plain_test.rego").write_text(TEST)


@pytest.fixture
def bombed(tmp_path: Path) -> Bundle:
    folder = tmp_path / "p"
    write(folder)
    (folder / "config").mkdir()
    asked = {"products": {PRODUCT: {"deploy": {"admit": ["reason.plain"]}}}}
    (folder / "config" / "data.json").write_text(json.dumps({**POLICY, "roll_call": asked}))
    return load_bundle([shipped_policies(), folder])


@pytest.fixture(autouse=True)
def brief() -> Iterator[None]:
    start_within(EmbeddedSettings(timeout_s=1))
    yield
    start_within(EmbeddedSettings())


def test_a_run_ends_undecided_with_its_lane_free_and_the_next_one_goes(
    make_gate: MakeGate, bombed: Bundle, platform: FakePlatform
) -> None:
    """Seen: it held a deploy and its lane beyond Ctrl-C."""
    gate = make_gate(bundle=bombed)
    began = time.monotonic()
    with pytest.raises(EngineError, match="gave no answer within 1 s, and was stopped"):
        gate.run(deploy(A, reason=LONG), ACTOR)
    assert time.monotonic() - began < 10 and platform.deploys == []
    assert (row := gate.ledger.run_row(gate.ledger.runs()[0])) and row.status == "undecided"
    assert gate.run(deploy(A, reason="a short one"), ACTOR).status == "recorded"


def test_eight_threads_each_get_the_answer_to_their_own_question(make_gate: MakeGate, bombed: Bundle) -> None:
    gate = make_gate(bundle=bombed, lane_wait_s=30)

    def ask(number: int) -> str:
        try:
            decision = gate.check(deploy(A, reason=LONG if number % 4 == 0 else f"reason {number}"), ACTOR)
        except EngineError:
            return "undecided"
        return "allowed" if decision.allowed else "refused"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers == ["undecided" if number % 4 == 0 else "allowed" for number in range(8)]


def test_a_server_that_forks_after_it_opened_the_gate_decides_in_every_child(
    gate: Gate, make_gate: MakeGate, platform: FakePlatform
) -> None:
    assert gate.check(deploy(A), ACTOR).allowed

    def work() -> list[bool]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda _: make_gate().check(deploy(A), ACTOR).allowed, range(4)))

    with ThreadPoolExecutor(2) as pool:  # the parent goes on asking meanwhile
        asked = pool.map(lambda _: gate.check(deploy(A), ACTOR).allowed, range(20))
        assert in_a_child(work) == [True] * 4
        assert all(asked)
    assert gate.run(deploy(A), ACTOR).status == "recorded"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make_site(tmp_path / "site")
    data = made.folder / "policies" / "config" / "data.json"
    write(made.folder / "policies")
    asked = {"products": {PRODUCT: {"deploy": {"admit": ["reason.plain"]}}}}
    data.write_text(json.dumps(json.loads(data.read_text()) | {"roll_call": asked}))
    settings = made.settings.read_text()
    made.settings.write_text(settings.replace("[policy]", "[embedded]\ntimeout_s = 1\n\n[policy]", 1))
    yield made
    clear(made)


def test_at_the_command_line_it_is_one_error_and_no_traceback(site: Site) -> None:
    began = time.monotonic()
    said = site.deploy(NEW, "--reason", LONG)
    assert (said.exit_code, said.out) == (3, ""), said
    assert "gave no answer within 1 s" in said.err and "Traceback" not in said.err
    assert time.monotonic() - began < 20
    assert site.deploy(NEW, "--reason", "a short one").exit_code == 0
