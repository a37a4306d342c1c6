"""What git knows of a repository: commits, tag objects and refs, and the names that no ref may take or leave."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from tests.fakes.github.answers import Refused
from tests.fakes.github.commits import SHA, Commit, Graph

Kind = Literal["commit", "tag"]

RULES = "Repository rule violations found\n\nCannot {} ref due to {} being restricted.\n\n"

# What git refuses in the name of a ref.
_MALFORMED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[./]$|^[/.]")


@dataclass(frozen=True)
class TagObject:
    """An annotated tag: an object of its own, which no ref need point at."""

    sha: str
    name: str
    message: str
    commit: str


def well_formed(name: str) -> bool:
    return bool(name) and name != "@" and not _MALFORMED.search(name)


class Git:
    """``locked`` tags can neither move nor go; ``spent`` names can never again become tags."""

    def __init__(self, seed: str, default_branch: str) -> None:
        self.default_branch = default_branch
        self.commits = Graph(seed)
        self.refs: dict[str, str] = {}
        self.tag_objects: dict[str, TagObject] = {}
        self.locked: set[str] = set()
        self.spent: set[str] = set()

    def kind(self, sha: str) -> Kind:
        return "tag" if sha in self.tag_objects else "commit"

    def peel(self, sha: str) -> Commit | None:
        """The commit that an object is or points at."""
        tag = self.tag_objects.get(sha)
        return self.commits.get(tag.commit if tag else sha)

    def head(self, branch: str | None = None) -> Commit | None:
        return self._at(f"refs/heads/{branch or self.default_branch}")

    def tagged(self, name: str) -> Commit | None:
        return self._at(f"refs/tags/{name}")

    def resolve(self, name: str) -> Commit | None:
        """The commit that a branch, a tag, a ref or a commit id, short or long, stands for."""
        for ref in (name, f"refs/{name}", f"refs/heads/{name}", f"refs/tags/{name}"):
            if found := self._at(ref):
                return found
        return self.commits.find(name)

    def target(self, commitish: str) -> Commit | None:
        """The commit that a release may be made of: a branch, or a whole commit id."""
        return self.commits.get(commitish) if SHA.fullmatch(commitish) else self.head(commitish)

    def add_tag_object(self, name: str, commit: str, message: str) -> TagObject:
        seed = f"tag {len(self.tag_objects)} {name} {commit} {message}"
        sha = hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()
        self.tag_objects[sha] = TagObject(sha, name, message, commit)
        return self.tag_objects[sha]

    def create_ref(self, ref: str, sha: str) -> None:
        self._hold_the_form(ref)
        if ref in self.refs:
            raise Refused("Reference already exists")
        self._hold_an_object(sha)
        if ref.removeprefix("refs/tags/") in self.spent:
            raise Refused(RULES.format("create", "creations"))
        self.refs[ref] = sha

    def move_ref(self, ref: str, sha: str, *, force: bool) -> None:
        if ref not in self.refs:
            raise Refused("Reference does not exist")
        self._hold_an_object(sha)
        if ref.removeprefix("refs/tags/") in self.locked:
            raise Refused(RULES.format("update", "updates"))
        old, new = self.peel(self.refs[ref]), self.peel(sha)
        if not force and (not old or not new or old not in self.commits.ancestry(new.sha)):
            raise Refused("Update is not a fast forward")
        self.refs[ref] = sha

    def delete_ref(self, ref: str) -> None:
        if ref not in self.refs:
            raise Refused("Reference does not exist")
        if ref.removeprefix("refs/tags/") in self.locked:
            raise Refused(RULES.format("delete", "deletions"))
        del self.refs[ref]

    def _at(self, ref: str) -> Commit | None:
        return self.peel(self.refs[ref]) if ref in self.refs else None

    def _hold_the_form(self, ref: str) -> None:
        if not ref.startswith("refs/"):
            raise Refused("Reference name must start with 'refs/'.")
        if ref.count("/") < 2:
            raise Refused("Reference name must contain at least three slash-separated components.")
        if not well_formed(ref):
            raise Refused(f"{ref} is not a valid ref name.")

    def _hold_an_object(self, sha: str) -> None:
        if not SHA.fullmatch(sha):
            raise Refused("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
        if sha not in self.tag_objects and not self.commits.get(sha):
            raise Refused("Object does not exist")
