"""The README is true: every command in it is run here, in its order, in a folder of its own."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from shutil import which

import click
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from launchplane_gate.cli import program
from launchplane_gate.cli.init import OLD
from launchplane_gate.plugins import load_plugins
from launchplane_gate.settings import load_settings
from launchplane_gate_local import stop_all
from tests.opa import PROGRAM, free_address, needs_opa
from tests.places import ROOT
from tests.postgres import PostgresServer

README = (ROOT / "README.md").read_text()
EXPECTED = re.compile(r"# exit code (\d+)")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]


def files() -> dict[str, str]:
    """What the README says that a file holds: its path in a line of its own, then a block."""
    found = re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_all(tmp_path / "tour" / "state" / "plugins" / "local")


@pytest.mark.thorough
def test_every_command_of_the_readme_ends_as_it_says(folder: Path) -> None:
    script = ["set -u", 'want() { [ "$1" = "$2" ] || { echo "exit code $1 instead of $2: $3" >&2; exit 99; }; }']
    for path, text in files().items():
        (folder / "tour" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tour" / path).write_text(text)
    for command in commands():
        code = EXPECTED.search(command)
        script += [f"echo {shlex.quote('$ ' + command)}", command]
        script.append(f"want $? {code[1] if code else 0} {shlex.quote(command)}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=dict(os.environ) | {"PATH": path, "HOME": str(folder)},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "2 tests passed" in done.stdout and "41620cf" in done.stdout


def test_the_embedding_example_runs(folder: Path) -> None:
    environment = dict(os.environ) | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "launchplane_gate", "init", "--example", "tour"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    asking, shipping = blocks("python")
    command = [sys.executable, "-c", asking]
    done = subprocess.run(command, cwd=folder / "tour", env=environment, text=True, capture_output=True, check=True)
    assert done.stdout.startswith("denied\n") and "actor.permitted" in done.stdout
    settings, policies = folder / "tour" / "launchplane-gate.toml", folder / "tour" / "policies/config/data.json"
    settings.write_text(re.sub("confirm_timeout_s = .*", "confirm_timeout_s = 0.5", settings.read_text()))
    decided = json.loads(policies.read_text())
    [(_, product)] = decided["products"].items()
    product["actors"]["testing"].append({"subject": "repo:me/shop:ref:refs/heads/main", "verified_by": "github-oidc"})
    policies.write_text(json.dumps(decided))
    command = [sys.executable, "-c", shipping]
    done = subprocess.run(command, cwd=folder / "tour", env=environment, text=True, capture_output=True, check=True)
    assert "shipping local/sellyouroutboard@sha256:abab" in done.stdout
    assert "the caller's timeout of 300 s is cut to" in done.stdout
    assert done.stdout.endswith("unconfirmed deployment-7 request-7\n"), done.stdout


@pytest.mark.thorough
@needs_opa
def test_a_bundle_is_made_signed_and_served_as_it_says_and_decides(folder: Path) -> None:
    [shown] = [block for block in blocks("sh") if "opa sign" in block]
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
    [setting] = [block for block in blocks("toml") if "database_url" in block]
    [shown] = [block for block in blocks("sh") if "ledger migrate" in block]
    [grants] = blocks("sql")
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
    [shown] = [block for block in blocks("toml") if "plugins.launchplane-api" in block]
    (folder / "launchplane-gate.toml").write_text(f"schema_version = 1\n{shown}")
    settings = load_settings(folder / "launchplane-gate.toml")
    load_plugins(settings, now=lambda: datetime.now(UTC)).see_that_one_looks_out()


def test_the_settings_for_opa_are_settings(folder: Path) -> None:
    [shown] = [block for block in blocks("toml") if "[opa]" in block]
    (folder / "launchplane-gate.toml").write_text(f"schema_version = 1\n{shown}")
    settings = load_settings(folder / "launchplane-gate.toml", environment={"OPA_TOKEN": "t"})
    assert settings.opa and settings.opa.url == "https://opa.example.org:8181"


def test_the_mode_of_a_product_is_a_setting(folder: Path) -> None:
    [shown] = [block for block in blocks("toml") if "mode =" in block]
    hosted = 'schema_version = 1\nstore = "health"\n[plugins.health]\n'  # where a host knows the rest of the product
    (folder / "launchplane-gate.toml").write_text(hosted + shown)
    assert load_settings(folder / "launchplane-gate.toml").observed == {"sellyouroutboard"}


def test_the_settings_for_dokploy_are_settings(folder: Path) -> None:
    [shown] = [block for block in blocks("toml") if "plugins.generic-web" in block]
    product = 'repository = "acme/shop"\ndriver = "generic-web"\nimage = "ghcr.io/acme/shop"\n'
    (folder / "launchplane-gate.toml").write_text(f"schema_version = 1\n[products.shop]\n{product}{shown}")
    settings = load_settings(folder / "launchplane-gate.toml", environment={"DOKPLOY_API_KEY": "k"})
    assert "generic-web" in load_plugins(settings, now=lambda: datetime.now(UTC)).drivers


def test_the_settings_for_releases_and_for_ci_are_settings(folder: Path) -> None:
    [releases] = [block for block in blocks("toml") if "plugins.github]" in block]
    [ci] = [block for block in blocks("toml") if "plugins.github-oidc" in block]
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
    [setting] = [block for block in blocks("toml") if "[attestation]" in block]
    [shown] = [block for block in blocks("sh") if "--attestation" in block]
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


def typed_in_the_runbook() -> list[list[str]]:
    text = README.replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^    launchplane-gate (.*)$", text, re.MULTILINE)]


def typed_in_the_tour() -> list[list[str]]:
    """Without what a shell makes of it."""
    typed = [re.sub(r" > .*", "", re.sub(r"\$\(.*?\)", "some-artifact", command)) for command in commands()]
    return [shlex.split(line, comments=True)[1:] for line in typed if line.startswith("launchplane-gate ")]


@pytest.mark.parametrize("arguments", [*typed_in_the_tour(), *typed_in_the_runbook()], ids=" ".join)
def test_every_command_of_the_tour_and_of_the_runbook_is_one(arguments: list[str]) -> None:
    rest = list(arguments)
    command: click.Command = program
    context = click.Context(program)
    while isinstance(command, click.Group):
        found = command.get_command(context, rest.pop(0))
        assert found
        command = found
    rest = arguments[-1:] if command.name == "proposals" else rest  # the file stands in the place of that name
    command.make_context(command.name, rest)  # raises for an option that it does not have


def test_the_readme_opens_with_two_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"^    make (\w+)", README, re.MULTILINE)
    assert named[:2] == ["demo", "test"]
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_that_the_readme_points_to_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    for path in ("policies/gate/rules", "policies/README.md", "plugins/README.md", ".ci/run"):
        assert path in README and (ROOT / path).exists(), path


def test_every_exit_code_is_in_the_table() -> None:
    from launchplane_gate import errors  # noqa: PLC0415  # the module as a whole is looked at

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.GateError)]
    codes = {kind.exit_code for kind in kinds}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)} >= codes
