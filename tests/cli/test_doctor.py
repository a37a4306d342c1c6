"""What ``doctor`` promises: it asks whom a decision would ask, changes nothing, and says what it did not look at."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate.cli import program
from launchplane_gate.cli.session import actor_subject
from launchplane_gate.demo.workspace import PRODUCT, Platform, write_settings
from launchplane_gate.model import stamp
from launchplane_gate.records import (
    ArtifactIdentity,
    DeploymentEvidence,
    DeploymentRecord,
    EnvironmentInventory,
    HealthcheckEvidence,
)
from launchplane_gate.store import FileStore
from tests.cli.test_cli import NEW, OLD, Said, Site, clear, make_site
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.github import FakeGitHub
from tests.fakes.github.stage import FIRST
from tests.fakes.registry import PASSWORD, USERNAME, needs_registry, running
from tests.fakes.registry_images import Images

pytestmark = pytest.mark.thorough  # each test has the policies proven, once or several times

SHOP = "acme/shop"


@pytest.fixture(scope="module")
def settled_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """OLD runs on testing. For tests that only look, each with settings of its own: see ``saying``."""
    made = make_site(tmp_path_factory.mktemp("settled") / "site")
    assert made.deploy(OLD).exit_code == 0
    yield made
    clear(made)


def saying(site: Site, more: str, name: str) -> Callable[..., Said]:
    """The command, with more in the settings of a site."""
    settings = site.folder / f"{name}.toml"
    settings.write_text(site.settings.read_text() + dedent(more))

    def run(*arguments: str, **environment: str) -> Said:
        result = CliRunner().invoke(program, ["--config", str(settings), *arguments], env=environment)
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


def wrong(said: Said) -> dict[str, str]:
    """What is not ok, and what was found there; each has a remedy, and the document stands alone."""
    checks = [check for check in said.document["checks"] if not check["ok"]]
    assert (said.exit_code, said.document["ok"]) == ((3, False) if checks else (0, True)), said
    assert all(check["remedy"] for check in checks)
    return {check["what"]: check["found"] for check in checks}


def check_of(said: Said, what: str) -> dict[str, Any]:
    [check] = [check for check in said.document["checks"] if check["what"] == what]
    return dict(check)


def not_looked_at(said: Said) -> dict[str, str]:
    return {one["what"]: one["why"] for one in said.document["not_looked_at"]}


# -- a promotion


def test_a_promotion_that_would_be_let_through_is_told_and_all_is_well(settled_site: Site) -> None:
    before = settled_site.files()
    said = settled_site.run("doctor", "--output", "json")
    assert wrong(said) == {} and not_looked_at(said) == {}
    [decision] = said.document["promotions"]
    assert decision["allowed"] and decision["destination"]["instance"] == "prod"
    checked = settled_site.run("check", "promote", PRODUCT, "--output", "json").document
    told = [{(rule["code"], rule["status"]) for rule in one["results"]} for one in (decision, checked)]
    assert told[0] == told[1]
    assert settled_site.files() == before
    text = settled_site.run("doctor").out
    assert f"{PRODUCT} testing -> prod would be let through: 20 of 20 rules" in text
    assert text.endswith("All is well.\n")


def test_what_a_promotion_would_be_refused_for_is_no_fault_and_is_told_with_its_remedy(site: Site) -> None:
    assert site.deploy(OLD).exit_code == 0
    assert site.run("lane", "hold", f"{PRODUCT}/prod", "--reason", "the database is moved").exit_code == 0
    said = site.run("doctor")
    assert said.exit_code == 0
    assert f"{PRODUCT} testing -> prod would be refused:" in said.out
    assert "lane.not_held" in said.out and "`launchplane-gate lane release" in said.out
    command = f"launchplane-gate check promote {PRODUCT} --from testing --to prod"
    assert f"19 other rules passed   ({command} shows them)" in said.out
    assert site.run(*command.split()[1:]).exit_code == 1
    assert said.out.endswith("All is well; 1 promotion would be refused; 1 lane waits for somebody.\n")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make_site(tmp_path / "site")
    yield made
    clear(made)


def test_where_nothing_is_recorded_the_first_look_is_well_too(site: Site) -> None:
    said = site.run("doctor", "--output", "json")
    assert wrong(said) == {}
    assert "inventory.source_present" in json.dumps(said.document["promotions"])


def test_where_no_decision_can_be_had_that_is_said_of_each_promotion(site: Site) -> None:
    (site.folder / "policies" / "gate").mkdir()
    (site.folder / "policies" / "gate" / "odd.rego").write_text("package gate.odd\n")
    assert site.run("doctor").exit_code == 3
    (site.folder / "policies" / "gate" / "odd.rego").unlink()
    data = site.folder / "policies" / "config" / "data.json"
    policy = json.loads(data.read_text())
    policy["products"][PRODUCT]["thresholds"] = {"health_matches": 9}
    data.write_text(json.dumps(policy))
    said = site.run("doctor", "--output", "json")
    assert "plugins.health.matches is 3" in wrong(said)["gate"]  # no other command opens it then
    assert "no decision can be had" in not_looked_at(said)[f"{PRODUCT} testing -> prod"]


# -- GitHub


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as github:
        shop = github.add_repository(SHOP)
        shop.commit("Sell outboards", sha=OLD)
        assert FIRST == OLD
        yield github
        assert github.violations == []


GITHUB = """
[plugins.github]
base_url = "{url}"
timeout_s = 2
connect_timeout_s = 2
token = {{ env = "READER" }}

[plugins.github.products.{product}]
repository = "acme/shop"
"""
APP = """
[plugins.github.release_identity]
app_id = {app_id}
private_key = {{ file = "{key}" }}
"""
READING, PUBLISHING = "[plugins.github] token", "[plugins.github.release_identity]"


def of_github(github: FakeGitHub, site: Site, more: str = "", *, url: str = "") -> Callable[..., Said]:
    """The command, where somebody may read the repository, unless READER says otherwise."""
    run = saying(site, GITHUB.format(url=url or github.url, product=PRODUCT) + more, "github")
    reader = github.add_token({SHOP: {"contents": "read"}})

    def told(*arguments: str, **environment: str) -> Said:
        said = run(*arguments, **({"READER": reader} | environment))
        assert not [secret for secret in (reader, *environment.values()) if secret in said.out + said.err]
        return said

    return told


def publishing(folder: Path, app_id: int, key: str) -> str:
    file = folder / "app.pem"
    file.touch(mode=0o600)
    file.write_text(key)
    return APP.format(app_id=app_id, key=file)


def test_an_app_that_may_publish_is_well_and_nothing_is_written_there(
    github: FakeGitHub, settled_site: Site, tmp_path: Path
) -> None:
    app = github.add_app()
    app.install(SHOP, permissions={"contents": "write"})
    run = of_github(github, settled_site, publishing(tmp_path, app.app_id, app.private_key_pem))
    said = run("doctor", "--output", "json")
    assert wrong(said) == {}
    found = {check["found"] for check in said.document["checks"] if check["what"] == f"{PRODUCT} github"}
    assert found == {f"{SHOP}, by {READING}: well", f"publishing at {SHOP}, by {PUBLISHING}: well"}
    written = {one.path for one in github.requests if one.method != "GET"}
    assert all(path.endswith("/access_tokens") for path in written)
    assert app.private_key_pem.splitlines()[1] not in said.out + said.err


def test_a_key_of_another_app_is_told(github: FakeGitHub, settled_site: Site, tmp_path: Path) -> None:
    app, other = github.add_app(), github.add_app()
    app.install(SHOP, permissions={"contents": "write"})
    run = of_github(github, settled_site, publishing(tmp_path, app.app_id, other.private_key_pem))
    found = wrong(run("doctor", "--output", "json"))
    assert set(found) == {f"{PRODUCT} github"}
    assert f"GitHub does not know App {app.app_id} by this key" in found[f"{PRODUCT} github"]


def test_an_app_that_is_not_installed_and_one_that_may_only_read_are_told(
    github: FakeGitHub, settled_site: Site, tmp_path: Path
) -> None:
    app = github.add_app()
    run = of_github(github, settled_site, publishing(tmp_path, app.app_id, app.private_key_pem))
    assert f"App {app.app_id} is not installed on it" in wrong(run("doctor", "--output", "json"))[f"{PRODUCT} github"]
    app.install(SHOP, permissions={"contents": "read"})
    found = wrong(run("doctor", "--output", "json"))[f"{PRODUCT} github"]
    assert f"app {app.app_id} has no permission contents: write" in found


def test_a_token_that_may_not_publish_is_told_and_never_shown(github: FakeGitHub, settled_site: Site) -> None:
    identity = '[plugins.github.release_identity]\ntoken = { env = "SHOP_TOKEN" }\n'
    run = of_github(github, settled_site, identity)
    reads = github.add_token({SHOP: {"contents": "read"}}, kind="personal")
    found = wrong(run("doctor", "--output", "json", SHOP_TOKEN=reads))
    assert "may not write to acme/shop" in found[f"{PRODUCT} github"]
    writes = github.add_token({SHOP: {"contents": "write"}}, kind="personal")
    assert wrong(run("doctor", "--output", "json", SHOP_TOKEN=writes)) == {}
    github.revoke(writes)
    revoked = wrong(run("doctor", "--output", "json", SHOP_TOKEN=writes))
    assert "GitHub refuses the identity (401)" in revoked[f"{PRODUCT} github"]


def test_a_reader_that_is_refused_is_told_whatever_the_rules_read(github: FakeGitHub, settled_site: Site) -> None:
    run = of_github(github, settled_site)
    found = wrong(run("doctor", "--output", "json", READER="ghp_that_was_revoked"))
    asked = [f"{PRODUCT} github", f"{PRODUCT}/testing github", f"{PRODUCT}/prod github"]
    assert set(found) == {*asked, f"{PRODUCT} testing -> prod"}
    assert all("GitHub refuses the identity (401)" in said for said in found.values())


def test_a_dead_base_url_is_told(github: FakeGitHub, settled_site: Site) -> None:
    run = of_github(github, settled_site, url="http://127.0.0.1:1")
    found = wrong(run("doctor", "--output", "json"))
    assert f"{PRODUCT} github" in found and f"{PRODUCT}/testing github" in found


def test_a_product_that_is_not_on_github_is_told_to_be_not_looked_at(github: FakeGitHub, settled_site: Site) -> None:
    run = saying(settled_site, f'\n[plugins.github]\nbase_url = "{github.url}"\n', "elsewhere")
    said = run("doctor", "--output", "json")
    assert wrong(said) == {}
    assert set(not_looked_at(said)) == {f"{PRODUCT}/testing github", f"{PRODUCT}/prod github"}
    text = run("doctor").out
    assert "Not looked at:" in text
    assert text.endswith("All is well with what was looked at; 2 things were not looked at.\n")


# -- who asks


def test_an_issuer_whose_keys_cannot_be_had_is_told(github: FakeGitHub, settled_site: Site) -> None:
    table = '\n[plugins.github-oidc]\naudience = "launchplane-gate"\nissuer = "{}"\n'
    run = saying(settled_site, table.format(github.oidc_issuer), "oidc")
    said = run("doctor", "--output", "json")
    assert wrong(said) == {}
    found = {check["what"]: check["found"] for check in said.document["checks"]}
    assert found["github-oidc"] == f"the keys of {github.oidc_issuer}: well"
    assert found["who asks"] == actor_subject()
    github.stop_serving()
    away = wrong(run("doctor", "--output", "json"))
    assert set(away) == {"github-oidc"}
    assert "cannot be had" in away["github-oidc"] and "[plugins.github-oidc]" in away["github-oidc"]


def test_a_token_that_proves_nobody_is_told_and_no_promotion_is_asked_about(
    github: FakeGitHub, settled_site: Site
) -> None:
    table = f'\n[plugins.github-oidc]\naudience = "launchplane-gate"\nissuer = "{github.oidc_issuer}"\n'
    run = saying(settled_site, table, "oidc")
    token = github.oidc_token(aud="another")
    said = run("doctor", "--output", "json", LAUNCHPLANE_GATE_OIDC_TOKEN=token)
    assert set(wrong(said)) == {"who asks"}
    assert f"{PRODUCT} testing -> prod" in not_looked_at(said)
    assert token not in said.out + said.err


# -- plugins of others

FREEZE = """
from pathlib import Path

from launchplane_gate.hookspecs import hookimpl


class FreezePlugin:
    def __init__(self, config):
        self._file = config.base_dir / config.options["path"]

    @hookimpl
    def gate_evidence(self, question):
        return {"frozen": self._file.read_text().strip() == "yes"}


class PagerPlugin:
    def __init__(self, config):
        pass

    @hookimpl
    def gate_recorded(self, run):
        raise AssertionError("doctor records nothing")


class LeakyPlugin:
    def __init__(self, config):
        self._token = config.options["token"].get_secret_value()

    @hookimpl
    def gate_doctor(self, product, deadline_s):
        raise OSError(f"cannot reach https://user:{self._token}@example.org")
"""


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins that somebody else wrote and installed."""
    folder = tmp_path / "installed"
    (folder / "others-1.dist-info").mkdir(parents=True)
    (folder / "others_of_doctor.py").write_text(FREEZE)
    (folder / "others-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1\n")
    points = "".join(f"{one.lower()} = others_of_doctor:{one}Plugin\n" for one in ("Freeze", "Pager", "Leaky"))
    (folder / "others-1.dist-info" / "entry_points.txt").write_text(f"[launchplane_gate]\n{points}")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "others_of_doctor", raising=False)


def test_a_source_of_evidence_whose_file_is_gone_is_told(others: None, settled_site: Site) -> None:
    file = settled_site.folder / "frozen"
    file.write_text("no\n")
    run = saying(settled_site, f'\n[plugins.freeze]\npath = "{file.name}"\n', "freeze")
    assert wrong(run("doctor", "--output", "json")) == {}
    file.unlink()
    found = wrong(run("doctor", "--output", "json"))
    assert set(found) == {f"{PRODUCT}/testing freeze", f"{PRODUCT}/prod freeze", f"{PRODUCT} testing -> prod"}
    assert "the plugin freeze failed: FileNotFoundError" in found[f"{PRODUCT}/prod freeze"]


def test_a_plugin_that_doctor_cannot_ask_is_told_to_be_not_looked_at(others: None, settled_site: Site) -> None:
    said = saying(settled_site, "\n[plugins.pager]\n", "pager")("doctor", "--output", "json")
    assert wrong(said) == {}
    expected = "whether it can tell of what was recorded: the plugin has no `gate_doctor`"
    assert not_looked_at(said) == {"pager": expected}


def test_what_a_plugin_raises_while_it_is_asked_stays_unsaid(others: None, settled_site: Site) -> None:
    run = saying(settled_site, '\n[plugins.leaky]\ntoken = { env = "LEAKY" }\n', "leaky")
    said = run("doctor", "--output", "json", LEAKY="hunter2-of-leaky")
    assert wrong(said) == dict.fromkeys([f"{PRODUCT} leaky", "leaky"], "the plugin leaky failed: OSError")
    assert "hunter2" not in said.out + said.err


# -- Dokploy, and a registry

PLUGIN = """\
[plugins.generic-web]
url = "{url}"
api_key = {{ env = "DOKPLOY_API_KEY" }}
timeout_s = 2
"""


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as running:
        yield running


def on_dokploy(
    dokploy: FakeDokploy, folder: Path, targets: tuple[str, str], *, image: str = "ghcr.io/acme/shop", more: str = ""
) -> Callable[..., Said]:
    """A product whose lanes are these targets, each ``application ID`` or ``compose ID``."""
    ids = [target.split() for target in targets]
    tables = [
        f'{{ target_type = "{kind}", target_id = "{id_}"' + (', variable = "IMAGE" }' if kind == "compose" else " }")
        for kind, id_ in ids
    ]
    platform = Platform(
        driver="generic-web",
        plugin=PLUGIN.format(url=dokploy.url) + more,
        image=image,
        urls=(dokploy.health_url(ids[0][1]), dokploy.health_url(ids[1][1])),
        targets=(tables[0], tables[1]),
    )
    write_settings(folder, platform, actor=actor_subject())

    def run(*arguments: str) -> Said:
        full = ["--config", str(folder / "launchplane-gate.toml"), *arguments]
        result = CliRunner().invoke(program, full, env={"DOKPLOY_API_KEY": dokploy.key})
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


def applications(dokploy: FakeDokploy) -> tuple[str, str]:
    """Targets that a deploy can use."""
    testing, prod = (f"application {dokploy.add_application(lane)}" for lane in ("testing", "prod"))
    return testing, prod


def compose(dokploy: FakeDokploy, name: str, file: str, **changed: Any) -> str:
    id_ = dokploy.add_compose(name, file, "")
    dokploy.targets[id_].row.update(changed)
    return f"compose {id_}"


RAW = "services:\n  web:\n    image: ${IMAGE}\n"


def test_a_target_that_no_deploy_can_use_is_told(dokploy: FakeDokploy, tmp_path: Path) -> None:
    good = f"application {dokploy.add_application('shop')}"
    cases = {
        f"application {dokploy.add_application('a', source_type='github')}": "takes its source from github",
        f"application {dokploy.add_application('b', replicas=0)}": "set to run no replicas",
        compose(dokploy, "c", "services:\n  web:\n    image: nginx\n"): "no service of the compose file has an image",
        compose(dokploy, "d", RAW, command="up"): "has a command of its own",
        compose(dokploy, "e", RAW, sourceType="git"): "comes from git",
        compose(dokploy, "f", RAW): "",
    }
    for number, (target, why) in enumerate(cases.items()):
        run = on_dokploy(dokploy, tmp_path / str(number), (good, target))
        said = run("doctor", "--output", "json")
        found = wrong(said)
        assert set(found) == ({f"{PRODUCT}/prod deploy"} if why else set())
        assert why in found.get(f"{PRODUCT}/prod deploy", "")
    assert {request.method for request in dokploy.requests} == {"GET"}


def test_a_dokploy_that_is_away_is_told_of_each_lane(dokploy: FakeDokploy, tmp_path: Path) -> None:
    targets = applications(dokploy)
    run = on_dokploy(dokploy, tmp_path, targets)
    dokploy.stop_serving()
    found = wrong(run("doctor", "--output", "json"))
    lanes = [f"{PRODUCT}/{lane}" for lane in ("testing", "prod")]
    assert set(found) == {f"{lane} {what}" for lane in lanes for what in ("platform", "deploy")}


def records_of_the_host(state: Path, artifact_id: str) -> None:
    """Testing runs an image since before there was a gate."""
    now = stamp(datetime.now(UTC))
    told: dict[str, Any] = {
        "context": PRODUCT,
        "instance": "testing",
        "artifact_identity": ArtifactIdentity(artifact_id=artifact_id),
        "source_git_ref": NEW,
        "deploy": DeploymentEvidence(
            target_name="app",
            target_type="application",
            deploy_mode="dokploy-application-api",
            status="pass",
            started_at=now,
            finished_at=now,
        ),
    }
    store = FileStore(state, {})
    store.write_deployment_record(DeploymentRecord(record_id="before", **told))
    health = HealthcheckEvidence(status="skipped")
    store.write_environment_inventory(
        EnvironmentInventory(updated_at=now, deployment_record_id="before", destination_health=health, **told)
    )


@needs_registry
def test_a_registry_that_is_away_is_told_and_without_an_image_to_ask_about_it_is_not_asked(
    dokploy: FakeDokploy, tmp_path: Path
) -> None:
    targets = applications(dokploy)
    (tmp_path / "registry").mkdir()
    lanes = [f"{PRODUCT}/{lane} oci" for lane in ("testing", "prod")]
    with running(tmp_path / "registry") as registry:
        images = Images()
        digest = images.revision(NEW)["digest"]
        registry.push("shop/web", images)
        image = f"{registry.host}/shop/web"
        run = on_dokploy(dokploy, tmp_path / "gate", targets, image=image, more="[plugins.oci]\ntimeout_s = 2\n")
        fresh = run("doctor", "--output", "json")
        assert wrong(fresh) == {} and set(not_looked_at(fresh)) == set(lanes)
        assert {"found": f"{image}: well"}.items() <= check_of(fresh, f"{PRODUCT} oci").items()
        assert "no release to ask about" in not_looked_at(fresh)[lanes[0]]
        records_of_the_host(tmp_path / "gate" / "state", f"{image}@{digest}")
        assert run("init", "--adopt").exit_code == 0
        asked = run("doctor", "--output", "json")
        assert wrong(asked) == {} and not_looked_at(asked) == {}
    found = wrong(run("doctor", "--output", "json"))
    assert set(found) == {f"{PRODUCT} oci", *lanes}
    assert all(f"{image}@" in found[lane] for lane in lanes) and found[f"{PRODUCT} oci"].startswith(f"{image}: ")


@needs_registry
def test_a_login_that_the_registry_refuses_is_told_before_there_is_an_image(
    dokploy: FakeDokploy, tmp_path: Path
) -> None:
    targets = applications(dokploy)
    (tmp_path / "registry").mkdir()
    with running(tmp_path / "registry", login=True) as registry:
        image = f"{registry.host}/shop/web"
        for number, password in enumerate((PASSWORD, "wrong-p4ssword")):
            secret = tmp_path / f"password-{number}"
            secret.touch(mode=0o600)
            secret.write_text(password)
            more = f"""\
                [plugins.oci]
                [plugins.oci.registries."{registry.host}"]
                username = "{USERNAME}"
                password = {{ file = "{secret}" }}
                """
            run = on_dokploy(dokploy, tmp_path / f"gate-{number}", targets, image=image, more=dedent(more))
            said = run("doctor", "--output", "json")
            assert set(wrong(said)) == ({f"{PRODUCT} oci"} if number else set())
            assert password not in said.out + said.err


def test_what_could_not_be_looked_at_at_all_is_said(site: Site) -> None:
    settings = site.settings.read_text()
    site.settings.write_text(f"{settings}\n[plugins.none-such]\n")
    left = not_looked_at(site.run("doctor", "--output", "json"))
    assert set(left) == {"gate, and who asks", "platforms, evidence, waivers and promotions"}
    assert left["gate, and who asks"] == "not until these are well: plugins"
    site.settings.write_text("schema_version = 9\n")
    said = site.run("doctor", "--output", "json")
    assert set(wrong(said)) == {"settings"} and set(not_looked_at(said)) == {"what settings name"}
    site.settings.write_text(settings.partition("[products")[0])
    said = site.run("doctor")
    assert said.exit_code == 0 and "Not looked at:\n  lanes   the settings name no product\n" in said.out
    assert said.out.endswith("All is well with what was looked at; 1 thing was not looked at.\n")


def test_what_is_not_looked_at_without_policies_an_engine_or_a_ledger_is_said(site: Site) -> None:
    settings, data = site.settings.read_text(), site.folder / "policies" / "config" / "data.json"
    decided, path = data.read_text(), f"{PRODUCT} testing -> prod"
    data.write_text("{")
    said = site.run("doctor", "--output", "json")
    assert set(wrong(said)) == {"policies"}
    assert set(not_looked_at(said)) == {"engine", "gate, and who asks", "waivers and promotions"}
    data.write_text(decided)
    asked = 'engine = "opa"\nopa.url = "http://127.0.0.1:1"'
    site.settings.write_text(settings.replace('engine = "embedded"', asked))
    said = site.run("doctor", "--output", "json")
    assert set(wrong(said)) == {"engine"} and set(not_looked_at(said)) == {"gate, and who asks", path}
    site.settings.write_text(settings)
    (site.folder / "state").mkdir(mode=0o700, exist_ok=True)
    (site.folder / "state" / "ledger.sqlite").write_text("no ledger")
    said = site.run("doctor", "--output", "json")
    assert "ledger" in wrong(said)
    assert set(not_looked_at(said)) == {"gate, and who asks", "deployments of the lanes", path}
