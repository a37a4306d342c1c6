"""What stands at ``input.evidence.github``. A key that is absent: nobody looked; null: looked for and not found."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from launchplane_gate.model import Contract

Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Count = Annotated[int, Field(strict=True, ge=0)]
Is = Annotated[bool, Field(strict=True)]


class CommitFacts(Contract):
    """The commit of the release. ``exists`` is true of a fork's commit, too: only a branch says whose it is."""

    sha: Sha
    exists: Is


class BranchFacts(Contract):
    """A branch that the policies allow; one that is not there contains nothing."""

    name: str
    contains: Is


class ComparisonFacts(Contract):
    """How the commit of the release stands to that of the destination, ``base``."""

    base: Sha
    status: Literal["ahead", "behind", "diverged", "identical"]
    ahead_by: Count
    behind_by: Count


class TagFacts(Contract):
    """``name`` is as it is spelt; ``commit`` what it leads to in the end, through the objects of annotated tags."""

    name: str
    commit: Sha


class ReleaseFacts(Contract):
    """``author`` is the login of who made it, null for one who is gone; ``marked_by`` the runs that its notes name."""

    tag: str
    draft: Is
    prerelease: Is
    author: str | None
    marked_by: tuple[str, ...]
    url: str


class VersionFacts(Contract):
    """The version that was asked for, whether it is spelt with a v there or without.

    ``others``: the tags of a version's form on the commit of the release, but what was asked for.
    """

    asked: str
    tag: TagFacts | None
    release: ReleaseFacts | None
    others: tuple[str, ...] = ()


class LatestFacts(Contract):
    """The published release with the highest version; drafts, prereleases and tags that are no version apart."""

    version: str
    commit: Sha | None


class PublisherFacts(Contract):
    """Who would publish, and whether GitHub would let them; ``why`` not."""

    identity: str
    can_publish: Is
    why: str = ""


class GitHubEvidence(Contract):
    """Everything was seen no earlier than ``seen_at``.

    ``comparison`` is absent where the destination runs nothing; what comes after it is absent where no version was
    asked for. ``shown_latest``: the tag of the release that GitHub shows as the latest.
    """

    repository: str = ""
    seen_at: str = ""
    commit: CommitFacts | None = None
    branches: tuple[BranchFacts, ...] = ()
    comparison: ComparisonFacts | None = None
    version: VersionFacts | None = None
    latest: LatestFacts | None = None
    shown_latest: str | None = None
    publisher: PublisherFacts | None = None
