"""A stage to play on: two lanes of a product, and releases good and bad."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tests.fakes.dokploy.fake import FakeDokploy

IMAGE = "127.0.0.1:5999/acme/shop"

COMMITS = {
    "first": "215f71bc1a58639fe4bcd3b3609a4e68304184ab",
    "second": "41620cf13151d1a12f09d06007d67bdf791d200c",
    "missing": "9c1d2e0b7a6f5e4d3c2b1a09f8e7d6c5b4a39281",
    "rebuild": "41620cf13151d1a12f09d06007d67bdf791d200c",
    "lying": "e5a83b1f20c94d67a8b5e3f1c7d29064ab81f35e",
}


@dataclass(frozen=True)
class Stage:
    """``lanes`` are ids of applications."""

    dokploy: FakeDokploy
    lanes: dict[str, str]

    def toml(self) -> str:
        """The stage file: where the lanes are, and which releases there are to deploy."""
        patience_s = 2 + 2 * self.dokploy.takeover_s  # a lane that still answers as before by then always will
        parts = [f'image = "{IMAGE}"\nconfirm_timeout_s = {patience_s}\n']
        for lane, target_id in self.lanes.items():
            parts.append(
                f'[lanes.{lane}]\ntarget_type = "application"\ntarget_id = "{target_id}"\n'
                f'health_url = "{self.dokploy.health_url(target_id)}"\n'
            )
        for name, commit in COMMITS.items():
            parts.append(f'[releases.{name}]\nartifact = "{artifact(name)}"\ncommit = "{commit}"\n')
        return "\n".join(parts)


def artifact(release: str) -> str:
    """The image of a release, by its digest."""
    return f"{IMAGE}@sha256:{hashlib.sha256(release.encode()).hexdigest()}"


def set_up(dokploy: FakeDokploy) -> Stage:
    """Push every release but ``missing``.

    ``rebuild`` is of the commit of ``second`` and exits at once, ``lying`` reports that commit and is of another.
    """
    for name, commit in COMMITS.items():
        if name != "missing":
            reports = COMMITS["second"] if name == "lying" else None
            dokploy.push(artifact(name), commit, crashes=name == "rebuild", reports=reports)
    return Stage(dokploy, {lane: dokploy.add_application(f"shop-{lane}") for lane in ("testing", "prod")})
