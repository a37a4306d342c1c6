"""Proposals are decided on what a Launchplane shows: as it is, and with the gate in it, which knows runs and holds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.authoring.proposals.deciding import Carried, Checked, by_plugins, decided, exit_code
from launchplane_gate.authoring.proposals.proposal import read_all
from launchplane_gate.errors import BadFiles, SettingsError, UsageError
from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Actor
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate_launchplane.calls import actor_of
from launchplane_gate_launchplane_api import LaunchplaneApiPlugin
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.stage import COMMITS, artifact
from tests.fakes.github import FakeGitHub
from tests.plugins.generic_web.conftest import bundle_with
from tests.plugins.launchplane.desk import job
from tests.plugins.launchplane.gated import edited, gated
from tests.plugins.launchplane.hosts import PRODUCT, Host, commit
from tests.plugins.launchplane.served import Served, served
from tests.plugins.launchplane.serving import STRANGER, SUBJECT, policy_of

pytestmark = pytest.mark.thorough  # it serves a host

FIRST = COMMITS["first"]
NOWHERE = "http://127.0.0.1:9"


def plugins(tmp_path: Path, **options: Any) -> Plugins:
    table = options or {"token": SecretStr(SUBJECT)}
    config = PluginConfig("launchplane-api", table, {}, tmp_path, tmp_path, lambda: datetime.now(UTC))
    return Plugins({"launchplane-api": LaunchplaneApiPlugin(config)})


@dataclass
class Asking:
    """A job that checks proposals: it has the policies, and a Launchplane to ask."""

    folder: Path
    bundle: Bundle
    engine: EmbeddedEngine
    actor: Actor

    def check(self, url: str, product: str = PRODUCT, ref: str = "", **options: Any) -> Checked:
        file = self.folder / "promotion.yaml"
        stated = f"ref: {ref}\n" if ref else ""
        file.write_text(f"product: {product}\nfrom: testing\nto: prod\n{stated}")
        find = by_plugins(plugins(self.folder, **options), url)
        [found] = decided(read_all([str(file)]), Carried(self.bundle, self.engine, lambda _: self.actor, find).ask)
        return found


def asking_in(folder: Path) -> Asking:
    host = Host()
    bundle = bundle_with(folder / "policies", policy_of(host, (PRODUCT,)), settle_s=0)
    return Asking(folder, bundle, EmbeddedEngine(bundle), actor_of(job(host, subject=SUBJECT)))


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Asking:
    return asking_in(tmp_path_factory.mktemp("asking"))


# -- a Launchplane as it is


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """It has been told by its own evidence that testing runs the first release; prod has never run any."""
    with (
        pytest.MonkeyPatch.context() as patching,
        FakeDokploy() as dokploy,
        served(Host(), tmp_path_factory.mktemp("host"), dokploy, patching) as host,
    ):
        record = host.host.deployment(
            "A",
            record_id="deployment-1",
            artifact_identity={"artifact_id": artifact("first")},
            source_git_ref=COMMITS["first"],
        )
        assert host.post("/v1/evidence/deployments", evidence(record)).status_code == 202
        yield host


def evidence(record: Any) -> dict[str, Any]:
    return {"schema_version": 1, "product": PRODUCT, "deployment": record.model_dump(mode="json", exclude_none=True)}


def test_without_a_gate_in_it_what_nobody_saw_is_named_and_not_known(asking: Asking, plain: Served) -> None:
    found = asking.check(plain.url, ref=FIRST)
    assert (found.status, exit_code([found])) == ("not known", 3), found
    assert found.release is not None
    assert found.release.source_git_ref == FIRST
    assert {"source.run", "source.hold", "destination.history", "evidence.health"} <= {
        one.what for one in found.not_known
    }
    assert "lane.settled" in found.open_rules
    assert "has no gate in it" in found.not_known[0].why
    assert found.decision is not None
    passed = {one.code for one in found.decision.results if one.status == "pass"}
    assert {"inventory.source_current", "inventory.source_present", "inventory.source_latest"} <= passed


def test_what_its_records_do_show_is_refused_all_the_same(asking: Asking, plain: Served) -> None:
    found = asking.check(plain.url, ref=COMMITS["second"])
    assert (found.status, exit_code([found])) == ("denied", 1)
    assert [one.code for one in found.refusals] == ["inventory.source_current"]


def test_a_product_that_it_has_not_is_bad_input(asking: Asking, plain: Served) -> None:
    with pytest.raises(BadFiles, match=r"promotion.yaml:1: unknown product 'nobodys'"):
        asking.check(plain.url, "nobodys")


def test_a_token_that_it_does_not_take_is_not_known(asking: Asking, plain: Served) -> None:
    found = asking.check(plain.url, token=SecretStr(STRANGER))
    assert found.status == "not known"
    assert "401 authentication_required: it takes no token of this job" in found.detail


def test_what_it_does_not_let_the_job_read_is_named(asking: Asking, plain: Served) -> None:
    found = asking.check(plain.url, token=SecretStr("repo:somebody/else:ref:refs/heads/main"))
    assert (found.status, "403, this job may not do product_profile.read" in found.detail) == ("not known", True)


def test_a_deployment_after_the_inventory_is_seen(asking: Asking, plain: Served, tmp_path: Path) -> None:
    """Behaviour 1 of the host: a deploy that passed, and no inventory of it."""
    assert plain.deploy("second").status_code == 202
    found = asking.check(plain.url)
    assert found.status == "denied"
    assert "inventory.source_latest" in [one.code for one in found.refusals]


def test_a_list_that_does_not_reach_back_shows_nothing_newer_and_nothing_not(asking: Asking, plain: Served) -> None:
    """Ten deployments of other lanes push those of this one out."""
    for number in range(10):
        other = plain.host.deployment("C", "staging", record_id=f"deployment-9{number}")
        plain.store.write_deployment_record(other)
    found = asking.check(plain.url, ref=FIRST)
    assert found.status == "not known"
    [open_fact] = [one for one in found.not_known if one.what == "source.deployments"]
    assert "do not reach back" in open_fact.why
    assert "inventory.source_latest" in open_fact.rules


# -- what answers in its place


@dataclass
class Impostor:
    """A server that answers everything alike: ``status``, ``body``, and after ``waits_s`` a byte."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    drips_s: float = 0.0
    asked: list[dict[str, str]] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[str]:
        impostor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                impostor.asked.append(dict(self.headers))
                self.send_response(impostor.status)
                for name, value in {"Content-Length": str(len(impostor.body)), **impostor.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                pieces = [impostor.body] if not impostor.drips_s else [bytes([one]) for one in impostor.body]
                for piece in pieces:
                    try:
                        self.wfile.write(piece)
                    except OSError:
                        return
                    time.sleep(impostor.drips_s)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


HTML = b"<html><title>Sign in</title></html>"
DOWN = b'{"status":"rejected","error":{"code":"internal_error","message":"store"}}'


@pytest.mark.parametrize(
    ("impostor", "told"),
    [
        (Impostor(200, HTML), "200, and what came is no JSON object, so no Launchplane answers there"),
        (Impostor(404, HTML), "404, and what came is no JSON object"),
        (Impostor(200, b"[1]"), "no JSON object"),
        (Impostor(200, b'{"profile": {"product": 1}}'), "the profile of sellyouroutboard is of another form"),
        (Impostor(500, DOWN), "500 internal_error: store"),
        (Impostor(503, b"down"), "503, and what came is no JSON object"),
        (Impostor(302, b"{}", {"Location": "https://elsewhere.example.org/"}), "302, and redirects are not followed"),
        (Impostor(200, b'"' + b"a" * 5_000_000 + b'"'), "its answer is larger than"),
        (Impostor(200, b'{"profile": "' + b"a" * 100, drips_s=0.05), "no whole answer came within 0.5 s"),
    ],
    ids=["html", "html 404", "list", "form", "store down", "proxy", "redirect", "large", "slow"],
)
def test_what_is_no_launchplane_decides_nothing(asking: Asking, impostor: Impostor, told: str) -> None:
    with impostor.listening() as url:
        found = asking.check(url, token=SecretStr("secret-token"), timeout_s=0.5)
    assert (found.status, exit_code([found]), found.decision) == ("not known", 3, None)
    assert told in found.detail
    assert "secret-token" not in found.model_dump_json()
    assert impostor.asked[0]["Authorization"] == "Bearer secret-token"


def test_nobody_listening_is_not_known(asking: Asking) -> None:
    assert "the connection was refused" in asking.check(NOWHERE).detail


@pytest.mark.parametrize("url", ["http://launchplane.example.org", "https://u:p@example.org", "launchplane", "ftp://x"])
def test_no_token_is_sent_where_others_could_read_it(asking: Asking, url: str) -> None:
    with pytest.raises(UsageError, match="--from-launchplane is to be an https:// URL") as raised:
        asking.check(url)
    assert raised.value.exit_code == 2


# -- by which token


def test_a_job_of_github_actions_asks_as_itself(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    impostor = Impostor(500, DOWN)
    with FakeGitHub() as github, impostor.listening() as url:
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", github.oidc_request_url)
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", github.oidc_request_token)
        asking.check(url, audience="launchplane")
    token = impostor.asked[0]["Authorization"].removeprefix("Bearer ")
    assert token.count(".") == 2  # a JWT, and no more of it is ours to read


def test_outside_of_a_job_there_is_no_such_token(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", raising=False)
    with pytest.raises(UsageError, match="no job of GitHub Actions runs here"):
        asking.check(NOWHERE, audience="launchplane")


@pytest.mark.parametrize("options", [{"timeout_s": 5}, {"audience": "a", "token": SecretStr("b")}])
def test_the_settings_name_one_token(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="name one of the two"):
        plugins(tmp_path, **options)


def test_without_the_plugin_nobody_can_be_asked() -> None:
    with pytest.raises(SettingsError, match="no plugins read what a Launchplane shows") as raised:
        by_plugins(Plugins({}), NOWHERE)
    assert "[plugins.launchplane-api]" in raised.value.hint


# -- with the gate in it


@pytest.mark.thorough  # a process of its own, edited, that deploys to a fake Dokploy
def test_with_the_gate_in_it_runs_and_holds_are_known(asking: Asking, tmp_path: Path) -> None:
    checkout = edited(tmp_path / "checkout")
    (tmp_path / "served").mkdir()
    with gated(tmp_path / "served", (PRODUCT,), by="edit", checkout=checkout) as service:
        url = str(service.client.base_url).rstrip("/")
        assert asking.check(url).status == "denied"  # testing has run nothing yet
        assert service.deploy(PRODUCT, "A").status_code == 202
        found = asking.check(url, ref=commit("A"))
        assert (found.status, found.not_known, exit_code([found])) == ("allowed", (), 0), found.refusals
        assert found.as_of is not None
        stale = asking.check(url, ref=commit("B"))
        assert [one.code for one in stale.refusals] == ["inventory.source_current"]
        unknown = service.client.get(f"/v1/gate/lanes/{PRODUCT}/prod/from/nowhere")
        assert unknown.status_code == 404
