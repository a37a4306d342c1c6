"""A new rule, as it is written: one that holds as it stands, for its author to make into the one that is wanted.

It asks each promotion for a reason. That is a rule as all others are, so that all that is asked of those can be tried
on it before the first change: its form, its tests on both engines, mutants, coverage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from launchplane_gate import private, strictjson
from launchplane_gate.authoring.new.adding import with_entry
from launchplane_gate.authoring.proof import unproven
from launchplane_gate.errors import UsageError
from launchplane_gate.policy import BadForm
from launchplane_gate.policy.bundle.files import CONFIG_PATH, Folder, read_folder
from launchplane_gate.policy.bundle.functions import FUNCTIONS_OF_TESTS
from launchplane_gate.policy.bundle.load import bundle_of
from launchplane_gate.policy.bundle.syntax import Source

ACTION, PHASE = "promote", "admit"
SCHEMA = ".authoring.json"
"""Of the facts that rules may read, beside them; hidden, so that it is no part of the policies."""

NOTHING_WRITTEN = "Nothing was written."
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST = 60  # letters of a part
_WORDS = re.compile("as|contains|data|default|else|every|false|if|import|in|input|not|null|package|some|true|with")

_RULE = Template("""\
# METADATA
# title: The request says why
# description: What nobody gave a reason for, nobody can judge later.
# custom:
#   remedy: Ask again and say why, as in `launchplane-gate promote PRODUCT --reason <why>`.
#   # follows: [inventory.source_present], of rules whose refusal explains one of this, folds it under theirs.
package gate.rules.$code

satisfied if {
	is_string(input.request.reason)
	input.request.reason != ""
}

message := sprintf("The reason is %v.", [object.get(input, ["request", "reason"], "not known")]) if not satisfied
""")

_TEST = Template("""\
package gate_test.$code

import data.gate.rules.$code
import data.gate_test.cases

# All that the rule reads, of a promotion that is good.
_good := json.filter(cases.promotion, ["request/reason"])

_satisfied(document) if $name.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := $name.satisfied], $name.message) with input as document
}

test_a_reason_is_good if _satisfied(_good)

test_no_reason_is_bad if {
	_refused(cases.put(_good, "request/reason", ""))
	_refused(cases.put(_good, "request/reason", ["weekly release"]))
}

test_every_broken_fact_is_refused if {
	every fact in {"request/reason"} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
""")


@dataclass(frozen=True)
class Begun:
    """What is to be written for a rule: two new files, and the configuration with it on the roll call."""

    code: str
    folder: Folder
    rule: Source
    test: Source
    config_text: str

    @property
    def config(self) -> Path:
        return self.folder.path / CONFIG_PATH


def check_code(code: str) -> None:
    """Raises UsageError, which says what is wrong with a name."""
    parts = code.split(".")
    wrong = "it is CATEGORY.NAME, with one dot" if len(parts) != len(("category", "name")) else _wrong_with(parts)
    if wrong:
        hint = f"{NOTHING_WRITTEN} Name it as release.vetted is: by what it looks at, and what is true where it holds."
        raise UsageError(f"{code!r} is no name for a rule: {wrong}", hint=hint)


def _wrong_with(parts: Sequence[str]) -> str:
    functions = {name.split(".")[0] for name in FUNCTIONS_OF_TESTS}
    for part in parts:
        if not _NAME.fullmatch(part):
            return f"{part!r} is not of a-z, 0-9 and _, beginning with a letter"
        if len(part) > _LONGEST:
            return f"{part[:_LONGEST]!r}... has more than {_LONGEST} letters"
        if part in functions or _WORDS.fullmatch(part):
            return f"{part!r} is a word of Rego's"
        if part == "cases":
            return "`cases` are the good questions that tests break"
    return "a file whose name ends with _test holds tests" if parts[-1].endswith("_test") else ""


def begin(folders: Sequence[Path], into: Path, code: str) -> Begun:
    """Make a rule and load and test it with all that is there, before anything is written.

    ``folders``: what the gate asks, the shipped ones first; ``into`` is among them, or comes last. Raises UsageError
    for a name or a folder that will not do, BadForm for policies that do not load as they are.
    """
    check_code(code)
    read = [read_folder(folder) for folder in folders]
    here = next((index for index, folder in enumerate(read) if folder.path.resolve() == into.resolve()), None)
    if here == 0:
        hint = f"{NOTHING_WRITTEN} Name a folder of your own: it adds to them."
        raise UsageError(f"{into} holds the policies as they were shipped", hint=hint)
    if here is None:
        read.append(read_folder(into) if into.exists() else _empty(into))
        here = len(read) - 1
    _see_that_it_is_new(read, code)
    bundle_of(read, remembers=True)  # what is wrong by now is not the new rule's fault
    begun = _begun(read[here], code)
    added = replace(
        begun.folder,
        sources=(*begun.folder.sources, begun.rule, begun.test),
        config=strictjson.loads(begun.config_text),
        config_text=begun.config_text,
    )
    if failed := unproven(bundle_of([*read[:here], added, *read[here + 1 :]])):
        raise BadForm(failed)
    return begun


def _empty(folder: Path) -> Folder:
    return Folder(folder, (), {}, str(folder / CONFIG_PATH), "{}\n")


def _see_that_it_is_new(read: Sequence[Folder], code: str) -> None:
    path = _path(code)
    for source in (source for folder in read for source in folder.sources):
        if source.path in (f"{path}.rego", f"{path}_test.rego"):
            raise UsageError(f"{source.file} is there already", hint=f"{NOTHING_WRITTEN} Give the rule another name.")


def _path(code: str) -> str:
    return f"gate/rules/{code.replace('.', '/')}"


def _begun(folder: Folder, code: str) -> Begun:
    words = {"code": code, "name": code.rpartition(".")[2]}

    def source(path: str, text: Template) -> Source:
        return Source(path, str(folder.path / path), text.substitute(words))

    config = with_entry(folder.config_text or "{}\n", ("roll_call", "base", ACTION, PHASE), code)
    rule, test = source(f"{_path(code)}.rego", _RULE), source(f"{_path(code)}_test.rego", _TEST)
    return Begun(code, folder, rule, test, config)


def write(begun: Begun, schema: str) -> Path | None:
    """Write all of it or nothing; gives the file of the schema of facts where that was written, too.

    A schema that is there stays. The roll call comes last: until then, policies with the rule are refused. Raises
    UsageError.
    """
    made: list[Path] = []
    beside = begun.folder.path / SCHEMA
    files = [(Path(source.file), source.text) for source in (begun.rule, begun.test)]
    files += [] if beside.exists() else [(beside, schema)]
    try:
        for path, text in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as opened:
                made.append(path)
                opened.write(text)
        _write_config(begun)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        told = f"{error.filename or begun.folder.path} cannot be written: {error.strerror or error}"
        raise UsageError(told, hint=NOTHING_WRITTEN) from None
    return beside if beside in made else None


def _write_config(begun: Begun) -> None:
    path = begun.config
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else private.mode_of_the_user()
    with private.replacing(path, mode=mode) as opened:
        opened.write(begun.config_text.encode())
