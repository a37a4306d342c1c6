"""An OPA over a real socket, as far as the gate asks it, that a test may have lie, or set a trap.

    with OpaStub(bundle) as stub:
        ... OpaEngine(bundle, OpaSettings(url=stub.base)) ...
        stub.answers[DECISION] = says(b"{}")

It evaluates with the interpreter of the policies of ``bundle``; ``modules``, ``config``, ``version`` and ``bundles``
are what it says that it holds and is. ``asked`` holds method and path of every request. ``alone`` answers for every
rule that is asked alone.
"""

from __future__ import annotations

import functools
import http.client
import json
import re
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from launchplane_gate import strictjson
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.decision import ANSWER
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined
from launchplane_gate.policy.proof.must_refuse import interpreter_of_questions
from tests.fakes.health_server import Answer, Handler, HealthServer

DECISION = "/v1/data/gate/decision/answer"
ALONE = "/v1/data/gate/decision/alone/"
RULES = "/v1/data/gate/rules/"
OK = 200
CONFIG = "/v1/data/config"
POLICIES = "/v1/policies"
QUERY = "/v1/query"

_evaluator = ThreadPoolExecutor(1)  # an interpreter is fast only on the thread that it knows
_answers: dict[tuple[str, str], Any] = {}  # to the must-refuse questions, which are the same in each test


class OpaHandler(Handler):
    server: OpaStub

    def do_GET(self) -> None:  # noqa: N802  # as http.server calls it
        self._answer(b"")

    def do_POST(self) -> None:  # noqa: N802  # likewise
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815  # so that an upload would be seen

    def _answer(self, body: bytes) -> None:
        address = urlsplit(self.path)
        self.server.asked.append((self.command, address.path))
        self.server.seen.append((self.path, dict(self.headers.items())))
        try:
            if address.path in self.server.answers:
                self.server.answers[address.path](self)
            elif self.server.alone and address.path.startswith((RULES, ALONE)):
                self.server.alone(self)
            elif self.server.token and self.headers["Authorization"] != f"Bearer {self.server.token}":
                self.say(b'{"code": "unauthorized", "message": "request rejected by administrative policy"}', code=401)
            else:
                code, document = self.server.reply(address.path, parse_qs(address.query), body)
                self.say(json.dumps(document).encode(), code=code)
        except (ConnectionError, ssl.SSLError):
            pass  # whoever asked has heard enough


class OpaStub(HealthServer):
    def __init__(self, bundle: Bundle, *, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        super().__init__(port, OpaHandler)
        self.scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.asked: list[tuple[str, str]] = []
        self.token = ""
        self.version = "1.22.2"
        self.bundles: dict[str, Any] = {}
        self.modules: list[dict[str, Any]] = []
        self.failing: set[str] = set()
        self.alone: Answer | None = None
        self.load(bundle)

    @property
    def base(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def load(self, bundle: Bundle, *, revision: str = "", tests: bool = False) -> None:
        """Take a bundle, as a server does at a moment of its own."""
        self.bundle = bundle
        self.interpreter = _interpreter(bundle.policies, strictjson.dumps(bundle.data))
        self.config: Any = json.loads(json.dumps(bundle.config))
        self.bundles = {"gate": {"revision": revision or bundle.revision}}
        self.modules = [module(one.path, one.text) for one in bundle.modules if tests or not one.is_test]

    # -- what it answers

    def reply(self, path: str, options: Mapping[str, list[str]], body: bytes) -> tuple[int, Any]:
        if path == POLICIES:
            return 200, {"result": self.modules}
        if path == QUERY:
            return 200, {"result": [self._query(body)]}
        if path.startswith("/v1/data/"):
            return self._data(path, options, json.loads(body)["input"])
        return 404, {"code": "resource_not_found", "message": "there is no such place"}

    def _data(self, path: str, options: Mapping[str, list[str]], asked: Any) -> tuple[int, Any]:
        answer: dict[str, Any] = {}
        if options.get("provenance") == ["true"]:
            answer["provenance"] = {"version": self.version, "bundles": self.bundles}
        if path == CONFIG:
            return 200, answer | ({"result": self.config} if self.config is not None else {})
        try:
            rule = "data." + path.removeprefix("/v1/data/").replace("/", ".")
            evaluate = self._alone if path.startswith(ALONE) else self.interpreter.ask
            answer["result"] = _evaluator.submit(evaluate, rule, asked).result()
        except Undefined:
            pass
        except EvaluationFailed as error:
            if options.get("strict-builtin-errors") == ["true"]:
                failed = {"code": "eval_type_error", "message": str(error), "location": {"file": "/x.rego", "row": 7}}
                message = "error(s) occurred while evaluating query"
                return 500, {"code": "internal_error", "message": message, "errors": [failed]}
        return 200, answer

    def _alone(self, path: str, asked: Any) -> dict[str, Any]:
        """As OPA evaluates it; the interpreter would look at all rules."""
        code = path.removeprefix("data.gate.decision.alone.")
        said: dict[str, Any] = {"satisfied": False, "message": ""}
        if code not in self.bundle.metadata:
            raise Undefined(path)
        for name in said:
            with suppress(Undefined):
                said[name] = self.interpreter.ask(f"data.gate.rules.{code}.{name}", asked)
        return {name: asked[name] for name in ("nonce", "action", "phase")} | {"results": {code: said}}

    def _query(self, body: bytes) -> dict[str, Any]:
        """The two queries that the gate asks. They are told apart by what they begin with: a stub knows no Rego."""
        query = json.loads(body)["query"] if b'"asked"' not in body else ""
        if names := re.match(r"held := .*some t in (\[.*?\]);", query):
            return {"held": [name for name in json.loads(names[1]) if name not in self.failing]}
        known = (self.bundle.revision, strictjson.sha256(body))
        if known not in _answers:
            _answers[known] = _evaluator.submit(self._answered, json.loads(body)["input"]["asked"]).result()
        return {"answers": _answers[known]}

    def _answered(self, questions: list[Any]) -> dict[str, Any]:
        interpreter = interpreter_of_questions(self.bundle)
        answers: dict[str, Any] = {}
        for index, asked in enumerate(questions):
            with suppress(Undefined, EvaluationFailed):
                answers[str(index)] = interpreter.ask(ANSWER, asked)
        return answers


@functools.cache
def _interpreter(policies: tuple[tuple[str, str], ...], data: str) -> Interpreter:
    return Interpreter(policies, json.loads(data))


def module(path: str, text: str, name: str = "gate") -> dict[str, Any]:
    """A module as ``GET /v1/policies`` tells of it, with as much of its syntax tree as anybody reads."""
    found = re.search(r"^package (\w+)", text, re.MULTILINE)
    assert found
    package = {"path": [{"type": "var", "value": "data"}, {"type": "string", "value": found[1]}]}
    return {"id": f"{name}/{path}", "raw": text, "ast": {"package": package}}


class Between(HealthServer):
    """Stands between the gate and an OPA, passes everything on, and turns decisions: what was refused is satisfied.

    ``opa`` is the address of the OPA, as http://HOST:PORT; ``turned`` holds the codes of the rules that it turned.
    """

    def __init__(self, opa: str) -> None:
        super().__init__(0, _BetweenHandler)
        self.opa = urlsplit(opa)
        self.turned: set[str] = set()

    def turn(self, body: bytes) -> bytes:
        document = json.loads(body)
        for code, said in document.get("result", {}).get("results", {}).items():
            self.turned |= set() if said["satisfied"] else {code}
            said.update(satisfied=True, message="")
        return json.dumps(document).encode()


class _BetweenHandler(Handler):
    server: Between

    def do_GET(self) -> None:  # noqa: N802  # as http.server calls it
        self._pass_on(None)

    def do_POST(self) -> None:  # noqa: N802  # likewise
        self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def _pass_on(self, body: bytes | None) -> None:
        to = http.client.HTTPConnection(str(self.server.opa.hostname), int(self.server.opa.port or 0), timeout=10)
        to.request(self.command, self.path, body)
        with to.getresponse() as response:
            said = response.read()
        decides = self.path.startswith((DECISION, ALONE)) and response.status == OK
        self.say(self.server.turn(said) if decides else said, code=response.status)
