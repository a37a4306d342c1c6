"""A stage to play on: a repository with a little history, and two identities that may publish there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.fakes.github.fake import FakeGitHub
from tests.fakes.github.identities import App

REPOSITORY = "acme/shop"
RELEASED = "v0.2.9"
SIDE_BRANCH = "fix/checkout"

FIRST = "215f71bc1a58639fe4bcd3b3609a4e68304184ab"
SECOND = "41620cf13151d1a12f09d06007d67bdf791d200c"


@dataclass(frozen=True)
class Stage:
    """``side`` is a commit that no release should be made of: it is not on the default branch."""

    github: FakeGitHub
    side: str
    token: str
    app: App
    installation_id: int
    key_file: Path

    def toml(self) -> str:
        """The stage file: all but the token, which belongs into the environment."""
        return (
            f'api_url = "{self.github.url}"\nrepository = "{REPOSITORY}"\noidc_issuer = "{self.github.oidc_issuer}"\n\n'
            f"[app]\napp_id = {self.app.app_id}\ninstallation_id = {self.installation_id}\n"
            f'key_file = "{self.key_file}"\n\n'
            f'[commits]\nfirst = "{FIRST}"\nsecond = "{SECOND}"\nside = "{self.side}"\n\n'
            f'[releases]\n"{RELEASED}" = "{FIRST}"\n'
        )


def set_up(github: FakeGitHub, key_file: Path) -> Stage:
    """Make the repository, a token and an App, whose key goes into a file that others can't read."""
    shop = github.add_repository(REPOSITORY)
    shop.commit("Sell outboards", sha=FIRST)
    shop.commit("Show prices with tax", sha=SECOND)
    side = shop.commit("Try another checkout", parent=FIRST, branch=SIDE_BRANCH)
    shop.release(RELEASED, FIRST, notes="The first that was sold.")
    app = github.add_app()
    installation_id = app.install(REPOSITORY, permissions={"contents": "write"})
    key_file.unlink(missing_ok=True)
    key_file.touch(mode=0o600)
    key_file.write_text(app.private_key_pem)
    token = github.add_token({REPOSITORY: {"contents": "write"}}, kind="personal")
    return Stage(github, side, token, app, installation_id, key_file.resolve())
