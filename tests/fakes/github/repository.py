"""A repository: its git, its releases, and what a test may do to it as somebody with all rights."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Condition

from tests.fakes.github.git import Git
from tests.fakes.github.releases import Release, Releases


class Repository:
    """``refs`` and ``releases`` are the truth; everything happens under ``changed``."""

    def __init__(
        self, changed: Condition, number: int, full_name: str, *, private: bool, default_branch: str, immutable: bool
    ) -> None:
        self.changed = changed
        self.repository_id = number
        self.owner, self.name = full_name.split("/")
        self.private = private
        self.git = Git(full_name, default_branch)
        self.releases = Releases(self.git, first_id=number * 1000)
        self.releases.immutable = immutable

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def refs(self) -> dict[str, str]:
        """What each ref points at, by its full name; for an annotated tag that is its tag object."""
        with self.changed:
            return dict(self.git.refs)

    @property
    def immutable_releases(self) -> bool:
        return self.releases.immutable

    @immutable_releases.setter
    def immutable_releases(self, on: bool) -> None:
        with self.changed:
            self.releases.immutable = on

    def commit(
        self,
        message: str = "Work",
        *,
        parent: str | Sequence[str] | None = None,
        branch: str | None = None,
        touches_workflows: bool = False,
        sha: str | None = None,
    ) -> str:
        """Commit onto a branch and move it there, be it with force; return the commit's id.

        ``parent`` is the branch, or for a new one the default branch, unless said otherwise: several make a merge, an
        empty sequence a root.
        """
        with self.changed:
            ref = f"refs/heads/{branch or self.git.default_branch}"
            if parent is None:
                parent = self.git.refs.get(ref) or self.git.refs.get(f"refs/heads/{self.git.default_branch}") or ()
            parents = (parent,) if isinstance(parent, str) else tuple(parent)
            commit = self.git.commits.add(message, parents, touches_workflows=touches_workflows, sha=sha)
            self.git.refs[ref] = commit.sha
            self.changed.notify_all()
            return commit.sha

    def branch(self, name: str, sha: str) -> None:
        """Let a branch, old or new, point at a commit."""
        with self.changed:
            self.git.refs[f"refs/heads/{name}"] = sha

    def delete_branch(self, name: str) -> None:
        """Its commits stay, as those of a fork are there too: to be found is not to be on a branch."""
        with self.changed:
            del self.git.refs[f"refs/heads/{name}"]

    def tag(self, name: str, sha: str, *, annotated: bool = False, message: str = "") -> str:
        """Make a tag, or move one; return what it points at. Of an immutable release it can't: Refused."""
        with self.changed:
            ref = f"refs/tags/{name}"
            points_at = self.git.add_tag_object(name, sha, message).sha if annotated else sha
            if ref in self.git.refs:
                self.git.move_ref(ref, points_at, force=True)
            else:
                self.git.create_ref(ref, points_at)
            return points_at

    def delete_tag(self, name: str) -> None:
        with self.changed:
            self.git.delete_ref(f"refs/tags/{name}")
            self.releases.lose_tag(name)

    def release(
        self,
        tag_name: str,
        sha: str | None = None,
        *,
        draft: bool = False,
        prerelease: bool = False,
        notes: str = "",
        make_latest: str = "true",
        author: str = "somebody",
    ) -> Release:
        """Release by the rules that hold for everybody; what they refuse raises Refused."""
        with self.changed:
            fields = {
                "tag_name": tag_name,
                "target_commitish": sha,
                "name": tag_name,
                "body": notes,
                "draft": draft,
                "prerelease": prerelease,
                "make_latest": make_latest,
            }
            return self.releases.create(fields, author)

    def attach(self, release: Release, name: str, content: bytes) -> None:
        """Give a release a file, as somebody would in a browser."""
        with self.changed:
            self.releases.attach(release, name, None, "application/octet-stream", content)

    def break_off_upload(self, release: Release, name: str) -> None:
        """Leave what an upload leaves whose storing failed."""
        with self.changed:
            self.releases.break_off(release, name)

    def needs_workflow_rights(self, commitish: str | None, tag_name: str) -> bool:
        """Tell whether the workflows of what is released are other than those of the default branch.

        Nothing is asked where the tag exists, for then none is made.
        """
        head = self.git.head()
        target = self.git.target(commitish) if commitish else head
        if head is None or target is None or self.git.tagged(tag_name):
            return False
        return target.workflows not in {None, head.workflows}
