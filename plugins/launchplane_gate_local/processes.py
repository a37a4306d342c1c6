"""Processes that outlive the gate: started in a session of their own, found again by pid and creation time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from pydantic import Field, ValidationError

from launchplane_gate import private
from launchplane_gate.model import Contract, Lane, stamp
from launchplane_gate.strictjson import NotStrictJson, dumps, loads

NOTE = "process.json"
MAX_NOTE_BYTES = 64 * 1024
KILL_WAIT_S = 2.0
POLL_S = 0.02
# A creation time is reckoned from the boot time, which moves by a second or so when the clock is set.
SAME_MOMENT_S = 2.0
# What a program needs to run here. The rest may hold secrets of the gate, which are none of the product's business.
LANE, RUN, ARTIFACT = "LAUNCHPLANE_LANE", "LAUNCHPLANE_RUN", "LAUNCHPLANE_ARTIFACT"
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


class Unreadable(Exception):
    """The note on a lane's process cannot be read, so nobody knows what runs there."""


class RunningRelease(Contract):
    """The note on the process that a lane runs; ``pid`` is also its process group."""

    pid: int = Field(gt=1)  # 0, 1 and -1 would signal the gate itself, or everything
    create_time: float
    artifact_id: str
    run_id: str
    started_at: str


def read_note(path: Path) -> RunningRelease | None:
    """None where there is no note; raises Unreadable where it says nothing that can be relied on."""
    try:
        return RunningRelease.model_validate(loads(private.read_regular(path, MAX_NOTE_BYTES)))
    except FileNotFoundError:
        return None
    except (OSError, NotStrictJson, ValidationError):
        raise Unreadable(f"{path} cannot be read; stop what it may name, delete it, and deploy again") from None


def without_note(folder: Path, lane: Lane) -> RunningRelease | None:
    """A release of a lane that runs although no note says so: whoever started it was killed before it wrote one."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError, ValidationError):
            if os.getpgid(process.pid) != process.pid or process.cwd() != str(folder) or _has_ended(process):
                continue
            told = process.environ()
            if told.get(LANE) == str(lane) and ARTIFACT in told:
                began = process.create_time()
                return RunningRelease(
                    pid=process.pid,
                    create_time=began,
                    artifact_id=told[ARTIFACT],
                    run_id=told.get(RUN, ""),
                    started_at=stamp(datetime.fromtimestamp(began, UTC)),
                )
    return None


def write_note(path: Path, note: RunningRelease) -> None:
    """Write all of it or nothing."""
    with private.replacing(path) as file:
        file.write(dumps(note.model_dump()).encode())


def start(command: Sequence[str], *, folder: Path, log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a process that neither Ctrl-C nor the end of the gate reaches. Raises OSError where it cannot be run."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    with private.write_anew(log) as output:
        return subprocess.Popen(  # noqa: S603 # nosec B603  # the operator's own command, and no shell
            command,
            cwd=folder,
            env=inherited | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def is_alive(note: RunningRelease) -> bool:
    """Whether the very process of the note runs: not a zombie, nor another that was given its pid."""
    try:
        process = psutil.Process(note.pid)
        same = abs(process.create_time() - note.create_time) < SAME_MOMENT_S
        return same and not _has_ended(process)
    except psutil.NoSuchProcess:
        return False


def stop(note: RunningRelease, *, timeout_s: float, before_each: Callable[[], object] = lambda: None) -> bool:
    """Stop the process and its whole group: asked first, killed after ``timeout_s``. Gives whether it is gone.

    ``before_each`` is called right before each of the two signals, and ends it by raising.
    """
    if not is_alive(note):
        return True  # what its group may have left behind cannot be told from another's
    for order, wait_s in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, KILL_WAIT_S)):
        before_each()
        with suppress(OSError):
            os.killpg(note.pid, order)
        deadline = time.monotonic() + wait_s
        while _group(note.pid):
            if time.monotonic() >= deadline:
                break
            time.sleep(POLL_S)
        else:
            return True
    return False


def stop_all(state_dir: Path, *, timeout_s: float = 5) -> bool:
    """Stop what every lane with a note below a driver's ``state_dir`` runs; gives whether all of it is gone."""
    gone = True
    for path in sorted(state_dir.glob(f"*/*/{NOTE}")):
        try:
            note = read_note(path)
        except Unreadable:
            gone = False
        else:
            gone = (note is None or stop(note, timeout_s=timeout_s)) and gone
    return gone


def serves(note: RunningRelease, port: int) -> bool:
    """Whether the process, or one of its group, accepts connections on a port of this machine."""
    if not owns(note, port):
        return False
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def owns(note: RunningRelease, port: int) -> bool:
    """Whether the process, or one of its group, listens on a port."""
    return is_alive(note) and any(_listens(process, port) for process in _group(note.pid))


def what_keeps_from(port: int) -> str:
    """Why nobody could listen on a port right now; empty where somebody could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or a connection just closed would count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return f"{error.strerror}{_listener(port)}"
    return ""


def strangers_on(port: int, note: RunningRelease | None) -> list[int | None]:
    """The processes that listen on a port and are not those of a note; None for one that the system does not name.

    A port can be shared. Where only root is shown who listens, one that shares it with the note's is not seen.
    """
    try:
        found = {connection.pid for connection in psutil.net_connections("tcp") if _is_listening(connection, port)}
    except psutil.AccessDenied:
        is_own = note is not None and owns(note, port)
        found = set() if is_own or not what_keeps_from(port) else {None}
    own = _family(note) if note and is_alive(note) else set()  # afterwards, or a child of a moment ago were a stranger
    if any(_is_zombie(pid) for pid in own):
        found.discard(None)  # what its last threads hold is shown as nobody's
    return sorted((pid for pid in found - own if pid is None or psutil.pid_exists(pid)), key=lambda pid: pid or 0)


def _family(note: RunningRelease) -> set[int]:
    """The process of a note, its group, and whatever these started."""
    members = {process.pid: process for process in _group(note.pid)}
    with suppress(psutil.Error):
        for process in [*members.values()]:
            members.update({child.pid: child for child in process.children(recursive=True)})
    return {note.pid, *members}


def _listener(port: int) -> str:
    with suppress(psutil.Error):  # some systems show this to root only
        for connection in psutil.net_connections("tcp"):
            if _is_listening(connection, port) and connection.pid:
                return f", by pid {connection.pid}"
    return ""


def _listens(process: psutil.Process, port: int) -> bool:
    with suppress(psutil.Error):
        return any(_is_listening(connection, port) for connection in process.net_connections("tcp"))
    return False


def _is_listening(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr.port == port)


def _group(pid: int) -> list[psutil.Process]:
    """The living processes of a process group."""
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == pid and not _has_ended(process):
                members.append(process)
    return members


def _is_zombie(pid: int) -> bool:
    with suppress(psutil.Error):
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return False


def _has_ended(process: psutil.Process) -> bool:
    """A zombie has, once its last thread has: until then the process may still hold its port."""
    return process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) and process.num_threads() <= 1
