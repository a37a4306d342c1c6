"""Reading the cases of all folders of a bundle. Whatever is wrong with one is told with its file and its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from launchplane_gate import private, strictjson, strictyaml
from launchplane_gate.authoring.cases.case import Case, roll_call_of, waivers_of
from launchplane_gate.authoring.cases.form import REFUSING, CaseFile
from launchplane_gate.authoring.cases.paths import Stated, followed, leaves
from launchplane_gate.authoring.cases.questions import Good, Layer, NoPlace, asked, good_questions
from launchplane_gate.authoring.cases.types import misfit
from launchplane_gate.authoring.changes import MISSING, dotted
from launchplane_gate.authoring.paths import Fact, Unknown
from launchplane_gate.authoring.schema import Schema, schema_of, shipped_schema
from launchplane_gate.plugins import evidence_contracts, installed, is_shipped
from launchplane_gate.policy import BadForm, Bundle, Finding
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.files import CASES, case_files
from launchplane_gate.policy.bundle.further import merged
from launchplane_gate.policy_input import PolicyInput, StandingInput

_MEND = "Mend it; policies/README.md says what may stand there."


class BadCase(BadForm):
    """Files that are no cases. Nobody has run the others either: one of them may start from such a file."""

    hint = "No test was run."


def read_cases(bundle: Bundle, authoring: Schema) -> list[Case]:
    """The cases of each folder, with the policies that they hold for: those of that folder and of the ones before it.

    ``authoring``: the schema of all facts that there are. Raises BadCase for what is no case.
    """
    found = [(index, file) for index, folder in enumerate(bundle.folders) for file in case_files(folder.path)]
    if not found:
        return []
    return _Reading(bundle, authoring).cases(found)


def all_facts(plugins: Sequence[str] | None) -> Schema:
    """The schema of every fact, of the shipped plugins and of those named; None: there are no others."""
    others = set(plugins or ()) - {name for name, point in installed().items() if is_shipped(point)}
    return schema_of("authoring", evidence_contracts(plugins)) if others else shipped_schema("authoring")


@dataclass(frozen=True)
class _Read:
    """A file that has the form of a case."""

    name: str
    file: str
    folder: int
    said: CaseFile
    document: strictyaml.Document
    stated: tuple[Stated, ...]


def read_text(bundle: Bundle, authoring: Schema, text: str, file: Path, folder: int) -> Case:
    """The case that a text is, as if it stood in a file of one of the folders. Raises BadCase."""
    reading = _Reading(bundle, authoring)
    return reading.as_if(text, file, folder)


def policies_of(bundle: Bundle, folder: int, good: Good) -> Bundle:
    """Those of a folder and the ones before it, with what is decided for the products of the good questions."""
    config, _, _ = merged(list(bundle.folders[: folder + 1]))
    config = {**config, "products": {**good.products, **config["products"]}}
    settings = Config.model_validate_json(strictjson.dumps(config))
    return replace(bundle, config=config, settings=settings)


class _Reading:
    def __init__(self, bundle: Bundle, authoring: Schema) -> None:
        self._bundle = bundle
        self._input = Fact("input", authoring)
        self._good = good_questions(bundle)
        self._bundles: dict[int, Bundle] = {}
        self._read: dict[str, _Read] = {}
        self._findings: list[Finding] = []

    def cases(self, files: Iterable[tuple[int, Path]]) -> list[Case]:
        for folder, file in files:
            self._take(folder, file)
        cases = [case for read in self._read.values() if (case := self._case(read))]
        if self._findings:
            raise BadCase(self._findings)
        return cases

    def as_if(self, text: str, file: Path, folder: int) -> Case:
        """The case that a text is; those that stand there already are read for it to start from."""
        for index, of_it in enumerate(self._bundle.folders):
            for path in case_files(of_it.path):
                if path.absolute() != file.absolute():
                    self._take(index, path)
        self._findings.clear()  # of the others, whoever runs them is told
        self._take_text(folder, file, self._name(folder, file), text.encode())
        case = self._case(self._read[self._name(folder, file)]) if not self._findings else None
        if case is None:
            raise BadCase(self._findings)
        return case

    def _name(self, folder: int, path: Path) -> str:
        cases = self._bundle.folders[folder].path / CASES
        return path.relative_to(cases).as_posix().removesuffix(".yaml") if path.is_relative_to(cases) else path.stem

    def _refuse(self, file: str, line: int, message: str, remedy: str = _MEND) -> None:
        self._findings.append(Finding(file, line, message, remedy))

    # -- the file

    def _take(self, folder: int, path: Path) -> None:
        file = str(path)
        name = self._name(folder, path)
        if name in self._good.questions:
            return self._refuse(
                file, 1, f"`{name}` is the name of a question that is shipped", "Call the file otherwise."
            )
        if first := self._read.get(name):
            return self._refuse(file, 1, f"{first.file} is there already", "Call the file otherwise.")
        try:
            content = private.read_regular(path, strictyaml.MAX_BYTES + 1)
        except OSError as error:
            return self._refuse(file, 1, f"cannot be read: {error.strerror}", "Let it be read, or move it elsewhere.")
        return self._take_text(folder, path, name, content)

    def _take_text(self, folder: int, path: Path, name: str, content: bytes) -> None:
        file = str(path)
        try:
            document = strictyaml.loads(content)
        except strictyaml.NotStrictYaml as error:
            return self._refuse(file, error.line, error.problem)
        try:
            said = CaseFile.model_validate_json(strictjson.dumps(document.value))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                self._refuse(file, document.line(fault["loc"]), *_told(fault))
            return None
        self._read[name] = _Read(name, file, folder, said, document, tuple(self._stated(file, said, document)))
        return None

    def _stated(self, file: str, said: CaseFile, document: strictyaml.Document) -> Iterator[Stated]:
        seen: dict[Any, int] = {}
        facts = document.value.get("facts", {})  # in their order, which the form has lost
        for path, fact, value, within in [*leaves(self._input, facts, ("facts",)), *self._missing(said.without)]:
            line = document.line(within)
            if isinstance(path, Unknown):
                self._refuse(file, line, str(path), path.remedy)
            elif odd := misfit(fact, value):
                self._refuse(file, document.line((*within, *odd.path)), str(odd), odd.remedy)
            elif path in seen:
                self._refuse(file, line, f"`{dotted(path)}` is stated on line {seen[path]} already", "Leave one out.")
            else:
                seen[path] = line
                yield Stated(path, value, file, line, within)

    def _missing(self, paths: Sequence[str]) -> Iterator[Any]:
        """The last one of a list first, so that the numbers stay true."""
        found = []
        for index, text in enumerate(paths):
            within = ("without", index)
            try:
                found.append((*followed(self._input, text), MISSING, within))
            except Unknown as unknown:
                yield unknown, None, MISSING, within
        yield from sorted(found, key=lambda one: [str(step).zfill(4) for step in one[0]], reverse=True)

    # -- the question

    def _case(self, read: _Read) -> Case | None:
        found = self._bottom(read)
        if found is None:
            return None
        start, layers = found
        case = Case(read.name, read.file, read.said, start, layers, self._for(read.folder), _lines(read.document))
        return case if self._can_be_asked(case, read) else None

    def _bottom(self, read: _Read) -> tuple[Mapping[str, Any], tuple[Layer, ...]] | None:
        """The good question that a case comes down to, and what is laid on it."""
        layers: tuple[Layer, ...] = ()
        seen: list[str] = []
        here = read
        while True:
            layers = (Layer(here.said.at, here.stated), *layers)
            seen.append(here.name)
            base = here.said.base
            if base in self._good.questions:
                return self._good.questions[base], layers
            if base in seen:
                self._refuse(read.file, read.document.line(("base",)), f"`{base}` starts from itself", "Name another.")
                return None
            line = here.document.line(("base",))
            if base not in self._read or self._read[base].folder > here.folder:
                if here is read:
                    names = [*self._good.questions, *(name for name in self._read if name != read.name)]
                    self._refuse(read.file, line, f"there is no base `{base}`", meant(base, names))
                return None
            here = self._read[base]

    def _for(self, folder: int) -> Bundle:
        if folder not in self._bundles:
            self._bundles[folder] = policies_of(self._bundle, folder, self._good)
        return self._bundles[folder]

    def _can_be_asked(self, case: Case, read: _Read) -> bool:
        before = len(self._findings)
        question = self._question(case, read)
        if question is None:
            return False
        for fault in _faults(question):
            self._refuse(case.file, *_placed(read, fault))
        if len(self._findings) == before:
            self._check_expected(case, read)
        if case.said.waivers and not waivers_of(case.said.waivers, question):
            line = read.document.line(("waivers",))
            self._refuse(case.file, line, "the question names no release, and a waiver is for one", "Leave it out.")
        return len(self._findings) == before

    def _question(self, case: Case, read: _Read) -> dict[str, Any] | None:
        """Laid on one by one, so that the fact which has no place is the one that is told."""
        own = case.layers[-1]
        below = case.layers[:-1]
        try:
            question = asked(case.start, [*below, Layer(own.at, ())])
        except NoPlace as error:
            self._refuse(case.file, read.document.line(("at",)), str(error))
            return None
        for stated in own.stated:
            try:
                question = asked(question, [Layer(None, (stated,))])
            except NoPlace as error:
                self._refuse(case.file, stated.line, str(error))
                return None
        return question

    def _check_expected(self, case: Case, read: _Read) -> None:
        asked_of = f"{case.question()['action']}/{case.question()['phase']}"
        roll_call = roll_call_of(case.bundle, case.question())
        for code in case.said.rules:
            if code not in roll_call:
                line = read.document.line(("rules", code))
                self._refuse(case.file, line, f"`{code}` is not asked of {asked_of}", meant(code, roll_call))
        refusing = [code for code, result in case.said.rules.items() if result in REFUSING]
        line = read.document.line(("expect",))
        if case.said.expect == "refused" and not refusing:
            remedy = "Name the rule, below `rules`, with `not satisfied` or `not known`."
            self._refuse(case.file, line, "it expects a refusal, and names no rule that refuses", remedy)
        elif case.said.expect == "allowed" and refusing:
            message = f"it expects to be allowed, and {refusing[0]} to be {case.said.rules[refusing[0]]}"
            self._refuse(case.file, line, message, "One of the two is not meant.")


def _faults(question: Mapping[str, Any]) -> list[Any]:
    """What keeps a question from being one."""
    contract = StandingInput if question["phase"] == "standing" else PolicyInput
    try:
        contract.model_validate_json(strictjson.dumps(question), strict=True)
    except ValidationError as error:
        return [dict(fault) for fault in error.errors(include_url=False)]
    return []


def _placed(read: _Read, fault: Any) -> tuple[int, str, str]:
    """The line, the message and the remedy for what is wrong at a place of the question."""
    path = tuple(fault["loc"])
    stated = max(read.stated, key=lambda one: _shared(one.path, path), default=None)
    line = 1
    if stated and _shared(stated.path, path):
        line = read.document.line((*stated.within, *path[len(stated.path) :]))
    return line, *_told(fault)


def _shared(one: tuple[Any, ...], other: tuple[Any, ...]) -> int:
    """How many steps two paths have in common."""
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _lines(document: strictyaml.Document) -> dict[str, int]:
    expected = document.value.get("rules") or {}
    return {"expect": document.line(("expect",)), **{code: document.line(("rules", code)) for code in expected}}


def _told(fault: Any) -> tuple[str, str]:
    """What is wrong with a part of a document, in words, and what to do."""
    place = dotted(tuple(fault["loc"])) or "it"
    if fault["type"] == "extra_forbidden":
        names = list(CaseFile.model_fields) if len(fault["loc"]) == 1 else []
        return f"there is no field `{place}`", meant(str(fault["loc"][-1]), names) if names else "Leave it out."
    if fault["type"] == "missing":
        return f"`{place}` is missing", "State it."
    return f"`{place}`: {fault['msg'][0].lower()}{fault['msg'][1:]}", _MEND


def meant(name: str, names: Iterable[str]) -> str:
    """The name that comes nearest, and all that there are."""
    known = sorted(names)
    near = difflib.get_close_matches(name, known, n=1)
    there = f"There are: {', '.join(known)}." if known else "There are none."
    return f"Did you mean `{near[0]}`? {there}" if near else there
