"""GitHub's REST API in memory, over a real socket, with the traps that the real one sets a publisher of releases.

    with FakeGitHub() as github:
        shop = github.add_repository("acme/shop")
        commit = shop.commit("First")
        token = github.add_token({"acme/shop": {"contents": "write"}})
        ... github.url, shop.refs, shop.releases, github.oidc_issuer ...

`python -m tests.fakes.github` starts one for a person.
"""

from tests.fakes.github.answers import Refused
from tests.fakes.github.breaks import How
from tests.fakes.github.fake import FakeGitHub
from tests.fakes.github.identities import App
from tests.fakes.github.releases import Release
from tests.fakes.github.repository import Repository
from tests.fakes.github.state import Asked

__all__ = ["App", "Asked", "FakeGitHub", "How", "Refused", "Release", "Repository"]
