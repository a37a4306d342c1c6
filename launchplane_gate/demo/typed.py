"""A command as somebody types it, in a process of its own.

It is forked from this one, so what this one has imported and proven need not be so anew for each command of a story;
all else is its own: streams, an exit code, and what it reads and writes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from launchplane_gate.plugins import load_plugins
from launchplane_gate.policy import EmbeddedEngine, load_bundle, shipped_policies
from launchplane_gate.settings import load_settings

TIMEOUT_S = 600
CTRL_C_S = 1
ENDS_WITHIN_S = 5  # after it was told to
ENDING = {signal.SIGINT, signal.SIGTERM}
_FORKING = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Ended:
    """``document``: what ``--output json`` holds; empty where there is none."""

    exit_code: int
    out: str
    err: str
    document: Mapping[str, Any]


def prepare(settings_file: Path) -> None:
    """Import what commands need, and prove the policies, once for all of them."""
    import launchplane_gate.gate  # noqa: F401, PLC0415  # half a second, which the story's first lines come before

    settings = load_settings(settings_file)
    load_plugins(settings, now=lambda: datetime.now(UTC))
    EmbeddedEngine(load_bundle([shipped_policies(), *settings.policy_folders]))


def typed(arguments: Sequence[str], settings_file: Path, environment: Mapping[str, str]) -> Ended:
    """Raises TimeoutError where it takes longer than anything here may."""
    document = settings_file.with_name("step.json")
    full = ["--config", str(settings_file), *arguments, "--output", "text", "--output", f"json={document}"]
    with TemporaryFile("w+", encoding="utf-8") as out, TemporaryFile("w+", encoding="utf-8") as err:
        process = _FORKING.Process(target=_become, args=(full, environment, out, err))
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # what a handler raises while Python forks would be lost
        process.start()
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
            process.join(TIMEOUT_S)
        finally:
            late = process.exitcode is None
            if (
                late
            ):  # it closes what it began: by itself after Ctrl-C, which has reached it too; else when it is told to
                process.join(CTRL_C_S)
                process.terminate()
                process.join(ENDS_WITHIN_S)
                process.kill()
                process.join()
        if late:
            raise TimeoutError(f"{' '.join(arguments)} took longer than {TIMEOUT_S} s")
        assert process.exitcode is not None
        found = json.loads(document.read_text()) if document.exists() else {}
        document.unlink(missing_ok=True)
        return Ended(process.exitcode, _read(out), _read(err), found)


def _become(arguments: Sequence[str], environment: Mapping[str, str], out: IO[str], err: IO[str]) -> None:
    """Do what ``python -m launchplane_gate ARGUMENTS`` does."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # for as long as it lives
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115  # the same
    os.environ.update(environment)
    sys.argv = ["launchplane-gate", *arguments]
    runpy.run_module("launchplane_gate", run_name="__main__", alter_sys=True)


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
