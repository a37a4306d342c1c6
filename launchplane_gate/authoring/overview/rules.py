"""What each rule of a bundle rests on: the facts that it reads, its tests, and the cases that name it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from launchplane_gate.authoring.cases.case import Case
from launchplane_gate.authoring.paths import facts_read, unknown_facts
from launchplane_gate.authoring.schema import Schema
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.form import code_of
from launchplane_gate.policy.bundle.metadata import RuleMetadata
from launchplane_gate.policy.bundle.reads import inputs_read
from launchplane_gate.policy.bundle.rego_tests import RegoTest
from launchplane_gate.policy.bundle.syntax import Parsed, parse


@dataclass(frozen=True)
class RuleOverview:
    """``facts`` are those that decide, ``cases`` those that name the rule, with what they expect of it."""

    code: str
    said: RuleMetadata
    file: str
    facts: tuple[str, ...]
    tests: tuple[RegoTest, ...]
    cases: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NotProvided:
    """What rules read and nobody provides; ``where`` is a place in a file, or the rules."""

    what: str
    where: str
    remedy: str


def overviews(bundle: Bundle, cases: Sequence[Case]) -> list[RuleOverview]:
    parsed = [parse(source) for source in bundle.modules]
    by_rule = _tests_by_rule(bundle, parsed)
    return [_overview(code, module, bundle, by_rule, cases) for module in parsed if (code := code_of(module))]


def _overview(
    code: str, module: Parsed, bundle: Bundle, tests: Mapping[str, Sequence[RegoTest]], cases: Sequence[Case]
) -> RuleOverview:
    return RuleOverview(
        code=code,
        said=bundle.metadata[code],
        file=module.source.file,
        facts=tuple(sorted(f"input.{'.'.join(fact)}" for fact in facts_read(module, "satisfied"))),
        tests=tuple(tests.get(code, ())),
        cases=tuple((case.name, case.said.rules[code]) for case in cases if code in case.said.rules),
    )


def _tests_by_rule(bundle: Bundle, parsed: Sequence[Parsed]) -> dict[str, list[RegoTest]]:
    """The tests of each module that names a rule, by the code of the rule."""
    of_package: dict[str, list[RegoTest]] = {}
    for test in bundle.tests:
        of_package.setdefault(test.package, []).append(test)
    found: dict[str, list[RegoTest]] = {}
    for module in parsed:
        for code in bundle.metadata.keys() & _rules_named(module):
            found.setdefault(code, []).extend(of_package.get(module.package, ()))
    return found


def _rules_named(module: Parsed) -> set[str]:
    paths = {imported.target for imported in module.imports} if module.source.is_test else set()
    if module.source.is_test:
        nodes = (node for rule in module.rules for kind, node in rule.nodes if kind == "Reference")
        paths |= {f"data.{path}" for node in nodes if (path := module.meaning(node))}
    return {".".join(path.split(".")[3:5]) for path in paths if path.startswith("data.gate.rules.")}


def unread(bundle: Bundle, authoring: Schema) -> list[str]:
    """The facts of a policy input that no rule rests on, as people write them.

    Of what is handed on as a whole, everything counts; what is read for a message alone does not.
    """
    modules = [parse(source) for source in bundle.modules if not source.is_test]
    read = {path for module in modules if code_of(module) for path in inputs_read(module)}
    return [told for path, told in _leaves((), "input", authoring) if not _is_read(path, read)]


def _leaves(path: tuple[str, ...], told: str, schema: Schema) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each fact that has no parts, with the place that it is read by: an entry is read with its collection."""
    if isinstance(schema.get("items"), dict):
        yield from _leaves(path, f"{told}[_]", schema["items"])
    elif parts := schema.get("properties"):
        for name, part in parts.items():
            yield from _leaves((*path, name), f"{told}.{name}", part)
    else:
        yield path, told


def _is_read(path: tuple[str, ...], read: Iterable[tuple[str, ...]]) -> bool:
    return any(path[: len(one)] == one or one[: len(path)] == path for one in read)


def not_provided(bundle: Bundle, authoring: Schema, plugins: Sequence[str] | None) -> list[NotProvided]:
    """``plugins``: those that the settings enable; None: there are no settings."""
    found = [
        NotProvided(one.message, f"{one.file}:{one.line}", one.remedy)
        for one in unknown_facts(bundle.modules, authoring)
    ]
    return found + ([] if plugins is None else list(_of_no_plugin(bundle, _sources(authoring) - set(plugins))))


def _sources(authoring: Schema) -> frozenset[str]:
    return frozenset(authoring["properties"]["evidence"].get("properties", {}))


def _of_no_plugin(bundle: Bundle, others: frozenset[str]) -> Iterator[NotProvided]:
    """Evidence of ``others``, sources that are not enabled, read by a rule that is asked of somebody."""
    reading: dict[str, list[str]] = {}
    on_call = {code for *_, codes in bundle.settings.roll_call.lists() for code in codes}
    for code in sorted(on_call):
        for source in (bundle.evidence_read([code]) or frozenset()) & others:
            reading.setdefault(source, []).append(code)
    for source, codes in sorted(reading.items()):
        remedy = f"Enable the plugin by [plugins.{source}] in the settings."
        yield NotProvided(
            f"the settings do not enable what provides `input.evidence.{source}`", ", ".join(codes), remedy
        )
