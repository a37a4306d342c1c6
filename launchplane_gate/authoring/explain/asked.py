"""A policy input as somebody asked it: the facts that are looked at most, and the command that asks it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from launchplane_gate.authoring.changes import MISSING, Change, at, changed, facts_in
from launchplane_gate.commands import command
from launchplane_gate.model import ReleaseIdentity, stamp, unstamp
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.words import noun_of, short

SEEN = ("observed", "evidence")  # what is looked at anew each time that it is asked


@dataclass(frozen=True)
class Asked:
    """``settings``: of the policies that are asked; ``typed_at``: when a person reads this."""

    facts: Mapping[str, Any]
    settings: Config
    typed_at: datetime

    def at(self, *path: str | int) -> Any:
        """A fact; MISSING where there is none."""
        return at(self.facts, path)

    def text(self, *path: str | int) -> str:
        """A fact that is a text; empty where it is none."""
        found = self.at(*path)
        return found if isinstance(found, str) else ""

    def after(self, changes: tuple[Change, ...]) -> Asked:
        return Asked(changed(self.facts, changes), self.settings, self.typed_at)

    # -- what was asked

    @property
    def action(self) -> str:
        return self.text("action")

    @property
    def phase(self) -> str:
        return self.text("phase")

    @property
    def product(self) -> str:
        return self.text("request", "product")

    def lane(self, side: str) -> str:
        """The instance of a lane that takes part; empty where none does."""
        return self.text(side, "lane", "instance")

    @property
    def release(self) -> ReleaseIdentity | None:
        return release_in(self.at("release"))

    @property
    def now(self) -> datetime | None:
        return unstamp(self.text("now"))

    @property
    def goal(self) -> str:
        """What it is for, as a reason that somebody gives."""
        what = noun_of(self.action, self.text("release", "source_git_ref")) if self.release else self.action
        return f"for the {what} on {self.lane('destination')}"

    # -- what to type

    def again(self) -> str:
        """The command that asks this, or brings it about; empty where there is none that could be typed as it is."""
        stated = {
            "artifact": self.text("request", "expected", "artifact_id"),
            "ref": self.text("request", "expected", "source_git_ref"),
        }
        rest = {"driver": self.text("driver", "addressed"), "reason": self.text("request", "reason")}
        to, here = self.lane("destination"), f"{self.product}/{self.lane('destination')}"
        match self.action:
            case "deploy":
                return command("deploy", self.product, to=to, **stated, **rest)
            case "promote":
                ends = {"from_": self.lane("source"), "to": to}
                return command(
                    "promote", self.product, **ends, **stated, version=self.text("request", "version"), **rest
                )
            case "rollback":
                return command("rollback", self.product, lane=to, **stated, **rest)
            case "reconcile":
                return command("inventory", "reconcile", here, reason=rest["reason"])
            case "hold" | "release" if rest["reason"]:
                return command("lane", self.action, here, reason=rest["reason"])
        return ""

    # -- what may change

    def is_asked_at(self, moment: datetime) -> tuple[Change, ...]:
        """The same later: what is looked at when it is asked was looked at as long before as now."""
        now = self.now
        if now is None:
            return ()
        later = moment - now
        return (Change(("now",), stamp(moment)), *self._seen_later(later))

    def _seen_later(self, later: timedelta) -> Iterator[Change]:
        for path, fact in facts_in(self.facts):
            if path[-1] == "seen_at" and any(name in path for name in SEEN) and (moment := unstamp(str(fact))):
                yield Change(path, stamp(moment + later))

    def releases(self) -> Iterator[ReleaseIdentity]:
        """Every release that the input knows in full, each once: what was asked for, what runs, and what ran."""
        seen: set[ReleaseIdentity] = set()
        for _, fact in [((), {}), *facts_in(self.facts)]:
            if (release := release_in(fact)) and release not in seen:
                seen.add(release)
                yield release

    def what_is_meant(self) -> ReleaseIdentity | None:
        """The one release that the caller stated, in full or by a part that only one has."""
        stated = {name: text for name, text in _dict(self.at("request", "expected")).items() if text}
        fitting = [release for release in self.releases() if stated.items() <= release.model_dump().items()]
        return fitting[0] if stated and len(fitting) == 1 else None


def release_in(fact: Any) -> ReleaseIdentity | None:
    """The release that a fact is, or names; None where it names none in full."""
    told = _dict(fact)
    artifact = told.get("artifact_id") or _dict(told.get("artifact_identity")).get("artifact_id")
    commit = told.get("source_git_ref")
    if not (isinstance(artifact, str) and isinstance(commit, str) and artifact and commit):
        return None
    try:
        return ReleaseIdentity(artifact_id=artifact, source_git_ref=commit)
    except ValueError:
        return None


def _dict(fact: Any) -> Mapping[str, Any]:
    return fact if isinstance(fact, Mapping) else {}


def urls_of(asked: Asked, side: str) -> list[str]:
    """The health URLs of a lane, as ``lanes.health_urls`` of the policies tells them."""
    lane, product = asked.at(side, "lane"), _dict(asked.at("product"))
    entries = [entry for entry in product.get("lanes", ()) if _is_of(entry, lane)]
    return [entry["health_url"] or f"{entry['base_url']}{product.get('health_path', '')}" for entry in entries]


def _is_of(entry: Mapping[str, Any], lane: Any) -> bool:
    return lane is not MISSING and (entry["context"], entry["instance"]) == (lane["context"], lane["instance"])


def told(release: ReleaseIdentity) -> str:
    return short(release.source_git_ref)


def whole(release: ReleaseIdentity, repository: str) -> bool:
    """Whether a release is named as a command takes it: pinned by digest, and by its full commit."""
    digest = release.artifact_id.removeprefix(f"{repository}@sha256:")
    is_pinned = len(digest) == 64 and not digest.strip("0123456789abcdef")  # noqa: PLR2004  # of a sha256
    return is_pinned and len(release.source_git_ref) == 40 and not release.source_git_ref.strip("0123456789abcdef")  # noqa: PLR2004
