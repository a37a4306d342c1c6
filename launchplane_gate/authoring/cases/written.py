"""The text of a case, as a person would write it; what reads cases reads the same in it again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from launchplane_gate import strictyaml
from launchplane_gate.authoring.cases.form import CaseWaiver, Result
from launchplane_gate.authoring.changes import MISSING, Change, dotted

SCHEMA = ".schema.json"  # beside the cases; hidden, so no case

_BARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _./@:+()'*-]*")
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_./\[\]-]*")
_PRINTED = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def as_text(
    title: str,
    base: str,
    *,
    at: str | None = None,
    facts: Sequence[Change] = (),
    waivers: Sequence[CaseWaiver] = (),
    rules: Mapping[str, Result],
    allowed: bool,
    schema: str = SCHEMA,
) -> str:
    """``rules``: those that are not satisfied; ``schema``: where that of a case stands, from the file."""
    lines = [f"# yaml-language-server: $schema={schema}", f"case: {value_text(title)}", f"base: {value_text(base)}"]
    if at:
        lines.append(f"at: {at}")
    stated = [change for change in facts if change.value is not MISSING]
    missing = [change for change in facts if change.value is MISSING]
    lines += ["facts:"] if stated else []
    lines += [f"  {_path_text(change)}: {value_text(change.value)}" for change in stated]
    lines += ["without:"] if missing else []
    lines += [f"  - {_path_text(change)}" for change in missing]
    lines += ["waivers:"] if waivers else []
    for waiver in waivers:
        said = waiver.model_dump(mode="json", exclude_unset=True)
        lines += [f"  {'-' if not index else ' '} {key}: {value_text(said[key])}" for index, key in enumerate(said)]
    lines.append(f"expect: {'allowed' if allowed else 'refused'}")
    lines += ["rules:"] if rules else []
    lines += [f"  {code}: {result}" for code, result in rules.items()]
    return "\n".join(lines) + "\n"


def value_text(value: Any) -> str:
    """A value on one line: bare where every reader takes that for it, else in the form of JSON."""
    if isinstance(value, str) and _BARE.fullmatch(value) and not re.search(r": | #|[ :]$", value):
        try:
            if strictyaml.loads(value).value == value:
                return value
        except strictyaml.NotStrictYaml:
            pass  # a word that means different things
    return _PRINTED.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _path_text(change: Change) -> str:
    text = dotted(change.path)
    return text if _PATH.fullmatch(text) else value_text(text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004  # what four digits hold
