"""Processes that need not start cold: each is forked by a server that has imported the gate and proven its policies.

A process that acts spends two seconds of work on that, which a test that asks what it does then, or what it leaves when
it is killed, need not spend again. It is a process all the same: with a folder, an environment and streams of its own,
an exit code, and signals. What is asked of a cold start, of imports or of an installation starts one by ``subprocess``.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.places import ROOT

LARGEST = 2**20  # of a request
IMPORTS = ("launchplane_gate.cli", "launchplane_gate.gate", "launchplane_gate_local", "launchplane_gate_health")


class Process:
    """``python ARGUMENTS``, forked: as far as tests need it, what ``subprocess.Popen`` is with pipes for text.

    ``proves``: folders of policies that it will load beside the shipped ones; ``imports``: modules that it will need.
    """

    def __init__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        proves: Sequence[Path] = (),
        imports: Sequence[str] = (),
    ) -> None:
        request = {
            "arguments": arguments,
            "cwd": str(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
            "proves": [str(folder) for folder in proves],
            "imports": [*IMPORTS, *imports],
        }
        back, told = os.pipe()
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        with Path(os.devnull).open("rb") as nothing:
            server().ask(request, [nothing.fileno(), its_out, its_err, told])
        for theirs in (its_out, its_err, told):
            os.close(theirs)
        self.stdout: IO[str] = os.fdopen(out)
        self.stderr: IO[str] = os.fdopen(err)
        self._ends: IO[str] = os.fdopen(back)
        self.pid = int(self._ends.readline())
        self.returncode: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error:
            self.kill()
        self.communicate()

    def communicate(self, timeout: float = 120) -> tuple[str, str]:
        """What it still says on both streams, and its end. Raises AssertionError where it takes longer, and ends it."""
        if self.stderr.closed:
            return "", ""
        late = threading.Timer(timeout, self.kill)
        late.start()
        with ThreadPoolExecutor(1) as pool:
            err = pool.submit(self.stderr.read)
            said = "" if self.stdout.closed else self.stdout.read(), err.result()
        self.wait()
        self.stdout.close()
        self.stderr.close()
        assert late.is_alive(), f"it took longer than {timeout} s: {said}"
        late.cancel()
        return said

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = int(self._ends.read())
            self._ends.close()
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code, where it has ended."""
        if self.returncode is None and _readable(self._ends.fileno()):
            self.wait()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(*arguments: str, **rest: Any) -> subprocess.CompletedProcess[str]:
    """A process, from its beginning to its end. ``rest``: as of ``Process``."""
    process = Process(*arguments, **rest)
    out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.wait(), out, err)


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


# -- the server, one for each process that runs tests


class Server:
    def __init__(self) -> None:
        self._to, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = subprocess.Popen([sys.executable, "-m", "tests.warm"], cwd=ROOT, stdin=its.fileno())

    def ask(self, request: Mapping[str, Any], streams: Sequence[int]) -> None:
        socket.send_fds(self._to, [json.dumps(request).encode()], streams)

    def stop(self) -> None:
        self._to.close()
        self._process.wait()


@cache
def server() -> Server:
    made = Server()
    atexit.register(made.stop)
    return made


def serve() -> list[str]:
    """Fork a process for each request; in such a process, give its arguments."""
    asked = socket.socket(fileno=os.dup(0))
    keepers: list[int] = []
    while True:
        data, streams, *_ = socket.recv_fds(asked, LARGEST, 4)
        if not data:
            sys.exit()
        keepers = [keeper for keeper in keepers if os.waitpid(keeper, os.WNOHANG) == (0, 0)]
        request = json.loads(data)
        _prepare(request)
        if keeper := os.fork():
            keepers.append(keeper)
            for stream in streams:
                os.close(stream)
            continue
        asked.close()
        if (child := os.fork()) == 0:
            _become(request, streams)
            return list(request["arguments"])
        _keep(child, streams)


def _prepare(request: Mapping[str, Any]) -> None:
    """What the server knows, every process that it forks knows."""
    for name in request["imports"]:
        importlib.import_module(name)
    from launchplane_gate.policy import EmbeddedEngine, load_bundle, shipped_policies  # noqa: PLC0415  # server's alone

    if folders := [Path(folder) for folder in request["proves"]]:
        EmbeddedEngine(load_bundle([shipped_policies(), *folders]))


def _keep(child: int, streams: list[int]) -> None:
    """Be the parent of a process: tell its number, and how it ends."""
    *its, told = streams
    for stream in its:
        os.close(stream)
    os.write(told, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(request: Mapping[str, Any], streams: list[int]) -> None:
    *its, told = streams
    for number, stream in enumerate(its):
        os.dup2(stream, number)
    for stream in (*its, told):
        os.close(stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # as at a start of Python, each for as long as it lives
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  # the same
    sys.stderr = open(2, "w", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115  # the same
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])


def _go(arguments: list[str]) -> None:
    """Do what ``python ARGUMENTS`` does."""
    how, what, *rest = arguments
    sys.argv = [how, *rest]
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        assert how == "-c", how
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  # a test's own program


if __name__ == "__main__":
    _go(serve())
