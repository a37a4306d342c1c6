"""``policy replay``: what was decided comes out again, and what an edit of the policies changes of it is told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.authoring.replay.sources import from_ledger
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import FILE_NAME, FORMAT, Ledger
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.policy.decision import Heard, Said
from tests.authoring.replaying import TOTAL, WITHOUT, Place, past, place_in
from tests.conftest import ACTOR, PRODUCT, B, deploy, open_gate
from tests.fakes.platform import FakePlatform

pytestmark = pytest.mark.thorough  # it loads whole bundles


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle, engine: EmbeddedEngine) -> Place:
    folder = tmp_path_factory.mktemp("replayed")
    gate = open_gate(folder, bundle, engine, FakePlatform())
    past(gate)
    gate.ledger.close()
    return place_in(folder)


@pytest.fixture
def place(kept: Place, tmp_path: Path) -> Place:
    """A copy, to be altered."""
    return kept.copy(tmp_path / "place")


def test_the_same_policies_give_every_stored_result_again(kept: Place) -> None:
    told = kept.replay(kept.policies())
    assert (told["asked"], told["same"], told["reworded"]) == (TOTAL - WITHOUT, TOTAL - WITHOUT, 0)
    assert told["not_asked"] == {"standing: none was kept": WITHOUT}
    assert told["groups"] == told["flips"] == [] and told["differs"]["decisions"] == 0
    text = kept.run("policy", "replay", kept.policies(), "--fail-on", "any", "--strict")
    assert text.startswith(f"{TOTAL - WITHOUT} decisions of the ledger, asked again under the policies ")
    assert text.endswith("\nEvery stored result came out again.\n")
    assert max(map(len, text.splitlines())) <= 80


def test_what_flips_is_told_by_rule_and_product_in_both_directions(kept: Place) -> None:
    edited = kept.policies("without-paths", paths=[])
    told = kept.replay(edited)
    assert (told["allow_to_deny"], told["deny_to_allow"]) == (1, 1)
    denied, allowed = (
        [group for group in told["groups"] if group["kind"] == kind] for kind in ("allow-to-deny", "deny-to-allow")
    )
    assert {(group["code"], group["product"], group["asked"]) for group in denied} == {
        ("lane.path_allowed", PRODUCT, "promote admit")
    }
    assert denied[0]["was"][0] == "pass" and denied[0]["now"][0] == "fail"
    assert denied[0]["now"][1].startswith(f"Asked for is {PRODUCT}/testing to {PRODUCT}/prod")
    assert [group["code"] for group in allowed] == ["lane.not_bypassed"]
    assert allowed[0]["was"][1].startswith(f"Asked for is a deploy to {PRODUCT}/prod")
    text = kept.run("policy", "replay", edited)
    assert "\nAllowed then, denied now:\n  1 x lane.path_allowed, sellyouroutboard, promote admit\n" in text
    assert "\nDenied then, allowed now:\n  1 x lane.not_bypassed, sellyouroutboard, deploy admit\n" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [(["any"], 1), (["allow-to-deny"], 1), (["deny-to-allow"], 1), (["allow-to-deny", "deny-to-allow"], 1), ([], 0)],
)
def test_a_flip_fails_where_it_is_told_to(kept: Place, fail_on: list[str], code: int) -> None:
    named = [part for flip in fail_on for part in ("--fail-on", flip)]
    text = kept.run("policy", "replay", kept.policies("without-paths", paths=[]), *named, code=code)
    assert text.endswith("2 decisions flipped.\n" if not code else "flipped as --fail-on forbids.\n")


def test_a_flip_of_the_other_kind_fails_nothing(kept: Place) -> None:
    closed = {"prod": [{"days": ["Sunday"], "from": "00:00", "to": "00:01", "zone": "UTC"}]}
    told = kept.replay(kept.policies("closed", windows=closed), "--fail-on", "deny-to-allow")
    assert told["allow_to_deny"] == 2 and told["failing"] == 0
    assert {group["code"] for group in told["groups"] if group["kind"] == "allow-to-deny"} == {"window.open"}
    assert {group["kind"] for group in told["groups"]} == {"allow-to-deny", "within"}


TICKET = 'satisfied if input.evidence.tickets.number == 7\n\nmessage := "No ticket is known."\n'
TICKET_TEST = (
    "test_a_ticket_is_wanted if {\n\twanted.satisfied with input as "
    '{"evidence": {"tickets": {"number": 7}}}\n\tnot wanted.satisfied with input as {}\n}\n'
)
MONDAY = 'satisfied if input.request.reason != ""\n\nmessage := "No reason is given."\n'
MONDAY_TEST = (
    'test_a_reason_is_wanted if {\n\twanted.satisfied with input as {"request": {"reason": "x"}}\n'
    "\tnot wanted.satisfied with input as {}\n}\n"
)


def test_a_rule_of_facts_that_nobody_looked_for_then_is_not_known_and_not_denied(kept: Place) -> None:
    edited = kept.with_rule("tickets", TICKET, TICKET_TEST)
    told = kept.replay(edited, "--fail-on", "any")
    assert (told["not_known"], told["allow_to_deny"], told["deny_to_allow"]) == (4, 0, 0)
    [group] = [one for one in told["groups"] if one["kind"] == "not-known" and one["asked"] == "deploy admit"]
    assert (group["code"], group["fact"], group["was"]) == ("extra.wanted", "input.evidence.tickets", None)
    text = kept.run("policy", "replay", edited, "--strict", code=3)
    assert "never had   input.evidence.tickets" in text
    assert text.endswith("Of 4 decisions it is not known, as --strict demands.\n")


def test_a_rule_of_facts_that_are_there_denies(kept: Place) -> None:
    told = kept.replay(kept.with_rule("reasons", MONDAY, MONDAY_TEST))
    assert (told["not_known"], told["allow_to_deny"]) == (0, 3)  # one deploy gave a reason
    assert {group["was"] for group in told["groups"] if group["kind"] == "allow-to-deny"} == {None}


EDITS: dict[str, dict[str, Any]] = {
    "paths": {"paths": []},
    "soak": {"thresholds": {"source_soak_s": 86_400}},
    "windows": {"windows": {"prod": [{"days": ["Sunday"], "from": "00:00", "to": "00:01", "zone": "UTC"}]}},
}


@pytest.mark.parametrize("edit", [*EDITS, "a rule more"])
def test_what_an_edit_did_not_touch_is_spared_and_nothing_else_is_told_than_if_all_were_asked(
    kept: Place, edit: str
) -> None:
    edited = kept.policies(edit, **EDITS[edit]) if edit in EDITS else kept.with_rule("more", MONDAY, MONDAY_TEST)
    told, every = kept.replay(edited), kept.replay(edited, "--every-rule")
    assert told["spared"] > 0 == every["spared"]
    assert told | {"spared": 0} == every
    spared = f"Of {told['spared']} only what the edit touched was asked (--every-rule asks all)."
    assert spared in kept.run("policy", "replay", edited)


def test_the_policies_that_decided_are_asked_as_a_whole(kept: Place) -> None:
    assert kept.replay(kept.policies())["spared"] == 0


def test_one_product_or_one_rule_can_be_looked_at_alone(kept: Place) -> None:
    edited = kept.policies("without-paths", paths=[])
    told = kept.replay(edited, "--only", "lane.path_allowed")
    assert (told["allow_to_deny"], told["deny_to_allow"]) == (2, 0)  # one that other rules denied is one of these
    assert {group["code"] for group in told["groups"]} == {"lane.path_allowed"}
    assert kept.replay(edited, "--only", "another")["asked"] == 0
    assert kept.replay(edited, "--only", PRODUCT)["asked"] == TOTAL - WITHOUT
    assert kept.replay(edited, "--since", "2999-01-01", "--fail-on", "any", code=3)["asked"] == 0


def test_the_formats_of_ci_point_at_the_rules(kept: Place) -> None:
    edited, file = kept.policies("without-paths", paths=[]), kept.folder / "annotations"
    kept.run("policy", "replay", edited, "--fail-on", "deny-to-allow", "--output", f"github={file}", code=1)
    allowed, denied, headline = file.read_text().splitlines()
    assert allowed.startswith("::error file=") and "rules/lane/not_bypassed.rego,line=1" in allowed
    assert "1 decision, deny to allow. was: Asked for is a deploy to sellyouroutboard/prod" in allowed
    assert denied.startswith("::warning file=") and "rules/lane/path_allowed.rego" in denied
    assert headline == "1 decision flipped as --fail-on forbids."
    kept.run("policy", "replay", edited, "--output", f"markdown={file}")
    told = file.read_text()
    assert told.startswith("## 2 decisions flipped") and "| changed | <code>lane&#46;path&#95;allowed" in told


# -- what cannot be replayed


def test_a_broken_chain_says_nothing_of_any_decision(place: Place) -> None:
    with sqlite3.connect(place.folder / FILE_NAME) as connection:
        connection.execute("DROP TRIGGER no_UPDATE")
        connection.execute("UPDATE entries SET body = replace(body, 'pass', 'fail') WHERE number = 1")
    connection.close()
    said = place.run("policy", "replay", place.policies(), code=3)
    assert "sellyouroutboard/testing: entry 1" in said and "was altered" in said
    assert "decisions verify" in said and "asked again under" not in said


def test_an_input_that_was_altered_is_found(place: Place) -> None:
    with sqlite3.connect(place.folder / FILE_NAME) as connection:
        connection.execute("DROP TRIGGER inputs_no_UPDATE")
        connection.execute("UPDATE inputs SET packed = (SELECT packed FROM inputs ORDER BY digest LIMIT 1)")
    connection.close()
    assert "is not what was decided on" in place.run("policy", "replay", place.policies(), code=3)


def test_a_ledger_of_a_newer_schema_is_refused_by_name(place: Place) -> None:
    with sqlite3.connect(place.folder / FILE_NAME) as connection:
        connection.execute("UPDATE meta SET schema_version = ?", (FORMAT + 1,))
    connection.close()
    said = place.run("policy", "replay", place.policies(), code=3)
    assert f"has schema {FORMAT + 1}; this version reads schema {FORMAT}" in said


class SaysYes(EmbeddedEngine):
    """It lies: what the policies refuse passes."""

    def hear(self, roll_call: Sequence[str], _: Mapping[str, Any]) -> Heard:
        return Heard(self.name, dict.fromkeys(roll_call, Said(satisfied=True, message="")))


def test_another_result_under_the_same_policies_is_told_before_all_else(
    place: Place, bundle: Bundle, engine: EmbeddedEngine
) -> None:
    gate = open_gate(place.folder, bundle, SaysYes(bundle), FakePlatform())
    gate.run(deploy(B, to="prod"), ACTOR)
    gate.ledger.close()
    told = place.replay(place.policies(), "--fail-on", "any", code=3)
    assert told["differs"]["decisions"] == 2
    assert "lane.not_bypassed" in {one["code"] for one in told["differs"]["some"][0]["results"]}
    text = place.run("policy", "replay", place.policies(), code=3)
    assert "Under the policies that decided, 2 decisions would have another result now:" in text


# -- files


def test_an_exported_file_is_replayed_as_the_ledger_is(kept: Place, tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    kept.run("decisions", "export", str(file))
    of_file = kept.replay(kept.policies("without-paths", paths=[]), "--export", str(file))
    of_ledger = kept.replay(kept.policies("without-paths", paths=[]))
    assert of_file.pop("of") == str(file) and of_ledger.pop("of") == "the ledger"
    assert [one.pop("where").partition(": ")[2] for one in of_file["flips"]] == [
        one.pop("where") for one in of_ledger["flips"]
    ]
    assert of_file.pop("spared") == 0 < of_ledger.pop("spared")  # a file has no policies to tell an edit by
    assert of_file == of_ledger


@pytest.mark.parametrize("how", ["torn", "altered", "cut", "no form", "not JSON", "another digest"])
def test_a_file_that_is_not_as_it_was_written_is_refused_with_the_line(kept: Place, tmp_path: Path, how: str) -> None:
    file = tmp_path / "decisions.jsonl"
    kept.run("decisions", "export", str(file))
    lines = file.read_text().splitlines(keepends=True)
    more: list[str] = []
    if how == "torn":
        lines[-1], place = lines[-1][:50], f"line {len(lines)} "
    elif how == "altered":
        lines[4], place = lines[4].replace("T", "t", 1), "line 5: "
    elif how == "cut":
        lines, place = lines[:-1], "the chain does not end with entry"
    elif how == "no form":
        lines[6], place = '{"a": 1}\n', "line 7 has not the form of an entry"
    elif how == "not JSON":
        lines[2], place = "{\n", "line 3 is not JSON"
    else:
        more, place = ["--sha256", "0" * 64], "has the sha256 "
    file.write_text("".join(lines))
    assert place in kept.run("policy", "replay", kept.policies(), "--export", str(file), *more, code=2)


def test_no_lock_and_no_moment_of_the_ledger_is_kept_while_it_is_read(place: Place) -> None:
    ledger = Ledger.to_read(place.folder, holds_records=False)
    decided = ledger.decided(ledger.heads())
    next(decided)  # whoever asks takes as long as it takes
    with sqlite3.connect(place.folder / FILE_NAME, isolation_level=None, timeout=0) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE lanes SET held_since = held_since")
        connection.execute("COMMIT")
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()
    assert busy == 0
    assert len(list(decided)) == TOTAL - 1
    ledger.close()


def test_what_is_entered_meanwhile_is_left_for_the_next_time(
    place: Place, bundle: Bundle, engine: EmbeddedEngine
) -> None:
    ledger = Ledger.to_read(place.folder, holds_records=False)
    heads = ledger.heads()
    gate = open_gate(place.folder, bundle, engine, FakePlatform())
    gate.run(deploy(B), ACTOR)
    gate.ledger.close()
    assert len(list(ledger.decided(heads))) == TOTAL
    assert len(list(ledger.decided(ledger.heads()))) > TOTAL
    ledger.close()


def test_a_replay_that_goes_on_asks_what_there_was_when_it_began(
    place: Place, bundle: Bundle, engine: EmbeddedEngine
) -> None:
    ledger = Ledger.to_read(place.folder, holds_records=False)
    begun = from_ledger(ledger).identity
    gate = open_gate(place.folder, bundle, engine, FakePlatform())
    gate.run(deploy(B), ACTOR)
    gate.ledger.close()
    gone_on = from_ledger(ledger, begun)
    assert gone_on.identity == begun and len(list(gone_on.decisions)) == TOTAL
    assert len(list(from_ledger(ledger).decisions)) > TOTAL
    begun["heads"][0][2] = "3:" + "0" * 64
    with pytest.raises(LedgerError, match="entry 3 is not there, which the replay began with"):
        from_ledger(ledger, begun)
    ledger.close()


def test_what_was_archived_is_counted_apart(place: Place) -> None:
    time.sleep(1)  # a moment is told to the second
    place.run("ledger", "archive", "--before", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    told = place.replay(place.policies(), "--fail-on", "any", code=3)
    assert told["asked"] == 0 and sum(told["not_asked"].values()) == TOTAL
    assert told["not_asked"]["admit: archived"] == 6
    assert "Nothing was asked" in place.run("policy", "replay", place.policies())
