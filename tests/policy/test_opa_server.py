"""A gate beside a real OPA: killed, restarted, given other bundles, half of one or none, and locked up."""

from __future__ import annotations

import dataclasses
import http.client
import io
import json
import socket
import ssl
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
from pydantic import SecretStr

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError
from launchplane_gate.hookspecs import Approval
from launchplane_gate.model import Outcome
from launchplane_gate.policy import Bundle, PolicyEngine, decide, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.packing import packed
from launchplane_gate.policy.decision import ALONE, ANSWER, ask_rules
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.opa.engine import OpaEngine
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined
from launchplane_gate.policy.proof import questions
from launchplane_gate.policy.proof.must_refuse import roll_call_of
from tests import opa
from tests.conftest import ACTOR, TESTING, A, MakeGate, deploy
from tests.fakes import bundles
from tests.fakes.authority import Authority
from tests.fakes.health_server import HealthServer, says
from tests.fakes.platform import FakePlatform
from tests.places import CASES

pytestmark = [opa.needs_opa, pytest.mark.thorough]  # servers of OPA by the dozen

TOKEN = "tok-19fd7a"
NAMES = ("promote_admit", "promote_confirm", "deploy_admit", "deploy_confirm")
PROMOTION = questions.PROMOTION


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


class Server:
    """An OPA that a test kills and starts again, on one port; with TLS it is there once a connection is taken."""

    def __init__(self, *options: str | Path, scheme: str = "http") -> None:
        self.port = free_port()
        self.base = f"{scheme}://127.0.0.1:{self.port}"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str | Path) -> None:
        self.options = options or self.options
        command = [str(opa.PROGRAM), "run", "--server", "--addr", f"127.0.0.1:{self.port}", "--skip-version-check"]
        deadline = time.monotonic() + 20
        with tempfile.TemporaryFile() as said:
            self.process = subprocess.Popen([*command, *self.options], stdout=said, stderr=said)
            while not self._is_up():
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    raise AssertionError(said.read().decode())
                time.sleep(0.01)

    def _is_up(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(timeout=10)
            self.process = None

    def put(self, path: str, content: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("PUT", path, content, {"Content-Type": "text/plain"})
        return connection.getresponse().status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def file_of(bundle: Bundle, folder: Path, name: str = "gate.tar.gz", **manifest: Any) -> Path:
    """A bundle's file; ``manifest`` is said in place of what it says itself."""
    path = folder / name
    content = packed(bundle)
    if manifest:
        content = changed(content, {".manifest": lambda text: json.dumps(json.loads(text) | manifest)})
    path.write_bytes(content)
    return path


def changed(content: bytes, changes: Mapping[str, Callable[[str], str]]) -> bytes:
    """An archive with other texts in some of its files; a file that it has not gets what is made of nothing."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {one.name: archive.extractfile(one).read().decode() for one in archive}  # type: ignore[union-attr]  # files
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in dict.fromkeys([*files, *changes]):
            text = changes.get(name, str)(files.get(name, "")).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return stream.getvalue()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped rules with one quick test in place of theirs."""
    return load_bundle([bundles.without_tests(tmp_path_factory.mktemp("rules"))])


@pytest.fixture(scope="module")
def cases() -> Bundle:
    """The shipped policies with the configuration of the golden cases."""
    config = case("config")
    settings = Config.model_validate_json(strictjson.dumps(config))
    return dataclasses.replace(load_bundle([shipped_policies()]), config=config, settings=settings)


def case(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def served(cases: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaEngine]:
    """An engine on a server with the bundle of the golden cases."""
    with Server("--bundle", file_of(cases, tmp_path_factory.mktemp("bundle"))) as server:
        yield OpaEngine(cases, opa.patient(server.base))


@pytest.fixture
def server(quick: Bundle, tmp_path: Path) -> Iterator[Server]:
    with Server("--bundle", file_of(quick, tmp_path)) as server:
        yield server


@pytest.fixture
def engine(quick: Bundle, server: Server) -> OpaEngine:
    return OpaEngine(quick, opa.patient(server.base))


def ask(engine: PolicyEngine) -> Any:
    return engine.ask(ANSWER, PROMOTION)


def refused(engine: PolicyEngine) -> str:
    with pytest.raises(EngineError) as error:
        ask(engine)
    assert type(error.value) is EngineError
    assert error.value.exit_code == 3 and error.value.hint.startswith("Nothing was deployed.")
    return str(error.value)


def answers(engine: PolicyEngine, seconds: float = 10) -> bool:
    """Whether a server that took a bundle a moment ago is believed within some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            ask(engine)
        except EngineError:
            time.sleep(0.05)
        else:
            return True
    return False


# -- the same answers


def outcome(engine: PolicyEngine, asked: Mapping[str, Any]) -> Any:
    try:
        return engine.ask(ANSWER, asked)
    except (Undefined, EvaluationFailed) as error:
        return type(error).__name__


class Embedded(Interpreter):
    name, revision = "embedded", ""


@pytest.mark.parametrize("name", NAMES)
def test_a_server_decides_the_golden_cases_as_the_embedded_engine_does(
    served: OpaEngine, cases: Bundle, name: str
) -> None:
    embedded = Embedded(cases.policies, cases.data)
    golden = case(name)
    allowed = served.hear(roll_call_of(cases, golden), golden).said
    assert [code for code, rule in allowed.items() if not rule.satisfied] == []
    less = [{key: value for key, value in golden.items() if key != left_out} for left_out in golden]
    odd = [{**golden, fact: None} for fact in golden]
    different = [asked for asked in (golden, *less, *odd) if outcome(served, asked) != outcome(embedded, asked)]
    assert different == []


def test_a_decision_names_the_server_and_the_policies(served: OpaEngine, cases: Bundle) -> None:
    decision = decide(served, cases, case("deploy_admit"), waivers=(), now=datetime.now(UTC), decision_id="d-1")
    assert decision.allowed
    assert decision.engine.startswith("opa 1.") and decision.policy_revision == cases.revision


def test_its_own_tests_run_on_the_server(served: OpaEngine, cases: Bundle) -> None:
    seen = served.examine()
    assert seen.revision == cases.revision
    assert seen.tests == sum(not test.is_todo for test in cases.tests) > 100
    assert 0 < seen.took_s < 20


def test_a_value_is_told_from_none_and_from_an_error(served: OpaEngine) -> None:
    golden = case("deploy_admit")
    said = {name: golden[name] for name in ("nonce", "action", "phase")}
    for actor, satisfied in ((golden["actor"], True), (None, False)):
        answer = served.ask(f"{ALONE}.actor.permitted", {**golden, "actor": actor})
        assert answer["results"]["actor.permitted"]["satisfied"] is satisfied
        assert {name: answer[name] for name in said} == said
    with pytest.raises(Undefined):
        served.ask(f"{ALONE}.actor.unknown", golden)


def test_a_built_in_function_that_fails_is_an_error_and_no_silence(tmp_path: Path, quick: Bundle) -> None:
    folder = bundles.further(tmp_path, ["lane.odd"])
    odd = "satisfied if count(input.evidence.odd) > 0\n\nmessage := `odd`\n"
    first = Path(quick.file_of("lane.settled")).parents[3]
    bundle = bundles.unchecked(load_bundle([first, folder]), "lane.odd", odd)
    asked = questions.changed(PROMOTION, {"evidence.odd": 5})
    with Server("--bundle", file_of(bundle, tmp_path)) as server:
        engine = OpaEngine(bundle, opa.patient(server.base))
        with pytest.raises(EvaluationFailed, match=r"count: .*gate/rules/lane/odd\.rego:7"):
            engine.ask(ANSWER, asked)
        roll_call = roll_call_of(bundle, asked)
        said = engine.hear(roll_call, asked).said
        assert [code for code, rule in said.items() if not rule.evaluated] == ["lane.odd"]
        assert said["lane.settled"].satisfied
        right = ask_rules(Embedded(bundle.policies, bundle.data).ask, roll_call, asked)
        assert [(rule.satisfied, rule.evaluated) for rule in said.values()] == [
            (rule.satisfied, rule.evaluated) for rule in right.values()
        ]


def test_a_server_that_keeps_a_log_of_its_decisions_says_their_numbers_and_is_believed(
    quick: Bundle, tmp_path: Path
) -> None:
    with Server("--bundle", file_of(quick, tmp_path), "--set", "decision_logs.console=true") as server:
        said = httpx.post(f"{server.base}/v1/data/gate/decision/alone/lane/settled", json={"input": PROMOTION})
        assert said.json().keys() == {"result", "decision_id"}
        assert ask(OpaEngine(quick, opa.patient(server.base)))["nonce"] == PROMOTION["nonce"]


def test_a_server_of_many_words_is_heard_to_its_end(quick: Bundle, tmp_path: Path) -> None:
    """OPA sends what is longer in chunks."""
    asked = questions.changed(PROMOTION, {"request.reason": "x" * 20_000, "nonce": "n" * 20_000})
    with Server("--bundle", file_of(quick, tmp_path)) as server:
        assert OpaEngine(quick, opa.patient(server.base)).ask(ANSWER, asked)["nonce"] == asked["nonce"]


# -- outages


def test_a_server_that_was_killed_is_said_and_believed_again_when_it_is_back(engine: OpaEngine, server: Server) -> None:
    ask(engine)
    server.kill()
    assert refused(engine) == f"OPA at {server.base} cannot be reached: connection refused"
    server.start()
    ask(engine)


def test_a_restart_between_two_questions_fails_neither(engine: OpaEngine, server: Server) -> None:
    ask(engine)
    server.kill()
    server.start()
    ask(engine)


def test_a_run_goes_as_far_as_there_is_a_server(
    make_gate: MakeGate, bundle: Bundle, platform: FakePlatform, tmp_path: Path
) -> None:
    gates_bundle = dataclasses.replace(bundle, modules=tuple(one for one in bundle.modules if not one.is_test))
    server = Server("--bundle", file_of(gates_bundle, tmp_path))
    gate = make_gate(engine=OpaEngine(bundle, opa.patient(server.base)))

    def status() -> str:
        row = gate.ledger.run_row(gate.ledger.runs()[0])
        assert row
        return str(row.status)

    # it is away before the first decision
    with pytest.raises(EngineError) as error:
        gate.run(deploy(A), ACTOR)
    assert error.value.exit_code == 3 and "connection refused" in str(error.value)
    assert status() == "undecided" and platform.deploys == []

    def deploying(self: FakePlatform, approval: Approval) -> Outcome:
        outcome = self.change(approval)
        server.kill()
        return outcome

    with server:  # it goes away between the two decisions
        platform.behaves = deploying
        run = gate.run(deploy(A), ACTOR)
        assert run.status == status() == "unconfirmed" and "connection refused" in run.detail
        assert len(platform.deploys) == 1
        with pytest.raises(FileNotFoundError):
            gate.store.read_environment_inventory(context_name=TESTING.context, instance_name=TESTING.instance)

    with server:  # it is back: the same gate goes on
        platform.behaves = None
        run = gate.run(deploy(A), ACTOR)
        assert run.status == "recorded"
        assert (
            run.admitted
            and run.admitted.engine.startswith("opa 1.")
            and run.admitted.policy_revision == bundle.revision
        )


# -- what it was given


def test_other_policies_under_the_same_revision_are_found_out(
    engine: OpaEngine, server: Server, quick: Bundle, tmp_path: Path
) -> None:
    ask(engine)
    server.kill()
    path = "gate/rules/lane/settled.rego"
    edit = {path: lambda text: f"{text}\nsatisfied if input.nonce\n"}
    (tmp_path / "other.tar.gz").write_bytes(changed(packed(quick), edit))
    assert "cannot be reached" in refused(engine)
    server.start("--bundle", tmp_path / "other.tar.gz")
    said = refused(engine)
    assert "its policies are not this gate's" in said and path in said


def test_another_configuration_under_the_same_revision_is_found_out(quick: Bundle, tmp_path: Path) -> None:
    edit = {"config/data.json": lambda text: text.replace('"source_fresh_s":1209600', '"source_fresh_s":9999999')}
    (tmp_path / "other.tar.gz").write_bytes(changed(packed(quick), edit))
    with Server("--bundle", tmp_path / "other.tar.gz") as server:
        said = refused(OpaEngine(quick, opa.patient(server.base)))
        assert "its configuration is not this gate's: data.config differs at thresholds" in said


@pytest.mark.parametrize(
    ("pinned", "said"), [(None, ""), ("v1", ""), ("v2", "serves the revision v1, and the settings pin v2")]
)
def test_a_revision_of_ones_own_naming_is_taken_unless_another_is_pinned(
    quick: Bundle, tmp_path: Path, pinned: str | None, said: str
) -> None:
    with Server("--bundle", file_of(quick, tmp_path, revision="v1")) as server:
        engine = OpaEngine(quick, opa.patient(server.base, revision=pinned))
        if said:
            assert said in refused(engine)
        else:
            assert engine.examine().revision == "v1"


def test_a_bundle_without_a_revision_does_not_count(quick: Bundle, tmp_path: Path) -> None:
    with Server("--bundle", file_of(quick, tmp_path, revision="")) as server:
        assert "no active bundle with a revision" in refused(OpaEngine(quick, opa.patient(server.base)))


def test_policies_without_a_bundle_do_not_count(quick: Bundle) -> None:
    with Server() as server:
        for path, text in sorted(quick.policies, key=lambda module: "import" in module[1]):
            assert server.put(f"/v1/policies/gate/{path}", text) == 200
        assert server.put("/v1/data/config", strictjson.dumps(quick.config)) == 204
        assert "no active bundle with a revision" in refused(OpaEngine(quick, opa.patient(server.base)))


def test_what_a_bundle_owns_cannot_be_replaced_beside_it(engine: OpaEngine, server: Server) -> None:
    """Why the gate's bundle names its roots: with these, OPA itself refuses."""
    assert server.put("/v1/data/config/thresholds", "{}") == 400
    assert server.put("/v1/policies/more", "package gate.rules.lane.settled\n\nsatisfied := true") == 400
    assert server.put("/v1/policies/more", "package more\n\nx := 1") == 200  # no rule of ours reads that
    ask(engine)


def test_what_somebody_put_beside_a_bundle_that_owns_too_little_is_found_out(quick: Bundle, tmp_path: Path) -> None:
    owned = ["gate", "gate_test", *(f"config/{name}" for name in quick.config)]
    with Server("--bundle", file_of(quick, tmp_path, roots=owned)) as server:
        engine = OpaEngine(quick, opa.patient(server.base), believed_for_s=0)
        ask(engine)
        assert server.put("/v1/data/config/more", "{}") == 204
        assert "data.config differs at more" in refused(engine)


def test_data_in_the_place_of_a_rule_makes_no_bundle(quick: Bundle, tmp_path: Path) -> None:
    """Nothing but the modules and data.config has to be compared: OPA takes no data that answers for a rule."""
    edit = {"gate/rules/lane/settled/data.json": lambda _: '{"satisfied": true}'}
    (tmp_path / "other.tar.gz").write_bytes(changed(packed(quick), edit))
    with HealthServer() as files, Server(*polling(tmp_path, files)) as server:
        files.answers["/gate.tar.gz"] = says((tmp_path / "other.tar.gz").read_bytes(), kind="application/gzip")
        time.sleep(0.3)
        assert "no active bundle" in refused(OpaEngine(quick, opa.patient(server.base)))


def polling(folder: Path, files: HealthServer) -> tuple[str, Path]:
    """The options of a server that looks for its bundle each second."""
    seconds = {"min_delay_seconds": 1, "max_delay_seconds": 1}
    bundle = {"service": "files", "resource": "gate.tar.gz", "polling": seconds}
    config = folder / "opa.json"
    config.write_text(json.dumps({"services": {"files": {"url": files.url("")}}, "bundles": {"gate": bundle}}))
    return "--config-file", config


def test_a_server_that_takes_another_bundle_is_refused_until_it_holds_ours_again(quick: Bundle, tmp_path: Path) -> None:
    first = Path(quick.file_of("lane.settled")).parents[3]
    other = load_bundle([first, bundles.further(tmp_path / "more", ["lane.more"])])
    with HealthServer() as files, Server(*polling(tmp_path, files)) as server:
        engine = OpaEngine(quick, opa.patient(server.base))
        assert "no active bundle with a revision" in refused(engine)  # it is up, and has loaded nothing
        files.answers["/gate.tar.gz"] = says(packed(quick), kind="application/gzip")
        assert answers(engine)
        files.answers["/gate.tar.gz"] = says(packed(other), kind="application/gzip")
        deadline = time.monotonic() + 10
        said = ""
        while not said and time.monotonic() < deadline:
            try:
                ask(engine)
            except EngineError as error:
                said = str(error)
            time.sleep(0.02)
        assert "its policies are not this gate's: gate/gate/rules/lane/more.rego" in said
        assert refused(engine) == said
        files.answers["/gate.tar.gz"] = says(packed(quick), kind="application/gzip")
        assert answers(engine)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("satisfied if input.nonce\n\nmessage := ``\n", "lane.settled lets through what has to be refused"),
        ("satisfied if input.never\n\nmessage := `no`\n", "lane.settled refuses a good promote: no"),
    ],
)
def test_what_must_be_refused_is_asked_of_the_server(tmp_path: Path, body: str, said: str) -> None:
    files = {bundles.path_of("lane.settled"): bundles.rule("lane.settled", body)}
    bundle = load_bundle([bundles.write(bundles.without_tests(tmp_path / "rules"), files)])
    with Server("--bundle", file_of(bundle, tmp_path)) as server:
        assert said in refused(OpaEngine(bundle, opa.patient(server.base)))


def test_a_test_that_does_not_hold_there_is_named(tmp_path: Path) -> None:
    odd = "test_odd if count(input.x) == 1 with input as {`x`: 5}"
    text = "\n\n".join(["package gate_test.more", "test_it if true", "test_no if 1 == 2", odd, "todo_test_x if false"])
    bundle = load_bundle([bundles.write(bundles.without_tests(tmp_path / "rules"), {"gate/more_test.rego": text})])
    with Server("--bundle", file_of(bundle, tmp_path)) as server:
        said = refused(OpaEngine(bundle, opa.patient(server.base)))
        assert "more_test.rego:5: test_no" in said and "more_test.rego:7: test_odd" in said and "test_it" not in said


# -- a server that lets nobody in but the gate

AUTHZ = """package system.authz

default allow := false

allow if {
	input.identity == "%s"
	_known
}

_known if {
	input.method == "POST"
	input.path[0] == "v1"
	input.path[1] in %s
}

_known if {
	input.method == "GET"
	input.path == ["v1", "policies"]
}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def locked(
    bundle: Bundle, authority: Authority, folder: Path, identity: str = TOKEN, places: str = '{"data", "query"}'
) -> list[str | Path]:
    """Options for TLS, for callers with certificates, and a policy that lets one of them in, for reading."""
    certificate, key = authority.certificate("server", "127.0.0.1")
    (policy := folder / "authz.rego").write_text(AUTHZ % (identity, places))
    file = f"bundles.gate.resource={file_of(bundle, folder).as_uri()}"  # beside --bundle OPA reads no policy
    how = "token" if identity == TOKEN else "tls"
    tls: list[str | Path] = ["--tls-cert-file", certificate, "--tls-private-key-file", key]
    tls += ["--tls-ca-cert-file", authority.file]
    return [*tls, f"--authentication={how}", "--authorization=basic", "--set", file, policy]


def test_a_server_is_reached_with_the_right_certificates_and_token_alone(
    quick: Bundle, tmp_path: Path, authority: Authority
) -> None:
    cert_file, key_file = authority.certificate("gate")
    with Server(*locked(quick, authority, tmp_path), scheme="https") as server:
        right = opa.patient(
            server.base,
            ca_file=authority.file,
            cert_file=cert_file,
            key_file=key_file,
            token=SecretStr(TOKEN),
        )
        assert answers(OpaEngine(quick, right))
        for token in (None, SecretStr("another")):
            said = refused(OpaEngine(quick, dataclasses.replace(right, token=token)))
            assert said == f"OPA at {server.base} does not let the gate in: status 401"
        assert "is not who it should be" in refused(OpaEngine(quick, dataclasses.replace(right, ca_file=None)))
        context = ssl.create_default_context(cafile=str(authority.file))
        context.load_cert_chain(cert_file, key_file)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=server.base, verify=context, headers=headers, trust_env=False) as client:
            assert client.put("/v1/data/more", content="{}").status_code == 401  # it lets nobody write, us included


def test_a_server_that_wants_certificates_is_not_reached_without_one(
    quick: Bundle, tmp_path: Path, authority: Authority
) -> None:
    cert_file, key_file = authority.certificate("gate")
    with Server(*locked(quick, authority, tmp_path, identity="CN=gate"), scheme="https") as server:
        right = opa.patient(server.base, ca_file=authority.file, cert_file=cert_file, key_file=key_file)
        assert answers(OpaEngine(quick, right))
        refused(OpaEngine(quick, dataclasses.replace(right, cert_file=None, key_file=None)))


def test_a_server_that_cannot_be_examined_is_not_believed(quick: Bundle, tmp_path: Path, authority: Authority) -> None:
    with Server(*locked(quick, authority, tmp_path, places='{"data"}'), scheme="https") as server:
        settings = opa.patient(server.base, ca_file=authority.file, token=SecretStr(TOKEN))
        engine, deadline = OpaEngine(quick, settings), time.monotonic() + 10
        while "no active bundle" in refused(engine) and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(EngineError, match="does not let the gate in: status 401") as error:
            ask(engine)
        assert "POST to /v1/data and /v1/query and GET /v1/policies" in error.value.hint
