"""Releases on GitHub: what GitHub says of a commit and a version, and publishing under it."""

from launchplane_gate_github.plugin import GitHubPlugin

__all__ = ["GitHubPlugin"]
