"""The plugin ``github``: what GitHub says of a release before it is let go, and where it is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from github.GitRelease import GitRelease
from github.Repository import Repository

from launchplane_gate.errors import EvidenceFailed
from launchplane_gate.hookspecs import Answered, PluginConfig, Question, hookimpl
from launchplane_gate.model import stamp
from launchplane_gate.records import ProductProfile
from launchplane_gate_github.asked import ask
from launchplane_gate_github.commits import changes_workflows, compare, contains, exists, is_whole
from launchplane_gate_github.connection import As, GitHub
from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.evidence import (
    BranchFacts,
    CommitFacts,
    GitHubEvidence,
    LatestFacts,
    ReleaseFacts,
    TagFacts,
    VersionFacts,
)
from launchplane_gate_github.identity import UnsetIdentity
from launchplane_gate_github.notes import marks
from launchplane_gate_github.options import read_options, repository_of
from launchplane_gate_github.published import all_releases, author_of, is_out, shown_latest, tag_commit, versions_of
from launchplane_gate_github.publisher import GitHubPublisher, read_templates
from launchplane_gate_github.rights import publisher_of
from launchplane_gate_github.versions import latest, twin


class GitHubPlugin:
    """Asks GitHub. Raises SettingsError for settings it cannot use."""

    evidence_contract = GitHubEvidence

    def __init__(self, config: PluginConfig) -> None:
        self._options, self._github = read_options(config)
        self._now, self._name = config.now, config.name
        self._publisher = GitHubPublisher(self._options, self._github, read_templates(config, self._options))

    @hookimpl
    def gate_publishers(self) -> list[GitHubPublisher]:
        return [self._publisher]

    @hookimpl
    def gate_doctor(self, product: ProductProfile | None, deadline_s: float) -> Iterable[Answered]:
        if product is None or product.product not in self._options.products:
            return ()
        return ask(self._github.within(deadline_s), repository_of(self._options, product))

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any]:
        """What GitHub says of the release; nothing of a product that the settings do not name, or of no whole commit.

        Nothing where no rule reads it: what is asked of nobody must not stop an emergency while GitHub is away.
        Nothing in ``confirm`` either: where a commit stands was decided on, and whether it is published is seen by who
        publishes. A GitHub that is away by then makes no deploy doubtful. Raises EvidenceFailed for what is not known,
        and where it is to be published by somebody whose secret is not at hand, whatever is read.
        """
        release = question.release
        if question.phase == "confirm" or question.product.product not in self._options.products:
            return {}
        if question.version is not None and isinstance(self._github.release, UnsetIdentity):
            raise EvidenceFailed(f"nobody could publish {question.version}: {self._github.release.why}")
        if not question.reads(self._name):
            return {}
        if release is None or not is_whole(release.source_git_ref):
            return {}
        full_name = repository_of(self._options, question.product)
        seen_at = stamp(self._now())  # before the first answer: all of it was so at this moment or later
        github = self._github.within(question.deadline_s)
        try:
            repository = github.repository(full_name)
            with github.explained(full_name):
                facts = _of_commit(repository, question, release.source_git_ref)
                if question.version is not None:
                    facts |= _of_version(github, repository, question.version, release.source_git_ref)
        except GitHubError as error:
            raise EvidenceFailed(str(error)) from None
        found = GitHubEvidence(repository=repository.full_name, seen_at=seen_at, **facts)
        return found.model_dump(mode="json", exclude_unset=True)


def _of_commit(repository: Repository, question: Question, commit: str) -> dict[str, Any]:
    is_there = exists(repository, commit)
    facts: dict[str, Any] = {
        "commit": CommitFacts(sha=commit, exists=is_there),
        "branches": tuple(
            BranchFacts(name=name, contains=is_there and contains(repository, name, commit))
            for name in question.branches
        ),
    }
    if question.runs and is_whole(question.runs.source_git_ref):
        base = question.runs.source_git_ref
        facts["comparison"] = compare(repository, base=base, head=commit) if is_there else None
    return facts


def _of_version(github: GitHub, repository: Repository, version: str, commit: str) -> dict[str, Any]:
    tag = _tagged(repository, version, commit)
    workflows = tag is None and changes_workflows(repository, commit) is True
    publisher = publisher_of(github, repository.full_name, version, workflows=workflows)
    reader: As = "release" if publisher.can_publish else "read"  # drafts are shown to nobody else
    listed = all_releases(github.repository(repository.full_name, reader))
    return {
        "version": VersionFacts(
            asked=version,
            tag=tag,
            release=_released(listed, version),
            others=tuple(sorted(set(versions_of(repository, commit)) - {version})),
        ),
        "latest": _latest(repository, listed),
        "shown_latest": shown_latest(repository),
        "publisher": publisher,
    }


def _tagged(repository: Repository, version: str, commit: str) -> TagFacts | None:
    """The tag of a version; where it is there by both of its names, the one that is on another commit."""
    found = [
        TagFacts(name=name, commit=at) for name in (version, twin(version)) if (at := tag_commit(repository, name))
    ]
    return min(found, key=lambda one: one.commit == commit, default=None)


def _released(listed: list[GitRelease], version: str) -> ReleaseFacts | None:
    """The release of a version; the published one where there are drafts beside it."""
    named = [one for one in listed if one.tag_name in (version, twin(version))]
    found = min(named, key=lambda one: (one.draft, one.tag_name != version), default=None)
    if found is None:
        return None
    return ReleaseFacts(
        tag=found.tag_name,
        draft=found.draft,
        prerelease=found.prerelease,
        author=author_of(found) or None,
        marked_by=marks(found.body),
        url=found.html_url,
    )


def _latest(repository: Repository, listed: list[GitRelease]) -> LatestFacts | None:
    """The published release with the highest version, which need not be the one that GitHub calls so."""
    name = latest(one.tag_name for one in listed if is_out(one))
    return LatestFacts(version=name, commit=tag_commit(repository, name)) if name else None
