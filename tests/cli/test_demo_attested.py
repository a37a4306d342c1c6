"""The demo on a GitHub of its own ends with one release more, and one attestation of it that anybody can check."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from launchplane_gate.attestation import PROMOTION
from launchplane_gate.demo.stage import local_stage
from launchplane_gate.demo.story import tell
from launchplane_gate.strictjson import sha256
from tests.fakes.github import FakeGitHub
from tests.fakes.github.stage import RELEASED, REPOSITORY, SECOND, set_up
from tests.keys import verified
from tests.picture import drawn, recorded

pytestmark = pytest.mark.thorough  # it takes as long as it is told


def test_the_demos_release_carries_one_attestation(tmp_path: Path) -> None:
    kept, console = tmp_path / "story", recorded()
    with FakeGitHub() as github:
        stage = tmp_path / "github.toml"
        stage.write_text(set_up(github, tmp_path / "app.pem").toml())
        assert tell(kept, console=console, build=partial(local_stage, github=stage)) == 0
        [before, release] = github.repositories[REPOSITORY].releases
        assert (before.tag_name, release.tag_name, release.draft) == (RELEASED, "v0.2.10", False)
        [asset] = release.assets
        assert github.violations == []
    content = (kept / "state" / "attestations" / asset.name).read_bytes()
    assert asset.digest == f"sha256:{sha256(content)}"
    key = load_pem_public_key((kept / "attest.pub").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    told = verified(content, key)["predicate"][PROMOTION]
    assert (told["version"], told["sourceGitRef"]) == ("v0.2.10", SECOND)
    assert asset.name == f"{told['run']}.intoto.json"
    assert (kept / "attest.pem").stat().st_mode & 0o777 == 0o600
    drawn(console, tmp_path / "demo.svg")
    picture = (tmp_path / "demo.svg").read_text()
    assert SECOND[:7] in picture and "v0.2.10" in picture
