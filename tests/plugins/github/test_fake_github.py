"""The fake GitHub sets the traps that the real one sets; over real HTTP, as a publisher of releases meets them."""

from __future__ import annotations

import hashlib
import os
import signal
import ssl
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import github as pygithub
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.certificates import self_signed
from tests.fakes.github import App, Asked, FakeGitHub, How, Refused, Repository
from tests.places import ROOT

SHOP = "/repos/acme/shop"
NOWHERE = "9" * 40
WRITE, READ = {"contents": "write"}, {"contents": "read"}


class Api:
    """What a publisher would have: a client with a token."""

    def __init__(self, github: FakeGitHub, client: httpx.Client, token: str | None) -> None:
        self.github = github
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        url = path if path.startswith("http") else f"{self.github.url}{path}"
        return self.client.request(method, url, json=body, headers=self.headers)

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def json(self, path: str) -> Any:
        found = self.get(path)
        assert found.status_code == 200, found.text
        return found.json()

    def status(self, path: str) -> int:
        return self.get(path).status_code

    def release(self, tag_name: str, commit: str | None = None, **rest: Any) -> httpx.Response:
        target = {"target_commitish": commit} if commit else {}
        return self.send("POST", f"{SHOP}/releases", {"tag_name": tag_name, **target, **rest})

    def publish(self, release: httpx.Response, **rest: Any) -> httpx.Response:
        return self.send("PATCH", f"{SHOP}/releases/{release.json()['id']}", {"draft": False, **rest})


def errors(refused: httpx.Response) -> list[dict[str, str]]:
    assert refused.status_code == 422, refused.text
    assert refused.json()["message"] == "Validation Failed"
    return list(refused.json()["errors"])


def refusal(found: httpx.Response) -> tuple[int, str]:
    return found.status_code, found.json()["message"]


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as github:
        yield github
        assert github.violations == []
        assert github.pending() == []


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    return github.add_repository("acme/shop")


@pytest.fixture
def first(shop: Repository) -> str:
    return shop.commit("First")


@pytest.fixture
def second(shop: Repository, first: str) -> str:
    return shop.commit("Second")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


As = Callable[..., Api]


@pytest.fixture
def with_token(github: FakeGitHub, shop: Repository, client: httpx.Client) -> As:
    """An Api with a token of its own, for the shop."""

    def make(permissions: dict[str, str], **rest: Any) -> Api:
        return Api(github, client, github.add_token({"acme/shop": permissions}, **rest))

    return make


@pytest.fixture
def api(with_token: As) -> Api:
    return with_token(WRITE)


@pytest.fixture
def app(github: FakeGitHub, shop: Repository) -> App:
    return github.add_app()


def pygithub_settings(github: FakeGitHub) -> dict[str, Any]:
    """No waiting and no retries: a publisher has to decide on those itself."""
    return {"base_url": github.url, "retry": None, "seconds_between_requests": 0, "seconds_between_writes": 0}


def now() -> int:
    return int(time.time())


def as_app(app: App, *, iat: int | None = -60, exp: int | None = 300, iss: str | None = None) -> str:
    """The JWT of an App; its times are in seconds from now, and left out where there is none."""
    times = {name: now() + at for name, at in (("iat", iat), ("exp", exp)) if at is not None}
    return jwt.encode({"iss": iss or str(app.app_id), **times}, app.private_key_pem, "RS256")


# -- releases and their tags


def test_a_release_makes_its_absent_tag_at_the_target(api: Api, shop: Repository, first: str, second: str) -> None:
    made = api.release("v1", first)
    assert made.status_code == 201
    assert shop.refs["refs/tags/v1"] == first
    assert (made.json()["draft"], made.json()["target_commitish"]) == (False, first)
    assert api.release("v2").json()["target_commitish"] == "main"
    assert shop.refs["refs/tags/v2"] == second


def test_a_tag_that_exists_wins_over_the_target_without_a_word(
    api: Api, shop: Repository, first: str, second: str
) -> None:
    shop.tag("v1", first)
    made = api.release("v1", second)
    assert (made.status_code, made.json()["target_commitish"]) == (201, second)
    assert shop.refs["refs/tags/v1"] == first
    assert made.json()["created_at"] == api.json(f"{SHOP}/commits/{first}")["commit"]["committer"]["date"]
    assert api.release("v1-odd", "no such branch").status_code == 422
    shop.tag("v1-odd", first)
    assert api.release("v1-odd", "no such branch").status_code == 201


def test_a_draft_makes_no_tag_until_it_is_published(api: Api, shop: Repository, first: str, second: str) -> None:
    draft = api.release("v1", first, draft=True)
    assert (draft.status_code, draft.json()["published_at"]) == (201, None)
    assert "untagged-" in draft.json()["html_url"]
    assert "refs/tags/v1" not in shop.refs
    published = api.publish(draft)
    assert (published.status_code, published.json()["draft"]) == (200, False)
    assert published.json()["html_url"].endswith("/releases/tag/v1")
    assert shop.refs["refs/tags/v1"] == first


def test_a_tag_that_came_since_the_draft_wins_when_it_is_published(
    github: FakeGitHub, api: Api, shop: Repository, first: str, second: str
) -> None:
    draft = api.release("v1", second, draft=True)
    github.before_next("PATCH */releases/*", lambda: shop.tag("v1", first))
    assert api.publish(draft).status_code == 200
    assert shop.refs["refs/tags/v1"] == first


@pytest.mark.parametrize("target", ["215f71b", "no-such-branch", NOWHERE, "v0", "refs/heads/main", "HEAD"])
@pytest.mark.parametrize("draft", [False, True])
def test_a_target_is_a_whole_commit_id_or_a_branch(
    api: Api, shop: Repository, first: str, target: str, draft: bool
) -> None:
    shop.tag("v0", first)
    wrong = {"resource": "Release", "code": "invalid", "field": "target_commitish"}
    assert errors(api.release("v1", target, draft=draft)) == [wrong]
    assert (list(shop.releases), "refs/tags/v1" in shop.refs) == ([], False)
    assert api.release("v1", "main").status_code == 201


def test_a_second_release_of_a_tag_is_refused(api: Api, shop: Repository, first: str) -> None:
    there = [{"resource": "Release", "code": "already_exists", "field": "tag_name"}]
    drafts = [api.release("v1", first, draft=True) for _ in range(2)]  # drafts don't hold their tag
    assert [draft.status_code for draft in drafts] == [201, 201]
    assert api.publish(drafts[0]).status_code == 200
    assert errors(api.publish(drafts[1])) == there
    assert errors(api.release("v1", first)) == there
    assert len(shop.releases) == 2


def test_a_draft_is_in_the_list_and_not_under_its_tag(api: Api, with_token: As, shop: Repository, first: str) -> None:
    draft = api.release("v1", first, draft=True).json()
    shop.tag("v1", first)
    assert api.status(f"{SHOP}/releases/tags/v1") == 404
    assert api.status(f"{SHOP}/releases/latest") == 404
    assert [(one["tag_name"], one["draft"]) for one in api.json(f"{SHOP}/releases")] == [("v1", True)]
    assert api.status(f"{SHOP}/releases/{draft['id']}") == 200
    reader = with_token(READ)
    assert reader.json(f"{SHOP}/releases") == []
    assert reader.status(f"{SHOP}/releases/{draft['id']}") == 404
    api.send("PATCH", f"{SHOP}/releases/{draft['id']}", {"draft": False})
    assert reader.json(f"{SHOP}/releases/tags/v1")["id"] == draft["id"]


def test_a_release_whose_tag_is_deleted_becomes_a_draft(api: Api, shop: Repository, first: str) -> None:
    made = api.release("v1", first).json()
    assert api.send("DELETE", f"{SHOP}/git/refs/tags/v1").status_code == 204
    assert api.status(f"{SHOP}/releases/tags/v1") == 404
    assert api.json(f"{SHOP}/releases/{made['id']}")["draft"] is True


def test_a_deleted_release_leaves_its_tag(api: Api, shop: Repository, first: str) -> None:
    made = api.release("v1", first).json()
    assert api.send("DELETE", f"{SHOP}/releases/{made['id']}").status_code == 204
    assert (list(shop.releases), shop.refs["refs/tags/v1"]) == ([], first)
    assert api.send("DELETE", f"{SHOP}/releases/{made['id']}").status_code == 404


def test_a_release_is_edited_by_what_is_named(api: Api, first: str) -> None:
    made = api.release("v1", first, name="One", body="notes").json()
    changed = api.send("PATCH", f"{SHOP}/releases/{made['id']}", {"body": "better"}).json()
    assert changed == {**made, "body": "better"}


@pytest.mark.parametrize("name", ["", "v 1", "v..1", "v1.lock", "v1~", "-/", "v\\1", ".v1"])
def test_a_tag_needs_a_name_that_git_takes(api: Api, shop: Repository, first: str, name: str) -> None:
    assert errors(api.release(name, first))[0]["field"] == "tag_name"
    assert "refs/tags/" + name not in shop.refs


def test_the_latest_release_is_the_one_that_was_made_so(api: Api, shop: Repository, first: str, second: str) -> None:
    def latest() -> str:
        return str(api.json(f"{SHOP}/releases/latest")["tag_name"])

    api.release("v2.0", second)
    api.release("v1.1", first)
    assert latest() == "v1.1"  # published last, though its commit is older
    assert api.release("v3.0-rc1", second, prerelease=True, make_latest="true").status_code == 201
    assert latest() == "v1.1"
    third = api.release("v2.1", second, make_latest="false")
    assert latest() == "v1.1"
    api.release("v2.2", first, make_latest="legacy")
    assert latest() == "v2.1"  # of the newest commit, the highest version
    api.send("PATCH", f"{SHOP}/releases/{third.json()['id']}", {"make_latest": "false"})
    assert latest() == "v2.0"
    api.send("PATCH", f"{SHOP}/releases/{third.json()['id']}", {"make_latest": "true"})
    assert latest() == "v2.1"


def test_the_latest_release_can_be_made_not_so(api: Api, first: str, second: str) -> None:
    api.release("v1", first)
    made = api.release("v2", second).json()
    assert api.send("PATCH", f"{SHOP}/releases/{made['id']}", {"make_latest": "false"}).status_code == 200
    assert api.json(f"{SHOP}/releases/latest")["tag_name"] == "v1"


def test_a_published_draft_becomes_the_latest_unless_told_otherwise(api: Api, first: str, second: str) -> None:
    api.release("v1", second)
    draft = api.release("v0", first, draft=True, make_latest="false")
    api.publish(draft)
    assert api.json(f"{SHOP}/releases/latest")["tag_name"] == "v0"
    api.publish(api.release("v0.1", first, draft=True), make_latest="false")
    assert api.json(f"{SHOP}/releases/latest")["tag_name"] == "v0"


# -- immutable releases


@pytest.fixture
def immutable(shop: Repository) -> Repository:
    shop.immutable_releases = True
    return shop


def test_the_tag_of_an_immutable_release_neither_moves_nor_goes(
    api: Api, with_token: As, immutable: Repository, first: str, second: str
) -> None:
    assert with_token({"administration": "read"}).json(f"{SHOP}/immutable-releases")["enabled"] is True
    draft = api.release("v1", first, draft=True).json()
    assert api.release("v1", first).json()["immutable"] is True
    assert api.send("DELETE", f"{SHOP}/releases/{draft['id']}").status_code == 204
    ref = f"{SHOP}/git/refs/tags/v1"
    for refused in (api.send("PATCH", ref, {"sha": second, "force": True}), api.send("DELETE", ref)):
        assert refused.status_code == 422
        assert refused.json()["message"].startswith("Repository rule violations found")
    with pytest.raises(Refused, match="rule violations"):
        immutable.tag("v1", second)
    assert immutable.refs["refs/tags/v1"] == first


def test_an_immutable_release_keeps_tag_and_assets_and_may_change_its_notes(
    api: Api, immutable: Repository, first: str, second: str
) -> None:
    draft = api.release("v1", first, draft=True).json()
    assert upload(api, draft, "sbom.json").status_code == 201
    assert draft["immutable"] is False
    one = f"{SHOP}/releases/{draft['id']}"
    assert api.send("PATCH", one, {"draft": False}).json()["immutable"] is True
    assert refusal(upload(api, draft, "late.json")) == (422, "Cannot upload assets to an immutable release.")
    for change in ({"tag_name": "v2"}, {"target_commitish": second}, {"draft": True}):
        assert api.send("PATCH", one, change).status_code == 422
    assert api.send("PATCH", one, {"body": "more", "tag_name": "v1"}).json()["body"] == "more"
    assert [asset["name"] for asset in api.json(f"{one}/assets")] == ["sbom.json"]


def test_files_are_taken_at_a_place_of_their_own(api: Api, shop: Repository, first: str) -> None:
    made = api.release("v1", first, draft=True).json()
    assert made["upload_url"].startswith(f"{api.github.url}/api/uploads/repos/acme/shop/releases/")
    one = f"{SHOP}/releases/{made['id']}"
    assert upload(api, made, "sbom.json").json()["digest"] == f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    already = {"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}
    assert upload(api, made, "sbom.json").json()["errors"] == [already]
    shop.break_off_upload(shop.releases[-1], "late.json")
    assert upload(api, made, "late.json").json()["errors"] == [already]
    assert [(one["name"], one["state"]) for one in api.json(f"{one}/assets")] == [
        ("sbom.json", "uploaded"),
        ("late.json", "starter"),
    ]
    assert [one["name"] for one in api.json(one)["assets"]] == ["sbom.json"]  # what broke off is listed, and not shown
    started = api.json(f"{one}/assets")[-1]["id"]
    assert api.send("DELETE", f"{SHOP}/releases/assets/{started}").status_code == 204
    assert api.send("DELETE", f"{SHOP}/releases/assets/{started}").status_code == 404
    assert upload(api, made, "late.json").status_code == 201


def upload(api: Api, release: dict[str, Any], name: str) -> httpx.Response:
    url = release["upload_url"].removesuffix("{?name,label}")
    headers = {**api.headers, "Content-Type": "application/json"}
    return api.client.post(url, params={"name": name}, content=b"{}", headers=headers)


def test_a_tag_of_a_deleted_immutable_release_is_spent(
    api: Api, immutable: Repository, first: str, second: str
) -> None:
    made = api.release("v1", first).json()
    assert api.send("DELETE", f"{SHOP}/releases/{made['id']}").status_code == 204
    used = {
        "resource": "Release",
        "code": "custom",
        "field": "tag_name",
        "message": "tag_name was used by an immutable release",
    }
    assert errors(api.release("v1", second)) == [used]
    assert api.send("DELETE", f"{SHOP}/git/refs/tags/v1").status_code == 204
    immutable.immutable_releases = False  # what was once used stays so
    pushed, again, last = errors(api.release("v1", second))
    assert (pushed["field"], again, last["message"]) == (
        "pre_receive",
        used,
        "Published releases must have a valid tag",
    )
    draft = api.release("v1", second, draft=True)
    assert (draft.status_code, api.publish(draft).status_code) == (201, 422)
    refused = api.send("POST", f"{SHOP}/git/refs", {"ref": "refs/tags/v1", "sha": second})
    assert (refused.status_code, "refs/tags/v1" in immutable.refs) == (422, False)


def test_a_release_published_before_immutability_was_turned_on_stays_mutable(
    api: Api, shop: Repository, first: str, second: str
) -> None:
    made = api.release("v1", first).json()
    shop.immutable_releases = True
    assert api.json(f"{SHOP}/releases/{made['id']}")["immutable"] is False
    assert shop.tag("v1", second) == second


# -- workflow rights


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("installation", (404, "Not Found")),
        ("personal", (404, "Not Found")),
        ("actions", (403, "Resource not accessible by integration")),
    ],
)
def test_other_workflows_than_on_the_default_branch_need_rights_of_their_own(
    with_token: As, shop: Repository, kind: str, found: tuple[int, str]
) -> None:
    old = shop.commit("Release on a tag", touches_workflows=True)
    new = shop.commit("Release on two tags", touches_workflows=True)
    shop.commit("Work")
    api = with_token(WRITE, kind=kind)
    assert refusal(api.release("v1", old)) == found
    assert refusal(api.release("v1", old, draft=True)) == found
    assert "refs/tags/v1" not in shop.refs
    assert api.release("v2", new).status_code == 201
    assert with_token(WRITE, kind=kind, workflows=True).release("v1", old).status_code == 201


def test_workflow_rights_are_asked_again_when_a_draft_is_published(api: Api, shop: Repository, first: str) -> None:
    shop.commit("Release on a tag", touches_workflows=True)
    draft = api.release("v1")
    assert draft.status_code == 201
    draft = api.release("v2", shop.refs["refs/heads/main"], draft=True)
    shop.commit("Release on two tags", touches_workflows=True)
    assert refusal(api.publish(draft)) == (404, "Not Found")
    shop.tag("v2", first)
    assert api.publish(draft).status_code == 200  # no tag is made


# -- tags and refs


def test_an_annotated_tag_points_at_an_object_that_points_at_the_commit(api: Api, shop: Repository, first: str) -> None:
    shop.tag("v1", first, annotated=True)
    shop.tag("light", first)
    assert api.json(f"{SHOP}/git/ref/tags/light")["object"]["type"] == "commit"
    points_at = api.json(f"{SHOP}/git/ref/tags/v1")["object"]
    assert (points_at["type"], points_at["sha"] != first) == ("tag", True)
    assert api.json(f"{SHOP}/git/tags/{points_at['sha']}")["object"]["sha"] == first
    assert {tag["commit"]["sha"] for tag in api.json(f"{SHOP}/tags")} == {first}
    assert api.json(f"{SHOP}/commits/v1")["sha"] == first


def test_a_tag_object_is_not_yet_a_ref(api: Api, shop: Repository, first: str) -> None:
    asked = {"tag": "v1", "message": "One", "object": first, "type": "commit"}
    made = api.send("POST", f"{SHOP}/git/tags", asked)
    assert made.status_code == 201
    assert api.status(f"{SHOP}/git/ref/tags/v1") == 404
    ref = api.send("POST", f"{SHOP}/git/refs", {"ref": "refs/tags/v1", "sha": made.json()["sha"]})
    assert (ref.status_code, ref.json()["object"]["type"]) == (201, "tag")
    assert shop.refs["refs/tags/v1"] == made.json()["sha"]
    assert api.send("POST", f"{SHOP}/git/tags", {**asked, "object": NOWHERE}).status_code == 422


@pytest.mark.parametrize(
    ("ref", "sha", "message"),
    [
        ("refs/tags/v2", NOWHERE, "Object does not exist"),
        ("refs/tags/v1", None, "Reference already exists"),
        ("refs/tags/v2", "abc", "The sha parameter must be exactly 40 characters and contain only [0-9a-f]."),
        ("tags/v2", None, "Reference name must start with 'refs/'."),
        ("refs/v2", None, "Reference name must contain at least three slash-separated components."),
    ],
)
def test_a_ref_needs_a_new_name_and_an_object(
    *, api: Api, shop: Repository, first: str, ref: str, sha: str | None, message: str
) -> None:
    shop.tag("v1", first)
    before = shop.refs
    assert refusal(api.send("POST", f"{SHOP}/git/refs", {"ref": ref, "sha": sha or first})) == (422, message)
    assert shop.refs == before


def test_a_ref_goes_back_only_with_force(api: Api, shop: Repository, first: str, second: str) -> None:
    ref = f"{SHOP}/git/refs/heads/main"
    assert refusal(api.send("PATCH", ref, {"sha": first})) == (422, "Update is not a fast forward")
    assert api.send("PATCH", ref, {"sha": first, "force": True}).status_code == 200
    assert shop.refs["refs/heads/main"] == first
    assert api.send("PATCH", ref, {"sha": second}).status_code == 200
    missing = api.send("PATCH", f"{SHOP}/git/refs/heads/no", {"sha": second})
    assert refusal(missing) == (422, "Reference does not exist")


def test_refs_match_by_their_beginning_and_are_found_by_their_whole_name(
    api: Api, shop: Repository, first: str
) -> None:
    for name in ("v1.0", "v1.0-rc/1", "v2.0"):
        shop.tag(name, first)
    assert api.status(f"{SHOP}/git/ref/tags/v1") == 404
    found = [row["ref"] for row in api.json(f"{SHOP}/git/matching-refs/tags/v1")]
    assert found == ["refs/tags/v1.0", "refs/tags/v1.0-rc/1"]
    assert api.json(f"{SHOP}/git/ref/tags/v1.0-rc%2F1")["ref"] == "refs/tags/v1.0-rc/1"
    assert api.json(f"{SHOP}/git/matching-refs/tags/none") == []


# -- commits


def test_an_unknown_commit_is_a_422(api: Api, first: str) -> None:
    assert refusal(api.get(f"{SHOP}/commits/{NOWHERE}")) == (422, f"No commit found for SHA: {NOWHERE}")
    assert refusal(api.get(f"{SHOP}/commits/nope")) == (422, "No commit found for SHA: nope")
    assert refusal(api.get(f"{SHOP}/git/commits/{NOWHERE}")) == (404, "Not Found")
    for name in (first, first[:7], "main", "heads/main"):
        assert api.json(f"{SHOP}/commits/{name}")["sha"] == first


def test_ancestry_decides_how_commits_compare(api: Api, shop: Repository, first: str, second: str) -> None:
    third = shop.commit("Third")
    side = shop.commit("Side", parent=first, branch="fix/checkout")
    root = shop.commit("Another history", parent=(), branch="gh-pages")
    merge = shop.commit("Merge", parent=(third, side))

    def compared(base: str, head: str) -> tuple[str, int, int, list[str]]:
        found = api.json(f"{SHOP}/compare/{base}...{head}")
        assert found["total_commits"] == found["ahead_by"] == len(found["commits"])
        assert found["base_commit"]["sha"] == base
        return found["status"], found["ahead_by"], found["behind_by"], [one["sha"] for one in found["commits"]]

    assert compared(first, first) == ("identical", 0, 0, [])
    assert compared(first, third) == ("ahead", 2, 0, [second, third])
    assert compared(third, first) == ("behind", 0, 2, [])
    assert compared(third, side) == ("diverged", 1, 2, [side])
    assert compared(third, merge) == ("ahead", 2, 0, [side, merge])
    assert api.json(f"{SHOP}/compare/main...fix%2Fcheckout")["merge_base_commit"]["sha"] == side
    assert api.status(f"{SHOP}/compare/{first}...{NOWHERE}") == 404
    assert refusal(api.get(f"{SHOP}/compare/{first}...{root}"))[1].startswith("No common ancestor")


def test_a_commit_that_is_on_no_branch_is_found_all_the_same(api: Api, shop: Repository, first: str) -> None:
    forked = shop.commit("Of a fork", branch="theirs")
    shop.delete_branch("theirs")
    assert api.json(f"{SHOP}/commits/{forked}")["sha"] == forked
    assert api.json(f"{SHOP}/compare/main...{forked}")["status"] == "ahead"
    assert api.release("v1", forked).status_code == 201


def test_branches_move_and_are_listed(api: Api, shop: Repository, first: str, second: str) -> None:
    shop.branch("release/1", first)
    assert [(one["name"], one["commit"]["sha"]) for one in api.json(f"{SHOP}/branches")] == [
        ("main", second),
        ("release/1", first),
    ]
    assert api.json(f"{SHOP}/branches/release/1")["commit"]["sha"] == first
    assert refusal(api.get(f"{SHOP}/branches/none")) == (404, "Branch not found")
    assert [one["sha"] for one in api.json(f"{SHOP}/commits?sha=main&per_page=1")] == [second]
    assert [one["sha"] for one in api.json(f"{SHOP}/commits")] == [second, first]


def test_a_given_commit_id_is_taken_and_not_twice(shop: Repository) -> None:
    assert shop.commit(sha="a" * 40) == shop.refs["refs/heads/main"] == "a" * 40
    for wrong in ("a" * 40, "abc"):
        with pytest.raises(AssertionError):
            shop.commit(sha=wrong)


def test_lists_come_in_pages_whose_links_lead_to_the_repository_by_its_id(
    api: Api, shop: Repository, first: str
) -> None:
    for number in range(5):
        shop.release(f"v{number}", first)
    page = api.get(f"{SHOP}/releases?per_page=2")
    assert set(page.links) == {"next", "last"}
    assert "/repositories/" in page.links["next"]["url"]
    seen = page.json()
    while "next" in page.links:
        page = api.get(page.links["next"]["url"])
        seen += page.json()
    assert set(page.links) == {"prev", "first"}
    assert [one["tag_name"] for one in seen] == ["v4", "v3", "v2", "v1", "v0"]
    assert "link" not in api.get(f"{SHOP}/releases").headers


# -- who may what


@pytest.mark.parametrize("header", ["Bearer ghs_unknown", "token ghs_unknown", "Basic YTpi", "Bearer"])
def test_credentials_that_are_not_known_are_bad(
    github: FakeGitHub, shop: Repository, client: httpx.Client, header: str
) -> None:
    for path in (SHOP, "/rate_limit", "/repos/no/where"):
        found = client.get(f"{github.url}{path}", headers={"Authorization": header})
        assert refusal(found) == (401, "Bad credentials")


def test_a_token_ends_when_it_is_revoked_or_expires(github: FakeGitHub, api: Api, with_token: As) -> None:
    assert api.status(SHOP) == 200
    github.revoke(api.headers["Authorization"].removeprefix("Bearer "))
    assert refusal(api.get(SHOP)) == (401, "Bad credentials")
    assert with_token(READ, expires_in_s=60).status(SHOP) == 200
    assert with_token(READ, expires_in_s=-1).status(SHOP) == 401


@pytest.mark.parametrize(
    ("kind", "by"), [("installation", "integration"), ("actions", "integration"), ("personal", "personal access token")]
)
def test_a_token_without_the_permission_is_forbidden(
    with_token: As, shop: Repository, first: str, kind: str, by: str
) -> None:
    reader = with_token(READ, kind=kind)
    found = reader.release("v1", first)
    assert refusal(found) == (403, f"Resource not accessible by {by}")
    assert found.headers["X-Accepted-GitHub-Permissions"] == "contents=write"
    assert refusal(with_token({}, kind=kind).get(f"{SHOP}/releases"))[0] == 403
    assert with_token({}, kind=kind).status(SHOP) == 200
    assert list(shop.releases) == []


def test_a_private_repository_is_not_there_for_others(
    github: FakeGitHub, shop: Repository, client: httpx.Client, first: str
) -> None:
    github.add_repository("acme/other")
    stranger = Api(github, client, github.add_token({"acme/other": WRITE}))
    for asking in (stranger, Api(github, client, None)):
        assert refusal(asking.get(SHOP)) == (404, "Not Found")
        assert refusal(asking.get(f"{SHOP}/commits/{first}")) == (404, "Not Found")
        assert refusal(asking.release("v1", first)) == (404, "Not Found")
    assert stranger.status("/repos/acme/none") == 404


def test_a_public_repository_is_read_by_anybody_and_written_by_few(github: FakeGitHub, client: httpx.Client) -> None:
    public = github.add_repository("acme/open", private=False)
    public.release("v1", public.commit())
    public.release("v2", draft=True)
    stranger = Api(github, client, None)
    assert [one["tag_name"] for one in stranger.json("/repos/acme/open/releases")] == ["v1"]
    body = {"tag_name": "v3"}
    assert refusal(stranger.send("POST", "/repos/acme/open/releases", body)) == (401, "Requires authentication")


def test_the_role_in_a_repository_tells_nothing_of_what_a_token_may(with_token: As) -> None:
    assert with_token(READ, kind="personal").json(SHOP)["permissions"]["push"] is True
    assert with_token(WRITE).json(SHOP)["permissions"]["push"] is False


def test_a_renamed_repository_redirects_to_its_id(github: FakeGitHub, api: Api, shop: Repository, first: str) -> None:
    github.rename("acme/shop", "acme/store")
    found = api.get(f"{SHOP}/commits/{first}?per_page=1")
    assert (found.status_code, found.json()["message"]) == (301, "Moved Permanently")
    assert found.headers["Location"] == f"{github.url}/repositories/{shop.repository_id}/commits/{first}?per_page=1"
    assert api.json(found.headers["Location"])["sha"] == first
    assert api.json(api.get(SHOP).headers["Location"])["full_name"] == "acme/store"
    assert api.release("v1", first).status_code == 307
    assert list(shop.releases) == []
    assert github.requests_for_contract()[1][1] == f"/repos/acme/store/commits/{first}?per_page=1"
    assert api.status("/repositories/1") == 404


def test_another_repository_may_take_the_name_of_a_renamed_one(github: FakeGitHub, api: Api, shop: Repository) -> None:
    github.rename("acme/shop", "acme/store")
    taken = github.add_repository("acme/shop", private=False)
    assert taken.repository_id != shop.repository_id
    assert api.json(SHOP)["id"] == taken.repository_id
    assert api.json("/repos/acme/store")["id"] == shop.repository_id


# -- Apps


def test_an_app_gets_a_token_for_an_hour_with_at_most_what_was_granted(
    github: FakeGitHub, app: App, client: httpx.Client, shop: Repository, first: str
) -> None:
    other = github.add_repository("acme/other")
    number = app.install("acme/shop", "acme/other", permissions={"contents": "write", "issues": "read"})
    me = Api(github, client, as_app(app))
    found = me.json(f"{SHOP}/installation")
    assert (found["id"], found["permissions"]["contents"], found["suspended_at"]) == (number, "write", None)
    tokens = f"/app/installations/{number}/access_tokens"
    made = me.send("POST", tokens, {"permissions": READ, "repositories": ["shop"]})
    assert made.status_code == 201
    assert made.json()["permissions"] == {"contents": "read", "metadata": "read"}
    assert [one["full_name"] for one in made.json()["repositories"]] == ["acme/shop"]
    left = datetime.fromisoformat(made.json()["expires_at"]) - datetime.now(UTC)
    assert 3500 < left.total_seconds() <= 3600
    reader = Api(github, client, made.json()["token"])
    assert (reader.status(SHOP), reader.status("/repos/acme/other")) == (200, 404)
    assert reader.release("v1", first).status_code == 403
    everything = me.send("POST", tokens).json()
    assert everything["permissions"] == {"contents": "write", "issues": "read", "metadata": "read"}
    writer = Api(github, client, everything["token"])
    assert writer.release("v1", first).json()["author"]["login"] == "app-1[bot]"
    assert writer.json("/installation/repositories")["total_count"] == 2
    assert me.send("POST", tokens, {"repository_ids": [other.repository_id]}).status_code == 201


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"permissions": {"contents": "write"}}, "The permissions requested are not granted to this installation."),
        ({"permissions": {"workflows": "write"}}, "The permissions requested are not granted to this installation."),
        ({"repositories": ["other"]}, "There is at least one repository that does not exist or is not accessible"),
        ({"repository_ids": [7]}, "There is at least one repository that does not exist or is not accessible"),
        ({"permissions": {"contents": "all"}}, "Invalid request."),
        ({"permissions": "contents"}, "Invalid request."),
    ],
)
def test_an_app_does_not_get_more_than_was_granted(
    github: FakeGitHub, app: App, client: httpx.Client, body: dict[str, Any], message: str
) -> None:
    number = app.install("acme/shop", permissions=READ)
    me = Api(github, client, as_app(app))
    refused = me.send("POST", f"/app/installations/{number}/access_tokens", body)
    assert refused.status_code == 422
    assert refused.json()["message"].startswith(message)


@pytest.mark.parametrize(
    ("claims", "status", "message"),
    [
        ({"exp": 700}, 401, "'Expiration time' claim ('exp') is too far in the future"),
        ({"exp": -5}, 401, "'Expiration time' claim ('exp') must be"),
        ({"exp": None}, 401, "'Expiration time' claim ('exp') must be"),
        ({"iat": 300}, 401, "'Issued at' claim ('iat') must be"),
        ({"iat": None}, 401, "'Issued at' claim ('iat') must be"),
        ({"iss": "77"}, 404, "Integration not found"),
    ],
)
def test_the_jwt_of_an_app_is_of_now_and_for_ten_minutes(
    *, github: FakeGitHub, app: App, client: httpx.Client, claims: dict[str, Any], status: int, message: str
) -> None:
    found = Api(github, client, as_app(app, **claims)).get("/app")
    assert found.status_code == status
    assert found.json()["message"].startswith(message)
    assert Api(github, client, as_app(app, iss=app.client_id, exp=600)).status("/app") == 200


def test_the_jwt_of_an_app_is_signed_with_its_key_by_rs256(github: FakeGitHub, app: App, client: httpx.Client) -> None:
    claims = {"iat": now() - 60, "exp": now() + 300, "iss": str(app.app_id)}
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tokens = [
        jwt.encode(claims, stranger, "RS256"),
        jwt.encode(claims, app.private_key_pem, "RS512"),
        jwt.encode(claims, "s" * 64, "HS256"),
        jwt.encode(claims, "", "none"),
        "no.jwt.atall",
        github.add_token({"acme/shop": WRITE}),
    ]
    for token in tokens:
        found = Api(github, client, token).get("/app")
        assert refusal(found) == (401, "A JSON web token could not be decoded")
    assert Api(github, client, None).status("/app") == 401
    assert refusal(Api(github, client, as_app(app)).get(SHOP)) == (401, "Bad credentials")


def test_an_app_that_is_not_installed_is_not_found(github: FakeGitHub, app: App, client: httpx.Client) -> None:
    me = Api(github, client, as_app(app))
    assert refusal(me.get(f"{SHOP}/installation")) == (404, "Not Found")
    assert refusal(me.send("POST", "/app/installations/5/access_tokens")) == (404, "Not Found")
    number = app.install("acme/shop", permissions=READ)
    theirs = github.add_app()
    stranger = Api(github, client, as_app(theirs))
    assert stranger.status(f"/app/installations/{number}") == 404
    assert [one["id"] for one in me.json("/app/installations")] == [number]


def test_a_suspended_installation_is_forbidden_and_a_removed_one_unknown(
    github: FakeGitHub, app: App, client: httpx.Client
) -> None:
    number = app.install("acme/shop", permissions=WRITE)
    me, tokens = Api(github, client, as_app(app)), f"/app/installations/{number}/access_tokens"
    token = Api(github, client, me.send("POST", tokens).json()["token"])
    app.suspend(number)
    suspended = (403, "This installation has been suspended")
    assert (refusal(me.send("POST", tokens)), refusal(token.get(SHOP))) == (suspended, suspended)
    assert me.json(f"{SHOP}/installation")["suspended_at"]
    app.unsuspend(number)
    assert token.status(SHOP) == 200
    app.revoke_tokens(number)
    assert token.status(SHOP) == 401
    token = Api(github, client, me.send("POST", tokens).json()["token"])
    assert token.send("DELETE", "/installation/token").status_code == 204
    assert token.status(SHOP) == 401
    app.uninstall(number)
    assert (me.send("POST", tokens).status_code, me.status(f"{SHOP}/installation")) == (404, 404)


# -- OIDC


def verified(github: FakeGitHub, token: str, audience: str) -> dict[str, Any]:
    """As a relying party does it: from the issuer's discovery document to its keys."""
    found = httpx.get(f"{github.oidc_issuer}/.well-known/openid-configuration", trust_env=False).json()
    keys = jwt.PyJWKSet.from_dict(httpx.get(found["jwks_uri"], trust_env=False).json())
    kid = jwt.get_unverified_header(token)["kid"]
    key = next((each for each in keys.keys if each.key_id == kid), None)
    if key is None:
        raise jwt.InvalidKeyError(kid)
    return dict(jwt.decode(token, key, ["RS256"], audience=audience, issuer=github.oidc_issuer))


def test_an_oidc_token_is_proven_by_the_keys_of_its_issuer(github: FakeGitHub) -> None:
    token = github.oidc_token(aud="launchplane", repository_id="1001", actor="alice", ref="refs/heads/fix")
    claims = verified(github, token, "launchplane")
    assert claims["sub"] == "repo:acme/shop:ref:refs/heads/fix"
    assert claims["job_workflow_ref"] == "acme/shop/.github/workflows/release.yml@refs/heads/fix"
    assert (claims["actor"], claims["repository"], claims["exp"] - claims["iat"]) == ("alice", "acme/shop", 300)
    assert len(github.oidc_requests) == 2
    assert github.requests == []
    with pytest.raises(jwt.InvalidAudienceError):
        verified(github, token, "someone-else")
    with pytest.raises(jwt.ExpiredSignatureError):
        verified(github, github.oidc_token(aud="launchplane", exp=now() - 5), "launchplane")
    with pytest.raises(jwt.InvalidIssuerError):
        verified(github, github.oidc_token(aud="launchplane", iss="https://example.org"), "launchplane")
    bare = jwt.decode(github.oidc_token(sub=None), options={"verify_signature": False})
    assert "sub" not in bare


def test_after_a_rotation_old_tokens_are_proven_only_while_the_key_is_kept(github: FakeGitHub) -> None:
    old = github.oidc_token(aud="a")
    github.rotate_oidc_key(keep_old=True)
    between = github.oidc_token(aud="a")
    assert verified(github, old, "a") != verified(github, between, "a")
    github.rotate_oidc_key()
    verified(github, github.oidc_token(aud="a"), "a")
    for token in (old, between):
        with pytest.raises(jwt.InvalidKeyError):
            verified(github, token, "a")


def test_a_job_asks_for_a_token_with_its_audience(github: FakeGitHub, client: httpx.Client) -> None:
    url = f"{github.oidc_request_url}&audience=launchplane"
    given = client.get(url, headers={"Authorization": f"Bearer {github.oidc_request_token}"}).json()
    assert verified(github, given["value"], "launchplane")["event_name"] == "workflow_dispatch"
    assert client.get(url).status_code == 401


# -- bad input, and what GitHub does not know


def test_bad_input_is_refused_with_its_field(api: Api, shop: Repository, first: str) -> None:
    assert refusal(api.send("POST", f"{SHOP}/releases", {})) == (
        422,
        'Invalid request.\n\n"tag_name" wasn\'t supplied.',
    )
    not_a_switch = "Invalid request.\n\nFor 'properties/draft', \"no\" is not a boolean."
    assert refusal(api.release("v1", draft="no")) == (422, not_a_switch)
    assert api.release("v1", make_latest="yes").status_code == 422
    for content, message in ((b"{", "Problems parsing JSON"), (b"[]", "Body should be a JSON object")):
        found = api.client.post(f"{api.github.url}{SHOP}/releases", content=content, headers=api.headers)
        assert refusal(found) == (400, message)
    assert list(shop.releases) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("POST", f"{SHOP}/releases", {"tag_name": "v1", "target": "main"}, "body key 'target'"),
        ("GET", f"{SHOP}/releases?draft=true", None, "query 'draft'"),
        ("GET", f"{SHOP}/releases", {"tag_name": "v1"}, "a body"),
        ("PATCH", f"{SHOP}/releases", {"draft": False}, "no route that the fake has"),
        ("GET", "/graphql", None, "no route that the fake has"),
        ("POST", f"{SHOP}/git/tags", {"tagger": {"login": "x"}}, "body key tagger/'login'"),
    ],
)
def test_what_github_does_not_know_is_refused_aloud(
    client: httpx.Client, method: str, path: str, body: dict[str, Any] | None, named: str
) -> None:
    with FakeGitHub() as github:
        shop = github.add_repository("acme/shop")
        shop.commit()
        api = Api(github, client, github.add_token({"acme/shop": WRITE}))
        refused = api.send(method, path, body)
        assert refused.status_code == 500
        assert named in refused.json()["message"]
        assert [named in found for found in github.violations] == [True]
        assert list(shop.releases) == []


def test_requests_are_noted_with_query_and_body_and_without_the_token(github: FakeGitHub, api: Api, first: str) -> None:
    api.get(f"{SHOP}/releases?per_page=5")
    api.release("v1", first)
    body = '{"tag_name":"v1","target_commitish":"' + first + '"}'
    expected = [Asked("GET", f"{SHOP}/releases?per_page=5", ""), Asked("POST", f"{SHOP}/releases", body)]
    assert github.requests == expected
    assert github.requests_for_contract() == [list(asked) for asked in expected]
    assert (github.visits("*/releases"), github.visits("POST */releases")) == (2, 1)


# -- requests that misbehave


@pytest.mark.parametrize(
    ("how", "status", "content"),
    [
        ("401", 401, '"Bad credentials"'),
        ("403", 403, "not accessible by integration"),
        ("404", 404, '"Not Found"'),
        ("500", 500, "Server Error"),
        ("502", 502, "Server Error"),
        ("503", 503, "Unicorn"),
        ("abuse_429", 429, "secondary rate limit"),
        ("rate_limited", 403, "API rate limit exceeded"),
        ("secondary_rate_limit", 403, "secondary rate limit"),
        ("empty", 200, ""),
        ("html", 200, "Sign in"),
        ("not_json", 200, '"sha": "'),
        ("wrong_shape", 200, '"sha": 7'),
    ],
)
def test_a_broken_request_misbehaves_as_often_as_told_and_does_nothing(
    *, github: FakeGitHub, api: Api, shop: Repository, first: str, how: How, status: int, content: str
) -> None:
    github.break_next("POST */releases", how, times=2)
    assert api.status(f"{SHOP}/releases") == 200
    for _ in range(2):
        found = api.release("v1", first)
        assert found.status_code == status
        assert content in found.text
        assert (list(shop.releases), "refs/tags/v1" in shop.refs) == ([], False)
    assert api.release("v1", first).status_code == 201


def test_a_rate_limit_says_when_to_come_back(github: FakeGitHub, api: Api) -> None:
    github.break_next("*", "rate_limited")
    github.break_next("*", "secondary_rate_limit")
    limited = api.get(SHOP).headers
    assert limited["X-RateLimit-Remaining"] == "0"
    assert int(limited["X-RateLimit-Reset"]) > time.time()
    assert "Retry-After" not in limited
    assert int(api.get(SHOP).headers["Retry-After"]) > 0
    before, after = (int(api.get(SHOP).headers["X-RateLimit-Remaining"]) for _ in range(2))
    assert after == before - 1 == api.json("/rate_limit")["rate"]["remaining"] + 1


@pytest.mark.parametrize(("how", "done"), [("drop_before", False), ("drop_after", True)])
def test_a_lost_connection_tells_nothing_of_what_was_done(
    *, github: FakeGitHub, api: Api, shop: Repository, first: str, how: How, done: bool
) -> None:
    github.break_next("POST */releases", how)
    with pytest.raises(httpx.RemoteProtocolError):
        api.release("v1", first)
    assert ("refs/tags/v1" in shop.refs, len(shop.releases)) == (done, int(done))


@pytest.mark.parametrize(("how", "at_least"), [("huge", 10_000_000), ("drip", 3)])
def test_a_body_without_an_end_can_be_left(github: FakeGitHub, api: Api, how: How, at_least: int) -> None:
    github.break_next(f"GET {SHOP}", how)
    read = 0
    with api.client.stream("GET", f"{github.url}{SHOP}", headers=api.headers) as answer:
        for chunk in answer.iter_raw():
            read += len(chunk)
            if read >= at_least:
                break
    assert at_least <= read < at_least * 10


def test_a_misspelt_way_to_misbehave_and_a_pattern_that_never_comes_are_told(client: httpx.Client) -> None:
    with FakeGitHub() as github:
        with pytest.raises(ValueError, match="no way to misbehave"):
            github.break_next("*", "504")  # type: ignore[arg-type] # the point of it
        github.break_next("POST */release", "502")
        github.before_next("*/releases", lambda: None)
        client.post(f"{github.url}{SHOP}/releases", json={})
        assert github.pending() == ["POST */release"]


def test_what_fails_within_the_fake_is_told(client: httpx.Client) -> None:
    with FakeGitHub() as github:
        shop = github.add_repository("acme/shop", private=False)
        github.before_next("*", lambda: shop.tag("v1", NOWHERE))
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(f"{github.url}{SHOP}")
        assert github.violations == [f"GET {SHOP}: the fake failed: Refused('Object does not exist')"]


def test_somebody_else_comes_in_between(
    github: FakeGitHub, api: Api, shop: Repository, first: str, second: str
) -> None:
    github.before_next("POST */releases", lambda: shop.release("v1", first))
    assert errors(api.release("v1", second))[0]["code"] == "already_exists"
    github.before_next("*/git/ref/tags/v1", lambda: shop.tag("v1", second))
    assert api.json(f"{SHOP}/git/ref/tags/v1")["object"]["sha"] == second
    assert api.json(f"{SHOP}/git/ref/tags/v1")["object"]["sha"] == second


def test_of_many_at_once_one_wins(api: Api, shop: Repository, first: str, second: str) -> None:
    def release(commit: str) -> int:
        with httpx.Client(trust_env=False) as own:
            return (
                Api(api.github, own, None)
                .client.post(
                    f"{api.github.url}{SHOP}/releases",
                    json={"tag_name": "v1", "target_commitish": commit},
                    headers=api.headers,
                )
                .status_code
            )

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(release, [first, second] * 3))
    assert sorted(found) == [201] + [422] * 5
    assert shop.refs["refs/tags/v1"] == shop.releases[0].target_commitish


# -- the socket


def test_it_refuses_connections_while_it_is_down_and_comes_back_on_its_port(
    github: FakeGitHub, api: Api, shop: Repository
) -> None:
    github.stop_serving()
    with pytest.raises(httpx.ConnectError):
        api.get(SHOP)
    github.start_serving()
    assert api.status(SHOP) == 200


def test_it_speaks_tls(tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(pem)
    with (
        FakeGitHub(tls=served) as github,
        httpx.Client(verify=ssl.create_default_context(cafile=str(pem)), trust_env=False) as client,
    ):
        assert github.url.startswith("https://")
        assert client.get(f"{github.url}/rate_limit").json()["rate"]["limit"] == 5000
        found = client.get(f"{github.oidc_issuer}/.well-known/openid-configuration").json()
        assert found["issuer"] == github.oidc_issuer


def test_a_client_without_a_name_is_turned_away(github: FakeGitHub, client: httpx.Client) -> None:
    nameless = httpx.Request("GET", f"{github.url}/rate_limit")
    assert client.send(nameless).status_code == 403


def test_it_starts_by_hand_with_a_stage_to_play_on_and_ends_when_told(tmp_path: Path, client: httpx.Client) -> None:
    stage_file = tmp_path / "github.toml"
    command = [sys.executable, "-m", "tests.fakes.github", "--port", "0", "--stage", str(stage_file)]
    root = ROOT
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=root, env=dict(os.environ), **pipes) as started:
        assert started.stdout and started.stderr
        said = [started.stdout.readline() for _ in range(12)]
        (token,) = (line.strip().removeprefix("export GITHUB_TOKEN=") for line in said if "GITHUB_TOKEN=" in line)
        stage = tomllib.loads(stage_file.read_text())
        headers = {"Authorization": f"Bearer {token}"}
        commits, base = stage["commits"], f"{stage['api_url']}/repos/{stage['repository']}"
        compared = {
            name: client.get(f"{base}/compare/{commits['first']}...{commits[name]}", headers=headers).json()["status"]
            for name in ("second", "side")
        }
        on_main = client.get(f"{base}/compare/main...{commits['side']}", headers=headers).json()["status"]
        released = client.get(f"{base}/releases/latest", headers=headers).json()
        started.send_signal(signal.SIGTERM)
        assert started.wait(timeout=5) == 0
        logged = started.stderr.read()
    assert (compared, on_main) == ({"second": "ahead", "side": "ahead"}, "diverged")
    assert (commits["first"], commits["second"]) == (
        "215f71bc1a58639fe4bcd3b3609a4e68304184ab",
        "41620cf13151d1a12f09d06007d67bdf791d200c",
    )
    assert (released["tag_name"], stage["releases"]) == ("v0.2.9", {"v0.2.9": commits["first"]})
    key_file = Path(stage["app"]["key_file"])
    assert key_file.parent == tmp_path
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert "PRIVATE KEY" in key_file.read_text()
    assert "GET /repos/acme/shop/releases/latest 200" in logged
    assert token not in logged + stage_file.read_text()
    assert "Traceback" not in logged


# -- through PyGithub


@pytest.fixture
def repository(github: FakeGitHub, shop: Repository, first: str) -> Iterator[Any]:
    """The shop as PyGithub sees it, with a token that may write."""
    auth = pygithub.Auth.Token(github.add_token({"acme/shop": WRITE}))
    with pygithub.Github(auth=auth, **pygithub_settings(github)) as session:
        yield session.get_repo("acme/shop")


def test_pygithub_reads_commits_comparisons_branches_and_refs(
    repository: Any, shop: Repository, first: str, second: str
) -> None:
    pointed = shop.tag("v1", first, annotated=True)
    assert (repository.full_name, repository.default_branch, repository.private) == ("acme/shop", "main", True)
    assert repository.get_commit(first).commit.message == "First"
    assert repository.get_commit("main").sha == repository.get_branch("main").commit.sha == second
    assert repository.get_git_commit(first).tree.sha
    compared = repository.compare(first, second)
    assert (compared.status, compared.ahead_by, compared.behind_by) == ("ahead", 1, 0)
    assert [commit.sha for commit in compared.commits] == [second]
    ref = repository.get_git_ref("tags/v1")
    assert (ref.object.type, ref.object.sha) == ("tag", pointed)
    assert repository.get_git_tag(pointed).object.sha == first
    assert [ref.ref for ref in repository.get_git_matching_refs("tags/v")] == ["refs/tags/v1"]
    assert [(tag.name, tag.commit.sha) for tag in repository.get_tags()] == [("v1", first)]
    with pytest.raises(pygithub.GithubException, match="422"):
        repository.get_commit(NOWHERE).sha  # noqa: B018 - an attribute is what it asks by
    with pytest.raises(pygithub.UnknownObjectException):
        repository.get_git_ref("tags/v9").object  # noqa: B018 - likewise


def test_pygithub_drafts_checks_publishes_and_reads_back(repository: Any, shop: Repository, first: str) -> None:
    draft = repository.create_git_release("v1", "v1", "notes", draft=True, target_commitish=first)
    assert (draft.draft, draft.published_at, list(shop.refs)) == (True, None, ["refs/heads/main"])
    assert [one.id for one in repository.get_releases()] == [draft.id]
    published = draft.update_release("v1", "notes", draft=False, make_latest="true")
    assert (published.draft, published.id) == (False, draft.id)
    for found in (repository.get_release("v1"), repository.get_release(draft.id), repository.get_latest_release()):
        assert (found.tag_name, found.body, found.target_commitish) == ("v1", "notes", first)
    assert shop.refs["refs/tags/v1"] == first
    with pytest.raises(pygithub.GithubException) as refused:
        repository.create_git_release("v1", "v1", "notes", target_commitish=first)
    assert refused.value.data["errors"][0]["code"] == "already_exists"
    published.delete_release()
    assert list(shop.releases) == []


def test_pygithub_makes_an_annotated_tag_in_two_steps(repository: Any, shop: Repository, first: str) -> None:
    tag = repository.create_git_tag("v1", "One", first, "commit")
    assert "refs/tags/v1" not in shop.refs
    ref = repository.create_git_ref("refs/tags/v1", tag.sha)
    assert (ref.object.type, shop.refs["refs/tags/v1"]) == ("tag", tag.sha)
    ref.edit(first, force=True)
    assert shop.refs["refs/tags/v1"] == first
    ref.delete()
    assert "refs/tags/v1" not in shop.refs


def test_pygithub_pages_through_releases(repository: Any, shop: Repository, first: str) -> None:
    for number in range(32):
        shop.release(f"v{number}", first)
    assert [one.tag_name for one in repository.get_releases()] == [f"v{number}" for number in reversed(range(32))]
    assert repository.get_releases().totalCount == 32


def test_pygithub_publishes_as_an_app(github: FakeGitHub, app: App, shop: Repository, first: str) -> None:
    number = app.install("acme/shop", permissions=WRITE)
    auth = pygithub.Auth.AppAuth(app.app_id, app.private_key_pem)
    with pygithub.GithubIntegration(auth=auth, **pygithub_settings(github)) as integration:
        assert integration.get_app().slug == app.slug
        assert [one.id for one in integration.get_installations()] == [number]
        assert integration.get_repo_installation("acme", "shop").id == number
        assert integration.get_access_token(number, READ).permissions["contents"] == "read"
        with integration.get_github_for_installation(number, WRITE) as session:
            made = session.get_repo("acme/shop").create_git_release("v1", "v1", "notes", target_commitish=first)
            assert made.author.login == f"{app.slug}[bot]"
            assert session.get_rate_limit().rate.limit == 5000
        with pytest.raises(pygithub.UnknownObjectException):
            integration.get_repo_installation("acme", "none")
        with pytest.raises(pygithub.GithubException, match="not granted"):
            integration.get_access_token(number, {"issues": "write"})


def test_pygithub_follows_a_renamed_repository(github: FakeGitHub, repository: Any, first: str) -> None:
    github.rename("acme/shop", "acme/store")
    assert repository.get_commit(first).commit.message == "First"
    repository.update()
    assert repository.full_name == "acme/store"


@pytest.mark.parametrize("how", ["502_after", "drop_after"])
def test_a_publish_repeated_after_a_lost_answer_is_told_that_it_exists(
    github: FakeGitHub, shop: Repository, first: str, how: How
) -> None:
    github.break_next("POST */releases", how)
    auth = pygithub.Auth.Token(github.add_token({"acme/shop": WRITE}))
    retry = pygithub.GithubRetry(total=3, backoff_factor=0)
    with pygithub.Github(auth=auth, **{**pygithub_settings(github), "retry": retry}) as session:
        found = session.get_repo("acme/shop")
        with pytest.raises(pygithub.GithubException) as refused:
            found.create_git_release("v1", "v1", "notes", target_commitish=first)
    assert (refused.value.status, refused.value.data["errors"][0]["code"]) == (422, "already_exists")
    assert len(shop.releases) == 1  # our own


def test_a_lost_answer_without_a_retry_is_a_502_and_the_release_exists(
    github: FakeGitHub, repository: Any, shop: Repository, first: str
) -> None:
    github.break_next("POST */releases", "502_after")
    with pytest.raises(pygithub.GithubException) as refused:
        repository.create_git_release("v1", "v1", "notes", target_commitish=first)
    assert (refused.value.status, len(shop.releases)) == (502, 1)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("401", pygithub.BadCredentialsException),
        ("404", pygithub.UnknownObjectException),
        ("rate_limited", pygithub.RateLimitExceededException),
        ("secondary_rate_limit", pygithub.RateLimitExceededException),
    ],
)
def test_pygithub_knows_a_refusal_by_its_form(
    github: FakeGitHub, repository: Any, how: How, error: type[pygithub.GithubException]
) -> None:
    repository.update()
    github.break_next("*/releases", how)
    with pytest.raises(error):
        repository.create_git_release("v1", "v1", "notes")
