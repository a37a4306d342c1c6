"""Publishing a release: look, take the one step that is missing, and look again, until it is out or something is wrong.

A draft is made and checked, what it has to carry is uploaded, the tag is made, the draft is published, and all of it is
read back. The tag is made by itself, because that fails where there is one: who publishes a draft is given whatever tag
there is by then. The files come before, because a published release may take no more. No step is taken twice on the
same sight, since a lost answer does not say what was done; and nothing of anybody's is ever moved or deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
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
from launchplane_gate_github.notes import Changes, marks, notes
from launchplane_gate_github.ours import Ours
from launchplane_gate_github.refusals import Step, is_final, refusal

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
    ours: Ours
    progress: Progress
    draft_id: int | None = None  # our own draft, once there is one
    author: str = ""  # who made it, as GitHub shows
    notes: str = ""  # of the draft that was made
    drafts: dict[int, str] = field(default_factory=dict)  # that are ours, and where
    others: int = 0  # drafts of this version that are somebody else's
    released: list[str] = field(default_factory=list)  # what is out
    since: str | None = None  # the release before
    workflows: bool = False  # whether leave to publish changed workflows is asked for
    renewed: bool = False
    cleared: int = 0  # the newest broken upload that was taken away
    out: Publication | None = None  # what is out, and lacks something

    def go(self) -> Publication:
        try:
            return self._gone()
        except GitHubError as error:  # what cannot be read; what was made before that is known
            return self._missing(str(error).removeprefix(f"{self.full_name}: "))

    def _gone(self) -> Publication:
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
                return self._stuck(
                    shop, trouble or f"GitHub took the request to {found.step.value}, and shows nothing of it"
                )
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
            what = f"the tag {self.version} is on {short(at or '')}{there}, and {short(self.commit)} was promoted"
            return self._never(shop, f"{what}; nothing is moved: promote it with another version")
        if out:
            return self._read_back(shop, out, at)
        twin = versions.twin(self.version)
        if at is None and (spelt := published.tag_commit(shop, twin)):
            return self._spelt(shop, twin, spelt)
        draft = known or self._leftover(shop)
        if draft is None:
            changes = changes_since(shop, self.since, self.commit)
            return _Act(Step.DRAFT, 0, lambda: self._make_draft(shop, changes))
        return self._on_with(shop, draft, at)

    def _on_with(self, shop: Repository, draft: GitRelease, at: str | None) -> Publication | _Act:
        """From our own draft, the next step."""
        is_of_it = draft.tag_name == self.version and (at is not None or draft.target_commitish == self.commit)
        if not is_of_it or not self.ours.has_made(draft):
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
        is_latest = self._highest(shop) == self.version  # by what is out right before
        return _Act(Step.PUBLISH, draft.id, lambda: self._publish_draft(draft, is_latest=is_latest))

    def _spelt(self, shop: Repository, twin: str, there: str) -> Publication:
        """Versions that differ only in a ``v`` are one, and this one is there by its other name."""
        if there == self.commit:
            what = f"{self.version} is there as the tag {twin}, on the same commit; promote it as that"
            return self._never(shop, what, instead=twin)
        what = f"{self.version} is there as the tag {twin}, on {short(there)}, and {short(self.commit)} was promoted"
        return self._never(shop, f"{what}; promote it with another version")

    def _read_back(self, shop: Repository, out: GitRelease, at: str | None) -> Publication | _Act:
        if out.draft is not False or out.tag_name != self.version:
            return self._missing(f"GitHub shows {_url(out)} for it, which is no release of {self.version}")
        if at is None:
            return self._missing(f"the release {_url(out)} is published, and its tag is not there")
        if what := self.ours.instead(out):
            return self._not_ours(shop, out, f"what is published as {self.version}, {_url(out)}, is {what}")
        if out.prerelease is not False:
            return self._missing(f"its release {_url(out)} was made a pre-release; make it a full one there")
        highest, shown = self._highest(shop), published.shown_latest(shop)
        told = [f"{self.others} draft(s) of it by others were left as they are"] if self.others else []
        if shown != highest:
            told.append(
                f"GitHub shows {shown or 'none'} as the latest release, and {highest} is the highest that is out"
            )
        ended = Publication(
            version=self.version,
            published=True,
            url=_url(out),
            detail="; ".join(told),
            author=published.author_of(out),
            prerelease=out.prerelease,
            latest=shown,
            drafts=tuple(url for number, url in self.drafts.items() if number != out.id),
        )
        return self._carried(out, ended) if self.assets else ended

    def _not_ours(self, shop: Repository, out: GitRelease, what: str) -> Publication:
        """Its tag is a version of the commit, which has no other beside it."""
        if out.immutable:
            return self._never(shop, f"{what}; to promote it with another version, delete that release and its tag")
        self._listed(shop)
        return self._missing(f"{what}; once that release is deleted, and its tag may stay, it can be published")

    def _carried(self, out: GitRelease, ended: Publication) -> Publication | _Act:
        """A release that is out with its files, or the step that is missing."""
        assets = assets_of(out, self.assets)
        lacks_files = ended.model_copy(update={"missing": (*assets.missing, *assets.in_the_way)})
        if assets.in_the_way:
            what = f"the file {assets.in_the_way[0]} of it is not what it is to carry; delete that file"
            return lacks_files.model_copy(update={"detail": f"{self.full_name}: {what}"})
        if assets.missing and out.immutable and self.run.run_id not in marks(out.body):
            return ended  # it carries what the run that made it gave it, and takes no more
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
        """Our own draft of an earlier time; of several the first. Others stay theirs."""
        drafts = self._listed(shop)
        first = min(drafts, key=lambda one: one.id, default=None)
        self.draft_id = first.id if first else None
        return first

    def _highest(self, shop: Repository) -> str | None:
        """The highest version of all that are out, and this one."""
        self._listed(shop)
        return versions.latest([*self.released, self.version])

    def _listed(self, shop: Repository) -> list[GitRelease]:
        """Our own drafts of this version, once it is known what there is."""
        listed = published.all_releases(shop)
        self.released = [one.tag_name for one in listed if published.is_out(one)]
        self.since = versions.latest(self.released, before=self.version)
        drafts = [one for one in listed if one.draft]
        self._know_ours(drafts)
        own = [one for one in drafts if self.ours.has_made(one)]
        self.drafts |= {one.id: _url(one) for one in own}
        others = [one for one in drafts if one.tag_name == self.version and one not in own]
        if len(others) > self.others:
            what = ", ".join(self.ours.instead(one) for one in others)
            self.progress(f"{self.full_name} has drafts of {self.version} that are not ours: {what}; they are left")
        self.others = len(others)
        return [one for one in own if one.tag_name == self.version]

    def _know_ours(self, drafts: list[GitRelease]) -> None:
        """By its notes, the draft whose answer was lost, where GitHub did not tell before as whom we make one.

        Nobody can have copied it a moment ago; of several, nobody knows which is ours.
        """
        if not self.notes or self.ours.is_author_known:
            return
        made = [one for one in drafts if one.body == self.notes and one.target_commitish == self.commit]
        if len(made) == 1:
            self._is_made(made[0])

    def _is_made(self, draft: GitRelease) -> None:
        self.draft_id, self.author = draft.id, published.author_of(draft)
        self.ours = self.ours.made_by(self.author)
        self.drafts[draft.id] = _url(draft)

    # -- acting

    def _make_draft(self, shop: Repository, changes: Changes) -> None:
        self.notes = notes(self.template, self.run, changes)
        made = shop.create_git_release(self.version, self.version, self.notes, draft=True, target_commitish=self.commit)
        self._is_made(made)

    def _publish_draft(self, draft: GitRelease, *, is_latest: bool) -> None:
        draft.update_release(
            draft.name or self.version,
            draft.body or "",
            draft=False,
            prerelease=False,
            tag_name=self.version,
            target_commitish=self.commit,
            make_latest="true" if is_latest else "false",
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

    def _stuck(self, shop: Repository, trouble: str) -> Publication:
        if not is_final(trouble):
            return self._missing(trouble)
        with self.github.explained(self.full_name, "release"):
            return self._never(shop, trouble)

    def _never(self, shop: Repository, what: str, *, instead: str = "") -> Publication:
        """It can never be out under this version: what we left of it is of no use any more."""
        self._listed(shop)
        return self._missing(what).model_copy(update={"never": True, "instead": instead})

    def _missing(self, what: str) -> Publication:
        if self.out:
            return self.out.model_copy(update={"detail": f"{self.full_name}: {what}"})
        return Publication(
            version=self.version,
            published=False,
            detail=f"{self.full_name}: {what}",
            author=self.author,
            drafts=tuple(self.drafts.values()),
        )


def _url(release: GitRelease) -> str:
    return str(release.html_url)
