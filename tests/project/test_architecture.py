"""The form of the code: imports go one way, and what decides depends on little."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "launchplane_gate"

# Each room may import those of the lines above it, and within a package its own modules.
LAYERS = [
    {"errors", "moments", "words", "strictjson", "strictyaml", "holders", "urls", "private", "bounded", "ssh"},
    {"signing"},
    {"evidence", "extras", "records", "secret"},
    {"model"},
    {"outlook", "commands"},
    {"policy_input", "hookspecs", "settings", "attestation"},
    {"hints", "attesting"},
    {"store"},
    {"policy", "ledger", "plugins"},
    {"past"},
    {"lane_records"},
    {"settled", "looking"},
    {"facts", "waivers", "on_record", "opening"},
    {"runs", "adoption", "restoring", "verify", "observed"},
    {"publications"},
    {"ways"},
    {"line"},
    {"gate"},
    {"snapshot"},
    {"lanes", "authoring", "prove", "attested", "testing"},
    {"drift", "examining", "overview", "sight"},
    {"report"},
    {"page"},
    {"demo"},
    {"cli"},
    {"__main__"},
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}

# Who alone may import what decides, speaks or renders.
ONLY = {
    "regorus": {"policy"},
    "opa_client": {"policy"},
    "requests": {"policy"},
    "urllib3": {"policy"},
    "sqlalchemy": {"ledger"},
    "alembic": {"ledger"},
    "psycopg": {"ledger"},
    "securesystemslib": {"signing"},
    "pluggy": {"hookspecs", "plugins"},
    "click": {"cli"},
    "jinja2": {"page"},
    "markupsafe": {"page"},
    "rich": {"cli", "report", "demo"},
    "pytest": {"testing"},
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        first, *rest = name.split(".")
        if first in ONLY:
            assert here in ONLY[first], f"only {ONLY[first]} may import {first}"
        if first == "launchplane_gate" and rest and rest[0] in RANK and rest[0] != here:
            assert RANK[rest[0]] < RANK[here], f"{here} imports {rest[0]}, which stands above it"


def test_every_room_has_its_place() -> None:
    assert {room(path) for path in modules()} <= set(RANK)


@pytest.mark.parametrize("plugin", sorted((ROOT / "plugins").glob("launchplane_gate_*")), ids=lambda path: path.name)
def test_a_plugin_imports_public_rooms_only(plugin: Path) -> None:
    public = {"errors", "model", "outlook", "hookspecs", "records", "secret", "strictjson", "urls", "private"}
    if plugin.name == "launchplane_gate_launchplane":  # it brings a store, and its host embeds the gate and shows it
        public |= {"store", "gate", "lanes", "on_record", "runs", "commands", "ways"}
    for path in plugin.rglob("*.py"):
        for name in imports(path):
            if name.startswith("launchplane_gate."):
                assert name.split(".")[1] in public, f"{path.name} imports {name}"


def lines_of_code(path: Path) -> Iterator[int]:
    """The lines of a module that are neither blank, comment nor docstring."""
    text = path.read_text()
    prose = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or 0) + 1)
    }
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.strip().startswith("#") and number not in prose:
            yield number


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_can_be_read_in_one_go(path: Path) -> None:
    assert len(list(lines_of_code(path))) <= 400


def test_nothing_of_this_machine_stands_in_the_project() -> None:
    named = [str(ROOT.parent) + "/", "/home/"]
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "plugins").rglob("*.py"), ROOT / "README.md", ROOT / "Makefile"]:
        assert not [name for name in named if name in path.read_text()], path
