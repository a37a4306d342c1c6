"""A proposal is read as strictly as a request, and decided on as one; what nobody observed is neither yes nor no."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.authoring.proposals.deciding import (
    Carried,
    Checked,
    acting_as,
    by_state,
    decided,
    exit_code,
)
from launchplane_gate.authoring.proposals.proposal import MAX_BYTES, read_all
from launchplane_gate.authoring.schema import shipped_schema
from launchplane_gate.errors import BadFiles, EvidenceFailed, RequestError
from launchplane_gate.gate import Gate, quiet
from launchplane_gate.model import Actor, Request
from launchplane_gate.outlook import Outlook
from launchplane_gate.report.proposals import WIDTH, as_of, proposals_text
from tests.conftest import ACTOR, APPROVER, PRODUCT, A, B, deploy, promote
from tests.fakes.platform import FakePlatform

LINES = f"product: {PRODUCT}\nfrom: testing\nto: prod\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wrote(text: str | bytes, name: str = "promotion.yaml") -> str:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


@pytest.fixture
def shop(gate: Gate) -> Gate:
    """A runs on prod, B on testing."""
    for request in (deploy(A), promote(), deploy(B)):
        assert gate.run(request, ACTOR).status == "recorded"
    return gate


def checked(gate: Gate, *files: str, actor: Actor = ACTOR) -> list[Checked]:
    return decided(read_all(files), by_state(gate, lambda _: actor, quiet))


def carried(gate: Gate, outlook: Callable[[Request], Outlook], *files: str) -> list[Checked]:
    return decided(read_all(files), Carried(gate.bundle, gate.engine, lambda _: ACTOR, outlook).ask)


def outlook_of(gate: Gate, **replaced: Any) -> Outlook:
    return gate.outlook(PRODUCT, "testing", "prod").model_copy(update=replaced)


def text(found: list[Checked], *, every_rule: bool = False) -> str:
    lines = proposals_text(found, every_rule=every_rule, now=datetime.now(UTC))
    assert max(map(len, lines)) <= WIDTH
    return "\n".join(lines)


# -- reading


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("product: a\nfrm: b\nto: c\n", "2: frm is no key of a proposal"),
        ("product: a\nto: c\n", "1: from is missing"),
        ("product: a\nproduct: b\n", "2: it has the key 'product' twice; the first is on line 1"),
        ("product: &p a\nfrom: *p\nto: c\n", "1: it has an anchor or an alias"),
        ("product: a\nfrom: b\nto: b\n", "1: a promotion needs a source lane other than its destination"),
        ("product: a\nfrom: b\nto: Not a Name\n", "3: to has not the form of one"),
        ("product: a\nfrom: b\nto: c\nref: 41620\n", "4: ref is to be a text: put it into quotes"),
        ("product: a\nfrom: b\nto: c\nref:\n", "4: ref is empty: state it, or leave the key out"),
        ("product: a\nfrom: b\nto: c\nversion: newest\n", "4: version has not the form of one"),
        ("- a\n", "1: it holds no keys"),
        ("", "1: it holds no keys"),
        ("product: [\n", "it is not YAML"),
        (b"product: \xff\n", "1: it is not UTF-8"),
        ("a" * (MAX_BYTES + 1), f"1: it is larger than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_no_proposal_is_told_with_file_and_line(content: str | bytes, told: str) -> None:
    with pytest.raises(BadFiles) as raised:
        read_all([wrote(content)])
    assert str(raised.value).startswith("promotion.yaml:")
    assert told in str(raised.value)
    assert raised.value.exit_code == 2


def test_everything_that_is_wrong_with_any_of_them_is_told_at_once() -> None:
    files = [wrote(LINES, "one.yaml"), wrote("to: c\n", "two.yaml"), "three.yaml", wrote(LINES, "four.yaml")]
    with pytest.raises(BadFiles) as raised:
        read_all(files)
    assert str(raised.value).split("\n") == [
        "two.yaml:1: product is missing",
        "three.yaml:1: it cannot be read: No such file or directory",
        f"four.yaml:3: {PRODUCT}/prod is proposed twice; the first is in one.yaml:3",
    ]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "promotion.yaml")
    with pytest.raises(BadFiles, match="it is a named pipe"):
        read_all(["promotion.yaml"])


def test_each_key_of_a_proposal_is_explained_in_its_schema() -> None:
    schema = shipped_schema("proposal")
    assert list(schema["properties"]) == ["product", "from", "to", "artifact", "ref", "version", "reason"]
    assert all(part["description"] for part in schema["properties"].values())
    assert (schema["required"], schema["additionalProperties"]) == (["product", "from", "to"], False)


# -- on what the gate finds


def test_a_proposal_is_decided_on_as_its_promotion_would_be_and_nothing_is_done(
    shop: Gate, platform: FakePlatform
) -> None:
    deploys, entries = list(platform.deploys), len(list(shop.ledger.entries()))
    [found] = checked(shop, wrote(f"{LINES}ref: {B.source_git_ref}\nartifact: {B.artifact_id}\n"))
    assert (found.status, found.release, found.as_of) == ("allowed", B, None)
    assert found.decision is not None
    assert found.decision.results == shop.check(promote(B), ACTOR).results
    assert exit_code([found]) == 0
    assert (platform.deploys, len(list(shop.ledger.entries()))) == (deploys, entries)


def test_a_stale_proposal_is_refused_at_the_line_that_is_stale(shop: Gate) -> None:
    [found] = checked(shop, wrote(f"{LINES}reason: friday\nref: {A.source_git_ref}\n"))
    assert (found.status, exit_code([found])) == ("denied", 1)
    assert [one.code for one in found.refusals] == ["inventory.source_current"]
    assert found.lines == {"inventory.source_current": 5}
    told = text([found])
    assert told.startswith(f"promotion.yaml:1: Refused: {PRODUCT} testing -> prod, release bbbbbbb\n")
    assert "  x inventory.source_current (line 5)\n" in told
    assert "Promote without naming a release, or deploy the one wanted" in told
    assert told.endswith("0 of 1 proposal allowed, 1 refused. This was a check: nothing was done.")


def test_each_of_several_is_decided_on_and_one_refusal_is_enough(shop: Gate) -> None:
    wrong_way = f"product: {PRODUCT}\nfrom: prod\nto: testing\n"
    found = checked(shop, wrote(LINES, "one.yaml"), wrote(wrong_way, "two.yaml"))
    assert [one.status for one in found] == ["allowed", "denied"]
    assert found[1].lines["lane.path_allowed"] == 3
    assert exit_code(found) == 1


def test_a_product_or_lane_that_is_not_there_is_told_at_its_line(shop: Gate) -> None:
    unknown = wrote(LINES.replace(PRODUCT, "nobodys"), "one.yaml")
    nowhere = wrote(LINES.replace("prod\n", "nowhere\n"), "two.yaml")
    with pytest.raises(BadFiles) as raised:
        checked(shop, unknown, nowhere)
    first, second = str(raised.value).split("\n")
    assert first.startswith("one.yaml:1: unknown product 'nobodys'")
    assert second.startswith(f"two.yaml:3: {PRODUCT} has no lane 'nowhere'")


def test_a_platform_that_cannot_be_asked_leaves_it_not_known(shop: Gate, platform: FakePlatform) -> None:
    def down(lane: Any) -> None:
        raise ConnectionError("no route")

    platform.observing = down
    [found] = checked(shop, wrote(LINES))
    assert (found.status, exit_code([found]), found.decision) == ("not known", 3, None)
    assert "no route" in text([found])


@pytest.mark.parametrize(("subject", "status"), [(APPROVER.subject, "allowed"), ("github:mallory", "denied")])
def test_it_can_be_asked_what_somebody_else_would_be_answered(shop: Gate, subject: str, status: str) -> None:
    """As the policies have it verified: whoever checks need not be who may promote."""
    who = acting_as(shop.bundle, subject, lambda: Actor(subject="unverified:mallory@desk"))
    [found] = decided(read_all([wrote(LINES)]), by_state(shop, who, quiet))
    assert found.status == status
    assert found.decision is not None
    assert found.decision.actor.subject == subject
    assert (found.decision.actor.verified_by == APPROVER.verified_by) == (status == "allowed")


# -- on what was carried here


def test_an_outlook_is_decided_on_as_of_when_it_was_taken(shop: Gate) -> None:
    outlook = outlook_of(shop)
    shop.run(deploy(A), ACTOR)  # which the outlook cannot know
    good, stale = wrote(f"{LINES}ref: {B.source_git_ref}\n"), wrote(f"{LINES}ref: {A.source_git_ref}\n", "stale.yaml")
    [found] = carried(shop, lambda _: outlook, good)
    assert (found.status, found.as_of) == ("allowed", outlook.as_of)
    assert found.decision is not None
    assert found.decision.decided_at == outlook.as_of
    [refused] = carried(shop, lambda _: outlook, stale)
    assert refused.status == "denied"
    assert as_of(outlook.as_of, datetime.now(UTC)) in text([refused])


def test_what_nobody_observed_is_named_and_not_taken_for_a_refusal(shop: Gate) -> None:
    whole = outlook_of(shop)
    facts = {**whole.facts, "source": {name: it for name, it in whole.facts["source"].items() if name != "hold"}}
    outlook = whole.model_copy(update={"facts": facts, "unseen": {"source.hold": "nobody asked"}})
    [found] = carried(shop, lambda _: outlook, wrote(LINES))
    assert (found.status, exit_code([found])) == ("not known", 3)
    assert [(one.what, one.rules) for one in found.not_known] == [("source.hold", ("lane.not_held",))]
    assert found.refusals == []
    assert "  ? not known: source.hold\n    nobody asked\n" in text([found])
    [stale] = carried(shop, lambda _: outlook, wrote(f"{LINES}ref: {A.source_git_ref}\n"))
    assert (stale.status, exit_code([stale])) == ("denied", 1)  # whatever is not known
    assert [one.code for one in stale.refusals] == ["inventory.source_current"]


def test_evidence_of_a_plugin_that_was_not_asked_is_not_known(shop: Gate) -> None:
    whole = outlook_of(shop)
    outlook = whole.model_copy(update={"facts": {**whole.facts, "evidence": {}}})
    [found] = carried(shop, lambda _: outlook, wrote(LINES))
    assert found.status == "not known"
    [fact] = found.not_known
    assert (fact.what, fact.rules) == ("evidence.health", ("release.source_revision",))


def test_what_a_version_takes_is_not_known_of_what_was_taken_without_one(shop: Gate) -> None:
    outlook = outlook_of(shop)
    [found] = carried(shop, lambda _: outlook, wrote(f"{LINES}version: v1.2.3\n"))
    assert found.status == "not known"
    assert found.open_rules == {"release.version_free"}


def test_an_outlook_without_facts_says_why(shop: Gate) -> None:
    outlook = outlook_of(shop, facts={}, unseen={"*": "the platform was down"})
    [found] = carried(shop, lambda _: outlook, wrote(LINES))
    assert (found.status, found.detail) == ("not known", "the platform was down")


def test_an_outlook_of_other_lanes_decides_nothing(shop: Gate) -> None:
    outlook = outlook_of(shop)
    other = outlook.model_copy(update={"source": outlook.destination, "destination": outlook.source})
    [found] = carried(shop, lambda _: other, wrote(LINES))
    assert found.status == "not known"


def test_an_outlook_that_cannot_be_had_is_not_known_and_one_of_nothing_is_bad_input(shop: Gate) -> None:
    def cannot(_: Request) -> Outlook:
        raise EvidenceFailed("the store is down")

    def nothing(_: Request) -> Outlook:
        raise RequestError("no such product")

    [found] = carried(shop, cannot, wrote(LINES))
    assert (found.status, found.detail) == ("not known", "the store is down")
    with pytest.raises(BadFiles, match=r"^promotion.yaml:1: no such product$"):
        carried(shop, nothing, wrote(LINES))
