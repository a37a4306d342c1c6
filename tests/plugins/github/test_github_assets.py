"""Files that a release carries: there before it is out, read back, and never in place of somebody's."""

from __future__ import annotations

import pytest

from launchplane_gate_github.wire import uploads_of
from tests.fakes.github import FakeGitHub, How, Repository
from tests.plugins.github.desk import TAG, Desk, V, drafts, out, recorded

pytestmark = pytest.mark.thorough  # each publishes on the fake GitHub

UPLOAD = "POST */assets"
NAME, CONTENT = "launchplane-gate.vsa.dsse.json", b'{"payload": "YQ=="}\n'
FILES = {NAME: CONTENT}


def carried(shop: Repository) -> list[tuple[str, int, str]]:
    return [(one.name, one.size, one.state) for release in shop.releases[1:] for one in release.assets]


WHOLE = [(NAME, len(CONTENT), "uploaded")]


def test_files_are_there_before_a_release_is_out_since_it_may_take_no_more_then(desk: Desk, shop: Repository) -> None:
    shop.immutable_releases = True
    ended = desk.publish(assets={**FILES, "more.txt": b"more"})
    assert (ended.published, ended.is_whole, ended.detail) == (True, True, "")
    assert carried(shop) == [*WHOLE, ("more.txt", 4, "uploaded")]
    posts = [line.rpartition("/")[2].partition("?")[0] for line in desk.writes()]
    assert posts == ["releases", "assets", "assets", "refs", str(shop.releases[-1].release_id)]
    writes = desk.writes()
    assert desk.publish(assets=FILES) == ended.model_copy()
    assert desk.writes() == writes


def test_a_file_that_an_earlier_time_uploaded_is_not_uploaded_again(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    github.break_next(TAG, "drop_before")
    assert not desk.publish(assets=FILES).published
    assert desk.publish(assets=FILES).is_whole
    assert (carried(shop), github.visits(UPLOAD)) == (WHOLE, 1)


@pytest.mark.parametrize("how", ["drop_after", "502_after"])
def test_an_upload_whose_answer_is_lost_is_not_repeated(
    desk: Desk, shop: Repository, github: FakeGitHub, how: How
) -> None:
    github.break_next(UPLOAD, how)
    assert desk.publish(assets=FILES).is_whole
    assert (carried(shop), github.visits(UPLOAD)) == (WHOLE, 1)


@pytest.mark.parametrize("how", ["drop_before", "502", "html", "wrong_shape", "403", "404", "rate_limited"])
def test_a_release_is_not_out_before_its_files_are_there(
    desk: Desk, shop: Repository, github: FakeGitHub, how: How
) -> None:
    github.break_next(UPLOAD, how)
    ended = desk.publish(assets=FILES)
    assert not ended.published and ended.detail.startswith("acme/shop: ")
    assert (out(shop), f"refs/tags/{V}" in shop.refs) == ([], False)
    assert desk.publish(assets=FILES).is_whole
    assert (carried(shop), drafts(shop)) == (WHOLE, [])


def test_what_an_upload_left_that_broke_off_makes_room_for_the_file(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    github.before_next(UPLOAD, lambda: shop.break_off_upload(shop.releases[-1], NAME))  # its name is taken then
    assert desk.publish(assets=FILES).is_whole
    assert (carried(shop), github.visits(UPLOAD)) == (WHOLE, 2)


@pytest.mark.parametrize("content", [b"{}", CONTENT[:-1] + b" "])
def test_another_file_of_that_name_on_the_draft_is_left_and_told(
    desk: Desk, shop: Repository, github: FakeGitHub, content: bytes
) -> None:
    github.break_next(TAG, "drop_before")
    assert not desk.publish().published
    shop.attach(shop.releases[-1], NAME, content)
    ended = desk.publish(assets=FILES)
    assert not ended.published and NAME in ended.detail and "delete that file" in ended.detail
    assert (out(shop), carried(shop)) == ([], [(NAME, len(content), "uploaded")])


def test_a_release_that_is_out_is_given_what_it_lacks(desk: Desk, shop: Repository) -> None:
    assert desk.publish().is_whole
    assert desk.publish(assets=FILES).is_whole
    assert carried(shop) == WHOLE


def test_a_release_that_takes_no_more_files_is_told_to_lack_one(desk: Desk, shop: Repository) -> None:
    shop.immutable_releases = True
    assert desk.publish().is_whole
    writes = desk.writes()
    ended = desk.publish(assets=FILES)
    assert (ended.published, ended.missing, ended.is_whole) == (True, (NAME,), False)
    assert "immutable" in ended.detail and desk.writes() == writes


def test_an_immutable_release_of_an_earlier_run_carries_what_that_gave_it(desk: Desk, shop: Repository) -> None:
    shop.immutable_releases = True
    first, again = recorded(), recorded(run_id="r-2")
    assert desk.publish(first, assets=FILES).is_whole
    assert desk.publish(again, assets={"r-2.json": b"{}"}, others=[first]).is_whole
    assert carried(shop) == WHOLE


def test_a_release_that_is_out_with_another_file_of_that_name_is_told(desk: Desk, shop: Repository) -> None:
    assert desk.publish().is_whole
    shop.attach(shop.releases[-1], NAME, b"{}")
    ended = desk.publish(assets=FILES)
    assert (ended.published, ended.missing) == (True, (NAME,)) and "delete that file" in ended.detail


def test_an_upload_to_a_release_that_is_out_may_fail_and_is_told(
    desk: Desk, shop: Repository, github: FakeGitHub
) -> None:
    first = desk.publish()
    github.break_next(UPLOAD, "drop_before")
    ended = desk.publish(assets=FILES)
    assert ended == first.model_copy(update={"missing": (NAME,), "detail": ended.detail}) and ended.detail
    assert desk.publish(assets=FILES) == first


def test_a_file_of_which_no_digest_is_shown_is_known_by_its_size(desk: Desk, shop: Repository) -> None:
    shop.releases.notes_digests = False
    assert desk.publish(assets=FILES).is_whole
    assert desk.publish(assets={NAME: CONTENT + b"more"}).missing == (NAME,)


def test_a_file_that_github_would_not_keep_as_it_is_is_not_begun(desk: Desk) -> None:
    for files in ({".hidden": b"x"}, {"a b": b"x"}, {"é": b"x"}, {"../x": b"x"}, {"": b"x"}, {"x.json": b""}):
        ended = desk.publish(assets=files)
        assert not ended.published and "GitHub keeps no" in ended.detail
    assert desk.github.requests == []


def test_what_proves_who_asks_goes_to_no_other_host(desk: Desk, shop: Repository, github: FakeGitHub) -> None:
    with FakeGitHub() as elsewhere:
        disguised = elsewhere.url.replace("://", f"://{github.url.removeprefix('http://')}@")
        for url in (f"{elsewhere.url}/api/uploads", "https://uploads.github.com", f"{disguised}/api/uploads"):
            github.uploads_url = url
            ended = desk.publish(assets=FILES)
            assert not ended.published and "nothing was sent there" in ended.detail
        assert elsewhere.requests == []
    assert out(shop) == []


@pytest.mark.parametrize(
    ("api", "uploads"),
    [
        ("https://api.github.com", "https://uploads.github.com"),
        ("https://api.acme.ghe.com", "https://uploads.acme.ghe.com"),
        ("https://git.acme.example/api/v3", "https://git.acme.example/api/uploads"),
        ("https://git.acme.example:8443/api/v3", "https://git.acme.example:8443/api/uploads"),
        ("http://127.0.0.1:3998", "http://127.0.0.1:3998/api/uploads"),
    ],
)
def test_files_go_to_githubs_own_place_for_them(api: str, uploads: str) -> None:
    assert uploads_of(api) == uploads
