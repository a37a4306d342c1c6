"""What is told of the processes on a lane: a container each, and nothing of their environment."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import psutil

from launchplane_gate.model import Container, stamp
from launchplane_gate_local import processes
from launchplane_gate_local.processes import RunningRelease


def of_note(note: RunningRelease, port: int | None, *, artifact_id: str | None) -> Container:
    """The process of a note; ``artifact_id`` is None where its file is not the release's any more."""
    serves = port is not None and processes.serves(note, port)
    return _container(note.pid, note.create_time, artifact_id, "running" if serves else "starting")


def on_port(port: int, note: RunningRelease | None) -> tuple[Container, ...]:
    """Whoever else listens on a lane's port: what these run is not known."""
    return tuple(_stranger(pid, port) for pid in processes.strangers_on(port, note))


def told(strangers: tuple[Container, ...], port: int | None) -> str:
    """A word on them, for people; empty where there are none."""
    if not strangers:
        return ""
    named = ", ".join(one.container_id for one in strangers)
    return f"port {port} is served by what was not deployed here ({named}): stop it, or nobody can tell what runs"


def _stranger(pid: int | None, port: int) -> Container:
    with suppress(psutil.Error):
        if pid is not None:
            return _container(pid, psutil.Process(pid).create_time(), None, "running")
    return Container(container_id=f"port-{port}", artifact_id=None)


def _container(pid: int, create_time: float, artifact_id: str | None, state: str) -> Container:
    return Container(
        container_id=f"pid-{pid}-{create_time:.2f}",  # a pid is given out again
        artifact_id=artifact_id,
        started_at=stamp(datetime.fromtimestamp(create_time, UTC)),
        state=state,
    )
