"""The shipped policies, asked thousands of questions: each is a golden one with a single fact broken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import regorus

from launchplane_gate.model import stamp, unstamp
from launchplane_gate.policy.bundle.config import Config, ProductPolicy
from launchplane_gate.policy_input import PolicyInput, StandingInput
from tests.places import CASES, POLICIES

IN_REGO = {
    "promote_admit": "promotion",
    "promote_confirm": "promoted",
    "deploy_admit": "deployment",
    "deploy_confirm": "deployed",
    "rollback_admit": "rollback",
    "rollback_confirm": "rolled_back",
    "evidence_admit": "reported",
    "promote_standing": "standing_to_promote",
    "deploy_standing": "standing_to_deploy",
    "rollback_standing": "standing_to_roll_back",
    "waive_standing": "standing_to_waive",
    "approve_standing": "standing_to_approve",
}
NAMES = tuple(IN_REGO)

Node = tuple[str, ...]
"""Where a fact stands in the input; an index into a list is written as text."""


def case(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text())


def modules(*, tests: bool) -> list[Path]:
    return [path for path in sorted(POLICIES.rglob("*.rego")) if tests or not path.name.endswith("_test.rego")]


class Policies:
    """The policies with the configuration of the cases, on an engine that is made anew after each error."""

    def __init__(self, *, tests: bool = False) -> None:
        self.tests = tests
        self.errors: list[str] = []
        self.start()

    def start(self) -> None:
        self.engine = regorus.Engine()
        for path in modules(tests=self.tests):
            self.engine.add_policy(str(path.relative_to(POLICIES)), path.read_text())
        self.engine.add_data_json(json.dumps({"config": case("config")}))

    def value(self, path: str) -> Any:
        """The value at a path; None where it is undefined."""
        results = json.loads(self.engine.eval_query_as_json(path)).get("result", [])
        return results[0]["expressions"][0]["value"] if results else None

    def unsatisfied(self, question: Any) -> list[str]:
        """What does not let a question through: rules of its roll call, or that there is no whole answer."""
        try:
            self.engine.set_input_json(json.dumps(question))
            answer = self.value("data.gate.decision.answer")
        except RuntimeError as error:
            self.errors.append(str(error).partition("Stack backtrace")[0])
            self.start()
            return ["an error"]
        if not answer or not answer["results"]:
            return ["no answer"]
        return [code for code, result in answer["results"].items() if result["satisfied"] is not True]


@pytest.fixture(scope="module")
def policies() -> Policies:
    return Policies()


# -- the golden cases


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_case_is_a_policy_input(name: str) -> None:
    contract = StandingInput if name.endswith("_standing") else PolicyInput
    contract.model_validate(case(name))


def test_the_cases_are_those_of_the_tests_in_rego() -> None:
    in_rego = Policies(tests=True)
    for name, there in IN_REGO.items():
        assert in_rego.value(f"data.gate_test.cases.{there}") == case(name)


def test_the_configuration_of_the_cases_is_the_shipped_one_with_a_product() -> None:
    shipped = json.loads((POLICIES / "config" / "data.json").read_text())
    assert case("config") == shipped | Policies(tests=True).value("data.gate_test.cases.config")


@pytest.mark.parametrize("name", NAMES)
def test_every_golden_case_is_allowed(policies: Policies, name: str) -> None:
    assert policies.unsatisfied(case(name)) == []


# -- what the rules read


class Read(NamedTuple):
    """A fact that a rule depends on; ``deep`` says that it depends on everything below as well."""

    node: Node
    deep: bool


class Seen(NamedTuple):
    """What an expression may stand for: the fact at ``node``, or (``within``) a collection that holds it."""

    node: Node
    within: bool


Value = frozenset[Seen]
NOTHING: Value = frozenset()
Tree = Mapping[str, Any]

SCALARS = {"String", "RawString", "Number", "Bool", "Null"}
LOOK_AT_THE_TYPE = {"is_array", "is_boolean", "is_null", "is_number", "is_object", "is_string"}


def index(value: Value, key: str) -> Value:
    return frozenset(Seen(seen.node, False) if seen.within else Seen((*seen.node, key), False) for seen in value)


def collected(values: Iterable[Value]) -> Value:
    return frozenset(Seen(seen.node, True) for value in values for seen in value)


def is_no_fact(tree: Tree) -> bool:
    """Whether this is the empty set, which no fact is: it stands for what is not there."""
    return "Set" in tree and not tree["Set"]["items"]


def parts(reference: Tree) -> list[str]:
    [(kind, node)] = reference.items()
    if kind == "RefBrack":  # of a head whose keys are variables
        return parts(node["refr"])
    return [*parts(node["refr"]), node["field"][1]] if kind == "RefDot" else [node["value"]]


@dataclass
class Module:
    text: bytes
    imports: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[Tree]] = field(default_factory=dict)


class Reading:
    """Follows what a rule is satisfied by through its private rules and its functions, down to the input.

    It may say that a fact is read where it is not, never the other way round.
    """

    def __init__(self) -> None:
        self.modules: dict[str, Module] = {}
        self.reads: set[Read] = set()
        for path in modules(tests=False):
            engine = regorus.Engine()
            engine.add_policy(str(path), path.read_text())
            [parsed] = json.loads(engine.get_ast_as_json())
            module = Module(path.read_bytes())
            for imported in parsed["ast"]["imports"]:
                *_, name = target = parts(imported["refr"])
                module.imports[name] = ".".join(target[1:])
            for tree in parsed["ast"]["rules"]:
                [head] = tree["Spec"]["head"].values()
                module.rules.setdefault(parts(head["refr"])[0], []).append(tree["Spec"])
            self.modules[".".join(parts(parsed["ast"]["package"]["refr"]))] = module

    def of(self, codes: Iterable[str]) -> set[Read]:
        self.reads = set()
        for code in codes:
            self.call(self.modules[f"gate.rules.{code}"], "satisfied", [])
        return self.reads

    def call(self, module: Module, name: str, arguments: list[Value]) -> Value:
        result: set[Seen] = set()
        for rule in module.rules[name]:
            [head] = rule["head"].values()
            names = [parts(argument)[0] for argument in head.get("args", [])]
            given = dict(zip(names, arguments, strict=True))
            if not rule["bodies"]:
                result |= self.expression(module, head["assign"]["value"], given)
            for body in rule["bodies"]:
                known = dict(given)
                self.query(module, body["query"], known)
                said = body["assign"] or head["assign"]
                if said:
                    result |= self.expression(module, said["value"], known)
        return frozenset(result)

    def query(self, module: Module, query: Tree, known: dict[str, Value]) -> None:
        for statement in query["stmts"]:
            [(kind, literal)] = statement["literal"].items()
            if kind in ("Expr", "NotExpr"):
                self.read(self.expression(module, literal["expr"], known))
            elif kind == "SomeIn":
                collection = self.read(self.expression(module, literal["collection"], known))
                self.bind(literal["value"], index(collection, "*"), known)
                if literal["key"]:
                    self.bind(literal["key"], NOTHING, known)
            elif kind == "Every":
                collection = self.read(self.expression(module, literal["domain"], known))
                inner = dict(known)
                for part, value in (("key", NOTHING), ("value", index(collection, "*"))):
                    if literal[part]:
                        inner[module.text[literal[part]["start"] : literal[part]["end"]].decode()] = value
                self.query(module, literal["query"], inner)
            else:
                raise NotImplementedError(kind)

    def bind(self, pattern: Tree, value: Value, known: dict[str, Value]) -> None:
        [(kind, node)] = pattern.items()
        if kind == "Array":
            for item in node["items"]:
                self.bind(item, index(value, "*"), known)
        else:
            known[parts(pattern)[0]] = value

    def read(self, value: Value, *, deep: bool = False) -> Value:
        self.reads |= {Read(seen.node, deep) for seen in value}
        return value

    def expression(self, module: Module, tree: Tree, known: dict[str, Value]) -> Value:
        [(kind, node)] = tree.items()
        if kind in SCALARS:
            return NOTHING
        if kind == "Var":
            return self.name(module, node["value"], known)
        if kind == "RefDot":
            return index(self.expression(module, node["refr"], known), node["field"][1])
        if kind == "RefBrack":
            [(index_kind, key)] = node["index"].items()
            self.read(self.expression(module, node["index"], known), deep=True)
            written = key["value"] if index_kind == "String" else "*"
            return index(self.expression(module, node["refr"], known), written)
        if kind == "Call":
            return self.called(module, node, known)
        if kind == "AssignExpr":
            value = self.read(self.expression(module, node["rhs"], known))
            self.bind(node["lhs"], value, known)
            return NOTHING
        if kind in ("Array", "Set"):
            return collected(self.expression(module, item, known) for item in node["items"])
        if kind == "Object":
            return collected(self.expression(module, item, known) for _, _, item in node["fields"])
        if kind in ("ArrayCompr", "SetCompr"):
            inner = dict(known)
            self.query(module, node["query"], inner)
            return collected([self.expression(module, node["term"], inner)])
        if kind in ("BoolExpr", "ArithExpr", "BinExpr", "Membership"):
            sides = [node[side] for side in ("lhs", "rhs", "value", "collection") if side in node]
            with_a_scalar = any(SCALARS & side.keys() or is_no_fact(side) for side in sides)  # no part of one equals it
            for side in sides:
                self.read(self.expression(module, side, known), deep=not with_a_scalar)
            return NOTHING
        raise NotImplementedError(kind)

    def name(self, module: Module, name: str, known: dict[str, Value]) -> Value:
        if name == "input":
            return frozenset({Seen((), False)})
        if name in known:
            return known[name]
        return self.call(module, name, []) if name in module.rules else NOTHING  # `data`, or a wildcard

    def called(self, module: Module, node: Tree, known: dict[str, Value]) -> Value:
        name = parts(node["fcn"])
        arguments = [self.expression(module, argument, known) for argument in node["params"]]
        if name[0] in module.rules:
            return self.call(module, name[0], arguments)
        if name[0] in module.imports:
            return self.call(self.modules[module.imports[name[0]]], name[1], arguments)
        if name == ["object", "get"]:
            [(kind, key)] = node["params"][1].items()
            found = arguments[0]
            keys = key["items"] if kind == "Array" else [node["params"][1]]
            for [(key_kind, part)] in (item.items() for item in keys):
                found = index(found, part["value"] if key_kind == "String" else "*")
            self.read(arguments[1], deep=True)
            return found | arguments[2]
        for argument in arguments:
            self.read(argument, deep=name[0] not in LOOK_AT_THE_TYPE)
        return NOTHING


def covers(pattern: Node, node: Node) -> bool:
    return all(part in ("*", there) for part, there in zip(pattern, node, strict=False))


def is_read(node: Node, reads: Iterable[Read]) -> bool:
    """Whether a rule may depend on a fact or on something below it."""
    return any((len(read.node) >= len(node) or read.deep) and covers(read.node, node) for read in reads)


def roll_call(name: str) -> list[str]:
    action, phase = name.split("_")
    codes: list[str] = case("config")["roll_call"]["base"][action][phase]
    of_a_version = ["release.version_free"] if name == "promote_admit" else []  # the core has it asked
    return codes + of_a_version


@pytest.fixture(scope="module")
def reads() -> dict[str, set[Read]]:
    reading = Reading()
    facts = [("action",), ("phase",), ("nonce",), ("driver", "driver_id"), ("request", "product")]
    of_the_decision = {Read(fact, True) for fact in facts}  # which make the roll call, and bind the answer
    return {name: reading.of(roll_call(name)) | of_the_decision for name in NAMES}


# -- one fact broken


def nodes(value: Any, here: Node = ()) -> Iterator[tuple[Node, Any]]:
    if here:
        yield here, value
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in below:
        yield from nodes(child, (*here, str(key)))


def changes(value: Any) -> Iterator[tuple[str, Any]]:
    """What a fact could be instead, each with a name."""
    other: dict[str, Any] = {
        "null": None,
        "number": 7,
        "text": "odd",
        "empty": "",
        "list": [],
        "object": {},
        "true": True,
    }
    if isinstance(value, bool):
        other |= {"false": False, "as text": str(value).lower()}
    elif isinstance(value, str):
        other |= {"longer": value + "x", "shorter": value[:-1], "upper": value.upper(), "line": value + "\n"}
        moment = unstamp(value)
        if moment:
            other |= {"earlier": stamp(moment - timedelta(days=900)), "later": stamp(moment + timedelta(days=900))}
            other |= {"offset": value.replace("Z", "+00:00"), "no day": f"{value[:5]}02-30{value[10:]}"}
    elif isinstance(value, int):
        other |= {"more": value + 1, "less": -value, "as text": str(value)}
    elif isinstance(value, list) and value:
        other |= {"odd entry": [*value, "odd"], "null entry": [*value, None], "repeated": [*value, value[0]]}
    elif isinstance(value, dict) and value:
        other |= {"in a list": [value]}
    for name, changed in other.items():
        if json.dumps(changed) != json.dumps(value):
            yield name, changed


def broken(question: Any, node: Node) -> Iterator[tuple[str, Any]]:
    """A question with one fact left out, and with it changed in every way."""
    text = json.dumps(question)
    *above, last = node

    def parent(document: Any) -> Any:
        for part in above:
            document = document[int(part)] if isinstance(document, list) else document[part]
        return document

    def key(holder: Any) -> Any:
        return int(last) if isinstance(holder, list) else last

    without = json.loads(text)
    holder = parent(without)
    del holder[key(holder)]
    yield "left out", without
    holder = parent(question)
    for name, value in changes(holder[key(holder)]):
        changed = json.loads(text)
        holder = parent(changed)
        holder[key(holder)] = value
        yield name, changed


class Fine(NamedTuple):
    """Changes of facts that rules do read, after which a question is rightly allowed all the same."""

    where: str  # a pattern
    changes: str  # names of `changes`, or "any"
    why: str

    def holds(self, place: str, change: str) -> bool:
        return bool(re.fullmatch(self.where, place)) and (self.changes == "any" or change in self.changes.split(", "))


OTHER_TEXT = "text, longer, shorter, upper, line"

ALWAYS = (
    Fine("nonce", "any", "it is the asker's: the core compares it with that of the answer"),
    Fine("product.lanes", "repeated", "an entry that is there twice says nothing new"),
)
SAMPLES = (
    Fine("evidence.health.(source|destination)", "repeated", "one good answer more"),
    Fine(r"evidence.health.(source|destination).\d.status", "more", "201 is good too"),
)
AFTERWARDS = (
    Fine("now", "later", "what was seen after the deploy does not age; the gate looks again before it asks again"),
    Fine("outcome.finished_at", "earlier", "the gate stamps it, and nothing in the question knows it better"),
)
NO_CLAIMS = (Fine("actor.claims", "any", "the entry that permits it wants none"),)
BY_PATTERN = (Fine("actor.subject", "longer, shorter, line", "the entry that permits it is a pattern"),)
DIGESTS = (
    Fine("(source|destination).observed.configured_artifact_id", "any", "what runs is told, and counts"),
    Fine("(source|destination).observed.containers", "repeated", "one container more by the same digest"),
    Fine(
        r"(source|destination).observed.containers.\d.(container_id|started_at|restarts)",
        "any",
        "the core compares them with those of another look",
    ),
)
MAY_RUN = (
    Fine("destination.may_run", "list, repeated", "nothing else may run there"),
    Fine(r"destination.may_run.\d", "left out", "what is not listed cannot be known"),
    Fine("destination.may_run.0.artifact_id", "any", "some artifact of another commit"),
    Fine("destination.may_run.1.source_git_ref", "any", "the same artifact is never another"),
)
TOLD_BY_COMMIT = (
    Fine("destination.observed", "any", "where digests are not shown, the commit tells it apart"),
    Fine("destination.observed.(reachable|digests)", "any", "where digests are not shown, the commit tells it apart"),
)
TOLD_BY_DIGEST = (Fine("destination.may_run(.*)?", "any", "digests tell it apart from anything"),)


def not_asked(lanes: str) -> tuple[Fine, ...]:
    """Entries of the product's lanes whose health is not asked for in a question."""
    return (
        Fine(f"product.lanes.{lanes}", "left out", "an entry of a lane that is not asked, and not the only one"),
        Fine(f"product.lanes.{lanes}.(context|instance)", OTHER_TEXT, "then it is one of some other lane"),
        Fine(f"product.lanes.{lanes}.(base_url|health_url)", "any", "its URL is not asked"),
    )


NAMED_TWICE = (
    Fine("product.lanes", "odd entry, null entry", "one entry that names the lane is enough to know it"),
    Fine(r"product.lanes.\d", "any", "an entry of another lane, or one of two of the same"),
    Fine(r"product.lanes.\d.(context|instance)", "any", "an entry of another lane, or one of two of the same"),
    Fine("driver.driver_id", "any", "no driver acts; it is of the decision, for what the roll call adds"),
)

ANY_ENTRY_OF_PROD = (
    Fine("product.lanes.[12]", "left out", "the other entry of the lane is left"),
    Fine("product.lanes.[12].(context|instance)", OTHER_TEXT, "then the other one is the lane's only entry"),
    Fine("product.lanes.1.base_url", "any", "the URL is written out"),
    Fine("product.lanes.1.health_url", OTHER_TEXT, "it has one; none is asked before"),
    Fine("product.lanes.2.(base_url|health_url)", OTHER_TEXT, "it has one; none is asked before"),
    Fine("product.health_path", "longer, shorter, upper, line", "it has a URL; none is asked before"),
)

FINE: dict[str, tuple[Fine, ...]] = {
    "promote_admit": (
        *ALWAYS,
        *NO_CLAIMS,
        *SAMPLES,
        *BY_PATTERN,
        *DIGESTS,
        *MAY_RUN,
        *TOLD_BY_COMMIT,
        *not_asked("[12]"),
        Fine(r"source.observed.containers.\d", "left out", "the other one is left"),
        Fine("source.steady_since", "earlier", "it has been steady for longer"),
        Fine(
            "request.version",
            "left out, null, number, list, object, true",
            "then none is asked for, which binds the roll call",
        ),
        Fine("evidence.github.latest", "null", "nothing is published yet"),
        Fine("evidence.github.latest.version", "shorter", "v0.2.1 comes before it, too"),
        Fine("destination.versions", "list, repeated", "no version is known of this commit"),
        Fine("destination.versions.0", "left out", "what is not listed cannot be known"),
        Fine("destination.versions.0.version", OTHER_TEXT, "a version of another commit"),
        Fine("destination.versions.0.source_git_ref", OTHER_TEXT, "some other commit has it"),
        Fine("request.expected", "object", "nothing has to be expected"),
        Fine("request.expected.(artifact_id|source_git_ref)", "left out", "nothing has to be expected"),
        Fine("product.(health_path|lanes.0.base_url)", "any", "the source lane's URL is written out"),
        Fine("source.deployments.[12]", "left out", "what is not listed cannot be known"),
        Fine("source.deployments.[12].record_id", OTHER_TEXT, "an older deployment by any other name"),
        Fine(
            "source.deployments.[12].(artifact_id|source_git_ref|status|finished_at)",
            "any",
            "what came of an older deployment, or of one that changed nothing, does not matter",
        ),
        Fine(r"source.deployments.\d.started_at", "any", "what a record says of its time decides nothing"),
        Fine("source.deployments.1.touched", "false", "it is passed over"),
        Fine("source.deployments.[12].first_seen", "any", "how old they are does not matter"),
        Fine("source.deployments.2.older", "true", "it is passed over all the same"),
        Fine("destination.backups.0.(created_at|first_seen)", "later", "the other of both is longer ago"),
        Fine("source.run.confirmed_at", "earlier", "it has soaked longer"),
        Fine("destination.inventory", "null, object", "the destination may have none; its history decides"),
        Fine("destination.inventory.(artifact_identity.*|source_git_ref)", "any", "the release is new there anyway"),
        Fine("destination.run.settled", "any", "an unsettled lane may be changed: that is what settles it"),
        Fine("destination.run.last(.*)?", "any", "the release is new there anyway"),
        Fine("destination.history", "list, repeated", "a lane without a past"),
        Fine(r"destination.history.\d", "left out", "what is not listed cannot be known"),
        Fine(r"destination.history.\d.(artifact_id|source_git_ref)", OTHER_TEXT, "some other release that ran there"),
        Fine("destination.history.[01].rolled_back", "true", "some other release was rolled back"),
        Fine("destination.history.2.rolled_back", "false", "some other release was not rolled back"),
        Fine("destination.rolled_back", "list, repeated", "nothing was rolled back there"),
        Fine(r"destination.rolled_back.\d", "left out", "what is not listed cannot be known"),
        Fine(r"destination.rolled_back.\d.(artifact_id|source_git_ref)", OTHER_TEXT, "some other release was"),
        Fine("destination.way_back(.*)?", "any", "it is for a rollback"),
        Fine("destination.backups", "odd entry, null entry, repeated", "one good backup is enough"),
        Fine("destination.backups.1(.*)?", "any", "one good backup is enough, and this is not it"),
    ),
    "promote_confirm": (
        *ALWAYS,
        *SAMPLES,
        *AFTERWARDS,
        *MAY_RUN,
        *not_asked("0"),
        Fine("driver.driver_id", OTHER_TEXT, "a driver that is not named has the time of all, and that is over too"),
        Fine("product.lanes.1.base_url", "any", "its URL is written out"),
    ),
    "deploy_admit": (
        *ALWAYS,
        *NO_CLAIMS,
        *BY_PATTERN,
        *TOLD_BY_COMMIT,
        *TOLD_BY_DIGEST,
        *not_asked("[12]"),
        Fine("now", "earlier, later", "testing is always open"),
        Fine("product.(health_path|lanes.0.base_url)", "any", "the URL is written out"),
        Fine("product.lanes.0.health_url", OTHER_TEXT, "it has one; none is asked before a deploy"),
        Fine("evidence", "any", "where digests are shown, health need not tell it apart"),
    ),
    "deploy_confirm": (
        *ALWAYS,
        *SAMPLES,
        *AFTERWARDS,
        *DIGESTS,
        *TOLD_BY_DIGEST,
        *not_asked("[12]"),
        Fine("product.(health_path|lanes.0.base_url)", "any", "the URL is written out"),
    ),
    "rollback_admit": (
        *ALWAYS,
        *NO_CLAIMS,
        *TOLD_BY_COMMIT,
        *MAY_RUN[:3],
        *ANY_ENTRY_OF_PROD,
        *not_asked("0"),
        Fine("now", "any", "how long ago it was told what runs there does not matter"),
        Fine("request.expected", "object", "nothing has to be expected"),
        Fine("request.expected.(artifact_id|source_git_ref)", "left out", "nothing has to be expected"),
        Fine("destination.history", "odd entry, null entry, repeated", "one entry of the release is enough"),
        Fine("destination.way_back(.*)?", "any", "the lane is settled, and may go back to anything that ran there"),
        Fine("evidence", "any", "every commit that may run there is known"),
    ),
    "rollback_confirm": (
        *ALWAYS,
        *SAMPLES,
        *AFTERWARDS,
        *MAY_RUN,
        *not_asked("0"),
        Fine("driver.driver_id", OTHER_TEXT, "a driver that is not named has the time of all, and that is over too"),
        Fine("product.lanes.1.base_url", "any", "its URL is written out"),
    ),
    "evidence_admit": (
        *ALWAYS,
        *NO_CLAIMS,
        *BY_PATTERN,
        *TOLD_BY_COMMIT,
        *MAY_RUN,
        *ANY_ENTRY_OF_PROD,
        *not_asked("0"),
        Fine("now", "later", "the window is open for some time yet"),
        Fine("request.expected", "object", "nothing has to be expected"),
        Fine("request.expected.(artifact_id|source_git_ref)", "left out", "nothing has to be expected"),
        Fine("destination.inventory(.deployment_record_id)?", "any", "no record is anybody else's"),
        Fine("destination.deployments", "list, repeated", "no record is anybody else's"),
        Fine("destination.deployments.0", "left out", "no record is anybody else's"),
        Fine("destination.deployments.0.record_id", "any", "the record is the gate's, whatever it is called"),
        Fine("destination.deployments.0.first_seen", "any", "the inventory rests on it, whosever it is"),
        Fine("evidence", "any", "every commit that may run there is known"),
    ),
    "rollback_standing": (*ALWAYS, *NO_CLAIMS, *ANY_ENTRY_OF_PROD, *not_asked("0")),
    "promote_standing": (
        *ALWAYS,
        *NO_CLAIMS,
        *BY_PATTERN,
        Fine("product.lanes.[12]", "left out", "the other entry of the lane is left"),
        Fine("product.lanes.[12].(context|instance)", OTHER_TEXT, "then the other one is the lane's only entry"),
        Fine("product.lanes.[01].base_url", "any", "the URL is written out"),
        Fine("product.lanes.[01].health_url", OTHER_TEXT, "it has one; none is asked here"),
        Fine("product.lanes.2.(base_url|health_url)", OTHER_TEXT, "it has one; none is asked here"),
        Fine("product.health_path", "longer, shorter, upper, line", "it has a URL; none is asked here"),
    ),
    "deploy_standing": (
        *ALWAYS,
        *NO_CLAIMS,
        *BY_PATTERN,
        *not_asked("[12]"),
        Fine("product.(health_path|lanes.0.base_url)", "any", "the URL is written out"),
        Fine("product.lanes.0.health_url", OTHER_TEXT, "it has one; none is asked here"),
    ),
    "waive_standing": (*ALWAYS, *NO_CLAIMS, *NAMED_TWICE),
    "approve_standing": (
        *ALWAYS,
        *NAMED_TWICE,
        Fine("actor.claims.repository_id", "any", "the entry that permits it wants another claim"),
        Fine("waiver.(requester|approver)", OTHER_TEXT, "some other two; the core says who is one person"),
    ),
}


@pytest.mark.thorough  # test_differential breaks as much at random
@pytest.mark.parametrize("name", NAMES)
def test_a_broken_fact_that_a_rule_reads_is_refused(policies: Policies, reads: dict[str, set[Read]], name: str) -> None:
    question = case(name)
    through, needed, asked = [], set(), 0
    for node, _ in nodes(question):
        if not is_read(node, reads[name]):
            continue
        place = ".".join(node)
        for change, changed in broken(question, node):
            asked += 1
            if policies.unsatisfied(changed):
                continue
            reasons = [fine for fine in FINE[name] if fine.holds(place, change)]
            needed.update(reasons)
            if not reasons:
                through.append(f"{place}: {change}")
    assert through == []
    assert [fine for fine in FINE[name] if fine not in needed] == [], "not needed any more"
    assert asked > 300
    assert policies.errors == []


class Unread(NamedTuple):
    """Facts that no rule of a question's roll call depends on, with all below them."""

    where: str  # a pattern
    why: str


FOR_PEOPLE = (
    Unread("schema_version", "the contract has one"),
    Unread("request.(reason|version|dry_run)", "said by the asker"),
    Unread("product.repository", "the plugins ask by it"),
    Unread(r"evidence.health.(source|destination).\d.detail", "for people"),
)
OF_AN_ACTOR = (Unread("actor.person", "the core tells by it who is one person, and who may is told by subject"),)
OF_GITHUB = (Unread("evidence.github.(repository|latest.commit)", "for people"),)
OF_RECORDS = (
    Unread("(source|destination).inventory.schema_version", "the store's"),
    Unread("(source|destination).inventory.artifact_identity.manifest_version", "the store's"),
    Unread("(source|destination).inventory.(deploy|destination_health|updated_at)(.*)?", "the deployments are asked"),
    Unread("(source|destination).(observed.(detail|lacks)|run.why)", "for people"),
    Unread("source.run.last(.*)?", "whether the lane is settled sums it up"),
    Unread("destination.run.last.(run_id|action|at)", "what it released is read"),
)
OF_A_DESTINATION = (
    Unread(
        "destination.(observed|deployments|steady_since)(.*)?", "a lane that is down, or has drifted, may be changed"
    ),
    Unread("destination.run.confirmed_at", "how long a lane has run what is replaced does not matter"),
)
DECIDED_BEFORE = (
    Unread("(actor|source|driver)(.*)?", "who may ask, and what is promoted, was decided on"),
    Unread("request.expected(.*)?", "what was asked for was decided on"),
    Unread("product.(driver_id|image)(.*)?", "what may be deployed was decided on"),
    Unread(
        "destination.(inventory|deployments|hold|run|history|rolled_back|way_back|backups|versions|steady_since)(.*)?",
        "what happened since is seen, not read",
    ),
    Unread("destination.observed.(detail|lacks)", "for people"),
    Unread("outcome.started_at", "what is seen has to be later than its end"),
)
IN_STANDING = (*FOR_PEOPLE[:3], *OF_AN_ACTOR)
OF_NO_DEPLOY = (
    Unread("driver.addressed|product.driver_id", "no driver acts"),
    Unread(r"product.(health_path|lanes.\d.(base_url|health_url))", "no health is asked"),
    Unread("source", "there is none"),
    Unread("request.expected", "nothing is expected"),
)
UNREAD: dict[str, tuple[Unread, ...]] = {
    "promote_admit": (
        *FOR_PEOPLE,
        *OF_AN_ACTOR,
        *OF_GITHUB,
        *OF_RECORDS,
        *OF_A_DESTINATION,
        Unread("destination.inventory.(context|instance)", "the store reads it by them"),
        Unread("destination.inventory.(deployment_record_id|promotion_record_id|promoted_from_instance)", "its past"),
        Unread(r"destination.history.\d.(action|at)", "in what order it ran what does not matter"),
        Unread(r"destination.backups.\d.record_id", "any backup will do"),
    ),
    "promote_confirm": (*FOR_PEOPLE, *DECIDED_BEFORE),
    "deploy_admit": (
        *FOR_PEOPLE[:3],
        *OF_AN_ACTOR,
        *OF_A_DESTINATION,
        Unread("request.expected(.*)?", "the release is made of it"),
        Unread(
            "destination.(inventory|history|rolled_back|way_back|backups|versions)(.*)?",
            "a lane that is deployed to directly may go anywhere",
        ),
        Unread("destination.run(.*)?", "an unsettled lane may be changed: that is what settles it"),
    ),
    "deploy_confirm": (*FOR_PEOPLE, *DECIDED_BEFORE),
    "rollback_admit": (
        *FOR_PEOPLE[:3],
        *OF_AN_ACTOR,
        *OF_A_DESTINATION,
        Unread("destination.(inventory|backups|versions)(.*)?", "what ran there is told by the ledger"),
        Unread("destination.run.(why|last)(.*)?", "whether the lane is settled sums it up"),
        Unread(r"destination.history.\d.(action|at|rolled_back)", "who goes back to what may be told by name"),
        Unread("destination.rolled_back(.*)?", "who goes back to what may be told by name"),
    ),
    "rollback_confirm": (*FOR_PEOPLE, *DECIDED_BEFORE),
    "evidence_admit": (
        *FOR_PEOPLE[:3],
        *OF_AN_ACTOR,
        Unread("destination.(observed|steady_since)(.*)?", "what runs is for confirm to say"),
        Unread("destination.(history|rolled_back|way_back|backups|versions)(.*)?", "what the gate brought last counts"),
        Unread("destination.run(.*)?", "an unsettled lane may be changed: that is what settles it"),
        Unread("destination.inventory.(?!deployment_record_id).*", "what is recorded there is what is to be overtaken"),
        Unread("destination.deployments.0.(?!record_id|first_seen).*", "whose they are matters, not what they say"),
    ),
    "promote_standing": (
        *IN_STANDING,
        Unread("request.expected(.*)?", "what the source lane runs is not known yet"),
        Unread("release", "what the source lane runs is not known yet"),
        Unread("product.image(.*)?", "no release is named yet"),
        Unread("waiver", "there is none"),
    ),
    "deploy_standing": (
        *IN_STANDING,
        Unread("request.expected(.*)?", "the release is made of it"),
        Unread("waiver", "there is none"),
    ),
    "rollback_standing": (
        *IN_STANDING,
        Unread("request.expected(.*)?", "what ran there is not known yet"),
        Unread("release", "what ran there is not known yet"),
        Unread("product.image(.*)?", "no release is named yet"),
        Unread("waiver", "there is none"),
    ),
    "waive_standing": (*IN_STANDING, *OF_NO_DEPLOY, Unread("waiver", "it is not there yet")),
    "approve_standing": (
        *IN_STANDING,
        *OF_NO_DEPLOY,
        Unread("(release|product.image)(.*)?", "it was asked about when the waiver was requested"),
        Unread("waiver.(waiver_id|code)", "which rules can be waived is for the core to say"),
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_is_read_by_a_rule_unless_it_is_known_not_to_matter(reads: dict[str, set[Read]], name: str) -> None:
    unread = {".".join(node) for node, _ in nodes(case(name)) if not is_read(node, reads[name])}
    known = {place for place in unread if any(re.fullmatch(entry.where, place) for entry in UNREAD[name])}
    assert sorted(unread - known) == []
    for entry in UNREAD[name]:
        assert any(re.fullmatch(entry.where, place) for place in unread), f"read, or not there: {entry.where}"


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
def test_a_fact_that_no_rule_reads_changes_nothing(policies: Policies, reads: dict[str, set[Read]], name: str) -> None:
    question = case(name)
    unread = [node for node, _ in nodes(question) if not is_read(node, reads[name])]
    assert unread
    for node in unread:
        for change, changed in broken(question, node):
            if change in ("left out", "null", "object"):
                assert policies.unsatisfied(changed) == [], f"{'.'.join(node)}: {change}"
    assert policies.errors == []


@pytest.mark.parametrize("driver_id", ["generic-web", "local", "another"])
@pytest.mark.parametrize("own", [None, 0, 7, 60])
def test_the_core_and_the_rules_reckon_the_same_time_to_stay_up(driver_id: str, own: int | None) -> None:
    config = Config.model_validate_json((POLICIES / "config" / "data.json").read_text())
    decided = {} if own is None else {"thresholds": {"settle_s": own}}
    with_product = config.model_copy(update={"products": {"p": ProductPolicy.model_validate(decided)}})
    policies = Policies()
    policies.engine.clear_data()
    policies.engine.add_data_json(json.dumps({"config": json.loads((POLICIES / "config" / "data.json").read_text())}))
    said = policies.value(f"data.gate.lib.products.settle_s({json.dumps(driver_id)}, {json.dumps(decided)})")
    assert said == with_product.settle_s(driver_id, "p")
