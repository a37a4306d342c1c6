"""Why GitHub refused a step of publishing, and what to do about it; told without a word that GitHub said."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import Any

from github import GithubException


class Step(Enum):
    """What is written, as a part of a sentence."""

    DRAFT = "make a draft"
    TAG = "make the tag"
    CLEAR = "take away what an upload left"
    UPLOAD = "upload a file"
    PUBLISH = "publish the draft"


_NOT_THERE = "the commit is not in the repository; push it there"
_THERE = "somebody else was there first"
_SPENT = "an immutable release had this tag once, and no other can have it; promote with another version"
_RULES = (
    "a rule of the repository forbids this tag, or an immutable release had it once; "
    "see the repository's rules, or promote with another version"
)

# By what GitHub says: of a field of a release, or of a reference.
_WORDS = {
    ("target_commitish", "invalid"): _NOT_THERE,
    ("tag_name", "already_exists"): _THERE,
    ("name", "already_exists"): _THERE,
    "Object does not exist": _NOT_THERE,
    "Reference already exists": _THERE,
    "tag_name was used by an immutable release": _SPENT,
}


def is_final(why: str) -> bool:
    """Whether what was refused will be refused whenever it is asked for."""
    return why.endswith(_SPENT)


def refusal(step: Step, error: GithubException, place: str) -> str | None:
    """``place``: where the settings name the identity. None where the refusal has nothing to do with the step."""
    if error.status == HTTPStatus.NOT_FOUND:
        why = (
            "as where the commit changes .github/workflows, and the identity has no leave to do that; "
            f"give {place} the permission workflows: write"
        )
    elif error.status == HTTPStatus.FORBIDDEN:
        why = (
            f"the identity may not; give {place} the permission contents: write, and workflows: write where the "
            "commit changes .github/workflows"
        )
    elif error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        why = _rule(error.data)
    else:
        return None
    return f"GitHub refuses to {step.value} ({error.status}): {why}"


def _rule(said: Any) -> str:
    message = str(said.get("message", "")) if isinstance(said, dict) else ""
    errors = said.get("errors") if isinstance(said, dict) else None
    named = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    keys = [message, *(one.get("message") for one in named), *((one.get("field"), one.get("code")) for one in named)]
    known = [_WORDS[key] for key in keys if isinstance(key, str | tuple) and key in _WORDS]
    if known:
        return known[0]
    if any(isinstance(key, str) and "rule violations" in key for key in keys):
        return _RULES
    return "it breaks a rule of the repository; see what its rules say of releases and tags"
