"""What is no case is told with its file and its line, and with what there is instead."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from launchplane_gate.policy import BadForm
from launchplane_gate.strictyaml import MAX_BYTES
from tests.authoring.cases.conftest import Refused, read

GOOD = "case: x\nbase: promotion\nexpect: allowed\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        # the file
        ("", "1: `it`: input should be*"),
        ("- a", "1: `it`: input should be*"),
        (f"{GOOD}case: y\n", "4: has the key 'case' twice; the first is on line 1.*"),
        (f"{GOOD}facts: &a {{}}\n", "4: has an anchor or an alias; write out*"),
        (f"{GOOD}facts: {{source.run.settled: no}}\n", "4: has no, which not every reader of YAML*"),
        (f"{GOOD}fact: {{}}\n", "4: there is no field `fact`. Did you mean `facts`? There are: at, base, case*"),
        ("case: x\nbase: promotion\n", "1: `expect` is missing. State it."),
        ("case: x\nbase: promotion\nexpect: denied\n", "3: `expect`: input should be 'allowed' or 'refused'*"),
        (f"{GOOD}at: tomorrow\n", "4: `at`: *'tomorrow' is no time; one is written as 2026-05-07T12:00:00Z*"),
        (
            "case: x\nbase: promotions\nexpect: allowed\n",
            "2: there is no base `promotions`. Did you mean `promotion`?*",
        ),
        ("case: x\nbase: one\nexpect: allowed\n", "2: `one` starts from itself. Name another."),
        # facts
        (
            f"{GOOD}facts:\n  source.inventry: ~\n",
            "5: no policy input has `source.inventry`. Did you mean `inventory`? There are: deployments*",
        ),
        (
            f"{GOOD}facts:\n  source:\n    run:\n      settld: true\n",
            "7: no policy input has `source.run.settld`. Did you mean `settled`?*",
        ),
        (f"{GOOD}facts:\n  evidence.githb: ~\n", "5: no policy input has `evidence.githb`. Did you mean `github`?*"),
        (
            f"{GOOD}facts:\n  source.run.settled: 'false'\n",
            '5: `source.run.settled` is "false" here, and has to be true or false. State one.',
        ),
        (
            f"{GOOD}facts:\n  release.source_git_ref: 4162013\n",
            "5: `release.source_git_ref` is 4162013 here, and has to be a text. Put it into quotes if it is a text.",
        ),
        (
            f"{GOOD}facts:\n  evidence.health.source:\n    - url: x\n      status: ok\n",
            '7: `evidence.health.source[0].status` is "ok" here, and has to be a whole number. State one.',
        ),
        (f"{GOOD}facts:\n  outcome.status: passed\n", '5: `outcome.status` is never "passed". There are: *pass*'),
        (f"{GOOD}facts:\n  source.deployments.status: x\n", "5: `source.deployments` is a list. Name one*[0]`."),
        (f"{GOOD}facts:\n  source[0]: x\n", "5: `source` is no list. Leave the number out."),
        (f"{GOOD}facts:\n  source..run: x\n", "5: `source..run` is no path of a fact*"),
        (
            f"{GOOD}facts:\n  source.deployments[9].status: pass\n",
            "5: `source.deployments` has 3 entries, so there is no `source.deployments[9]`, nor is it the next*",
        ),
        (
            f"{GOOD}facts:\n  source.run.settled: true\n  source:\n    run.settled: false\n",
            "7: `source.run.settled` is stated on line 5 already. Leave one out.",
        ),
        (f"{GOOD}facts:\n  destination.run: ~\n", "5: `destination.run`: *"),
        (f"{GOOD}facts:\n  destination.hold: {{reason: x}}\n", "5: `destination.hold.subject` is missing*"),
        # what is missing
        (f"{GOOD}without: [source.obsrved]\n", "4: no policy input has `source.obsrved`. Did you mean `observed`?*"),
        (f"{GOOD}without:\n  - source.run\n", "5: `source.run` is missing. State it."),
        (
            f"{GOOD}without:\n  - evidence.oci\n",
            "5: the base has no `evidence.oci`, so it is missing anyway; in `evidence` are: github, health*",
        ),
        # what is expected
        (
            "case: x\nbase: promotion\nexpect: refused\nrules:\n  lane.setled: not satisfied\n",
            "5: `lane.setled` is not asked of promote/admit. Did you mean `lane.settled`? There are: *",
        ),
        (
            "case: x\nbase: promotion\nexpect: refused\nrules:\n  lane.settled: failed\n",
            "5: `rules.lane.settled`: input should be 'satisfied', 'not satisfied', 'waived' or 'not known'*",
        ),
        ("case: x\nbase: promotion\nexpect: refused\n", "3: it expects a refusal, and names no rule that refuses*"),
        (
            f"{GOOD}rules: {{lane.settled: not satisfied}}\n",
            "3: it expects to be allowed, and lane.settled to be not satisfied. One of the two is not meant.",
        ),
        # waivers and time
        (f"{GOOD}waivers:\n  - rul: window.open\n", "5: *"),
        (f"{GOOD}waivers:\n  - rule: window\n", "5: `waivers[0].rule`: *"),
        (
            "case: x\nbase: standing_to_promote\nexpect: allowed\nat: 2026-05-07T12:00:00Z\n",
            "4: a question of the phase standing knows no time, so it is asked at none*",
        ),
        (f"{GOOD}at: 9999-12-31T23:59:59Z\n", None),
        (f"{GOOD}at: 0001-01-01T00:00:00Z\n", "4: that is before the year 1 or after 9999, for some of its times*"),
    ],
)
def test_what_is_no_case_is_told_by_line(text: str, says: str | None, refused: Refused, tmp_path: Path) -> None:
    if says is None:
        read(tmp_path, {"cases/one.yaml": text})
        return
    told = refused(text)
    first, *rest = says.split("*")
    assert any(one.startswith(first) and all(part in one for part in rest) for one in told), told


def test_everything_that_is_wrong_is_told_at_once(refused: Refused) -> None:
    assert len(refused(f"{GOOD}facts:\n  source.runn: ~\n  source.inventry: ~\nwithout: [x]\n")) == 3


def test_a_file_of_50_mb_is_refused_without_being_read(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    with (tmp_path / "cases/large.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    started = time.monotonic()
    with pytest.raises(BadForm, match=rf"large.yaml:1: is larger than {MAX_BYTES} bytes"):
        read(tmp_path, {"cases/one.yaml": GOOD})
    assert time.monotonic() - started < 5


def test_a_name_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(BadForm, match=r"promotion.yaml:1: `promotion` is the name of a question that is shipped"):
        read(tmp_path, {"cases/promotion.yaml": GOOD})
    with pytest.raises(BadForm, match=r"incident/paused.yaml:1: .*incident/paused.yaml is there already"):
        read(tmp_path / "other", {"cases/incident/paused.yaml": GOOD})


def test_cases_that_start_from_each_other_are_refused(tmp_path: Path) -> None:
    files = {f"cases/{one}.yaml": GOOD.replace("promotion", other) for one, other in ("ab", "ba")}
    with pytest.raises(BadForm, match=r"a.yaml:2: `a` starts from itself"):
        read(tmp_path, files)


def test_claims_are_named_as_they_are(tmp_path: Path) -> None:
    text = GOOD + "facts:\n  actor.claims.x.example/y: z\n  actor:\n    claims: {a.b: c}\n"
    [case] = read(tmp_path, {"cases/one.yaml": text})
    assert case.question()["actor"]["claims"] == {"a.b": "c"}  # an object of any names is stated as a whole
