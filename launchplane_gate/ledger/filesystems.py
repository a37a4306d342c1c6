"""On what kind of filesystem a path lies: locks over a network are not to be trusted, and a container's layer goes.

Source: proc_pid_mountinfo(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = re.compile(
    r"9p|acfs|afs|beegfs|ceph|cifs|coda|davfs|fhgfs|gfs2|glusterfs|gpfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|pvfs2|smb3|"
    r"smbfs|vboxsf|vmhgfs|fuse\.(blobfuse2?|ceph|curlftpfs|davfs|gcsfuse|glusterfs|goofys|httpfs|juicefs|"
    r"mountpoint-s3|rclone|s3fs|sshfs|vmhgfs-fuse)"
)
LAYER = re.compile(r"overlay|aufs")

_ESCAPED = re.compile(r"\\([0-7]{3})")


def kind_of(path: Path, mounts: Iterable[str] | None = None) -> str:
    """The type of the filesystem that holds a path, as the kernel names it; empty where nobody can tell.

    ``mounts``: the lines of a mountinfo, else those of this process.
    """
    if mounts is None:
        try:
            mounts = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
        except OSError:
            return ""
    here, kind, deepest = path.resolve(), "", -1
    for line in mounts:
        before, _, after = line.partition(" - ")
        fields, told = before.split(" "), after.split(" ")
        if len(fields) < 5 or not told[0]:  # noqa: PLR2004  # the mount point is the fifth
            continue
        point = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4]))
        if here.is_relative_to(point) and len(point.parts) >= deepest:  # of two in one place the later hides the other
            kind, deepest = told[0], len(point.parts)
    return kind


def is_on_a_network(kind: str) -> bool:
    return NETWORK.fullmatch(kind) is not None


def is_a_containers_own(kind: str) -> bool:
    return LAYER.fullmatch(kind) is not None
