"""The static check: what a file of a bundle may say, so that no file can switch off the rule of another.

Rego joins every definition of a rule with "or", wherever it stands, so whoever can add a file could answer for a rule
that says no. Hence each rule has one module, at the path of its package, of a few plain heads, and reads nothing but
the input, the configuration and functions. All of it is read off the engine's own syntax tree.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from launchplane_gate.errors import PolicyError
from launchplane_gate.policy.bundle.agreement import Agreement
from launchplane_gate.policy.bundle.floor import DECISION_PATH
from launchplane_gate.policy.bundle.functions import FUNCTIONS, FUNCTIONS_OF_TESTS, WRAPPED
from launchplane_gate.policy.bundle.syntax import Call, Finding, Parsed, Reference, Rule, line_of, text_at, walk

RULE_PACKAGE = re.compile(r"gate\.rules\.(?P<code>[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)")
LIB_PACKAGE = re.compile(r"gate\.lib\.[a-z][a-z0-9_]*")
TEST_PACKAGE = re.compile(r"gate_test(\.[a-z][a-z0-9_]*)+")

_IMPORTS = re.compile(rf"data\.{LIB_PACKAGE.pattern}")
_IMPORTS_OF_TESTS = re.compile(r"data\.(gate|gate_test|config)(\..+)?")
_PLAIN_IMPORTS = ("rego.v1", "future.keywords.not")  # the second one makes OPA read `not` as this engine does
_ROOTS_OF_FUNCTIONS = frozenset(name.split(".")[0] for name in [*FUNCTIONS_OF_TESTS, *WRAPPED])
_RESERVED = _ROOTS_OF_FUNCTIONS | {"input", "data"}
# fmt: off
_KNOWN_NODES = frozenset({
    "String", "RawString", "Number", "Bool", "Null", "Array", "Set", "Object", "ArrayCompr", "SetCompr", "ObjectCompr",
    "UnaryExpr", "BinExpr", "BoolExpr", "ArithExpr", "AssignExpr", "Membership", "SomeVars", "SomeIn", "Expr",
    "NotExpr", "Every",
})
# fmt: on


class BadForm(PolicyError):
    """A bundle with findings; there is at least one."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(sorted(findings))
        super().__init__("\n".join(str(finding) for finding in self.findings))


def check_form(modules: Sequence[Parsed]) -> list[Finding]:
    """Everything that is wrong with the form of a bundle, in the order of its files and lines."""
    arities = dict(_arities(modules))
    uses = _uses(modules)
    cycles = list(_cycles(modules, uses))
    findings = [*_shared_packages(modules), *cycles]
    checked = [module for module in modules if module.source.path != DECISION_PATH]  # the core's own, byte by byte
    for module in checked:
        findings += _Check(module, arities).run()
    if not cycles:
        said = Agreement([module for module in checked if not module.source.is_test], _deciding(uses))
        findings += said.check(graphlib.TopologicalSorter(uses).static_order())
    return sorted(findings)


def code_of(module: Parsed) -> str | None:
    """The code of the rule that a module states, if it states one."""
    match = RULE_PACKAGE.fullmatch(module.package)
    return match["code"] if match else None


class _Check:
    """The check of one module. ``arities`` is that of each function in the bundle, by its full path."""

    def __init__(self, module: Parsed, arities: Mapping[str, int]) -> None:
        self.module = module
        self.is_test = module.source.is_test
        self.arities = arities
        self.functions = FUNCTIONS_OF_TESTS if self.is_test else _functions_of(module.package)
        self.findings: list[Finding] = []

    def run(self) -> list[Finding]:
        self._place()
        self._imports()
        for rule in self.module.rules:
            self._head(rule)
            self._body(rule)
        self._tests_named_twice()
        if code_of(self.module):
            for name in sorted({"satisfied", "message"} - self.module.own):
                self._wrong(self.module.package_line, f"the rule has no `{name}`", f"Define `{name}`.")
        return self.findings

    def _wrong(self, line: int, message: str, remedy: str) -> None:
        self.findings.append(Finding(self.module.source.file, line, message, remedy))

    # -- where it stands, and what it imports

    def _place(self) -> None:
        package, path = self.module.package, self.module.source.path
        known = TEST_PACKAGE if self.is_test else RULE_PACKAGE if ".rules." in package else LIB_PACKAGE
        line = self.module.package_line
        if not known.fullmatch(package):
            self._wrong(
                line,
                f"`{package}` is no package of a bundle",
                "A rule is gate.rules.CATEGORY.NAME, a library gate.lib.NAME; a test is gate_test.*, in *_test.rego.",
            )
        elif not self.is_test and path != f"{package.replace('.', '/')}.rego":
            self._wrong(line, f"the package `{package}` is not that of the path {path}", "Move the one or the other.")
        name = package.rpartition(".")[2]
        if known is LIB_PACKAGE and name in _RESERVED:
            self._wrong(line, f"a library called `{name}` hides what Rego itself calls so", "Give it another name.")

    def _imports(self) -> None:
        for imported in self.module.imports:
            if imported.target in _PLAIN_IMPORTS:
                continue
            if not (_IMPORTS_OF_TESTS if self.is_test else _IMPORTS).fullmatch(imported.target):
                self._wrong(imported.line, f"`{imported.target}` may not be imported", "Import data.gate.lib.NAME.")
            elif (imported.renamed and not self.is_test) or imported.name in _RESERVED:
                self._wrong(imported.line, f"an import may not be called `{imported.name}`", "Import it by its name.")

    # -- heads

    def _head(self, rule: Rule) -> None:
        if rule.kind == "Default":
            self._wrong(rule.line, "`default` would answer where the rule does not", "Leave it out: undefined is a no.")
        elif not rule.name:
            self._wrong(rule.line, "a head with a reference may answer for another rule", "Use a plain name.")
        elif rule.name in _RESERVED:
            self._wrong(rule.line, f"`{rule.name}` hides what Rego itself calls so", "Give it another name.")
        elif self.is_test:
            if rule.kind != "Compr" and rule.name.startswith(("test_", "todo_test_")):
                self._wrong(rule.line, f"`{rule.name}` is not run as a test", "A test is `test_name if { ... }`.")
        elif code_of(self.module):
            self._head_of_rule(rule)
        elif rule.kind != "Func":
            self._wrong(rule.line, f"`{rule.name}` is no function", "A library holds functions only.")

    def _tests_named_twice(self) -> None:
        """Joined by "or" like all definitions, one that holds would stand for one that does not."""
        seen: set[str] = set()
        for rule in self.module.rules:
            if rule.name in seen:
                self._wrong(
                    rule.line, f"`{rule.name}` is there twice, and one hides the other", "Give it another name."
                )
            if self.is_test and rule.name.startswith(("test_", "todo_test_")):
                seen.add(rule.name)

    def _head_of_rule(self, rule: Rule) -> None:
        if rule.name == "satisfied":
            self._satisfied(rule)
        elif rule.name == "message":
            if rule.kind != "Compr":
                self._wrong(rule.line, "`message` is no single value", "Write `message := ...`.")
        elif not rule.name.startswith("_"):
            self._wrong(
                rule.line,
                f"a rule defines `satisfied`, `message` and private names, not `{rule.name}`",
                f"Call it `_{rule.name}`, or move it to a library.",
            )

    def _satisfied(self, rule: Rule) -> None:
        remedy = "Write `satisfied if { ... }`."
        value = rule.head.get("assign")
        if rule.kind != "Compr" or not rule.bodies:
            self._wrong(rule.line, "`satisfied` is not stated with `if`", remedy)
        elif value and value["value"].get("Bool", {}).get("value") is not True:
            self._wrong(rule.line, "`satisfied` may be true and nothing else", remedy)
        for body in rule.bodies:
            if body["is_else"]:
                self._wrong(line_of(body), "`satisfied` has an `else`", "State another `satisfied if { ... }` instead.")

    # -- bodies

    def _body(self, rule: Rule) -> None:
        for argument in rule.head.get("args", []):
            self._binds(rule.line, (str(node) for kind, node in walk(argument) if kind == "Reference"))
        for kind, node in rule.nodes:
            if kind == "Reference":
                self._reference(node)
            elif kind == "Call":
                self._call(node)
            elif kind == "With":
                self._with(node)
            elif kind == "Every":
                spans = [span for span in (node["key"], node["value"]) if span]
                self._binds(line_of(node), (text_at(self.module.source.text, span) for span in spans))
            elif kind not in _KNOWN_NODES:
                self._wrong(rule.line, f"the checks do not know `{kind}`", "Say it in another way.")

    def _binds(self, line: int, names: Iterable[str]) -> None:
        for name in {"input", "data"}.intersection(names):
            self._wrong(line, f"a variable may not be called `{name}`", "Give it another name.")

    def _reference(self, reference: Reference) -> None:
        root, *rest = reference.parts or ("",)
        if self.is_test:
            return
        if root == "data" and rest[:1] != ["config"]:
            self._wrong(
                reference.line,
                f"`{reference}` may not be read here",
                "Read `input` and `data.config`; what rules share is a function in a library.",
            )
        elif root in self.module.imported:
            self._wrong(reference.line, f"`{reference}` is not called", "A library holds functions: call one of them.")

    def _call(self, call: Call) -> None:
        name, line = str(call.function), call.function.line
        defined = self.module.meaning(call.function)
        arity = self.functions.get(name) if defined is None else self.arities.get(defined)
        if arity is None and name in WRAPPED:
            self._wrong(line, f"`{name}` is right for some values alone", f"Call {WRAPPED[name][2]}, from gate.lib.")
        elif arity is None or self._is_foreign(call.function):
            self._wrong(
                line,
                f"`{name}` is no function that may be called here",
                "Call functions of this module, of a library that it imports, or built-in ones of the allow-list.",
            )
        elif arity != len(call.arguments):
            self._wrong(line, f"`{name}` takes {arity} arguments, not {len(call.arguments)}", "Call it so.")

    def _is_foreign(self, function: Reference) -> bool:
        """Whether a function is another module's private one, or called past the imports."""
        root, *rest = function.parts
        return not self.is_test and (root == "data" or (bool(rest) and rest[-1].startswith("_")))

    def _with(self, change: Mapping[str, Any]) -> None:
        if not self.is_test:
            self._wrong(line_of(change), "`with` replaces facts", "Only tests may do that.")


def _shared_packages(modules: Iterable[Parsed]) -> Iterator[Finding]:
    seen: dict[str, Parsed] = {}
    for module in modules:
        first = seen.setdefault(module.package, module)
        if first is not module:
            yield Finding(
                module.source.file,
                module.package_line,
                f"the package `{module.package}` is that of {first.source.file} too, and either could answer for it",
                "Keep one file a package.",
            )


def _arities(modules: Iterable[Parsed]) -> Iterator[tuple[str, int]]:
    for module in modules:
        for rule in module.rules:
            if rule.kind == "Func":
                yield f"{module.package}.{rule.name}", len(rule.head["args"])


def _functions_of(package: str) -> dict[str, int]:
    """What a rule or a library may call of Rego's own, with the number of arguments."""
    wrapped = {name: function for name, (function, homes, _) in WRAPPED.items() if package in homes}
    return {name: len(function.wants) for name, function in (FUNCTIONS | wrapped).items()}


def _uses(modules: Sequence[Parsed]) -> dict[str, set[str]]:
    """Which names of the bundle the definitions of each name refer to, by their full paths."""
    uses: dict[str, set[str]] = {f"{module.package}.{rule.name}": set() for module in modules for rule in module.rules}
    for module in modules:
        for rule in module.rules:
            uses[f"{module.package}.{rule.name}"].update(_defined(_named_by(module, rule), uses))
    return uses


def deciding(modules: Sequence[Parsed]) -> frozenset[str]:
    """Every name of a bundle on which the `satisfied` of some rule rests, by its full path."""
    return _deciding(_uses(modules))


def _deciding(uses: Mapping[str, Collection[str]]) -> frozenset[str]:
    waiting = [name for name in uses if RULE_PACKAGE.fullmatch(name.removesuffix(".satisfied"))]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(uses[name])
    return frozenset(seen)


def _cycles(modules: Sequence[Parsed], uses: Mapping[str, set[str]]) -> Iterator[Finding]:
    """A function that comes back to itself ends the whole process, so no name may lead to itself."""
    try:
        graphlib.TopologicalSorter(uses).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1]
        module, rule = next(
            (module, rule)
            for module in modules
            for rule in module.rules
            if f"{module.package}.{rule.name}" == circle[0]
        )
        path = " -> ".join(circle)
        yield Finding(
            module.source.file, rule.line, f"what is defined by itself never ends: {path}", "Take the circle apart."
        )


def _named_by(module: Parsed, rule: Rule) -> Iterator[str]:
    """The full path of whatever a rule refers to or calls."""
    for kind, node in rule.nodes:
        if kind in ("Reference", "Call"):
            path = module.meaning(node if kind == "Reference" else node.function)
            if path:
                yield path


def _defined(paths: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """The names among ``known`` that stand at these paths or above them."""
    for path in set(paths):
        parts = path.split(".")
        yield from (name for end in range(1, len(parts) + 1) if (name := ".".join(parts[:end])) in known)
