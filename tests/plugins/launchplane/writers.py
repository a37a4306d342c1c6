"""Where the host writes what a lane runs or was given, found in its source, and which routes and commands lead there.

By names alone: whoever names what writes is taken to write. So one writer more is found, and none is overlooked because
it is called through something.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click

# What the stores have to write such a record with, or to take it away, whatever it may be called in another revision.
WRITES = re.compile(r"(?!_|read_|list_)\w*(environment_inventory|release_tuple|deployment|promotion)_?\w*")
SERVICE, APP = "service.py", "create_launchplane_service_app"


@dataclass(frozen=True)
class Ways:
    """``routes`` and ``commands`` by which a writer is reached, and ``others``: functions that neither explains."""

    routes: frozenset[str]
    commands: frozenset[str]
    others: frozenset[str]


def ways_to_write(host: Any, package: Path | None = None) -> Ways:
    """``package``: the source that is read, where it is not that of the host."""
    package = package or Path(str(import_module("control_plane").__file__)).parent
    functions = list(_functions(package))
    [app] = [node for place, node in functions if place == SERVICE and node.name == APP]
    reached = _reaching(_of_the_stores(host), [node for _, node in functions if node is not app and node.name != "app"])
    branches = {route: _names(branch.body) & reached for route, branch in _branches(app)}
    callbacks = {command.callback.__name__: name for name, command in _commands(host.module("cli").main)}
    named = {node.name: _names([node]) - {node.name} for _, node in functions}
    return Ways(
        frozenset(route for route, names in branches.items() if names),
        frozenset(callbacks[name] for name in reached & set(callbacks)),
        frozenset(
            name
            for name in reached - set(callbacks) - set().union(*branches.values())
            if not any(name in names for by, names in named.items() if by in reached)
        ),
    )


def _of_the_stores(host: Any) -> frozenset[str]:
    kinds = (
        host.module("storage.filesystem").FilesystemRecordStore,
        host.module("storage.postgres").PostgresRecordStore,
    )
    return frozenset(name for kind in kinds for name in vars(kind) if WRITES.fullmatch(name))


def _functions(package: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield str(path.relative_to(package)), node


def _reaching(writers: frozenset[str], functions: Iterable[ast.FunctionDef]) -> frozenset[str]:
    """The names of all from which a writer is reached, the writers' own left out."""
    named = [(node.name, _names([node]) - {node.name}) for node in functions]
    reached = set(writers)
    while more := {name for name, names in named if name not in reached and names & reached}:
        reached |= more
    return frozenset(reached - writers)


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    found = [node for one in nodes for node in ast.walk(one)]
    return {node.id for node in found if isinstance(node, ast.Name)} | {
        node.attr for node in found if isinstance(node, ast.Attribute)
    }


def _branches(app: ast.FunctionDef) -> Iterator[tuple[str, ast.If]]:
    for node in ast.walk(app):
        match node:
            case ast.If(
                test=ast.Compare(left=ast.Name(id="path"), ops=[ast.Eq()], comparators=[ast.Constant(value=route)])
            ):
                yield str(route), node


def _commands(group: Any, *before: str) -> Iterator[tuple[str, Any]]:
    for name, found in group.commands.items():
        if isinstance(found, click.Group):
            yield from _commands(found, *before, name)
        else:
            yield " ".join(("launchplane", *before, name)), found
