"""A served host whose disk is a small one of its own, which fills up and gets space again."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

SIZE = 4 * 1024 * 1024
_MOUNTED = 'mount -t tmpfs -o size={size} none "$0" && mkdir -p "$0/gate" && exec "$@"'


@cache
def mounting() -> tuple[str, ...] | None:
    """What to put before a folder and a command, which then has a disk there; None where that may not be had."""
    script = _MOUNTED.format(size=SIZE)
    for how in (("unshare", "--mount"), ("unshare", "--mount", "--user", "--map-root-user")):
        command = (*how, "sh", "-c", script)
        if shutil.which("unshare") and not _tried(command):
            return command
    return None


def _tried(command: tuple[str, ...]) -> int:
    return subprocess.run([*command, "/mnt", "true"], check=False, capture_output=True).returncode


class SmallDisk:
    """The one of a running process, at a folder."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._ballast = Path(f"/proc/{pid}/root{folder.absolute()}") / "ballast"

    def fill(self) -> None:
        """To the last byte."""
        with self._ballast.open("wb", buffering=0) as file:
            for chunk in (65536, 4096, 1):
                try:
                    while file.write(b"x" * chunk):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        self._ballast.unlink()
