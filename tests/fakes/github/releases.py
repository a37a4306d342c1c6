"""Releases and the rules of GitHub for them: the tags that they make, drafts, the latest, the immutable ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.fakes.github.answers import Refused
from tests.fakes.github.commits import Commit
from tests.fakes.github.git import RULES, Git, well_formed

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Asset:
    asset_id: int
    name: str
    label: str | None
    content_type: str
    size: int
    digest: str | None  # none was noted of what is old
    at: datetime
    state: str = "uploaded"  # or "starter": an upload that broke off, and holds its name


@dataclass(eq=False)
class Release:
    """``target_commitish`` is what was said, whether or not it was used; ``created_at`` is the time of the commit."""

    release_id: int
    author: str
    tag_name: str
    target_commitish: str
    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    created_at: datetime
    published_at: datetime | None = None
    immutable: bool = False
    assets: list[Asset] = field(default_factory=list)


class Releases(list[Release]):
    """All releases of a repository, in the order in which they were made."""

    def __init__(self, git: Git, first_id: int) -> None:
        super().__init__()
        self.git = git
        self.immutable = False  # said of those that are published from now on
        self.notes_digests = True
        self._last_id = first_id
        self._latest: Release | None = None

    # -- looking

    def by_id(self, release_id: int) -> Release | None:
        return next((release for release in self if release.release_id == release_id), None)

    def published(self, tag_name: str) -> Release | None:
        return next((release for release in self if release.tag_name == tag_name and not release.draft), None)

    def listed(self, *, drafts: bool) -> list[Release]:
        """Drafts first, for those who may see them, then the newest."""
        seen = [release for release in self if drafts or not release.draft]
        return sorted(seen, key=lambda one: (one.draft, one.created_at, one.release_id), reverse=True)

    def latest(self) -> Release | None:
        """The one that was made the latest; else the newest."""
        full = self._full()
        return self._latest if self._latest in full else _newest(full)

    def _full(self) -> list[Release]:
        return [release for release in self if not release.draft and not release.prerelease]

    # -- changing

    def create(self, fields: Fields, author: str) -> Release:
        """Make a release of the fields of a POST; a published one makes its tag, where there is none."""
        _hold_the_name(fields["tag_name"])
        wanted = fields.get("target_commitish") or self.git.default_branch
        commit = self._commit(fields["tag_name"], wanted)
        release = Release(
            release_id=self._last_id + 1,
            author=author,
            tag_name=fields["tag_name"],
            target_commitish=wanted,
            name=fields.get("name"),
            body=fields.get("body"),
            draft=True,
            prerelease=fields.get("prerelease", False),
            created_at=commit.at,
        )
        if self.published(release.tag_name):
            raise _wrong("already_exists", "tag_name")
        if fields.get("generate_release_notes"):
            release.name = release.name or release.tag_name
            release.body = "\n\n".join(filter(None, [release.body, "**Full Changelog**"]))
        if not fields.get("draft", False):
            self._publish(release)
            self._choose_latest(release, fields.get("make_latest", "true"))
        self._last_id += 1
        self.append(release)
        return release

    def update(self, release: Release, fields: Fields) -> None:
        """Change what a PATCH names; a draft that becomes none is published."""
        tag_name = fields.get("tag_name", release.tag_name)
        target = fields.get("target_commitish", release.target_commitish)
        draft = fields.get("draft", release.draft)
        newly_published = release.draft and not draft
        _hold_the_name(tag_name)
        if release.immutable and ((tag_name, target) != (release.tag_name, release.target_commitish) or draft):
            raise _custom("tag_name", "tag_name cannot be changed on an immutable release")
        if (holder := self.published(tag_name)) and holder is not release:
            raise _wrong("already_exists", "tag_name")
        changed = replace(release, tag_name=tag_name, target_commitish=target, draft=draft)
        changed.created_at = self._commit(tag_name, target).at
        changed.name, changed.body = fields.get("name", release.name), fields.get("body", release.body)
        changed.prerelease = fields.get("prerelease", release.prerelease)
        if draft:
            changed.published_at = None
        elif release.draft or tag_name != release.tag_name:
            self._publish(changed)
        vars(release).update(vars(changed))
        asked = fields.get("make_latest", "true" if newly_published else None)
        if not draft and asked:
            self._choose_latest(release, asked)

    def delete(self, release: Release) -> None:
        """Take a release away. Its tag stays; of an immutable one, the tag can then go, but its name stays spent."""
        self.remove(release)
        if release.immutable:
            self.git.locked.discard(release.tag_name)

    def lose_tag(self, name: str) -> None:
        """A release whose tag is deleted becomes a draft."""
        if release := self.published(name):
            release.draft, release.published_at = True, None

    def attach(self, release: Release, name: str, label: str | None, content_type: str, content: bytes) -> Asset:
        if release.immutable:
            raise Refused("Cannot upload assets to an immutable release.")
        if any(asset.name == name for asset in release.assets):
            raise Refused(errors=[{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}])
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}" if self.notes_digests else None
        self._last_id += 1
        asset = Asset(self._last_id, name, label, content_type, len(content), digest, datetime.now(UTC))
        release.assets.append(asset)
        return asset

    def break_off(self, release: Release, name: str) -> Asset:
        """Leave what an upload leaves whose storing failed."""
        self._last_id += 1
        started = Asset(self._last_id, name, None, "application/octet-stream", 0, None, datetime.now(UTC), "starter")
        release.assets.append(started)
        return started

    def detach(self, asset_id: int) -> bool:
        """Take a file away, if there is one of this number."""
        for release in self:
            for asset in release.assets:
                if asset.asset_id == asset_id:
                    if release.immutable:
                        raise Refused("Cannot delete asset from an immutable release")
                    release.assets.remove(asset)
                    return True
        return False

    def _commit(self, tag_name: str, commitish: str) -> Commit:
        """What a release is of: an existing tag wins, and what was said beside it is not even looked at."""
        commit = self.git.tagged(tag_name) or self.git.target(commitish)
        if commit is None:
            raise _wrong("invalid", "target_commitish")
        return commit

    def _publish(self, release: Release) -> None:
        ref, name = f"refs/tags/{release.tag_name}", release.tag_name
        if name in self.git.spent:
            raise Refused(errors=_spent(tag_is_there=ref in self.git.refs))
        if ref not in self.git.refs:
            self.git.refs[ref] = self._commit(name, release.target_commitish).sha
        release.draft, release.published_at = False, release.published_at or datetime.now(UTC)
        if self.immutable:
            release.immutable = True
            self.git.locked.add(name)
            self.git.spent.add(name)

    def _choose_latest(self, release: Release, make_latest: str) -> None:
        if make_latest == "legacy":
            self._latest = None
        elif make_latest == "false":
            now = self.latest()
            self._latest = _newest([one for one in self._full() if one is not release]) if now is release else now
        elif not release.prerelease:  # of which it is passed over
            self._latest = release


def _hold_the_name(tag_name: str) -> None:
    if not well_formed(f"refs/tags/{tag_name}"):
        raise _custom("tag_name", "tag_name is not well-formed")


def _wrong(code: str, name: str) -> Refused:
    return Refused(errors=[{"resource": "Release", "code": code, "field": name}])


def _custom(name: str, message: str) -> Refused:
    return Refused(errors=[{"resource": "Release", "code": "custom", "field": name, "message": message}])


def _spent(*, tag_is_there: bool) -> list[dict[str, str]]:
    custom = {"resource": "Release", "code": "custom"}
    used = {**custom, "field": "tag_name", "message": "tag_name was used by an immutable release"}
    if tag_is_there:
        return [used]
    pushed = {**custom, "field": "pre_receive", "message": f"pre_receive {RULES.format('create', 'creations')}"}
    return [pushed, used, {**custom, "message": "Published releases must have a valid tag"}]


def _version(tag_name: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", tag_name))


def _newest(releases: list[Release]) -> Release | None:
    """Of the newest commit, the highest version."""
    return max(releases, key=lambda one: (one.created_at, _version(one.tag_name)), default=None)
