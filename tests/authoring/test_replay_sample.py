"""A sample for CI: nobody is named in it, its stored results come out again, and it is the one that was meant."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchplane_gate import strictjson
from launchplane_gate.authoring.replay.asking import Asker, Policies
from launchplane_gate.authoring.replay.facts import reads_of
from launchplane_gate.authoring.replay.pseudonyms import Pseudonyms
from launchplane_gate.authoring.replay.sample import Written, opened_sample, sampled
from launchplane_gate.ledger.decided import Decided
from launchplane_gate.model import Actor
from launchplane_gate.policy import Bundle, EmbeddedEngine, decide, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.packing import packed
from launchplane_gate.policy.waiving import same_person
from launchplane_gate.settings import EmbeddedSettings
from tests.authoring.replaying import STRANGER, TOTAL, WITHOUT, Place, past, place_in
from tests.conftest import ACTOR, APPROVER, IMAGE, open_gate
from tests.fakes.platform import FakePlatform
from tests.places import CASES

pytestmark = pytest.mark.thorough  # it asks every kind of question, twice

NAMES = [
    *(ACTOR.subject, APPROVER.subject, STRANGER.subject, "operator", "alice", "mallory", "desk", "cafe"),
    *(
        "Smith",
        "Acme",
        "OPS-7",
        "tickets.example",
        "example.org",
        "://testing",
        "://prod",
        "/api/health",
        "health_url=",
    ),
    *(IMAGE, "cbusillo", "ghcr.io"),
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle, engine: EmbeddedEngine) -> Place:
    folder = tmp_path_factory.mktemp("sampled")
    gate = open_gate(folder, bundle, engine, FakePlatform())
    past(gate)
    gate.ledger.close()
    place = place_in(folder)
    place.told = place.document("decisions", "export", "--for-replay", str(folder / "sample.jsonl"))
    return place


def test_nobody_is_named_in_it_and_no_url_stands_in_it(kept: Place) -> None:
    text = (kept.folder / "sample.jsonl").read_text()
    assert [name for name in NAMES if name.casefold() in text.casefold()] == []
    assert (kept.told["decisions"], kept.told["without"], kept.told["left"]) == (TOTAL - WITHOUT, WITHOUT, 0)
    assert "sellyouroutboard" in text and "2026-" in text  # products and times stay


def test_every_stored_result_comes_out_of_it_again_by_the_same_policies(kept: Place) -> None:
    told = kept.replay(kept.policies(), *sample(kept), "--fail-on", "any", "--strict")
    assert (told["asked"], told["same"], told["reworded"]) == (TOTAL - WITHOUT, TOTAL - WITHOUT, 0)


def test_an_edit_flips_in_it_what_flips_in_the_ledger(kept: Place) -> None:
    edited = kept.policies("without-paths", paths=[])
    of_sample, of_ledger = kept.replay(edited, *sample(kept)), kept.replay(edited)
    alike = ("kind", "code", "product", "asked", "count", "decisions")
    assert [[group[name] for name in alike] for group in of_sample["groups"]] == [
        [group[name] for name in alike] for group in of_ledger["groups"]
    ]
    named = kept.policies("others", actors={"testing": [{"subject": "github:bob", "verified_by": "host"}]})
    of_sample, of_ledger = kept.replay(named, *sample(kept)), kept.replay(named)
    assert of_sample["allow_to_deny"] == of_ledger["allow_to_deny"] > 0


def sample(place: Place) -> list[str]:
    return ["--sample", str(place.folder / "sample.jsonl"), "--sha256", place.told["sha256"]]


def test_a_sample_that_nobody_pinned_is_refused(kept: Place) -> None:
    file = str(kept.folder / "sample.jsonl")
    assert "--sample needs --sha256 or --at" in kept.run("policy", "replay", "--sample", file, code=2)
    said = kept.run("policy", "replay", kept.policies(), "--sample", file, "--sha256", "0" * 64, code=2)
    assert f"has the sha256 {kept.told['sha256']}, and not {'0' * 64}" in said


def test_the_sample_of_a_commit_is_asked_whatever_stands_on_the_disk(
    kept: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(kept.folder / "sample.jsonl", tmp_path / "sample.jsonl")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", "sample.jsonl")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "a sample")
    file = tmp_path / "sample.jsonl"
    file.write_text("nothing flips\n")
    told = kept.replay(kept.policies(), "--sample", str(file), "--at", "main")
    assert told["same"] == TOTAL - WITHOUT and told["of"] == f"{file} of main"
    for commit in ("other", "--upload-pack=x", "main:sample.jsonl main"):
        said = kept.run("policy", "replay", kept.policies(), "--sample", str(file), "--at", commit, code=2)
        assert "other" in said or "is no commit" in said


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("how", ["cut", "torn", "altered", "another form", "an export", "empty"])
def test_a_sample_that_is_not_as_it_was_written_is_refused(kept: Place, tmp_path: Path, how: str) -> None:
    lines = (kept.folder / "sample.jsonl").read_text().splitlines(keepends=True)
    file = tmp_path / "sample.jsonl"
    if how == "cut":
        lines, place = lines[:-1], f"ends with line {len(lines) - 1}, which is not its end: it is cut off"
    elif how == "torn":
        lines[-1], place = lines[-1][:20], f"line {len(lines)} is not JSON"
    elif how == "altered":
        lines[3], place = (
            lines[3].replace('"fail"', '"pass"').replace('"status":"pass"', '"status":"fail"', 1),
            "is not as",
        )
    elif how == "another form":
        lines[0], place = lines[0].replace('"sample":1', '"sample":2'), "is of form 2; this version reads 1"
    elif how == "an export":
        lines, place = ['{"export":1}\n'], "is no sample: its first line does not say what follows"
    else:
        lines, place = [], "line 1 is not JSON"
    file.write_text("".join(lines))
    digest = strictjson.sha256(file.read_bytes())
    said = kept.run("policy", "replay", kept.policies(), "--sample", str(file), "--sha256", digest, code=2)
    assert place in " ".join(said.split())


# -- of every kind of decision, good and broken


@pytest.fixture(scope="module")
def of_cases(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("cases")
    (folder / "config").mkdir()
    products = json.loads((CASES / "config.json").read_text())["products"]
    (folder / "config" / "data.json").write_text(json.dumps({"products": products}))
    return load_bundle([shipped_policies(), folder])


def questions() -> Iterator[dict[str, Any]]:
    """Each case, and each with one thing in it that its rules refuse."""
    for file in sorted(CASES.glob("*_*.json")):
        good = json.loads(file.read_text())
        yield good
        for change in (
            {"actor": {"subject": "repo:acme/shop:ref:refs/heads/evil", "verified_by": "github-oidc", "claims": {}}},
            {"release": None},
            {"request": {**good["request"], "product": "another"}},
        ):
            yield {**copy.deepcopy(good), **change}
        for place in ("source", "destination"):
            if isinstance(good.get(place), dict) and "hold" in good[place]:
                held = copy.deepcopy(good)
                held[place]["hold"] = {
                    "reason": "Robert said so",
                    "subject": "github:bob",
                    "since": "2026-05-07T11:00:00Z",
                }
                held[place]["run"] |= {"settled": False, "why": "Robert's deploy by https://ci.example.org/7 failed"}
                yield held
        if (good.get("evidence") or {}).get("health"):
            sick = copy.deepcopy(good)
            for samples in sick["evidence"]["health"].values():
                samples[-1] |= {
                    "status": 503,
                    "revision": None,
                    "detail": "503 from https://x.example.org/?token=hunter2",
                }
            yield sick


def test_results_and_words_come_out_again_of_every_kind_of_decision(of_cases: Bundle) -> None:
    engine, now = EmbeddedEngine(of_cases), datetime.now(UTC)
    kept = []
    for number, question in enumerate(questions()):
        decision = decide(engine, of_cases, question, waivers=(), now=now, decision_id=f"d-{number}")
        body = {"decision": decision.model_dump(mode="json"), "offered": []}
        kept.append(Decided(f"entry {number}", body, strictjson.dumps(question)))
    written = Written()
    content = packed(of_cases)
    text = "".join(sampled(kept, lambda _: content, None, written, lambda _: None))
    assert (written.decisions, written.left) == (len(kept), 0)
    for name in (
        "cbusillo",
        "acme",
        "robert",
        "hunter2",
        "example.org",
        "www.",
        "evil",
        "outboard.com",
        "weekly",
        "://",
    ):
        assert name not in text.casefold().replace("https://", ""), name
    sample = opened_sample(BytesIO(text.encode()), "it")
    data = {"config": sample.pseudonyms.of_config(of_cases.config)}
    asker = Asker(Policies(of_cases, data, reads_of(of_cases.modules), sample.before, exact=False), EmbeddedSettings())
    changed = [one for one in asker.again(list(sample.decisions())) if one.changes or one.why]
    asker.stop()
    assert [(one.stored.decision_id, one.changes) for one in changed] == []


WORDS = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=8)
SIGNS = st.sampled_from([":", "/", "@", "|", "-", ".", "://"])
TEXTS = st.lists(st.one_of(WORDS, SIGNS), max_size=6).map("".join)


@given(TEXTS, SIGNS, TEXTS)
def test_what_is_put_together_at_a_sign_stays_so(one: str, sign: str, other: str) -> None:
    names = Pseudonyms("salt")
    assert names.text(one + sign + other) == names.text(one) + sign + names.text(other)


@given(TEXTS, TEXTS)
def test_what_is_equal_stays_equal_and_nothing_else_becomes_so(one: str, other: str) -> None:
    names = Pseudonyms("salt")
    assert (names.text(one) == names.text(other)) == (one == other)


@pytest.mark.parametrize("other", ["github:alice", "Alice", "unverified:ALICE@desk", "alice@laptop", "bob"])
def test_who_was_one_person_stays_one(other: str) -> None:
    names = Pseudonyms("salt")
    one = "github:alice"
    before = same_person(Actor(subject=one), Actor(subject=other))
    assert same_person(Actor(subject=names.text(one)), Actor(subject=names.text(other))) == before


def test_two_samples_have_other_names_for_one(kept: Place) -> None:
    again = kept.folder / "again.jsonl"
    kept.run("decisions", "export", "--for-replay", str(again))
    subjects = [
        set(re.findall(r'"subject":"([^"]*)"', file.read_text())) for file in (again, kept.folder / "sample.jsonl")
    ]
    assert len(subjects[0]) == len(subjects[1]) > 1 and not subjects[0] & subjects[1]
