"""What was proven before, remembered by content, for tools that decide nothing that is acted on.

A gate that may act proves anew: whoever can write here could have it believe what was never proven. What is read back
was written by the same user, where nobody else can write.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from launchplane_gate import private, strictjson

LARGEST = 4 * 1024 * 1024
KEPT = 20  # the newest of them
_PACKAGE = Path(__file__).parents[1]
_CORE = ("policy", "model.py", "records.py", "strictjson.py")  # what proves, and what it is proven with


def recall(kind: str, content: str) -> Any:
    """What was kept under a digest; None where nothing was, or somebody else may have written it."""
    try:
        path = _path(kind, content)
        if not (_is_ours(path.parent, stat.S_ISDIR) and _is_ours(path, stat.S_ISREG)):
            return None
        text = private.read_regular(path, LARGEST + 1)
        return json.loads(text) if len(text) <= LARGEST else None
    except (OSError, ValueError, RuntimeError):  # the last one of a user without a home
        return None


def keep(kind: str, content: str, found: Any) -> None:
    """Keep something under a digest; where that cannot be done, nothing is kept."""
    with suppress(OSError, RuntimeError):
        path = _path(kind, content)
        private.make_state(path.parent)
        with private.replacing(path, mode=0o600) as opened:
            opened.write(json.dumps(found).encode())
        kept = sorted(path.parent.glob(f"{kind}-*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in kept[KEPT:]:
            old.unlink()


def content_of(**parts: Any) -> str:
    """The digest of what something was proven of, together with what proves: the core, the engine and this Python."""
    return strictjson.digest({**parts, "core": _core(), "engine": _engine(), "python": sys.version})


def _path(kind: str, content: str) -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "launchplane-gate" / f"{kind}-{content}.json"


def _is_ours(path: Path, is_kind: Any) -> bool:
    found = path.lstat()
    return bool(is_kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022)


@functools.cache
def _core() -> Mapping[str, str]:
    found = (path for name in _CORE for path in (_PACKAGE / name, *(_PACKAGE / name).rglob("*")))
    paths = sorted(path for path in found if path.suffix in (".py", ".json"))
    return {str(path.relative_to(_PACKAGE)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@functools.cache
def _engine() -> str:
    """The digest of all that the engine's module is made of."""
    from launchplane_gate.policy.engines.embedded.worker import engine_module  # noqa: PLC0415  # it imports us

    files = sorted(path for path in engine_module().parent.iterdir() if path.is_file())
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return strictjson.digest(digests)
