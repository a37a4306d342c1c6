"""The embedded engine, in a process of its own: a question takes so long and so much memory, and no more.

There is one a process, started when it is first needed and again after it was stopped. It is a Python that is started
anew, neither a fork nor a part of multiprocessing, which would run the program that embeds us once more. Its standard
input is what keeps it alive; it stands in a session of its own, so that Ctrl-C does not reach it.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from launchplane_gate.errors import EngineError
from launchplane_gate.policy.engines.embedded import serve
from launchplane_gate.policy.engines.protocol import Unanswered
from launchplane_gate.settings import EmbeddedSettings

MODULE = "regorus"
START_S = 20.0  # until it says that it is there
GRACE_S = 1.0  # its own alarm comes later than we stop it
WATCH_S = 0.05  # how often its memory is looked at where the system does not limit it
MEGABYTE = 1024 * 1024

_IS_PYTHON = re.compile(r"(python|pypy)[0-9.]*(\.exe)?", re.IGNORECASE)
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "SYSTEMROOT")
NAME_IT = (
    'Nothing was done. Name the Python of this environment in the settings: [embedded], python = "/PATH/TO/python".'
)


class Failed(Exception):
    """The engine reached an error: its kind, and its words."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


@dataclass
class _Process:
    """One life of the worker. ``loaded``: the programs that it holds, the one used last at the end."""

    popen: subprocess.Popen[bytes]
    said_hello: bool = False
    last_id: int = 0
    loaded: list[str] = field(default_factory=list)

    @property
    def to(self) -> int:
        assert self.popen.stdin
        return self.popen.stdin.fileno()

    @property
    def back(self) -> int:
        assert self.popen.stdout
        return self.popen.stdout.fileno()

    def close(self) -> None:
        """Give up our ends of its pipes, which ends it unless it is at work."""
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()

    def kill(self) -> int | None:
        """End it; gives how it ended where it had done so by itself."""
        self.close()
        with suppress(subprocess.TimeoutExpired):
            return self.popen.wait(0.05)  # one that broke off is ending just now
        self.popen.kill()
        self.popen.wait()
        return None


class Worker:
    """Asked from any thread, one question after the other; the time of one begins when it is taken up."""

    def __init__(self, bounds: EmbeddedSettings) -> None:
        self.bounds = bounds
        self._one_at_a_time = threading.Lock()
        self._process: _Process | None = None

    def begin(self) -> None:
        """Have it start, and do not wait for that. Raises EngineError where it cannot be started."""
        with self._one_at_a_time:
            self._started()

    def parse(self, path: str, text: str) -> bytes:
        """The syntax tree of a module. Raises Failed, and Unanswered where it was stopped."""
        with self._one_at_a_time:
            return self._ask("parse", {"path": path}, text.encode(), self.bounds.timeout_s)

    def evaluate(
        self, program: str, source: bytes, path: str, policy_input: str | None, *, timeout_s: float | None = None
    ) -> bytes:
        """The answer at a path. ``program`` names ``source``: modules and data, as ``serve.Programs.load`` takes them.

        Raises Failed, and Unanswered where it was stopped.
        """
        seconds = timeout_s or self.bounds.timeout_s
        with self._one_at_a_time:
            self._load(program, source, seconds)
            header = {"program": program, "path": path, "has_input": policy_input is not None}
            return self._ask("evaluate", header, (policy_input or "").encode(), seconds)

    def cover(self, program: str, source: bytes, paths: Sequence[str]) -> bytes:
        """What ``serve.Programs.cover`` tells of these paths. Raises as ``evaluate`` does."""
        with self._one_at_a_time:
            self._load(program, source, self.bounds.timeout_s)
            asked = json.dumps(list(paths)).encode()
            return self._ask("cover", {"program": program}, asked, self.bounds.timeout_s * len(paths))

    def evaluate_all(self, program: str, source: bytes, path: str, inputs: Sequence[str]) -> bytes:
        """The answers to several inputs, as a list, all of them in the time of one question.

        Raises as ``evaluate`` does, also where that is the fault of one of them alone.
        """
        with self._one_at_a_time:
            self._load(program, source, self.bounds.timeout_s)
            texts = [policy_input.encode() for policy_input in inputs]
            header = {"program": program, "path": path, "sizes": [len(text) for text in texts]}
            return self._ask("evaluate_all", header, b"".join(texts), self.bounds.timeout_s)

    def stop(self) -> None:
        with self._one_at_a_time:
            self._stop()

    def forget(self) -> None:
        """In a forked child: it is the parent's, and whoever reads its answers here takes them from there."""
        if self._process:
            self._process.close()
            self._process.popen.returncode = 0  # none of our children: nobody here may wait for it
        self._process = None
        self._one_at_a_time = threading.Lock()

    # -- inside, with the lock held

    def _load(self, program: str, source: bytes, seconds: float) -> None:
        """See that the process holds a program, as the one used last."""
        loaded = self._started().loaded
        if program not in loaded:
            self._ask("load", {"program": program}, source, seconds)
        else:
            loaded.remove(program)
        loaded.append(program)
        del loaded[: -serve.PROGRAMS]

    def _started(self) -> _Process:
        if self._process and self._process.popen.poll() is not None:
            self._stop()  # it ended while nobody asked
        if self._process is None:
            self._process = _Process(_start(self.bounds))
        return self._process

    def _stop(self) -> int | None:
        process, self._process = self._process, None
        return process.kill() if process else None

    def _ask(self, op: str, fields: dict[str, Any], payload: bytes, seconds: float) -> bytes:
        process = self._started()
        try:
            if not process.said_hello:
                self._greet(process)
            process.last_id += 1
            asked = {"id": process.last_id, "op": op, "seconds": seconds + GRACE_S, **fields}
            told, answer = self._answer(process, json.dumps(asked).encode(), payload, seconds)
        except BaseException as error:  # whatever it was: what comes back by now is no answer to the next question
            ended = self._stop()
            if isinstance(error, (TimeoutError, EOFError)):
                raise self._unanswered(error, ended, seconds) from None
            raise
        if "error" in told:
            raise Failed(str(told["error"]), answer.decode("utf-8", "replace"))
        return answer

    def _answer(self, process: _Process, header: bytes, payload: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Raises as ``_exchange`` does, and Unanswered for an answer to another question."""
        if len(header) + len(payload) > serve.LARGEST:
            raise EngineError(f"a question of more than {serve.LARGEST} bytes is not asked")
        told, answer = self._exchange(process, header, payload, time.monotonic() + seconds)
        if (told.get("id"), told.get("digest")) != (process.last_id, serve.digest(header, payload)):
            raise Unanswered("the embedded engine answered another question than it was asked")
        return told, answer

    def _unanswered(self, error: BaseException, ended: int | None, seconds: float) -> Unanswered:
        if isinstance(error, TimeoutError):
            return Unanswered(f"the embedded engine gave no answer within {seconds:.0f} s, and was stopped")
        if error.args:
            return Unanswered(f"the embedded engine used more than {self.bounds.memory_mb} MB, and was stopped")
        how = f" (signal {-ended})" if ended and ended < 0 else ""
        return Unanswered(
            f"the embedded engine broke off{how}, as it does where a question nests without end or needs more than "
            f"{self.bounds.memory_mb} MB"
        )

    def _greet(self, process: _Process) -> None:
        """See that it is the engine that we know. Raises EngineError."""
        try:
            told, _ = self._exchange(process, None, b"", time.monotonic() + START_S)
        except (TimeoutError, EOFError):
            started = process.popen.args[0] if isinstance(process.popen.args, list) else "?"
            raise EngineError(f"the embedded engine does not start with {started}", hint=NAME_IT) from None
        if told.get("engine") != str(engine_module().resolve()):
            raise EngineError(f"the embedded engine starts with another {MODULE} than is installed here", hint=NAME_IT)
        process.said_hello = True

    def _exchange(
        self, process: _Process, header: bytes | None, payload: bytes, deadline: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send a frame, if there is one, and read one. Raises TimeoutError, EOFError, Unanswered for an odd frame."""
        left = memoryview(serve.LENGTHS.pack(len(header), len(payload)) + header + payload if header else b"")
        left = left[_written(process.to, left) :]  # most of it goes at once
        found = bytearray()
        poll = select.poll()
        poll.register(process.back, select.POLLIN)
        if left:
            poll.register(process.to, select.POLLOUT)
        while (wanted := _missing(found)) > 0:
            for descriptor, _ in poll.poll(self._patience(process, deadline) * 1000):
                if descriptor == process.back:
                    if not (chunk := os.read(process.back, max(wanted, 65536))):
                        raise EOFError
                    found += chunk
                elif left:
                    left = left[_written(process.to, left) :]
                    if not left:
                        poll.unregister(process.to)
        return _frame(bytes(found))

    def _patience(self, process: _Process, deadline: float) -> float:
        """For how long to wait at once. Raises TimeoutError where that is over, EOFError for too much memory."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if sys.platform == "linux":
            return left
        with suppress(psutil.Error):
            if psutil.Process(process.popen.pid).memory_info().rss > self.bounds.memory_mb * MEGABYTE:
                raise EOFError("memory")
        return min(left, WATCH_S)


def _missing(found: bytearray) -> int:
    """How many bytes a frame lacks at least. Raises Unanswered for one that is larger than any."""
    if len(found) < serve.LENGTHS.size:
        return serve.LENGTHS.size - len(found)
    of_header, of_payload = serve.LENGTHS.unpack_from(found)
    whole: int = serve.LENGTHS.size + of_header + of_payload
    if whole > serve.LARGEST:
        raise Unanswered("the embedded engine gave an answer that is too large to be one")
    return whole - len(found)


def _frame(found: bytes) -> tuple[dict[str, Any], bytes]:
    of_header, of_payload = serve.LENGTHS.unpack_from(found)
    start = serve.LENGTHS.size
    try:
        told = json.loads(found[start : start + of_header])
    except ValueError:
        told = None
    if not isinstance(told, dict) or len(found) != start + of_header + of_payload:
        raise Unanswered("the embedded engine gave an answer that is none")
    return told, found[start + of_header :]


def _written(descriptor: int, left: memoryview) -> int:
    try:
        return os.write(descriptor, left)
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        raise EOFError from None


def engine_module() -> Path:
    """Where the engine's module is, found without loading it. Raises EngineError."""
    found = importlib.util.find_spec(MODULE)
    if found is None or not found.origin:
        raise EngineError(f"the module {MODULE} cannot be imported", hint=NAME_IT)
    return Path(found.origin)


def _start(bounds: EmbeddedSettings) -> subprocess.Popen[bytes]:
    folder, memory_bytes = engine_module().parent.parent, bounds.memory_mb * MEGABYTE
    command = [_python(bounds), "-I", "-S", serve.__file__, str(folder), str(memory_bytes)]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"RUST_LIB_BACKTRACE": "0"}
    try:
        popen = subprocess.Popen(  # noqa: S603 # nosec B603  # a Python, and a file of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        raise EngineError(
            f"the embedded engine does not start with {command[0]}: {error.strerror}", hint=NAME_IT
        ) from None
    assert popen.stdin
    os.set_blocking(popen.stdin.fileno(), False)
    return popen


def _python(bounds: EmbeddedSettings) -> str:
    """The interpreter to start: what runs us may be a server that has one inside. Raises EngineError."""
    if bounds.python:
        return bounds.python
    for path in (sys.executable, str(Path(sys.prefix, "bin", "python3")), str(Path(sys.prefix, "python.exe"))):
        if path and _IS_PYTHON.fullmatch(Path(path).name) and os.access(path, os.X_OK):
            return path
    raise EngineError("which Python to start the embedded engine with cannot be told", hint=NAME_IT)


# -- the one of this process

_shared = Worker(EmbeddedSettings())


def shared() -> Worker:
    return _shared


def start_within(bounds: EmbeddedSettings) -> None:
    """Start the engine of this process, not waiting for it, and keep its questions to these bounds from here on.

    There is one engine a process: those of the gate that was opened last count for all. That it cannot be started is
    told by the first question.
    """
    global _shared  # noqa: PLW0603  # as it says
    if _shared.bounds != bounds:
        _shared.stop()
        _shared = Worker(bounds)
    with suppress(EngineError):
        _shared.begin()


def _forget() -> None:
    _shared.forget()


def _end() -> None:
    _shared.stop()


os.register_at_fork(after_in_child=_forget)
atexit.register(_end)
