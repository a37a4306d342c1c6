"""Loading a bundle: the shipped policies and the folders that add to them, checked before anything is asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.errors import PolicyError
from launchplane_gate.model import Action, Phase
from launchplane_gate.policy import memory
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.faults import faults_of
from launchplane_gate.policy.bundle.files import Folder, read_folder
from launchplane_gate.policy.bundle.floor import DECISION_PATH, DECISION_SHA256
from launchplane_gate.policy.bundle.following import faults_of_following
from launchplane_gate.policy.bundle.form import BadForm, check_form, code_of
from launchplane_gate.policy.bundle.further import Change, merged
from launchplane_gate.policy.bundle.looked import Looked
from launchplane_gate.policy.bundle.metadata import RuleMetadata
from launchplane_gate.policy.bundle.reads import Reads, evidence_read, inputs_read, reads_of
from launchplane_gate.policy.bundle.rego_tests import RegoTest, find_tests
from launchplane_gate.policy.bundle.syntax import Finding, Parsed, Source, parse
from launchplane_gate.policy.engines.embedded.interpreter import NotRego, check_distribution
from launchplane_gate.policy.engines.protocol import Unanswered

_PACKAGE = re.compile(r"package[ \t]+[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*[ \t\r]*(#.*)?")
_MEND = "Mend it and load the policies again."


@dataclass(frozen=True)
class Bundle:
    """Policies that may be asked. ``config`` is what the rules read at ``data.config``.

    ``metadata`` has an entry for each rule, by its code, and ``reads`` for each module that decides, by its package;
    ``revision`` changes with anything that the engine reads; ``changes`` are those that further folders make;
    ``folders`` are what it was loaded from, in their order.
    """

    modules: tuple[Source, ...]
    tests: tuple[RegoTest, ...]
    config: Mapping[str, Any]
    settings: Config
    metadata: Mapping[str, RuleMetadata]
    reads: Mapping[str, Reads]
    revision: str
    changes: tuple[Change, ...] = ()
    folders: tuple[Folder, ...] = ()

    @property
    def policies(self) -> tuple[tuple[str, str], ...]:
        """Path and text of each module that decides: all but the tests."""
        return tuple((module.path, module.text) for module in self.modules if not module.is_test)

    @property
    def asked(self) -> tuple[Source, ...]:
        """All modules but those of optional rules that are on no roll call."""
        roll_call = self.settings.roll_call
        on_call = {code for *_, codes in roll_call.lists() for code in codes}
        unasked = {_path_of(code) for code in roll_call.optional if code not in on_call}
        return tuple(module for module in self.modules if module.path not in unasked)

    @property
    def data(self) -> dict[str, Any]:
        return {"config": self.config}

    def file_of(self, code: str) -> str:
        """The file of the rule with this code."""
        path = _path_of(code)
        return next(module.file for module in self.modules if module.path == path)

    def roll_call(
        self, action: Action, phase: Phase, driver_id: str, product: str, version: str | None = None
    ) -> tuple[str, ...]:
        """The codes of the rules that are asked, each once; ``version`` is the one that is asked for."""
        return self.settings.roll_call.codes(action, phase, driver_id, product, version)

    def request_read(self, code: str) -> frozenset[str]:
        """The fields of the request on which it rests whether a rule is satisfied, by its code."""
        read = (path for one in self.modules if one.path == _path_of(code) for path in inputs_read(parse(one)))
        return frozenset(path[1] for path in read if path[:1] == ("request",) and len(path) > 1)

    def evidence_read(self, codes: Iterable[str]) -> frozenset[str] | None:
        """The sources of evidence (names of plugins) that rules read, by their codes; None: any, it cannot be told."""
        return evidence_read(self.reads, codes)


def _path_of(code: str) -> str:
    return f"gate/rules/{code.replace('.', '/')}.rego"


def shipped_policies() -> Path:
    """The folder of the shipped policies: within the package where it was installed, else beside it in its source."""
    package = Path(__file__).parents[2]
    for folder in (package / "policies", package.parent / "policies"):
        if (folder / DECISION_PATH).is_file():
            return folder
    raise PolicyError(f"{package / 'policies'}: the shipped policies are not there; install launchplane-gate again")


def load_bundle(folders: Sequence[Path], *, remembers: bool = False) -> Bundle:
    """Load the shipped policies, which come first, and the folders that add to them.

    ``remembers``: texts that an earlier process of this user has looked at need not be looked at again; for tools alone
    that cannot act. Raises BadForm for whatever the gate will not ask, with each place that is known; PolicyError
    without a folder.
    """
    check_distribution()
    return bundle_of([read_folder(folder) for folder in folders], remembers=remembers)


def bundle_of(read: Sequence[Folder], *, remembers: bool = False) -> Bundle:
    """The bundle of folders as they were read, of which each has a configuration that is valid by itself."""
    sources = _sources(read)
    rules, tests, reads = _remembered(sources) if remembers else _modules(sources)
    config, changes, findings = merged(list(read))
    settings = Config.model_validate_json(strictjson.dumps(config))  # each part of it is valid, so the whole is
    by_path = {source.path: source for source in sources}
    findings += faults_of(settings, read, {code: by_path[_path_of(code)] for code in rules})
    if findings:
        raise BadForm(findings)
    return Bundle(
        modules=sources,
        tests=tests,
        config=config,
        settings=settings,
        metadata=dict(rules),
        reads=reads,
        revision=revision_of(sources, config),
        changes=tuple(changes),
        folders=tuple(read),
    )


def revision_of(sources: Sequence[Source], config: Mapping[str, Any]) -> str:
    """The digest of all that an engine reads."""
    return strictjson.digest({"config": config, "modules": {source.path: source.text for source in sources}})


def _sources(folders: Sequence[Folder]) -> tuple[Source, ...]:
    by_path: dict[str, Source] = {}
    findings: list[Finding] = []
    for source in (source for folder in folders for source in folder.sources):
        first = by_path.setdefault(source.path, source)
        if first is not source:
            message = f"{first.file} is there already; a further folder adds, never replaces"
            findings.append(Finding(source.file, 1, message, "Give it a path and a package of its own."))
    decision = by_path.get(DECISION_PATH)
    if decision is None:
        message = "the first folder has no such file, so it is not the policies' own"
        findings.append(Finding(DECISION_PATH, 1, message, "Restore it as it was shipped."))
    elif strictjson.sha256(decision.text.encode()) != DECISION_SHA256:
        message = f"is not the core's own {DECISION_PATH}"
        findings.append(Finding(decision.file, 1, message, "Restore it as it was shipped."))
    if findings:
        raise BadForm(findings)
    return tuple(by_path[path] for path in sorted(by_path))


def _remembered(sources: tuple[Source, ...]) -> Looked:
    content = memory.content_of(sources=[(source.path, source.file, source.text) for source in sources])
    looked = Looked.read(memory.recall("looked", content))
    if looked is None:
        looked = _modules(sources)
        memory.keep("looked", content, looked.told())
    return looked


@lru_cache(maxsize=4)
def _modules(sources: tuple[Source, ...]) -> Looked:
    """Raises BadForm with all findings. Looked at once in a process, for as long as the texts are the same."""
    from launchplane_gate.policy.bundle.annotations import read_metadata  # noqa: PLC0415  # what is kept was read before

    parsed, findings = _parsed(sources)
    findings += check_form(parsed)
    rules: dict[str, RuleMetadata] = {}
    for module in parsed:
        if code := code_of(module):
            said = read_metadata(module)
            if isinstance(said, Finding):
                findings.append(said)
            else:
                rules[code] = said
    findings = findings or [*_untested(parsed), *faults_of_following(rules, _by_code(parsed))]
    if findings:
        raise BadForm(findings)
    reads = {module.package: reads_of(module) for module in parsed if not module.source.is_test}
    return Looked(rules, find_tests(parsed), reads)


def _by_code(parsed: Iterable[Parsed]) -> dict[str, Source]:
    return {code: module.source for module in parsed if (code := code_of(module))}


def _parsed(sources: Iterable[Source]) -> tuple[list[Parsed], list[Finding]]:
    parsed: list[Parsed] = []
    findings: list[Finding] = []
    for source in sources:
        try:
            module = parse(source)
        except NotRego as error:
            findings.append(Finding(source.file, error.line, str(error), _MEND))
        except Unanswered as error:
            findings.append(Finding(source.file, 1, str(error), "Make it shorter and simpler, or divide it."))
            break  # each one may take as long
        else:
            parsed.append(module)
            findings += _odd_package(module)
    return parsed, findings


def _odd_package(module: Parsed) -> Iterator[Finding]:
    """A name in brackets may hold a dot, and so lead elsewhere than it seems to."""
    line = module.source.text.split("\n")[module.package_line - 1]
    if not _PACKAGE.fullmatch(line):
        message = "a package is written on one line, as names with dots between them"
        yield Finding(module.source.file, module.package_line, message, f"Write `package {module.package}`.")


def _untested(modules: Sequence[Parsed]) -> Iterator[Finding]:
    """Each rule that no module with tests names."""
    named = {path for module in modules if _has_tests(module) for path in _named_by(module)}
    for module in modules:
        if code_of(module) and not any(f"{path}.".startswith(f"{module.package}.") for path in named):
            file = f"{module.source.file.removesuffix('.rego')}_test.rego"
            yield Finding(module.source.file, module.package_line, "no test asks this rule", f"Write one in {file}.")


def _has_tests(module: Parsed) -> bool:
    return module.source.is_test and any(rule.name.startswith("test_") for rule in module.rules)


def _named_by(module: Parsed) -> Iterator[str]:
    """The full path of whatever the rules of a module refer to."""
    for rule in module.rules:
        for kind, node in rule.nodes:
            if kind == "Reference" and (path := module.meaning(node)):
                yield path
