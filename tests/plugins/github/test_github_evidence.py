"""What the plugin ``github`` tells the policies of a commit, a version and whoever publishes; what they make of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.errors import EvidenceFailed, SettingsError, StandingRefused, Undecided
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import PluginConfig, Question
from launchplane_gate.line.waive import WaiverRequest, text_to_sign
from launchplane_gate.model import Phase, ReleaseIdentity, Run, unstamp
from launchplane_gate.plugins import Plugins, load_plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine, load_bundle, shipped_policies
from launchplane_gate.settings import load_settings
from launchplane_gate_github import GitHubPlugin
from launchplane_gate_github.commits import changes_workflows
from launchplane_gate_github.notes import marker
from launchplane_gate_github.options import read_options
from tests.conftest import (
    ACTOR,
    LISTED,
    POLICY,
    PROD,
    PRODUCT,
    PROFILE,
    A,
    B,
    C,
    MakeGate,
    bundle_with,
    deploy,
    promote,
)
from tests.fakes.github import FakeGitHub, How, Repository
from tests.fakes.health_server import Answer, HealthServer, drips, says, sleeps
from tests.fakes.platform import FakeHealth, FakePlatform
from tests.test_ssh import new_key, public, sign

NAME = PROFILE.repository
WRITE, READ = {"contents": "write"}, {"contents": "read"}
FIRST, SECOND, SIDE = (release.source_git_ref for release in (A, B, C))
NOWHERE = "9" * 40
BRANCHES = ("main", "release/next")
V = "v0.2.10"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as github:
        yield github
        assert github.violations == []
        assert github.pending() == []


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    """FIRST and SECOND are on main, SIDE is on a branch of its own; v0.2.9 is out on FIRST."""
    shop = github.add_repository(NAME)
    shop.commit("First", sha=FIRST)
    shop.commit("Second", sha=SECOND)
    shop.commit("Aside", sha=SIDE, parent=FIRST, branch="fix/checkout")
    shop.release("v0.2.9", FIRST)
    return shop


Made = Callable[..., GitHubPlugin]


@pytest.fixture
def made(github: FakeGitHub, shop: Repository) -> Made:
    """The plugin, with a token to read with and, unless said otherwise, one that may publish."""

    def make(**options: Any) -> GitHubPlugin:
        table = {
            "base_url": github.url,
            "timeout_s": 2,
            "token": SecretStr(github.add_token({NAME: READ})),
            "release_identity": {"token": SecretStr(github.add_token({NAME: WRITE}, kind="personal"))},
            "products": {PRODUCT: {}},
        }
        config = PluginConfig(
            name="github",
            options={key: value for key, value in (table | options).items() if value is not None},
            targets={},
            base_dir=Path(),
            state_dir=Path("unused"),
            now=lambda: datetime.now(UTC),
        )
        return GitHubPlugin(config)

    return make


def question(commit: str = SECOND, **rest: Any) -> Question:
    phase: Phase = rest.pop("phase", "admit")
    release = ReleaseIdentity(artifact_id="shop@sha256:aa", source_git_ref=commit)
    asked: dict[str, Any] = {"branches": BRANCHES, "deadline_s": 5} | rest
    return Question(phase=phase, product=PROFILE, source=None, destination=PROD, release=release, **asked)


def running(commit: str) -> ReleaseIdentity:
    return ReleaseIdentity(artifact_id="shop@sha256:bb", source_git_ref=commit)


def failure(plugin: GitHubPlugin, asked: Question | None = None) -> str:
    """Why nothing is known: of which repository, what is wrong and what to do."""
    with pytest.raises(EvidenceFailed) as failed:
        plugin.gate_evidence(asked or question())
    assert str(failed.value).startswith(f"{NAME}: ")
    assert "; " in str(failed.value), "no remedy"
    return str(failed.value)


# -- the commit


def test_a_commit_is_found_with_the_allowed_branches_that_contain_it(made: Made, shop: Repository) -> None:
    shop.branch("release/next", FIRST)
    before = datetime.now(UTC)
    found = made().gate_evidence(question())
    seen_at = unstamp(found["seen_at"])
    assert seen_at and (seen_at - before).total_seconds() > -0.001 and seen_at <= datetime.now(UTC)
    assert found == {
        "repository": NAME,
        "seen_at": found["seen_at"],
        "commit": {"sha": SECOND, "exists": True},
        "branches": [{"name": "main", "contains": True}, {"name": "release/next", "contains": False}],
    }


@pytest.mark.parametrize(("commit", "on"), [(FIRST, True), (SECOND, True), (SIDE, False), (NOWHERE, False)])
def test_where_a_commit_is_follows_from_its_ancestry(made: Made, commit: str, on: bool) -> None:
    found = made().gate_evidence(question(commit, branches=("main",)))
    assert found["branches"] == [{"name": "main", "contains": on}]
    assert found["commit"] == {"sha": commit, "exists": commit != NOWHERE}


def test_a_merge_brings_what_was_merged_and_a_reset_takes_it_away(made: Made, shop: Repository) -> None:
    merge = shop.commit("Merge", parent=(SECOND, SIDE))
    plugin, asked = made(), question(SIDE, branches=("main",))
    assert plugin.gate_evidence(asked)["branches"] == [{"name": "main", "contains": True}]
    assert merge != SIDE
    shop.branch("main", SECOND)
    assert plugin.gate_evidence(asked)["branches"] == [{"name": "main", "contains": False}]


def test_a_branch_that_is_not_there_contains_nothing(made: Made) -> None:
    assert made().gate_evidence(question(branches=("gone",)))["branches"] == [{"name": "gone", "contains": False}]


def test_a_tag_with_the_name_of_a_branch_is_not_taken_for_it(made: Made, shop: Repository) -> None:
    shop.tag("main", SIDE)
    assert made().gate_evidence(question(SIDE, branches=("main",)))["branches"] == [{"name": "main", "contains": False}]


def test_what_is_no_whole_commit_is_not_asked_about(made: Made, github: FakeGitHub) -> None:
    for ref in ("main", SECOND[:7], SECOND.upper(), "v0.2.9"):
        assert made().gate_evidence(question(ref)) == {}
    assert github.requests == []


def test_nobody_looks_for_other_products_nor_in_confirm(made: Made, github: FakeGitHub) -> None:
    assert made(products={"another": {}}).gate_evidence(question()) == {}
    assert made().gate_evidence(question(phase="confirm", version=V)) == {}
    assert github.requests == []


def test_the_repository_is_that_of_the_profile_unless_the_settings_name_one(made: Made, github: FakeGitHub) -> None:
    other = github.add_repository("acme/monorepo", private=False)
    other.commit("Elsewhere", sha=NOWHERE)
    plugin = made(products={PRODUCT: {"repository": "acme/monorepo"}})
    found = plugin.gate_evidence(question(NOWHERE, branches=("main",)))
    assert (found["repository"], found["commit"]["exists"]) == ("acme/monorepo", True)


def test_a_profile_whose_repository_is_none_of_github_is_refused(made: Made) -> None:
    asked = question()
    odd = Question(**{**vars(asked), "product": PROFILE.model_copy(update={"repository": "git@example.org:shop.git"})})
    with pytest.raises(SettingsError, match="OWNER/NAME"):
        made().gate_evidence(odd)


@pytest.mark.parametrize(
    ("base", "commit", "status", "by"),
    [
        (FIRST, SECOND, "ahead", (1, 0)),
        (SECOND, FIRST, "behind", (0, 1)),
        (SECOND, SIDE, "diverged", (1, 1)),
        (SECOND, SECOND, "identical", (0, 0)),
    ],
)
def test_what_runs_is_compared_with_what_is_to_run(
    made: Made, base: str, commit: str, status: str, by: tuple[int, int]
) -> None:
    found = made().gate_evidence(question(commit, runs=running(base)))
    assert found["comparison"] == {"base": base, "status": status, "ahead_by": by[0], "behind_by": by[1]}


def test_a_comparison_that_finds_nothing_is_null_and_one_that_nobody_made_is_absent(
    made: Made, shop: Repository
) -> None:
    root = shop.commit("Another history", parent=(), branch="other")
    for base, commit in ((NOWHERE, SECOND), (root, SECOND), (FIRST, NOWHERE)):
        assert made().gate_evidence(question(commit, runs=running(base)))["comparison"] is None
    for runs in (None, running("main")):
        assert "comparison" not in made().gate_evidence(question(runs=runs))


# -- the version


def of_version(plugin: GitHubPlugin, version: str = V, commit: str = SECOND) -> Any:
    return plugin.gate_evidence(question(commit, version=version))


def test_without_a_version_nobody_looks_for_one(made: Made, github: FakeGitHub) -> None:
    assert {"version", "latest", "publisher"}.isdisjoint(made().gate_evidence(question()))
    assert github.visits("*/releases*") == github.visits("*/tags/*") == 0


def test_a_version_that_is_not_there_is_null(made: Made) -> None:
    found = of_version(made())
    assert found["version"] == {"asked": V, "tag": None, "release": None, "others": []}
    assert found["latest"] == {"version": "v0.2.9", "commit": FIRST}


@pytest.mark.parametrize("annotated", [False, True])
def test_a_tag_is_told_by_its_commit(made: Made, shop: Repository, annotated: bool) -> None:
    points_at = shop.tag(V, SIDE, annotated=annotated)
    assert (points_at == SIDE) != annotated
    assert of_version(made())["version"] == {
        "asked": V,
        "tag": {"name": V, "commit": SIDE},
        "release": None,
        "others": [],
    }


@pytest.mark.parametrize("annotated", [False, True])
def test_other_versions_on_the_commit_of_the_release_are_told(made: Made, shop: Repository, annotated: bool) -> None:
    shop.tag("v0.1.0", SECOND, annotated=annotated)
    shop.tag("nightly-2", SECOND)
    shop.tag("v0.3.0", SIDE)
    shop.tag(V, SECOND)
    assert of_version(made())["version"]["others"] == ["v0.1.0"]


def test_a_tag_that_only_begins_alike_is_another(made: Made, shop: Repository) -> None:
    shop.tag(f"{V}0", SIDE)
    assert of_version(made())["version"]["tag"] is None


def test_a_release_is_told_with_its_state_and_drafts_to_those_who_may_write(made: Made, shop: Repository) -> None:
    shop.release(V, SECOND, draft=True)
    draft = of_version(made())["version"]
    assert (draft["tag"], draft["release"]["tag"], draft["release"]["draft"]) == (None, V, True)
    assert of_version(made(release_identity=None))["version"]["release"] is None
    shop.release(V, SECOND)
    out = of_version(made())["version"]
    assert (out["tag"], out["release"]["draft"]) == ({"name": V, "commit": SECOND}, False)
    assert out["release"]["url"].endswith(f"/releases/tag/{V}")


def test_a_release_is_told_with_what_tells_whose_it_is(made: Made, shop: Repository) -> None:
    shop.release(V, SECOND, prerelease=True, notes=f"x\n{marker('r-1')}\n{marker('r-2')}\n`{marker('r-3')}`")
    found = of_version(made())["version"]["release"]
    assert (found["prerelease"], found["author"], found["marked_by"]) == (True, "somebody", ["r-1", "r-2"])
    shop.releases[-1].author = ""  # who is gone
    shop.releases[-1].body = None
    found = of_version(made())["version"]["release"]
    assert (found["author"], found["marked_by"]) == (None, [])


@pytest.mark.parametrize("at", [SECOND, SIDE])
def test_versions_that_differ_only_in_a_v_are_one(made: Made, shop: Repository, at: str) -> None:
    shop.release(V.removeprefix("v"), at)
    found = of_version(made())["version"]
    assert found["tag"] == {"name": V.removeprefix("v"), "commit": at}
    assert (found["release"]["tag"], found["others"]) == ("0.2.10", ["0.2.10"] if at == SECOND else [])
    shop.tag(V, SECOND)  # of both, what is on another commit is told
    assert of_version(made())["version"]["tag"]["commit"] == at


def test_what_github_shows_as_the_latest_is_told(made: Made, shop: Repository) -> None:
    assert of_version(made())["shown_latest"] == "v0.2.9"
    shop.release("v0.10.0", SECOND)
    shop.release("v0.9.0", SIDE)
    shop.release("v9.0.0", SECOND, prerelease=True)
    assert of_version(made())["shown_latest"] == "v0.9.0"


def test_the_latest_is_the_highest_version_of_what_is_published(made: Made, shop: Repository) -> None:
    shop.release("v0.10.0", SECOND)
    shop.release("v0.9.0", SIDE)  # which GitHub calls the latest
    shop.release("v3.0.0", SECOND, draft=True)
    shop.release("v2.0.0", SECOND, prerelease=True)
    shop.release("nightly-9.9.9", SECOND)
    shop.tag("v8.0.0", SECOND)
    assert of_version(made())["latest"] == {"version": "v0.10.0", "commit": SECOND}


def test_the_latest_is_found_on_whatever_page_it_is(made: Made, shop: Repository) -> None:
    for number in range(120):
        shop.release(f"v0.1.{number}", FIRST)
    assert of_version(made())["latest"]["version"] == "v0.2.9"
    assert len(json.dumps(of_version(made()))) < 1000


def test_a_repository_without_a_release_has_no_latest(made: Made, github: FakeGitHub) -> None:
    github.add_repository("acme/new", private=False).commit("First", sha=FIRST)
    plugin = made(products={PRODUCT: {"repository": "acme/new"}}, release_identity=None)
    found = of_version(plugin, commit=FIRST)
    assert (found["latest"], found["shown_latest"]) == (None, None)


# -- the publisher


def test_a_token_that_may_write_can_publish(made: Made, github: FakeGitHub) -> None:
    found = of_version(made())["publisher"]
    assert found == {"identity": "token of octo-author", "can_publish": True, "why": ""}
    token = SecretStr(github.add_token({NAME: WRITE}))
    found = of_version(made(release_identity={"token": token}))["publisher"]
    assert (found["identity"], found["can_publish"]) == ("a token of an installation", True)


@pytest.mark.parametrize("kind", ["personal", "installation"])
def test_a_token_that_may_only_read_cannot_publish_whatever_its_owner_may(
    made: Made, github: FakeGitHub, kind: Any
) -> None:
    token = SecretStr(github.add_token({NAME: READ}, kind=kind))
    found = of_version(made(release_identity={"token": token}))["publisher"]
    assert found["can_publish"] is False and "contents: write" in found["why"]


@pytest.mark.parametrize("wrong", ["revoked", "of another account", "none"])
def test_an_identity_that_is_no_good_cannot_publish_and_it_is_said_why(
    made: Made, github: FakeGitHub, wrong: str
) -> None:
    github.add_repository("other/one")
    token = github.add_token({"other/one": WRITE} if wrong == "of another account" else {NAME: WRITE})
    if wrong == "revoked":
        github.revoke(token)
    found = of_version(made(release_identity=None if wrong == "none" else {"token": SecretStr(token)}))["publisher"]
    assert found["can_publish"] is False
    assert "[plugins.github.release_identity]" in found["why"] and token not in found["why"]


@pytest.mark.parametrize(
    ("granted", "why"),
    [
        (WRITE, ""),
        (READ, "app 1 has no permission contents: write"),
        ({"issues": "write"}, "app 1 has no permission contents: write"),
        (None, "not installed"),
        ("suspended", "suspended"),
    ],
)
def test_an_app_can_publish_what_it_was_granted(made: Made, github: FakeGitHub, granted: Any, why: str) -> None:
    app = github.add_app()
    if granted:
        installation = app.install(NAME, permissions=WRITE if granted == "suspended" else granted)
        if granted == "suspended":
            app.suspend(installation)
    identity = {"app_id": app.app_id, "private_key": SecretStr(app.private_key_pem)}
    found = of_version(made(release_identity=identity))["publisher"]
    assert (found["identity"], found["can_publish"]) == ("app 1", not why)
    assert why in found["why"]


def test_a_release_that_changes_workflows_takes_the_permission_for_them(
    made: Made, github: FakeGitHub, shop: Repository
) -> None:
    app = github.add_app()
    app.install(NAME, permissions=WRITE)
    plugin = made(release_identity={"app_id": app.app_id, "private_key": SecretStr(app.private_key_pem)})
    assert of_version(plugin)["publisher"]["can_publish"] is True
    shop.commit("Another build", touches_workflows=True)  # on main, after what is to be released
    found = of_version(plugin)["publisher"]
    assert found["can_publish"] is False and "workflows: write" in found["why"]
    shop.tag(V, SECOND)  # no tag is made then
    assert of_version(plugin)["publisher"]["can_publish"] is True
    shop.delete_tag(V)
    app.install(NAME, permissions=WRITE | {"workflows": "write"})
    assert of_version(plugin)["publisher"]["can_publish"] is True


def test_a_release_that_has_workflows_of_its_own_takes_the_permission_too(
    made: Made, github: FakeGitHub, shop: Repository
) -> None:
    own = shop.commit("Build aside", branch="fix/checkout", touches_workflows=True)
    app = github.add_app()
    app.install(NAME, permissions=WRITE)
    plugin = made(release_identity={"app_id": app.app_id, "private_key": SecretStr(app.private_key_pem)})
    assert of_version(plugin, commit=own)["publisher"]["can_publish"] is False
    assert of_version(plugin, commit=SIDE)["publisher"]["can_publish"] is True


def test_a_classic_token_tells_whether_it_may_change_workflows(
    made: Made, github: FakeGitHub, shop: Repository
) -> None:
    shop.commit("Another build", touches_workflows=True)
    for may in (True, False):
        token = SecretStr(github.add_token({NAME: WRITE}, kind="classic", workflows=may))
        found = of_version(made(release_identity={"token": token}))["publisher"]
        assert found["can_publish"] is may and ("no scope workflow" in found["why"]) is not may


@pytest.mark.parametrize(("files", "changes"), [(299, False), (300, None)])
def test_a_comparison_that_may_have_left_out_files_tells_nothing_of_workflows(files: int, changes: bool | None) -> None:
    with HealthServer() as server:
        url = server.url(f"/repos/{NAME}")
        compared = {
            "status": "ahead",
            **{"ahead_by": 1, "behind_by": 0, "url": f"{url}/compare/x", "commits": []},
            "files": [{"filename": f"src/{number}.py"} for number in range(files)],
        }
        answers = {
            "": {"full_name": NAME, "url": url, "default_branch": "main"},
            "/branches/main": {"name": "main", "commit": {"sha": SECOND, "url": f"{url}/commits/{SECOND}"}},
            f"/compare/{FIRST}...{SECOND}": compared,
        }
        server.answers = {f"/repos/{NAME}{path}": says(json.dumps(said).encode()) for path, said in answers.items()}
        config = PluginConfig("github", {"base_url": server.url("")}, {}, Path(), Path(), lambda: datetime.now(UTC))
        repository = read_options(config)[1].within(5).repository(NAME)
        assert changes_workflows(repository, FIRST) is changes


MANY = "9" * 400
WHOLE = {"full_name": NAME, "url": "{url}", "default_branch": "main", "id": 1}


def whole(server: HealthServer, **changed: Any) -> bytes:
    return json.dumps(WHOLE | {"url": server.url(f"/repos/{NAME}")} | changed).encode()


def odd(path: str, answer: Callable[[HealthServer], Answer]) -> tuple[str, float]:
    """What is said of a GitHub that answers oddly at a path and well before, and how long that took."""
    with HealthServer() as server:
        server.answers[f"/repos/{NAME}"] = says(whole(server))
        server.answers[f"/repos/{NAME}{path}"] = answer(server)
        table = {"base_url": server.url(""), "timeout_s": 0.4, "products": {PRODUCT: {}}}
        plugin = GitHubPlugin(PluginConfig("github", table, {}, Path(), Path(), lambda: datetime.now(UTC)))
        began = time.monotonic()
        try:
            said = str(plugin.gate_evidence(question(deadline_s=0.8)))  # where nobody needs what is odd
        except EvidenceFailed as error:
            said = str(error)
        return said, time.monotonic() - began


@pytest.mark.parametrize(
    ("code", "headers", "says_so"),
    [
        (429, {"Retry-After": MANY}, "asked too often"),
        (403, {"Retry-After": MANY}, "asked too often"),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": MANY}, "asked too often"),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1e999999"}, ""),
        (200, {"X-RateLimit-Remaining": "1e999999", "X-RateLimit-Limit": "1e999999"}, ""),
        (200, {"X-RateLimit-Remaining": "5", "X-RateLimit-Limit": "5", "X-RateLimit-Reset": "never"}, ""),
        (200, {"Link": "<>;;;,, ;", "Date": "0000-99-99", "Last-Modified": "0000", "X-OAuth-Scopes": ",,"}, ""),
    ],
    ids=range(7),
)
def test_headers_that_no_clock_and_no_number_can_hold_are_bad_answers(
    code: int, headers: dict[str, str], says_so: str
) -> None:
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    for path in ("", "/branches/main", f"/commits/{SECOND}"):
        said, took_s = odd(path, lambda server: says(whole(server), code=code, **named))
        assert says_so in said or path
        assert took_s < 3


@pytest.mark.parametrize(
    "value", ["1e999999", "-1e999999", "9" * 5000, "NaN", '"0000-00-00T00:00:00Z"', '"2020-99-99"']
)
def test_values_that_no_clock_and_no_number_can_hold_are_bad_answers(value: str) -> None:
    body = f'{{"full_name": "{NAME}", "url": "x", "id": {value}, "size": {value}, "created_at": {value}, '
    body += f'"sha": {value}, "ahead_by": {value}, "commit": {{"sha": {value}}}}}'
    for path in ("", "/branches/main", f"/commits/{SECOND}"):
        assert odd(path, lambda _: says(body.encode()))[1] < 3


@pytest.mark.parametrize(
    "answer", [sleeps(30, says(b"{}")), drips(b"x" * 500), drips(b"x" * 500, headers_too=True)], ids=range(3)
)
def test_a_github_that_is_silent_or_drips_is_given_up_in_time(answer: Answer) -> None:
    said, took_s = odd("", lambda _: answer)
    assert "did not answer: no whole answer came within" in said
    assert took_s < 3


def test_to_ask_changes_nothing(made: Made, github: FakeGitHub, shop: Repository) -> None:
    refs, releases = shop.refs, list(shop.releases)
    of_version(made())
    assert (shop.refs, list(shop.releases)) == (refs, releases)
    assert {one.path.rpartition("/")[2] for one in github.requests if one.method != "GET"} == {"generate-notes"}


# -- from a settings file


SETTINGS = """
schema_version = 1

[plugins.local]
releases = "releases"

[plugins.github]
base_url = "{url}"
token = {{ env = "READER" }}

[plugins.github.release_identity]
app_id = {app_id}
private_key = {{ file = "app.pem" }}

[plugins.github.products.shop]
repository = "{name}"

[products.shop]
repository = "{name}"
driver = "local"
image = "local/shop"

[products.shop.lanes.prod]
health_url = "http://127.0.0.1:8002/health"
target = {{ port = 8002 }}
"""


def test_a_settings_file_refers_to_the_secrets(tmp_path: Path, github: FakeGitHub, shop: Repository) -> None:
    app = github.add_app()
    app.install(NAME, permissions=WRITE)
    (tmp_path / "releases").mkdir()
    (tmp_path / "app.pem").write_text(app.private_key_pem)
    path = tmp_path / "launchplane-gate.toml"
    path.write_text(SETTINGS.format(url=github.url, app_id=app.app_id, name=NAME))
    settings = load_settings(path, environment={"READER": github.add_token({NAME: READ})})
    plugins = load_plugins(settings, now=lambda: datetime.now(UTC))
    asked = Question(**{**vars(question(version=V)), "product": settings.profile("shop")})
    found = plugins.evidence(asked)["github"]
    assert found["publisher"] == {"identity": f"app {app.app_id}", "can_publish": True, "why": ""}
    assert found["branches"][0] == {"name": "main", "contains": True}


# -- what cannot be known


@pytest.mark.parametrize(
    ("step", "how", "times"),
    [
        ("GET */repos/*", "404", 1),
        ("GET */git/commits/*", "500", 3),
        ("GET */git/commits/*", "403", 1),
        ("GET */git/commits/*", "wrong_shape", 1),
        ("GET */branches/*", "html", 1),
        ("GET */compare/*", "wrong_shape", 1),
        ("GET */compare/*", "rate_limited", 1),
        ("GET */git/ref/*", "401", 1),
        ("GET */git/ref/*", "wrong_shape", 1),
        ("GET */releases", "wrong_shape", 1),
        ("GET */releases", "502", 3),
        ("GET /user", "503", 3),
        ("POST */generate-notes", "502", 1),
        ("POST */generate-notes", "drop_after", 1),
    ],
)
def test_what_cannot_be_known_is_no_evidence(made: Made, github: FakeGitHub, step: str, how: How, times: int) -> None:
    github.break_next(step, how, times)
    failure(made(), question(runs=running(FIRST), version=V))


def test_a_github_that_hangs_takes_no_longer_than_there_is_time(made: Made, github: FakeGitHub) -> None:
    github.break_next("GET */git/commits/*", "drip")
    assert "within" in failure(made(), question(deadline_s=0.3))


def test_a_repository_that_was_renamed_is_refused_under_its_new_name(made: Made, github: FakeGitHub) -> None:
    plugin = made()
    github.rename(NAME, "newcorp/store")
    assert "newcorp/store" in failure(plugin)


def test_the_evidence_has_the_form_that_the_plugin_tells(made: Made) -> None:
    found = made().gate_evidence(question(runs=running(FIRST), version=V))
    assert GitHubPlugin.evidence_contract.model_validate(found).model_dump(mode="json") == dict(found)


# -- the whole line


RULES = ["release.commit_on_branch", "release.version_free", "release.publisher_ready"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped policies, with all that can be asked of GitHub asked of each promotion of the product."""
    product = POLICY["products"][PRODUCT] | {"branches": ["main"]}
    roll_call = {"products": {PRODUCT: {"promote": {"admit": RULES}}}}
    folder = tmp_path_factory.mktemp("strict")
    (folder / "config").mkdir()
    policy = POLICY | {"products": {PRODUCT: product}, "roll_call": roll_call}
    (folder / "config/data.json").write_text(json.dumps(policy))
    return load_bundle([shipped_policies(), folder])


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> EmbeddedEngine:
    return EmbeddedEngine(bundle)


Line = Callable[..., Gate]


@pytest.fixture
def line(make_gate: MakeGate, platform: FakePlatform) -> Line:
    def make(plugin: GitHubPlugin) -> Gate:
        plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": plugin})
        return make_gate(plugins=plugins)

    return make


def refused(run: Run) -> list[str]:
    assert run.status == "denied" and run.admitted
    for refusal in run.admitted.refusals:
        assert refusal.message and refusal.remedy
    return [refusal.code for refusal in run.admitted.refusals]


def test_a_release_that_github_has_nothing_against_runs_and_is_published(
    line: Line, made: Made, shop: Repository, platform: FakePlatform
) -> None:
    gate = line(made())
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert gate.run(promote(), ACTOR).status == "recorded"  # and is published as nothing
    assert gate.run(deploy(B), ACTOR).status == "recorded"
    run = gate.run(promote(version=V), ACTOR)
    assert run.status == "recorded" and run.publication and run.publication.published
    assert shop.refs[f"refs/tags/{V}"] == B.source_git_ref
    assert platform.runs[str(PROD)] == B


def test_a_commit_on_no_allowed_branch_is_refused_before_the_deploy(
    line: Line, made: Made, platform: FakePlatform
) -> None:
    gate = line(made())
    gate.run(deploy(C), ACTOR)
    assert refused(gate.run(promote(), ACTOR)) == ["release.commit_on_branch"]
    assert str(PROD) not in platform.runs


@pytest.mark.parametrize("version", ["v0.2.9", "v0.2.10", "v0.2.1"])
def test_a_version_that_is_taken_or_too_low_is_refused_before_the_deploy(
    line: Line, made: Made, shop: Repository, platform: FakePlatform, version: str
) -> None:
    shop.tag("v0.2.10", SIDE)
    gate = line(made())
    gate.run(deploy(B), ACTOR)
    assert refused(gate.run(promote(version=version), ACTOR)) == ["release.version_free"]
    assert str(PROD) not in platform.runs and list(shop.refs).count(f"refs/tags/{version}") == (version != "v0.2.1")


def test_a_version_that_is_on_the_very_commit_is_completed(line: Line, made: Made, shop: Repository) -> None:
    shop.tag(V, SECOND, annotated=True)
    gate = line(made())
    gate.run(deploy(B), ACTOR)
    run = gate.run(promote(version=V), ACTOR)
    assert run.status == "recorded" and run.publication and run.publication.published


def test_an_identity_without_the_permission_is_refused_before_the_deploy(
    line: Line, made: Made, github: FakeGitHub, platform: FakePlatform
) -> None:
    token = SecretStr(github.add_token({NAME: READ}, kind="personal"))
    gate = line(made(release_identity={"token": token}))
    gate.run(deploy(B), ACTOR)
    assert refused(gate.run(promote(version=V), ACTOR)) == ["release.publisher_ready"]
    assert str(PROD) not in platform.runs
    assert gate.run(promote(), ACTOR).status == "recorded"


def test_a_step_back_is_refused_by_ancestry_where_history_would_not_know_it(
    line: Line, made: Made, shop: Repository, platform: FakePlatform
) -> None:
    shop.branch("main", shop.commit("Merge", parent=(SECOND, SIDE)))
    gate = line(made())
    gate.run(deploy(B), ACTOR)
    assert gate.run(promote(), ACTOR).status == "recorded"
    for older in (A, C):  # behind, and diverged; prod ran neither
        gate.run(deploy(older), ACTOR)
        assert refused(gate.run(promote(), ACTOR)) == ["inventory.forward_only"]
    assert platform.runs[str(PROD)] == B


def test_with_github_away_nothing_is_decided_and_nothing_deployed(
    line: Line, made: Made, github: FakeGitHub, platform: FakePlatform
) -> None:
    gate = line(made())
    gate.run(deploy(B), ACTOR)
    github.stop_serving()
    with pytest.raises(Undecided, match="GitHub did not answer"):
        gate.check(promote(version=V), ACTOR)
    with pytest.raises(Undecided):
        gate.run(promote(version=V), ACTOR)
    assert str(PROD) not in platform.runs
    github.start_serving()
    assert gate.run(promote(version=V), ACTOR).status == "recorded"


def test_with_github_away_after_the_deploy_what_was_let_go_is_recorded(
    line: Line, made: Made, github: FakeGitHub, platform: FakePlatform
) -> None:
    gate = line(made())
    gate.run(deploy(B), ACTOR)

    def change(driver: FakePlatform, approval: Any) -> Any:
        github.stop_serving()
        return driver.change(approval)

    platform.behaves = change
    run = gate.run(promote(version=V), ACTOR)
    github.start_serving()
    assert run.status == "recorded" and run.publication and not run.publication.published


def test_a_product_that_github_was_not_asked_about_is_refused_by_what_asks_for_it(line: Line, made: Made) -> None:
    gate = line(made(products={"another": {}}))
    gate.run(deploy(B), ACTOR)
    assert refused(gate.run(promote(), ACTOR)) == ["release.commit_on_branch"]


def test_with_github_away_a_person_with_a_key_lets_an_emergency_through_and_nobody_can_alone(
    made: Made, make_gate: MakeGate, github: FakeGitHub, platform: FakePlatform, tmp_path: Path
) -> None:
    key = new_key(tmp_path)
    signer = {"subject": "carol", "verified_by": "ssh", "ssh_key": public(key), "may": ["approve"]}
    policies = bundle_with(tmp_path / "p", actors={"prod": [LISTED[0], signer]}, branches=["main"])
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": made()})
    gate = make_gate(plugins=plugins, bundle=policies)
    github.stop_serving()
    glass = WaiverRequest(
        "lane.not_bypassed",
        PRODUCT,
        "prod",
        B.artifact_id,
        B.source_git_ref,
        "down",
        gate.ledger.now() + timedelta(hours=1),
    )
    waiver = gate.request_waiver(glass, ACTOR)
    with pytest.raises(StandingRefused):
        gate.approve_waiver(waiver.waiver_id, ACTOR)
    assert gate.run(deploy(B, to="prod"), ACTOR).status == "denied" and platform.deploys == []
    signature = sign(key, text_to_sign(gate.ledger, waiver.waiver_id).encode())
    gate.approve_waiver(waiver.waiver_id, ACTOR, signature)
    assert gate.run(deploy(B, to="prod"), ACTOR).status == "recorded"
    assert platform.runs[str(PROD)] == B
    github.start_serving()
