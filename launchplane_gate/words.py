"""What people call runs, revisions and versions."""

from __future__ import annotations

import re


def noun(action: str) -> str:
    """What a person calls a run of this action."""
    nouns = {"promote": "promotion", "adopt": "adoption", "restore": "restoration"}
    return {**nouns, "resume": "resumption", "reconcile": "reconciliation", "evidence": "report"}.get(action, action)


def noun_of(action: str, commit: str) -> str:
    """The same with what it shipped: ``promotion of 41620cf``, and ``rollback to 215f71b``."""
    return f"{noun(action)} {'to' if action == 'rollback' else 'of'} {short(commit)}"


def is_same_version(one: str, other: str) -> bool:
    """Versions that differ only in a ``v`` are one."""
    return one.removeprefix("v") == other.removeprefix("v")


def short(revision: str) -> str:
    """Seven digits of a full revision or of a digest; anything else as it is, cut to a readable length."""
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", revision):
        return revision[:7]
    return revision if len(revision) <= 40 else revision[:37] + "..."  # noqa: PLR2004  # the length of a commit
