"""Loading a bundle: the shipped policies and the folders that add to them, checked before anything is asked of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from launchplane_gate import strictjson
from launchplane_gate.errors import PolicyError
from launchplane_gate.model import Action, Phase, Shipping
from launchplane_gate.policy.bundle.config import EMPTY, Config, merge
from launchplane_gate.policy.bundle.files import Folder, read_folder
from launchplane_gate.policy.bundle.floor import (
    DECISION_PATH,
    DECISION_SHA256,
    FLOOR,
    FLOOR_CODES,
    VERSION_CODES,
    WAIVABLE_FLOOR,
)
from launchplane_gate.policy.bundle.form import BadForm, check_form, code_of
from launchplane_gate.policy.bundle.metadata import RuleMetadata, read_metadata
from launchplane_gate.policy.bundle.reads import Reads, evidence_read, reads_of
from launchplane_gate.policy.bundle.rego_tests import RegoTest, find_tests
from launchplane_gate.policy.bundle.syntax import Finding, Parsed, Source, parse
from launchplane_gate.policy.engines.embedded.interpreter import NotRego, check_distribution
from launchplane_gate.ssh import public_key


@dataclass(frozen=True)
class Bundle:
    """Policies that may be asked. ``config`` is what the rules read at ``data.config``.

    ``metadata`` has an entry for each rule, by its code, and ``reads`` for each module that decides, by its package;
    ``revision`` changes with anything that the engine reads.
    """

    modules: tuple[Source, ...]
    tests: tuple[RegoTest, ...]
    config: Mapping[str, Any]
    settings: Config
    metadata: Mapping[str, RuleMetadata]
    reads: Mapping[str, Reads]
    revision: str

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


def load_bundle(folders: Sequence[Path]) -> Bundle:
    """Load the shipped policies, which come first, and the folders that add to them.

    Raises PolicyError, naming the place, for whatever the gate will not ask: BadForm where Rego is at fault.
    """
    check_distribution()
    read = [read_folder(folder) for folder in folders]
    sources = _sources(read)
    rules, tests, reads = _modules(sources)
    config, settings = _merged(read)
    faults = [*_faults(settings, rules)] + ([] if tests else ["the bundle has no Rego tests"])
    if faults:
        raise PolicyError("\n".join(f"{read[0].config_file}: {fault}" for fault in faults))
    return Bundle(
        modules=sources,
        tests=tests,
        config=config,
        settings=settings,
        metadata=dict(rules),
        reads=reads,
        revision=revision_of(sources, config),
    )


def revision_of(sources: Sequence[Source], config: Mapping[str, Any]) -> str:
    """The digest of all that an engine reads."""
    return strictjson.digest({"config": config, "modules": {source.path: source.text for source in sources}})


def _sources(folders: Sequence[Folder]) -> tuple[Source, ...]:
    by_path: dict[str, Source] = {}
    for source in (source for folder in folders for source in folder.sources):
        first = by_path.setdefault(source.path, source)
        if first is not source:
            raise PolicyError(f"{source.file}:1: {first.file} is there already; a further folder adds, never replaces")
    decision = by_path.get(DECISION_PATH)
    if decision is None:
        raise PolicyError(f"{DECISION_PATH}:1: the first folder has no {DECISION_PATH}, so it is not the policies' own")
    if strictjson.sha256(decision.text.encode()) != DECISION_SHA256:
        raise PolicyError(f"{decision.file}:1: is not the core's own {DECISION_PATH}; restore it as it was shipped")
    return tuple(by_path[path] for path in sorted(by_path))


@lru_cache(maxsize=4)
def _modules(
    sources: tuple[Source, ...],
) -> tuple[Mapping[str, RuleMetadata], tuple[RegoTest, ...], Mapping[str, Reads]]:
    """The metadata of each rule, by its code, the tests, and what each module reads. Raises BadForm with all findings.

    Looked at once in a process, for as long as the texts are the same.
    """
    parsed: list[Parsed] = []
    findings: list[Finding] = []
    for source in sources:
        try:
            parsed.append(parse(source))
        except NotRego as error:
            findings.append(Finding(source.file, error.line, str(error), "Mend it and load the policies again."))
    findings += check_form(parsed)
    rules: dict[str, RuleMetadata] = {}
    for module in parsed:
        if code := code_of(module):
            said = read_metadata(module)
            if isinstance(said, Finding):
                findings.append(said)
            else:
                rules[code] = said
    if findings:
        raise BadForm(findings)
    reads = {module.package: reads_of(module) for module in parsed if not module.source.is_test}
    return rules, find_tests(parsed), reads


def _merged(folders: Sequence[Folder]) -> tuple[dict[str, Any], Config]:
    config: Any = EMPTY
    for folder in folders:
        try:
            config = merge(config, folder.config)
        except ValueError as error:
            raise PolicyError(f"{folder.config_file}: {error}") from None
    settings = Config.model_validate_json(strictjson.dumps(config))  # each part of it is valid, so the whole is
    return config, settings


def _faults(config: Config, rules: Collection[str]) -> Iterator[str]:
    """What is wrong with a configuration as a whole, given the rules that there are."""
    yield from (f"thresholds: {name} is missing" for name in config.missing_thresholds)
    on_call = set(VERSION_CODES)
    for place, action, phase, codes in config.roll_call.lists():
        on_call.update(codes)
        yield from (f"{place}: no rule has the code {code}" for code in codes if code not in rules)
        if (action, phase) not in FLOOR:
            yield f"{place}: is never asked; whether somebody may {action} is asked in standing alone"
        base = config.roll_call.base.get(action, {}).get(phase, ())
        if codes is not base:
            yield from (f"{place}: {code} is asked anyway" for code in codes if code in base)
    for (action, phase), floor in FLOOR.items():
        base = config.roll_call.base.get(action, {}).get(phase, ())
        yield from (f"roll_call.base.{action}.{phase}: {code} has to be asked" for code in floor if code not in base)
    optional = config.roll_call.optional
    yield from (f"roll_call.optional: no rule has the code {code}" for code in optional if code not in rules)
    yield from (f"the rule {code} is on no roll call" for code in rules if code not in on_call.union(optional))
    yield from _faults_of_standing(config)
    yield from _faults_of_keys(config)
    for code in config.waivable:
        if code not in rules:
            yield f"waivable: no rule has the code {code}"
        elif code in (FLOOR_CODES | VERSION_CODES) - WAIVABLE_FLOOR:
            yield f"waivable: {code} can never be waived"
    for name, product in config.products.items():
        if product.thresholds.get("waiver_max_s", 0) > config.thresholds.get("waiver_max_s", 0):
            yield f"products.{name}.thresholds.waiver_max_s: a product may only say less than the thresholds of all"
        for code in product.by_word:
            if code not in config.waivable or code in FLOOR_CODES:
                yield f"products.{name}.by_word: a waiver of {code} never counts by word alone"
    unknown = config.roll_call.products.keys() - config.products.keys()
    yield from (f"roll_call.products: {name} is not among the products" for name in sorted(unknown))


def _faults_of_standing(config: Config) -> Iterator[str]:
    """What is asked before a lane is held is asked again with all facts, and is nothing that can be waived."""
    for place, action, phase, codes in config.roll_call.lists():
        if phase != "standing":
            continue
        yield from (
            f"{place}: {code} can be waived, and here no waiver is looked at"
            for code in codes
            if code in config.waivable
        )
        if action in get_args(Shipping):
            *above, _ = place.split(".")
            again = {
                code
                for other, _, _, asked in config.roll_call.lists()
                if other == ".".join([*above, "admit"])
                for code in asked
            }
            again.update(config.roll_call.base.get(action, {}).get("admit", ()))
            yield from (f"{place}: {code} has to stand in admit, too" for code in codes if code not in again)


def _faults_of_keys(config: Config) -> Iterator[str]:
    """One key under two names would make two people of one."""
    named: dict[bytes, str] = {}
    for name, product in config.products.items():
        for instance, entries in product.actors.items():
            for entry in entries:
                if entry.ssh_key and named.setdefault(public_key(entry.ssh_key), entry.subject) != entry.subject:
                    other = named[public_key(entry.ssh_key)]
                    yield f"products.{name}.actors.{instance}: {entry.subject} has the ssh_key of {other}"
