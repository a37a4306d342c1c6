"""Verified actors: a token of GitHub Actions proves which repository, branch or environment asks."""

from launchplane_gate_github_oidc.plugin import GithubOidcPlugin

__all__ = ["GithubOidcPlugin"]
