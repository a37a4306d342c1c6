"""As whom GitHub is asked, and how: the identity that the settings name, over real HTTP, in bounded time and size."""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import github as pygithub
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate_github.connection import As, GitHub
from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.options import read_options
from launchplane_gate_github.rights import publisher_of
from launchplane_gate_github.wire import WireRequester
from tests.fakes.certificates import self_signed
from tests.fakes.github import App, FakeGitHub, How, Repository
from tests.fakes.health_server import HealthServer, redirects, says

NAME = "acme/shop"
SHOP = "GET /repos/acme/shop"
WRITE, READ = {"contents": "write"}, {"contents": "read"}


class Desk:
    """From where GitHub is asked: its clock, and the secrets that no error may hold."""

    def __init__(self, github: FakeGitHub) -> None:
        self.github = github
        self.later = timedelta()
        self.secrets: list[str] = []

    def connect(self, within_s: float = 5, **options: Any) -> GitHub:
        return connected({"base_url": self.github.url, "timeout_s": 2} | options, self.now).within(within_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def token(self, permissions: dict[str, str], **rest: Any) -> SecretStr:
        self.secrets.append(self.github.add_token({NAME: permissions}, **rest))
        return SecretStr(self.secrets[-1])

    def app(self, app: App, **rest: Any) -> dict[str, Any]:
        self.secrets.append(app.private_key_pem.splitlines()[1])
        return {"app_id": app.app_id, "private_key": SecretStr(app.private_key_pem), **rest}

    def failure(self, github: GitHub, who: As = "read", **rest: Any) -> GitHubError:
        """Why a repository cannot be had: which one, what is wrong and what to do; no secret."""
        with pytest.raises(GitHubError) as failed:
            github.repository(NAME, who, **rest)
        said = str(failed.value)
        assert said.startswith(f"{NAME}: ")
        assert "; " in said, "no remedy"
        assert not [secret for secret in self.secrets if secret in said]
        return failed.value


def connected(options: dict[str, Any], now: Any = lambda: datetime.now(UTC), folder: Path = Path()) -> GitHub:
    config = PluginConfig(
        name="github", options=options, targets={}, base_dir=folder, state_dir=Path("unused"), now=now
    )
    return read_options(config)[1]


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as github:
        yield github
        assert github.violations == []
        assert github.pending() == []


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    shop = github.add_repository(NAME)
    shop.commit("First")
    return shop


@pytest.fixture
def desk(github: FakeGitHub, shop: Repository) -> Desk:
    return Desk(github)


@pytest.fixture
def app(github: FakeGitHub, shop: Repository) -> App:
    return github.add_app()


def tokens_made(github: FakeGitHub) -> list[Any]:
    return [json.loads(one.body) for one in github.requests if one.path.endswith("/access_tokens")]


# -- an App


def test_a_token_of_an_app_is_for_one_repository_and_the_least_permission(desk: Desk, app: App) -> None:
    app.install(NAME, permissions={"contents": "write", "issues": "write", "workflows": "write"})
    desk.connect(app=desk.app(app)).repository(NAME)
    desk.connect(release_identity=desk.app(app)).repository(NAME, "release")
    desk.connect(release_identity=desk.app(app)).repository(NAME, "release", workflows=True)
    both = {"contents": "write", "workflows": "write"}
    assert tokens_made(desk.github) == [{"repositories": ["shop"], "permissions": each} for each in (READ, WRITE, both)]


def test_a_token_of_an_app_is_kept_until_shortly_before_its_end(desk: Desk, app: App) -> None:
    app.install(NAME, permissions=WRITE)
    github = desk.connect(app=desk.app(app))
    for minutes, made in ((0, 1), (50, 1), (54, 1), (56, 2)):
        desk.later = timedelta(minutes=minutes)
        github.repository(NAME)
        assert len(tokens_made(desk.github)) == made


def test_a_token_that_was_revoked_is_replaced_once(desk: Desk, app: App) -> None:
    installation = app.install(NAME, permissions=WRITE)
    github = desk.connect(app=desk.app(app))
    github.repository(NAME)
    app.revoke_tokens(installation)
    assert github.repository(NAME).full_name == NAME
    assert len(tokens_made(desk.github)) == 2
    desk.github.break_next(SHOP, "401", times=2)
    assert desk.failure(github).kind == "refused"


def test_an_installation_is_looked_up_and_has_to_be_the_one_that_is_named(desk: Desk, app: App) -> None:
    installation = app.install(NAME, permissions=READ)
    assert desk.connect(app=desk.app(app, installation_id=installation)).repository(NAME)
    other = desk.failure(desk.connect(app=desk.app(app, installation_id=999)))
    assert other.kind == "not_found" and str(installation) in str(other) and "999" in str(other)


def test_an_app_that_is_not_installed_on_the_repository_is_told_from_one_that_is_not_known(
    desk: Desk, app: App
) -> None:
    desk.github.add_repository("acme/other")
    app.install("acme/other", permissions=WRITE)
    missing = desk.failure(desk.connect(app=desk.app(app)))
    assert missing.kind == "not_found" and "not installed" in str(missing)
    stranger = desk.failure(desk.connect(app=desk.app(app) | {"app_id": 77}))
    assert stranger.kind == "refused" and "App 77" in str(stranger) and "app_id" in str(stranger)


def test_a_key_of_another_app_is_refused(desk: Desk, app: App) -> None:
    app.install(NAME, permissions=WRITE)
    mixed = desk.app(desk.github.add_app()) | {"app_id": app.app_id}
    refused = desk.failure(desk.connect(release_identity=mixed), "release")
    assert refused.kind == "refused" and "[plugins.github.release_identity]" in str(refused)


@pytest.mark.parametrize(
    ("granted", "workflows", "lacking"),
    [(READ, False, "contents: write"), ({}, False, "contents: write"), (WRITE, True, "workflows: write")],
)
def test_what_an_app_was_not_granted_is_named(
    desk: Desk, app: App, granted: dict[str, str], workflows: bool, lacking: str
) -> None:
    app.install(NAME, permissions=granted)
    refused = desk.failure(desk.connect(release_identity=desk.app(app)), "release", workflows=workflows)
    assert refused.kind == "forbidden" and f"has no permission {lacking}" in str(refused)
    assert tokens_made(desk.github) == []


def test_a_suspended_app_gets_no_token(desk: Desk, app: App) -> None:
    app.suspend(app.install(NAME, permissions=WRITE))
    assert "suspended" in str(desk.failure(desk.connect(app=desk.app(app))))


@pytest.mark.parametrize(
    ("step", "how", "times", "kind"),
    [
        ("GET */installation", "wrong_shape", 1, "odd"),
        ("GET */installation", "html", 1, "odd"),
        ("GET */installation", "502", 3, "away"),
        ("POST */access_tokens", "wrong_shape", 1, "odd"),
        ("POST */access_tokens", "empty", 1, "odd"),
        ("POST */access_tokens", "502", 1, "away"),
        ("POST */access_tokens", "drop_after", 1, "away"),
    ],
)
def test_an_app_that_cannot_be_asked_about_has_no_token(  # noqa: PLR0917  # by name, from the table above
    desk: Desk, app: App, step: str, how: How, times: int, kind: str
) -> None:
    app.install(NAME, permissions=READ)
    desk.github.break_next(step, how, times)
    assert desk.failure(desk.connect(app=desk.app(app))).kind == kind


# -- a token, or nobody


def test_a_token_reads_and_another_one_publishes(desk: Desk) -> None:
    github = desk.connect(token=desk.token(READ), release_identity={"token": desk.token(WRITE)})
    with pytest.raises(pygithub.GithubException):
        github.repository(NAME).create_git_ref("refs/heads/x", "0" * 40)
    with pytest.raises(pygithub.GithubException, match="Object does not exist"):
        github.repository(NAME, "release").create_git_ref("refs/heads/x", "0" * 40)


@pytest.mark.parametrize(
    ("secret", "kind"), [("revoked", "refused"), ("expired", "refused"), ("of another account", "not_found")]
)
def test_a_token_that_is_no_good_is_named_by_its_place(desk: Desk, secret: str, kind: str) -> None:
    desk.github.add_repository("other/one")
    token = desk.token(READ, expires_in_s=-1) if secret == "expired" else desk.token(READ)
    if secret == "revoked":
        desk.github.revoke(token.get_secret_value())
    if secret == "of another account":
        token = SecretStr(desk.github.add_token({"other/one": READ}))
    failed = desk.failure(desk.connect(token=token))
    assert failed.kind == kind and "[plugins.github] token" in str(failed)


def test_without_an_identity_public_repositories_are_read_and_private_ones_are_not(desk: Desk) -> None:
    desk.github.add_repository("acme/public", private=False)
    assert desk.connect().repository("acme/public").full_name == "acme/public"
    assert desk.failure(desk.connect()).kind == "not_found"


def test_nobody_publishes_whom_the_settings_do_not_name(desk: Desk) -> None:
    with pytest.raises(GitHubError, match=r"\[plugins.github.release_identity\]"):
        desk.connect(token=desk.token(WRITE)).repository(NAME, "release")


def test_who_is_logged_in_on_this_machine_is_never_asked_as(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = desk.token(WRITE).get_secret_value()
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login x-access-token password {token}\n")
    (tmp_path / "netrc").chmod(0o600)
    (tmp_path / "gh").mkdir()
    (tmp_path / "gh/hosts.yml").write_text(f"github.com:\n  oauth_token: {token}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("GH_CONFIG_DIR", str(tmp_path / "gh"))
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN"):
        monkeypatch.setenv(name, token)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
    assert desk.failure(desk.connect()).kind == "not_found"
    assert desk.connect(token=desk.token(READ)).repository(NAME).full_name == NAME


# -- the settings


def pem(key: Any, encryption: Any = None) -> SecretStr:
    form = PrivateFormat.PKCS8
    return SecretStr(key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_a_key_that_signs_nothing_github_takes_is_refused_at_the_start(rsa_key: rsa.RSAPrivateKey) -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # which is refused
    public = rsa_key.public_key()
    public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for key in (
        SecretStr("hunter2-not-a-key"),
        SecretStr(""),
        SecretStr("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----"),
        SecretStr(public_pem.decode()),
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(small),
        pem(rsa_key, BestAvailableEncryption(b"hunter2")),
    ):
        for place in ("app", "release_identity"):
            with pytest.raises(
                SettingsError, match=rf"plugins\.github\.{place}\.private_key: .* no RSA private key"
            ) as no:
                connected({place: {"app_id": 1, "private_key": key}})
            assert "hunter2" not in str(no.value) + no.value.hint
    assert connected({"app": {"app_id": 1, "private_key": pem(rsa_key)}})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "api.github.com"}, "base_url"),
        ({"base_url": "https://github.com"}, "https://api.github.com"),
        ({"base_url": "https://user:hunter2@api.example.org"}, "base_url"),
        ({"base_url": "http://ghe.example.org/api/v3"}, "unencrypted"),
        ({"token": "hunter2"}, "token"),
        ({"token": SecretStr("hunter2 hunter2")}, "token"),
        ({"token": SecretStr("")}, "token"),
        ({"token": SecretStr("a"), "app": {"app_id": 1}}, "app.private_key"),
        ({"release_identity": {}}, "release_identity"),
        ({"release_identity": {"app_id": 7}}, "release_identity"),
        ({"release_identity": {"app_id": 0, "token": SecretStr("a")}}, "app_id"),
        ({"release_identity": {"token": SecretStr("a"), "installation_id": 7}}, "release_identity"),
        ({"products": {"shop": {"repository": "shop"}}}, "OWNER/NAME"),
        ({"products": {"shop": {"repository": "acme/../shop"}}}, "OWNER/NAME"),
        ({"products": {"shop": {"repository": "https://github.com/acme/shop"}}}, "OWNER/NAME"),
        ({"products": {"shop": {"repo": "acme/shop"}}}, "not a known key"),
        ({"ca_file": "none.pem"}, "ca_file"),
        ({"timeout_s": 0}, "timeout_s"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_the_name_of_the_key(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        connected(options)
    assert said in str(refused.value)
    assert "plugins.github" in str(refused.value)
    assert "hunter2" not in str(refused.value) + refused.value.hint


def test_a_network_of_ones_own_may_be_asked_by_plain_http() -> None:
    assert connected({"base_url": "http://ghe.example.org/api/v3", "allow_plain_http": True})


def test_a_server_of_ones_own_is_believed_by_its_certificate_alone(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with FakeGitHub(tls=tls) as github:
        github.add_repository(NAME, private=False)
        trusting = connected({"base_url": github.url, "ca_file": certificate.name}, folder=tmp_path)
        assert trusting.within(5).repository(NAME).full_name == NAME
        with pytest.raises(GitHubError, match="certificate could not be verified"):
            connected({"base_url": github.url}).within(5).repository(NAME)


def test_a_server_that_names_urls_of_another_one_is_not_followed_there() -> None:
    with HealthServer() as server, HealthServer() as elsewhere:
        shop = {"full_name": NAME, "url": elsewhere.url(f"/repos/{NAME}"), "default_branch": "main"}
        server.answers[f"/repos/{NAME}"] = says(json.dumps(shop).encode())
        github = connected({"base_url": server.url(""), "token": SecretStr("tok")}).within(5)
        with pytest.raises(GitHubError) as failed, github.explained(NAME):
            github.repository(NAME).get_branch("main")
        assert failed.value.kind == "odd" and "base_url" in str(failed.value)
        assert elsewhere.seen == []


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://ghe.example.org:443/api/v3/", "https://ghe.example.org/api/v3"),
        ("https://GHE.example.org:8443", "https://ghe.example.org:8443"),
    ],
)
def test_a_port_that_goes_without_saying_is_left_out_of_the_url(given: str, used: str) -> None:
    assert connected({"base_url": given}).server.url == used


def test_the_api_of_a_server_may_be_below_a_path() -> None:
    with HealthServer() as server:
        base = server.url("/api/v3")
        shop = {"full_name": NAME, "url": f"{base}/repos/{NAME}", "default_branch": "main"}
        server.answers[f"/api/v3/repos/{NAME}"] = says(json.dumps(shop).encode())
        commit = {"sha": "a" * 40, "url": f"{base}/repos/{NAME}/git/commits/{'a' * 40}"}
        server.answers[f"/api/v3/repos/{NAME}/git/commits/{'a' * 40}"] = says(json.dumps(commit).encode())
        found = connected({"base_url": f"{base}/"}).within(5).repository(NAME)
        assert found.get_git_commit("a" * 40).sha == "a" * 40


# -- the way there


def test_a_repository_that_moved_is_refused_under_its_new_name(desk: Desk) -> None:
    github = desk.connect(token=desk.token(READ))
    shop = github.repository(NAME)
    desk.github.rename(NAME, "newcorp/store")
    moved = desk.failure(github)
    assert moved.kind == "moved" and "newcorp/store" in str(moved)
    with pytest.raises(GitHubError) as later, github.explained(NAME):
        shop.get_branch("main")
    assert later.value.kind == "moved"
    other = desk.connect(token=SecretStr(desk.github.add_token({})))
    assert desk.failure(other).kind in {"moved", "not_found"}


@pytest.mark.parametrize("asked_before", [True, False])
def test_a_repository_that_moved_is_refused_under_its_new_name_on_the_way_of_an_app(
    desk: Desk, app: App, asked_before: bool
) -> None:
    app.install(NAME, permissions=WRITE)
    github = desk.connect(app=desk.app(app), release_identity=desk.app(app))
    if asked_before:  # and its token is kept
        github.repository(NAME)
        github.repository(NAME, "release")
    desk.github.rename(NAME, "newcorp/store")
    for moved in (desk.failure(github), desk.failure(github, "release")):
        assert moved.kind == "moved" and "newcorp/store" in str(moved)
    with pytest.raises(GitHubError, match="newcorp/store"):
        github.installation(NAME)
    publisher = publisher_of(github, NAME, "v1.0.0", workflows=False)
    assert not publisher.can_publish and "newcorp/store" in publisher.why
    assert all(one.get("permissions") != {} for one in tokens_made(desk.github))


def test_a_repository_that_moved_to_where_an_app_is_not_installed_is_told_to_have_moved(desk: Desk, app: App) -> None:
    github = desk.connect(app=desk.app(app))
    desk.github.rename(NAME, "newcorp/store")
    moved = desk.failure(github)
    assert moved.kind == "moved" and "renamed" in str(moved) and f"App {app.app_id} is installed there" in str(moved)


@pytest.mark.parametrize("location", ["/elsewhere", "/repositories/x/installation", "/repositories/1/installation/2"])
def test_a_redirect_of_an_app_to_what_is_no_repository_is_not_followed(app: App, location: str) -> None:
    with HealthServer() as server:
        server.answers[f"/repos/{NAME}/installation"] = redirects(server.url(location), code=301)
        own = {"app_id": app.app_id, "private_key": SecretStr(app.private_key_pem)}
        with pytest.raises(GitHubError, match="renamed"):
            connected({"base_url": server.url(""), "app": own}).within(5).repository(NAME)
        assert len(server.seen) == 1


def test_no_redirect_of_an_app_leads_to_another_server(app: App) -> None:
    with HealthServer() as server, HealthServer() as elsewhere:
        server.answers[f"/repos/{NAME}/installation"] = redirects(elsewhere.url("/repositories/1/installation"))
        own = {"app_id": app.app_id, "private_key": SecretStr(app.private_key_pem)}
        with pytest.raises(GitHubError, match="another server, where nobody was asked"):
            connected({"base_url": server.url(""), "app": own}).within(5).repository(NAME)
        assert elsewhere.seen == []


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_no_redirect_leads_to_another_server(code: int) -> None:
    with HealthServer() as server, HealthServer() as elsewhere:
        elsewhere.answers["/"] = says(b'{"full_name": "acme/shop"}')
        server.answers[f"/repos/{NAME}"] = redirects(elsewhere.url("/"), code=code)
        with pytest.raises(GitHubError, match="another server, where nobody was asked"):
            connected({"base_url": server.url(""), "token": SecretStr("tok")}).within(5).repository(NAME)
        assert elsewhere.seen == []


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("html", "odd"),
        ("huge", "odd"),
        ("empty", "odd"),
        ("not_json", "odd"),
        ("wrong_shape", "odd"),
        ("403", "forbidden"),
        ("404", "not_found"),
        ("rate_limited", "limited"),
        ("secondary_rate_limit", "limited"),
        ("abuse_429", "limited"),
    ],
)
def test_an_answer_that_is_of_no_use_is_told_by_its_kind_and_not_asked_for_again(
    desk: Desk, how: How, kind: str
) -> None:
    desk.github.break_next(SHOP, how)
    assert desk.failure(desk.connect(token=desk.token(READ), max_bytes=100_000)).kind == kind
    assert desk.github.visits(SHOP) == 1


@pytest.mark.parametrize("how", ["500", "502", "503", "drop_before"])
def test_a_read_is_asked_again_where_that_may_help(desk: Desk, how: How) -> None:
    desk.github.break_next(SHOP, how, times=2)
    github = desk.connect(token=desk.token(READ))
    assert github.repository(NAME).full_name == NAME
    assert desk.github.visits(SHOP) == 3
    desk.github.break_next(SHOP, how, times=3)
    assert desk.failure(github).kind == "away"


def test_a_server_that_is_away_is_said_to_be(desk: Desk) -> None:
    github = desk.connect(token=desk.token(READ))
    desk.github.stop_serving()
    assert "connection was refused" in str(desk.failure(github))
    desk.github.start_serving()


def test_however_slowly_an_answer_comes_the_time_is_bounded(desk: Desk) -> None:
    desk.github.break_next(SHOP, "drip")
    started = time.monotonic()
    assert desk.failure(desk.connect(0.3, token=desk.token(READ))).kind == "away"
    assert time.monotonic() - started < 1.5


def test_time_that_is_up_already_sends_nothing(desk: Desk) -> None:
    assert desk.failure(desk.connect(0, token=desk.token(READ))).kind == "away"
    assert desk.github.requests == []


def test_a_rate_limit_that_ends_in_time_is_waited_for(desk: Desk) -> None:
    desk.github.break_next(SHOP, "secondary_rate_limit", retry_after_s=1)
    started = time.monotonic()
    assert desk.connect(3, token=desk.token(READ)).repository(NAME).full_name == NAME
    assert time.monotonic() - started > 0.9


def test_a_rate_limit_that_does_not_is_told_with_its_end(desk: Desk) -> None:
    desk.github.break_next(SHOP, "secondary_rate_limit", retry_after_s=90)
    limited = desk.failure(desk.connect(3, token=desk.token(READ)))
    ends = [(desk.now() + timedelta(seconds=90 - ago)).strftime("%H:%M:%S") for ago in range(4)]
    assert any(f"{end} UTC" in str(limited) for end in ends)


@pytest.mark.parametrize(
    ("how", "kind", "acted"),
    [
        ("502_after", "away", True),
        ("drop_after", "away", True),
        ("502", "away", True),
        ("secondary_rate_limit", "limited", False),
        ("html", "odd", True),
        ("403", "forbidden", False),
    ],
)
def test_a_write_is_sent_once_and_may_have_acted_where_no_clear_answer_came(
    desk: Desk, shop: Repository, how: How, kind: str, acted: bool
) -> None:
    github = desk.connect(release_identity={"token": desk.token(WRITE)})
    found, commit = github.repository(NAME, "release"), shop.refs["refs/heads/main"]
    desk.github.break_next("POST */git/refs", how)
    with pytest.raises(GitHubError) as failed, github.explained(NAME, "release", writes=True):
        found.create_git_ref("refs/tags/v1", commit)
    assert (failed.value.kind, failed.value.acted) == (kind, acted)
    assert desk.github.visits("POST */git/refs") == 1


def test_a_write_that_found_nobody_has_not_acted(desk: Desk, shop: Repository) -> None:
    github = desk.connect(release_identity={"token": desk.token(WRITE)})
    found, commit = github.repository(NAME, "release"), shop.refs["refs/heads/main"]
    desk.github.stop_serving()
    with pytest.raises(GitHubError) as failed, github.explained(NAME, "release", writes=True):
        found.create_git_ref("refs/tags/v1", commit)
    assert (failed.value.kind, failed.value.acted) == ("away", False)
    desk.github.start_serving()


# -- PyGithub itself: the points at which it is led over our wire


def test_pygithub_makes_no_connection_of_its_own(desk: Desk) -> None:
    requester = desk.connect(token=desk.token(READ)).repository(NAME).requester
    assert isinstance(requester, WireRequester)
    for ask in (
        lambda: requester.requestMultipart("POST", "/x", input={"a": "b"}),
        lambda: requester.getStream("/x"),
        lambda: requester.requestJsonAndCheck("GET", "https://elsewhere.example.org/x"),
    ):
        with pytest.raises((GitHubError, AssertionError, pygithub.GithubException)):
            ask()
    assert len(desk.github.requests) == 1


def test_the_pygithub_of_others_in_this_program_is_left_as_it_is(desk: Desk) -> None:
    desk.connect(token=desk.token(READ)).repository(NAME)
    others = pygithub.Github(auth=pygithub.Auth.Token(desk.token(READ).get_secret_value()), base_url=desk.github.url)
    assert not isinstance(others.requester, WireRequester)
    assert others.get_repo(NAME).full_name == NAME


def test_nothing_that_is_logged_holds_a_token(desk: Desk, app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.install(NAME, permissions=READ)
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="github"):
        github = desk.connect(app=desk.app(app), release_identity={"token": desk.token(WRITE)})
        github.repository(NAME)
        github.repository(NAME, "release")
    logged = "\n".join(f"{record.getMessage()} {record.args!r}" for record in caplog.records)
    assert "ghs_" not in logged and not [secret for secret in desk.secrets if secret in logged]
    assert "ghs_" not in repr(github)
