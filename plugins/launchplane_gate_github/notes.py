"""Release notes: a template, what may stand in it, and the line that tells which run made a release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from string import Template

from launchplane_gate import private
from launchplane_gate.errors import SettingsError
from launchplane_gate.model import Decision, Run, short

LONGEST_TEMPLATE = 20_000  # characters
LONGEST = 120_000  # GitHub takes 125,000
LONGEST_LINE = 200
MOST_LINES = 100

_MARK = re.compile(r"<!-- launchplane-gate: (r-[A-Za-z0-9]{1,40}) -->")

DEFAULT = """\
$product $version is what $promoted_from ran, promoted by $actor.

**Changes**

$commits

**What was promoted**

- commit $commit
- artifact $artifact
- decision $decision_id, run $run_id
- reason: $reason

**Waivers used**

$waivers
"""

FIELDS = (
    "version",
    "commit",
    "artifact",
    "product",
    "decision_id",
    "run_id",
    "promoted_from",
    "commits",
    "waivers",
    "actor",
    "reason",
)


@dataclass(frozen=True)
class Changes:
    """The commits since the release before, newest last: each its id and its subject. ``more`` are not among them.

    ``without``: those of the release before that this one has not, since it is a step back. ``unknown`` says why they
    are not known, where that is so.
    """

    since: str | None
    commits: tuple[tuple[str, str], ...] = ()
    more: int = 0
    unknown: str = ""
    without: tuple[tuple[str, str], ...] = ()
    more_without: int = 0


def read_template(path: Path, place: str) -> Template:
    """Raises SettingsError, naming the file, for a template that cannot be filled in; ``place`` is its key."""
    try:
        with TextIOWrapper(private.opened(path), "utf-8") as opened:
            text = opened.read(LONGEST_TEMPLATE + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"settings: {place}: {path} cannot be read: {reason}") from None
    template, takes = Template(text), f"Nothing was done. Its fields are: {', '.join(f'${name}' for name in FIELDS)}."
    if len(text) > LONGEST_TEMPLATE:
        raise SettingsError(f"settings: {place}: {path} is longer than {LONGEST_TEMPLATE} characters")
    if not template.is_valid():
        raise SettingsError(f"settings: {place}: {path} has a $ that names no field; $$ stands for one", hint=takes)
    if unknown := sorted(set(template.get_identifiers()) - set(FIELDS)):
        raise SettingsError(f"settings: {place}: {path} names a field that there is not: ${unknown[0]}", hint=takes)
    return template


def marker(run_id: str) -> str:
    """The line that tells which run made a release; people do not see it."""
    return f"<!-- launchplane-gate: {run_id} -->"


def marks(body: str | None) -> tuple[str, ...]:
    """The runs whose mark a release has, each on a line of its own."""
    lines = [_MARK.fullmatch(line.strip()) for line in (body or "").splitlines()]
    return tuple(dict.fromkeys(found[1] for found in lines if found))


def notes(template: Template | None, run: Run, changes: Changes) -> str:
    """The notes of a run that was recorded, marked as its own."""
    text = (template or Template(DEFAULT)).substitute(_fields(run, changes))
    return f"{text[:LONGEST].rstrip()}\n\n{marker(run.run_id)}\n"


def _fields(run: Run, changes: Changes) -> Mapping[str, str]:
    assert run.release and run.publication
    return {
        "version": run.publication.version,
        "commit": run.release.source_git_ref,
        "artifact": _code(run.release.artifact_id),
        "product": plain(run.product),
        "decision_id": plain(run.admitted.decision_id) if run.admitted else "unknown",
        "run_id": plain(run.run_id),
        "promoted_from": plain(run.source.instance) if run.source else "nowhere",
        "commits": _commits(changes),
        "waivers": _list(_waivers(decision for decision in (run.admitted, run.confirmed) if decision)),
        "actor": _code(run.actor.subject),
        "reason": plain(run.reason) or "none was given",
    }


def _commits(changes: Changes) -> str:
    if changes.unknown:
        return changes.unknown
    if changes.since is None:
        return "This is the first release."
    if not changes.commits and not changes.without:
        return f"No commits since {changes.since}."
    parts = []
    if changes.without:
        parts.append(
            _listed(f"A step back: what {changes.since} had and this has not", changes.without, changes.more_without)
        )
    if changes.commits:
        parts.append(_listed(f"Since {changes.since}", changes.commits, changes.more))
    return "\n\n".join(parts)


def _listed(head: str, commits: tuple[tuple[str, str], ...], more: int) -> str:
    lines = [f"- {short(commit)} {plain(subject)}" for commit, subject in commits[-MOST_LINES:]]
    left_out = more + len(commits) - len(lines)
    return "\n".join([f"{head}{f', without the {left_out} before' if left_out else ''}:", "", *lines])


def _waivers(decisions: Iterable[Decision]) -> list[str]:
    """Each waiver that a rule was passed by, once; its details where the decision has kept them."""
    told: dict[str, str] = {}
    for decision in decisions:
        known = {waiver.waiver_id: waiver for waiver in decision.waivers}
        for result in decision.results:
            if result.status != "waived" or not result.waiver_id:
                continue
            waiver = known.get(result.waiver_id)
            why = f", approved by {plain(waiver.approved_by)}: {plain(waiver.reason)}" if waiver else ""
            told[result.waiver_id] = f"{plain(result.code)} by {plain(result.waiver_id)}{why}"
    return list(told.values())


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines[:MOST_LINES]) or "None."


def _code(text: str) -> str:
    """A name as code, so that it can be copied as it is: within code nobody is mentioned."""
    return f"`{text}`" if "`" not in text and text.isprintable() and len(text) <= LONGEST_LINE else plain(text)


def plain(text: str) -> str:
    """A text as one line of Markdown that shows it as it is: no markup, no HTML, nobody mentioned.

    GitHub looks for @names in what it has rendered, so only a character between helps; one that takes no room.
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(line) > LONGEST_LINE:
        line = line[: LONGEST_LINE - 1] + "…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~$]|^[#+=-])", r"\\\1", line)
    return line.replace("@", "@\u200b")
