"""What an embedding host gets is what it needs; what it lacks is named, with the command that brings it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.project.environments import Environment, brought_by, built_wheel, environment, required

pytestmark = pytest.mark.thorough

EXTRAS = ("attest", "console", "github", "launchplane", "opa", "page", "postgres", "testing")

# What Launchplane brings itself, of what its pyproject.toml requires; nothing of ours requires its Authlib.
HOST = [
    Requirement(line)
    for line in ("alembic", "click", "psycopg[binary]", "pydantic", "PyJWT[crypto]", "requests", "SQLAlchemy")
]
WITHOUT_EXTRAS = 28  # that a host got before there were extras

PRODUCT = """
[products.shop]
repository = "acme/shop"
driver = "local"
image = "local/shop"
lanes.testing = { health_url = "http://127.0.0.1:1/health", target = { port = 1 } }
[plugins.local]
releases = "releases"
[plugins.health]
"""

LACKING = {
    "attest": ["prove", "shop", "--attestation", "launchplane-gate.toml"],
    "github": ["lanes"],
    "opa": ["check", "deploy", "shop", "--to", "testing", "--artifact", "local/shop@sha256:0", "--ref", "a" * 40],
    "page": ["page", "pages"],
    "postgres": ["lanes"],
    "console": ["demo", "--driver", "generic-web"],
}

SETTINGS = {
    "attest": f'{PRODUCT}[attestation]\nverifier = "https://gate.test"\npublic_keys = ["launchplane-gate.toml"]\n',
    "github": f"{PRODUCT}[plugins.github]\n",
    "opa": f'engine = "opa"\nopa.url = "http://127.0.0.1:1"\n{PRODUCT}',
    "page": PRODUCT,
    "postgres": f'database_url = "postgresql://127.0.0.1:1/gate"\n{PRODUCT}',
    "console": PRODUCT,
}

EVERY_MODULE = """
import importlib, pkgutil

def walked(name):
    try:
        module = importlib.import_module(name)
    except Exception as error:
        print(name, type(error).__name__, error)
        return
    for one in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if one.name not in ("__main__", "migrations"):
            walked(f"{name}.{one.name}")

for one in pkgutil.iter_modules():
    if one.name.startswith("launchplane_gate"):
        walked(one.name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return environment(tmp_path_factory.mktemp("bare") / "venv", wheel)


def gate(where: Environment, folder: Path, *arguments: str, **more: str) -> tuple[int, str]:
    done = where.run("-m", "launchplane_gate", *arguments, cwd=folder, **more)
    return done.returncode, done.stdout + done.stderr


def test_an_embedding_host_gets_less_than_half_of_what_it_got(bare: Environment) -> None:
    further = bare.holds - set(brought_by(HOST))
    assert "gordon-to-regorus" in further, "what decides"
    assert len(further) < WITHOUT_EXTRAS / 2, sorted(further)


def test_nothing_but_what_an_extra_brings_needs_it(bare: Environment, tmp_path: Path) -> None:
    failed = [line.split(" ")[0] for line in bare.run("-c", EVERY_MODULE, cwd=tmp_path).stdout.splitlines()]
    names = ("answer", "engine", "examination", "server", "session")
    server = {f"launchplane_gate.policy.engines.opa.{name}" for name in names}
    edited = ("checkout", "commands", "provider", "service", "showing", "source")
    assert set(failed) == server | {f"launchplane_gate_launchplane.edit.{name}" for name in edited} | {
        "launchplane_gate_github",
        "launchplane_gate.testing",
        "launchplane_gate.demo.story",
        "launchplane_gate.page.drawing",
        "launchplane_gate.page.folder",
        "launchplane_gate.signing",
    }


def test_a_gate_without_extras_decides_and_looks(bare: Environment, tmp_path: Path) -> None:
    assert gate(bare, tmp_path, "init", "--example", "tour")[0] == 0
    for command in (["policy", "check"], ["lanes"], ["doctor"], ["plugins"]):
        code, said = gate(bare, tmp_path / "tour", *command)
        assert code == 0, said
    code, said = gate(bare, tmp_path / "tour", "check", "promote", "sellyouroutboard")
    assert code == 1 and "actor.permitted" in said, said


def test_a_terminal_without_colours_is_told_the_same(bare: Environment, tmp_path: Path) -> None:
    gate(bare, tmp_path, "init", "--example", "tour")
    plainly, on_terminal = (gate(bare, tmp_path / "tour", "lanes", **more) for more in ({}, {"FORCE_COLOR": "1"}))
    assert plainly == on_terminal and plainly[0] == 0


@pytest.mark.parametrize("extra", LACKING)
def test_what_lacks_an_extra_names_the_command_that_brings_it(
    bare: Environment, wheel: Path, extra: str, tmp_path: Path
) -> None:
    settings = tmp_path / "launchplane-gate.toml"
    settings.write_text(f"schema_version = 1\n{SETTINGS[extra]}")
    command = f"pip install 'launchplane-gate[{extra}]'"
    code, said = gate(bare, tmp_path, *LACKING[extra])
    assert code == 2 and command in said and "Nothing was done" in said, said
    assert "Traceback" not in said
    assert not (tmp_path / "state" / "ledger.sqlite").exists()
    whole = environment(tmp_path / "venv", wheel, extra)
    _, said = gate(whole, tmp_path, *LACKING[extra])
    assert command not in said and "not installed" not in said, said


def test_the_conformance_kit_names_the_command_too(bare: Environment, wheel: Path, tmp_path: Path) -> None:
    program = "import launchplane_gate.testing"
    assert "pip install 'launchplane-gate[testing]'" in bare.run("-c", program, cwd=tmp_path).stderr
    whole = environment(tmp_path / "venv", wheel, "testing")
    done = whole.run("-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_edit_of_a_host_names_the_command_too(bare: Environment, tmp_path: Path) -> None:
    done = bare.run("-m", "launchplane_gate_launchplane.edit", ".", cwd=tmp_path)
    assert done.returncode == 2 and "pip install 'launchplane-gate[launchplane]'" in done.stderr, done.stderr


def test_every_extra_is_tried_here(wheel: Path) -> None:
    extras = set(re.findall(r'extra == "(\w+)"', " ".join(str(one.marker) for one in required(wheel))))
    assert extras - {"dev"} == set(EXTRAS) == {*LACKING, "testing", "launchplane"}
