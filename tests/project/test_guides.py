"""What the guides say of settings and of programs beside the gate is so: each block is taken as it stands there."""

import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from shutil import which

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from launchplane_gate.cli.init import OLD
from launchplane_gate.hookspecs import Approval, PluginConfig
from launchplane_gate.plugins import load_plugins
from launchplane_gate.secret import resolved
from launchplane_gate.settings import load_settings
from launchplane_gate_local import stop_all
from tests.fakes.authority import Authority
from tests.keys import private_pem
from tests.opa import PROGRAM, free_address, needs_opa
from tests.places import ROOT
from tests.postgres import PostgresServer
from tests.project.guides import CI, LEDGER, PLUGINS, POLICIES, SETTINGS, plugin

SHIPPED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["launchplane_gate"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_all(tmp_path / "tour" / "state" / "plugins" / "local")


@pytest.mark.thorough
@needs_opa
def test_a_bundle_is_made_signed_and_served_as_it_says_and_decides(folder: Path) -> None:
    shown = POLICIES.block("sh", "opa sign")
    *commands, serve = shown.splitlines()
    tools = [str(Path(sys.executable).parent), str(Path(str(PROGRAM)).parent), os.environ["PATH"]]
    environment = dict(os.environ) | {"PATH": os.pathsep.join(tools), "HOME": str(folder)}
    init = [sys.executable, "-m", "launchplane_gate", "init", "tour"]
    subprocess.run(init, cwd=folder, env=environment, check=True, capture_output=True)
    script = "\n".join(["set -eu", *commands])
    subprocess.run(["bash", "-c", script], cwd=folder / "tour", env=environment, check=True, capture_output=True)
    address = free_address()
    with (folder / "opa.log").open("w") as log:
        command = shlex.split(serve.replace("127.0.0.1:8181", address))
        server = subprocess.Popen(command, cwd=folder / "tour", env=environment, stdout=log, stderr=log)
        settings = folder / "tour" / "launchplane-gate.toml"
        said = settings.read_text().replace('engine = "embedded"', f'engine = "opa"\nopa.url = "http://{address}"')
        settings.write_text(said)
        try:
            for _ in range(50):
                command = [sys.executable, "-m", "launchplane_gate", "doctor"]
                told = subprocess.run(command, cwd=folder / "tour", capture_output=True, text=True, check=False)
                if told.returncode == 0:
                    break
                time.sleep(0.1)
        finally:
            server.terminate()
            server.wait()
    assert re.search(r"ok +engine +opa 1\.", told.stdout), told.stdout


@pytest.mark.thorough
def test_postgres_is_set_up_as_it_says(folder: Path, own_postgres: PostgresServer) -> None:
    setting = LEDGER.block("toml", "database_url")
    shown = LEDGER.block("sh", "ledger migrate")
    [grants] = LEDGER.blocks("sql")
    move, migrate, doctor = shown.splitlines()
    owner = own_postgres.create_database("gates")
    typed("launchplane-gate init --example tour", folder)
    digest = sha256((folder / "tour" / "releases" / "release-1.py").read_bytes()).hexdigest()
    deploy = f"launchplane-gate deploy sellyouroutboard --to testing --artifact local/sellyouroutboard@sha256:{digest}"
    typed(f"{deploy} --ref {OLD}", folder / "tour")
    typed(move, folder / "tour", DATABASE_URL=owner)
    settings = folder / "tour" / "launchplane-gate.toml"
    settings.write_text(settings.read_text().replace("schema_version = 1", f"schema_version = 1\n{setting}"))
    typed(migrate, folder / "tour", DATABASE_URL=owner)
    own_postgres.administer("CREATE ROLE lesser LOGIN PASSWORD 'lesser'")
    for statement in grants.replace("TO gate;", "TO lesser;").splitlines():
        own_postgres.administer(statement, database="gates")
    lesser = f"postgresql://lesser:lesser@127.0.0.1:{own_postgres.port}/gates"
    assert "the tables are somebody else's" in typed(doctor, folder / "tour", DATABASE_URL=lesser)
    typed("launchplane-gate promote sellyouroutboard", folder / "tour", DATABASE_URL=lesser)


@pytest.mark.thorough
def test_a_fact_of_ones_own_is_had_as_it_says(folder: Path) -> None:
    files, tour = POLICIES.files(), folder / "tour"
    plugin_files = {name: text for name, text in files.items() if "/" not in name}
    assert len(plugin_files) == 2
    write(folder / "plugin", plugin_files)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*install, "--target", "../site", "."], cwd=folder / "plugin", capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    typed("launchplane-gate init --example tour", folder)
    write(tour, {name: text for name, text in files.items() if name.startswith("calm/")})
    settings = tour / "launchplane-gate.toml"
    said = settings.read_text().replace('folders = ["policies"]', 'folders = ["policies", "calm"]')
    settings.write_text(said + POLICIES.block("toml", "[plugins.incidents]"))
    digest = sha256((tour / "releases" / "release-1.py").read_bytes()).hexdigest()
    deploy = f"launchplane-gate deploy sellyouroutboard --to testing --artifact local/sellyouroutboard@sha256:{digest}"
    path = os.pathsep.join([str(folder / "site"), os.environ.get("PYTHONPATH", "")])
    typed(f"launchplane-gate policy check && {deploy} --ref {OLD}", tour, PYTHONPATH=path)
    refused = "launchplane-gate promote sellyouroutboard || test $? = 1"
    assert "Open are: not known." in typed(refused, tour, PYTHONPATH=path)
    (tour / "incidents.txt").write_text("checkout is down\n")
    assert "Open are: checkout is down." in typed(refused, tour, PYTHONPATH=path)
    (tour / "incidents.txt").write_text("")
    typed("launchplane-gate promote sellyouroutboard", tour, PYTHONPATH=path)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def typed(command: str, folder: Path, **more: str) -> str:
    """What a command prints that ends with 0."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = dict(os.environ) | {"PATH": path, "HOME": str(folder)} | more
    done = subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_settings_for_proposals_are_settings(folder: Path) -> None:
    shown = CI.block("toml", "plugins.launchplane-api")
    (folder / "launchplane-gate.toml").write_text(f"schema_version = 1\n{shown}")
    settings = load_settings(folder / "launchplane-gate.toml")
    load_plugins(settings, now=lambda: datetime.now(UTC)).see_that_one_looks_out()


def test_the_settings_for_opa_are_settings(folder: Path) -> None:
    shown = POLICIES.block("toml", "[opa]")
    (folder / "launchplane-gate.toml").write_text(f"schema_version = 1\n{shown}")
    settings = load_settings(folder / "launchplane-gate.toml", environment={"OPA_TOKEN": "t"})
    assert settings.opa and settings.opa.url == "https://opa.example.org:8181"


def test_the_mode_of_a_product_is_a_setting(folder: Path) -> None:
    shown = SETTINGS.block("toml", "mode =")
    hosted = 'schema_version = 1\nstore = "health"\n[plugins.health]\n'  # where a host knows the rest of the product
    (folder / "launchplane-gate.toml").write_text(hosted + shown)
    assert load_settings(folder / "launchplane-gate.toml").observed == {"sellyouroutboard"}


def test_the_settings_for_dokploy_are_settings(folder: Path) -> None:
    shown = plugin("generic-web").block("toml", "lanes.prod")
    product = 'repository = "acme/shop"\ndriver = "generic-web"\nimage = "ghcr.io/acme/shop"\n'
    (folder / "launchplane-gate.toml").write_text(f"schema_version = 1\n[products.shop]\n{product}{shown}")
    settings = load_settings(folder / "launchplane-gate.toml", environment={"DOKPLOY_API_KEY": "k"})
    assert "generic-web" in load_plugins(settings, now=lambda: datetime.now(UTC)).drivers


def test_the_settings_for_releases_and_for_ci_are_settings(folder: Path) -> None:
    releases = plugin("github").block("toml", "plugins.oci")
    ci = CI.blocks("toml")[0]
    for name in ("reader.pem", "releases.pem"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        (folder / name).write_bytes(pem)
    product = 'repository = "acme/shop"\ndriver = "local"\nimage = "ghcr.io/acme/shop"\n'
    lane = 'lanes.testing = { health_url = "https://shop.example.org/health", target = { port = 1 } }\n'
    local = '[plugins.local]\nreleases = "releases"\n'
    text = f"schema_version = 1\n[products.shop]\n{product}{lane}{local}{releases}{ci}"
    (folder / "launchplane-gate.toml").write_text(text)
    settings = load_settings(folder / "launchplane-gate.toml")
    loaded = load_plugins(settings, now=lambda: datetime.now(UTC))
    assert {"github", "github-oidc", "oci"} <= set(loaded.names)
    assert loaded.publisher(settings.profile("shop"))


@pytest.mark.thorough
@pytest.mark.skipif(not which("openssl"), reason="openssl is not at hand")
def test_a_promotion_is_attested_as_it_says(folder: Path) -> None:
    setting = plugin("github").block("toml", "[attestation]")
    shown = plugin("github").block("sh", "--attestation")
    *keys, prove = shown.splitlines()
    typed("launchplane-gate init --example tour", folder)
    for command in keys:
        typed(command, folder / "tour")
    with (folder / "tour" / "launchplane-gate.toml").open("a") as settings:
        settings.write(setting)
    digest = sha256((folder / "tour" / "releases" / "release-1.py").read_bytes()).hexdigest()
    deploy = f"launchplane-gate deploy sellyouroutboard --to testing --artifact local/sellyouroutboard@sha256:{digest}"
    typed(f"{deploy} --ref {OLD}", folder / "tour")
    typed("launchplane-gate promote sellyouroutboard", folder / "tour")
    [file] = (folder / "tour" / "state" / "attestations").iterdir()
    prove = prove.replace("r-7Q2M4KXB.intoto.json", str(file)).replace(" shop ", " sellyouroutboard ")
    assert typed(prove, folder / "tour").startswith("Holds: ")


def test_each_plugin_is_listed_once_with_what_it_does_and_a_readme_of_its_own() -> None:
    listed = re.findall(r"^\| `([\w-]+)` \| \S.+ \| \[.+\]\((\S+)\) \|$", PLUGINS.text, re.MULTILINE)
    assert sorted(listed) == sorted((name, f"{made.partition(':')[0]}/README.md") for name, made in SHIPPED.items())
    for name in SHIPPED:
        assert f"plugins.{name}" in plugin(name).text, name


def test_what_an_approval_gives_to_a_driver_is_told() -> None:
    given = [name for name in vars(Approval) if not name.startswith("_")]
    assert "release" in given
    for name in given:
        assert re.search(rf"^\|.*`approval\.{name}\b", PLUGINS.text, re.MULTILINE), name


@pytest.mark.parametrize("name", SHIPPED)
def test_the_options_that_a_readme_shows_are_those_of_its_plugin(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    write(folder, {".docker/config.json": "{}"})
    [point] = entry_points(group="launchplane_gate", name=name)
    authority, key = Authority(folder).file, rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for shown in (block for block in plugin(name).blocks("toml") if f"[plugins.{name}" in block):
        for path in re.findall(r'^ca_file = "(.+?)"', shown, re.MULTILINE):
            (folder / path).write_bytes(authority.read_bytes())
        for path in re.findall(r'\{ file = "(.+?)" \}', shown):
            (folder / path).write_bytes(private_pem(key))
        environment = dict.fromkeys(re.findall(r'\{ env = "(.+?)" \}', shown), "s3cret")
        options = tomllib.loads(shown)["plugins"][name]
        point.load()(
            PluginConfig(
                name=name,
                options=resolved(options, f"plugins.{name}", folder, environment),
                targets={},
                base_dir=folder,
                state_dir=folder / "state",
                now=lambda: datetime.now(UTC),
                plain_http=frozenset(),
            )
        )
