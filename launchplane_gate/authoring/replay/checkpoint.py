"""How far a replay has come, in a file, bound to what is asked of what: it goes on with that alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launchplane_gate import private, strictjson
from launchplane_gate.authoring.replay.tally import Tally
from launchplane_gate.errors import UsageError

FORM = 1
LARGEST = 2**26
HINT = "Nothing was asked. Remove it to begin anew, or name another file."


@dataclass(frozen=True)
class Checkpoint:
    """``bound``: the digests of the policies and of the decisions, and what is wanted of them."""

    path: Path
    bound: Mapping[str, Any]

    def begun(self) -> tuple[Tally, int]:
        """What was found by then, and how many decisions were read. Raises UsageError for a file of something else."""
        told = read(self.path)
        if told is None:
            return Tally(), 0
        for name, expected in self.bound.items():
            if told["bound"].get(name) != expected:
                raise UsageError(f"{self.path} is of another replay: its {name} is not the one of this", hint=HINT)
        try:
            return Tally.read(told["tally"]), int(told["done"])
        except (KeyError, TypeError, ValueError):
            raise UsageError(f"{self.path} is no checkpoint of a replay", hint=HINT) from None

    def keep(self, tally: Tally, done: int) -> None:
        """Raises UsageError."""
        told = {"checkpoint": FORM, "bound": dict(self.bound), "done": done, "tally": tally.as_document()}
        try:
            with private.replacing(self.path, mode=0o600) as file:
                file.write(strictjson.dumps(told).encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror or error}", hint=HINT) from None

    def over(self) -> None:
        self.path.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any] | None:
    """What a checkpoint says; None where there is none. Raises UsageError for what is none."""
    if not os.path.lexists(path):
        return None
    try:
        told = strictjson.loads(private.read_regular(path, LARGEST), max_bytes=LARGEST)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint=HINT) from None
    except ValueError as error:
        raise UsageError(f"{path} is no checkpoint of a replay: it {error}", hint=HINT) from None
    if not isinstance(told, dict) or told.get("checkpoint") != FORM or not isinstance(told.get("bound"), dict):
        raise UsageError(f"{path} is no checkpoint of a replay", hint=HINT)
    return told
