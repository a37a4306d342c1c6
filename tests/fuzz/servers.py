"""Each client of a server that may answer anything: over a socket, with any status, headers and body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from pydantic import SecretStr

from launchplane_gate.errors import EvidenceFailed, Undecided
from launchplane_gate.hookspecs import PluginConfig, Question
from launchplane_gate.model import ReleaseIdentity
from launchplane_gate_dokploy import Connection, Dokploy, DokployError
from launchplane_gate_github import GitHubPlugin
from launchplane_gate_github_oidc.document import Asking
from launchplane_gate_github_oidc.issuer import Issuer
from launchplane_gate_health import answer as health
from launchplane_gate_http.tls import usual_tls
from launchplane_gate_oci import OciPlugin
from tests.conftest import PROD, PRODUCT, PROFILE, A, B
from tests.fakes.health_server import Answer, HealthServer, says
from tests.fuzz.sent import sent

DIGEST = f"sha256:{'a' * 64}"
SECRET = "hunter2"  # that of every login here; no server repeats it by itself

GITHUB = {
    "full_name": PROFILE.repository, "url": "https://example.org", "default_branch": "main", "id": 1, "name": "main",
    "commit": {"sha": A.source_git_ref, "url": "x"}, "sha": B.source_git_ref, "status": "ahead", "ahead_by": 1,
    "behind_by": 0, "total_commits": 1, "commits": [], "files": [], "merge_base_commit": {"sha": A.source_git_ref},
}  # fmt: skip
REGISTRY = {
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "token": "t",
    "errors": [{"code": "x"}],
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 2},
}  # fmt: skip
DOKPLOY = {"code": "NOT_FOUND", "message": "no such thing", "composeId": "c", "name": "shop"}
KEYS = {"issuer": "x", "jwks_uri": "x", "keys": [{"kid": "1", "kty": "RSA", "n": "AQAB", "e": "AQAB"}]}

STATUSES = [200, 200, 200, 201, 202, 204, 301, 307, 401, 403, 404, 429, 500, 503]
LINES = st.one_of(
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30),
    st.sampled_from(["9" * 400, "-1", "/", "//", "http://[", "https://example.org@", "Basic", 'Bearer realm="/token"']),
)
HEADERS = st.dictionaries(
    st.sampled_from(["Location", "WWW_Authenticate", "Retry_After", "X_RateLimit_Reset", "Link", "Date", "Set_Cookie"]),
    LINES,
    max_size=3,
)
KINDS = st.one_of(
    LINES, st.sampled_from(["application/json", "application/vnd.oci.image.manifest.v1+json", "text/html; charset=x"])
)


def answers(document: Any) -> st.SearchStrategy[Answer]:
    return st.builds(
        lambda body, code, kind, headers: says(body, code=code, kind=kind, **headers),
        sent(document),
        st.sampled_from(STATUSES),
        KINDS,
        HEADERS,
    )


@dataclass(frozen=True)
class Server:
    """What such a server would answer, and who asks it. ``ask`` raises nothing but what it promises."""

    document: Any
    ask: Callable[[HealthServer], None]


@contextmanager
def refused_by(*errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        assert str(error) and SECRET not in str(error)


def _config(name: str, **options: Any) -> PluginConfig:
    return PluginConfig(name, options, {}, Path(), Path("unused"), lambda: datetime.now(UTC))


def _question(artifact_id: str) -> Question:
    release = ReleaseIdentity(artifact_id=artifact_id, source_git_ref=B.source_git_ref)
    runs = ReleaseIdentity(artifact_id=artifact_id, source_git_ref=A.source_git_ref)
    return Question("admit", PROFILE, None, PROD, release, 1.0, runs=runs, version="v1.2.3", branches=("main",))


def _ask_health(server: HealthServer) -> None:
    how = health.Asking("/revision", SECRET, 65536, usual_tls())
    found = health.ask(server.url("/health"), how, timeout_s=2)
    assert (found.revision is None) == bool(found.detail) and SECRET not in found.detail


def _ask_github(server: HealthServer) -> None:
    token = {"token": SecretStr(SECRET)}
    options = {
        "base_url": server.url(""),
        "timeout_s": 1,
        "products": {PRODUCT: {}},
        "release_identity": token,
        **token,
    }
    with refused_by(EvidenceFailed):
        GitHubPlugin(_config("github", **options)).gate_evidence(_question("shop"))


def _ask_registry(server: HealthServer) -> None:
    host = server.url("").removeprefix("http://")
    login = {"username": "u", "password": SecretStr(SECRET)}
    plugin = OciPlugin(_config("oci", timeout_s=1, registries={host: login}))
    question = _question(f"{host}/shop/web@{DIGEST}")
    image = PROFILE.image.model_copy(update={"repository": f"{host}/shop/web"})
    asked = Question(**{**vars(question), "product": PROFILE.model_copy(update={"image": image})})
    with refused_by(EvidenceFailed):
        plugin.gate_evidence(asked)


def _ask_dokploy(server: HealthServer) -> None:
    with refused_by(DokployError):
        Dokploy(Connection(server.url(""), SecretStr(SECRET), usual_tls(), timeout_s=1)).compose("c")


def _ask_issuer(server: HealthServer) -> None:
    with refused_by(Undecided):
        Issuer(server.url(""), Asking(usual_tls(), 1)).key("1")


SERVERS = {
    "health": Server({"revision": "4" * 40}, _ask_health),
    "github": Server(GITHUB, _ask_github),
    "registry": Server(REGISTRY, _ask_registry),
    "dokploy": Server(DOKPLOY, _ask_dokploy),
    "issuer": Server(KEYS, _ask_issuer),
}


class Everywhere(dict[str, Answer]):
    """One answer to whatever is asked, but what is set for a path."""

    def __init__(self, answer: Answer, **set_for: Answer) -> None:
        super().__init__(set_for)
        self.answer = answer

    def get(self, path: str, _: Any = None) -> Any:
        return super().get(path, self.answer)


def well(server: HealthServer) -> dict[str, Answer]:
    """What is answered well, so that what follows is asked for."""
    repository = GITHUB | {"url": server.url(f"/repos/{PROFILE.repository}")}
    configuration = {"issuer": server.url(""), "jwks_uri": server.url("/keys")}
    return {
        f"/repos/{PROFILE.repository}": says(json.dumps(repository).encode()),
        "/.well-known/openid-configuration": says(json.dumps(configuration).encode()),
    }
