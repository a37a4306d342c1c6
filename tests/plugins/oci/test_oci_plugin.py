"""What the plugin ``oci`` promises: of a real registry, and of ones that lie, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from launchplane_gate.errors import EvidenceFailed, SettingsError
from launchplane_gate.hookspecs import PluginConfig, Question
from launchplane_gate.model import Lane, Phase, ReleaseIdentity, Request, unstamp
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import EmbeddedEngine, load_bundle, shipped_policies
from launchplane_gate.records import ProductImage, ProductLane, ProductProfile
from launchplane_gate.store import FileStore
from launchplane_gate_oci import OciPlugin
from launchplane_gate_oci.options import OciOptions, Registries
from launchplane_gate_oci.places import Places
from launchplane_gate_oci.reference import Reference, reference_of, repository_of
from tests.conftest import ACTOR, POLICY, PRODUCT, PROFILE, deploy, open_gate, promote
from tests.fakes.certificates import self_signed
from tests.fakes.health_server import Answer, Handler, HealthServer, drips, floods, html, redirects, says, sleeps
from tests.fakes.platform import FakeHealth, FakePlatform
from tests.fakes.registry import PASSWORD, USERNAME, Registry, basic, needs_registry, running
from tests.fakes.registry_images import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    REVISION,
    Images,
)
from tests.fakes.registry_stub import REPOSITORY, RegistryStub, blob_path, manifest_path

COMMIT, OTHER = "a" * 40, "b" * 40
ABSENT = f"sha256:{'0' * 64}"
PROD = Lane(context="shop", instance="prod")
IDENTITY, TOKEN = "identity-5f1e6d9b", "tok-5f1e6d9b"
LOGIN = {"username": USERNAME, "password": SecretStr(PASSWORD)}


def made(*, base_dir: Path = Path(), **options: Any) -> OciPlugin:
    return OciPlugin(
        PluginConfig(
            name="oci",
            options=options,
            targets={PROD: {}},
            base_dir=base_dir,
            state_dir=Path("unused"),
            now=lambda: datetime.now(UTC),
        )
    )


def question(
    artifact_id: str | None,
    *,
    phase: Phase = "admit",
    deadline_s: float = 10,
    repository: str | None = None,
    **rest: Any,
) -> Question:
    """About an artifact of the product's own repository, unless another is named."""
    if repository is None:
        repository = (artifact_id or "example.test/shop").partition("@")[0]
    product = ProductProfile(
        product="shop",
        display_name="Shop",
        repository="example/shop",
        driver_id="fake",
        image=ProductImage(repository=repository),
        runtime_port=80,
        health_path="/health",
        lanes=(ProductLane(context="shop", instance="prod", health_url=""),),
        updated_at="2026-01-01T00:00:00Z",
        source="test",
    )
    release = ReleaseIdentity(artifact_id=artifact_id, source_git_ref=COMMIT) if artifact_id else None
    of_whom: dict[str, Any] = {"product": product, "source": None, "destination": PROD, "release": release}
    return Question(phase=phase, deadline_s=deadline_s, **of_whom, **rest)


def seen(artifact_id: str, plugin: OciPlugin | None = None) -> Any:
    """What the plugin says of an artifact's manifest."""
    before = datetime.now(UTC)
    evidence = (plugin or made()).gate_evidence(question(artifact_id))
    assert set(evidence) == {"artifact_id", "seen_at", "manifest"}
    assert evidence["artifact_id"] == artifact_id
    at = unstamp(evidence["seen_at"])
    assert at and before - timedelta(milliseconds=1) <= at <= datetime.now(UTC)
    return evidence["manifest"]


def failure(artifact_id: str, plugin: OciPlugin | None = None) -> str:
    """Why nothing is known of an artifact: which one, what is wrong and what to do; no secret, no server's words."""
    with pytest.raises(EvidenceFailed) as failed:
        (plugin or made()).gate_evidence(question(artifact_id))
    name, _, digest = artifact_id.partition("@")
    said = str(failed.value)
    assert said.startswith(f"{name}@{digest[:19]}...: ")
    assert re.search(r"; |\?", said), "no remedy"
    for secret in (PASSWORD, IDENTITY, TOKEN):
        assert secret not in said
    return said


def platforms(manifest: Any) -> dict[str, str | None]:
    return {entry["platform"]: entry["revision"] for entry in manifest["platforms"]}


# -- a real registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def images() -> Images:
    return Images()


@needs_registry
@pytest.mark.parametrize(("docker", "media_type"), [(False, OCI_INDEX), (True, DOCKER_INDEX)])
def test_of_an_index_every_platform_is_told_and_attestations_are_not(
    registry: Registry, images: Images, docker: bool, media_type: str
) -> None:
    amd = images.revision(COMMIT, docker=docker)
    arm = images.revision(OTHER, platform="linux/arm64/v8", docker=docker)
    extra = [] if docker else [images.attestation()]
    index = images.index(amd, *extra, arm, docker=docker)
    registry.push("shop/web", images)
    assert seen(f"{registry.host}/shop/web@{index['digest']}") == {
        "media_type": media_type,
        "digest": index["digest"],
        "platforms": [
            {"platform": "linux/amd64", "digest": amd["digest"], "revision": COMMIT},
            {"platform": "linux/arm64/v8", "digest": arm["digest"], "revision": OTHER},
        ],
    }


@needs_registry
@pytest.mark.parametrize(("docker", "media_type"), [(False, OCI_MANIFEST), (True, DOCKER_MANIFEST)])
def test_of_a_single_image_its_configuration_tells_the_platform(
    registry: Registry, images: Images, docker: bool, media_type: str
) -> None:
    digest = images.revision(COMMIT, platform="linux/arm/v7", docker=docker)["digest"]
    registry.push("deeply/nested/shop-web", images)
    assert seen(f"{registry.host}/deeply/nested/shop-web@{digest}") == {
        "media_type": media_type,
        "digest": digest,
        "platforms": [{"platform": "linux/arm/v7", "digest": digest, "revision": COMMIT}],
    }


@needs_registry
def test_a_label_that_is_missing_is_null_and_an_annotation_is_no_label(registry: Registry, images: Images) -> None:
    annotations = {REVISION: COMMIT}
    index = images.index(
        images.revision(COMMIT),
        images.image({"maintainer": "tests"}, platform="linux/arm64", annotations=annotations)
        | {"annotations": annotations},
        images.image(None, platform="linux/s390x", annotations=annotations),
        images.image(None, platform="linux/riscv64", config=None),
        images.revision(OTHER, platform="linux/ppc64le", annotations=annotations),
        annotations=annotations,
    )
    registry.push("shop/web", images)
    assert platforms(seen(f"{registry.host}/shop/web@{index['digest']}")) == {
        "linux/amd64": COMMIT,
        "linux/arm64": None,
        "linux/s390x": None,
        "linux/riscv64": None,
        "linux/ppc64le": OTHER,
    }


@needs_registry
def test_a_tag_that_moves_changes_nothing(registry: Registry, images: Images) -> None:
    good, moved = images.revision(COMMIT), images.revision(OTHER)
    registry.push("shop/moving", images, tag="v1", tagged=good["digest"])
    before = seen(f"{registry.host}/shop/moving@{good['digest']}")
    registry.push("shop/moving", images, tag="v1", tagged=moved["digest"])
    assert registry.tagged("shop/moving", "v1") == moved["digest"]
    assert seen(f"{registry.host}/shop/moving@{good['digest']}") == before
    assert platforms(before) == {"linux/amd64": COMMIT}


@needs_registry
@pytest.mark.parametrize("repository", ["shop/web", "shop/nothing-was-ever-pushed-here"])
def test_what_the_registry_says_that_it_has_not_is_null(registry: Registry, images: Images, repository: str) -> None:
    images.revision(COMMIT)
    registry.push("shop/web", images)
    assert seen(f"{registry.host}/{repository}@{ABSENT}") is None


@needs_registry
def test_a_registry_with_a_login_is_read_by_who_may_and_by_nobody_else(tmp_path: Path, images: Images) -> None:
    digest = images.revision(COMMIT)["digest"]
    with running(tmp_path, login=True) as closed:
        closed.push("shop/web", images)
        artifact = f"{closed.host}/shop/web@{digest}"
        assert platforms(seen(artifact, made(registries={closed.host: LOGIN}))) == {"linux/amd64": COMMIT}
        (tmp_path / "config.json").write_text(json.dumps({"auths": {closed.host: {"auth": basic(*PAIR)[6:]}}}))
        assert platforms(seen(artifact, made(docker_config=str(tmp_path / "config.json")))) == {"linux/amd64": COMMIT}

        assert "wants a user name and a password (401)" in failure(artifact)
        wrong = {"username": USERNAME, "password": SecretStr("hunter3")}
        said = failure(artifact, made(registries={closed.host: wrong}))
        assert "refuses the login (401)" in said
        assert f'[plugins.oci.registries."{closed.host}"]' in said
        assert "hunter3" not in said


PAIR = (USERNAME, PASSWORD)


# -- what is not asked


@pytest.mark.parametrize(
    "artifact_id",
    [
        f"local/shop@{ABSENT}",
        "example.test/shop:v1",
        "example.test/shop",
        "example.test/shop@sha256:00",
        f"example.test/shop@{ABSENT}0",
        f"example.test/shop@{ABSENT.upper()}",
        f"example.test/shop@sha512:{'0' * 128}",
        f"example.test/shop:v1@{ABSENT}",
        f"example.test:99999/shop@{ABSENT}",
        f"example.test:/shop@{ABSENT}",
        f"example.test/../shop@{ABSENT}",
        f"example.test/shop?x@{ABSENT}",
        f"https://example.test/shop@{ABSENT}",
        f"user@example.test/shop@{ABSENT}",
        f"@{ABSENT}",
        ABSENT,
    ],
)
def test_nobody_is_asked_about_what_is_no_pinned_image_of_a_registry(artifact_id: str) -> None:
    assert made().gate_evidence(question(artifact_id)) == {}


def test_nobody_is_asked_after_the_deploy_nor_without_a_release(images: Images) -> None:
    with RegistryStub(images) as stub:
        artifact = stub.artifact(images.revision(COMMIT)["digest"])
        assert made().gate_evidence(question(artifact, phase="confirm")) == {}
        assert made().gate_evidence(question(None)) == {}
        assert stub.seen == []


@pytest.mark.parametrize(
    "repository", ["{host}/other/team", "{host}/shop", "127.0.0.1:1/shop/web", "shop/web", "", "local/x"]
)
def test_a_registry_is_asked_for_the_products_own_repository_alone(images: Images, repository: str) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants="basic", logins=dict([PAIR])) as stub:
        asked = question(stub.artifact(digest), repository=repository.format(host=stub.host))
        assert made(registries={stub.host: LOGIN}).gate_evidence(asked) == {}
        assert stub.seen == []


@pytest.mark.parametrize(
    ("artifact", "repository"),
    [("docker.io/library/nginx", "nginx"), ("index.docker.io/acme/shop", "acme/shop"), ("ghcr.io/a/b", "ghcr.io/a/b")],
)
def test_a_repository_is_the_same_by_each_of_its_names(artifact: str, repository: str) -> None:
    reference = reference_of(f"{artifact}@{ABSENT}")
    assert reference
    assert (reference.registry, reference.repository) == repository_of(repository)


@pytest.mark.parametrize(
    ("name", "registry", "repository"),
    [
        ("nginx", "docker.io", "library/nginx"),
        ("example/shop", "docker.io", "example/shop"),
        ("docker.io/nginx", "docker.io", "library/nginx"),
        ("docker.io/local/shop", "docker.io", "local/shop"),
        ("index.docker.io/example/shop", "docker.io", "example/shop"),
        ("ghcr.io/example/shop/web", "ghcr.io", "example/shop/web"),
        ("localhost/shop", "localhost", "shop"),
        ("registry:5000/shop", "registry:5000", "shop"),
        ("127.0.0.1:5000/a/b/c/d", "127.0.0.1:5000", "a/b/c/d"),
    ],
)
def test_a_name_is_read_as_container_engines_read_it(name: str, registry: str, repository: str) -> None:
    assert reference_of(f"{name}@{ABSENT}") == Reference(registry, repository, ABSENT)


@pytest.mark.parametrize(
    ("registry", "options", "url"),
    [
        ("docker.io", {}, "https://registry-1.docker.io"),
        ("ghcr.io", {}, "https://ghcr.io"),
        ("registry:5000", {}, "https://registry:5000"),
        ("registry:5000", {"allow_plain_http": True}, "http://registry:5000"),
        ("localhost", {}, "http://localhost"),
        ("127.0.0.1:5000", {}, "http://127.0.0.1:5000"),
        ("127.0.0.1:5000", {"ca_file": "ca.pem"}, "https://127.0.0.1:5000"),
    ],
)
def test_only_this_machine_is_asked_by_plain_http_unless_the_settings_say_otherwise(
    tmp_path: Path, registry: str, options: dict[str, Any], url: str
) -> None:
    self_signed(tmp_path).rename(tmp_path / "ca.pem")
    read = OciOptions.model_validate({"registries": {registry: options}})
    assert str(Registries(read, place="plugins.oci", base_dir=tmp_path).access(registry).url) == url


# -- who asks


@pytest.fixture
def stub(images: Images) -> Iterator[RegistryStub]:
    with RegistryStub(images) as stub:
        yield stub


def test_a_login_goes_to_the_token_service_that_the_registry_names_and_the_token_to_the_registry(
    images: Images, caplog: pytest.LogCaptureFixture
) -> None:
    digest = images.index(images.revision(COMMIT), images.revision(COMMIT, platform="linux/arm64"))["digest"]
    with RegistryStub(images, wants="bearer", logins=dict([PAIR])) as stub, caplog.at_level(logging.DEBUG):
        plugin = made(registries={stub.host: LOGIN})
        assert platforms(seen(stub.artifact(digest), plugin)) == {"linux/amd64": COMMIT, "linux/arm64": COMMIT}
        assert stub.sent_to("/token") == [basic(*PAIR)]
        (token,) = stub.tokens
        asked = [headers.get("Authorization") for path, headers in stub.seen if path.startswith("/v2/")]
        assert asked == [None] + [f"Bearer {token}"] * 5
    assert PASSWORD not in caplog.text + repr(vars(plugin))
    assert basic(*PAIR)[6:] not in caplog.text
    assert token not in caplog.text


def test_a_token_for_anybody_is_asked_for_by_nobody(images: Images) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants="bearer") as stub:
        assert platforms(seen(stub.artifact(digest))) == {"linux/amd64": COMMIT}
        assert stub.sent_to("/token") == [None]


def test_an_identity_token_is_given_for_a_token(images: Images, tmp_path: Path) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants="bearer") as stub:
        stub.identities.add(IDENTITY)
        entry = {"auth": base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode(), "identitytoken": IDENTITY}
        (tmp_path / "config.json").write_text(json.dumps({"auths": {stub.host: entry}}))
        assert platforms(seen(stub.artifact(digest), made(docker_config=str(tmp_path / "config.json"))))
        assert IDENTITY not in json.dumps([path for path, _ in stub.seen])


def test_a_token_of_the_settings_is_sent_as_it_is(images: Images) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants="bearer") as stub:
        stub.tokens.add(TOKEN)
        plugin = made(registries={stub.host: {"token": SecretStr(TOKEN)}})
        assert platforms(seen(stub.artifact(digest), plugin)) == {"linux/amd64": COMMIT}
        assert stub.sent_to("/token") == []
        stub.tokens.clear()
        assert "refuses the login (401)" in failure(stub.artifact(digest), plugin)


@pytest.mark.parametrize(
    ("registry", "said"),
    [({}, "refuses who has no login (401)"), (LOGIN | {"username": "nobody"}, "refuses the login (401)")],
)
def test_a_token_service_that_refuses_is_no_registry_without_the_image(
    images: Images, registry: dict[str, Any], said: str
) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants="bearer", logins=dict([PAIR])) as stub:
        assert said in failure(stub.artifact(digest), made(registries={stub.host: registry}))
        assert len(stub.sent_to("/token")) == 1


@pytest.mark.parametrize("wants", ["basic", "bearer"])
def test_a_registry_that_refuses_for_ever_is_asked_twice(images: Images, wants: Any) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants=wants, logins=dict([PAIR])) as stub:
        challenge = {"basic": 'Basic realm="x"', "bearer": f'Bearer realm="{stub.realm}",service="tests"'}[wants]
        stub.answers[manifest_path(digest)] = says(b"", code=401, WWW_Authenticate=challenge)
        assert "refuses the login (401)" in failure(stub.artifact(digest), made(registries={stub.host: LOGIN}))
        assert len(stub.sent_to(manifest_path(digest))) == 2


@pytest.mark.parametrize(
    "challenge",
    [
        "Negotiate",
        "",
        "Bearer",
        "Bearer realm",
        'Bearer service="tests"',
        'Bearer realm=""',
        "Bearer realm=",
        'Bearer realm=,service="tests"',
        'Bearer realm="',
        'Bearer realm="/token"',
        'Bearer realm="ftp://127.0.0.1/token"',
        'Bearer realm="http://192.0.2.1/token"',
        'Bearer realm="http://[::1/token"',
        'Bearer realm="http://operator@127.0.0.1/token"',
    ],
)
def test_a_challenge_that_leads_nowhere_gives_nothing_away(images: Images, stub: RegistryStub, challenge: str) -> None:
    digest = images.revision(COMMIT)["digest"]
    stub.answers[manifest_path(digest)] = says(b"", code=401, WWW_Authenticate=challenge)
    failure(stub.artifact(digest), made(registries={stub.host: LOGIN}))
    assert stub.sent_to(manifest_path(digest)) == [None]


@pytest.mark.parametrize(
    "answer",
    [
        html(),
        says(b'{"token": ""}'),
        says(b'{"token": 7}'),
        says(b'{"token": "a\\r\\nX-Evil: 1"}'),
        says(b"[]"),
        redirects("http://127.0.0.1/elsewhere"),
        says(b"{}", code=403),
        says(b'{"token": "hunter2"', code=500),
    ],
)
def test_a_token_service_that_gives_no_token_is_an_error(images: Images, answer: Answer) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants="bearer", logins=dict([PAIR])) as stub:
        stub.answers["/token"] = answer
        failure(stub.artifact(digest), made(registries={stub.host: LOGIN}))


def test_a_registry_over_https_is_known_by_its_certificates_and_gives_no_login_to_plain_http(
    images: Images, tmp_path: Path
) -> None:
    digest = images.revision(COMMIT)["digest"]
    pem = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    with HealthServer() as elsewhere, RegistryStub(images, wants="bearer", logins=dict([PAIR])) as stub:
        stub.socket = tls.wrap_socket(stub.socket, server_side=True)
        artifact = stub.artifact(digest)
        trusting = made(registries={stub.host: LOGIN | {"ca_file": pem.name}}, base_dir=tmp_path)
        stub.realm = f"https://{stub.host}/token"
        assert platforms(seen(artifact, trusting)) == {"linux/amd64": COMMIT}
        stub.realm = elsewhere.url("/token")
        assert "sends the gate elsewhere for a token" in failure(artifact, trusting)
        stub.answers[manifest_path(digest)] = says(b"", code=401, WWW_Authenticate="Negotiate")
        other = self_signed(tmp_path)  # of another key
        suspicious = made(registries={stub.host: {"ca_file": str(other)}})
        assert "certificate could not be verified" in failure(artifact, suspicious)
        assert elsewhere.seen == []


# -- where blobs are


def one_image(images: Images) -> tuple[str, str]:
    """The digest of an image, and that of its configuration."""
    digest = images.revision(COMMIT)["digest"]
    config = json.loads(images.manifests[digest].body)["config"]["digest"]
    return digest, config


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_blob_may_be_elsewhere_where_nobody_is_told_who_asks(images: Images, code: int) -> None:
    digest, config = one_image(images)
    with HealthServer() as store, RegistryStub(images, wants="basic", logins=dict([PAIR])) as stub:
        store.answers["/blob"] = says(images.blobs[config])
        stub.answers[blob_path(config)] = redirects(store.url("/blob?signature=x", host="localhost"), code=code)
        elsewhere = f"localhost:{store.server_port}"
        plugin = made(registries={stub.host: LOGIN | {"blob_hosts": (elsewhere,)}, elsewhere: LOGIN})
        assert platforms(seen(stub.artifact(digest), plugin)) == {"linux/amd64": COMMIT}
        assert stub.sent_to(blob_path(config)) == [basic(*PAIR)]
        ((path, headers),) = store.seen
        assert path == "/blob?signature=x"
        assert not {"authorization", "cookie"} & {name.lower() for name in headers}


def test_who_asks_is_not_told_after_a_redirect_even_to_the_registry_itself(images: Images) -> None:
    digest, config = one_image(images)
    with RegistryStub(images, wants="basic", logins=dict([PAIR])) as stub:
        stub.answers |= {blob_path(config): redirects("/moved"), "/moved": says(images.blobs[config])}
        seen(stub.artifact(digest), made(registries={stub.host: LOGIN}))
        assert stub.sent_to("/moved") == [None]


@pytest.mark.parametrize(("steps", "found"), [(3, True), (4, False)])
def test_up_to_three_redirects_of_a_blob_are_followed(
    images: Images, stub: RegistryStub, steps: int, found: bool
) -> None:
    digest, config = one_image(images)
    stub.answers[blob_path(config)] = redirects("/1")
    stub.answers |= {f"/{n}": redirects(f"/{n + 1}") for n in range(1, steps)}
    stub.answers[f"/{steps}"] = says(images.blobs[config])
    if found:
        assert platforms(seen(stub.artifact(digest))) == {"linux/amd64": COMMIT}
    else:
        assert "redirected more than 3 times" in failure(stub.artifact(digest))


def test_redirects_that_go_round_end(images: Images, stub: RegistryStub) -> None:
    digest, config = one_image(images)
    stub.answers |= {blob_path(config): redirects("/1"), "/1": redirects("/2"), "/2": redirects("/1")}
    assert "redirected more than 3 times" in failure(stub.artifact(digest))
    assert len(stub.seen) == 5


@pytest.mark.parametrize(
    "to",
    [
        "http://192.0.2.1/blob",
        "ftp://127.0.0.1/blob",
        "file:///etc/hostname",
        "https://operator:x@192.0.2.1/",
        "https:",
    ],
)
def test_a_blob_is_not_fetched_by_plain_http_from_another_machine(images: Images, stub: RegistryStub, to: str) -> None:
    digest, config = one_image(images)
    stub.answers[blob_path(config)] = redirects(to)
    began = time.monotonic()
    assert "nobody was asked there" in failure(stub.artifact(digest))
    assert time.monotonic() - began < 2


STORES = ("localhost", "127.1", "127.0.0.1")


@pytest.mark.parametrize("host", STORES)
def test_a_blob_is_not_fetched_from_where_the_settings_do_not_say(
    images: Images, stub: RegistryStub, host: str
) -> None:
    digest, config = one_image(images)
    with HealthServer() as other:
        other.answers["/admin/delete"] = says(images.blobs[config])
        there = f"{host}:{other.server_port}"
        stub.answers[blob_path(config)] = redirects(f"http://{there}/admin/delete?key=hunter2")
        for hosts in ((), ("storage.example.test",), (host,), (f"{host}:1",), ("127.0.0.0/8",)):
            said = failure(stub.artifact(digest), made(registries={stub.host: {"blob_hosts": hosts}}))
            assert f"elsewhere for a blob, to http://{there}; nobody was asked there" in said
            assert f'give blob_hosts = ["{there}"] in [plugins.oci.registries."{stub.host}"]' in said
        assert other.seen == []


def test_a_name_does_not_lead_to_what_is_near_the_gate_unless_that_is_named_too(
    images: Images, stub: RegistryStub
) -> None:
    digest, config = one_image(images)
    with HealthServer() as other:
        other.answers["/blob"] = says(images.blobs[config])
        there = f"127.1:{other.server_port}"  # a name like any other, as far as one can see
        stub.answers[blob_path(config)] = redirects(f"http://{there}/blob")
        for near in ((), ("10.0.0.0/8",), ("127.0.0.2",)):
            said = failure(stub.artifact(digest), made(registries={stub.host: {"blob_hosts": (there, *near)}}))
            assert "is at 127.0.0.1, which is no address of the internet; nothing was sent there" in said
            assert f'add the address to blob_hosts in [plugins.oci.registries."{stub.host}"]' in said
        assert other.seen == []
        for near in (("127.0.0.1",), ("127.0.0.0/8",)):
            plugin = made(registries={stub.host: {"blob_hosts": (there, *near)}})
            assert platforms(seen(stub.artifact(digest), plugin)) == {"linux/amd64": COMMIT}


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("::ffff:8.8.8.8", True),
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("192.168.1.7", True),
        ("192.168.1.8", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
    ],
)
def test_addresses_that_are_not_of_the_internet_have_to_be_named(address: str, fine: bool) -> None:
    hosts = ("storage.example.test", "10.0.0.0/8", "192.168.1.7:9000")
    assert Places(httpx.URL("https://ghcr.io"), blob_hosts=hosts).may_be_at(ip_address(address)) is fine


@pytest.mark.parametrize(
    ("registry", "token", "blob", "elsewhere"),
    [
        ("docker.io", "https://auth.docker.io/token", "https://production.cloudflare.docker.com/x", "https://ghcr.io"),
        ("ghcr.io", "https://ghcr.io/token", "https://pkg-containers.githubusercontent.com/x", "https://evil.test"),
        ("quay.io", "https://quay.io/v2/auth", "https://cdn01.quay.io/x", "https://auth.docker.io/token"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth", "https://registry.gitlab.com/x", "http://gitlab.com"),
        ("shop.test", "https://shop.test/token", "https://shop.test/x", "http://shop.test/token"),
        ("shop.test:5000", "https://shop.test:5000/token", "https://shop.test:5000/x", "https://shop.test/token"),
    ],
)
def test_what_is_known_of_a_registry_need_not_be_set(registry: str, token: str, blob: str, elsewhere: str) -> None:
    places = Registries(OciOptions(), place="plugins.oci", base_dir=Path()).access(registry).places
    assert places.gives_tokens(httpx.URL(token))
    assert places.keeps_blobs(httpx.URL(blob))
    assert not places.gives_tokens(httpx.URL(elsewhere))
    assert not places.keeps_blobs(httpx.URL(elsewhere))


def test_a_login_goes_to_the_registry_or_to_the_one_host_that_is_named(images: Images) -> None:
    digest = images.revision(COMMIT)["digest"]
    with (
        RegistryStub(images, wants="bearer", logins=dict([PAIR])) as stub,
        RegistryStub(images, wants="bearer", logins=dict([PAIR])) as other,
    ):
        stub.realm = other.realm
        stub.tokens = other.tokens
        for named in ({}, {"token_host": "127.0.0.1"}, {"token_host": "auth.example.test"}):
            said = failure(stub.artifact(digest), made(registries={stub.host: LOGIN | named}))
            assert f"elsewhere for a token, to http://{other.host}; nobody was asked there" in said
            assert f'give token_host = "{other.host}" in [plugins.oci.registries."{stub.host}"]' in said
        assert other.seen == []
        plugin = made(registries={stub.host: LOGIN | {"token_host": other.host}})
        assert platforms(seen(stub.artifact(digest), plugin)) == {"linux/amd64": COMMIT}
        assert other.sent_to("/token") == [basic(*PAIR)]


def test_a_manifest_is_the_registrys_own(images: Images, stub: RegistryStub) -> None:
    digest, _ = one_image(images)
    manifest = images.manifests[digest]
    stub.answers |= {manifest_path(digest): redirects("/moved"), "/moved": says(manifest.body, kind=OCI_MANIFEST)}
    assert "redirects (302), which is followed for blobs only" in failure(stub.artifact(digest))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (says(b"{}"), "has another digest"),
        (says(b"<html>", code=404), "404, and not as a registry"),
        (says(b'{"errors": [{"code": "BLOB_UNKNOWN"}]}', code=404), "has the manifest and not the configuration"),
        (says(b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}', code=404), "404"),
        (says(b"", code=403), "refuses who has no login (403)"),
    ],
)
def test_a_configuration_that_is_not_there_or_not_the_one_is_an_error(
    images: Images, stub: RegistryStub, answer: Answer, said: str
) -> None:
    digest, config = one_image(images)
    stub.answers[blob_path(config)] = answer
    assert said in failure(stub.artifact(digest))


def test_a_store_that_refuses_is_told_from_the_registry(images: Images, stub: RegistryStub) -> None:
    digest, config = one_image(images)
    stub.answers |= {blob_path(config): redirects(stub.url("/gone", host="localhost")), "/gone": says(b"", code=403)}
    plugin = made(registries={stub.host: {"blob_hosts": (f"localhost:{stub.server_port}",)}})
    assert "where the registry redirects to" in failure(stub.artifact(digest), plugin)


# -- what proves nothing: null is for a registry that said so

UNKNOWN = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "detail": "hunter2"}]}'


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (says(b"{}", kind=OCI_MANIFEST), "has another digest"),
        (html(), "no manifest of an image"),
        (says(b"hunter2", kind="text/plain"), "no manifest of an image"),
        (says(b"", kind=OCI_MANIFEST, code=204), "status 204"),
        (says(UNKNOWN, code=200), "no manifest of an image"),
        (says(UNKNOWN, code=410), "status 410"),
        (says(UNKNOWN, code=403), "refuses who has no login (403)"),
        (says(b"<html>not found, hunter2", code=404), "404, and not as a registry"),
        (says(b"", code=404), "404, and not as a registry"),
        (says(b"[]", code=404), "404, and not as a registry"),
        (says(b'{"errors": []}', code=404), "404, and not as a registry"),
        (says(b'{"errors": [null]}', code=404), "404, and not as a registry"),
        (says(b'{"errors": [{"code": "UNSUPPORTED"}]}', code=404), "404, and not as a registry"),
        (says(b'{"errors": [{"code": "DENIED"}, {"code": "NAME_UNKNOWN"}]}', code=404), "404, and not as a"),
        (says(b'{"message": "MANIFEST_UNKNOWN"}', code=404), "404, and not as a registry"),
        (says(b"", code=429), "asked too often (429)"),
        (says(b"hunter2", code=500), "status 500"),
        (says(UNKNOWN, code=503), "status 503"),
        (lambda handler: None, "broke off"),
    ],
)
def test_no_other_answer_is_a_registry_without_the_image(
    images: Images, stub: RegistryStub, answer: Answer, said: str
) -> None:
    digest, _ = one_image(images)
    stub.answers[manifest_path(digest)] = answer
    assert said in failure(stub.artifact(digest))


def test_a_registry_that_is_not_there_is_an_error(images: Images) -> None:
    with RegistryStub(images) as stub:
        artifact = stub.artifact(ABSENT)
    assert "the connection was refused" in failure(artifact)


def test_what_fails_in_passing_is_tried_again(images: Images, stub: RegistryStub) -> None:
    digest, _ = one_image(images)
    answers = [says(b"", code=503), says(b"", code=429), says(images.manifests[digest].body, kind=OCI_MANIFEST)]

    def answer(handler: Handler) -> None:
        answers.pop(0)(handler)

    stub.answers[manifest_path(digest)] = answer
    assert platforms(seen(stub.artifact(digest))) == {"linux/amd64": COMMIT}


def test_a_platform_that_the_registry_has_not_is_an_error_and_not_null(images: Images, stub: RegistryStub) -> None:
    image = images.revision(COMMIT)
    digest = images.index(image)["digest"]
    del images.manifests[image["digest"]]
    assert f"no manifest {image['digest'][:19]}" in failure(stub.artifact(digest))


def changed_manifest(images: Images, **changed: Any) -> str:
    digest = images.revision(COMMIT)["digest"]
    document = json.loads(images.manifests[digest].body) | changed
    return str(images.manifest({key: value for key, value in document.items() if value != {}}, OCI_MANIFEST)["digest"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schemaVersion": 1}, "schemaVersion"),
        ({"mediaType": OCI_INDEX}, "another media type than it names"),
        ({"mediaType": 7}, "mediaType"),
        ({"manifests": []}, "manifests"),
        ({"config": {}}, "config"),
        ({"config": "hunter2"}, "config"),
        ({"config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": ABSENT, "size": 2}}, "is no image"),
        ({"config": {"mediaType": OCI_CONFIG, "digest": "sha256:../../hunter2", "size": 2}}, "config.digest"),
        ({"config": {"mediaType": OCI_CONFIG, "digest": f"sha512:{'0' * 128}", "size": 2}}, "config.digest"),
        ({"config": {"mediaType": OCI_CONFIG, "digest": ABSENT, "size": "2"}}, "config.size"),
        ({"config": {"mediaType": OCI_CONFIG, "digest": ABSENT, "size": -1}}, "config.size"),
    ],
)
def test_a_manifest_that_is_none_is_an_error(
    images: Images, stub: RegistryStub, changed: dict[str, Any], said: str
) -> None:
    assert said in failure(stub.artifact(changed_manifest(images, **changed)))


def test_a_manifest_may_leave_its_media_type_out(images: Images, stub: RegistryStub) -> None:
    assert platforms(seen(stub.artifact(changed_manifest(images, mediaType={})))) == {"linux/amd64": COMMIT}


@pytest.mark.parametrize(
    "body", [b"", b"hunter2", b"[]", b'{"schemaVersion": 2, "schemaVersion": 2}', b"\xff", b"[" * 9999]
)
def test_a_manifest_that_is_no_json_is_an_error(images: Images, stub: RegistryStub, body: bytes) -> None:
    failure(stub.artifact(images.manifest(body, OCI_MANIFEST)["digest"]))
    failure(stub.artifact(images.manifest(body, OCI_INDEX)["digest"]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"config": {"Labels": ["hunter2"]}}, "config.Labels"),
        ({"config": "hunter2"}, "config"),
        ({"config": {"Labels": {REVISION: 7}}}, REVISION),
        ({"config": {"Labels": {REVISION: [COMMIT]}}}, REVISION),
        ({"config": {"Labels": {REVISION: f"{COMMIT}\n"}}}, REVISION),
        ({"config": {"Labels": {REVISION: "\u202e" + COMMIT}}}, REVISION),
        ({"config": {"Labels": {REVISION: "hunter2" * 100}}}, REVISION),
        ({"os": None}, "os"),
        ({"architecture": "amd64\n"}, "architecture"),
        ({"variant": 8}, "variant"),
    ],
)
def test_a_configuration_that_is_none_is_an_error(
    images: Images, stub: RegistryStub, changed: dict[str, Any], said: str
) -> None:
    assert said in failure(stub.artifact(images.image(None, **changed)["digest"]))


def test_a_label_that_is_no_commit_is_told_as_it_is(images: Images, stub: RegistryStub) -> None:
    for label in ("", "main", "41620cf", "a commit that nobody knows"):
        assert platforms(seen(stub.artifact(images.revision(label)["digest"]))) == {"linux/amd64": label}


def test_an_index_in_an_index_is_refused(images: Images, stub: RegistryStub) -> None:
    inner = images.index(images.revision(COMMIT))
    assert "names another index" in failure(stub.artifact(images.index(inner)["digest"]))
    assert stub.sent_to(manifest_path(inner["digest"])) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"manifests": None}, "manifests"),
        ({"manifests": [7]}, "manifests.0"),
        ({"layers": []}, "layers"),
        ({"config": {"digest": ABSENT}}, "config"),
        ({"mediaType": OCI_MANIFEST}, "another media type than it names"),
    ],
)
def test_an_index_that_is_none_is_an_error(
    images: Images, stub: RegistryStub, changed: dict[str, Any], said: str
) -> None:
    assert said in failure(stub.artifact(images.index(images.revision(COMMIT), **changed)["digest"]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"size": 7}, "has not the size"),
        ({"mediaType": "application/vnd.docker.distribution.manifest.v1+json"}, "is no image"),
        ({"mediaType": DOCKER_MANIFEST}, "no manifest of an image"),
        ({"platform": {"os": "linux"}}, "manifests.0.platform.architecture"),
        ({"platform": {"os": "linux", "architecture": "a b"}}, "manifests.0.platform.architecture"),
        ({"platform": "linux/amd64"}, "manifests.0.platform"),
    ],
)
def test_an_entry_that_is_not_what_it_says_is_an_error(
    images: Images, stub: RegistryStub, changed: dict[str, Any], said: str
) -> None:
    assert said in failure(stub.artifact(images.index(images.revision(COMMIT) | changed)["digest"]))


def test_an_entry_without_a_platform_has_that_of_its_configuration(images: Images, stub: RegistryStub) -> None:
    entry = images.revision(COMMIT, platform="linux/arm64")
    del entry["platform"]
    assert platforms(seen(stub.artifact(images.index(entry)["digest"]))) == {"linux/arm64": COMMIT}


def test_a_configuration_of_another_size_than_is_said_is_an_error(images: Images, stub: RegistryStub) -> None:
    _, config = one_image(images)
    descriptor = {"mediaType": OCI_CONFIG, "digest": config, "size": 7}
    assert "has not the size" in failure(stub.artifact(changed_manifest(images, config=descriptor)))


def test_an_index_of_attestations_alone_has_no_platform(images: Images, stub: RegistryStub) -> None:
    assert seen(stub.artifact(images.index(images.attestation())["digest"]))["platforms"] == []


@pytest.mark.parametrize(
    "annotations",
    [None, {}, {"vnd.docker.reference.type": "image"}, {"org.example.type": "attestation-manifest"}],
)
def test_an_image_of_an_unknown_platform_counts_unless_it_is_marked_as_an_attestation(
    images: Images, stub: RegistryStub, annotations: dict[str, str] | None
) -> None:
    entry = images.revision(OTHER, platform="unknown/unknown")
    index = images.index(
        images.revision(COMMIT), entry if annotations is None else entry | {"annotations": annotations}
    )
    assert platforms(seen(stub.artifact(index["digest"]))) == {"linux/amd64": COMMIT, "unknown/unknown": OTHER}


def test_what_is_marked_as_an_attestation_and_could_be_run_counts(images: Images, stub: RegistryStub) -> None:
    index = images.index(images.revision(COMMIT), images.attestation("linux/arm64"))
    assert platforms(seen(stub.artifact(index["digest"]))) == {"linux/amd64": COMMIT, "linux/arm64": None}


# -- what it costs at most


@pytest.mark.parametrize("answer", [drips(b"x" * 500, every_s=0.05), sleeps(5, html())])
@pytest.mark.parametrize("of", [manifest_path, blob_path])
def test_a_registry_that_is_slow_is_given_up_in_time(
    images: Images, stub: RegistryStub, answer: Answer, of: Any
) -> None:
    digest, config = one_image(images)
    stub.answers[of(digest if of is manifest_path else config)] = answer
    began = time.monotonic()
    said = failure(stub.artifact(digest), made(timeout_s=0.4))
    assert "no whole answer came within 0.4 s" in said
    assert time.monotonic() - began < 1.5


def test_many_small_delays_share_one_deadline(images: Images, stub: RegistryStub) -> None:
    entries = [images.revision(COMMIT, platform=f"linux/arm/v{n}") for n in range(20)]
    digest = images.index(*entries)["digest"]

    def slowly(body: bytes) -> Answer:
        return sleeps(0.2, says(body, kind=OCI_MANIFEST))

    stub.answers |= {manifest_path(one["digest"]): slowly(images.manifests[one["digest"]].body) for one in entries}
    began = time.monotonic()
    with pytest.raises(EvidenceFailed, match=r"within 0\.\d s"):
        made().gate_evidence(question(stub.artifact(digest), deadline_s=0.5))
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("of", [manifest_path, blob_path])
def test_an_answer_is_read_no_further_than_its_limit(images: Images, stub: RegistryStub, of: Any) -> None:
    digest, config = one_image(images)
    path = of(digest if of is manifest_path else config)
    stub.answers[path] = floods(100_000_000)
    assert "larger than 4194304 bytes; raise max_bytes" in failure(stub.artifact(digest))
    assert len(stub.sent_to(path)) == 1
    deadline = time.monotonic() + 5
    while stub.seen[-1][0] != "sent" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert int(stub.seen[-1][1]["bytes"]) < 50_000_000  # what fits into the buffers between


def test_an_index_of_too_many_platforms_is_refused_before_they_are_asked(images: Images, stub: RegistryStub) -> None:
    entry = images.revision(COMMIT)
    assert "more than 50 platforms" in failure(stub.artifact(images.index(*[entry] * 51)["digest"]))
    assert len(stub.seen) == 1
    attestations = [images.attestation()] * 60
    assert seen(stub.artifact(images.index(entry, *attestations)["digest"]))


def test_it_may_be_asked_from_inside_an_event_loop(images: Images, stub: RegistryStub) -> None:
    artifact = stub.artifact(images.revision(COMMIT)["digest"])

    async def embedded() -> Any:
        return seen(artifact)

    assert platforms(asyncio.run(embedded())) == {"linux/amd64": COMMIT}


def test_neither_proxies_nor_logins_of_the_environment_are_used(
    images: Images, stub: RegistryStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login operator password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with HealthServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        assert seen(stub.artifact(images.revision(COMMIT)["digest"]))
        assert proxy.seen == []
    assert all("Authorization" not in headers for _, headers in stub.seen)


# -- settings


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"timeout": 5}, "plugins.oci.timeout: is not a known key"),
        ({"timeout_s": 0}, "plugins.oci.timeout_s"),
        ({"max_bytes": 5}, "plugins.oci.max_bytes"),
        ({"docker_config": 7}, "plugins.oci.docker_config"),
        ({"registries": {"https://ghcr.io": {}}}, "a registry is HOST or HOST:PORT"),
        ({"registries": {"ghcr.io/me": {}}}, "a registry is HOST or HOST:PORT"),
        ({"registries": {"registry-1.docker.io": {}}}, "Docker Hub is called docker.io"),
        ({"registries": {"ghcr.io": {"tokn": TOKEN}}}, "plugins.oci.registries.ghcr.io.tokn: is not a known key"),
        ({"registries": {"ghcr.io": {"token": TOKEN}}}, "a secret is never written here"),
        ({"registries": {"ghcr.io": {"username": "me", "password": PASSWORD}}}, "a secret is never written here"),
        ({"registries": {"ghcr.io": {"username": "me"}}}, "username and password go together"),
        ({"registries": {"ghcr.io": {"password": SecretStr(PASSWORD)}}}, "username and password go together"),
        ({"registries": {"ghcr.io": LOGIN | {"username": "a:b"}}}, "a user name is printable text"),
        ({"registries": {"ghcr.io": LOGIN | {"token": SecretStr(TOKEN)}}}, "a token, or a username and a password"),
        ({"registries": {"ghcr.io": {"token": SecretStr(f"{TOKEN}\r\nX: y")}}}, "a token is printable ASCII"),
        ({"registries": {"ghcr.io": {"ca_file": "none.pem"}}}, "is not a file of certificates"),
        ({"registries": {"ghcr.io": {"ca_file": "x", "allow_plain_http": True}}}, "plain http"),
        ({"registries": {"ghcr.io": {"token_host": "https://ghcr.io"}}}, "is HOST or HOST:PORT"),
        ({"registries": {"ghcr.io": {"token_host": "10.0.0.0/8"}}}, "is HOST or HOST:PORT"),
        ({"registries": {"ghcr.io": {"token_host": "Auth.example.test"}}}, "is HOST or HOST:PORT"),
        ({"registries": {"ghcr.io": {"blob_hosts": "storage.example.test"}}}, "registries.ghcr.io.blob_hosts"),
        ({"registries": {"ghcr.io": {"blob_hosts": ["*.example.test"]}}}, "or a network such as 10.0.0.0/8"),
        ({"registries": {"ghcr.io": {"blob_hosts": ["10.0.0.1/8"]}}}, "or a network such as 10.0.0.0/8"),
        ({"registries": {"ghcr.io": {"blob_hosts": ["ann@storage.example.test"]}}}, "or a network such as 10.0.0.0/8"),
        ({"docker_config": "nowhere.json"}, "nowhere.json cannot be read: No such file"),
    ],
)
def test_settings_that_cannot_be_used_name_the_key_and_never_a_secret(options: dict[str, Any], named: str) -> None:
    said = refusal(**options)
    assert named in said


def test_a_pipe_in_place_of_a_docker_configuration_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    assert "it is a named pipe where a file should be" in refusal(docker_config=str(tmp_path / "config.json"))


def refusal(**options: Any) -> str:
    with pytest.raises(SettingsError) as refused:
        made(**options)
    said = f"{refused.value} {refused.value.hint}"
    assert "Nothing was done." in said
    for secret in (PASSWORD, IDENTITY, TOKEN, base64.b64encode(PASSWORD.encode()).decode()):
        assert secret not in said
    return said


SECRET_PAIR = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"credsStore": "desktop"}, "names a credential helper (credsStore)"),
        ({"credHelpers": {"gcr.io": "gcloud"}}, "names a credential helper (credHelpers)"),
        ({"auths": [PASSWORD]}, "auths is no table of logins"),
        ({"auths": {"ghcr.io": PASSWORD}}, "auths is no table of logins"),
        ({"auths": {"ghcr.io/me": {"auth": SECRET_PAIR}}}, "'ghcr.io/me', which names no whole registry"),
        ({"auths": {"ghcr.io": {"auth": f"{SECRET_PAIR}!"}}}, "is not USER:PASSWORD in base64"),
        ({"auths": {"ghcr.io": {"auth": base64.b64encode(PASSWORD.encode()).decode()}}}, "one of them is missing"),
        ({"auths": {"ghcr.io": {"password": PASSWORD}}}, "one of them is missing"),
        ({"auths": {"ghcr.io": {"auth": [PASSWORD]}}}, "is no text"),
        ([PASSWORD], "no Docker configuration file"),
    ],
)
def test_a_docker_config_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path, config: Any, said: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    assert said in refusal(docker_config=str(path))


@pytest.mark.parametrize("text", ["", '{"auths": {"ghcr.io": {"auth": "hunter2"', '{"hunter2": 1, "hunter2": 2}'])
def test_a_docker_config_that_is_no_json_is_not_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert "is not JSON" in refusal(docker_config="config.json", base_dir=tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": SECRET_PAIR},
        {"username": USERNAME, "password": PASSWORD, "email": "me@example.test"},
    ],
)
@pytest.mark.parametrize("name", ["{}", "https://{}", "https://{}/v1/", "http://{}/v2/"])
def test_a_docker_config_gives_its_logins_to_their_registries_alone(
    images: Images, tmp_path: Path, entry: Mapping[str, str], name: str
) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants="basic", logins=dict([PAIR])) as stub, RegistryStub(images, wants="basic") as other:
        auths = {name.format(stub.host): entry, "https://index.docker.io/v1/": entry, "helped.example.test": {}}
        (tmp_path / "config.json").write_text(json.dumps({"auths": auths, "credsStore": ""}))
        plugin = made(docker_config="config.json", base_dir=tmp_path)
        assert seen(stub.artifact(digest), plugin)
        assert "wants a user name and a password" in failure(other.artifact(digest), plugin)
        assert all("Authorization" not in headers for _, headers in other.seen)


def test_the_settings_come_before_the_docker_config(images: Images, tmp_path: Path) -> None:
    digest = images.revision(COMMIT)["digest"]
    with RegistryStub(images, wants="basic", logins=dict([PAIR])) as stub:
        wrong = {"username": "operator", "password": "hunter3"}
        (tmp_path / "config.json").write_text(json.dumps({"auths": {stub.host: wrong}}))
        assert seen(
            stub.artifact(digest),
            made(docker_config="config.json", base_dir=tmp_path, registries={stub.host: LOGIN}),
        )


def test_a_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    made(docker_config="~/config.json")


# -- the whole line


def test_a_release_runs_only_where_its_image_was_built_from_its_commit(
    images: Images, tmp_path: Path, platform: FakePlatform, stub: RegistryStub
) -> None:
    both = [images.revision(COMMIT), images.revision(COMMIT, platform="linux/arm64")]
    good, half = (
        images.index(*both, images.attestation()),
        images.index(both[0], images.image({}, platform="linux/arm64")),
    )
    asked = {"admit": ["release.artifact_revision"]}
    policy = POLICY | {"roll_call": {"products": {PRODUCT: {"deploy": asked, "promote": asked}}}}
    (tmp_path / "policies/config").mkdir(parents=True)
    (tmp_path / "policies/config/data.json").write_text(json.dumps(policy))
    bundle = load_bundle([shipped_policies(), tmp_path / "policies"])
    profile = PROFILE.model_copy(update={"image": ProductImage(repository=f"{stub.host}/{REPOSITORY}")})
    engine, store = EmbeddedEngine(bundle), FileStore(tmp_path, {PRODUCT: profile})
    plugins = {"fake": platform, "health": FakeHealth(platform)}
    gate = open_gate(tmp_path, bundle, engine, platform, store=store, plugins=Plugins({**plugins, "oci": made()}))
    unplugged = open_gate(tmp_path, bundle, engine, platform, store=store, plugins=Plugins(plugins), ledger=gate.ledger)

    def release(digest: str, commit: str) -> ReleaseIdentity:
        return ReleaseIdentity(artifact_id=stub.artifact(digest), source_git_ref=commit)

    for lie in (release(good["digest"], OTHER), release(half["digest"], COMMIT), release(ABSENT, COMMIT)):
        run = gate.run(deploy(lie), ACTOR)
        assert run.status == "denied"
        assert run.admitted
        assert [refusal.code for refusal in run.admitted.refusals] == ["release.artifact_revision"]
    unasked = unplugged.run(deploy(release(good["digest"], COMMIT)), ACTOR)
    assert unasked.admitted
    assert [refusal.code for refusal in unasked.admitted.refusals] == ["release.artifact_revision"]
    stub.answers[manifest_path(good["digest"])] = says(b"", code=404)
    with pytest.raises(EvidenceFailed, match=r"evidence of the plugin oci: .*404"):
        gate.run(deploy(release(good["digest"], COMMIT)), ACTOR)
    assert platform.deploys == []

    stub.answers.clear()
    assert gate.run(deploy(release(good["digest"], COMMIT)), ACTOR).status == "recorded"
    images.manifests.clear()  # the registry has lost it meanwhile
    gone = gate.run(promote(), ACTOR)
    assert gone.admitted
    assert [refusal.code for refusal in gone.admitted.refusals] == ["release.artifact_revision"]
    assert len(platform.deploys) == 1
    gate.ledger.close()


@pytest.mark.parametrize("rules", [None, frozenset[str]()], ids=["any", "none of which reads it"])
def test_of_a_rollback_it_is_asked_whatever_is_read(
    images: Images, stub: RegistryStub, rules: frozenset[str] | None
) -> None:
    there = stub.artifact(images.revision(COMMIT)["digest"])
    assert made().gate_evidence(question(there, read=rules, goes_back=True))["manifest"]
    with pytest.raises(EvidenceFailed, match=r"no such image any more.*go back to another release"):
        made().gate_evidence(question(stub.artifact(ABSENT), read=rules, goes_back=True))
    assert made().gate_evidence(question(stub.artifact(ABSENT), phase="confirm", goes_back=True)) == {}


def test_a_lane_goes_back_only_to_an_image_that_is_still_there(
    images: Images, tmp_path: Path, platform: FakePlatform, stub: RegistryStub
) -> None:
    """No rule reads what the registry says, and it is asked all the same, before anything is redeemed."""
    (tmp_path / "policies/config").mkdir(parents=True)
    (tmp_path / "policies/config/data.json").write_text(json.dumps(POLICY))
    bundle = load_bundle([shipped_policies(), tmp_path / "policies"])
    profile = PROFILE.model_copy(update={"image": ProductImage(repository=f"{stub.host}/{REPOSITORY}")})
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "oci": made(timeout_s=1)})
    store = FileStore(tmp_path, {PRODUCT: profile})
    gate = open_gate(tmp_path, bundle, EmbeddedEngine(bundle), platform, store=store, plugins=plugins)
    old, new = (images.revision(commit)["digest"] for commit in (COMMIT, OTHER))
    for digest, commit in ((old, COMMIT), (new, OTHER)):
        what = ReleaseIdentity(artifact_id=stub.artifact(digest), source_git_ref=commit)
        assert gate.run(deploy(what), ACTOR).status == "recorded"
    assert stub.sent_to(manifest_path(old)) == []  # nobody read it
    back = Request(action="rollback", product=PRODUCT, destination="testing")
    kept = dict(images.manifests)
    images.manifests.clear()
    with pytest.raises(EvidenceFailed, match="no such image any more, so nothing could run it; push it there again"):
        gate.run(back, ACTOR)
    stub.answers[manifest_path(old)] = says(b"", code=503)
    with pytest.raises(EvidenceFailed, match=r"evidence of the plugin oci: .*503"):
        gate.run(back, ACTOR)
    assert len(platform.deploys) == 2
    stub.answers.clear()
    images.manifests.update(kept)
    assert gate.run(back, ACTOR).status == "recorded"
    gate.ledger.close()
