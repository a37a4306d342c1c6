"""A bundle's Rego tests on OPA, by its own ``opa test``, so that both engines can be held against each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from launchplane_gate.authoring.bundle_file import NOTHING_WRITTEN
from launchplane_gate.errors import EngineError, PolicyError, UsageError
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.packing import packed

OLDEST = (1, 21, 3)  # 1.17 reads `not` as the embedded engine does; earlier than this, a signed bundle proves nothing
TIMEOUT_S = 60.0
LONGEST_ERROR = 300

_VERSION = re.compile(r"^Version: ((\d+)\.(\d+)\.(\d+)\S*)$", re.MULTILINE)
_COMPLAINT = re.compile(r"(?:^|: )(?P<path>[^:\n]+\.rego):(?P<line>\d+): (?P<said>.+)", re.MULTILINE)
_RAN = (0, 2)  # exit codes of `opa test`: all hold, some do not

Verdict = Literal["pass", "fail", "todo"]


class OpaResult(NamedTuple):
    """What OPA says of a test; ``path`` is the module's in the bundle, ``why`` its error, where it had one."""

    verdict: Verdict
    path: str
    line: int
    why: str = ""


@dataclass(frozen=True)
class Opa:
    """An ``opa`` program that is recent enough."""

    program: str
    version: str

    def test(self, bundle: Bundle, *, timeout_s: float = TIMEOUT_S) -> dict[str, OpaResult]:
        """What OPA says of each test, by the path of its rule.

        Raises PolicyError where it does not take the policies, EngineError where it gives no answer in time.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bundle.tar.gz"
            file.write_bytes(packed(bundle))
            done = _run([self.program, "test", "--bundle", str(file), "--format", "json"], timeout_s)
        if done.returncode not in _RAN:
            raise _refusal(bundle, self.version, done)
        try:
            return _read(json.loads(done.stdout))
        except (ValueError, KeyError, TypeError) as error:
            raise EngineError(f"OPA {self.version} did not report its tests as it should: {error!r}") from None

    def exec(self, bundle: Path, decision: str, inputs: Sequence[Path], *, timeout_s: float = TIMEOUT_S) -> str:
        """What ``opa exec`` prints of a decision (a path with slashes) for each input. Raises EngineError."""
        command = [self.program, "exec", "--bundle", str(bundle), "--decision", decision, *map(str, inputs)]
        done = _run(command, timeout_s)
        if done.returncode != 0:
            said = next((line for line in done.stderr.splitlines() if line.strip()), "")
            raise EngineError(f"OPA {self.version} answered nothing; it ended with {done.returncode}: {_cut(said)}")
        return done.stdout


def check_on_opa(bundle: Bundle, opa: Opa) -> None:
    """Raises PolicyError where a test of the bundle does not pass on OPA, or something is one to OPA alone."""
    said, known = opa.test(bundle), {test.rule for test in bundle.tests}
    files = {module.path: module.file for module in bundle.modules}
    failed = [
        f"{test.file}:{test.line}: OPA {opa.version}: {test.name} does not hold"
        for test in bundle.tests
        if not test.is_todo and (test.rule not in said or said[test.rule].verdict != "pass")
    ]
    failed += [
        f"{files.get(result.path, result.path)}:{result.line}: OPA {opa.version} takes {rule} for a test"
        for rule, result in said.items()
        if rule not in known
    ]
    if failed:
        raise PolicyError("\n".join(failed), hint=NOTHING_WRITTEN)


def find_opa(program: str | None = None) -> Opa | None:
    """The program that is named, else ``opa`` where there is one.

    Raises UsageError where the named one is not there or either is too old, EngineError for what is no OPA.
    """
    path = shutil.which(program or "opa")
    if path is None:
        if program is None:
            return None
        raise UsageError(f"there is no program {program}")
    found = _VERSION.search(_run([path, "version"], TIMEOUT_S).stdout)
    if found is None:
        raise EngineError(f"{path} does not tell its version as OPA does", hint="Nothing was done. Name OPA by --opa.")
    if tuple(map(int, found.groups()[1:])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise UsageError(
            f"{path} is OPA {found[1]}, which is too old; it has to be {oldest} at least",
            hint="Nothing was done. Install a newer one, or name it by --opa.",
        )
    return Opa(path, found[1])


def _run(command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run OPA without what the environment would add to its options."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPA_")}
    try:
        return subprocess.run(  # noqa: S603 # nosec B603  # a program that the caller chose, and no shell
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"{command[0]} {command[1]} did not finish within {timeout_s:.0f} s") from None
    except OSError as error:
        raise EngineError(f"{command[0]} cannot be run: {error.strerror or error}") from None


def _read(report: Any) -> dict[str, OpaResult]:
    return {
        f"{entry['package']}.{entry['name']}": OpaResult(
            _verdict(entry), entry["location"]["file"], entry["location"]["row"], _why(entry)
        )
        for entry in report
    }


def _verdict(entry: Any) -> Verdict:
    if entry.get("fail") or entry.get("error"):
        return "fail"
    return "todo" if entry.get("skip") else "pass"


def _why(entry: Any) -> str:
    error = entry.get("error") or []
    errors = error if isinstance(error, list) else [error]  # a list where it did not compile
    return _cut("; ".join(f"{error['code']}: {error['message']}" for error in errors))


def _refusal(bundle: Bundle, version: str, done: subprocess.CompletedProcess[str]) -> EngineError | PolicyError:
    """What OPA says of policies that it does not take, with the files as people name them."""
    files = {module.path: module.file for module in bundle.modules}
    complaints = [
        f"{files.get(found['path'], found['path'])}:{found['line']}: OPA {version}: {_cut(found['said'])}"
        for found in _COMPLAINT.finditer(done.stderr)
    ]
    if complaints:
        return PolicyError("\n".join(complaints), hint="No test ran. The policies have to load on both engines.")
    said = next((line for line in done.stderr.splitlines() if line.strip()), "")
    return EngineError(f"OPA {version} ran no test; it ended with {done.returncode}: {_cut(said) or 'no word'}")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_ERROR else line[: LONGEST_ERROR - 3] + "..."
