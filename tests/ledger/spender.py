"""One of two processes that ask, with one token, for two things at once; each has a gate of its own.

python -m tests.ledger.spender URL FOLDER NUMBER

URL is empty for the ledger in FOLDER. It says that it is ready, and then reads lines of standard input: the digest of a
token, for which it tells what became of its request. Requests of 0 are about one lane, of 1 about the other.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from launchplane_gate.errors import TokenSpent
from launchplane_gate.gate import Gate
from launchplane_gate.line.lane_requests import LaneRequest
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.model import Actor, Token
from launchplane_gate.policy import EmbeddedEngine
from tests.conftest import ACTOR, PRODUCT, A, B, bundle_in, deploy, open_gate
from tests.fakes.platform import FakePlatform
from tests.on_postgres import gate_on

HOLD = "hold"  # a token with this in it: the one deploys to testing, the other holds prod


def gate_of(url: str, folder: Path) -> Gate:
    (policies := folder / f"policies-{sys.argv[3]}").mkdir()
    bundle = bundle_in(policies)
    if url:
        return gate_on(
            url, folder / f"state-{sys.argv[3]}", bundle, EmbeddedEngine(bundle), FakePlatform(), confirm_timeout_s=5
        )
    return open_gate(folder, bundle, EmbeddedEngine(bundle), FakePlatform(), confirm_timeout_s=5)


def ask(gate: Gate, actor: Actor, number: int, digest: str) -> None:
    if digest.startswith(HOLD):
        if number:
            gate.hold_lane(LaneRequest(PRODUCT, "prod", "the database is being moved"), actor)
        else:
            assert gate.run(deploy(A), actor).status == "recorded"
        return
    lane, release = (("testing", A), ("prod", B))[number]
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest(
        "lane.not_bypassed", PRODUCT, lane, release.artifact_id, release.source_git_ref, f"down {digest}", until
    )
    gate.request_waiver(wanted, actor)


def main(url: str, folder: Path, number: int) -> None:
    gate = gate_of(url, folder)
    print("ready", flush=True)
    for line in sys.stdin:
        digest = line.strip()
        token = Token(digest=digest, until=gate.ledger.now() + timedelta(minutes=5))
        try:
            ask(gate, ACTOR.proven_by(token), number, digest)
            print("admitted", flush=True)
        except TokenSpent:
            print("spent", flush=True)
    gate.ledger.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
