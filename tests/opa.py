"""OPA itself, for tests that hold the gate against it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from launchplane_gate.authoring.opa_tests import Opa, find_opa
from launchplane_gate.settings import OpaSettings

PATIENT_S = 30
PROGRAM = shutil.which("opa") or shutil.which("opa", path=str(Path.home() / "go" / "bin"))
needs_opa = pytest.mark.skipif(PROGRAM is None, reason="there is no opa at hand")


def patient(url: str, **more: Any) -> OpaSettings:
    """For tests in which it does not matter how long an answer takes on a busy machine."""
    return OpaSettings(url=url, timeout_s=PATIENT_S, **more)


def opa() -> Opa:
    found = find_opa(str(PROGRAM))
    assert found
    return found


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PROGRAM), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def free_address() -> str:
    """An address of this machine on which nothing listens now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def serving(bundle: Path, *options: str | Path) -> Iterator[httpx.Client]:
    """A server with this bundle. Raises AssertionError, with what it said, where it does not start."""
    address = free_address()
    command = [str(PROGRAM), "run", "--server", "--addr", address, "--skip-version-check", "--log-level", "error"]
    server = subprocess.Popen(
        [*command, *options, "--bundle", bundle], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10) as client:
            _wait_for(client, server)
            yield client
    finally:
        server.terminate()
        server.communicate(timeout=10)


def _wait_for(client: httpx.Client, server: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 20
    while server.poll() is None and time.monotonic() < deadline:
        try:
            client.get("/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.02)
        else:
            return
    server.terminate()
    raise AssertionError(server.communicate(timeout=10)[0])
