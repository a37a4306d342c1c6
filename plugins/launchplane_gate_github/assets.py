"""Files that a release has to carry: which are there, which are missing, and which are in the way.

A file is uploaded once and read back; one of the same name with other bytes is somebody's, and is left. Only what an
upload left that broke off is taken away: GitHub keeps its name for it, and nothing is in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from github.GitRelease import GitRelease
from github.GitReleaseAsset import GitReleaseAsset

from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.published import all_of
from launchplane_gate_github.wire import WireRequester

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,198}[A-Za-z0-9]")  # any other is changed by GitHub


@dataclass(frozen=True)
class Assets:
    """How the files of a release stand to those that it has to carry. ``broken``: by name, what an upload left."""

    missing: tuple[str, ...]
    broken: Mapping[str, GitReleaseAsset]
    in_the_way: tuple[str, ...]


def unfit(wanted: Mapping[str, bytes]) -> str:
    """Why GitHub would not keep a file as it is; empty where it would keep all of them."""
    for name, content in wanted.items():
        if not _NAME.fullmatch(name):
            return f"GitHub keeps no file under the name {name!r}"
        if not content:
            return f"GitHub keeps no empty file, and {name} is one"
    return ""


def assets_of(release: GitRelease, wanted: Mapping[str, bytes]) -> Assets:
    """Asked of the list of files: a release does not show those whose upload broke off."""
    if not wanted:
        return Assets((), {}, ())
    found = {one.name: one for one in all_of(release.get_assets(), "files")}
    broken = {name: found[name] for name in wanted if name in found and found[name].state != "uploaded"}
    whole = {name: found[name] for name in wanted if name in found and name not in broken}
    return Assets(
        missing=tuple(name for name in wanted if name not in whole),
        broken=broken,
        in_the_way=tuple(name for name, one in whole.items() if not _is_it(one, wanted[name])),
    )


def upload(release: GitRelease, name: str, content: bytes) -> None:
    """Raises what PyGithub raises, or GitHubError."""
    requester = release.requester
    assert isinstance(requester, WireRequester)
    said = requester.upload(str(release.upload_url).partition("{")[0], name, content)
    if said.get("name") != name:
        raise GitHubError(f"GitHub keeps the file {name} under another name", "odd", acted=True)


def _is_it(asset: GitReleaseAsset, content: bytes) -> bool:
    """By its digest; by its size alone where GitHub shows no digest, as of files from before it had any."""
    digest = asset.digest
    return asset.size == len(content) and digest in (None, f"sha256:{hashlib.sha256(content).hexdigest()}")
