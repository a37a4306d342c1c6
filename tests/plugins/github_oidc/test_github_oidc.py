"""What the plugin ``github-oidc`` promises: only a token that its issuer made for us, now, proves who asks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import SecretStr

from launchplane_gate.demo.workspace import PRODUCT
from launchplane_gate.errors import ActorUnproven, GateError, SettingsError, Undecided
from launchplane_gate.hookspecs import PluginConfig, Proven, hookimpl
from launchplane_gate.model import Actor
from launchplane_gate.plugins import Plugins, installed
from launchplane_gate_github_oidc import GithubOidcPlugin
from launchplane_gate_github_oidc.document import Asking
from launchplane_gate_github_oidc.issuer import KEPT_S, PAUSE_S, Issuer
from launchplane_gate_github_oidc.options import GITHUB
from launchplane_gate_github_oidc.plugin import KEPT
from launchplane_gate_github_oidc.plugin import REQUIRE as REQUIRED
from tests.cli.test_cli import COMMAND, OLD, Site, clear, make_site
from tests.fakes.authority import Authority
from tests.fakes.github import FakeGitHub
from tests.fakes.github.breaks import How
from tests.fakes.github.keys import SigningKey
from tests.fakes.health_server import (
    Answer,
    Handler,
    HealthServer,
    drips,
    floods,
    hangs_up,
    html,
    redirects,
    says,
    sleeps,
)

AUDIENCE = "launchplane-gate"
SUBJECT = "repo:acme/shop:ref:refs/heads/main"
PROVEN = {"subject": SUBJECT, "verified_by": "github-oidc", "person": "octo-operator"}
WORKFLOW = "acme/shop/.github/workflows/release.yml@refs/heads/main"
WITHOUT_TOKENS = {
    name: value for name, value in os.environ.items() if not name.startswith(("ACTIONS_ID_TOKEN", "LAUNCHPLANE_GATE"))
}
JWKS = "/.well-known/jwks"
CONFIGURATION = "/.well-known/openid-configuration"


@pytest.fixture(scope="module")
def shared_github() -> Iterator[FakeGitHub]:
    """For tests that take its tokens and leave its keys as they are."""
    with FakeGitHub() as github:
        yield github


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as github:
        yield github
        assert not github.pending()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No job of GitHub Actions, wherever these tests run."""
    for name in set(os.environ) - set(WITHOUT_TOKENS):
        monkeypatch.delenv(name)
    return monkeypatch


def made(issuer: str, *, base_dir: Path = Path(), **options: Any) -> Plugins:
    config = PluginConfig(
        name="github-oidc",
        options={"audience": AUDIENCE, "issuer": issuer, **options},
        targets={},
        base_dir=base_dir,
        state_dir=Path("unused"),
        now=lambda: datetime.now(UTC),
    )
    return Plugins({"github-oidc": GithubOidcPlugin(config)})


def refused(plugins: Plugins, token: str, kind: type[GateError] = ActorUnproven) -> str:
    """Why a token proves nobody; without a word of the token, in the error or in what caused it."""
    with pytest.raises(kind) as failed:
        plugins.actor(SecretStr(token))
    error = failed.value
    assert error.exit_code == (2 if kind is ActorUnproven else 3) and error.hint.startswith("Nothing was d")
    assert error.__cause__ is None and error.__suppress_context__ is (error.__context__ is not None)
    for part in filter(None, [token, *token.split("."), *_texts_in(token)]):
        assert len(part) < 6 or part not in f"{error} {error.hint}"
    return str(error)


def _texts_in(token: str) -> list[str]:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return []
    return [claim for name, claim in claims.items() if isinstance(claim, str) and name != "iss"]


# -- what a token has to be


def test_a_token_of_github_proves_its_subject(shared_github: FakeGitHub) -> None:
    plugins = made(shared_github.oidc_issuer)
    by_branch = plugins.actor(SecretStr(shared_github.oidc_token(aud=AUDIENCE)))
    assert by_branch.model_dump(exclude={"claims"}) == PROVEN
    environment = shared_github.oidc_token(aud=AUDIENCE, sub="repo:acme/shop:environment:production")
    assert plugins.actor(SecretStr(environment)).subject == "repo:acme/shop:environment:production"


@pytest.mark.parametrize(
    "claims", [{"run_attempt": "2"}, {"run_attempt": None}, {"actor": None}, {"actor": 7}, {"actor": "a\nb"}], ids=str
)
def test_whom_a_token_does_not_name_is_nobody_who_could_approve(
    shared_github: FakeGitHub, claims: dict[str, Any]
) -> None:
    """Who runs a job again is not told: the claim is still of who began it."""
    token = shared_github.oidc_token(aud=AUDIENCE, **claims)
    assert made(shared_github.oidc_issuer).actor(SecretStr(token)).person == ""


def now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class seconds:  # noqa: N801  # reads as the number that it stands for
    """From now, when the token is made."""

    seconds: int


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({}, "another audience than launchplane-gate"),  # GitHub's own default: the owner's URL
        ({"aud": "launchplane-gate-2"}, "another audience"),
        ({"aud": ["another"]}, "another audience"),
        ({"aud": [AUDIENCE]}, "another audience"),  # GitHub names one: a list was made for others, too
        ({"aud": ["another", AUDIENCE]}, "another audience"),
        ({"aud": {AUDIENCE: True}}, "another audience"),
        ({"aud": None}, "lacks the claim aud"),
        ({"exp": seconds(-60)}, "expired"),
        ({"exp": None}, "lacks the claim exp"),
        ({"exp": "soon"}, "claim of another form"),
        ({"exp": float("inf")}, "claim of another form"),
        ({"exp": "9999999999"}, "time that is no number"),
        ({"exp": True}, "expired"),
        ({"nbf": seconds(120)}, "not valid yet"),
        ({"nbf": None}, "lacks the claim nbf"),
        ({"iat": seconds(120)}, "not valid yet"),
        ({"iat": None}, "lacks the claim iat"),
        ({"iat": float("nan")}, "claim of another form"),
        ({"iat": float("-inf")}, "claim of another form"),
        ({"iat": -(10**4000)}, "made more than 10 minutes ago"),
        ({"iat": seconds(-700), "exp": seconds(9000)}, "made more than 10 minutes ago"),
        ({"iat": 0, "exp": seconds(9000)}, "made more than 10 minutes ago"),
        ({"sub": None}, "lacks the claim sub"),
        ({"sub": ""}, "claim sub of the token is no line of text"),
        ({"jti": None}, "lacks the claim jti"),
        ({"jti": ""}, "claim jti of the token is no line of text"),
        ({"jti": 7}, "claim of another form"),
        ({"jti": "x" * 1001}, "claim jti of the token is no line of text"),
        ({"jti": "a\nb"}, "claim jti of the token is no line of text"),
        ({"sub": 7}, "claim of another form"),
        ({"sub": ["repo:acme/shop"]}, "claim of another form"),
        ({"sub": "repo:acme/shop\nverified by nobody"}, "no line of text"),
        ({"sub": "repo:acme/shop\u202egro"}, "no line of text"),
        ({"sub": "x" * 1001}, "no line of text"),
        ({"iss": "https://token.actions.githubusercontent.com"}, "no enabled plugin knows the issuer"),
        ({"iss": None}, "does not name its key and its issuer"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_claim_that_does_not_hold_proves_nobody(shared_github: FakeGitHub, claims: dict[str, Any], why: str) -> None:
    told = {name: now() + value.seconds if isinstance(value, seconds) else value for name, value in claims.items()}
    token = shared_github.oidc_token(**({"aud": AUDIENCE} | told if told else {}))
    assert why in refused(made(shared_github.oidc_issuer), token)


def test_clocks_may_differ_by_the_leeway_and_no_more(shared_github: FakeGitHub) -> None:
    late = SecretStr(shared_github.oidc_token(aud=AUDIENCE, exp=now() - 20))
    assert made(shared_github.oidc_issuer, leeway_s=60).actor(late).subject == SUBJECT
    assert "expired" in refused(made(shared_github.oidc_issuer), late.get_secret_value())


def test_only_repositories_that_are_listed_are_taken(shared_github: FakeGitHub) -> None:
    plugins = made(shared_github.oidc_issuer, repositories=["acme/shop", "acme/site"])
    assert plugins.actor(SecretStr(shared_github.oidc_token(aud=AUDIENCE))).subject == SUBJECT
    for claims in ({"repository": "acme/shop2"}, {"repository": "mallory/shop"}, {"repository": ["acme/shop"]}):
        token = shared_github.oidc_token(aud=AUDIENCE, sub=SUBJECT, ref="refs/heads/main", **claims)
        assert "repositories does not name" in refused(plugins, token)


# -- what else it claims

IN_PRODUCTION = {"environment": "production", "sub": "repo:acme/shop:environment:production"}
REQUIRE = {
    "repository_id": "74",
    "ref": ["refs/heads/main", "refs/heads/hotfix"],
    "job_workflow_ref": WORKFLOW,
    "environment": "production",
}


def test_what_the_settings_require_is_verified_and_what_is_known_of_the_job_is_kept(shared_github: FakeGitHub) -> None:
    plugins = made(shared_github.oidc_issuer, require={**REQUIRE, "repository_visibility": "private"})
    token = shared_github.oidc_token(aud=AUDIENCE, **IN_PRODUCTION, ref="refs/heads/main", later_claim="x" * 2000)
    actor, claims = plugins.actor(SecretStr(token)), claims_of(token)
    assert actor.claims == {name: claims[name] for name in (*KEPT, "repository_visibility")}
    assert actor.subject == "repo:acme/shop:environment:production"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        *(({name: None}, f"the token lacks the claim {name}, which {REQUIRED} names") for name in REQUIRE),
        *(
            ({name: odd}, f"the claim {name} of the token is another than {REQUIRED} names")
            for name in REQUIRE
            for odd in ("", "Production", "refs/heads/main2", 74, True, ["74"], ["refs/heads/main"], {"production": 1})
        ),
    ],
    ids=str,
)
def test_a_token_without_what_the_settings_require_proves_nobody(
    shared_github: FakeGitHub, claims: dict[str, Any], why: str
) -> None:
    plugins = made(shared_github.oidc_issuer, require=REQUIRE)
    fixed = {"repository": "acme/shop", "sub": SUBJECT}
    token = shared_github.oidc_token(aud=AUDIENCE, **{**IN_PRODUCTION, "job_workflow_ref": WORKFLOW, **fixed, **claims})
    assert why in refused(plugins, token)


@pytest.mark.parametrize("odd", ["", "a\nb", "x" * 1001, 7, ["main"], {"a": "b"}])
def test_of_a_claim_that_is_no_line_of_text_nothing_is_kept(shared_github: FakeGitHub, odd: Any) -> None:
    token = shared_github.oidc_token(aud=AUDIENCE, event_name=odd)
    claims = made(shared_github.oidc_issuer).actor(SecretStr(token)).claims
    assert claims.get("event_name") == (odd if odd == "" else None) and claims["ref"] == "refs/heads/main"


def test_a_token_is_named_by_its_issuers_id_and_taken_until_it_expires(shared_github: FakeGitHub) -> None:
    plugins = made(shared_github.oidc_issuer, leeway_s=30)
    first, second, third = (
        plugins.actor(SecretStr(shared_github.oidc_token(aud=AUDIENCE, jti=jti, **more))).token
        for jti, more in (("a", {}), ("a", {"exp": now() + 10**9}), ("b", {"exp": now() + 60}))
    )
    assert first and second and third
    assert first.digest == second.digest != third.digest
    for token, seconds_left in ((first, 330), (second, 630), (third, 90)):
        assert abs((token.until - datetime.now(UTC)).total_seconds() - seconds_left) < 30


# -- how it has to be signed


def coded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def forged(github: FakeGitHub) -> dict[str, tuple[str, str]]:
    """Tokens that somebody else could make who has seen a good one, each with why it is refused."""
    good = github.oidc_token(aud=AUDIENCE)
    claims, (head, body, signature) = claims_of(good), good.split(".")
    kid = jwt.get_unverified_header(good)["kid"]
    public = SigningKey.number(1000).public_key  # what the fake signs with first
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with_pem = f"{coded({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{body}"
    by_pem = coded(hmac.new(pem, with_pem.encode(), hashlib.sha256).digest())
    another = SigningKey.number(1).private_key
    otherwise, not_signed = "another way than with RS256", "is not signed with the key"
    no_token = "no JSON Web Token"
    deep = b'{"kid":' + b"[" * 5000 + b"]" * 5000 + b"}"
    return {
        "none": (f"{coded({'alg': 'none', 'kid': kid})}.{body}.", otherwise),
        "None": (f"{coded({'alg': 'None', 'kid': kid})}.{body}.{signature}", otherwise),
        "no algorithm": (f"{coded({'kid': kid})}.{body}.{signature}", otherwise),
        "the public key as a secret": (f"{with_pem}.{by_pem}", otherwise),
        "RS512": (jwt.encode(claims, SigningKey.number(1000).private_key, "RS512", {"kid": kid}), otherwise),
        "critical": (f"{coded({'alg': 'RS256', 'kid': kid, 'crit': ['x'], 'x': 1})}.{body}.{signature}", no_token),
        "another key": (jwt.encode(claims, another, "RS256", {"kid": kid}), not_signed),
        "its own key": (
            jwt.encode(claims, another, "RS256", {"kid": kid, "jwk": json.loads(RSAAlgorithm.to_jwk(another))}),
            not_signed,
        ),
        "no signature": (f"{head}.{body}.", not_signed),
        "other claims": (
            f"{head}.{coded(claims | {'sub': 'repo:acme/shop:environment:prod'})}.{signature}",
            not_signed,
        ),
        "no kid": (jwt.encode(claims, SigningKey.number(1000).private_key, "RS256"), "does not name its key"),
        "a kid that is a path": (
            jwt.encode(claims, another, "RS256", {"kid": "../../../dev/null"}),
            "names a key that http://127.0.0.1",
        ),
        "a kid that is a number": (f"{coded({'alg': 'RS256', 'kid': 7})}.{body}.{signature}", no_token),
        "claims that are a list": (f"{head}.{coded([claims])}.{signature}", no_token),
        "a head that is none": (f"{coded(['RS256'])}.{body}.{signature}", no_token),
        "a deep head": (f"{coded(deep)}.{body}.{signature}", no_token),
        "a megabyte": (f"{head}.{coded(claims | {'x': 'x' * 1_000_000})}.{signature}", "longer than 16384 characters"),
        "garbage": ("garbage", no_token),
        "two dots": ("..", no_token),
        "bytes": ("\x00\xff\ud800.a.b", no_token),
        "a line more": (f"{good}\n", no_token),
        "spaces": (f" {good} ", no_token),
        "Bearer": (f"Bearer {good}", no_token),
    }


FORGERIES = [
    "none", "None", "no algorithm", "the public key as a secret", "RS512", "critical", "another key", "its own key",
    "no signature", "other claims", "no kid", "a kid that is a path", "a kid that is a number",
    "claims that are a list", "a head that is none", "a deep head", "a megabyte", "garbage", "two dots", "bytes",
    "a line more", "spaces", "Bearer",
]  # fmt: skip


@pytest.mark.parametrize("how", FORGERIES)
def test_a_token_that_its_issuer_did_not_sign_proves_nobody(shared_github: FakeGitHub, how: str) -> None:
    tokens = forged(shared_github)
    assert set(tokens) == set(FORGERIES)
    token, why = tokens[how]
    assert why in refused(made(shared_github.oidc_issuer), token)


def test_what_is_no_token_of_the_issuer_costs_it_no_request(github: FakeGitHub) -> None:
    plugins = made(github.oidc_issuer)
    refused(plugins, github.oidc_token(aud=AUDIENCE, iss="https://example.org"))
    for how, (token, why) in forged(github).items():
        if why in ("no JSON Web Token", "another way than with RS256"):
            assert refused(plugins, token), how
    assert github.oidc_requests == []


# -- the keys of the issuer


@dataclass
class Clock:
    at: float = 0.0

    def __call__(self) -> float:
        return self.at


def issuer_at(name: str, clock: Clock, *, timeout_s: float = 5) -> Issuer:
    return Issuer(name, Asking(ssl.create_default_context(), timeout_s), clock=clock)


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_keys_are_asked_for_once_and_kept_for_ten_minutes(github: FakeGitHub) -> None:
    clock = Clock()
    issuer, kid = issuer_at(github.oidc_issuer, clock), key_id(github.oidc_token())
    for clock.at in (0, 1, KEPT_S - 1):
        assert issuer.key(kid)
    assert [asked.path for asked in github.oidc_requests] == [f"/oidc{CONFIGURATION}", f"/oidc{JWKS}"]
    clock.at = KEPT_S
    assert issuer.key(kid)
    assert len(github.oidc_requests) == 4


def test_a_new_key_of_the_issuer_is_fetched_when_a_token_names_it(github: FakeGitHub) -> None:
    clock = Clock()
    issuer = issuer_at(github.oidc_issuer, clock)
    assert issuer.key(key_id(old := github.oidc_token()))
    github.rotate_oidc_key(keep_old=True)
    clock.at += PAUSE_S
    assert issuer.key(key_id(github.oidc_token())) and issuer.key(key_id(old))
    assert len(github.oidc_requests) == 4


def test_unknown_keys_make_nobody_ask_the_issuer_all_the_time(github: FakeGitHub) -> None:
    clock = Clock()
    issuer = issuer_at(github.oidc_issuer, clock)
    for number in range(50):
        assert issuer.key(f"unknown-{number}") is None
    assert len(github.oidc_requests) == 2
    clock.at += PAUSE_S
    assert issuer.key("unknown") is None and issuer.key("unknown") is None
    assert len(github.oidc_requests) == 4


def test_many_who_ask_at_once_make_one_request(github: FakeGitHub) -> None:
    issuer, kid = issuer_at(github.oidc_issuer, Clock()), key_id(github.oidc_token())
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(issuer.key, [kid] * 8))
    assert len(github.oidc_requests) == 2


def test_a_key_that_the_issuer_has_withdrawn_proves_nobody_any_more(github: FakeGitHub) -> None:
    clock = Clock()
    issuer = issuer_at(github.oidc_issuer, clock)
    old = key_id(github.oidc_token())
    assert issuer.key(old)
    github.rotate_oidc_key()
    clock.at = KEPT_S
    assert issuer.key(old) is None
    assert "names a key that" in refused(made(github.oidc_issuer), _signed_by_the_first_key(github))


def _signed_by_the_first_key(github: FakeGitHub) -> str:
    claims = claims_of(github.oidc_token(aud=AUDIENCE))
    return jwt.encode(claims, SigningKey.number(1000).private_key, "RS256", {"kid": "key-1000"})


def test_an_issuer_that_is_away_is_no_reason_to_believe_old_keys(github: FakeGitHub) -> None:
    clock = Clock()
    issuer, kid = issuer_at(github.oidc_issuer, clock), key_id(github.oidc_token())
    assert issuer.key(kid)
    github.stop_serving()
    clock.at += PAUSE_S
    with pytest.raises(Undecided, match="the connection was refused"):
        issuer.key("unknown")
    assert issuer.key(kid)  # what others ask about takes nothing from those whose key is known
    clock.at = KEPT_S
    with pytest.raises(Undecided, match="the connection was refused"):
        issuer.key(kid)
    with pytest.raises(Undecided, match="not asked for again yet"):
        issuer.key(kid)
    github.start_serving()
    clock.at += PAUSE_S
    assert issuer.key(kid)


@pytest.mark.parametrize("where", [CONFIGURATION, JWKS])
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("401", "the answer is 401"),
        ("502", "the answer is 502"),
        ("503", "the answer is 503"),
        ("html", "no JSON object"),
        ("empty", "no JSON object"),
        ("not_json", "no JSON object"),
        ("huge", "larger than 262144 bytes"),
        ("drop_before", "broke off"),
        ("drip", "no whole answer came within 0.3 s"),
    ],
)
def test_without_the_keys_of_the_issuer_nobody_is_proven(github: FakeGitHub, where: str, how: How, why: str) -> None:
    github.break_next(f"GET /oidc{where}", how)
    plugins = made(github.oidc_issuer, timeout_s=0.3)
    began = time.monotonic()
    assert why in refused(plugins, github.oidc_token(aud=AUDIENCE), Undecided)
    assert time.monotonic() - began < 2


def published(number: int = 1, **changed: Any) -> dict[str, Any]:
    key = json.loads(RSAAlgorithm.to_jwk(SigningKey.number(number).public_key))
    return {**key, "kid": "k", "alg": "RS256", "use": "sig", **changed}


@dataclass
class Liar:
    """An issuer that may say anything at all; it signs with a key of its own, which it calls "k"."""

    server: HealthServer
    keys: object = field(default_factory=lambda: [published()])

    def __post_init__(self) -> None:
        self.configure()
        self.server.answers[JWKS] = self._list

    @property
    def name(self) -> str:
        return self.server.url("")

    def configure(self, **changed: Any) -> None:
        said = {"issuer": self.name, "jwks_uri": self.server.url(JWKS), **changed}
        self.server.answers[CONFIGURATION] = says(json.dumps(said).encode())

    def _list(self, handler: Handler) -> None:
        handler.say(json.dumps({"keys": self.keys}).encode(), kind="application/json")

    def token(self, key: Any = None, **claims: Any) -> str:
        usual = {
            "iss": self.name,
            "aud": AUDIENCE,
            "sub": SUBJECT,
            "iat": now(),
            "nbf": now(),
            "exp": now() + 300,
            "jti": "t-1",
        }
        return jwt.encode(usual | claims, key or SigningKey.number(1).private_key, "RS256", {"kid": "k"})


@pytest.fixture
def liar() -> Iterator[Liar]:
    with HealthServer() as server:
        yield Liar(server)


def test_the_liar_is_believed_where_it_does_not_lie(liar: Liar) -> None:
    assert made(liar.name).actor(SecretStr(liar.token())).subject == SUBJECT


def test_a_key_is_another_one_at_another_issuer_even_under_the_same_id(liar: Liar, github: FakeGitHub) -> None:
    liar.keys = [published(kid="key-1000")]
    claims = claims_of(github.oidc_token(aud=AUDIENCE))
    theirs = jwt.encode(claims, SigningKey.number(1).private_key, "RS256", {"kid": "key-1000"})
    assert "is not signed with the key" in refused(made(github.oidc_issuer), theirs)
    assert "knows the issuer" in refused(made(liar.name), theirs)
    assert "knows the issuer" in refused(made(github.oidc_issuer), liar.token())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (html(), "no JSON object"),
        (says(b'{"keys": []} and more'), "no JSON object"),
        (says(b'["keys"]'), "no JSON object"),
        (says(b'{"keys": [], "keys": []}'), "no JSON object"),
        (says(b"[" * 20_000), "no JSON object"),
        (says(b"\xff\xfe"), "no JSON object"),
        (says(b'{"keys": 1e999999}'), "no JSON object"),
        (says(b'{"keys": ' + b"9" * 5000 + b"}"), "no JSON object"),
        (says(b"{}"), "has no keys"),
        (says(b'{"keys": {"k": 1}}'), "has no keys"),
        (says(b'{"keys": [1]}'), "has no keys"),
        (redirects("http://127.0.0.1:1/"), "the answer is 302, and redirects are not followed"),
        (redirects(JWKS), "the answer is 302"),
        (floods(50_000_000), "larger than"),
        (drips(b'{"keys": []}'), "no whole answer came within 0.3 s"),
        (drips(b'{"keys": []}', headers_too=True), "no whole answer came within 0.3 s"),
        (sleeps(5, says(b"{}")), "no whole answer came within 0.3 s"),
        (hangs_up(), "broke off"),
        (hangs_up(after=b"220 smtp ready\r\n"), "what came is not HTTP"),
    ],
    ids=range(19),
)
def test_a_list_of_keys_that_is_none_proves_nobody(liar: Liar, answer: Answer, why: str) -> None:
    liar.server.answers[JWKS] = answer
    timeout_s = 0.3 if "0.3 s" in why else 5.0  # what answers at once may be slow where much goes on
    assert why in refused(made(liar.name, timeout_s=timeout_s), liar.token(), Undecided)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"issuer": "https://token.actions.githubusercontent.com"}, "that of another issuer"),
        ({"issuer": None}, "that of another issuer"),
        ({"jwks_uri": None}, "elsewhere than on its own host"),
        ({"jwks_uri": 7}, "elsewhere than on its own host"),
        ({"jwks_uri": "/.well-known/jwks"}, "elsewhere than on its own host"),
        ({"jwks_uri": "http://localhost:1/.well-known/jwks"}, "elsewhere than on its own host"),
        ({"jwks_uri": "http://127.0.0.1:1/.well-known/jwks"}, "elsewhere than on its own host"),
        ({"jwks_uri": "https://evil.example/.well-known/jwks"}, "elsewhere than on its own host"),
        ({"jwks_uri": "file:///etc/passwd"}, "elsewhere than on its own host"),
        ({"jwks_uri": "http://[::1"}, "elsewhere than on its own host"),
    ],
    ids=str,
)
def test_an_issuer_that_points_elsewhere_proves_nobody(liar: Liar, changed: dict[str, Any], why: str) -> None:
    liar.configure(**changed)
    assert why in refused(made(liar.name), liar.token(), Undecided)
    assert [path for path, _ in liar.server.seen] == [CONFIGURATION]


def unfit() -> Mapping[str, Callable[[], tuple[Any, list[dict[str, Any]]]]]:
    """Keys that an issuer must not sign with: what it signs with (None: its usual one), and what it publishes."""

    def weak() -> tuple[Any, list[dict[str, Any]]]:
        key = generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # too weak, as the test wants
        return key, [{**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": "k"}]

    def elliptic() -> tuple[Any, list[dict[str, Any]]]:
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        return None, [{**json.loads(ECAlgorithm.to_jwk(key)), "kid": "k"}]

    def private() -> tuple[Any, list[dict[str, Any]]]:
        return None, [{**json.loads(RSAAlgorithm.to_jwk(SigningKey.number(1).private_key)), "kid": "k"}]

    return {
        "1024 bits": weak,
        "elliptic": elliptic,
        "private": private,
        "symmetric": lambda: (None, [{"kty": "oct", "k": coded(b"secret" * 6), "kid": "k", "alg": "HS256"}]),
        "for encryption": lambda: (None, [published(use="enc")]),
        "for RS512": lambda: (None, [published(alg="RS512")]),
        "no number": lambda: (None, [published(n="!!")]),
        "numbers that are none": lambda: (None, [published(n=7)]),
        "no exponent": lambda: (None, [{name: value for name, value in published().items() if name != "e"}]),
        "an even exponent": lambda: (None, [published(e=coded(b"\x02"))]),
        "too large": lambda: (None, [published(n=coded(b"\xff" * 2048))]),
        "far too large": lambda: (None, [published(n=coded(b"\xff" * 150_000))]),
        "an exponent that is far too large": lambda: (None, [published(e=coded(b"\xff" * 150_000))]),
        "factors that would have to be found": lambda: (None, [published(d=coded(b"\xff" * 90_000))]),
    }


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
@pytest.mark.parametrize("how", list(unfit()))
def test_a_key_that_is_weak_or_of_another_kind_proves_nobody(liar: Liar, how: str) -> None:
    key, liar.keys = unfit()[how]()
    assert "no RSA key of 2048 bits or more for RS256" in refused(made(liar.name), liar.token(key), Undecided)


def test_two_keys_of_one_id_are_no_key_at_all(liar: Liar) -> None:
    for pair in ([published(), published(2)], [published(), published()]):
        liar.keys = pair
        assert "two keys of one id" in refused(made(liar.name), liar.token(), Undecided)
    liar.keys = [published(), published(2, kid="other"), published(2, kid=None), published(2, kid=["k"])]
    assert made(liar.name).actor(SecretStr(liar.token())).subject == SUBJECT


def test_an_issuer_with_a_certificate_of_its_own_authority_is_asked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with FakeGitHub(tls=authority.server_context("127.0.0.1")) as github:
        token = github.oidc_token(aud=AUDIENCE)
        trusting = made(github.oidc_issuer, base_dir=tmp_path, ca_file=authority.file.name)
        assert trusting.actor(SecretStr(token)).subject == SUBJECT
        assert "certificate could not be verified" in refused(made(github.oidc_issuer), token, Undecided)


def test_nothing_of_a_token_is_logged(shared_github: FakeGitHub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = shared_github.oidc_token(aud=AUDIENCE)
    made(shared_github.oidc_issuer).actor(SecretStr(token))
    refused(made(shared_github.oidc_issuer), token[:-8])
    for part in token.split("."):
        assert part not in caplog.text


# -- settings


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"audience": None}, "audience: Field required"),
        ({"audience": ""}, "audience"),
        ({"audience": "two words"}, "audience"),
        ({"issuer": "http://token.actions.githubusercontent.com"}, "issuer: Value error, is an https:// URL"),
        ({"issuer": "ftp://127.0.0.1"}, "issuer: Value error, is an https:// URL"),
        ({"issuer": "https://"}, "issuer: Value error, is an https:// URL"),
        ({"issuer": "github"}, "issuer: Value error, is an https:// URL"),
        ({"issuer": "https://[::1"}, "issuer: Value error, is not a URL"),
        ({"issuer": f"{GITHUB}/"}, "issuer: Value error, names an issuer as its tokens do"),
        ({"issuer": f"{GITHUB}?x=1"}, "issuer: Value error, names an issuer as its tokens do"),
        ({"issuer": "https://user:pw@example.org"}, "issuer: Value error, names an issuer as its tokens do"),
        ({"repositories": []}, "repositories"),
        ({"repositories": ["shop"]}, "repositories.0"),
        ({"repositories": ["acme/*"]}, "repositories.0"),
        ({"require": "production"}, "require"),
        ({"require": {"environment": []}}, "require.environment"),
        ({"require": {"environment": ""}}, "require.environment"),
        ({"require": {"environment": ["production", 7]}}, "require.environment.1"),
        ({"require": {"environment": True}}, "require.environment"),
        ({"require": {"En vironment": "production"}}, "require.En vironment"),
        ({"leeway_s": 61}, "leeway_s"),
        ({"leeway_s": -1}, "leeway_s"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"ca_file": "absent.pem"}, "ca_file: absent.pem is not a file of certificates"),
        ({"audiences": ["a"]}, "audiences: is not a known key"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_used_are_refused_by_name(options: dict[str, Any], why: str) -> None:
    given = {name: value for name, value in ({"audience": AUDIENCE} | options).items() if value is not None}
    config = PluginConfig("github-oidc", given, {}, Path(), Path(), lambda: datetime.now(UTC))
    with pytest.raises(SettingsError, match=r"settings: plugins\.github-oidc\.") as failed:
        GithubOidcPlugin(config)
    assert why in str(failed.value) and "pw" not in str(failed.value)


def test_the_issuer_is_github_unless_the_settings_say_otherwise() -> None:
    assert GITHUB == "https://token.actions.githubusercontent.com"
    config = PluginConfig("github-oidc", {"audience": "a"}, {}, Path(), Path(), lambda: datetime.now(UTC))
    token = jwt.encode({"iss": f"{GITHUB}/", "aud": "a"}, SigningKey.number(1).private_key, "RS256", {"kid": "k"})
    assert "knows the issuer" in refused(Plugins({"github-oidc": GithubOidcPlugin(config)}), token)


def test_the_plugin_is_installed_under_its_name() -> None:
    assert installed()["github-oidc"].load() is GithubOidcPlugin


# -- the token of a job


def test_a_job_of_github_actions_gets_its_token_by_itself(github: FakeGitHub, elsewhere: pytest.MonkeyPatch) -> None:
    plugins = made(github.oidc_issuer)
    assert plugins.token() is None
    elsewhere.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", github.oidc_request_url)
    elsewhere.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", github.oidc_request_token)
    token = plugins.token()
    assert token and plugins.actor(token).model_dump(exclude={"claims"}) == PROVEN
    assert claims_of(token.get_secret_value())["aud"] == AUDIENCE
    assert github.oidc_requests[0].path.endswith(f"?api-version=2.0&audience={AUDIENCE}")


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("", "t"),
        ("URL", ""),
        ("URL", "two words\n"),
        ("http://pipelines.example.org/token", "t"),
        ("file:///etc/passwd", "t"),
        ("http://[::1", "t"),
    ],
)
def test_half_a_job_is_an_error(github: FakeGitHub, elsewhere: pytest.MonkeyPatch, url: str, token: str) -> None:
    elsewhere.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url.replace("URL", github.oidc_request_url))
    elsewhere.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
    with pytest.raises(ActorUnproven, match="are not both what a runner sets") as failed:
        made(github.oidc_issuer).token()
    assert "id-token: write" in failed.value.hint
    assert github.oidc_requests == []


@pytest.mark.parametrize(
    ("how", "why"),
    [("401", "401"), ("503", "503"), ("html", "no JSON object"), ("wrong_shape", "holds none"), ("drip", "0.3 s")],
)
def test_a_runner_that_gives_no_token_is_an_error(
    github: FakeGitHub, elsewhere: pytest.MonkeyPatch, how: How, why: str
) -> None:
    elsewhere.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", github.oidc_request_url)
    elsewhere.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", github.oidc_request_token)
    github.break_next("GET /oidc/token", how)
    timeout_s = 0.3 if how == "drip" else 10  # a busy machine is no silent one
    with pytest.raises(Undecided, match="the token of this job cannot be had") as failed:
        made(github.oidc_issuer, timeout_s=timeout_s).token()
    assert why in str(failed.value) and github.oidc_request_token not in str(failed.value)


# -- plugins that take tokens


class Says:
    """A plugin that answers whatever it is told, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    @hookimpl
    def gate_actor(self, token: SecretStr) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_an_actor_is_verified_by_the_plugin_that_took_the_token() -> None:
    plugins = Plugins({"mine": Says(Proven("somebody")), "other": Says(None)})
    assert plugins.actor(SecretStr("t-123")) == Actor(subject="somebody", verified_by="mine")


@pytest.mark.parametrize(
    ("answers", "kind", "why"),
    [
        ({}, ActorUnproven, "those that take tokens: none"),
        ({"a": None, "b": None}, ActorUnproven, "knows the issuer of the token; those that take tokens: a, b"),
        ({"a": Proven("x"), "b": Proven("x")}, ActorUnproven, "more than one enabled plugin takes the token"),
        ({"a": Proven("x"), "b": ActorUnproven("no")}, ActorUnproven, "no"),
        ({"a": ValueError("t-123456 is bad")}, Undecided, "the plugin a failed: ValueError"),
        ({"a": "x"}, Undecided, "the plugin a failed"),
        ({"a": Proven("")}, Undecided, "the plugin a failed"),
        ({"a": Proven("x", claims={"ref": 7})}, Undecided, "the plugin a failed"),  # type: ignore[dict-item]  # odd
        ({"a": Proven("x", claims={"ref": "x" * 1001})}, Undecided, "the plugin a failed"),
        ({"a": Proven("x", claims=7)}, Undecided, "the plugin a failed"),  # type: ignore[arg-type]  # odd
        ({"a": Proven("x", token_id="t")}, Undecided, "the plugin a failed"),
        ({"a": Proven("x", token_id="", until=datetime.now(UTC))}, Undecided, "the plugin a failed"),
        ({"a": Proven("x", until=datetime.now(UTC))}, Undecided, "the plugin a failed"),
        ({"a": 7}, Undecided, "the plugin a failed"),
        ({"a": Actor(subject="x", verified_by="host")}, Undecided, "the plugin a failed"),
    ],
)
def test_unless_one_plugin_vouches_nobody_is_proven(answers: dict[str, Any], kind: type[GateError], why: str) -> None:
    plugins = Plugins({name: Says(answer) for name, answer in answers.items()})
    assert why in refused(plugins, "t-123456", kind)


# -- the whole line


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shared_github: FakeGitHub) -> Iterator[Site]:
    """Testing runs OLD, whom anybody at the terminal may deploy; to prod only CI may promote."""
    made_site = make_site(tmp_path_factory.mktemp("oidc") / "site")
    settings = made_site.settings.read_text()
    table = f'[plugins.github-oidc]\naudience = "{AUDIENCE}"\nissuer = "{shared_github.oidc_issuer}"\n'
    made_site.settings.write_text(f"{settings}\n{table}")
    policy = made_site.folder / "policies" / "config" / "data.json"
    data = json.loads(policy.read_text())
    data["products"][PRODUCT]["actors"]["prod"] = [{"subject": SUBJECT, "verified_by": "github-oidc"}]
    policy.write_text(json.dumps(data))
    release = ["--artifact", made_site.artifacts[OLD], "--ref", OLD]
    deployed = process(made_site, "deploy", PRODUCT, "--to", "testing", *release)
    assert deployed.returncode == 0, deployed.stderr
    yield made_site
    clear(made_site)


def process(site: Site, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--config", str(site.settings), *arguments],
        env=WITHOUT_TOKENS | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.thorough
def test_ci_promotes_as_a_verified_actor_and_nobody_else_does(
    site: Site, shared_github: FakeGitHub, elsewhere: pytest.MonkeyPatch
) -> None:
    person = site.run("check", "promote", PRODUCT)
    assert person.exit_code == 1
    assert "actor.permitted" in person.out and "unverified:" in person.out

    before = site.run("runs", "list", "--output", "json").document
    for token, why in (
        (shared_github.oidc_token(aud=AUDIENCE, exp=now() - 60), "has expired"),
        ("", "LAUNCHPLANE_GATE_OIDC_TOKEN is set, and empty"),
    ):
        refusal = site.run("promote", PRODUCT, LAUNCHPLANE_GATE_OIDC_TOKEN=token)
        assert refusal.exit_code == 2 and why in refusal.err and refusal.out == ""
        assert "Nothing was done" in refusal.err and (not token or token not in refusal.err)
    assert site.run("runs", "list", "--output", "json").document == before  # nothing was asked

    token = shared_github.oidc_token(aud=AUDIENCE)
    done = process(site, "promote", PRODUCT, "--output", "json", LAUNCHPLANE_GATE_OIDC_TOKEN=token)
    assert done.returncode == 0, done
    run = json.loads(done.stdout)
    assert run["status"] == "recorded" and run["actor"].pop("claims")["job_workflow_ref"] == WORKFLOW
    assert run["actor"] == PROVEN
    for again, code in ((["promote", PRODUCT, "--redeploy"], 2), (["check", "promote", PRODUCT], 0)):
        told = site.run(*again, LAUNCHPLANE_GATE_OIDC_TOKEN=token)
        assert told.exit_code == code, told
        if code:
            assert f"spent on another request, which led to {run['run_id']}" in told.err and "ask again" in told.err
            [last, *_] = site.run("runs", "list", "--output", "json").document["runs"]
            assert (last["status"], last["touched"]) == ("denied", False)
    assert site.run("promote", PRODUCT, LAUNCHPLANE_GATE_OIDC_TOKEN=token).exit_code == 0  # the same once more
    for path in (site.folder / "state").rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes(), path


def test_in_a_job_the_command_gets_its_token_by_itself(
    site: Site, shared_github: FakeGitHub, elsewhere: pytest.MonkeyPatch
) -> None:
    job = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": shared_github.oidc_request_url,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": shared_github.oidc_request_token,
    }
    decision = site.run("check", "promote", PRODUCT, "--output", "json", **job).document
    assert decision["actor"].pop("claims")["repository_id"] == "74" and decision["actor"] == PROVEN
    refusal = site.run("check", "promote", PRODUCT, **(job | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "stolen"}))
    assert refusal.exit_code == 3 and "the token of this job cannot be had: the answer is 401" in refusal.err


def test_a_token_that_no_plugin_takes_is_an_error(
    site: Site, shared_github: FakeGitHub, elsewhere: pytest.MonkeyPatch
) -> None:
    without = site.folder / "without.toml"
    without.write_text(site.settings.read_text().partition("[plugins.github-oidc]")[0])
    token = shared_github.oidc_token(aud=AUDIENCE)
    refusal = site.run("--config", str(without), "check", "promote", PRODUCT, LAUNCHPLANE_GATE_OIDC_TOKEN=token)
    assert refusal.exit_code == 2 and "those that take tokens: none" in refusal.err


def test_a_ledger_is_started_by_a_proven_actor_or_not_at_all(
    site: Site, tmp_path: Path, elsewhere: pytest.MonkeyPatch
) -> None:
    ledger = site.folder / "state" / "ledger.sqlite"
    away = ledger.rename(tmp_path / "ledger.sqlite")
    refusal = site.run("init", "--adopt", LAUNCHPLANE_GATE_OIDC_TOKEN="garbage")
    assert refusal.exit_code == 2 and "no JSON Web Token" in refusal.err and not ledger.exists()
    away.rename(ledger)


def test_a_public_key_is_what_the_fake_publishes(shared_github: FakeGitHub) -> None:
    """The forgeries above are made with the right key, or they would prove nothing."""
    issuer = issuer_at(shared_github.oidc_issuer, Clock())
    key = issuer.key("key-1000")
    assert isinstance(key, RSAPublicKey) and key == SigningKey.number(1000).public_key
