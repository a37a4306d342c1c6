"""Releases on GitHub: out on the promoted commit, or it is said what is missing; nothing is ever moved or deleted."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any

import pytest

from launchplane_gate.errors import EvidenceFailed, SettingsError
from launchplane_gate.model import (
    Actor,
    Bump,
    Publication,
    ReleaseIdentity,
    RuleResult,
    Waiver,
    WaiverApproval,
)
from launchplane_gate_github.notes import Changes, marker, marks, notes, plain
from launchplane_gate_github.versions import following, latest
from tests.fakes.github import FakeGitHub, How, Repository
from tests.fakes.github.stage import FIRST, SECOND
from tests.plugins.github.desk import (
    ARTIFACT,
    DRAFT,
    NOW,
    PROD,
    PUBLISH,
    SHOP,
    TAG,
    US,
    Desk,
    V,
    decision,
    drafts,
    left,
    out,
    profile,
    recorded,
)

# -- the straight way


def test_a_release_is_drafted_tagged_and_published_on_the_promoted_commit(desk: Desk, shop: Repository) -> None:
    ended = desk.publish()
    url = f"https://github.com/acme/shop/releases/tag/{V}"
    assert ended == Publication(version=V, published=True, url=url, author=US, prerelease=False, latest=V)
    assert out(shop) == [SECOND]
    assert [line.rpartition("/")[0] for line in desk.writes()] == [
        f"POST {SHOP}",
        f"POST {SHOP}/git",
        f"PATCH {SHOP}/releases",
    ]
    assert desk.github.visits(f"GET {SHOP}/releases/tags/*") == 3  # a list may come late: ours is asked for by number
    made = shop.releases.latest()
    assert made and (made.tag_name, made.target_commitish, made.name, made.prerelease) == (V, SECOND, V, False)


def test_it_can_be_asked_for_any_number_of_times_and_is_done_once(desk: Desk, shop: Repository) -> None:
    first = desk.publish()
    writes = desk.writes()
    assert [desk.publish() for _ in range(2)] == [first, first]
    assert (desk.writes(), out(shop)) == (writes, [SECOND])


@pytest.mark.parametrize("annotated", [False, True])
def test_a_tag_that_is_on_the_commit_already_is_completed(desk: Desk, shop: Repository, annotated: bool) -> None:
    points_at = shop.tag(V, SECOND, annotated=annotated)
    assert desk.publish().published
    assert (out(shop), desk.github.visits(TAG)) == ([points_at], 0)


@pytest.mark.parametrize("annotated", [False, True])
@pytest.mark.parametrize("released", [False, True])
def test_a_tag_on_another_commit_is_told_and_never_moved(
    desk: Desk, shop: Repository, annotated: bool, released: bool
) -> None:
    shop.tag(V, FIRST, annotated=annotated)
    if released:
        shop.release(V)
    before = shop.refs
    ended = desk.publish()
    assert not ended.published
    assert f"the tag {V} is on {FIRST[:7]}" in ended.detail and "another version" in ended.detail
    assert ("is published" in ended.detail) == released
    assert (desk.writes(), shop.refs) == ([], before)


def test_the_release_of_an_older_line_does_not_become_the_latest(desk: Desk, shop: Repository) -> None:
    newest = shop.release("v1.0.0", FIRST)
    shop.release("v9.0.0", FIRST, prerelease=True)
    assert desk.publish().published
    assert shop.releases.latest() is newest
    assert desk.publish(recorded("v1.0.1", run_id="r-2")).published
    assert (latest_of := shop.releases.latest()) and latest_of.tag_name == "v1.0.1"


def test_a_commit_that_was_never_pushed_cannot_be_released(desk: Desk, shop: Repository) -> None:
    ended = desk.publish(recorded(commit="9" * 40))
    assert not ended.published and "push it" in ended.detail
    assert f"refs/tags/{V}" not in shop.refs


@pytest.mark.parametrize("commit", ["main", SECOND[:7], SECOND.upper(), f"refs/heads/{SECOND}"])
def test_only_a_whole_commit_is_released(desk: Desk, commit: str) -> None:
    assert "not the whole id" in desk.publish(recorded(commit=commit)).detail
    assert desk.github.requests == []


# -- drafts


def test_a_leftover_draft_of_this_run_is_taken_over(desk: Desk, shop: Repository) -> None:
    draft = left(shop)
    assert desk.publish().published
    assert (out(shop), desk.github.visits(DRAFT), draft.draft) == ([SECOND], 0, False)


@pytest.mark.parametrize("body", ["a person's", marker("r-2"), f"as in `{marker('r-1')}`", ""])
def test_the_draft_of_somebody_else_is_left_alone_and_told(desk: Desk, shop: Repository, body: str) -> None:
    other = shop.release(V, FIRST, draft=True, notes=body)
    ended = desk.publish()
    assert ended.published and "by others" in ended.detail
    assert "not ours" in "".join(desk.said)
    assert (out(shop), other.draft, other.body) == ([SECOND], True, body)


def test_of_several_drafts_of_this_run_one_is_published_and_none_deleted(desk: Desk, shop: Repository) -> None:
    first, second = (left(shop) for _ in range(2))
    ended = desk.publish()
    assert ended.published and [url.rpartition("-")[2] for url in ended.drafts] == [f"{second.release_id:020x}"]
    assert (first.draft, second.draft, out(shop)) == (False, True, [SECOND])
    assert desk.publish() == ended


def test_a_draft_that_was_changed_meanwhile_is_not_published(desk: Desk, shop: Repository) -> None:
    left(shop, commit=FIRST)
    ended = desk.publish()
    assert not ended.published and "was changed" in ended.detail and "delete that draft" in ended.detail
    assert (desk.writes(), f"refs/tags/{V}" in shop.refs) == ([], False)


def test_a_draft_that_vanishes_is_not_made_again_in_one_go(desk: Desk, shop: Repository, github: FakeGitHub) -> None:
    github.before_next(PUBLISH, lambda: shop.releases.delete(shop.releases[-1]))
    assert not desk.publish().published
    assert github.visits(DRAFT) == 1
    assert desk.publish().published
    assert out(shop) == [SECOND]


def test_an_immutable_release_of_somebody_takes_its_version_for_good(desk: Desk, shop: Repository) -> None:
    shop.immutable_releases = True
    shop.release(V, SECOND)
    ended = desk.publish()
    assert not ended.published and ended.never and "delete that release and its tag" in ended.detail


def test_a_draft_that_carries_the_mark_by_another_author_is_left_and_told(desk: Desk, shop: Repository) -> None:
    theirs = left(shop, author="mallory")
    ended = desk.publish()
    assert ended.published and "1 draft(s) of it by others" in ended.detail
    assert "with the mark of r-1 by mallory, where the journal noted" in "".join(desk.said)
    assert (theirs.draft, len(out(shop))) == (True, 1)


def test_what_an_earlier_run_of_the_version_left_is_this_ones_own(desk: Desk, shop: Repository) -> None:
    draft = left(shop, "r-0")
    shop.tag(V, SECOND)
    earlier = recorded(run_id="r-0")
    assert desk.publish(others=[earlier]).published
    assert (draft.draft, desk.github.visits(DRAFT), desk.github.visits(TAG)) == (False, 0, 0)
    assert desk.publish(others=[earlier]) == desk.publish(run=earlier)


def test_a_release_of_which_an_older_gate_noted_no_author_is_ours_if_it_saw_it(desk: Desk, shop: Repository) -> None:
    shop.release(V, SECOND, notes=marker("r-1"))
    for published in (True, False):
        before = Publication(version=V, published=published)
        assert desk.publish(recorded(publication=before)).published == published


@pytest.mark.parametrize("how", ["drop_after", "502_after"])
def test_a_draft_whose_answer_was_lost_is_known_by_its_notes_where_the_author_was_not_known(
    desk: Desk, shop: Repository, github: FakeGitHub, how: How
) -> None:
    github.break_next(DRAFT, how)
    ended = desk.publish(recorded(publication=Publication(version=V, published=False)))
    assert (ended.published, ended.author, github.visits(DRAFT)) == (True, US, 1)


def test_of_two_drafts_with_the_same_notes_nobody_knows_which_is_ours(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    def copy() -> None:
        (own,) = [one for one in shop.releases if one.draft]
        shop.release(V, SECOND, draft=True, notes=own.body or "", author="mallory")

    github.break_next(DRAFT, "drop_after")
    reads = github.visits(f"GET {SHOP}/releases")
    assert reads == 0
    github.before_next(f"GET {SHOP}/compare/*", lambda: github.before_next(f"GET {SHOP}/releases", copy))
    ended = desk.publish(recorded(publication=Publication(version=V, published=False)))
    assert (ended.published, ended.author, out(shop)) == (False, "", [])


# -- the latest


def test_the_latest_is_decided_by_what_is_out_right_before_the_last_write(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    github.before_next(TAG, lambda: shop.release("v1.0.0", FIRST))
    ended = desk.publish()
    assert (ended.published, ended.latest, ended.detail) == (True, "v1.0.0", "")
    assert (shown := shop.releases.latest()) and shown.tag_name == "v1.0.0"


def test_a_latest_that_is_not_the_highest_is_told(desk: Desk, shop: Repository, github: FakeGitHub) -> None:
    github.before_next(PUBLISH, lambda: shop.release("v1.0.0", FIRST))
    ended = desk.publish()
    assert ended.published and ended.latest == V
    assert f"GitHub shows {V} as the latest release, and v1.0.0 is the highest" in ended.detail


# -- lost answers


@pytest.mark.parametrize(
    ("step", "how"),
    [*((step, how) for step in (DRAFT, TAG, PUBLISH) for how in ("drop_after", "502_after")), (PUBLISH, "drip")],
)
def test_a_write_whose_answer_is_lost_is_not_repeated(
    desk: Desk, shop: Repository, github: FakeGitHub, step: str, how: How
) -> None:
    github.break_next(step, how)
    assert desk.publish().published
    assert [github.visits(each) for each in (DRAFT, TAG, PUBLISH)] == [1, 1, 1]
    assert (out(shop), drafts(shop)) == ([SECOND], [])


@pytest.mark.parametrize(
    ("step", "how"),
    [
        *((step, how) for step in (DRAFT, TAG, PUBLISH) for how in ("drop_before", "502", "html", "wrong_shape")),
        *zip((DRAFT, TAG, PUBLISH), ("not_json", "empty", "huge"), strict=True),
    ],
)
def test_a_write_that_came_to_nothing_is_told_and_finished_later(
    desk: Desk, shop: Repository, github: FakeGitHub, step: str, how: How
) -> None:
    github.break_next(step, how)
    ended = desk.publish()
    assert not ended.published and ended.detail.startswith("acme/shop: ")
    assert out(shop) == [] and github.visits(step) == 1
    assert desk.publish().published
    assert (out(shop), drafts(shop)) == ([SECOND], [])


@pytest.mark.parametrize("how", ["404", "wrong_shape"])
@pytest.mark.parametrize("read", [SHOP, f"{SHOP}/git/ref/*", f"{SHOP}/releases/tags/*", f"{SHOP}/releases"])
def test_a_read_that_goes_wrong_makes_nothing_wrong(
    desk: Desk, shop: Repository, github: FakeGitHub, read: str, how: How
) -> None:
    github.break_next(f"GET {read}", how)
    ended = desk.publish()
    assert ended.published or ended.detail
    assert desk.publish().published
    assert (out(shop), drafts(shop)) == ([SECOND], [])


# -- who may


def test_a_token_that_is_revoked_on_the_way_is_told_and_another_finishes(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    publisher = desk.publisher()
    for step in (DRAFT, TAG, PUBLISH):
        token = desk.token()
        github.before_next(step, lambda token=token: github.identities.revoke(token.get_secret_value()))  # type: ignore[misc]  # mypy cannot tell a default
        publisher = desk.publisher({"token": token})
        ended = desk.publish(publisher=publisher)
        assert not ended.published and "expired or revoked" in ended.detail and "release_identity" in ended.detail
        assert out(shop) == []
    assert desk.publish().published
    assert out(shop) == [SECOND]


@pytest.mark.parametrize("step", [DRAFT, TAG, PUBLISH])
def test_an_app_whose_token_ends_on_the_way_goes_on_with_another(
    desk: Desk, shop: Repository, github: FakeGitHub, step: str
) -> None:
    app, installation, identity = desk.app(contents="write")
    github.before_next(step, lambda: app.revoke_tokens(installation))
    assert desk.publish(publisher=desk.publisher(identity)).published
    assert (out(shop), drafts(shop)) == ([SECOND], [])


def test_who_may_only_read_is_told_so(desk: Desk, shop: Repository) -> None:
    ended = desk.publish(publisher=desk.publisher({"token": desk.token(permissions={"contents": "read"})}))
    assert not ended.published and "(403)" in ended.detail and "contents: write" in ended.detail
    assert (drafts(shop), out(shop)) == ([], [])
    ended = desk.publish(publisher=desk.publisher(desk.app(contents="read")[2]))
    assert not ended.published and "contents: write" in ended.detail


def test_a_commit_that_changes_workflows_takes_leave_to_do_so(desk: Desk, shop: Repository) -> None:
    commit = shop.commit("Release it otherwise", branch="ci", touches_workflows=True)
    run = recorded(commit=commit)
    ended = desk.publish(run)
    assert not ended.published and ".github/workflows" in ended.detail and "workflows: write" in ended.detail
    assert drafts(shop) == []
    ended = desk.publish(run, desk.publisher({"token": desk.token(kind="actions")}))
    assert not ended.published and "(403)" in ended.detail and "workflows: write" in ended.detail
    ended = desk.publish(run, desk.publisher(desk.app(contents="write")[2]))
    assert not ended.published and "workflows: write" in ended.detail
    assert desk.publish(run, desk.publisher(desk.app(contents="write", workflows="write")[2])).published
    assert out(shop) == [commit]
    other = recorded("v0.2.11", commit, "r-2")
    assert desk.publish(other, desk.publisher({"token": desk.token(workflows=True)})).published


def test_a_repository_that_was_renamed_is_told_with_its_new_name(desk: Desk, github: FakeGitHub) -> None:
    github.rename("acme/shop", "acme/store")
    ended = desk.publish()
    assert not ended.published and "acme/store" in ended.detail
    assert desk.writes() == []


def test_a_github_that_is_away_is_told(desk: Desk, github: FakeGitHub) -> None:
    publisher = desk.publisher()
    github.stop_serving()
    ended = desk.publish(publisher=publisher)
    assert not ended.published and "did not answer" in ended.detail
    github.start_serving()
    assert desk.publish(publisher=publisher).published


def test_a_product_without_a_repository_is_told(desk: Desk) -> None:
    ended = desk.publisher().publish(profile(repository=""), recorded(), desk.said.append)
    assert not ended.published and "OWNER/NAME" in ended.detail


# -- asked too often


@pytest.mark.parametrize(("step", "how"), [(DRAFT, "secondary_rate_limit"), (PUBLISH, "abuse_429")])
def test_a_short_wait_that_github_asks_for_is_waited(
    desk: Desk, shop: Repository, github: FakeGitHub, step: str, how: How
) -> None:
    github.break_next(step, how, retry_after_s=1)
    assert desk.publish().published
    assert "left alone for 1 s" in "".join(desk.said)
    assert (out(shop), github.visits(step)) == ([SECOND], 2)


@pytest.mark.parametrize("at", [DRAFT, TAG, PUBLISH, f"GET {SHOP}/git/ref/*"])
def test_a_long_wait_is_told_with_its_end(desk: Desk, shop: Repository, github: FakeGitHub, at: str) -> None:
    github.break_next(at, "rate_limited")
    about = datetime.now(UTC) + timedelta(seconds=1800)
    ended = desk.publish()
    ends = {f"{about + timedelta(seconds=s):%H:%M:%S} UTC" for s in range(-3, 5)}
    assert not ended.published and [end for end in ends if end in ended.detail]
    assert desk.publish().published
    assert (out(shop), drafts(shop)) == ([SECOND], [])


def test_a_limit_that_names_no_time_is_one_all_the_same(desk: Desk, github: FakeGitHub) -> None:
    github.break_next(f"GET {SHOP}/releases", "secondary_rate_limit", retry_after_s=None)
    with pytest.raises(EvidenceFailed, match="answers again at"):
        desk.publisher().next_version(profile(), "patch")


# -- others at work


def others(shop: Repository) -> dict[str, tuple[Callable[[], object], bool]]:
    """What somebody else does meanwhile, and whether the release is right in the end."""
    return {
        "the same release": (lambda: shop.release(V, SECOND), False),
        "the same release as a pre-release": (lambda: shop.release(V, SECOND, prerelease=True), False),
        "the same tag": (lambda: shop.tag(V, SECOND, annotated=True), True),
        "a release of another commit": (lambda: shop.release(V, FIRST), False),
        "a tag on another commit": (lambda: shop.tag(V, FIRST), False),
        "a draft": (lambda: shop.release(V, FIRST, draft=True), True),
    }


@pytest.mark.parametrize(
    "what",
    [
        "the same release",
        "the same release as a pre-release",
        "the same tag",
        "a release of another commit",
        "a tag on another commit",
        "a draft",
    ],
)
@pytest.mark.parametrize("step", [DRAFT, TAG])
def test_whatever_another_does_first_stays_and_is_told(
    desk: Desk, shop: Repository, github: FakeGitHub, step: str, what: str
) -> None:
    act, ends_right = others(shop)[what]
    github.before_next(step, act)
    ended = desk.publish()
    assert ended.published == ends_right
    on_another = "another commit" in what
    if not ends_right:
        assert (f"is on {FIRST[:7]}" if on_another else "by somebody, which no run of this version") in ended.detail
        assert ended.never == on_another and len(ended.drafts) == len(drafts(shop))
    assert (shop.refs[f"refs/tags/{V}"] == FIRST) == on_another
    assert len(out(shop)) == (0 if what == "a tag on another commit" else 1)  # ours never joined it there


def test_a_release_that_another_publishes_at_the_last_moment_is_not_taken_for_ours(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    github.before_next(PUBLISH, lambda: shop.release(V))
    ended = desk.publish()
    assert not ended.published and "a release by somebody" in ended.detail
    assert (out(shop), len(drafts(shop)), len(ended.drafts)) == ([SECOND], 1, 1)  # ours, which is not deleted


def test_a_tag_that_is_moved_by_force_at_the_last_moment_is_seen(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    github.before_next(PUBLISH, lambda: shop.tag(V, FIRST))
    ended = desk.publish()
    assert not ended.published and f"is on {FIRST[:7]}" in ended.detail and "is published" in ended.detail


def test_two_that_publish_one_version_at_once_make_one_release(desk: Desk, shop: Repository) -> None:
    publisher = desk.publisher()
    runs = [recorded(run_id=f"r-{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda run: publisher.publish(profile(), run, lambda _: None, others=runs), runs))
    assert [one.published for one in ended] == [True] * 4, ended
    assert out(shop) == [SECOND]


def test_a_tag_that_goes_away_at_the_last_moment_comes_back_where_it_was(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    def meddle() -> None:
        shop.delete_tag(V)
        shop.releases[-1].target_commitish = FIRST

    github.before_next(PUBLISH, meddle)
    assert desk.publish().published
    assert out(shop) == [SECOND]


def test_a_draft_that_another_publishes_as_something_else_is_told(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    github.before_next(TAG, lambda: shop.releases.update(shop.releases[-1], {"tag_name": "v7.0.0", "draft": False}))
    ended = desk.publish()
    assert not ended.published and "no release of v0.2.10" in ended.detail
    assert (out(shop), out(shop, "v7.0.0"), github.visits(PUBLISH)) == ([], [SECOND], 0)


def test_a_release_whose_tag_is_not_there_is_none(desk: Desk, shop: Repository, github: FakeGitHub) -> None:
    shop.release(V, SECOND)
    github.break_next(f"GET {SHOP}/git/ref/*", "404")
    ended = desk.publish()
    assert not ended.published and "its tag is not there" in ended.detail
    assert desk.writes() == []


# -- releases that never change


def test_an_immutable_release_is_whole_when_it_is_published(desk: Desk, shop: Repository) -> None:
    shop.immutable_releases = True
    assert desk.publish().published
    assert out(shop) == [SECOND] and shop.releases[-1].immutable


def test_a_tag_that_an_immutable_release_had_is_told_to_be_spent(desk: Desk, shop: Repository) -> None:
    shop.immutable_releases = True
    shop.releases.delete(shop.release(V, SECOND))
    shop.delete_tag(V)
    ended = desk.publish()
    assert not ended.published and "immutable" in ended.detail and "another version" in ended.detail
    assert out(shop) == []


# -- the next version


@pytest.mark.parametrize(
    ("names", "bump", "follows"),
    [
        ([], "patch", "v0.0.1"),
        ([], "minor", "v0.1.0"),
        ([], "major", "v1.0.0"),
        (["v0.2.9"], "patch", "v0.2.10"),
        (["v0.2.9", "v0.2.10"], "patch", "v0.2.11"),
        (["v0.2.9"], "minor", "v0.3.0"),
        (["v0.2.9"], "major", "v1.0.0"),
        (["1.9.9"], "patch", "1.9.10"),
        (["v1.9.9", "2.0.0"], "minor", "2.1.0"),
        (["2.0.0", "v2.0.0"], "patch", "v2.0.1"),
        (["v3.0.0-rc1", "v03.0.0", "v3", "latest", "v3.0.0.0", "v٣.0.0", "v1.0.0\n"], "patch", "v0.0.1"),
        ([f"v{'9' * 200}.0.0", "v1.0.0"], "patch", "v1.0.1"),
    ],
)
def test_a_version_follows_the_highest_by_its_numbers(names: list[str], bump: Bump, follows: str) -> None:
    assert following(latest(names), bump) == follows


def test_the_release_before_is_the_highest_below() -> None:
    assert latest(["v0.2.9", "v0.2.10", "v0.3.0"], before="v0.2.10") == "v0.2.9"
    assert latest(["v0.2.10"], before="v0.2.10") is None


def test_every_release_and_every_tag_counts_for_the_next_version(desk: Desk, shop: Repository) -> None:
    publisher = desk.publisher()
    assert publisher.next_version(profile(), "patch") == V
    shop.release("v5.0.0", FIRST, draft=True)
    assert publisher.next_version(profile(), "patch") == V  # a draft may never come to be
    shop.tag("v0.3.0", FIRST, annotated=True)
    assert publisher.next_version(profile(), "patch") == "v0.3.1"
    for number in range(230):
        shop.tag(f"v0.4.{number}", FIRST)
    assert publisher.next_version(profile(), "patch") == "v0.4.230"
    assert desk.writes() == []


def test_a_product_without_releases_begins(github: FakeGitHub, tmp_path: Path) -> None:
    github.add_repository("acme/shop").commit("First")
    desk = Desk(github, tmp_path)
    assert desk.publisher().next_version(profile(), "minor") == "v0.1.0"


@pytest.mark.parametrize("how", ["401", "404", "wrong_shape", "rate_limited"])
@pytest.mark.parametrize("read", [SHOP, f"{SHOP}/releases", f"{SHOP}/tags"])
def test_a_version_is_not_guessed(desk: Desk, github: FakeGitHub, read: str, how: How) -> None:
    publisher = desk.publisher()
    github.break_next(f"GET {read}", how)
    with pytest.raises(EvidenceFailed, match="acme/shop") as error:
        publisher.next_version(profile(), "patch")
    assert desk.secrets[0] not in str(error.value) and "Nothing was deployed" in error.value.hint


def test_only_named_products_are_published_and_only_as_somebody(desk: Desk) -> None:
    assert desk.publisher().publishes(profile())
    assert not desk.publisher().publishes(profile("other"))
    assert not desk.publisher(release_identity=None).publishes(profile())
    assert desk.github.requests == []


# -- notes


def waiver(code: str, reason: str = "the vendor is slow") -> Waiver:
    return Waiver(
        waiver_id=f"w-{code}",
        code=code,
        lane=PROD,
        release=ReleaseIdentity(artifact_id=ARTIFACT, source_git_ref=SECOND),
        reason=reason,
        requested_by=Actor(subject="bob@example.org"),
        requested_at=NOW,
        expires_at=NOW + timedelta(days=1),
        approval=WaiverApproval(by=Actor(subject="ann@example.org"), how="word", at=NOW),
    )


def waived(code: str) -> RuleResult:
    return RuleResult(code=code, status="waived", title="", message="", remedy="", waiver_id=f"w-{code}")


def test_the_notes_say_what_was_promoted(desk: Desk, shop: Repository) -> None:
    used = waiver("release.soaked")
    admitted = decision("admit", waived("release.soaked"), waivers=(used,))
    confirmed = decision("confirm", waived("release.soaked"), waived("confirm.fresh"), waivers=(used,))
    assert desk.publish(recorded(admitted=admitted, confirmed=confirmed)).published
    body = shop.releases[-1].body or ""
    for told in (
        f"shop {V} is what testing ran, promoted by `repo:acme/shop:ref:refs/heads/main`.",
        f"Since v0.2.9:\n\n- {SECOND[:7]} Show prices with tax\n",
        f"- commit {SECOND}\n- artifact `{ARTIFACT}`\n- decision d-admit, run r-1\n- reason: the fix for the outage",
        "- release.soaked by w-release.soaked, approved by ann@\u200bexample.org, "
        "by the word of bob@\u200bexample.org alone: the vendor is slow\n"
        "- confirm.fresh by w-confirm.fresh\n",
    ):
        assert told in body, body
    assert body.count("by w-release.soaked") == 1
    assert marks(body) == ("r-1",)


def test_the_notes_of_a_first_release_have_no_commits(github: FakeGitHub, tmp_path: Path) -> None:
    shop = github.add_repository("acme/shop")
    shop.commit("First", sha=SECOND)
    assert Desk(github, tmp_path).publish(recorded("v0.1.0")).published
    assert "This is the first release." in (shop.releases[-1].body or "")


@pytest.mark.parametrize("how", ["404", "502", "wrong_shape", "huge"])
def test_a_release_is_not_held_up_by_what_its_notes_lack(
    desk: Desk, shop: Repository, github: FakeGitHub, how: How
) -> None:
    github.break_next(f"GET {SHOP}/compare/*", how, times=3 if how == "502" else 1)
    assert desk.publish().published
    assert "What came since v0.2.9 could not be read." in (shop.releases[-1].body or "")


def test_the_notes_of_a_step_back_say_what_was_left_out(desk: Desk, shop: Repository) -> None:
    shop.release("v0.2.10", shop.commit("Try another checkout"))
    assert desk.publish(recorded("v0.2.11")).published
    body = shop.releases[-1].body or ""
    newest = shop.refs["refs/heads/main"]
    told = f"A step back: what v0.2.10 had and this has not:\n\n- {newest[:7]} Try another checkout\n"
    assert told in body and "Since v0.2.10" not in body


def test_the_notes_of_a_release_of_another_line_say_both(desk: Desk, shop: Repository) -> None:
    shop.release("v0.2.10", shop.commit("Try another checkout"))
    fixed = shop.commit("Mend the price", parent=SECOND, branch="fix")
    assert desk.publish(recorded("v0.2.11", fixed)).published
    body = shop.releases[-1].body or ""
    assert "this has not:\n\n- " in body and f"Since v0.2.10:\n\n- {fixed[:7]} Mend the price\n" in body


def test_the_notes_of_many_commits_show_the_newest(desk: Desk, shop: Repository) -> None:
    commits = [shop.commit(f"Change {number}\n\nat length") for number in range(300)]
    assert desk.publish(recorded(commit=commits[-1])).published
    body = shop.releases[-1].body or ""
    assert "Since v0.2.9, without the 201 before:" in body
    assert body.count("- ") > 100 and f"{commits[-1][:7]} Change 299\n" in body and "Change 199\n" not in body


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!-- x -->", "&lt;!-- x --&gt;"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("thanks @octocat", "thanks @\u200boctocat"),
        ("[a](http://b) `c` **d** _e_", "\\[a\\](http://b) \\`c\\` \\*\\*d\\*\\* \\_e\\_"),
        ("# big", "\\# big"),
        ("one\r\n\r\n- two\u202e\x00", "one - two"),
        ("a\\", "a\\\\"),
        ("&lt;", "&amp;lt;"),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_what_others_wrote_stays_a_line_of_text(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_no_commit_can_make_a_draft_look_like_ours() -> None:
    forged = [marker("r-2"), f"x\n{marker('r-2')}\n", f"x\r{marker('r-2')}", f"x\u2028{marker('r-2')}"]
    for text in forged:
        run = recorded(reason=text, actor=Actor(subject=text))
        body = notes(None, run, Changes("v0.2.9", ((SECOND, text),)))
        assert marks(body) == ("r-1",), body


def test_notes_are_never_longer_than_github_takes() -> None:
    changes = Changes("v0.2.9", tuple((SECOND, "&" * 200) for _ in range(100)), more=5)
    body = notes(Template("$commits\n" * 3), recorded(), changes)
    assert len(body) < 125_000 and marks(body) == ("r-1",)


def test_a_template_of_the_product_is_filled_in(desk: Desk, shop: Repository) -> None:
    (desk.folder / "notes.md").write_text("$product ${version}: $commits\ncosts $$5, $waivers $decision_id")
    publisher = desk.publisher(products={"shop": {"notes_template": "notes.md"}})
    assert desk.publish(publisher=publisher).published
    text = (
        f"shop {V}: Since v0.2.9:\n\n- {SECOND[:7]} Show prices with tax\ncosts $5, None. d-admit\n\n{marker('r-1')}\n"
    )
    assert shop.releases[-1].body == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("$version of $comit", "names a field that there is not: $comit"),
        ("costs $5", "names no field"),
        ("x" * 30_000, "longer than"),
        (b"\xff", "not UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_template_that_cannot_be_filled_in_stops_the_start(desk: Desk, text: Any, told: str) -> None:
    if text is not None:
        (desk.folder / "notes.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError, match=r"products\.shop\.notes_template") as error:
        desk.publisher(products={"shop": {"notes_template": "notes.md"}})
    assert told in str(error.value) and "notes.md" in str(error.value)


def test_a_pipe_in_place_of_a_template_is_not_waited_for(desk: Desk) -> None:
    os.mkfifo(desk.folder / "notes.md")
    with pytest.raises(SettingsError, match="it is a named pipe where a file should be"):
        desk.publisher(products={"shop": {"notes_template": "notes.md"}})
