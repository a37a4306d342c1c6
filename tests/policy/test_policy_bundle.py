"""What is loaded is the shipped policies and what further folders add to them; whatever is odd stops the load."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import launchplane_gate
from launchplane_gate import strictjson
from launchplane_gate.errors import PolicyError
from launchplane_gate.model import Action, Actor, Phase
from launchplane_gate.policy import BadForm, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.files import LARGEST_FILE
from launchplane_gate.policy.bundle.floor import DECISION_PATH, DECISION_SHA256, FLOOR, FLOOR_CODES
from launchplane_gate.policy.proof.must_refuse import asked_of_every_bundle
from tests.fakes import bundles

CONFIG = "config/data.json"
CAROL = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK2jf2GsPG+PsTgMzWoUY41+gb/D0IogXyBRBkIeNv01 carol@desk"
PRODUCT: dict[str, Any] = {
    "paths": [{"from": "testing", "to": "prod"}],
    "actors": {
        "prod": [
            {"subject": "repo:crew/*", "verified_by": "github-oidc"},
            {"subject": "me", "verified_by": None, "may": ["waive", "adopt"]},
            {"subject": "carol", "verified_by": "ssh", "may": ["approve"], "ssh_key": CAROL},
        ]
    },
    "backup": {"prod": {"max_age_s": 3000}},
    "windows": {"prod": [{"days": ["Monday", "Friday"], "from": "22:00", "to": "04:00", "zone": "Europe/Berlin"}]},
    "branches": ["main"],
    "thresholds": {"source_soak_s": 600},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return bundles.small(tmp_path / "shipped")


def refusal(*folders: Path) -> str:
    with pytest.raises(PolicyError) as refused:
        load_bundle(folders)
    assert "Nothing" in refused.value.hint or "nothing" in refused.value.hint
    return str(refused.value)


def config_with(place: str, value: Any) -> dict[str, Any]:
    """The small bundle's configuration with the product P, and another value at a dotted place."""
    config = bundles.config() | {"products": {"p": copy.deepcopy(PRODUCT)}}
    *above, last = place.split(".")
    parent: Any = config
    for key in above:
        parent = parent[int(key) if key.isdigit() else key]
    parent[int(last) if isinstance(parent, list) else last] = value
    return config


def test_the_shipped_policies_load() -> None:
    bundle = load_bundle([shipped_policies()])
    assert bundle.metadata.keys() >= FLOOR_CODES
    assert bundle.tests


def test_an_installed_package_carries_the_policies_and_a_working_tree_has_them_beside_it(tmp_path: Path) -> None:
    package = Path(launchplane_gate.__file__).parent
    assert shipped_policies() == package.parent / "policies"
    installed = shutil.copytree(package, tmp_path / "launchplane_gate", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(shipped_policies(), installed / "policies")
    code = "from launchplane_gate.policy import shipped_policies; print(shipped_policies())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert said.stdout.decode().strip() == str(installed / "policies")
    shutil.rmtree(installed / "policies")
    said = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert b"the shipped policies are not there" in said.stderr


def test_a_bundle_says_what_it_was_made_of(folder: Path) -> None:
    bundle = load_bundle([folder])
    assert {module.path for module in bundle.modules} >= {DECISION_PATH, "gate/small_test.rego"}
    assert "gate/small_test.rego" not in dict(bundle.policies)
    assert bundle.config == {**bundles.config(), "drivers": {}}
    assert bundle.metadata["lane.settled"].title == "Title of lane.settled"
    assert bundle.metadata["lane.settled"].remedy == "Remedy of lane.settled"
    assert [test.name for test in bundle.tests] == ["test_no_fact_is_a_no"]


def test_the_revision_changes_with_each_rule_and_entry_but_not_with_the_folder(folder: Path, tmp_path: Path) -> None:
    revisions = {load_bundle([folder]).revision, load_bundle([bundles.small(tmp_path / "again")]).revision}
    assert len(revisions) == 1
    bundles.write(tmp_path / "again", {bundles.path_of("lane.settled"): bundles.rule("lane.settled") + "# a word\n"})
    revisions.add(load_bundle([tmp_path / "again"]).revision)
    bundles.write(folder, {}, config_with("thresholds.health_s", 61))
    revisions.add(load_bundle([folder]).revision)
    assert len(revisions) == 3


def test_the_roll_call_is_the_base_and_what_the_driver_and_the_product_add(folder: Path, tmp_path: Path) -> None:
    further = bundles.further(tmp_path / "further", ["lane.all", "lane.by_driver", "lane.by_product"])
    added = {
        "base": {"promote": {"admit": ["lane.all"]}},
        "drivers": {"d": {"promote": {"admit": ["lane.by_driver"]}}},
        "products": {"p": {"promote": {"admit": ["lane.by_product", "lane.by_driver"]}}},
    }
    bundles.write(further, {}, {"roll_call": added, "products": {"p": {}}})
    bundle = load_bundle([folder, further])
    base = (*FLOOR["promote", "admit"], "lane.all")
    assert bundle.roll_call("promote", "admit", "d", "p") == (*base, "lane.by_driver", "lane.by_product")
    assert bundle.roll_call("promote", "admit", "other", "other") == base
    assert bundle.roll_call("promote", "confirm", "d", "p") == FLOOR["promote", "confirm"]


def test_a_version_that_is_asked_for_has_to_be_free_whatever_the_roll_call_says(folder: Path) -> None:
    bundle = load_bundle([folder])
    for asked, floor in FLOOR.items():
        for_a_version = ("release.version_free",) if asked == ("promote", "admit") else ()
        assert bundle.roll_call(*asked, "d", "p", "v1.0.0") == (*floor, *for_a_version)
        assert bundle.roll_call(*asked, "d", "p", None) == floor


def test_where_the_roll_call_has_it_too_it_is_asked_once(folder: Path, tmp_path: Path) -> None:
    further = bundles.further(tmp_path / "further", ["release.version_free"])
    codes = load_bundle([folder, further]).roll_call("promote", "admit", "d", "p", "v1.0.0")
    assert codes.count("release.version_free") == 1


def test_that_a_version_is_free_cannot_be_waived(folder: Path, tmp_path: Path) -> None:
    further = bundles.further(tmp_path / "further", ["release.version_free"], {"waivable": ["release.version_free"]})
    assert "waivable: release.version_free can never be waived" in refusal(folder, further)


# -- files


def test_notes_and_hidden_files_are_passed_over(folder: Path) -> None:
    bundles.write(folder, {"README.md": "notes", ".git/config": "x", "gate/.x.rego.swp": "x", "gate/.x.rego": "!"})
    assert load_bundle([folder]).revision


@pytest.mark.parametrize("path", ["gate/lane.yaml", "data.json", "config/more.json", "gate/rule.REGO", "a.py"])
def test_a_file_of_another_kind_is_refused(folder: Path, path: str) -> None:
    bundles.write(folder, {path: "{}"})
    assert refusal(folder).startswith(f"{folder}/{path}:1: a folder of policies holds")


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "gate" / "more").symlink_to(tmp_path / "elsewhere")
    assert "is a link" in refusal(folder)
    (folder / "gate" / "more").unlink()
    (folder / "gate" / "again.rego").symlink_to(folder / DECISION_PATH)
    assert f"{folder}/gate/again.rego:1: is a link, and may show another file tomorrow. Copy it." in refusal(folder)
    (folder / "gate" / "again.rego").unlink()
    (tmp_path / "link").symlink_to(folder)
    assert f"{tmp_path / 'link'}:1: is a link" in refusal(tmp_path / "link")


def test_what_is_no_regular_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "gate" / "pipe.rego")
    assert "cannot be read: it is a named pipe where a file should be" in refusal(folder)


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(folder: Path) -> None:
    (folder / "gate" / "lib.rego").write_bytes(b"package gate.lib\n\n\xff\n")
    assert refusal(folder).startswith(f"{folder}/gate/lib.rego:3: is not UTF-8")


def test_a_large_file_is_refused(folder: Path) -> None:
    bundles.write(folder, {"gate/lib/large.rego": "#" * (LARGEST_FILE + 1)})
    assert "is larger than 256 KB" in refusal(folder)


def test_a_folder_that_is_not_there_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "no such folder" in refusal(folder, tmp_path / "missing")
    assert refusal()


# -- what every bundle has


def test_the_decision_is_the_cores_own(folder: Path) -> None:
    text = (folder / DECISION_PATH).read_text()
    bundles.write(folder, {DECISION_PATH: text.replace("== true", "!= false")})
    assert refusal(folder).startswith(f"{folder}/{DECISION_PATH}:1: is not the core's own")
    (folder / DECISION_PATH).unlink()
    assert DECISION_PATH in refusal(folder)


def test_the_cores_digest_is_that_of_the_shipped_decision() -> None:
    """Whoever changes gate/decision.rego on purpose puts its digest into launchplane_gate/policy/bundle/floor.py."""
    assert strictjson.sha256((shipped_policies() / DECISION_PATH).read_bytes()) == DECISION_SHA256


def test_a_bundle_without_rego_tests_is_refused(folder: Path) -> None:
    (folder / "gate" / "small_test.rego").unlink()
    assert "no test asks this rule" in refusal(folder)


@pytest.mark.parametrize("code", sorted(FLOOR_CODES))
def test_no_rule_of_the_floor_can_be_taken_away(folder: Path, code: str) -> None:
    (folder / bundles.path_of(code)).unlink()
    assert f"no rule has the code {code}" in refusal(folder)


@pytest.mark.parametrize(("asked", "code"), [(asked, code) for asked, codes in FLOOR.items() for code in codes])
def test_no_rule_of_the_floor_can_be_left_off_the_roll_call(
    folder: Path, asked: tuple[Action, Phase], code: str
) -> None:
    config = bundles.config()
    by_action = config["roll_call"]["base"]
    by_action[asked[0]][asked[1]].remove(code)
    if not by_action[asked[0]][asked[1]]:
        del by_action[asked[0]]  # a verb that anybody might ask for
    bundles.write(folder, {}, config)
    assert f"roll_call.base.{asked[0]}.{asked[1]}: {code} has to be asked" in refusal(folder)


@pytest.mark.parametrize("asked", FLOOR, ids="/".join)
def test_every_verb_has_a_roll_call(folder: Path, asked: tuple[Action, Phase]) -> None:
    config = bundles.config()
    del config["roll_call"]["base"][asked[0]]
    bundles.write(folder, {}, config)
    said = refusal(folder)
    for code in FLOOR[asked]:
        assert f"roll_call.base.{asked[0]}.{asked[1]}: {code} has to be asked" in said


def test_the_floor_has_every_verb_in_standing() -> None:
    assert {action for action, phase in FLOOR if phase == "standing"} == set(every(Action))
    assert all("actor.permitted" in codes for (_, phase), codes in FLOOR.items() if phase == "standing")


def every(literal: Any) -> Iterator[str]:
    for value in get_args(literal):
        yield from [value] if isinstance(value, str) else every(value)


@pytest.mark.parametrize("code", sorted(FLOOR_CODES - {"lane.not_bypassed"}))
def test_no_rule_of_the_floor_can_be_waived(folder: Path, code: str) -> None:
    bundles.write(folder, {}, config_with("waivable", [code]))
    assert f"waivable: {code} can never be waived" in refusal(folder)


def test_breaking_glass_can_be_waived(folder: Path) -> None:
    assert load_bundle([folder]).config["waivable"] == ["lane.not_bypassed"]


# -- standing


def with_extra(folder: Path, roll_call: dict[str, Any], **more: Any) -> Path:
    """The small bundle with the rule lane.extra, and entries that are added to its roll call."""
    config = bundles.config() | {"products": {"p": {}}} | more
    for place, codes in roll_call.items():
        *above, phase = place.split(".")
        parent = config["roll_call"]
        for name in above:
            parent = parent.setdefault(name, {})
        parent[phase] = [*parent.get(phase, []), *codes]
    return bundles.write(folder, {bundles.path_of("lane.extra"): bundles.rule("lane.extra")}, config)


@pytest.mark.parametrize("of", ["base", "drivers.d", "drivers.d.e", "products.p"])
@pytest.mark.parametrize("action", ["deploy", "promote", "rollback", "resume", "reconcile", "evidence"])
def test_what_stands_in_standing_stands_in_admit_too(folder: Path, of: str, action: str) -> None:
    place = f"{of}.{action}.standing"
    if of == "drivers.d.e":  # a driver of that name
        config = bundles.config()
        config["roll_call"]["drivers"]["d.e"] = {action: {"standing": ["lane.extra"]}}
        bundles.write(folder, {bundles.path_of("lane.extra"): bundles.rule("lane.extra")}, config)
    else:
        with_extra(folder, {place: ["lane.extra"]})
    assert f"roll_call.{place}: lane.extra has to stand in admit, too" in refusal(folder)


@pytest.mark.parametrize("again", ["base", "products.p"])
def test_it_may_stand_there_for_all_or_for_the_same_product(folder: Path, again: str) -> None:
    codes = ["lane.extra"]
    with_extra(folder, {"products.p.deploy.standing": codes, f"{again}.deploy.admit": codes})
    bundle = load_bundle([folder])
    assert "lane.extra" in bundle.roll_call("deploy", "standing", "d", "p")
    assert "lane.extra" not in bundle.roll_call("deploy", "standing", "d", "another")
    with_extra(folder, {"products.p.deploy.standing": codes, "drivers.d.deploy.admit": codes})
    assert "lane.extra has to stand in admit, too" in refusal(folder)  # for any driver


@pytest.mark.parametrize(
    "action", ["deploy", "promote", "rollback", "waive", "approve", "revoke", "publish", "adopt", "hold"]
)
def test_nothing_that_can_be_waived_stands_in_standing(folder: Path, action: str) -> None:
    asked = {f"base.{action}.standing": ["lane.extra"]}
    asked |= {f"base.{action}.admit": ["lane.extra"]} if action in ("deploy", "promote", "rollback") else {}
    with_extra(folder, asked)
    assert "lane.extra" in load_bundle([folder]).roll_call(action, "standing", "d", "p")  # type: ignore[arg-type]
    with_extra(folder, asked, waivable=["lane.extra"])
    assert f"roll_call.base.{action}.standing: lane.extra can be waived, and here no waiver is looked at" in refusal(
        folder
    )


@pytest.mark.parametrize("action", ["waive", "approve", "revoke", "publish", "adopt", "hold", "release", "quarantine"])
@pytest.mark.parametrize("phase", ["admit", "confirm"])
def test_what_would_never_be_asked_is_refused(folder: Path, action: str, phase: str) -> None:
    with_extra(folder, {f"base.{action}.standing": ["lane.extra"], f"base.{action}.{phase}": ["lane.extra"]})
    assert f"roll_call.base.{action}.{phase}: is never asked" in refusal(folder)


@pytest.mark.parametrize("code", ["lane.not_bypassed", "lane.settled", "lane.extra", "lane.unknown"])
def test_by_word_is_for_what_can_be_waived_beside_the_floor(folder: Path, code: str) -> None:
    roll_call = {"base.promote.admit": ["lane.extra"]}
    with_extra(folder, roll_call, products={"p": {"by_word": [code]}})
    assert f"products.p.by_word: a waiver of {code} never counts by word alone" in refusal(folder)
    with_extra(folder, roll_call, products={"p": {"by_word": ["lane.extra"]}}, waivable=["lane.extra"])
    assert load_bundle([folder]).settings.by_word("p") == ("lane.extra",)


def test_every_rule_of_the_floor_has_to_refuse_something() -> None:
    assert {code for question in asked_of_every_bundle() for code in question.codes} >= FLOOR_CODES


# -- what a rule says of itself


@pytest.mark.parametrize(
    ("header", "wrong"),
    [
        ("", "no metadata"),
        ("# title: T\n# custom:\n#   remedy: R\n", "no metadata"),
        ("# METADATA\n# title: T\n# custom:\n#   remedy: R\n\n", "no metadata"),
        ("# METADATA\n# title: T\n", "custom: Field required"),
        ("# METADATA\n# title: T\n# custom: {}\n", "custom.remedy: Field required"),
        ("# METADATA\n# custom:\n#   remedy: R\n", "title: Field required"),
        ("# METADATA\n# title: ''\n# custom:\n#   remedy: R\n", "title: "),
        ("# METADATA\n# title: T\n# title: U\n# custom:\n#   remedy: R\n", "'title' is there twice"),
        ("# METADATA\n# title: T\n# custom:\n#   remedy: R\n#   remedy: S\n", "'remedy' is there twice"),
        ("# METADATA\n# title: [\n", "metadata: "),
        ("# METADATA\n# title: !!python/object:os.system T\n", "metadata: "),
        ("# METADATA\n# - a list\n", "metadata: "),
        ("# METADATA\n", "metadata: "),
        ("# METADATA\n# title: T\n# custom:\n#   remedy: R\n#   follows: lane.settled\n", "custom.follows: "),
        ("# METADATA\n# title: T\n# custom:\n#   remedy: R\n#   follows: [Lane.settled]\n", "custom.follows.0: "),
        ("# METADATA\n# title: ~\n# custom:\n#   remedy: R\n", "title: Input should be a valid string"),
        ("# METADATA\n# title: true\n# custom:\n#   remedy: R\n", "title: Input should be a valid string"),
        ("# METADATA\n# title: &a T\n# custom:\n#   remedy: R\n", "has an anchor or an alias"),
        ("# METADATA\n# title: &a T\n# custom:\n#   remedy: *a\n", "has an anchor or an alias"),
        ("# METADATA\n# <<: {title: T}\n# custom:\n#   remedy: R\n", "merges keys"),
        ("# METADATA\n# title: !!str T\n# custom:\n#   remedy: R\n", "has a tag"),
        ("# METADATA\n# title: T\n# more: " + "- " * 30_000 + "\n# custom:\n#   remedy: R\n", "metadata: "),
        ("# METADATA\n# more:\n#   " + "- " * 30_000 + "\n# title: T\n# custom:\n#   remedy: R\n", "nested too deep"),
        ("# METADATA\n# more: " + "[" * 30_000 + "\n# title: T\n# custom:\n#   remedy: R\n", "nested too deep"),
        ("# METADATA\n# more: " + "x" * 65_536 + "\n# title: T\n# custom:\n#   remedy: R\n", "is larger than 64 KB"),
    ],
)
def test_a_rule_names_a_title_and_a_remedy(folder: Path, header: str, wrong: str) -> None:
    text = bundles.rule("lane.settled")
    bundles.write(folder, {bundles.path_of("lane.settled"): header + text[text.index("package") :]})
    with pytest.raises(BadForm) as refused:
        load_bundle([folder])
    [finding] = refused.value.findings
    assert wrong in finding.message
    assert 1 <= finding.line <= header.count("\n") + 1


def follows(folder: Path, causes: dict[str, str]) -> Path:
    """Rules of the floor, each of which says what it follows."""
    texts = {
        code: bundles.rule(code).replace("# custom:\n", f"# custom:\n#   follows: [{of}]\n")
        for code, of in causes.items()
    }
    return bundles.write(folder, {bundles.path_of(code): text for code, text in texts.items()})


def test_a_rule_may_follow_from_others(folder: Path) -> None:
    bundle = load_bundle([follows(folder, {"lane.not_held": "lane.settled, lane.provable"})])
    assert bundle.metadata["lane.not_held"].follows == ("lane.settled", "lane.provable")
    assert bundle.metadata["lane.settled"].follows == ()


@pytest.mark.parametrize(
    ("causes", "wrong"),
    [
        ({"lane.not_held": "lane.setled"}, "it follows lane.setled, and no rule has that code"),
        ({"lane.not_held": "lane.not_held"}, "it follows itself"),
        (
            {"lane.not_held": "lane.settled", "lane.settled": "lane.provable", "lane.provable": "lane.not_held"},
            "it follows itself in the end: lane.",
        ),
    ],
)
def test_a_rule_that_follows_from_nothing_or_from_itself_is_found(
    folder: Path, causes: dict[str, str], wrong: str
) -> None:
    follows(folder, causes)
    with pytest.raises(BadForm) as refused:
        load_bundle([folder])
    [finding] = refused.value.findings
    assert wrong in finding.message
    assert Path(finding.file).read_text().split("\n")[finding.line - 1].startswith("#   follows: [")


@pytest.mark.parametrize(
    "more", ["since: 2026-02-30", "since: 2026-02-28", f"count: {'9' * 5000}", "f: 1e999", "n: .nan", "5: 5", "=: ="]
)
def test_what_else_it_says_is_its_own_affair(folder: Path, more: str) -> None:
    """Seen: a day that does not exist was an internal error."""
    text = bundles.rule("lane.settled").replace("# custom:\n", f"# custom:\n#   {more}\n")
    bundles.write(folder, {bundles.path_of("lane.settled"): text.replace("# META", "# \u2028\n# META")})
    assert load_bundle([folder]).metadata["lane.settled"].remedy == "Remedy of lane.settled"


# -- the configuration


def test_a_product_may_be_decided_on_in_every_way(folder: Path) -> None:
    bundles.write(folder, {}, config_with("thresholds.health_s", 0))
    assert load_bundle([folder]).config["products"]["p"] == PRODUCT


@pytest.mark.parametrize(
    ("place", "value", "wrong"),
    [
        ("more", {}, "more"),
        ("roll_call.more", {}, "roll_call.more"),
        ("roll_call.base.conjure", {"admit": ["lane.settled"]}, "conjure"),
        ("roll_call.base.promote.publish", ["lane.settled"], "publish"),
        ("roll_call.base.promote.confirm", [], "at least 1"),
        ("roll_call.base.promote.confirm.0", "lane.unknown", "no rule has the code lane.unknown"),
        ("roll_call.base.promote.confirm.0", "confirm.revision_live", "has an entry twice"),
        ("roll_call.base.promote.confirm.0", "revision", "roll_call.base.promote.confirm.0"),
        ("roll_call.base.promote.confirm.0", None, "roll_call.base.promote.confirm.0"),
        ("roll_call.drivers.d", {}, "at least 1"),
        ("roll_call.drivers.d", {"promote": {}}, "at least 1"),
        ("roll_call.drivers.d", {"promote": {"admit": ["lane.unknown"]}}, "no rule has the code lane.unknown"),
        ("roll_call.drivers.d", {"promote": {"admit": ["lane.settled"]}}, "lane.settled is asked anyway"),
        ("roll_call.products.q", {"deploy": {"admit": ["lane.settled"]}}, "q is not among the products"),
        ("roll_call.optional", ["lane.unknown"], "roll_call.optional: no rule has the code lane.unknown"),
        ("roll_call.optional", ["lane.settled", "lane.settled"], "has an entry twice"),
        ("thresholds", {}, "thresholds"),
        ("thresholds", {"health_s": 1}, "source_fresh_s is missing"),
        ("thresholds.more", 1, "thresholds.more"),
        ("thresholds.health_s", -1, "thresholds.health_s"),
        ("thresholds.health_s", 1.5, "thresholds.health_s"),
        ("thresholds.health_s", "60", "thresholds.health_s"),
        ("thresholds.health_s", True, "thresholds.health_s"),
        ("thresholds.health_s", None, "thresholds.health_s"),
        ("thresholds.health_s", 2**53, "beyond 2^53"),
        ("thresholds.health_matches", 0, "health_matches"),
        ("thresholds.waiver_max_s", 366 * 86400 + 1, "waiver_max_s has to be"),
        ("thresholds.settle_s", 3601, "settle_s has to be"),
        ("products.p.thresholds.settle_s", 3601, "settle_s has to be"),
        ("drivers", {"d": {}}, "drivers.d.settle_s"),
        ("drivers", {"d": {"settle_s": -1}}, "drivers.d.settle_s"),
        ("drivers", {"d": {"settle_s": "15"}}, "drivers.d.settle_s"),
        ("drivers", {"d": {"settle_s": 3601}}, "drivers.d.settle_s"),
        ("drivers", {"d": {"settle_s": 15, "more": 1}}, "drivers.d.more"),
        ("drivers", {"D": {"settle_s": 15}}, "drivers.D"),
        ("products.p.thresholds.waiver_max_s", 3601, "3601 is looser than 3600"),
        ("waivable", ["lane.unknown"], "no rule has the code lane.unknown"),
        ("waivable", ["lane.not_bypassed", "lane.not_bypassed"], "has an entry twice"),
        ("products.p.more", {}, "products.p.more"),
        ("products.P", {}, "products.P"),
        ("products.p.paths", [{"from": "testing"}], "products.p.paths.0.to"),
        ("products.p.paths", [{"from": "testing", "to": "prod"}] * 2, "has an entry twice"),
        ("products.p.actors.prod", [], "at least 1"),
        ("products.p.actors.prod.0", {"subject": "me"}, "verified_by"),
        ("products.p.actors.prod.0", {"subject": "", "verified_by": None}, "subject"),
        *(
            ("products.p.actors.prod.0.subject", odd, f"'{odd}' is no pattern")
            for odd in ("repo:acme/shop*", "r*", "*", "repo:acme/**", "repo:*/shop", "repo:acme/*:ref", "unverified*")
        ),
        *(
            ("products.p.actors.prod.0.subject", odd, f"'{odd}' names everybody")
            for odd in ("repo:*", "org/*", "unverified:*")
        ),
        ("products.p.actors.prod.0.may", ["deploy"], "products.p.actors.prod.0.may.0"),
        ("products.p.actors.prod.0.may", ["approve", "approve"], "has an entry twice"),
        ("products.p.actors.prod.0.may", "approve", "products.p.actors.prod.0.may"),
        ("products.p.actors.prod.0.may", None, "products.p.actors.prod.0.may"),
        ("products.p.actors.prod.0.claims", {"environment": 7}, "a valid string"),
        ("products.p.actors.prod.0.claims", {"environment": ""}, "at least 1 character"),
        ("products.p.actors.prod.0.claims", ["environment"], "Input should be an object"),
        ("products.p.actors.prod.0.claims", None, "Input should be an object"),
        ("products.p.actors.prod.2.claims", {"environment": "production"}, "of this one nobody tells any"),
        ("products.p.actors.prod.0.ssh_key", CAROL, "an ssh_key goes with"),
        ("products.p.actors.prod.0.verified_by", "ssh", "an ssh_key goes with"),
        ("products.p.actors.prod.2.verified_by", None, "an ssh_key goes with"),
        ("products.p.actors.prod.2.ssh_key", None, "an ssh_key goes with"),
        ("products.p.actors.prod.2.ssh_key", "", "is no line of a public SSH key"),
        ("products.p.actors.prod.2.ssh_key", "carol.pub", "is no line of a public SSH key"),
        ("products.p.actors.prod.2.ssh_key", f"{CAROL}\n{CAROL}", "is no line of a public SSH key"),
        ("products.p.actors.prod.2.ssh_key", CAROL.replace("ed25519", "dss"), "is no line of a public SSH key"),
        ("products.p.actors.prod.2.ssh_key", "ssh-ed25519 AAAA", "is no public SSH key"),
        ("products.p.actors.prod.2.ssh_key", "ssh-ed25519 !", "is no public SSH key"),
        ("products.p.actors.prod.2.subject", "team:crew/*", "who has an ssh_key is one person"),
        ("products.p.actors.prod.2.may", ["approve", "waive"], "who has an ssh_key is one person"),
        ("products.p.actors.prod.2.may", [], "who has an ssh_key is one person"),
        ("products.p.by_word", ["lane.unknown", "lane.unknown"], "has an entry twice"),
        ("products.p.by_word", ["unknown"], "products.p.by_word.0"),
        ("products.p.backup.prod.max_age_s", -1, "max_age_s"),
        ("products.p.windows.prod", [], "at least 1"),
        ("products.p.windows.prod.0.days", [], "at least 1"),
        ("products.p.windows.prod.0.days", ["Someday"], "days.0"),
        ("products.p.windows.prod.0.days", ["Monday", "Monday"], "has an entry twice"),
        ("products.p.windows.prod.0.from", "9:00", "from"),
        ("products.p.windows.prod.0.from", "24:00", "from"),
        ("products.p.windows.prod.0.to", "22:00", "never open"),
        ("products.p.windows.prod.0.zone", "Europe/Atlantis", "no time zone"),
        ("products.p.windows.prod.0.zone", "../../etc/passwd", "zone"),
        ("products.p.windows.prod.0.zone", "Local", "zone"),
        ("products.p.branches", [], "at least 1"),
        ("products.p.thresholds", {}, "at least 1"),
        ("products.p.thresholds.more", 1, "thresholds.more"),
        ("products.p.thresholds.health_matches", 0, "health_matches"),
    ],
)
def test_an_entry_that_is_empty_twice_unknown_or_odd_is_refused_with_its_place(
    folder: Path, place: str, value: Any, wrong: str
) -> None:
    bundles.write(folder, {}, config_with(place, value))
    with pytest.raises(BadForm) as refused:
        load_bundle([folder])
    assert wrong in str(refused.value)
    assert {(finding.file, finding.line) for finding in refused.value.findings} == {(f"{folder}/{CONFIG}", 1)}


@pytest.mark.parametrize(
    ("subject", "verified_by"),
    [
        ("unverified:*", None),
        ("unverified:me@desk", None),
        ("repo:acme/*", "github-oidc"),
        ("repo:acme/shop:*", "github-oidc"),
        ("repo:acme/shop:environment:prod", "github-oidc"),
    ],
)
def test_a_pattern_ends_at_a_separator(folder: Path, subject: str, verified_by: str | None) -> None:
    bundles.write(folder, {}, config_with("products.p.actors.prod.0", {"subject": subject, "verified_by": verified_by}))
    settings = load_bundle([folder]).settings
    rest = "" if not subject.endswith("*") else "x"
    assert settings.names(Actor(subject=subject.rstrip("*") + rest, verified_by=verified_by))
    assert not settings.names(Actor(subject=subject.rstrip("*")[:-1] + "-x", verified_by=verified_by))
    assert not settings.names(Actor(subject=subject.rstrip("*") + rest, verified_by="hearsay"))


def test_who_may_approve_is_verified_and_says_so(folder: Path) -> None:
    unverified = {"subject": "me", "verified_by": None, "may": ["approve"]}
    bundles.write(folder, {}, config_with("products.p.actors.prod.1", unverified))
    settings = load_bundle([folder]).settings
    assert [entry.subject for entry in settings.approvers("p", "prod")] == ["carol"]
    assert settings.approvers("p", "testing") == settings.approvers("q", "prod") == ()


def test_one_key_is_of_one_person(folder: Path) -> None:
    entry = {"subject": "dave", "verified_by": "ssh", "may": ["approve"], "ssh_key": CAROL.replace("carol@desk", "d")}
    bundles.write(folder, {}, config_with("products.q", {"actors": {"testing": [entry]}}))
    assert "products.q.actors.testing: dave has the ssh_key of carol" in refusal(folder)
    bundles.write(folder, {}, config_with("products.q", {"actors": {"testing": [entry | {"subject": "carol"}]}}))
    assert load_bundle([folder])


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is not JSON"),
        ("[]", "should be an object"),
        ('{"products": {}, "products": {}}', "twice"),
        ('{"thresholds": {"health_s": NaN}}', "NaN"),
    ],
)
def test_the_configuration_is_strict_json(folder: Path, text: str, wrong: str) -> None:
    bundles.write(folder, {CONFIG: text})
    assert wrong in refusal(folder)


def test_a_rule_on_no_roll_call_is_refused(folder: Path) -> None:
    bundles.write(folder, {bundles.path_of("lane.idle"): bundles.rule("lane.idle")})
    assert "the rule lane.idle is on no roll call" in refusal(folder)


def test_an_optional_rule_is_asked_of_those_who_add_it_and_of_nobody_else(folder: Path) -> None:
    rule = {bundles.path_of("lane.extra"): bundles.rule("lane.extra")}
    bundles.write(folder, rule, config_with("roll_call.optional", ["lane.extra"]))
    idle = load_bundle([folder])
    assert "lane.extra" not in idle.roll_call("promote", "admit", "d", "p")
    assert {module.path for module in idle.modules} - {module.path for module in idle.asked} == set(rule)
    config = config_with("roll_call.optional", ["lane.extra"])
    config["roll_call"]["products"]["p"] = {"promote": {"admit": ["lane.extra"]}}
    bundles.write(folder, {}, config)
    asked = load_bundle([folder])
    assert "lane.extra" in asked.roll_call("promote", "admit", "d", "p")
    assert "lane.extra" not in asked.roll_call("promote", "admit", "d", "another")
    assert asked.asked == asked.modules


def test_an_optional_rule_of_the_floor_is_asked_all_the_same(folder: Path) -> None:
    config = config_with("roll_call.optional", ["confirm.outcome_passed"])
    config["roll_call"]["base"]["promote"]["confirm"].remove("confirm.outcome_passed")
    bundles.write(folder, {}, config)
    assert "confirm.outcome_passed has to be asked" in refusal(folder)


# -- further folders


def test_a_further_folder_adds_rules_and_entries(folder: Path, tmp_path: Path) -> None:
    further = bundles.further(
        tmp_path / "further", ["lane.more"], {"waivable": ["lane.more"], "products": {"p": PRODUCT}}
    )
    bundle = load_bundle([folder, further])
    assert "lane.more" in bundle.roll_call("promote", "admit", "d", "p")
    assert bundle.config["waivable"] == ["lane.not_bypassed", "lane.more"]
    assert bundle.config["products"] == {"p": PRODUCT}


def test_a_further_folder_may_be_without_configuration(folder: Path, tmp_path: Path) -> None:
    further = bundles.write(tmp_path / "further", {"gate/lib/a.rego": "package gate.lib.a\n\nf(x) := x\n"})
    assert load_bundle([folder, further])


@pytest.mark.parametrize("path", [bundles.path_of("lane.settled"), DECISION_PATH, "gate/small_test.rego"])
def test_a_further_folder_cannot_replace_a_file(folder: Path, tmp_path: Path, path: str) -> None:
    further = bundles.write(tmp_path / "further", {path: (folder / path).read_text()})
    assert refusal(folder, further).startswith(f"{further}/{path}:1: {folder}/{path} is there already")


# -- what came first can be tightened, and nothing else

SLOW = {"drivers": {"slow": {"settle_s": 60}}}


def with_product(folder: Path, further: Path, added: dict[str, Any]) -> tuple[Path, Path]:
    """The small bundle, with the product P and the driver `slow`, and a further folder."""
    bundles.write(folder, {}, bundles.config() | {"products": {"p": PRODUCT}} | SLOW)
    return folder, bundles.write(further, {CONFIG: json.dumps(added, indent=1)})


@pytest.mark.parametrize(
    ("added", "place", "says", "line"),
    [
        *(
            ({"thresholds": {name: value}}, f"thresholds.{name}", "is looser than", 3)
            for name, value in [
                ("source_fresh_s", 61),
                ("observed_s", 61),
                ("health_s", 10**9),
                ("backup_s", 3601),
                ("waiver_max_s", 3601),
                ("settle_s", 14),
            ]
        ),
        (
            {"products": {"p": {"thresholds": {"source_soak_s": 599}}}},
            "products.p.thresholds.source_soak_s",
            "599 is looser than 600",
            5,
        ),
        (
            {"products": {"p": {"thresholds": {"health_s": 61}}}},
            "products.p.thresholds.health_s",
            "61 is looser than 60",
            5,
        ),
        (
            {"products": {"q": {"thresholds": {"health_s": 10**9}}}},
            "products.q.thresholds.health_s",
            "1000000000 is looser than 60",
            5,
        ),
        (
            {"products": {"q": {"backup": {"prod": {"max_age_s": 3601}}}}},
            "products.q.backup.prod.max_age_s",
            "3601 is looser than 3600",
            6,
        ),
        (
            {"products": {"p": {"backup": {"prod": {"max_age_s": 3001}}}}},
            "products.p.backup.prod.max_age_s",
            "3001 is looser than 3000",
            6,
        ),
        ({"drivers": {"slow": {"settle_s": 59}}}, "drivers.slow.settle_s", "59 is looser than 60", 4),
        ({"waivable": ["lane.not_bypassed"]}, "waivable", "is there already", 3),
        ({"roll_call": {"optional": ["lane.settled"]}}, "roll_call.optional", "is no rule of this folder", 4),
        (
            {"products": {"q": {"thresholds": {"settle_s": 14}}}},
            "products.q.thresholds.settle_s",
            "14 is looser than 15",
            5,
        ),
        ({"waivable": ["lane.settled"]}, "waivable", "lane.settled is no rule of this folder", 3),
        (
            {"roll_call": {"base": {"promote": {"admit": ["lane.settled"]}}}},
            "roll_call.base.promote.admit",
            "lane.settled is there already",
            6,
        ),
        *(
            ({"products": {"p": {part: decided}}}, f"products.p.{part}", "who introduces a product decides that", 4)
            for part, decided in [
                ("paths", [{"from": "dev", "to": "prod"}]),
                ("branches", ["main", "next"]),
                ("actors", {"prod": [{"subject": "anybody", "verified_by": None}]}),
                ("actors", {"testing": [{"subject": "anybody", "verified_by": None}]}),
                ("windows", {"testing": PRODUCT["windows"]["prod"]}),
                ("by_word", ["lane.not_bypassed"]),
            ]
        ),
    ],
)
def test_a_further_folder_cannot_loosen_or_decide_again(
    folder: Path, tmp_path: Path, added: dict[str, Any], place: str, *, says: str, line: int
) -> None:
    first, further = with_product(folder, tmp_path / "further", added)
    with pytest.raises(BadForm) as refused:
        load_bundle([first, further])
    found = [one for one in refused.value.findings if one.message.startswith(f"{place}: ")]
    assert [(one.file, one.line) for one in found] == [(f"{further}/{CONFIG}", line)]
    assert says in found[0].message and found[0].remedy


def test_neither_can_one_that_comes_before_the_folder_of_the_product(folder: Path, tmp_path: Path) -> None:
    """Seen: thresholds of a product alone, in a second folder, let proof through that was an hour old."""
    loose = bundles.write(tmp_path / "loose", {}, {"products": {"p": {"thresholds": {"health_s": 10**9}}}})
    own = bundles.write(tmp_path / "own", {}, {"products": {"p": PRODUCT}})
    for order in ([folder, own, loose], [folder, loose, own]):
        assert f"{loose}/{CONFIG}:1: products.p.thresholds.health_s: 1000000000 is looser" in refusal(*order)


def test_actors_come_from_the_folder_that_introduces_the_product(folder: Path, tmp_path: Path) -> None:
    """Seen: a folder named actors for a lane that listed none."""
    paths = bundles.write(tmp_path / "1", {}, {"products": {"p": {"paths": PRODUCT["paths"]}}})
    actors = bundles.write(tmp_path / "2", {}, {"products": {"p": {"actors": PRODUCT["actors"]}}})
    said = refusal(folder, paths, actors)
    assert f"{actors}/{CONFIG}:1: products.p.actors: decided already, by {paths}/{CONFIG}" in said
    assert f"{paths}/{CONFIG}:1: products.p.paths: decided already, by {actors}/{CONFIG}" in refusal(
        folder, actors, paths
    )


def test_a_folder_lets_no_rule_but_its_own_be_waived(folder: Path, tmp_path: Path) -> None:
    """Seen: a folder made the shipped rule `backup.present` waivable."""
    own = bundles.further(tmp_path / "own", ["lane.more"])
    other = bundles.write(tmp_path / "other", {}, {"waivable": ["lane.more"]})
    assert f"{other}/{CONFIG}:1: waivable: lane.more is no rule of this folder" in refusal(folder, own, other)
    bundles.further(tmp_path / "own", ["lane.more"], {"waivable": ["lane.more"]})
    assert load_bundle([folder, own]).config["waivable"] == ["lane.not_bypassed", "lane.more"]


def test_what_is_tighter_counts_whoever_says_it(folder: Path, tmp_path: Path) -> None:
    added: dict[str, Any] = {
        "thresholds": {"health_s": 30, "health_matches": 3, "settle_s": 20, "waiver_max_s": 60},
        "products": {
            "p": {"thresholds": {"source_soak_s": 601, "settle_s": 25}, "backup": {"prod": {"max_age_s": 1800}}},
        },
        "drivers": {"slow": {"settle_s": 61}, "new": {"settle_s": 0}},
    }
    bundle = load_bundle(with_product(folder, tmp_path / "further", added))
    assert bundle.config["thresholds"] == {**bundles.THRESHOLDS, **added["thresholds"]}
    assert bundle.config["products"]["p"] == PRODUCT | {
        "thresholds": {"source_soak_s": 601, "settle_s": 25},
        "backup": {"prod": {"max_age_s": 1800}},
    }
    assert bundle.config["drivers"] == {"slow": {"settle_s": 61}, "new": {"settle_s": 0}}
    assert {change.file for change in bundle.changes} == {f"{tmp_path}/further/{CONFIG}"}
    assert [change.what for change in bundle.changes] == [
        "health_s 60 -> 30 for all products",
        "health_matches 1 -> 3 for all products",
        "settle_s 15 -> 20 for all products",
        "waiver_max_s 3600 -> 60 for all products",
        "settle_s 60 -> 61 for the driver slow",
        "introduces the driver new",
        "settle_s 0 for the driver new",
        "source_soak_s 600 -> 601 for p",
        "settle_s 25 for p",
        "age of a backup 3000 -> 1800 for p/prod",
    ]


def test_what_a_later_folder_tightens_for_all_counts_for_each_product(folder: Path, tmp_path: Path) -> None:
    own = {"products": {"p": {"thresholds": {"health_s": 50}, "backup": {"prod": {"max_age_s": 3000}, "testing": {}}}}}
    first = bundles.write(tmp_path / "1", {}, own)
    later = bundles.write(tmp_path / "2", {}, {"thresholds": {"health_s": 30, "backup_s": 60, "health_matches": 2}})
    bundle = load_bundle([folder, first, later])
    assert bundle.config["products"]["p"] == {
        "thresholds": {"health_s": 30},
        "backup": {"prod": {"max_age_s": 60}, "testing": {}},
    }
    assert bundle.settings.thresholds_of("p")["health_s"] == 30


def test_what_a_folder_changes_is_told_in_words(folder: Path, tmp_path: Path) -> None:
    added: dict[str, Any] = {
        "roll_call": {
            "drivers": {"slow": {"deploy": {"admit": ["lane.more"]}}},
            "products": {"p": {"deploy": {"admit": ["lane.more"]}}},
        },
        "products": {"p": {**PRODUCT, "by_word": ["lane.more"]}},
        "waivable": ["lane.more"],
    }
    further = bundles.further(tmp_path / "further", ["lane.more"])
    added["roll_call"]["base"] = {"promote": {"admit": ["lane.more"]}}
    bundles.write(further, {}, added)
    assert [change.what for change in load_bundle([folder, further]).changes] == [
        "adds rule lane.more to promote/admit",
        "adds rule lane.more to deploy/admit of the driver slow",
        "adds rule lane.more to deploy/admit of p",
        "lets lane.more be waived",
        "introduces the product p",
        "lets a waiver of lane.more count by word for p",
        "source_soak_s 0 -> 600 for p",
        "wants a backup of p/prod",
        "age of a backup 3600 -> 3000 for p/prod",
    ]


def test_a_further_folder_may_say_the_same_again(folder: Path, tmp_path: Path) -> None:
    further = bundles.write(tmp_path / "further", {}, {"thresholds": {"health_s": 60}})
    again = load_bundle([folder, further])
    assert again.revision == load_bundle([folder]).revision
    assert again.changes == ()


# -- whose fault it is


def test_a_fault_is_told_of_the_file_and_line_that_says_it(folder: Path, tmp_path: Path) -> None:
    """Seen: the shipped configuration was blamed for a rule that an author's names and nobody wrote."""
    asked = {"roll_call": {"base": {"promote": {"admit": ["lane.more", "lane.none"]}}}}
    further = bundles.further(tmp_path / "further", ["lane.more", "lane.idle"])
    bundles.write(further, {CONFIG: json.dumps(asked, indent=1)})
    with pytest.raises(BadForm) as refused:
        load_bundle([folder, further])
    assert [(one.file, one.line, one.message) for one in refused.value.findings] == [
        (f"{further}/{CONFIG}", 7, "roll_call.base.promote.admit: no rule has the code lane.none"),
        (f"{further}/gate/rules/lane/idle.rego", 1, "the rule lane.idle is on no roll call"),
    ]


def test_json_that_is_none_is_told_with_its_line(folder: Path, tmp_path: Path) -> None:
    further = bundles.write(tmp_path / "further", {CONFIG: '{\n "thresholds": {\n  "health_s" 60\n }\n}\n'})
    assert refusal(folder, further).startswith(f"{further}/{CONFIG}:3: is not JSON")
    (further / CONFIG).write_text('{\n "thresholds": {\n  "health_s": 60,\n  "health_s": 60\n }\n}\n')
    assert refusal(folder, further).startswith(f"{further}/{CONFIG}:4: has the key 'health_s' twice")


# -- tests


def test_a_rule_has_a_test_that_names_it(folder: Path, tmp_path: Path) -> None:
    further = bundles.further(tmp_path / "further", ["lane.more"])
    beside = further / "gate" / "rules" / "lane" / "more_test.rego"
    for text in (None, "package gate_test.more\n\nnames(_) := data.gate.rules.lane.more.satisfied\n", "other"):
        beside.unlink(missing_ok=True)
        if text == "other":
            bundles.write(further, {"gate/other_test.rego": bundles.a_test("lane.more_or_less")})
        elif text:
            beside.write_text(text)
        with pytest.raises(BadForm) as refused:
            load_bundle([folder, further])
        [finding] = refused.value.findings
        assert (finding.file, finding.line) == (f"{further}/{bundles.path_of('lane.more')}", 5)
        assert finding.message == "no test asks this rule" and str(beside) in finding.remedy


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gate/rules/lane/more_test.rego", "package gate.rules.lane.more\n\nsatisfied if true\n"),
        ("gate/rules/lane/more_test.rego", "package gate.rules.lane.more_test\n\nsatisfied if true\n"),
        ("gate/lib/more_test.rego", "package gate.lib.more\n\nf(x) := x\n"),
        ("gate/more_test.rego", "package config\n\nwaivable := [`lane.settled`]\n"),
        ("gate/more_test.rego", "package config.products\n\np := {}\n"),
        ("gate/rules/lane/more.rego", 'package gate.rules["lane.more"]\n\nsatisfied if true\n'),
        ("gate/rules/lane/more.rego", 'package gate.rules.lane["more"]\n\nsatisfied if true\n'),
        ("gate/rules/lane/more.rego", 'package gate["rules"].lane.more\n\nsatisfied if true\n'),
        ("gate/more_test.rego", 'package gate_test["more.more"]\n\ntest_it if true\n'),
    ],
)
def test_neither_a_test_nor_a_name_in_brackets_defines_what_is_tested(
    folder: Path, tmp_path: Path, path: str, text: str
) -> None:
    further = bundles.write(tmp_path / "further", {path: text}, tested=False)
    with pytest.raises(BadForm) as refused:
        load_bundle([folder, further])
    assert {(one.file, one.line) for one in refused.value.findings} >= {(f"{further}/{path}", 1)}
