"""What ``doctor`` is told: whether who reads and who publishes may do so, whatever the rules read."""

from __future__ import annotations

from collections.abc import Iterator

from launchplane_gate.hookspecs import Answered
from launchplane_gate_github.connection import GitHub
from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.rights import publisher_of

NO_VERSION = "v0.0.0"  # rights do not depend on it, and nothing is kept of it


def ask(github: GitHub, full_name: str) -> Iterator[Answered]:
    """Each identity that the settings name is held to the repository of a product."""
    yield Answered(f"{full_name}, by {github.read.place}", _unreadable(github, full_name))
    if github.release is not None:
        yield Answered(f"publishing at {full_name}, by {github.release.place}", _unpublishable(github, full_name))


def _unreadable(github: GitHub, full_name: str) -> str:
    try:
        github.repository(full_name)
    except GitHubError as error:
        return str(error)
    return ""


def _unpublishable(github: GitHub, full_name: str) -> str:
    try:
        found = publisher_of(github, full_name, NO_VERSION, workflows=False)
    except GitHubError as error:
        return str(error)
    return "" if found.can_publish else found.why
