"""What would make a refusal pass is proven by asking again, and what is printed for it can be typed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import click
import pytest
from pydantic import ValidationError

from launchplane_gate.authoring.changes import MISSING, Change, changed
from launchplane_gate.authoring.explain.acts import acts
from launchplane_gate.authoring.explain.asked import Asked
from launchplane_gate.authoring.explain.explaining import Policies, explain
from launchplane_gate.authoring.explain.told import Becomes, Explanation, WayOut
from launchplane_gate.cli import program
from launchplane_gate.errors import EnginesDiffer
from launchplane_gate.model import Waiver, unstamp
from launchplane_gate.policy import decide
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy_input import PolicyInput, StandingInput
from launchplane_gate.records import ProductProfile
from launchplane_gate.waivers import moment, wrong_code, wrong_end, wrong_reason, wrong_release
from tests.authoring.explain import broken

pytestmark = pytest.mark.thorough  # it asks a hundred things of many inputs

NOON = datetime(2026, 5, 7, 12, 1, tzinfo=UTC)
REF = "41620cf13151d1a12f09d06007d67bdf791d200c"
ARTIFACT = "ghcr.io/cbusillo/sellyouroutboard@sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36"
ENDS = "--from testing --to prod"
AS_ASKED = f"launchplane-gate promote sellyouroutboard {ENDS} --artifact {ARTIFACT} --ref {REF} --version v0.2.11"
AS_ASKED += " --reason 'weekly release'"
FOR = "for the promotion of 41620cf on prod"
DEPLOY = f"launchplane-gate deploy sellyouroutboard --to testing --artifact {ARTIFACT} --ref {REF}"


class Plain:
    """The embedded engine on policies that need no proof here."""

    name = "embedded"

    def __init__(self) -> None:
        self.revision = broken.bundle().revision
        self._interpreter = Interpreter(broken.bundle().policies, broken.bundle().data)

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        return self._interpreter.ask(path, policy_input)


@cache
def policies() -> Policies:
    return Policies(broken.bundle(), Plain())


def explained(*changes: Change, name: str = "promote_admit", waivers: tuple[Waiver, ...] = ()) -> Explanation:
    facts = changed(broken.case(name), changes)
    made = policies()
    decision = decide(made.engine, made.bundle, facts, waivers=waivers, now=NOON, decision_id="d-7Q2M4KXB")
    return explain(made, decision, facts, waivers, NOON)


def told(way: WayOut) -> tuple[str, ...]:
    return tuple(step.act for step in way.steps)


@pytest.mark.parametrize(
    ("changes", "expected", "commands"),
    [
        (
            [Change(("request", "expected", "source_git_ref"), broken.STALE)],
            ("name_no_release",),
            [f"launchplane-gate promote sellyouroutboard {ENDS} --version v0.2.11 --reason 'weekly release'"],
        ),
        (
            [Change(("source", "hold"), broken.HOLD)],
            ("release_lane",),
            [
                f"launchplane-gate lane release sellyouroutboard/testing --reason '{FOR}'",
                AS_ASKED,
            ],
        ),
        ([Change(("destination", "backups"), [])], ("take_backup",), [AS_ASKED]),
        ([Change(("source", "observed", "in_flight"), True)], ("await_platform",), [AS_ASKED]),
        ([Change(("driver", "addressed"), "odoo")], ("address_no_driver",), [AS_ASKED]),
        ([Change(("request", "version"), "v0.2.9")], ("name_version",), [AS_ASKED]),
        (
            [Change(("source", "run", "open"), True), Change(("source", "run", "last", "status"), "interrupted")],
            ("resume_run", "waive"),
            ["launchplane-gate runs resume r-7Q2K"],
        ),
        (
            [Change(("source", "deployments", 1, "older"), False)],
            ("deploy", "waive"),
            [DEPLOY],
        ),
        (
            [Change(("destination", "may_run", 0, "source_git_ref"), REF)],
            ("grant_right",),
            [AS_ASKED],
        ),
        ([Change(("product", "lanes", 1, "health_url"), "")], ("give_health_url",), [AS_ASKED]),
    ],
)
def test_what_helps_is_said_with_what_to_type(
    changes: list[Change], expected: tuple[str, ...], commands: list[str]
) -> None:
    first = explained(*changes).ways[0]
    assert told(first) == expected
    typed = [command for step in first.steps for command in step.commands] + [first.command]
    assert [command for command in commands if command not in typed] == []


def test_one_thing_and_then_the_next_is_said_where_one_is_not_enough() -> None:
    ways = explained(Change(("source", "hold"), broken.HOLD), Change(("destination", "backups"), [])).ways
    assert told(ways[0]) == ("release_lane", "take_backup")


def test_of_time_it_is_said_when() -> None:
    night = explained(Change(("now",), "2026-05-07T12:00:00.000000Z"), *_asked_at("2026-05-07T05:00:00.000000Z"))
    [rule] = [rule for rule in night.rules if rule.code == "window.open"]
    assert rule.helps
    assert (rule.helps.act, rule.helps.not_before) == ("wait", "2026-05-07T07:00:00.000000Z")
    soaking = explained(Change(("source", "run", "confirmed_at"), "2026-05-07T10:30:00.000000Z"))
    assert [told(way) for way in soaking.ways] == [("wait",), ("waive",)]
    assert soaking.ways[0].steps[0].words == "Wait: not before 13:30 UTC"


def _asked_at(now: str) -> tuple[Change, ...]:
    asked = Asked(broken.case("promote_admit"), broken.bundle().settings, NOON)
    return asked.is_asked_at(datetime.fromisoformat(now))


def test_a_hold_that_ends_by_itself_can_be_waited_for() -> None:
    hold = broken.HOLD | {"until": "2026-05-07T12:20:00Z"}
    acts_of = [told(way) for way in explained(Change(("destination", "hold"), hold)).ways]
    assert acts_of == [("release_lane",), ("wait",)]


def test_nothing_is_said_to_help_that_does_not() -> None:
    nobody = explained(Change(("actor", "subject"), "repo:somebody/else:ref:refs/heads/main"))
    assert nobody.ways == ()
    assert nobody.tried > 20
    gone = explained(Change(("destination", "history"), []), name="rollback_admit")
    assert all(told(way)[0] == "name_release" for way in gone.ways)


@pytest.mark.thorough  # hundreds of questions
def test_every_way_is_a_yes_when_it_is_asked_again() -> None:
    """By the facts that it says are others then: whoever reads it can ask."""
    made, ways = policies(), 0
    for name, change, facts in list(broken.each())[::3]:
        if name == "approve_standing" or not _is_an_input(facts):
            continue
        for way in explained(change, name=name).ways:
            ways += 1
            after, waived = dict(facts), []
            for step in way.steps:
                now = Asked(after, made.bundle.settings, NOON)
                waived += [act.waiver for act in acts(now, [step.waives or ""]) if act.waiver]
                after = changed(after, [Change(_path(one.fact), _value(one)) for one in step.facts])
            at = max(NOON, unstamp(after["now"]) or NOON)
            again = decide(made.engine, made.bundle, after, waivers=waived, now=at, decision_id="d")
            assert again.allowed, (change, way)
    assert ways > 6


def _path(dotted: str) -> tuple[str | int, ...]:
    return tuple(int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", dotted))


def _value(one: Becomes) -> Any:
    return MISSING if one.missing else one.value


def _is_an_input(facts: Mapping[str, Any]) -> bool:
    contract = StandingInput if facts["phase"] == "standing" else PolicyInput
    try:
        contract.model_validate(facts)
    except ValidationError:
        return False
    return True


# -- what is printed can be typed


def _parse(command: str) -> str:
    """The form of a command, as the program itself takes it apart; raises click's errors for what it would not take."""
    name, *words = shlex.split(command)
    assert name == "launchplane-gate"
    context: click.Context = program.make_context(name, words)
    form = []
    while isinstance(context.command, click.Group):
        sub, found, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        form.append(str(sub))
        context = found.make_context(sub, rest, parent=context)
    return " ".join(form)


def _everything_printed() -> set[str]:
    """Each command of each act and of what is asked again, for every input that is broken in a fact or two."""
    settings, printed = broken.bundle().settings, set[str]()
    for _, _, facts in broken.each():
        asked = Asked(facts, settings, NOON)
        if not isinstance(asked.at("source", "run"), dict) and asked.action == "promote" and asked.phase != "standing":
            continue
        for act in acts(asked, settings.waivable):
            printed |= {*act.commands, asked.after(act.changes).again()}
    return printed - {""}


def test_every_command_that_is_printed_exists_and_takes_what_stands_there() -> None:
    printed = _everything_printed()
    assert {_parse(command) for command in printed} == {
        "deploy",
        "promote",
        "rollback",
        "lane release",
        "runs list",
        "inventory reconcile",
        "waiver request",
    }
    assert all("…" not in command and "..." not in command for command in printed)


def test_a_waiver_that_is_to_be_requested_is_one_that_the_gate_takes() -> None:
    [way] = explained(Change(("destination", "rolled_back", 0, "source_git_ref"), REF)).ways
    [command] = way.steps[0].commands
    words = shlex.split(command)
    said = dict(zip(words[4::2], words[5::2], strict=True))
    settings, bundle = broken.bundle().settings, broken.bundle()
    profile = ProductProfile.model_validate_json(
        json.dumps(
            {
                "product": "sellyouroutboard",
                "display_name": "x",
                "repository": "cbusillo/sellyouroutboard",
                "driver_id": "generic-web",
                "image": {"repository": "ghcr.io/cbusillo/sellyouroutboard"},
                "runtime_port": 3000,
                "health_path": "/",
                "updated_at": "2026-05-07T12:00:00Z",
                "source": "x",
            }
        )
    )
    assert not wrong_code(words[3], bundle)
    assert not wrong_release(said["--artifact"], said["--ref"], profile)
    assert not wrong_reason(said["--reason"])
    assert not wrong_end(moment(said["--expires"]), NOON, settings, "sellyouroutboard")


# -- the facts that are asked again


def test_an_act_changes_no_fact_into_what_no_input_can_be() -> None:
    settings, tried = broken.bundle().settings, 0
    for _, change, facts in broken.each():
        if not _is_an_input(facts):
            continue
        asked = Asked(facts, settings, NOON)
        for act in acts(asked, settings.waivable):
            tried += 1
            after = asked.after(act.changes)
            assert _is_an_input(after.facts), (change, act)
            assert after.facts != facts or act.waiver, (change, act)
            assert after.facts["nonce"] == facts["nonce"]
    assert tried > 500


# -- which policies explain it


def test_a_decision_of_other_policies_is_explained_where_those_of_today_say_the_same() -> None:
    made, facts = policies(), changed(broken.case("promote_admit"), [Change(("source", "hold"), broken.HOLD)])
    decision = decide(made.engine, made.bundle, facts, waivers=(), now=NOON, decision_id="d-1")
    then = decision.model_copy(update={"policy_revision": "0" * 64})
    same = explain(made, then, facts, (), NOON)
    assert (same.decided_by, same.explained_by) == ("0" * 64, made.bundle.revision)
    assert same.rules[0].why
    passed = tuple(one.model_copy(update={"status": "pass"}) for one in then.results)
    other = explain(made, then.model_copy(update={"results": passed}), facts, (), NOON)
    assert other.differs == ("lane.not_held",)
    assert (other.rules, other.ways, other.tried) == ((), (), 0)


def test_a_decision_without_its_input_is_told_and_said_to_be_so() -> None:
    made, facts = policies(), changed(broken.case("promote_admit"), [Change(("source", "hold"), broken.HOLD)])
    decision = decide(made.engine, made.bundle, facts, waivers=(), now=NOON, decision_id="d-1")
    found = explain(made, decision, None, (), NOON, why_none="it is archived")
    assert found.not_explained == "it is archived"
    assert [(rule.code, rule.why) for rule in found.rules] == [("lane.not_held", None)]
    assert "held by carol" in found.rules[0].message


def test_a_rule_that_was_waived_is_explained_too() -> None:
    stale = Change(("now",), "2026-05-07T12:00:00.000000Z")
    [act] = [
        act
        for act in acts(
            Asked(broken.case("promote_admit"), broken.bundle().settings, NOON), ["inventory.source_soaked"]
        )
        if act.waiver
    ]
    assert act.waiver
    waiver = act.waiver.model_copy(update={"requested_at": NOON - timedelta(minutes=5)})
    soaking = Change(("source", "run", "confirmed_at"), "2026-05-07T10:30:00.000000Z")
    found = explained(stale, soaking, waivers=(waiver,))
    assert found.allowed
    assert [(rule.code, rule.status) for rule in found.rules] == [("inventory.source_soaked", "waived")]
    assert found.rules[0].why
    assert found.ways == ()


def test_engines_that_differ_explain_nothing() -> None:
    class Refusing(Plain):
        name = "opa 1.0"

        def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
            answer = super().ask(path, policy_input)
            answer["results"]["window.open"] = {"satisfied": False, "message": ""}
            return answer

    made = replace(policies(), engine=Refusing())
    facts = broken.case("promote_admit")
    decision = decide(made.engine, made.bundle, facts, waivers=(), now=NOON, decision_id="d-1")
    with pytest.raises(EnginesDiffer, match=r"window\.open"):
        explain(made, decision, facts, (), NOON)
