"""Who holds a lane is known to be gone only where a process id means the same process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from launchplane_gate.holders import is_gone, this_process


def named(**changes: str) -> str:
    """This process, as another machine or another time would have it."""
    where, pid, began = this_process().split()
    host, boot, namespace = where.split("/")
    parts = {"host": host, "boot": boot, "namespace": namespace, "pid": pid, "began": began} | changes
    return "{host}/{boot}/{namespace} {pid} {began}".format(**parts)


def ended() -> str:
    """The id of a process that there was."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return str(process.pid)


def test_a_process_that_is_here_is_not_gone() -> None:
    assert not is_gone(this_process())


def test_a_process_that_ended_here_is_gone() -> None:
    assert is_gone(named(pid=ended()))
    assert is_gone(named(began="-1.0"))  # its id was given out again


@pytest.mark.parametrize("where", ["host", "boot", "namespace"])
def test_of_one_elsewhere_only_its_lease_tells(where: str) -> None:
    """Seen: a holder on another machine with the same name and the same namespace number was taken for gone."""
    assert not is_gone(named(**{where: "another", "pid": ended()}))


def test_one_that_was_named_by_an_older_gate_is_left_to_its_lease() -> None:
    assert not is_gone(f"desk/pid:[4026531836] {ended()} 12.5")
