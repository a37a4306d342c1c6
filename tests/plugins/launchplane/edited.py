"""The host as the edit makes it, in this process, for as long as it takes: what is edited lies over what is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from launchplane_gate_launchplane.edit.checkout import FileEdit, plan

# Nothing in them is edited, nor imports what is.
KEPT = ("control_plane.contracts", "control_plane.storage", "control_plane.service_auth")


@contextmanager
def laid_over(folder: Path) -> Iterator[None]:
    """Inside, ``control_plane`` is the edited host; no gate is installed in it."""
    package = import_module("control_plane")
    for edit in _edits(Path(str(package.__file__)).parent.parent):
        path = folder / edit.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(edit.after.encode())
    before = _forget_all()
    package.__path__.insert(0, str(folder / "control_plane"))
    try:
        yield
    finally:
        package.__path__.remove(str(folder / "control_plane"))
        _forget_all()
        for name, module in before.items():
            sys.modules[name] = module
            parent, _, own = name.rpartition(".")
            setattr(sys.modules[parent], own, module)


@cache
def _edits(checkout: Path) -> tuple[FileEdit, ...]:
    return plan(checkout).edits


def _forget_all() -> dict[str, ModuleType]:
    """What was imported of the host, outermost first."""
    names = [name for name in sys.modules if name.startswith("control_plane.") and not name.startswith(KEPT)]
    forgotten = {name: sys.modules.pop(name) for name in sorted(names)}
    for name, module in forgotten.items():
        parent, _, own = name.rpartition(".")
        if getattr(sys.modules.get(parent), own, None) is module:
            delattr(sys.modules[parent], own)
    return forgotten
