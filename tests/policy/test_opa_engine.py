"""The engine ``opa`` believes a server only while it answers as it must and holds what we mean."""

from __future__ import annotations

import importlib.metadata
import json
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from opa_client.opa import OpaClient  # type: ignore[import-untyped]  # ships no type stubs
from pydantic import SecretStr

from launchplane_gate.cli import program
from launchplane_gate.cli.session import actor_subject
from launchplane_gate.demo.workspace import PRODUCT, write_workspace
from launchplane_gate.errors import EngineError, SettingsError
from launchplane_gate.model import Decision
from launchplane_gate.policy import Bundle, decide, load_bundle, shipped_policies
from launchplane_gate.policy.decision import ALONE, ANSWER, read_answer
from launchplane_gate.policy.engines.opa.engine import OpaEngine
from launchplane_gate.policy.engines.opa.server import CLIENT_VERSION, OpaServer
from launchplane_gate.policy.engines.protocol import EvaluationFailed, PolicyEngine, Undefined
from launchplane_gate.policy.proof import questions
from launchplane_gate.policy.proof.must_refuse import roll_call_of
from launchplane_gate.settings import OpaSettings, Settings, load_settings
from tests.conftest import ACTOR, A, MakeGate, deploy
from tests.fakes import bundles
from tests.fakes.authority import Authority
from tests.fakes.health_server import (
    Answer,
    Handler,
    HealthServer,
    drips,
    floods,
    hangs_up,
    redirects,
    reports,
    says,
    sleeps,
)
from tests.fakes.opa_stub import CONFIG, DECISION, POLICIES, QUERY, OpaStub, module
from tests.fakes.platform import FakePlatform
from tests.opa import PATIENT_S
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # a server that answers by the book, asked again and again

TOKEN = "tok-83c1e5"
PROMOTION = questions.PROMOTION
ASKED = "/v1/data/gate/decision/answer?strict-builtin-errors=true&provenance=true"

BROKEN = json.dumps({"code": "internal_error", "message": "failed", "errors": [{"message": "odd"}]}).encode()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle([bundles.without_tests(tmp_path_factory.mktemp("rules"))])


@pytest.fixture
def stub(shipped: Bundle) -> Iterator[OpaStub]:
    with OpaStub(shipped) as stub:
        yield stub


def engine_of(stub: OpaStub, *, believed_for_s: float = 60, **settings: Any) -> OpaEngine:
    options: dict[str, Any] = {"url": stub.base, "timeout_s": PATIENT_S} | settings
    return OpaEngine(stub.bundle, OpaSettings(**options), believed_for_s=believed_for_s)


@pytest.fixture
def engine(stub: OpaStub) -> OpaEngine:
    """An engine whose server has passed its examination."""
    engine = engine_of(stub)
    engine.examine()
    return engine


def ask(engine: PolicyEngine, **changes: Any) -> Any:
    return engine.ask(ANSWER, {**PROMOTION, **changes})


def refused(engine: PolicyEngine) -> str:
    """What is said of a question that is not answered; it comes with a remedy, and is no Undefined."""
    with pytest.raises(EngineError) as error:
        ask(engine)
    assert type(error.value) is EngineError
    assert error.value.exit_code == 3 and error.value.hint.startswith("Nothing was deployed.")
    return str(error.value)


def document(**changes: Any) -> bytes:
    """An answer in the form of OPA's."""
    provenance = {"version": "1.22.2", "bundles": {"gate": {"revision": "r"}}}
    return json.dumps({"result": {}, "provenance": provenance} | changes).encode()


def own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "asking OPA"]


def wait_until(true: Callable[[], object], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(true())


# -- asking


def test_a_server_that_holds_our_bundle_answers(stub: OpaStub, engine: OpaEngine) -> None:
    said = read_answer(ask(engine), roll_call_of(stub.bundle, PROMOTION), PROMOTION)
    assert said["lane.settled"].satisfied and not said["lane.path_allowed"].satisfied
    assert (engine.name, engine.revision) == ("opa 1.22.2", stub.bundle.revision)


def test_it_asks_for_strict_builtin_errors_and_provenance_on_a_new_connection(stub: OpaStub, engine: OpaEngine) -> None:
    ask(engine)
    path, headers = stub.seen[-1]
    assert (path, headers["Connection"]) == (ASKED, "close")


def test_a_value_is_told_from_none_and_from_an_error(engine: OpaEngine) -> None:
    rule = f"{ALONE}.lane.settled"
    said = {"nonce": PROMOTION["nonce"], "action": "promote", "phase": "admit"}
    assert engine.ask(rule, PROMOTION) == said | {"results": {"lane.settled": {"satisfied": True, "message": ""}}}
    with pytest.raises(Undefined):
        engine.ask(f"{ALONE}.lane.unknown", PROMOTION)


def test_an_error_of_evaluation_is_one_and_the_rules_are_asked_one_by_one(tmp_path: Path, shipped: Bundle) -> None:
    folder = bundles.further(tmp_path, ["lane.odd"])
    odd = "satisfied if count(input.evidence.odd) > 0\n\nmessage := `odd`\n"
    loaded = load_bundle([Path(shipped.file_of("lane.settled")).parents[3], folder])
    bundle = bundles.unchecked(loaded, "lane.odd", odd)
    asked = questions.changed(PROMOTION, {"evidence.odd": 5})
    with OpaStub(bundle) as stub:
        engine = engine_of(stub)
        with pytest.raises(EvaluationFailed, match=r"count.*\(x.rego:7\)"):
            engine.ask(ANSWER, asked)
        said = engine.hear(roll_call_of(bundle, asked), asked).said
        assert [code for code, rule in said.items() if not rule.evaluated] == ["lane.odd"]
        assert said["lane.settled"].satisfied
        assert stub.asked.count(("GET", POLICIES)) == 1  # it was believed all the while


def test_a_server_that_goes_away_while_the_rules_are_asked_one_by_one_has_not_decided(
    stub: OpaStub, engine: OpaEngine
) -> None:
    stub.answers[DECISION] = says(BROKEN, code=500)
    stub.answers["/v1/data/gate/decision/alone/lane/settled"] = hangs_up()
    with pytest.raises(EngineError, match="broke off"):
        engine.hear(roll_call_of(stub.bundle, PROMOTION), PROMOTION)


@pytest.mark.parametrize(
    "path",
    ["", "data", "input.x", "data.gate?x=1", "data.Gate", f"{ALONE}/../../policies", f"{ALONE}.x?y=1", f"{ALONE}.X"],
)
def test_only_paths_are_asked_for(stub: OpaStub, engine: OpaEngine, path: str) -> None:
    asked = len(stub.asked)
    for ask in (engine.ask, OpaServer(OpaSettings(url=stub.base)).ask):
        with pytest.raises(EngineError, match=r"not the path|is not asked for"):
            ask(path, {})
    assert len(stub.asked) == asked


@pytest.mark.parametrize("path", ["data.gate.rules.lane.settled", "data.gate.rules.lane.settled.satisfied", CONFIG])
def test_nothing_is_asked_for_that_could_be_the_answer_to_another_question(engine: OpaEngine, path: str) -> None:
    with pytest.raises(EngineError, match="nothing there tells which question it answers"):
        engine.ask(path, PROMOTION)


def test_each_rule_is_asked_alone_once_and_an_answer_to_another_question_is_none(
    stub: OpaStub, engine: OpaEngine
) -> None:
    roll_call = roll_call_of(stub.bundle, PROMOTION)
    stub.answers[DECISION] = says(BROKEN, code=500)
    asked = len(stub.asked)
    heard = engine.hear(roll_call, PROMOTION)
    assert heard.said["lane.settled"] == (True, "", True) and not heard.said["lane.path_allowed"].satisfied
    places = [place for _, place in stub.asked[asked:]]
    assert places == [DECISION, *(f"/v1/data/gate/decision/alone/{code.replace('.', '/')}" for code in roll_call)]
    result = {"results": {roll_call[0]: {"satisfied": True, "message": ""}}}
    others: list[dict[str, Any]] = [{"nonce": "earlier"}, {"action": "deploy"}, {"phase": "confirm"}, {"more": 1}]
    for another in (*others, {"results": {}}):
        told = {"nonce": PROMOTION["nonce"], "action": "promote", "phase": "admit"} | result | another
        stub.alone = says(document(result=told, provenance={"version": "1.22.2", "bundles": stub.bundles}))
        with pytest.raises(EngineError, match=r"another question|has not the form|did not answer for the roll call"):
            engine.hear(roll_call, PROMOTION)


@pytest.mark.parametrize("value", [float("inf"), 2**53, "\ud800", b"bytes", {1}])
def test_an_input_out_of_bounds_is_not_asked(stub: OpaStub, engine: OpaEngine, value: Any) -> None:
    asked = len(stub.asked)
    with pytest.raises(EngineError, match="policy input"):
        ask(engine, evidence={"x": value})
    assert len(stub.asked) == asked


def test_threads_do_not_mix_up_their_questions(stub: OpaStub) -> None:
    stub.answers[DECISION] = lambda handler: handler.say(document(result=handler.headers["Content-Length"]))
    server, barrier = OpaServer(OpaSettings(url=stub.base)), threading.Barrier(8)

    def go(number: int) -> bool:
        barrier.wait(timeout=10)
        asked = [{"x": "x" * (number * 50 + turn)} for turn in range(25)]
        sizes = [str(len(json.dumps({"input": one}))) for one in asked]
        return [server.ask(ANSWER, one).value for one in asked] == sizes

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(go, range(8)))


def test_nothing_is_ever_uploaded(stub: OpaStub) -> None:
    engine = engine_of(stub)
    ask(engine)
    assert set(stub.asked) == {("POST", DECISION), ("POST", CONFIG), ("POST", QUERY), ("GET", POLICIES)}


def test_the_client_is_the_one_whose_session_can_be_replaced() -> None:
    """If this fails, opa-python-client no longer takes its session from ``_init_session``: read it before pinning."""

    class Probe(OpaClient):  # type: ignore[misc]  # untyped, as said above
        def _init_session(self) -> str:
            return f"ours, {self.timeout} s"

    assert Probe(timeout=7)._session == "ours, 7 s"
    assert importlib.metadata.version("opa-python-client") == CLIENT_VERSION
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert f'"opa-python-client=={CLIENT_VERSION}"' in pyproject


# -- answers that are none


def frame(*headers: str, body: bytes = document(), status: str = "200 OK") -> bytes:
    """An answer as it goes over the wire, with its type and these headers."""
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, "", ""]).encode() + body


def chunked(body: bytes = document(), trailer: bytes = b"") -> bytes:
    return b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailer)


SIZE = f"Content-Length: {len(document())}"
CHUNKED = "Transfer-Encoding: chunked"
HTTP2 = b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"  # it begins with its settings

FRAMES: dict[str, tuple[bytes, str]] = {
    "half an answer": (frame("Content-Length: 999"), "broke off"),
    "half a chunk": (frame(CHUNKED, body=chunked()[:50]), "broke off"),
    "no last chunk": (frame(CHUNKED, body=chunked()[:-5]), "broke off"),
    "a chunk of no size": (frame(CHUNKED, body=b"x\r\n" + document()), "broke off"),
    "more than its length": (frame(f"Content-Length: {len(document()) - 1}"), "says more after its answer"),
    "a length of nothing": (frame("Content-Length: 0"), "says more after its answer"),
    "garbage after it": (frame(SIZE) + b"}", "says more after its answer"),
    "a line after it": (frame(SIZE) + b"\r\n", "says more after its answer"),
    "garbage after the last chunk": (frame(CHUNKED, body=chunked()) + b"}", "says more after its answer"),
    "garbage in the end of all": (frame() + b"}", "is not JSON"),
    "a second answer": (frame(SIZE) * 2, "says more after its answer"),
    "a second answer of chunks": (frame(CHUNKED, body=chunked()) * 2, "says more after its answer"),
    "another after none": (frame("Content-Length: 0", status="204 No Content", body=b"") + frame(SIZE), "says more"),
    "a length twice": (frame(SIZE, SIZE), "does not say in one way where its answer ends"),
    "two lengths": (frame(SIZE, "Content-Length: 2"), "does not say in one way"),
    "two lengths in one": (frame(SIZE + ", 2"), "does not say in one way"),
    "a length with a sign": (frame(SIZE.replace(": ", ": +")), "does not say in one way"),
    "a length and chunks": (frame(SIZE, CHUNKED, body=chunked()), "does not say in one way"),
    "chunks twice": (frame(CHUNKED, CHUNKED, body=chunked()), "does not say in one way"),
    "chunks that are packed": (frame("Transfer-Encoding: gzip, chunked", body=chunked()), "does not say in one way"),
    "a trailer": (frame(CHUNKED, "Trailer: Content-Type", body=chunked()), "does not say in one way"),
    "a hundred headers and more": (frame(*(f"X-{n}: y" for n in range(120)), SIZE), "broke off"),
    "a header without an end": (frame("X: " + "y" * 70000, SIZE), "broke off"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", "broke off"),
    "HTTP/2": (HTTP2, "broke off"),
    "HTTP/0.9": (document(), "broke off"),
    "another protocol that nobody asked for": (
        frame("Upgrade: h2c", status="101 Switching Protocols", body=b""),
        "status 101",
    ),
    "early hints": (frame("Link: </x>", status="103 Early Hints", body=b"") + frame(SIZE), "says more"),
}

ENCODED = '{"result": "ä", "provenance": {"version": "1.22.2"}}'

NO_ANSWER: dict[str, tuple[Answer, str]] = {
    "an empty document": (says(b"{}"), "has no provenance"),
    "null": (says(b"null"), "something else than OPA"),
    "a list": (says(b"[]"), "something else than OPA"),
    "true": (says(b"true"), "something else than OPA"),
    "nothing": (says(b""), "is not JSON"),
    "no JSON": (says(b"{oops"), "is not JSON"),
    "no UTF-8": (says(b'{"a": "\xff"}'), "is not UTF-8"),
    "a byte order mark": (says(ENCODED.encode("utf-8-sig")), "has a byte order mark"),
    "UTF-16": (says(ENCODED.encode("utf-16")), "is not UTF-8"),
    "UTF-16 without a mark": (says(document().decode().encode("utf-16-le")), "is not JSON"),
    "UTF-32": (says(document().decode().encode("utf-32-be")), "is not JSON"),
    "Latin-1": (says(ENCODED.encode("latin-1")), "is not UTF-8"),
    "another encoding": (says(document(), kind="application/json; charset=utf-16"), "not with plain JSON"),
    "half a character": (says(document(result="\ud83d")), "has half a character"),
    "half a character in a key": (says(document(result={"\udc00": 1})), "has half a character"),
    "half a character in an error": (says(BROKEN.replace(b"odd", b"\\uD800"), code=500), "has half a character"),
    "something more": (says(document(more=1)), "answered with what OPA does not say: 'more'"),
    "metrics that nobody asked for": (says(document(metrics={})), "what OPA does not say: 'metrics'"),
    "an explanation": (says(document(explanation=[])), "what OPA does not say: 'explanation'"),
    "a warning": (says(document(warning={})), "what OPA does not say: 'warning'"),
    "a result in an error": (says(BROKEN[:-1] + b', "result": true}', code=500), "does not say: 'result'"),
    "more of its provenance": (says(document(provenance={"version": "1.22.2", "is": 1})), "OPA does not: 'is'"),
    "a key twice": (says(b'{"result": {"a": 1, "a": 2}}'), "has the key 'a' twice"),
    "NaN": (says(b'{"result": NaN}'), "has NaN"),
    "a number that JSON cannot carry": (says(b'{"result": 9007199254740993}'), "beyond 2"),
    "depth": (says(b'{"a":' * 80 + b"1" + b"}" * 80), "nested more than"),
    "201": (says(document(), code=201), "status 201"),
    "204": (says(b"", code=204), "status 204"),
    "206": (says(document(), code=206), "status 206"),
    "text": (says(document(), kind="text/plain"), "'text/plain', not with plain JSON"),
    "a page": (says(b"<!doctype html>", kind="text/html"), "'text/html', not with plain JSON"),
    "no type": (says(document(), kind=""), "'no type', not with plain JSON"),
    "packed": (says(document(), Content_Encoding="gzip"), "'gzip application/json', not with plain JSON"),
    "400": (says(b'{"code": "invalid_parameter", "message": "no"}', code=400), "status 400, invalid_parameter: no"),
    "401": (says(b"", code=401), "does not let the gate in: status 401"),
    "403": (says(b"", code=403), "does not let the gate in: status 403"),
    "404": (says(b"404 page not found", code=404, kind="text/plain"), "with status 404"),
    "429": (says(b"{}", code=429), "status 429"),
    "500": (says(b'{"code": "internal_error", "message": "broken"}', code=500), "status 500, internal_error: broken"),
    "502": (says(b"<h1>Bad Gateway</h1>", code=502, kind="text/html"), "with status 502"),
    "503": (says(b"{}", code=503), "status 503"),
    "hanging up": (hangs_up(), "broke off"),
    **{name: (hangs_up(after=sent), said) for name, (sent, said) in FRAMES.items()},
    "another version": (says(document(provenance={"version": "1.20.0", "bundles": {}})), "is OPA 1.20.0"),
    "no bundle": (says(document(provenance={"version": "1.22.2", "bundles": {}})), "no active bundle"),
}


@pytest.mark.parametrize("trap", NO_ANSWER)
def test_what_is_no_answer_is_a_refusal_and_the_next_question_is_answered(
    stub: OpaStub, engine: OpaEngine, trap: str
) -> None:
    stub.answers[DECISION], said = NO_ANSWER[trap]
    asked = len(stub.asked)
    assert said in refused(engine)
    assert stub.asked[asked:] == [("POST", DECISION)]  # and it was not asked twice
    del stub.answers[DECISION]
    assert ask(engine)["nonce"] == PROMOTION["nonce"]
    assert ("GET", POLICIES) in stub.asked[asked:]  # but examined first


@pytest.mark.parametrize("place", [CONFIG, POLICIES, QUERY])
@pytest.mark.parametrize("trap", ["an empty document", "null", "no JSON", "a page", "403", "500", "hanging up"])
def test_a_server_is_not_believed_that_cannot_be_examined(stub: OpaStub, place: str, trap: str) -> None:
    engine = engine_of(stub)
    stub.answers[place], _ = NO_ANSWER[trap]
    refused(engine)
    assert ("POST", DECISION) not in stub.asked
    del stub.answers[place]
    assert ask(engine)["nonce"] == PROMOTION["nonce"]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(stub: OpaStub, engine: OpaEngine, code: int) -> None:
    with HealthServer() as other:
        stub.answers[DECISION] = redirects(other.url(), code=code)
        assert f"sends the gate elsewhere: status {code}" in refused(engine)
        assert other.seen == []


def test_an_answer_to_another_question_is_none(stub: OpaStub, engine: OpaEngine) -> None:
    """As a cache would give it, or a proxy that sent the question on without its body."""
    roll_call = roll_call_of(stub.bundle, PROMOTION)
    earlier = ask(engine, nonce="earlier")
    stub.answers[DECISION] = says(
        document(result=earlier, provenance={"version": "1.22.2", "bundles": stub.bundles}),
    )
    with pytest.raises(EngineError, match="another question"):
        engine.hear(roll_call, PROMOTION)


@pytest.mark.parametrize("result", [None, True, [], {}, "yes"])
def test_a_result_that_is_no_decision_is_none(stub: OpaStub, engine: OpaEngine, result: Any) -> None:
    stub.answers[DECISION] = says(document(result=result, provenance={"version": "1.22.2", "bundles": stub.bundles}))
    with pytest.raises(EngineError, match="has not the form"):
        engine.hear(roll_call_of(stub.bundle, PROMOTION), PROMOTION)


STALE = questions.changed(PROMOTION, {"source.inventory.artifact_identity.artifact_id": "another"})


def decided(engine: PolicyEngine, bundle: Bundle, asked: dict[str, Any]) -> Decision:
    return decide(engine, bundle, asked, waivers=(), now=datetime.now(UTC), decision_id="d-1")


@pytest.mark.parametrize("said", [True, {"satisfied": True, "message": ""}, {"results": {}}, None], ids=str)
def test_a_server_that_fails_on_the_whole_and_says_yes_to_each_rule_alone_has_not_decided(
    stub: OpaStub, engine: OpaEngine, said: Any
) -> None:
    """Seen: without a nonce in what is said of one rule, this let a stale promotion through."""
    stub.answers[DECISION] = says(BROKEN, code=500)
    stub.alone = says(document(result=said, provenance={"version": "1.22.2", "bundles": stub.bundles}))
    with pytest.raises(EngineError, match="has not the form"):
        decided(engine, stub.bundle, STALE)


def keeps_the_line(body: bytes, then: bytes = b"", after_s: float = 5) -> Answer:
    """A whole answer, after which the connection stays open for a while; and then more on it, or nothing."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(frame("Connection: keep-alive", f"Content-Length: {len(body)}", body=body))
        handler.server.closing.wait(after_s)
        handler.wfile.write(then)

    return answer


def test_what_comes_later_on_the_same_connection_is_no_answer_to_the_next_question(
    stub: OpaStub, engine: OpaEngine
) -> None:
    forged = document(result=True, provenance={"version": "1.22.2", "bundles": stub.bundles})
    stub.answers[DECISION] = keeps_the_line(forged, then=frame(body=forged), after_s=0.1)
    assert "says more after its answer" in refused(engine)


def test_a_server_that_keeps_the_line_is_given_its_time_and_no_more(stub: OpaStub) -> None:
    engine = engine_of(stub, timeout_s=0.3)
    stub.answers[CONFIG] = keeps_the_line(document())
    began = time.monotonic()
    assert "does not end the connection after its answer" in refused(engine)
    assert time.monotonic() - began < 1
    assert wait_until(lambda: not own_threads()), "a thread stayed behind"


def test_trailers_are_not_heard(stub: OpaStub, engine: OpaEngine) -> None:
    said = document(result="yes", provenance={"version": "1.22.2", "bundles": stub.bundles})
    trailer = b"Content-Type: text/html\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\n"
    stub.answers[DECISION] = hangs_up(after=frame(CHUNKED, body=chunked(said, trailer)))
    assert ask(engine) == "yes"
    assert ask(engine) == "yes" and "Cookie" not in stub.seen[-1][1]


def test_a_whole_answer_in_chunks_or_up_to_its_end_is_one(stub: OpaStub, engine: OpaEngine) -> None:
    said = document(result="yes", provenance={"version": "1.22.2", "bundles": stub.bundles}, decision_id="5f1c")
    for sent in (frame(CHUNKED, body=chunked(said)), frame(body=said), frame("HTTP2-Settings: AAMAAABk", body=said)):
        stub.answers[DECISION] = hangs_up(after=sent)
        assert ask(engine) == "yes"


def interim(handler: Handler) -> None:
    """Answers that are none yet, without an end."""
    while not handler.server.closing.wait(0.01):
        handler.wfile.write(frame(status="100 Continue", body=b""))


SLOW: dict[str, Answer] = {
    "at all": sleeps(5, reports("")),
    "with interim answers": interim,
    "with each byte": drips(document(), every_s=0.05),
    "with each byte of its headers": drips(document(), every_s=0.05, headers_too=True),
}


@pytest.mark.parametrize("slow", SLOW)
def test_a_slow_server_is_given_its_time_and_no_more(stub: OpaStub, slow: str) -> None:
    engine = engine_of(stub, timeout_s=0.3)
    stub.answers[CONFIG] = SLOW[slow]
    began = time.monotonic()
    assert refused(engine) == f"OPA at {stub.base} did not answer within 0.3 s"
    assert time.monotonic() - began < 1
    assert wait_until(lambda: not own_threads()), "a thread stayed behind"


@pytest.mark.parametrize("slow", SLOW)
def test_a_decision_is_given_its_time_and_no_more(stub: OpaStub, slow: str) -> None:
    server = OpaServer(OpaSettings(url=stub.base, timeout_s=0.3))
    stub.answers[DECISION] = SLOW[slow]
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"did not answer within 0\.3 s"):
        server.ask(ANSWER, PROMOTION)
    assert time.monotonic() - began < 1


def test_rules_that_are_asked_alone_have_the_time_of_one_answer_together(stub: OpaStub) -> None:
    engine = engine_of(stub, timeout_s=0.5)
    stub.answers[DECISION] = says(BROKEN, code=500)
    stub.alone = sleeps(0.1, says(BROKEN, code=500))  # each in good time; all of them would take two seconds
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"did not answer within 0\.5 s"):
        engine.hear(roll_call_of(stub.bundle, PROMOTION), PROMOTION)
    assert 0.5 < time.monotonic() - began < 1.2


def test_a_server_that_does_not_take_the_question_is_given_its_time_and_no_more(shipped: Bundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = OpaSettings(url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        assert "did not answer within 0.2 s" in refused(OpaEngine(shipped, settings))
    assert wait_until(lambda: not own_threads())


@pytest.mark.parametrize(("place", "most"), [(DECISION, 1), (POLICIES, 32)])
def test_a_flood_is_not_drunk(stub: OpaStub, place: str, most: int) -> None:
    engine, size = engine_of(stub), 256 * 1024 * 1024
    stub.answers[place] = floods(size)
    with pytest.raises(EngineError, match=f"answered with more than {most} MB") as kept:  # and all that it refers to
        ask(engine)
    assert wait_until(lambda: stub.seen[-1][0] == "sent")
    assert int(stub.seen[-1][1]["bytes"]) < size / 2
    assert kept.value.hint


def test_where_nobody_listens_that_is_said(shipped: Bundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    engine = OpaEngine(shipped, OpaSettings(url=f"http://127.0.0.1:{port}"))
    began = time.monotonic()
    assert refused(engine) == f"OPA at http://127.0.0.1:{port} cannot be reached: connection refused"
    assert time.monotonic() - began < 0.3  # the client's own session would have tried again
    assert engine.name == "opa"


def test_a_name_that_nobody_knows_is_said(shipped: Bundle) -> None:
    for name in ("opa.invalid", "a..b", "a" * 70):
        engine = OpaEngine(shipped, OpaSettings(url=f"https://{name}", timeout_s=5))
        assert f"OPA at https://{name} cannot be" in refused(engine)


def test_no_proxy_no_netrc_and_no_cookie_comes_between(
    stub: OpaStub, shipped: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with HealthServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        plain, known = engine_of(stub), engine_of(stub, token=SecretStr(TOKEN))
        stub.answers[CONFIG] = lambda handler: handler.say(
            json.dumps(stub.reply(CONFIG, {"provenance": ["true"]}, b'{"input": {}}')[1]).encode(),
            Set_Cookie="a=b; Path=/",
        )
        ask(plain)
        assert not [headers for _, headers in stub.seen if {"Authorization", "Cookie"} & headers.keys()]
        began = len(stub.seen)
        ask(known)
        assert {headers["Authorization"] for _, headers in stub.seen[began:]} == {f"Bearer {TOKEN}"}
        assert proxy.seen == []


# -- what answers


@pytest.mark.parametrize(
    "version", ["1.20.0", "1.21.2", "0.70.0", "1.21.3-rc.1", "", "edge", "v1.22.2", "1.22", "1" * 99]
)
def test_a_server_that_is_too_old_is_refused(stub: OpaStub, version: str) -> None:
    stub.version = version
    assert f"is OPA {version[:40]}; the gate asks 1.21.3 and newer" in refused(engine_of(stub))


@pytest.mark.parametrize("version", ["1.21.3", "1.22.2", "1.22.0-dev", "1.100.0", "2.0.0", "1.22.2+build.5"])
def test_a_server_that_is_new_enough_is_asked(stub: OpaStub, version: str) -> None:
    stub.version = version
    engine = engine_of(stub)
    assert ask(engine) and engine.name == f"opa {version}"


def test_an_old_server_is_found_out_by_its_next_answer(stub: OpaStub, engine: OpaEngine) -> None:
    stub.version = "1.20.0"
    assert "is OPA 1.20.0" in refused(engine)


@pytest.mark.parametrize(
    "said", [{}, {"gate": {}}, {"gate": {"revision": ""}}, {"gate": {"revision": 5}}, {"gate": None}]
)
def test_a_bundle_with_a_revision_is_needed(stub: OpaStub, said: dict[str, Any]) -> None:
    stub.bundles = said
    assert "no active bundle with a revision" in refused(engine_of(stub))


def test_the_revision_of_another_bundle_does_not_count(stub: OpaStub, shipped: Bundle) -> None:
    stub.bundles = {"authz": {"revision": "7"}}
    assert "no one bundle with a revision that holds the gate's policies" in refused(engine_of(stub))
    stub.bundles = {"authz": {"revision": "7"}, "gate": {"revision": "8"}}
    assert engine_of(stub).examine().revision == "8"


def test_a_module_that_came_beside_the_bundle_does_not_count(stub: OpaStub) -> None:
    stub.modules[0]["id"] = "uploaded.rego"
    assert "no one bundle with a revision that holds the gate's policies" in refused(engine_of(stub))


def test_a_pinned_revision_is_the_only_one_believed(stub: OpaStub, shipped: Bundle) -> None:
    stub.load(shipped, revision="v7")
    engine = engine_of(stub, revision="v7")
    ask(engine)
    stub.load(shipped, revision="v8")  # with the very same policies
    assert "serves the revision v8, and the settings pin v7" in refused(engine)
    assert "serves the revision v8" in refused(engine)
    stub.load(shipped, revision="v7")
    ask(engine)


# -- what it holds

Change = Callable[[OpaStub], object]


def edited(stub: OpaStub, index: int, old: str, new: str) -> None:
    assert old in stub.modules[index]["raw"]
    stub.modules[index]["raw"] = stub.modules[index]["raw"].replace(old, new)


RULES = "its policies are not this gate's: "
OTHER_THINGS: dict[str, tuple[Change, str]] = {
    "a module less": (lambda stub: stub.modules.pop(), RULES + "gate/rules"),
    "all modules less but one": (lambda stub: stub.modules.__setitem__(slice(1, None), []), "and "),
    "no module": (lambda stub: stub.modules.clear(), "no one bundle with a revision"),
    "a space more": (lambda stub: edited(stub, 3, "\n\n", "\n \n"), RULES),
    "a module twice": (lambda stub: stub.modules.append(stub.modules[0]), RULES + "gate/"),
    "a module more": (
        lambda stub: stub.modules.append(
            module("gate/more.rego", "package gate.rules.lane\n\nsettled.satisfied := true")
        ),
        RULES + "gate/gate/more.rego",
    ),
    "a rule of configuration": (
        lambda stub: stub.modules.append(module("config.rego", "package config.thresholds\n\nmore := 1")),
        RULES + "gate/config.rego",
    ),
    "a test of another's": (
        lambda stub: stub.modules.append(module("gate/x_test.rego", "package gate_test.x\n\ntest_it if true")),
        RULES + "gate/gate/x_test.rego",
    ),
    "a module of no known package": (
        lambda stub: stub.modules.append({"id": "gate/odd.rego", "raw": "package odd"}),
        RULES + "gate/odd.rego",
    ),
    "a module without a text": (lambda stub: stub.modules.append({"id": "gate/odd.rego"}), "without its text"),
    "a threshold more lenient": (
        lambda stub: stub.config["thresholds"].update(source_fresh_s=10**9),
        "its configuration is not this gate's: data.config differs at thresholds",
    ),
    "a number of another form": (
        lambda stub: stub.config["thresholds"].update(source_soak_s=0.0),
        "its configuration is not this gate's",
    ),
    "a rule less on the roll call": (
        lambda stub: stub.config["roll_call"]["base"]["promote"]["admit"].pop(),
        "data.config differs at roll_call",
    ),
    "a product more": (lambda stub: stub.config["products"].update(x={}), "data.config differs at products"),
    "something more": (lambda stub: stub.config.update(more=1), "data.config differs at more"),
    "no configuration": (lambda stub: setattr(stub, "config", None), "has no configuration"),
    "a list for a configuration": (lambda stub: setattr(stub, "config", []), "its configuration is not"),
}


@pytest.mark.parametrize("change", OTHER_THINGS)
def test_a_server_that_holds_something_else_is_refused_and_what_it_is_named(stub: OpaStub, change: str) -> None:
    make, said = OTHER_THINGS[change]
    make(stub)
    assert said in refused(engine_of(stub))
    assert ("POST", DECISION) not in stub.asked


def test_what_stands_in_other_packages_is_no_matter(stub: OpaStub) -> None:
    stub.modules.append(module("authz.rego", "package system.authz\n\nallow if input.token", name="authz"))
    ask(engine_of(stub))


def test_a_new_revision_is_examined_before_it_is_believed(stub: OpaStub, engine: OpaEngine, shipped: Bundle) -> None:
    stub.load(shipped, revision="the same, by another name")
    began = len(stub.asked)
    ask(engine)
    assert [path for _, path in stub.asked[began:]].count(POLICIES) == 1
    ask(engine)
    assert [path for _, path in stub.asked[began:]].count(POLICIES) == 1


def test_until_a_new_revision_has_passed_every_decision_is_refused(
    stub: OpaStub, engine: OpaEngine, shipped: Bundle, tmp_path: Path
) -> None:
    folder = Path(shipped.file_of("lane.settled")).parents[3]
    stub.load(load_bundle([folder, bundles.further(tmp_path, ["lane.more"])]))
    engine_said = [refused(engine) for _ in range(3)]
    assert all(f"{RULES}gate/gate/rules/lane/more.rego" in said for said in engine_said)
    stub.load(shipped)
    ask(engine)


def test_a_bundle_that_is_half_loaded_decides_nothing(stub: OpaStub, engine: OpaEngine, shipped: Bundle) -> None:
    stub.bundles, stub.modules, stub.config = {}, [], None
    assert "no active bundle" in refused(engine)
    stub.bundles = {"gate": {"revision": shipped.revision}}
    assert "has no configuration" in refused(engine)
    stub.config = dict(shipped.config)
    assert "no one bundle" in refused(engine)
    stub.load(shipped)
    ask(engine)


def test_a_server_that_took_another_bundle_while_it_was_examined_is_refused(stub: OpaStub) -> None:
    def late(handler: Any) -> None:
        stub.bundles = {"gate": {"revision": "next"}}
        handler.say(json.dumps({"result": stub.modules}).encode())

    stub.answers[POLICIES] = late
    assert "took another bundle while it was examined" in refused(engine_of(stub))


def test_a_server_that_changes_with_every_question_is_refused(stub: OpaStub) -> None:
    turns = iter(range(10**6))

    def another(handler: Any) -> None:
        bundle = {"gate": {"revision": f"r{next(turns)}"}}
        handler.say(document(provenance={"version": "1.22.2", "bundles": bundle}))

    engine = engine_of(stub)
    stub.answers[DECISION] = another
    assert "changes its bundle with every question" in refused(engine)


def test_a_server_is_examined_again_after_some_time(stub: OpaStub) -> None:
    """Whoever may write to a server can change what it holds without a new revision."""
    engine = engine_of(stub, believed_for_s=0.2)
    ask(engine)
    stub.config["thresholds"]["source_fresh_s"] = 10**9
    assert wait_until(lambda: fails(engine))
    assert "data.config differs at thresholds" in refused(engine)


def fails(engine: PolicyEngine) -> bool:
    try:
        ask(engine)
    except EngineError:
        return True
    return False


# -- what must be refused


def lenient(shipped: Bundle, folder: Path, code: str, body: str) -> Bundle:
    """The shipped rules, one of which says something else."""
    files = {bundles.path_of(code): bundles.rule(code, body)}
    return load_bundle([bundles.write(bundles.without_tests(folder), files)])


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        ("lane.settled", "satisfied if input.nonce\n\nmessage := ``\n", "lane.settled lets through"),
        ("release.commit_full", "satisfied if input.release\n\nmessage := ``\n", "release.commit_full lets through"),
        ("lane.settled", "satisfied if input.never\n\nmessage := `no`\n", "lane.settled refuses a good promote: no"),
    ],
)
def test_policies_that_must_not_decide_are_found_out_on_the_server(
    shipped: Bundle, tmp_path: Path, code: str, body: str, said: str
) -> None:
    with OpaStub(lenient(shipped, tmp_path, code, body)) as stub:
        assert said in refused(engine_of(stub))


def test_a_server_that_shows_our_policies_and_evaluates_others_is_found_out(
    shipped: Bundle, stub: OpaStub, tmp_path: Path
) -> None:
    engine = engine_of(stub)
    stub.bundle = lenient(shipped, tmp_path, "lane.settled", "satisfied if input.nonce\n\nmessage := ``\n")
    assert "lane.settled lets through what has to be refused" in refused(engine)


@pytest.mark.parametrize("answers", [None, {}, [], {"0": {}}, {"0": True}, {"0": None, "1": None, "2": None}])
def test_a_server_that_does_not_answer_what_must_be_refused_is_not_believed(stub: OpaStub, answers: Any) -> None:
    stub.answers[QUERY] = says(json.dumps({"result": [{"answers": answers}]}).encode())
    refused(engine_of(stub))


def test_the_tests_of_a_bundle_run_where_they_are_served(stub: OpaStub, shipped: Bundle) -> None:
    assert engine_of(stub).examine().tests == 0
    stub.load(shipped, tests=True)
    assert engine_of(stub).examine().tests == 1
    stub.failing = {"quick.test_it"}
    assert "Rego tests do not hold there" in refused(engine_of(stub))


# -- outages


def test_a_server_that_is_back_is_examined_and_believed_without_a_restart(shipped: Bundle, tmp_path: Path) -> None:
    with OpaStub(shipped) as stub:
        engine, port = engine_of(stub), stub.server_port
        ask(engine)
    assert "connection refused" in refused(engine)
    other = lenient(shipped, tmp_path, "lane.settled", "satisfied if input.nonce\n\nmessage := ``\n")
    with OpaStub(other, port=port) as stub:
        assert RULES in refused(engine)
    with OpaStub(shipped, port=port) as stub:
        ask(engine)
        assert ("GET", POLICIES) in stub.asked


def test_a_restart_between_two_questions_fails_neither(shipped: Bundle) -> None:
    with OpaStub(shipped) as stub:
        engine, port = engine_of(stub), stub.server_port
        ask(engine)
    with OpaStub(shipped, port=port):
        ask(engine)


@pytest.mark.parametrize("trap", ["500", "a page", "no bundle"])
def test_without_a_decision_nothing_is_deployed_and_the_ledger_has_it(
    make_gate: MakeGate, bundle: Bundle, platform: FakePlatform, trap: str
) -> None:
    with OpaStub(bundle) as stub:
        gate = make_gate(engine=engine_of(stub))
        stub.answers[DECISION], said = NO_ANSWER[trap]
        with pytest.raises(EngineError) as error:
            gate.run(deploy(A), ACTOR)
        assert error.value.exit_code == 3 and said in str(error.value)
        row = gate.ledger.run_row(gate.ledger.runs()[0])
        assert row and row.status == "undecided"
        assert platform.deploys == []
        del stub.answers[DECISION]
        assert gate.run(deploy(A), ACTOR).status == "recorded"


# -- TLS and tokens


def test_a_server_is_believed_by_its_authority_alone(shipped: Bundle, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    with OpaStub(shipped, context=authority.server_context("127.0.0.1")) as stub:
        ask(engine_of(stub, ca_file=authority.file))
        assert "is not who it should be" in refused(engine_of(stub, ca_file=other.file))
        assert "is not who it should be" in refused(engine_of(stub))  # nobody's authority
        assert "broke off" in refused(engine_of(stub, url=stub.base.replace("https", "http")))


def test_a_server_of_another_name_is_refused(shipped: Bundle, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with OpaStub(shipped, context=authority.server_context("127.0.0.9")) as stub:
        assert "is not who it should be" in refused(engine_of(stub, ca_file=authority.file))


def test_a_certificate_of_ours_is_shown_where_the_server_wants_one(shipped: Bundle, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert_file, key_file = authority.certificate("gate")
    (both := tmp_path / "both.pem").write_bytes(cert_file.read_bytes() + key_file.read_bytes())
    with OpaStub(shipped, context=authority.server_context("127.0.0.1", clients=True)) as stub:
        ask(engine_of(stub, ca_file=authority.file, cert_file=cert_file, key_file=key_file))
        ask(engine_of(stub, ca_file=authority.file, cert_file=both))
        refused(engine_of(stub, ca_file=authority.file))


def test_plain_http_where_tls_is_spoken_is_said(stub: OpaStub) -> None:
    assert "TLS failed" in refused(engine_of(stub, url=stub.base.replace("http", "https")))


def test_a_token_opens_the_door_and_is_in_no_error(stub: OpaStub) -> None:
    stub.token = TOKEN
    ask(engine_of(stub, token=SecretStr(TOKEN)))
    for token in (None, SecretStr("wrong-9c2e")):
        with pytest.raises(EngineError) as error:
            ask(engine_of(stub, token=token))
        assert "does not let the gate in: status 401" in str(error.value)
        assert "opa.token" in error.value.hint
        assert "wrong-9c2e" not in "".join(traceback.format_exception(error.value)) + error.value.hint


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "", "späßchen"])
def test_a_token_that_no_header_can_carry_is_refused_at_the_start(shipped: Bundle, token: str) -> None:
    with pytest.raises(SettingsError, match=r"opa\.token: the secret is not one word") as error:
        OpaEngine(shipped, OpaSettings(url="http://127.0.0.1:1", token=SecretStr(token or " ")))
    assert not token or token not in str(error.value)


def test_certificates_that_cannot_be_used_are_named_at_the_start(shipped: Bundle, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert_file, key_file = authority.certificate("gate")
    _, other_key = authority.certificate("other")
    (no_pem := tmp_path / "no.pem").write_text("no")
    wrong: list[dict[str, Any]] = [
        {"ca_file": tmp_path / "none.pem"},
        {"ca_file": no_pem},
        {"cert_file": tmp_path / "none.pem"},
        {"cert_file": cert_file},  # without its key
        {"cert_file": cert_file, "key_file": other_key},
        {"cert_file": cert_file, "key_file": tmp_path / "none.key"},
        {"cert_file": no_pem, "key_file": key_file},
    ]
    for files in wrong:
        with pytest.raises(SettingsError, match=r"opa\.(ca|cert)_file: .* cannot be used"):
            OpaServer(OpaSettings(url="https://127.0.0.1:1", **files))


# -- settings

OPA = 'schema_version = 1\nengine = "opa"\n\n[opa]\nurl = "https://127.0.0.1:8181"\n'


def load(folder: Path, text: str, **environment: str) -> Settings:
    path = folder / "launchplane-gate.toml"
    path.write_text(text)
    return load_settings(path, environment=environment)


def test_the_settings_name_the_server(tmp_path: Path) -> None:
    assert load(tmp_path, OPA).opa == OpaSettings(url="https://127.0.0.1:8181")
    assert load(tmp_path, "schema_version = 1\n").opa is None
    more = (
        'revision = "r"\ntimeout_s = 2\nca_file = "ca.pem"\ncert_file = "c.pem"\nkey_file = "/k"\ntoken = {env = "T"}\n'
    )
    assert load(tmp_path, OPA + more, T=TOKEN).opa == OpaSettings(
        url="https://127.0.0.1:8181",
        revision="r",
        timeout_s=2,
        ca_file=tmp_path / "ca.pem",
        cert_file=tmp_path / "c.pem",
        key_file=Path("/k"),
        token=SecretStr(TOKEN),
    )


@pytest.mark.parametrize("token", ['{ env = "T" }', '{ file = "token" }'])
def test_the_token_is_only_referred_to(tmp_path: Path, token: str) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    opa = load(tmp_path, OPA + f"token = {token}\n", T=TOKEN).opa
    assert opa and opa.token and opa.token.get_secret_value() == TOKEN
    assert TOKEN not in repr(opa)


@pytest.mark.parametrize(
    ("old", "new", "says_so"),
    [
        ("[opa]", "[other]", "settings: other is not a known key"),
        (OPA[OPA.index("[opa]") :], "", 'engine = "opa" needs a table [opa]'),
        ('engine = "opa"', "", 'there is a table [opa], and engine = "embedded"'),
        ('"opa"', '"wasm"', "settings: engine input should be 'embedded' or 'opa'"),
        ('url = "https://127.0.0.1:8181"', "", "opa.url field required"),
        ("https://127.0.0.1:8181", "http://opa.example.org:8181", "asks another machine over plain http"),
        ("https://127.0.0.1:8181", "http://10.0.0.1:8181", "asks another machine over plain http"),
        ("https://127.0.0.1:8181", "http://127.0.0.1.nip.io", "asks another machine over plain http"),
        ("https://127.0.0.1:8181", "ftp://127.0.0.1", "opa.url is not the URL of a server"),
        ("https://127.0.0.1:8181", "127.0.0.1:8181", "opa.url is not the URL of a server"),
        ("https://127.0.0.1:8181", "https://127.0.0.1:8181/v1", "opa.url is not the URL of a server"),
        ("https://127.0.0.1:8181", "https://127.0.0.1:99999", "opa.url is not the URL of a server"),
        ("https://127.0.0.1:8181", "https://a b", "opa.url is not the URL of a server"),
        ("https://127.0.0.1:8181", "https://.a", "opa.url is not the URL of a server"),
        ("https://127.0.0.1:8181", "https://[::1", "opa.url is not the URL of a server"),
        ("https://127.0.0.1:8181", f"https://u:{TOKEN}@127.0.0.1", "opa.url is not the URL of a server"),
        ("[opa]", "[opa]\ntimeout_s = 0", "opa.timeout_s input should be greater than 0"),
        ("[opa]", '[opa]\nrevision = ""', "opa.revision string should have at least 1 character"),
        ("[opa]", f'[opa]\ntoken = "{TOKEN}"', "opa.token is a secret: it is never written here, only referred to"),
        ("[opa]", '[opa]\ntoken = { env = "T", file = "x" }', "opa.token is a secret"),
        ("[opa]", '[opa]\nkey_file = "k"', "has a key_file without a cert_file"),
        ("[opa]", "[opa]\nverify = false", "opa.verify is not a known key"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(tmp_path: Path, old: str, new: str, says_so: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(tmp_path, OPA.replace(old, new, 1))
    assert says_so in str(error.value)
    assert TOKEN not in str(error.value) + error.value.hint


@pytest.mark.parametrize(
    ("reference", "says_so"),
    [
        ('{ env = "NONE" }', "opa.token: the environment variable NONE is not set"),
        ('{ file = "none" }', "opa.token: the secret file"),
    ],
)
def test_a_token_that_is_not_at_hand_is_missed_before_anything_is_asked(
    tmp_path: Path, stub: OpaStub, reference: str, says_so: str
) -> None:
    opa = load(tmp_path, OPA.replace("https://127.0.0.1:8181", stub.base) + f"token = {reference}\n").opa
    assert opa
    with pytest.raises(SettingsError, match=re.escape(says_so)):
        OpaServer(opa)
    assert stub.asked == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:8181", "http://localhost", "http://[::1]:8181/", "http://127.8.0.1"])
def test_plain_http_is_for_this_machine(tmp_path: Path, url: str) -> None:
    opa = load(tmp_path, OPA.replace("https://127.0.0.1:8181", url)).opa
    assert opa and opa.url == url.rstrip("/")


def test_plain_http_elsewhere_has_to_be_allowed(tmp_path: Path) -> None:
    text = OPA.replace("https://127.0.0.1:8181", "http://opa.example.org") + "allow_plain_http = true\n"
    opa = load(tmp_path, text).opa
    assert opa and opa.url == "http://opa.example.org"
    with pytest.raises(SettingsError, match="names certificates, and its url is http"):
        load(tmp_path, text + 'ca_file = "ca.pem"\n')


# -- at the command line


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[tuple[Path, OpaStub]]:
    """A settings file that names a server, and the server, which holds the policies of its folders."""
    write_workspace(tmp_path, releases={}, ports=(1, 2), actor=actor_subject())
    path = tmp_path / "launchplane-gate.toml"
    folders = load_settings(path).policy_folders
    with OpaStub(load_bundle([shipped_policies(), *folders])) as stub:
        text = path.read_text().replace('engine = "embedded"', 'engine = "opa"', 1)
        path.write_text(f'{text}\n[opa]\nurl = "{stub.base}"\n')
        yield path, stub


def run(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(program, ["--config", str(path), *arguments])


DEPLOY = ("deploy", PRODUCT, "--to", "testing", "--artifact", A.artifact_id, "--ref", A.source_git_ref)


def test_doctor_shows_what_the_server_is_and_holds(settings: tuple[Path, OpaStub]) -> None:
    path, stub = settings
    [check] = [
        one for one in json.loads(run(path, "doctor", "--output", "json").stdout)["checks"] if one["what"] == "engine"
    ]
    assert check["ok"]
    for part in (
        f"opa 1.22.2 at {stub.base}, confirmed by embedded regorus 0.13.0 where a path ends, bundle revision ",
        f"bundle revision {stub.bundle.revision[:7]}; rules",
        " on the roll call: adopt/standing 1, approve/standing 2, deploy/admit 9, deploy/confirm 5",
        "promote/admit 20, promote/confirm 5, promote/standing 4, publish/standing 1",
        "revoke/standing 1, rollback/admit 10, rollback/confirm 5, rollback/standing 3, waive/standing 3",
        "its self-test passed, no Rego test is served, in ",
    ):
        assert part in check["found"]
    stub.version = "1.20.0"
    wrong = run(path, "doctor")
    assert wrong.exit_code == 3
    assert "is OPA 1.20.0" in wrong.stdout and "Install OPA 1.21.3 or newer" in " ".join(wrong.stdout.split())


def test_a_command_without_a_server_ends_with_three_says_why_and_is_on_record(settings: tuple[Path, OpaStub]) -> None:
    path, stub = settings
    text = path.read_text()
    path.write_text(text.replace(stub.base, "http://127.0.0.1:1"))
    said = run(path, *DEPLOY)
    assert said.exit_code == 3
    assert "OPA at http://127.0.0.1:1 cannot be reached: connection refused" in said.stderr
    assert "launchplane-gate doctor" in said.stderr
    assert run(path, "lanes").exit_code == 0  # what asks no policy works on
    [run_listed] = json.loads(run(path, "runs", "list", "--output", "json").stdout)["runs"]
    assert run_listed["status"] == "undecided"
