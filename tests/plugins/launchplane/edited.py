"""The host as the edit makes it, in this process: what is edited lies over what is not."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from launchplane_gate_launchplane.edit.checkout import plan

KEPT = ("control_plane.contracts", "control_plane.storage")  # nothing in them is edited, nor imports what is


def lay_over(folder: Path) -> None:
    """From then on ``control_plane`` is the edited host; no gate is installed in it."""
    package = import_module("control_plane")
    for edit in plan(Path(str(package.__file__)).parent.parent).edits:
        path = folder / edit.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(edit.after.encode())
    package.__path__.insert(0, str(folder / "control_plane"))
    for name in [name for name in sys.modules if name.startswith("control_plane.") and not name.startswith(KEPT)]:
        _forget(name, sys.modules.pop(name))


def _forget(name: str, module: Any) -> None:
    parent, _, own = name.rpartition(".")
    if getattr(sys.modules.get(parent), own, None) is module:
        delattr(sys.modules[parent], own)
