"""The static check of what rules say: what passes has one answer on every engine, and is no yes on a missing fact.

Of every value it knows what the body has looked at (``is_string(x)``, ``every x in y { ... }``) and what functions
give. A built-in function is given nothing else, so none of them ends in an error: after an error the engines go
different ways. What a rule rests on says neither ``not`` nor passes over what is missing, so that a missing fact is a
no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from launchplane_gate.policy.bundle.functions import GUARDS
from launchplane_gate.policy.bundle.known import BOOLEAN, NOTHING, NULL, Known, Scope, both, either, sure
from launchplane_gate.policy.bundle.syntax import Finding, Parsed, Rule, Tree, line_of, reference, text_at
from launchplane_gate.policy.bundle.values import Values

LIBRARIES = "gate.lib."  # their functions say what they give for whatever they are given


class Agreement:
    """The rules and functions of a bundle, by their full paths; on those in ``deciding`` some `satisfied` rests."""

    def __init__(self, modules: Sequence[Parsed], deciding: frozenset[str]) -> None:
        self.deciding = deciding
        self.defined: dict[str, list[tuple[Parsed, Rule]]] = {}
        self.values: dict[str, Known] = {}
        self.findings: dict[Finding, None] = {}
        for module in modules:
            for rule in module.rules:
                self.defined.setdefault(f"{module.package}.{rule.name}", []).append((module, rule))

    def check(self, order: Iterable[str]) -> list[Finding]:
        """What is wrong. In ``order``, whatever a definition uses comes before it."""
        for path in order:
            self.value_of(path)
        return list(self.findings)

    def value_of(self, path: str) -> Known:
        """What is known of what a rule or function gives; looks at all of its definitions, once."""
        if path not in self.values:
            self.values[path] = NOTHING  # for a definition that comes back to itself, which is a finding elsewhere
            definitions = self.defined.get(path, [])
            given = [self._look_at(module, rule, path) for module, rule in definitions]
            self.values[path] = either(given)._replace(sure=any(known.sure for known in given)) if given else NOTHING
            if len(definitions) > 1:
                self._may_differ(definitions)
        return self.values[path]

    def _look_at(self, module: Parsed, rule: Rule, path: str) -> Known:
        try:
            return _Body(self, module, rule, path).value()
        except RecursionError:
            self.found(module, rule.line, "an expression is too long", "Give parts of it a name.")
            return NOTHING

    def _may_differ(self, definitions: Sequence[tuple[Parsed, Rule]]) -> None:
        for module, rule in definitions:
            values = [rule.head.get("assign"), *(body["assign"] for body in rule.bodies if body["is_else"])]
            if any(value and value["value"].get("Bool", {}).get("value") is not True for value in values):
                self.found(
                    module,
                    rule.line,
                    f"`{rule.name}` is there twice, and two values at once are an error",
                    "Join them by `else`.",
                )

    def found(self, module: Parsed, line: int, message: str, remedy: str) -> None:
        self.findings[Finding(module.source.file, line, message, remedy)] = None


class _Body(Values):
    """One definition of a rule or function."""

    def __init__(self, agreement: Agreement, module: Parsed, rule: Rule, path: str) -> None:
        super().__init__(module, decides=path in agreement.deciding)
        self.all = agreement
        self.rule = rule
        self.declared: dict[str, int] = {}

    def value_of(self, path: str) -> Known:
        return self.all.value_of(path)

    def value(self) -> Known:
        """Look at each of its branches."""
        if self.rule.kind == "Set":
            self.wrong(self.rule.line, "a partial rule passes over what is missing", "Write `every`, or `{x | ...}`.")
            return NOTHING
        start = self._parameters()
        branches = list(self._branches())
        known: list[Known] = []
        for number, (line, assigned, body) in enumerate(branches):
            scope = start.within()
            self.statements(body, scope)
            said = self.know(assigned["value"], scope) if assigned else sure(BOOLEAN)
            if not said.sure and number < len(branches) - 1:
                self.wrong(
                    line,
                    "where this value cannot be made, one engine goes on to the `else` and the other does not",
                    "Give the value a name inside of the braces, and that name before them.",
                )
            known.append(said)
        for name, line in self.declared.items():
            if name not in self.used:
                self.wrong(line, f"`{name}` is not used, and OPA lets no such name load", "Call it `_`.")
        line, _, conditions = branches[-1]
        if self.decides and not conditions and len(branches) > 1 and not self.module.package.startswith(LIBRARIES):
            self.wrong(
                line,
                "this `else` holds where a fact is missing, too, and a rule would rest on that",
                "Say when it holds, `else := ... if { ... }`, or take the default for a fact by `object.get`.",
            )
        return either(known)._replace(sure=not conditions and known[-1].sure)

    def _branches(self) -> Iterator[tuple[int, Any, Sequence[Tree]]]:
        assigned = self.rule.head.get("assign")
        if not self.rule.bodies:
            yield self.rule.line, assigned, []
        for body in self.rule.bodies:
            own = body["assign"] if body["is_else"] else assigned
            yield line_of(body), own, body["query"]["stmts"]

    def _parameters(self) -> Scope:
        scope = Scope()
        for argument in self.rule.head.get("args", []):
            name = argument.get("Var", {}).get("value")
            if name is None:
                self.wrong(
                    self.rule.line, "a parameter is more than a name", "Give it a name, and look at it in the body."
                )
            elif name in scope.names and name != "_":
                self.wrong(
                    self.rule.line, f"two parameters are called `{name}`", "Name each, and compare them by `==`."
                )
            else:
                self.bind(self.rule.line, name, NULL, scope)
        return scope

    def wrong(self, line: int, message: str, remedy: str) -> None:
        self.all.found(self.module, line, message, remedy)

    def bind(self, line: int, name: str, known: Known, scope: Scope) -> None:
        if name == "_":
            return
        if name in scope.names.keys() | scope.taken | self.module.own | self.module.imported.keys():
            self.wrong(line, f"`{name}` is the name of something else here", "Give the variable a name of its own.")
        scope.names[name] = known._replace(sure=True)

    def declare(self, line: int, name: str, known: Known, scope: Scope) -> None:
        """Bind a name that OPA wants to be used."""
        self.bind(line, name, known, scope)
        if name != "_":
            self.declared.setdefault(name, line)

    # -- statements

    def statements(self, statements: Sequence[Tree], scope: Scope) -> None:
        for statement in statements:
            [(kind, node)] = statement["literal"].items()
            line = line_of(statement) if "span" in statement else line_of(node)
            if kind == "Expr":
                self._expression(line, node["expr"], scope)
            elif kind == "NotExpr":
                self._not(line, node["expr"])
            elif kind == "SomeIn":
                self._some(line, node, scope)
            elif kind == "Every":
                self._every(line, node, scope)
            else:
                self.wrong(line, "`some` alone leaves open what a name stands for", "Write `some x in y`.")

    def _not(self, line: int, denied: Tree) -> None:
        name = denied.get("Var", {}).get("value")
        if self.decides:
            self.wrong(
                line,
                "`not` is true where a fact is missing, and a rule would rest on that",
                'Say what has to hold: `x == false`, `x != "a"`, `every x in y { ... }`.',
            )
        elif name not in self.module.own or any(rule.kind == "Func" for rule in self.module.rules if rule.name == name):
            self.wrong(
                line,
                "`not` stands before the name of a rule of this file alone: the engines differ on the rest",
                "Make a rule `_name if { ... }` of it, and say `not _name`.",
            )

    def _some(self, line: int, node: Tree, scope: Scope) -> None:
        names = [name for part in (node["key"], node["value"]) if part for name in _names(part)]
        entries = self.wants("collection", node["collection"], scope.within(taken=names), "`some ... in`")
        self.be_sure(line, entries.sure, scope)
        for part, known in ((node["key"], NOTHING), (node["value"], entries.of or NOTHING)):
            if part is None:
                continue
            if "Var" in part:
                self.declare(line, part["Var"]["value"], known, scope)
            else:
                self.wrong(line, "`some` takes an entry apart", "Give the entry a name, and look at it below.")

    def _every(self, line: int, node: Tree, scope: Scope) -> None:
        names = [text_at(self.module.source.text, span) if span else "_" for span in (node["key"], node["value"])]
        entries = self.know(node["domain"], scope.within(taken=names))
        self.be_sure(line, entries.sure, scope)
        inner = scope.within()
        for name, known in zip(names, (NOTHING, entries.of or NOTHING), strict=True):
            self.declare(line, name, known, inner)
        self.statements(node["query"]["stmts"], inner)
        of = both(entries.of or NOTHING, inner.seen({"Var": {"value": names[1]}}))
        scope.learn(node["domain"], Known(frozenset({"collection"}), of=of))

    def _expression(self, line: int, node: Tree, scope: Scope) -> None:
        [(kind, inner)] = node.items()
        if kind == "AssignExpr":
            self._assign(line, inner, scope)
        elif kind == "Membership":
            _, found_in = self.parts(inner, scope)
            if found_in.of:
                scope.learn(inner["value"], found_in.of)
        elif kind == "BoolExpr" and inner["op"] == "Eq":
            left, right = self.parts(inner, scope)
            self.be_sure(line, left.sure and right.sure, scope)
            scope.learn(inner["lhs"], right)
            scope.learn(inner["rhs"], left)
        else:
            self.be_sure(line, self.know(node, scope).sure, scope)
            if kind == "Call" and len(inner["params"]) == 1:
                function = reference(inner["fcn"])
                scope.learn(inner["params"][0], GUARDS.get(self.module.meaning(function) or str(function), NOTHING))

    def _assign(self, line: int, node: Tree, scope: Scope) -> None:
        if node["op"] != "ColEq":
            self.wrong(line, "`=` may compare or assign, and the engines differ on which", "Write `:=` or `==`.")
        known = self.know(node["rhs"], scope.within(taken=_names(node["lhs"])))
        self.be_sure(line, known.sure, scope)
        [(kind, target)] = node["lhs"].items()
        if kind == "Var":
            self.bind(line, target["value"], known, scope)
        elif kind == "Array" and all("Var" in item for item in target["items"]):
            for item in target["items"]:
                self.bind(line, item["Var"]["value"], known.of or NOTHING, scope)
            self.be_sure(line, False, scope)
        else:
            self.wrong(line, "what is taken apart here is no list of names", "Write `x := ...` or `[x, y] := ...`.")


def _names(target: Tree) -> list[str]:
    """The names that are given to something, one or several."""
    parts = target["Array"]["items"] if "Array" in target else [target]
    return [part["Var"]["value"] for part in parts if "Var" in part]
