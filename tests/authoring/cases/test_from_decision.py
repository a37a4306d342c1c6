"""A decision on record becomes a case: the facts that matter, nothing else of it, and what came of each rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate import strictyaml
from launchplane_gate.authoring.cases.asking import Embedded
from launchplane_gate.authoring.cases.cutting import needed
from launchplane_gate.authoring.cases.from_decision import Made, case_of
from launchplane_gate.authoring.cases.questions import good_questions, moved, put
from launchplane_gate.authoring.cases.reading import policies_of
from launchplane_gate.authoring.cases.written import as_text, value_text
from launchplane_gate.authoring.changes import Change
from launchplane_gate.authoring.schema import shipped_schema
from launchplane_gate.errors import RequestError
from launchplane_gate.model import Actor, Decision, Lane, ReleaseIdentity, Waiver, WaiverApproval
from launchplane_gate.policy import Bundle, decide, load_bundle, shipped_policies

pytestmark = pytest.mark.thorough  # it asks a hundred questions for each case

OLD = "215f71bc1a58639fe4bcd3b3609a4e68304184ab"
HOLD = {
    "reason": "see https://tickets.example.org/7?token=hunter2",
    "subject": "operator",
    "since": "2026-05-07T11:00:00Z",
}

Make = Callable[..., Made]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle([shipped_policies()])


@pytest.fixture(scope="module")
def good(bundle: Bundle) -> Mapping[str, Any]:
    """The good promotion, of another product, another time and another machine: what a ledger has."""
    text = json.dumps(moved(good_questions(bundle).questions["promotion"], "2026-06-10T13:21:07.5Z"))
    for own, name in {
        "ghcr.io/cbusillo/sellyouroutboard": "registry.acme.example/shop",
        "a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36": "7" * 64,
        "41620cf13151d1a12f09d06007d67bdf791d200c": "9" * 40,
        "https://testing.sellyouroutboard.com": "https://testing.shop.example",
        "r-7Q2K": "r-ZZZZ",
        "weekly release": "for alice@acme.example",
    }.items():
        text = text.replace(own, name)
    changed: dict[str, Any] = json.loads(text)
    return changed


@pytest.fixture(scope="module")
def make(bundle: Bundle) -> Make:
    policies = policies_of(bundle, 0, good_questions(bundle))
    authoring = shipped_schema("authoring")

    def made(question: Mapping[str, Any], *offered: Waiver, base: str | None = None) -> Made:
        return case_of(
            bundle,
            authoring,
            decided(policies, question, *offered),
            question,
            offered,
            file=None,
            base=base,
            progress=lambda _: None,
        )

    return made


def decided(policies: Bundle, question: Mapping[str, Any], *offered: Waiver) -> Decision:
    now = datetime.fromisoformat(question["now"])
    engine = Embedded().of(policies)
    return decide(engine, policies, question, waivers=offered, now=now, decision_id="d-7Q2M4KXB")


def test_of_all_that_makes_it_another_nothing_is_left_where_nothing_matters(
    make: Make, good: Mapping[str, Any]
) -> None:
    made = make(good)
    assert made.text == (
        "# yaml-language-server: $schema=.schema.json\n"
        'case: "d-7Q2M4KXB, promote admit: allowed"\n'
        "base: promotion\n"
        "expect: allowed\n"
    )
    assert made.differed > 50 and made.stated == 0 and made.left == () and made.otherwise == ()


@pytest.mark.parametrize(
    ("path", "value", "stated"),
    [
        (("request", "expected", "source_git_ref"), OLD, [f"  request.expected.source_git_ref: {OLD}"]),
        (("source", "run", "settled"), False, ["  source.run.settled: false"]),
        (("destination", "hold"), HOLD, ['  destination.hold: {"reason": "see*', '  destination.hold: {"subject"*']),
        (
            ("source", "deployments", 2, "touched"),
            True,
            ["  source.deployments[2].touched: true"],
        ),
    ],
)
def test_the_fact_that_matters_is_left_alone(
    path: tuple[Any, ...], value: Any, stated: list[str], make: Make, good: Mapping[str, Any]
) -> None:
    made = make(put(good, path, value))
    lines = made.text.split("\n")
    facts = lines[lines.index("facts:") + 1 : lines.index("expect: refused")]
    assert len(facts) == 1 and any(facts[0].startswith(one.removesuffix("*")) for one in stated), made.text
    for secret in ("acme", "shop", "alice", "9" * 40):
        assert secret not in made.text


def test_what_cannot_be_left_out_is_told(make: Make, good: Mapping[str, Any]) -> None:
    made = make(put(good, ("destination", "hold"), HOLD))
    assert [one.text for one in made.left] == [
        HOLD["reason"],
        HOLD["subject"],
    ], "a hold has a reason and a subject, whatever they say"
    assert all("destination.hold" in made.text.splitlines()[one.line - 1] for one in made.left)


def test_a_missing_fact_is_stated_as_missing_and_its_rule_is_not_known(make: Make, good: Mapping[str, Any]) -> None:
    made = make({**good, "evidence": {"github": good["evidence"]["github"]}})
    assert "without:\n  - evidence.health\nexpect: refused\nrules:\n  release.source_revision: not known\n" in made.text


def test_the_time_is_stated_where_it_matters(make: Make, good: Mapping[str, Any]) -> None:
    made = make(moved(good, "2026-06-12T18:30:00Z"))  # a Friday, late
    assert made.text.splitlines()[2:] == [
        "base: promotion",
        "at: 2026-06-12T18:30:00.000000Z",
        "expect: refused",
        "rules:",
        "  window.open: not satisfied",
    ]


def waiver(question: Mapping[str, Any], approver: str | None = "bob", code: str = "window.open") -> Waiver:
    now = datetime.fromisoformat(question["now"])
    by = approver and Actor(subject=approver, verified_by="github-oidc")
    return Waiver(
        waiver_id="w-7Q2M",
        code=code,
        lane=Lane.model_validate(question["destination"]["lane"]),
        release=ReleaseIdentity.model_validate(question["release"]),
        reason="it burns at https://shop.example",
        requested_by=Actor(subject="alice@acme.example", verified_by="github-oidc"),
        requested_at=now - timedelta(hours=2),
        expires_at=now + timedelta(hours=3),
        approval=WaiverApproval(by=by, how="identity", at=now) if by else None,
    )


def test_a_waiver_that_mattered_is_stated_by_its_rule_alone(make: Make, good: Mapping[str, Any]) -> None:
    late = moved(good, "2026-06-12T18:30:00Z")
    made = make(late, waiver(late), waiver(late, code="inventory.source_fresh"))
    assert "waivers:\n  - rule: window.open\nexpect: allowed\nrules:\n  window.open: waived\n" in made.text
    assert "alice" not in made.text and "fresh" not in made.text
    assert "waivers:" not in make(late, waiver(late, approver=None)).text, "it did not count, so it does not matter"


def test_what_todays_policies_decide_otherwise_is_told(bundle: Bundle, good: Mapping[str, Any]) -> None:
    policies = policies_of(bundle, 0, good_questions(bundle))
    before = decided(policies, put(good, ("source", "run", "settled"), False))
    made = case_of(bundle, shipped_schema("authoring"), before, good, (), file=None, base=None, progress=lambda _: None)
    assert [(one.code, one.was, one.now) for one in made.otherwise] == [
        ("lane.settled", "fail", "pass"),
        ("inventory.source_soaked", "fail", "pass"),
    ]
    assert "expect: allowed" in made.text


def test_a_question_of_another_form_is_refused(make: Make, bundle: Bundle, good: Mapping[str, Any]) -> None:
    before = decided(policies_of(bundle, 0, good_questions(bundle)), good)
    with pytest.raises(RequestError, match="cannot be asked again: the policy input has not its form"):
        case_of(
            bundle,
            shipped_schema("authoring"),
            before,
            {**good, "colour": "red"},
            (),
            file=Path("x.yaml"),
            base=None,
            progress=lambda _: None,
        )
    with pytest.raises(RequestError, match="there is no question 'promotions'"):
        make(good, base="promotions")


@pytest.mark.parametrize("at_least", [(), (3,), (0, 9), (2, 3, 4), tuple(range(10))])
def test_nothing_that_can_be_left_out_is_needed(at_least: tuple[int, ...]) -> None:
    assert needed(list(range(10)), lambda fewer: set(at_least) <= set(fewer)) == list(at_least)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -7,
        1.5,
        "",
        "plain words",
        "no",
        "0123",
        "1e5",
        "null",
        "2026-05-07T12:00:00Z",
        "a: b",
        "a #b",
        "a:",
        "- a",
        "&a",
        "*",
        "<<",
        " lead",
        "two\nlines",
        'with "quotes" and \\',
        "\x00\x1b\x7f\x85\u2028\ufeff\U0001f600",
        {"a": [1, {"b": None}], "on": "off"},
        [],
        {},
    ],
)
def test_what_is_written_is_read_as_what_it_was(value: Any) -> None:
    text = as_text("x", "promotion", facts=[Change(("actor", "claims"), value)], rules={}, allowed=True)
    assert strictyaml.loads(text).value["facts"]["actor.claims"] == value
    assert "\n" not in value_text(value)
