"""What policy authors wait for, beside the tools that others have for it: on the same tests, from cold, in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from tests.benchmarks.engines import conftest_program
from tests.benchmarks.timing import in_turn, report
from tests.opa import PROGRAM
from tests.places import POLICIES

OURS = [sys.executable, "-m", "launchplane_gate", "policy", "test"]
TIMES = 5


def testing(folder: Path) -> None:
    bundle = load_bundle([shipped_policies()])
    print(f"\nThe policies' own {len(bundle.tests)} tests, from cold, in turn")
    if PROGRAM is None:
        print("  not measured, there is no opa program on this machine")
        return
    commands = {
        "opa test": [PROGRAM, "test", "--bundle", str(POLICIES)],
        "policy test, on the embedded engine": OURS,
        "policy test, on both engines": [*OURS, "--opa", PROGRAM],
        "policy test --coverage, on the embedded engine": [*OURS, "--coverage"],
    }
    if conftest := conftest_program():
        verify = [conftest, "verify", "--policy", str(POLICIES), *_data(folder, bundle)]
        done = subprocess.run(verify, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            commands["conftest verify"] = verify
        else:
            print(f"  conftest verify: not measured, it says: {(done.stdout + done.stderr).strip()[:100]}")
    runs = in_turn(*(_process(command) for command in commands.values()), times=TIMES, warm=1)
    taken = [report(what, times) for what, times in zip(commands, runs, strict=True)]
    print(f"  policy test takes {taken[1] / taken[0]:.1f} times as long as opa test   wanted <= 1.5")
    print(f"  and {taken[2] / taken[0]:.1f} times as long where it has opa test run beside it")


def _process(command: Sequence[str]) -> Callable[[], object]:
    """Without an opa on the PATH: who is to ask it names it."""
    environment = dict(os.environ) | {"PATH": str(Path(sys.executable).parent)}

    def run() -> None:
        done = subprocess.run(
            command, env=environment, cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def _data(folder: Path, bundle: Bundle) -> list[str]:
    """The configuration as conftest takes it."""
    file = folder / "data" / "config.json"
    file.parent.mkdir()
    file.write_text(json.dumps(bundle.data))
    return ["--data", str(file.parent)]
