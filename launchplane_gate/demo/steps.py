"""The story of the incident that this gate exists for: what is tried, step by step, and what has to come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from launchplane_gate.demo.stage import Role, Stage
from launchplane_gate.demo.workspace import PRODUCT
from launchplane_gate.model import short

ATTESTATION = "<attestation>"


@dataclass(frozen=True)
class Step:
    """``tried``: what, in few words, for the table at the end; empty for what only looks.

    ``arguments`` of the command, with ATTESTATION for the file of the last one; ``ends`` is its exit code, or those
    that it may have; ``shows`` what its JSON document must hold.
    """

    tried: str
    tells: str
    arguments: list[str]
    ends: int | tuple[int, ...]
    shows: Callable[[dict[str, Any]], bool] = lambda _: True
    moves: Mapping[str, str] = field(default_factory=dict)  # lane -> the commit that its inventory names afterwards
    whole: bool = False  # all that it prints is shown, though it ends well


def steps(stage: Stage) -> list[Step]:
    """The story, as it goes on this stage."""
    first, second = (stage.releases[role].source_git_ref for role in ("first", "second"))
    old, new = short(first), short(second)

    def deploy(role: Role) -> list[str]:
        release = stage.releases[role]
        named = ["--artifact", release.artifact_id, "--ref", release.source_git_ref]
        return ["deploy", PRODUCT, "--to", "testing", *named]

    promote = ["promote", PRODUCT]
    keyed = [*promote, "--idempotency-key", "promotion-1"]
    return [
        Step(
            f"deploy {old} to testing", f"{old} is deployed to testing.", deploy("first"), 0, moves={"testing": first}
        ),
        Step(
            "promote it",
            "What testing runs is promoted to prod, under an idempotency key.",
            keyed,
            0,
            moves={"prod": first},
        ),
        Step(
            f"deploy {new} to testing",
            f"A newer release, {new}, is deployed to testing.",
            deploy("second"),
            0,
            moves={"testing": second},
        ),
        Step(
            f"promote {old} once more",
            f"Somebody promotes {old}, as the incident did, from a stale record: testing has moved on.",
            [*promote, "--ref", first],
            1,
            lambda document: _refused_by(document, "inventory.source_current"),
        ),
        Step(
            "replay the first promotion",
            "The first promotion is sent again under its key: its old answer is no longer true.",
            keyed,
            1,
            lambda document: document["error"]["kind"] == "StaleReplay",
        ),
        *_broken_deploys(stage, deploy),
        Step(
            "a release that misreports",
            "A release answers with another revision than its own: deployed, but not proven, so not recorded.",
            deploy("lying"),
            5,
            _is("unconfirmed"),
        ),
        Step(
            "promote what testing may run",
            "Nobody has proven now what testing runs, so nothing is promoted from it.",
            promote,
            1,
            lambda document: _refused_by(document, "lane.settled"),
        ),
        Step(f"deploy {new} again", f"{new} is deployed to testing again, which settles it.", deploy("second"), 0),
        _last_promotion(stage, promote, second),
        Step(
            "promote it once more",
            "It is promoted once more: prod runs it already, so nothing is deployed.",
            promote,
            0,
            _is("unchanged"),
        ),
        Step("", "What each lane runs:", ["lanes", PRODUCT], 0, whole=True),
        Step("", "Whatever names what prod runs names one release.", ["prove", PRODUCT], 0, _one),
        *_attested(stage),
        Step("", "Every decision stands in a chain of hashes.", ["decisions", "verify"], 0),
    ]


def _last_promotion(stage: Stage, promote: list[str], commit: str) -> Step:
    tried, moves = f"promote {short(commit)}", {"prod": commit}
    if not stage.publishes:
        return Step(tried, "And now it is promoted.", promote, 0, moves=moves)
    tells = "And now it is promoted, and published under the next version."
    return Step(tried, tells, [*promote, "--bump", "patch"], 0, _published, moves=moves)


def _attested(stage: Stage) -> Iterator[Step]:
    if stage.publishes:
        tells = "The release carries what was signed of its promotion, for whoever has the key's public half."
        yield Step("", tells, ["prove", PRODUCT, "--attestation", ATTESTATION], 0, _holds)


def _holds(document: dict[str, Any]) -> bool:
    return bool(document["verdict"] == "holds")


def _published(document: dict[str, Any]) -> bool:
    return bool(document["publication"]["published"] and document["attestation"]["made"])


def _one(document: dict[str, Any]) -> bool:
    return bool(document["verdict"] == "one" and document["by_digest"])


def _broken_deploys(stage: Stage, deploy: Callable[[Role], list[str]]) -> Iterator[Step]:
    """A release that does not run: what that ends as depends on what the platform tells."""
    if "missing" in stage.releases:
        tells = "A release whose image is in no registry is deployed: the inventory stays as it was."
        yield Step("an image in no registry", tells, deploy("missing"), 4, _is("fail"))
    tried, new = "a rebuild that never came up", str(stage.releases["second"])
    if stage.exit_fails:
        tells = f"{new} is built anew, and exits at its start: the same commit, but not the artifact that was deployed."
        yield Step(tried, tells, deploy("rebuild"), 4, _is("fail"))
    else:
        tells = (
            f"{new} is built anew, and exits at its start. Dokploy says done, and the old container goes on reporting"
        )
        tells += f" {new}: only Docker and the digest tell."
        yield Step(tried, tells, deploy("rebuild"), (4, 5), _is("fail", "unconfirmed"))


def _is(*statuses: str) -> Callable[[dict[str, Any]], bool]:
    return lambda document: document["status"] in statuses


def _refused_by(document: Mapping[str, Any], code: str) -> bool:
    results = document["admitted"]["results"]
    return document["status"] == "denied" and any(r["code"] == code and r["status"] == "fail" for r in results)
