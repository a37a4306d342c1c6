"""Each parser of what strangers send, with what it may be sent, and what has to hold of whatever it makes of that.

A check lets every exception pass but the one that the parser promises: whoever runs it takes that for a finding.
"""

from __future__ import annotations

import base64
import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import strategies as st
from pydantic import SecretStr

from launchplane_gate import ssh, strictjson, strictyaml
from launchplane_gate.errors import ActorUnproven, RecordUnreadable, RequestError, SettingsError, Undecided, UsageError
from launchplane_gate.ledger.exporting import verify_file
from launchplane_gate.ledger.heads import kept_from, read_heads
from launchplane_gate.policy import EmbeddedEngine
from launchplane_gate.records import DeploymentRecord, EnvironmentInventory, PromotionRecord
from launchplane_gate.settings import load_settings
from launchplane_gate.store import parsed, plain
from launchplane_gate_dokploy import Dokploy, DokployError, TargetRef
from launchplane_gate_generic_web import compose_file
from launchplane_gate_generic_web.compose_file import Unusable
from launchplane_gate_github.notes import FIELDS, read_template
from launchplane_gate_github_oidc import issuer as oidc_issuer
from launchplane_gate_github_oidc import token as oidc_token
from launchplane_gate_health import answer as health
from launchplane_gate_http import Answer
from launchplane_gate_oci.challenge import challenge_in
from launchplane_gate_oci.image import read_image
from launchplane_gate_oci.reference import reference_of
from launchplane_gate_oci.repository import RegistryError
from tests.conftest import ACTOR, A, B, bundle_in, deploy, open_gate, promote
from tests.fakes.platform import FakePlatform
from tests.fuzz.sent import TEXTS, altered, mangled, sent
from tests.places import ROOT

DIGEST, ISSUER, AUDIENCE = f"sha256:{'a' * 64}", "https://issuer.example.org", "launchplane-gate"


@dataclass(frozen=True)
class Stranger:
    """What may come, and what is done with it."""

    sends: Callable[[], st.SearchStrategy[Any]]
    check: Callable[[Any], None]


STRANGERS: dict[str, Stranger] = {}
REFUSED: Counter[str] = Counter()
"""How often each error was what a parser said."""


def stranger(sends: Callable[[], st.SearchStrategy[Any]]) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    def added(check: Callable[[Any], None]) -> Callable[[Any], None]:
        STRANGERS[check.__name__] = Stranger(sends, check)
        return check

    return added


@contextmanager
def refused_by(*errors: type[Exception]) -> Iterator[None]:
    """These are what is promised; each says something."""
    try:
        yield
    except errors as error:
        assert str(error)
        REFUSED[type(error).__name__] += 1


@stranger(lambda: sent({"a": [1, 2.5, "b", None, {"c": True}], "d": -9007199254740991}))
def strict_json(body: bytes) -> None:
    with refused_by(strictjson.NotStrictJson):
        value = strictjson.loads(body)
        body.decode("utf-8", "surrogatepass")  # and in no other encoding
        canonical = strictjson.dumps(value)
        assert strictjson.loads(canonical.encode("utf-8", "surrogatepass")) == value
        assert strictjson.dumps(strictjson.loads(canonical)) == canonical


_YAML = b"""# yaml-language-server: $schema=case.json
case: "stale"
facts: {source.run.settled: false, "now": 2026-11-30T14:00:00Z}
rules:
  - lane.settled: [not satisfied, ~, 1.5, -7]
  - |
    two
    lines
"""


@stranger(lambda: st.one_of(mangled(_YAML), sent({"a": [1, 2.5, "b", None, {"c": True}]})))
def strict_yaml(body: bytes) -> None:
    with refused_by(strictyaml.NotStrictYaml):
        document = strictyaml.loads(body)
        body.decode()  # and in no other encoding
        assert strictjson.loads(strictjson.dumps(document.value)) == document.value
        lines = body.decode().splitlines()
        assert all(1 <= line <= max(len(lines), 1) for line in document.lines.values())


# -- tokens


def _base64(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


_HEADER = {"alg": "RS256", "kid": "1", "typ": "JWT"}
_CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "repo:acme/shop:ref:refs/heads/main",
    "jti": "1",
    "iat": 0,
    "nbf": 0,
    "exp": 0,
}


def _tokens() -> st.SearchStrategy[str]:
    parts = st.tuples(sent(_HEADER), sent(_CLAIMS), st.binary(max_size=8))
    whole = parts.map(lambda three: ".".join(map(_base64, three)))
    return st.one_of(whole, TEXTS, st.builds(lambda one: f"{one}.{one}.", TEXTS))


@stranger(_tokens)
def oidc_unproven_token(text: str) -> None:
    with refused_by(ActorUnproven):
        read = oidc_token.read(SecretStr(text))
        assert isinstance(read.key_id, str) and isinstance(read.issuer, str)


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _claims() -> st.SearchStrategy[Any]:
    now = datetime.now(UTC).timestamp()
    return altered(_CLAIMS | {"iat": now, "nbf": now, "exp": now + 300})


@stranger(_claims)
def oidc_signed_claims(claims: Any) -> None:
    now = datetime.now(UTC)
    signed = jwt.api_jws.encode(json.dumps(claims).encode(), _key(), "RS256", headers={"kid": "1"})
    given: dict[str, Any] = {"audience": AUDIENCE, "issuer": ISSUER, "leeway_s": 10.0, "now": now}
    with refused_by(ActorUnproven):
        proven = oidc_token.proven(oidc_token.read(SecretStr(signed)), _key().public_key(), **given)
        assert proven["aud"] == AUDIENCE and proven["iss"] == ISSUER and isinstance(proven["sub"], str)
        assert abs(proven["iat"] - now.timestamp()) < oidc_token.MAX_AGE_S + 60


class _Published:
    """An issuer's two documents, in place of its server."""

    def __init__(self, *documents: Any) -> None:
        self.documents = list(documents)

    def document(self, *_: object) -> Any:
        document = self.documents.pop(0)
        if not isinstance(document, dict):
            raise Undecided("no JSON object")
        return document


def _published() -> st.SearchStrategy[Any]:
    numbers = _key().public_key().public_numbers()
    n, e = (_base64(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
    keys = {"keys": [{"kid": "1", "kty": "RSA", "use": "sig", "alg": "RS256", "n": n, "e": e}]}
    configuration = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
    return st.tuples(altered(configuration), altered(keys))


@stranger(_published)
def oidc_keys(documents: tuple[Any, Any]) -> None:
    asking: Any = _Published(*documents)
    with refused_by(Undecided):
        key = oidc_issuer.Issuer(ISSUER, asking).key("1")
        assert key is None or key.key_size in oidc_issuer.KEY_BITS


# -- registries


_CHALLENGE = b'Bearer realm="https://auth.example.org/token",service="registry.example.org",scope="a:b,c"'


@stranger(lambda: st.lists(st.one_of(mangled(_CHALLENGE), mangled(b"Basic realm=x")), max_size=3))
def oci_challenge(lines: list[bytes]) -> None:
    challenge_in(httpx.Headers([(b"www-authenticate", line) for line in lines]))


@stranger(
    lambda: mangled(f"registry.example.org:5000/acme/shop@{DIGEST}".encode()).map(lambda one: one.decode("latin-1"))
)
def oci_reference(text: str) -> None:
    found = reference_of(text)
    if found:
        again = f"{found.registry}/{found.repository}@{found.digest}"
        assert reference_of(again) == found and found.digest in text and text.isascii()


_INDEX_TYPE, _TYPE = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "config": {"Labels": {"org.opencontainers.image.revision": "4" * 40}},
}
_MANIFEST = {"schemaVersion": 2, "mediaType": _TYPE, "config": {"mediaType": _CONFIG_TYPE, "digest": DIGEST, "size": 1}}
_ENTRY = {"mediaType": _TYPE, "digest": DIGEST, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}
_INDEX = {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": [_ENTRY]}


class _Registry:
    """What a repository holds, where each thing has the digest and the size that are said of it."""

    def __init__(self, first: Answer, bodies: tuple[bytes, bytes]) -> None:
        self.first, (self.of_manifest, self.of_config) = first, bodies

    def manifest(self, _: str, *, accept: frozenset[str]) -> Answer:
        first, self.first = self.first, _answer(next(iter(accept)), self.of_manifest)
        return first

    def blob(self, _: str) -> Answer:
        return _answer("", self.of_config)


def _answer(content_type: str, body: bytes) -> Answer:
    return Answer(200, content_type, body, httpx.Headers())


def _images() -> st.SearchStrategy[Any]:
    config = sent(_CONFIG)

    @st.composite
    def image(draw: st.DrawFn) -> tuple[Answer, tuple[bytes, bytes]]:
        of_config = draw(config)
        fitted = {**_MANIFEST, "config": {**_MANIFEST["config"], "size": len(of_config)}}  # type: ignore[dict-item]  # a dict
        of_manifest = draw(sent(fitted))
        if draw(st.booleans()):
            return _answer(_TYPE, of_manifest), (of_manifest, of_config)
        index = {**_INDEX, "manifests": [{**_ENTRY, "size": len(of_manifest)}]}
        return _answer(_INDEX_TYPE, draw(sent(index))), (of_manifest, of_config)

    return image()


@stranger(_images)
def oci_image(image: tuple[Answer, tuple[bytes, bytes]]) -> None:
    repository: Any = _Registry(*image)
    with refused_by(RegistryError):
        facts = read_image(repository, DIGEST)
        assert facts and facts.digest == DIGEST
        for platform in facts.platforms:
            assert platform.platform.isascii() and (platform.revision or "").isascii()


# -- platforms and what runs


@stranger(
    lambda: st.tuples(
        sent({"build": [{"commit": "4" * 40}], "a/b": "c"}), st.sampled_from(["/build/0/commit", "/a~1b", ""])
    )
)
def health_answer(sent_with: tuple[bytes, str]) -> None:
    body, pointer = sent_with
    how: Any = health.Asking(pointer, None, 65536, None)  # type: ignore[arg-type]  # no connection is made
    revision, why = health.revision_in(body, how)
    assert (revision is None) == bool(why)
    assert revision is None or (revision.isascii() and revision.isprintable() and " " not in revision)


_APPLICATION = {
    "applicationId": "a", "name": "shop", "appName": "shop-1", "serverId": None, "sourceType": "docker",
    "dockerImage": f"shop@{DIGEST}", "replicas": 1, "modeSwarm": {"Replicated": {"Replicas": 1}},
    "applicationStatus": "done", "username": "u", "password": "p", "registryUrl": None,
}  # fmt: skip
_COMPOSE = {
    "composeId": "c", "name": "shop", "appName": "shop-1", "serverId": None, "sourceType": "raw",
    "composeStatus": "done", "composeType": "docker-compose", "composeFile": "", "env": "A=1", "command": "",
    "composePath": "", "createEnvFile": True, "suffix": "", "randomize": False,
}  # fmt: skip
_ROWS = [{"deploymentId": "d", "title": "t", "status": "done", "createdAt": "x", "startedAt": None, "finishedAt": None}]
_CONTAINER = {
    "Id": "1", "Image": "sha256:2", "RestartCount": 0,
    "State": {"Status": "running", "StartedAt": "x", "Health": {"Status": "healthy"}},
    "Config": {"Image": "shop", "Labels": {"com.docker.swarm.service.id": "s"}},
}  # fmt: skip
_SERVICE = {
    "ID": "s", "CreatedAt": "x", "UpdateStatus": {"State": "completed"},
    "Spec": {"TaskTemplate": {"ContainerSpec": {"Image": "shop"}}, "Mode": {"Replicated": {"Replicas": 1}}},
}  # fmt: skip
_QUEUE = [{"id": "1", "name": "n", "data": {"applicationId": "a"}, "state": "active", "timestamp": 1}]
_LISTED = [{"containerId": "1", "name": "shop", "state": "running", "status": "Up"}]
_TASKS = [{"containerId": "1", "name": "s", "state": "Running", "currentState": "Running 5 seconds ago"}]
_CALLS: list[tuple[Any, Callable[[Dokploy], object]]] = [
    (_APPLICATION, lambda api: api.application("a")),
    (_COMPOSE, lambda api: api.compose("c")),
    (_ROWS, lambda api: api.deployments(TargetRef("application", "a"))),
    (_QUEUE, Dokploy.queue),
    (_LISTED, lambda api: api.service_containers("shop", None)),
    (_TASKS, lambda api: api.tasks("shop", None)),
    (_CONTAINER, lambda api: api.container("1", None)),
    ({"RepoDigests": [f"shop@{DIGEST}"]}, lambda api: api.image("sha256:2", None)),
    ({"ServiceID": "s"}, lambda api: api.task("1", None)),
    (_SERVICE, lambda api: api.service("s", None)),
]


class _Answering:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def read(self, *_: object, **__: object) -> Any:
        return self.answer


@stranger(lambda: st.integers(0, len(_CALLS) - 1).flatmap(lambda one: st.tuples(st.just(one), altered(_CALLS[one][0]))))
def dokploy_answer(sent_with: tuple[int, Any]) -> None:
    number, answer = sent_with
    connection: Any = _Answering(answer)
    with refused_by(DokployError):
        _CALLS[number][1](Dokploy(connection))


_FILE = b"""services:
  web:
    image: "ghcr.io/acme/shop@${DIGEST:-none}"
    deploy: {replicas: 2}
  db:
    image: pg
"""


@stranger(lambda: st.tuples(mangled(_FILE), mangled(b"A=1\n# c\nDIGEST='x'\nexport B=\"2\"\n")))
def compose_texts(texts: tuple[bytes, bytes]) -> None:
    file, env = (text.decode("utf-8", "replace") for text in texts)
    with refused_by(Unusable):
        value = compose_file.value_for(file, "DIGEST", f"ghcr.io/acme/shop@{DIGEST}")
        compose_file.wanted(file, "DIGEST")
        changed = compose_file.env_with(env, "DIGEST", value)
        assert compose_file.image_set(file, "DIGEST", changed) == f"ghcr.io/acme/shop@{DIGEST}"
        assert compose_file.env_without(changed, "DIGEST") == compose_file.env_without(env, "DIGEST")


# -- what lies on a disk, and what is handed in


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fuzz-")  # until the process ends


def _folder() -> Path:
    return Path(_kept().name)


_SETTINGS = b"""schema_version = 1
engine = "opa"
state_dir = "state"
[products.shop]
repository = "acme/shop"
driver = "local"
image = "local/shop"
lanes.testing = { health_url = "http://127.0.0.1:8101/health", target = { port = 8101 } }
[plugins.local]
releases = "releases"
[opa]
url = "https://opa.example.org:8181"
token = { env = "OPA" }
"""


@stranger(lambda: mangled(_SETTINGS))
def settings_file(text: bytes) -> None:
    path = _folder() / "launchplane-gate.toml"
    path.write_bytes(text)
    with refused_by(SettingsError):
        settings = load_settings(path, environment={"OPA": "secret"})
        assert "secret" not in repr(settings.opa)


_KINDS: dict[str, Any] = {
    "deployments": DeploymentRecord,
    "promotions": PromotionRecord,
    "inventory": EnvironmentInventory,
}


@cache
def _history() -> tuple[list[bytes], list[tuple[str, Any]], list[Any]]:
    """A ledger's export, records, and heads, of two deploys and a promotion."""
    folder = _folder() / "history"
    folder.mkdir()
    bundle = bundle_in(folder)
    gate = open_gate(folder / "state", bundle, EmbeddedEngine(bundle), FakePlatform())
    for request in (deploy(A), deploy(B), promote()):
        assert gate.run(request, ACTOR).status == "recorded"
    lines = [line.encode() for line in gate.ledger.exported()]
    heads = kept_from(json.loads(lines[0])["ledger_id"], gate.ledger.heads())
    records = [
        *(("deployments", plain(one)) for one in gate.store.list_deployment_records(limit=2)),
        *(("promotions", plain(one)) for one in gate.store.list_promotion_records(limit=1)),
        *(("inventory", plain(one)) for one in gate.store.list_environment_inventory()),
    ]
    gate.ledger.close()
    return lines, records, heads


@stranger(lambda: st.sampled_from(_history()[1]).flatmap(lambda one: st.tuples(st.just(one[0]), sent(one[1]))))
def record(sent_with: tuple[str, bytes]) -> None:
    name, body = sent_with
    with refused_by(RecordUnreadable):
        found: Any = parsed(body, _KINDS[name], "a record")
        assert plain(parsed(strictjson.dumps(plain(found)).encode(), type(found), "again")) == plain(found)


@st.composite
def _exports(draw: st.DrawFn) -> bytes:
    lines = list(_history()[0])
    at = draw(st.one_of(st.just(0), st.integers(0, len(lines) - 1)))
    how = draw(st.sampled_from(["mangle", "alter", "drop", "double", "swap"]))
    if how == "mangle":
        lines[at] = draw(mangled(lines[at]))
    elif how == "alter":
        lines[at] = json.dumps(draw(altered(json.loads(lines[at])))).encode() + b"\n"
    elif how == "drop":
        del lines[at]
    else:
        lines.insert(at, lines[at] if how == "double" else lines.pop())
    return b"".join(lines)


@stranger(_exports)
def ledger_export(file: bytes) -> None:
    lines, _, heads = _history()
    with refused_by(UsageError):
        verified = verify_file(io.BytesIO(file), heads, lambda _: None)
        if not verified.wrong:  # then it is what was exported, however it is written
            assert [json.loads(line) for line in file.splitlines()][1:] == [json.loads(line) for line in lines][1:]


@stranger(lambda: mangled("\n".join(map(str, _history()[2])).encode()).map(lambda one: one.decode("utf-8", "replace")))
def kept_heads(text: str) -> None:
    with refused_by(RequestError):
        heads = read_heads(text)
        assert read_heads("\n".join(map(str, heads))) == heads


@stranger(lambda: mangled(b"# $version\n$commits ${run_id} $$5\n$waivers\n"))
def notes_template(text: bytes) -> None:
    path = _folder() / "notes.md"
    path.write_bytes(text)
    with refused_by(SettingsError):
        filled = read_template(path, "plugins.github.products.shop.notes").substitute(dict.fromkeys(FIELDS, "x"))
        assert isinstance(filled, str)


_SIGNED = ROOT / "tests" / "fuzz" / "signed.sig"


@stranger(lambda: mangled(_SIGNED.read_bytes()).map(lambda one: one.decode("utf-8", "replace")))
def ssh_signature(signature: str) -> None:
    with refused_by(ssh.BadSignature):
        key = ssh.signer(b"what is approved\n", signature)
        assert sha256(key).hexdigest() == sha256(ssh.signer(b"what is approved\n", _SIGNED.read_text())).hexdigest()
