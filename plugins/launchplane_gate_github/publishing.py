"""Publishing a release: look, take the one step that is missing, and look again, until it is out or something is wrong.

A draft is made and checked, what it has to carry is uploaded, the tag is made, the draft is published, and all of it is
read back. The tag is made by itself, because that fails where there is one: who publishes a draft is given whatever tag
there is by then. The files come before, because a published release may take no more. No step is taken twice on the
same sight, since a lost answer does not say what was done; and nothing of anybody's is ever moved or deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from string import Template
from typing import NamedTuple

from github import GithubException
from github.GitRelease import GitRelease
from github.Repository import Repository

from launchplane_gate.hookspecs import Progress
from launchplane_gate.model import Publication, Run, short
from launchplane_gate_github import published, versions
from launchplane_gate_github.assets import Assets, assets_of, upload
from launchplane_gate_github.changes import changes_since
from launchplane_gate_github.connection import GitHub
from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.identity import lacks
from launchplane_gate_github.notes import Changes, is_marked, notes
from launchplane_gate_github.refusals import Step, refusal

MOST_LOOKS = 12  # and two for each file
LAG_S = 0.3  # by which a list may come after a write


class _Act(NamedTuple):
    """One write. ``on`` is what it is done to: the same step on something else is another one."""

    step: Step
    on: Hashable
    write: Callable[[], object]


@dataclass
class Publishing:
    """One run's release on its way."""

    github: GitHub
    full_name: str
    run: Run
    version: str
    commit: str
    template: Template | None
    assets: Mapping[str, bytes]  # the files that the release has to carry
    progress: Progress
    draft_id: int | None = None  # our own draft, once there is one
    others: int = 0  # drafts of this version that are somebody else's
    since: str | None = None  # the release before
    is_latest: bool = False
    workflows: bool = False  # whether leave to publish changed workflows is asked for
    renewed: bool = False
    cleared: int = 0  # the newest broken upload that was taken away
    out: Publication | None = None  # what is out, and lacks something

    def go(self) -> Publication:
        """Raises GitHubError for what cannot be read."""
        taken: set[tuple[Step, Hashable]] = set()
        trouble = ""
        for _ in range(MOST_LOOKS + 2 * len(self.assets)):
            shop = self.github.repository(self.full_name, "release", workflows=self.workflows)
            with self.github.explained(self.full_name, "release"):
                found = self._look(shop)
            if isinstance(found, Publication):
                return found
            step = (found.step, found.on)
            if step in taken:
                return self._missing(trouble or f"GitHub took the request to {found.step.value}, and does not show it")
            trouble, again = self._take(found)
            if not again:
                taken.add(step)
        return self._missing(trouble or "what GitHub shows of it changes all the time; somebody else is at work there")

    # -- looking

    def _look(self, shop: Repository) -> Publication | _Act:
        """What has become of it, or the step that is missing."""
        at = published.tag_commit(shop, self.version)
        known = published.by_id(shop, self.draft_id) if self.draft_id else None
        out = known if known and known.draft is False else published.release_of(shop, self.version)
        if at not in (None, self.commit):
            there = f", where the release {_url(out)} is published" if out else ""
            return self._missing(
                f"the tag {self.version} is on {short(at or '')}{there}, and {short(self.commit)} was promoted; "
                "nothing is moved: promote it with another version"
            )
        if out:
            return self._read_back(out, at)
        draft = known or self._leftover(shop)
        if draft is None:
            changes = changes_since(shop, self.since, self.commit)
            return _Act(Step.DRAFT, 0, lambda: self._make_draft(shop, changes))
        if draft.tag_name != self.version or (at is None and draft.target_commitish != self.commit):
            what = f"its draft {_url(draft)} was changed, and is not of {self.version} at {short(self.commit)} any more"
            return self._missing(f"{what}; delete that draft")
        assets = assets_of(draft, self.assets)
        if assets.in_the_way:
            what = f"its draft {_url(draft)} has a file {assets.in_the_way[0]} that is not what the release is to carry"
            return self._missing(f"{what}; delete that file")
        if act := self._carry(draft, assets):
            return act
        if at is None:
            return _Act(Step.TAG, 0, lambda: shop.create_git_ref(f"refs/tags/{self.version}", self.commit))
        return _Act(Step.PUBLISH, draft.id, lambda: self._publish_draft(draft))

    def _read_back(self, out: GitRelease, at: str | None) -> Publication | _Act:
        if out.draft is not False or out.tag_name != self.version:
            return self._missing(f"GitHub shows {_url(out)} for it, which is no release of {self.version}")
        if at is None:
            return self._missing(f"the release {_url(out)} is published, and its tag is not there")
        left = f"{self.others} draft(s) of it by others were left as they are" if self.others else ""
        ended = Publication(version=self.version, published=True, url=_url(out), detail=left)
        return self._carried(out, ended) if self.assets else ended

    def _carried(self, out: GitRelease, ended: Publication) -> Publication | _Act:
        """A release that is out with its files, or the step that is missing."""
        assets = assets_of(out, self.assets)
        lacks_files = ended.model_copy(update={"missing": (*assets.missing, *assets.in_the_way)})
        if assets.in_the_way:
            what = f"the file {assets.in_the_way[0]} of it is not what it is to carry; delete that file"
            return lacks_files.model_copy(update={"detail": f"{self.full_name}: {what}"})
        if assets.missing and out.immutable:
            what = "it is immutable, and takes no more files"
            return lacks_files.model_copy(update={"detail": f"{self.full_name}: {what}"})
        self.out = lacks_files if assets.missing else None
        return self._carry(out, assets) or ended

    def _carry(self, release: GitRelease, assets: Assets) -> _Act | None:
        """The next step to a release that carries its files."""
        if not assets.missing:
            return None
        name = assets.missing[0]
        if broken := assets.broken.get(name):
            self.cleared = broken.id  # which makes another sight
            return _Act(Step.CLEAR, broken.id, broken.delete_asset)
        return _Act(Step.UPLOAD, (name, self.cleared), lambda: upload(release, name, self.assets[name]))

    def _leftover(self, shop: Repository) -> GitRelease | None:
        """Our own draft of an earlier time, told by the mark in its notes; of several the first. Others stay theirs."""
        listed = published.all_releases(shop)
        out = [one.tag_name for one in listed if published.is_out(one)]
        self.since = versions.latest(out, before=self.version)
        self.is_latest = versions.latest([*out, self.version]) == self.version
        drafts = [one for one in listed if one.draft and one.tag_name == self.version]
        own = [one for one in drafts if is_marked(one.body, self.run.run_id)]
        self.others = len(drafts) - len(own)
        if self.others:
            self.progress(f"{self.full_name} has a draft of {self.version} that is not ours; it is left as it is")
        first = min(own, key=lambda one: one.id, default=None)
        self.draft_id = first.id if first else None
        return first

    # -- acting

    def _make_draft(self, shop: Repository, changes: Changes) -> None:
        text = notes(self.template, self.run, changes)
        made = shop.create_git_release(self.version, self.version, text, draft=True, target_commitish=self.commit)
        self.draft_id = made.id

    def _publish_draft(self, draft: GitRelease) -> None:
        draft.update_release(
            draft.name or self.version,
            draft.body or "",
            draft=False,
            tag_name=self.version,
            target_commitish=self.commit,
            make_latest="true" if self.is_latest else "false",
        )

    def _take(self, act: _Act) -> tuple[str, bool]:
        """Write once. What went wrong, if anything did, and whether it may be written again, as nothing was done."""
        self.progress(f"{self.version}: about to {act.step.value}")
        try:
            with self.github.explained(self.full_name, "release", writes=True):
                try:
                    act.write()
                except GithubException as error:
                    why = refusal(act.step, error, self.github.identity("release").place)
                    if why is None:
                        raise
                    return why, self._may_with_workflows(error)
        except GitHubError as error:
            return error.what, self._may_later(error)
        return "", False

    def _may_with_workflows(self, error: GithubException) -> bool:
        """Ask for leave to publish changed workflows, where that may be what was missing and the App has it."""
        if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN) or self.workflows:
            return False
        installation = self.github.installation(self.full_name)
        self.workflows = installation is not None and not lacks(installation, {"workflows": "write"})
        return self.workflows

    def _may_later(self, error: GitHubError) -> bool:
        """Wait where GitHub wants that, or where a lost answer may take a moment to show."""
        if error.kind == "limited" and time.monotonic() + error.wait_s < self.github.deadline:
            self.progress(f"GitHub wants to be left alone for {error.wait_s:.0f} s")
            time.sleep(error.wait_s)
            return True
        if error.kind == "refused" and not self.renewed:  # an App is given another token; who has none is refused again
            self.renewed = True
            return True
        if error.acted:
            time.sleep(LAG_S)
        return False

    def _missing(self, what: str) -> Publication:
        if self.out:
            return self.out.model_copy(update={"detail": f"{self.full_name}: {what}"})
        return Publication(version=self.version, published=False, detail=f"{self.full_name}: {what}")


def _url(release: GitRelease) -> str:
    return str(release.html_url)
