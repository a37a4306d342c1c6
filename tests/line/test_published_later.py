"""What is published is ours, on a real plugin and a GitHub: and what was left unpublished is finished later, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.errors import Stale
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.lanes import standing
from launchplane_gate.model import Actor, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.report.run import publication_text, release_text
from launchplane_gate.report.text import Block
from launchplane_gate.runs import read_run
from launchplane_gate.ways import Way, ways_on
from launchplane_gate_github import GitHubPlugin
from tests.conftest import ACTOR, APPROVER, PRODUCT, PROFILE, A, B, MakeGate, deploy, promote
from tests.fakes.github import FakeGitHub, Repository
from tests.fakes.platform import FakeHealth, FakePlatform

pytestmark = (
    pytest.mark.thorough
)  # each publishes on the fake GitHub; tests/line/test_publishing has the part of the line

DRAFT, TAG, PUBLISH = "POST */releases", "POST */git/refs", "PATCH */releases/*"
V1, V2 = "v0.0.1", "v0.0.2"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as github:
        yield github
        assert github.violations == []
        assert github.pending() == []


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    """0.0.1 is out on B, which A came after."""
    shop = github.add_repository(PROFILE.repository)
    shop.commit("Sell outboards", sha=B.source_git_ref)
    shop.commit("Show prices with tax", sha=A.source_git_ref)
    shop.release(V1, B.source_git_ref)
    return shop


def plugin(github: FakeGitHub, folder: Path, kind: Any = "personal") -> GitHubPlugin:
    token = SecretStr(github.add_token({PROFILE.repository: {"contents": "write"}}, kind=kind))
    table = {
        "base_url": github.url,
        "token": token,
        "release_identity": {"token": token},
        "products": {PRODUCT: {}},
    }
    return GitHubPlugin(PluginConfig("github", table, {}, folder, folder, lambda: datetime.now(UTC)))


@pytest.fixture
def gate(
    make_gate: MakeGate, platform: FakePlatform, github: FakeGitHub, shop: Repository, tmp_path: Path
) -> Iterator[Gate]:
    made = plugin(github, tmp_path)
    gate = make_gate(plugins=Plugins({"fake": platform, "health": FakeHealth(platform), "github": made}))
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    yield gate
    assert gate.ledger.verify().wrong == ()


def is_published(run: Run) -> bool:
    assert run.publication
    return run.publication.published


def out(shop: Repository) -> list[tuple[str, bool]]:
    return [(one.tag_name, one.draft) for one in shop.releases]


def at(shop: Repository) -> dict[str, str]:
    return {ref.removeprefix("refs/tags/"): sha for ref, sha in shop.refs.items() if ref.startswith("refs/tags/")}


def told(text: list[Block]) -> str:
    return "\n".join(map(str, text))


# -- ours


@pytest.mark.parametrize("prerelease", [True, False])
def test_the_release_of_somebody_on_the_promoted_commit_is_refused_before_the_deploy(
    gate: Gate, shop: Repository, platform: FakePlatform, prerelease: bool
) -> None:
    """Seen: it counted as ours, "published v3.0.0", and the latest stayed what it was."""
    shop.release("v3.0.0", A.source_git_ref, prerelease=prerelease, make_latest="false")
    deploys = list(platform.deploys)
    run = gate.run(promote(version="v3.0.0"), ACTOR)
    assert run.status == "denied" and run.admitted and platform.deploys == deploys
    (refusal,) = run.admitted.refusals
    what = "is a pre-release by somebody" if prerelease else "is published, by somebody, and no run"
    assert refusal.code == "release.version_free" and what in refusal.message


@pytest.mark.parametrize("prerelease", [True, False])
def test_what_somebody_publishes_after_the_deploy_is_never_told_as_published(
    gate: Gate, shop: Repository, github: FakeGitHub, prerelease: bool
) -> None:
    github.before_next(TAG, lambda: shop.release(V2, A.source_git_ref, prerelease=prerelease))
    run = gate.run(promote(version=V2), ACTOR)
    assert run.status == "recorded" and run.publication and not run.publication.published
    kind = "a pre-release" if prerelease else "a release"
    assert f"is {kind} by somebody, which no run of this version made" in run.publication.detail
    assert not is_published(gate.publish(run.run_id, ACTOR))

    said = told(publication_text(run))
    assert "once that release is deleted" in said and f"publish {run.run_id}" in said and "--bump" not in said
    assert gate.run(promote(A, bump="patch"), ACTOR).status == "denied"  # which is why no other way is named
    shop.releases.delete(next(one for one in shop.releases if one.author == "somebody" and one.tag_name == V2))
    assert is_published(gate.publish(run.run_id, ACTOR))
    assert out(shop) == [(V1, False), (V2, False)]


def test_where_it_can_never_be_finished_only_the_way_that_works_is_named(
    gate: Gate, shop: Repository, github: FakeGitHub
) -> None:
    github.before_next(TAG, lambda: shop.tag(V2, B.source_git_ref))
    run = gate.run(promote(version=V2), ACTOR)
    assert run.publication and run.publication.never and len(run.publication.drafts) == 1
    said = told(publication_text(run))
    assert f"publish {run.run_id}" not in said and run.publication.drafts[0] in said
    assert f"promote {PRODUCT} --from testing --to prod --ref {A.source_git_ref} --bump patch" in said
    again = gate.run(promote(A, bump="patch"), ACTOR)
    assert again.status == "unchanged" and is_published(again)
    assert at(shop)["v0.0.3"] == A.source_git_ref


def test_who_published_stands_in_the_journal_before_anything_is_made(
    gate: Gate, shop: Repository, github: FakeGitHub
) -> None:
    noted: list[Any] = []
    github.before_next(DRAFT, lambda: noted.extend(gate.ledger.entries(kinds=["publishing"])))
    run = gate.run(promote(version=V2), ACTOR)
    assert [entry.body["author"] for entry in noted] == ["octo-author"]
    assert run.publication and (run.publication.authors, run.publication.author) == (("octo-author",), "octo-author")
    assert (run.publication.latest, run.publication.prerelease) == (V2, False)
    assert read_run(gate.ledger, run.run_id) == run
    assert gate.run(promote(version=V2), ACTOR).status == "unchanged"  # it is ours


def test_a_release_whose_author_changed_is_not_ours_any_more(gate: Gate, shop: Repository) -> None:
    run = gate.run(promote(version=V2), ACTOR)
    shop.releases[-1].author = "mallory"
    again = gate.publish(run.run_id, ACTOR)
    assert again.publication and not again.publication.published
    assert f"the mark of {run.run_id} by mallory, where the journal noted octo-author" in again.publication.detail
    refused = gate.run(promote(version=V2), ACTOR)
    assert refused.status == "denied" and refused.admitted
    assert "by mallory, and no run" in refused.admitted.refusals[0].message


def test_a_copied_mark_makes_nothing_ours(gate: Gate, shop: Repository, github: FakeGitHub) -> None:
    github.break_next(PUBLISH, "drop_before")
    run = gate.run(promote(version=V2), ACTOR)
    (draft,) = [one for one in shop.releases if one.draft]
    shop.release(V2, notes=draft.body or "", author="mallory")
    ended = gate.publish(run.run_id, ACTOR).publication
    assert ended and not ended.published and "by mallory" in ended.detail
    assert len(ended.drafts) == 1


def test_a_release_that_was_made_a_pre_release_is_told_and_ours_again_once_it_is_full(
    gate: Gate, shop: Repository
) -> None:
    run = gate.run(promote(version=V2), ACTOR)
    shop.releases[-1].prerelease = True
    ended = gate.publish(run.run_id, ACTOR).publication
    assert ended and not ended.published and not ended.never and "made a pre-release" in ended.detail
    shop.releases[-1].prerelease = False
    assert is_published(gate.publish(run.run_id, ACTOR))


@pytest.mark.parametrize("commit", [A.source_git_ref, B.source_git_ref])
def test_versions_that_differ_only_in_a_v_are_one(gate: Gate, shop: Repository, commit: str) -> None:
    shop.tag("0.0.2", commit)
    run = gate.run(promote(version=V2), ACTOR)
    assert run.status == "denied" and run.admitted
    assert [refusal.code for refusal in run.admitted.refusals] == ["release.version_free"]
    assert "is called 0.0.2" in run.admitted.refusals[0].message
    if commit == A.source_git_ref:
        assert is_published(gate.run(promote(version="0.0.2"), ACTOR))
        assert gate.run(promote(version=V2), ACTOR).status == "denied"


def test_a_version_that_comes_to_be_spelt_otherwise_is_finished_as_it_is_spelt(
    gate: Gate, shop: Repository, github: FakeGitHub
) -> None:
    github.before_next(DRAFT, lambda: shop.tag("0.0.2", A.source_git_ref))
    run = gate.run(promote(version=V2), ACTOR)
    assert run.publication and (run.publication.never, run.publication.instead) == (True, "0.0.2")
    assert "--version 0.0.2" in told(publication_text(run))
    again = gate.run(promote(A, version="0.0.2"), ACTOR)
    assert is_published(again) and set(at(shop)) == {V1, "0.0.2"}


# -- finished later


@pytest.mark.parametrize("step", [DRAFT, TAG, PUBLISH])
@pytest.mark.parametrize("asks", [{"bump": "patch"}, {"version": V2}])
def test_the_natural_repeat_takes_what_the_first_left(
    gate: Gate, shop: Repository, github: FakeGitHub, step: str, asks: dict[str, Any]
) -> None:
    """Seen: after exit 6 the re-run in CI published v0.0.3, and left v0.0.2 a tag and a draft."""
    github.break_next(step, "drop_before")
    first = gate.run(promote(**asks), ACTOR)
    assert first.status == "recorded" and not is_published(first)
    again = gate.run(promote(**asks), APPROVER)  # by whoever may
    assert again.status == "unchanged" and is_published(again)
    assert out(shop) == [(V1, False), (V2, False)]
    assert at(shop) == {V1: B.source_git_ref, V2: A.source_git_ref}
    assert again.publication and again.publication.drafts == ()
    assert is_published(gate.publish(first.run_id, ACTOR))  # and the first finds it done
    assert github.visits(PUBLISH) == (2 if step == PUBLISH else 1)


@pytest.mark.parametrize("redeploy", [False, True])
@pytest.mark.parametrize("who", [ACTOR, APPROVER])
def test_a_second_promotion_of_the_same_release_leaves_the_first_to_be_finished(
    gate: Gate, shop: Repository, github: FakeGitHub, redeploy: bool, who: Actor
) -> None:
    """Seen: it made `publish RUN` refuse for ever."""
    github.break_next(PUBLISH, "drop_before")
    first = gate.run(promote(version=V2), ACTOR)
    second = gate.run(promote(redeploy=redeploy), ACTOR)
    assert second.status == ("recorded" if redeploy else "unchanged")
    assert is_published(gate.publish(first.run_id, who))
    assert out(shop) == [(V1, False), (V2, False)]


def test_what_is_out_under_another_version_is_not_published_once_more(
    gate: Gate, shop: Repository, github: FakeGitHub
) -> None:
    github.before_next(DRAFT, lambda: shop.tag(V2, B.source_git_ref))
    first = gate.run(promote(version=V2), ACTOR)
    assert first.publication and first.publication.never
    second = gate.run(promote(A, bump="patch"), ACTOR)
    assert is_published(second) and second.publication and second.publication.version == "v0.0.3"
    shop.tag(V2, A.source_git_ref)
    with pytest.raises(Stale, match=r"is out as v0\.0\.3") as over:
        gate.publish(first.run_id, ACTOR)
    assert "publish" not in over.value.hint.replace("Nothing was published", "").replace("will be", "")
    assert (V2, False) not in out(shop)


def ways_of(gate: Gate, run: Run) -> tuple[Way, ...]:
    return ways_on(standing(gate, gate.profile(run.product), run.destination), run)


def test_a_draft_of_ours_that_is_given_up_is_told(gate: Gate, shop: Repository, github: FakeGitHub) -> None:
    github.break_next(TAG, "drop_before")
    first = gate.run(promote(version=V2), ACTOR)
    assert first.publication and len(first.publication.drafts) == 1
    draft = first.publication.drafts[0]
    later = read_run(gate.ledger, first.run_id)
    assert [way.command for way in ways_of(gate, later)] == [f"launchplane-gate publish {first.run_id}"]
    gate.run(deploy(B), ACTOR)
    assert gate.run(promote(B), ACTOR).status == "denied"  # backwards
    shop.commit("More", sha=(newest := "c" * 40))
    newer = B.model_copy(update={"source_git_ref": newest, "artifact_id": B.artifact_id.replace("b" * 64, "c" * 64)})
    gate.run(deploy(newer), ACTOR)
    assert gate.run(promote(), ACTOR).status == "recorded"
    with pytest.raises(Stale, match="runs ccccccc now") as over:
        gate.publish(first.run_id, ACTOR)
    assert draft in over.value.hint and "Promote what is to be released" in over.value.hint
    later = read_run(gate.ledger, first.run_id)
    assert draft in told(release_text(later, str(over.value))) and ways_of(gate, later) == ()


def test_a_token_that_does_not_tell_its_name_publishes_and_finds_its_own(
    make_gate: MakeGate, platform: FakePlatform, github: FakeGitHub, shop: Repository, tmp_path: Path
) -> None:
    plugins = {"fake": platform, "health": FakeHealth(platform), "github": plugin(github, tmp_path, "actions")}
    gate = make_gate(plugins=Plugins(plugins))
    gate.run(deploy(A), ACTOR)
    github.break_next(TAG, "drop_before")
    first = gate.run(promote(version=V2), ACTOR)
    assert first.publication and first.publication.authors == ("octo-author",)  # as its draft shows
    assert is_published(gate.run(promote(version=V2), ACTOR))
    assert out(shop) == [(V1, False), (V2, False)]
    assert gate.run(promote(version=V2), ACTOR).status == "unchanged"


def test_nothing_is_made_where_it_is_not_known_as_whom(gate: Gate, shop: Repository, github: FakeGitHub) -> None:
    run = gate.run(promote(version=V2), ACTOR)
    assert is_published(run)
    writes = [one for one in github.requests if one.method != "GET"]
    github.break_next("GET /user", "401")
    ended = gate.publish(run.run_id, ACTOR).publication
    assert ended and not ended.published and "401" in ended.detail
    assert [one for one in github.requests if one.method != "GET"] == writes
