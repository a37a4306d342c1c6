"""Where a ledger in a file may lie: never on a filesystem that others have at the same time, over a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from launchplane_gate.ledger.filesystems import is_a_containers_own, is_on_a_network, kind_of

MOUNTS = r"""
27 1 254:0 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/var/lib/docker
30 27 254:1 / /srv rw,relatime shared:2 - ext4 /dev/vda1 rw
31 30 0:40 / /srv/shared rw,relatime shared:3 master:4 - nfs4 10.0.0.1:/export rw,vers=4.2
32 30 0:41 / /srv/with\040blank rw,relatime - fuse.sshfs me@host: rw
33 30 254:2 / /srv/twice rw,relatime - cifs //host/share rw
34 30 254:3 / /srv/twice rw,relatime - xfs /dev/vdb rw
35 27 0:5 / /srv-like rw - ceph 10.0.0.2:/ rw
36 27 0:6 / /srv/torn
""".strip().splitlines()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/state", "overlay"),
        ("/srv/state", "ext4"),
        ("/srv/shared", "nfs4"),
        ("/srv/shared/a/b", "nfs4"),
        ("/srv/sharedness", "ext4"),
        ("/srv/with blank/state", "fuse.sshfs"),
        ("/srv/twice/state", "xfs"),
        ("/srv-like/state", "ceph"),
    ],
)
def test_the_deepest_mount_above_a_path_is_the_one_it_lies_on(path: str, kind: str) -> None:
    assert kind_of(Path(path), MOUNTS) == kind


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to("/srv/shared/state")
    assert kind_of(tmp_path / "state", MOUNTS) == "nfs4"


def test_what_cannot_be_told_is_not_guessed(tmp_path: Path) -> None:
    assert kind_of(tmp_path, []) == kind_of(tmp_path, ["torn", "", "1 2 3 4 / rw - "]) == ""


def test_the_kernel_tells_it_of_this_machine() -> None:
    assert kind_of(Path("/proc/self")) == "proc"


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"]
)
def test_these_are_over_a_network(kind: str) -> None:
    assert is_on_a_network(kind) and not is_a_containers_own(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "", "nfsd", "proc"])
def test_these_are_not(kind: str) -> None:
    assert not is_on_a_network(kind)
    assert is_a_containers_own(kind) == (kind == "overlay")
