"""Fuzz each parser for some seconds, led by what of it was reached: ``python -m tests.fuzz [SECONDS [NAME]]``.

A finding ends it with what was sent. Where there is no atheris for this Python, it says so, and hypothesis remains.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from tempfile import gettempdir
from typing import Any

from tests.places import ROOT

PARSERS = ["launchplane_gate", *(path.name for path in (ROOT / "plugins").glob("launchplane_gate_*"))]


def main(seconds: int, name: str | None) -> int:
    if not find_spec("atheris"):
        print("there is no atheris for this Python; the tests fuzz the same parsers, led by chance alone")
        return 0
    if name:
        _fuzz(name, seconds)
    from tests.fuzz.strangers import STRANGERS  # noqa: PLC0415  # whoever fuzzes loads it watched, see below

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return max(pool.map(lambda one: _fuzzed_apart(one, seconds), STRANGERS))


def _fuzzed_apart(name: str, seconds: int) -> int:
    """Tell how it went; 1 for a finding, and where it could not be fuzzed."""
    command = [sys.executable, "-m", "tests.fuzz", str(seconds), name]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    runs = re.findall(r"^Done (\d+) runs", done.stderr, re.MULTILINE)
    if done.returncode == 0 and runs:
        print(f"{name}: {runs[-1]} texts")
        return 0
    print(f"{done.stdout[-4000:]}{done.stderr[-2000:]}\n{name}: a finding, or no fuzzing at all; see above")
    return 1


def _fuzz(name: str, seconds: int) -> None:
    """Does not return."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415  # not for every Python

    with atheris.instrument_imports(include=PARSERS):
        from tests.fuzz.strangers import STRANGERS  # noqa: PLC0415  # this loads what is watched

    from hypothesis import given, settings  # noqa: PLC0415  # not watched

    stranger = STRANGERS[name]
    check: Any = settings(database=None, deadline=None, max_examples=5)(given(stranger.sends())(stranger.check))
    check()  # what is made once is made by now, and takes none of the time
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            "-timeout=10",
            "-rss_limit_mb=2048",
            f"-artifact_prefix={gettempdir()}/",
        ],
        check.hypothesis.fuzz_one_input,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 5, sys.argv[2] if sys.argv[2:] else None))
