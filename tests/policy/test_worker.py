"""A question to the embedded engine is bounded: what never ends, eats memory or nests deep costs that question."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from launchplane_gate.errors import EngineError
from launchplane_gate.policy import start_within
from launchplane_gate.policy.engines.embedded import serve, worker
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter, NotRego, syntax_tree
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Unanswered
from launchplane_gate.settings import EmbeddedSettings
from tests.forks import in_a_child
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # it waits for workers that do not answer

NEVER_ENDS = """
satisfied if {
	some a in split(input.text, "")
	some b in split(input.text, "")
	some c in split(input.text, "")
	some d in split(input.text, "")
	concat("", [a, b, c, d]) == "no"
}
"""
DOUBLED = [f"a{n} := array.concat(a{n - 1}, a{n - 1})" for n in range(1, 40)]
EATS = "\n".join(["a0 := [input.text, input.text]", *DOUBLED, "satisfied if count(a39) > 0"])
CHAIN = [f"f{n}(x) := f{n + 1}(x)" for n in range(5000)]
NESTS = "\n".join([*CHAIN, "f5000(x) := x", "satisfied if f0(input.text) == input.text"])
BOMBS = {"never ends": NEVER_ENDS, "eats memory": EATS, "nests without end": NESTS}
GOOD = Interpreter([("good.rego", "package good\n\nimport rego.v1\n\nanswer := input.n\n")], {})
TEXT = json.dumps({"text": "x" * 1000})


def bomb(name: str) -> Interpreter:
    return Interpreter([("bomb.rego", f"package bomb\n\nimport rego.v1\n\n{BOMBS[name]}")], {})


def good(number: int) -> Any:
    return GOOD.value("data.good.answer", json.dumps({"n": number}))


@pytest.fixture(autouse=True)
def brief() -> Iterator[None]:
    """A second for a question, and 256 MB."""
    start_within(EmbeddedSettings(timeout_s=1, memory_mb=256))
    yield
    start_within(EmbeddedSettings())


def pid() -> int:
    process = worker.shared()._process
    assert process
    return process.popen.pid


def ends(one: int, within_s: float = 10) -> bool:
    try:
        psutil.Process(one).wait(within_s)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return psutil.Process(one).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_no_answer_within_its_bounds_and_the_next_question_is_answered(name: str) -> None:
    """Seen: a deploy and its lane were held beyond Ctrl-C; the process was aborted, or ended with SIGSEGV."""
    began = time.monotonic()
    with pytest.raises(Unanswered, match=r"stopped|broke off"):
        bomb(name).value("data.bomb.satisfied", TEXT)
    assert time.monotonic() - began < 8
    assert good(7) == 7


def test_a_text_that_cannot_be_parsed_in_time_is_none() -> None:
    deep = "package deep\n\nimport rego.v1\n\nx := " + "[" * 40 + "]" * 40
    began = time.monotonic()
    with pytest.raises((Unanswered, NotRego)) as failed:
        syntax_tree("deep.rego", deep)
    assert time.monotonic() - began < 8 and ("deep.rego" in str(failed.value) or isinstance(failed.value, NotRego))
    assert good(1) == 1


def test_the_time_of_a_question_begins_when_it_is_taken_up() -> None:
    """Eight threads, four of them with bombs: every other question gets its own answer."""
    ticking = bomb("never ends")

    def ask(number: int) -> Any:
        if number % 2:
            return good(number)
        with pytest.raises(Unanswered):
            ticking.value("data.bomb.satisfied", TEXT)
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == list(range(8))


def test_no_answer_goes_to_another_question() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(good, range(500))) == list(range(500))


def test_more_programs_than_are_kept_are_each_answered_by_their_own() -> None:
    def program(number: int) -> Interpreter:
        text = f"package many\n\nimport rego.v1\n\nanswer := {number} if input.n > 0\n\nodd := to_number(input.n)\n"
        return Interpreter([("many.rego", text)], {})

    programs = [program(number) for number in range(serve.PROGRAMS + 3)]
    asked = [0, 1, 2, *range(len(programs)), 0, 1, 5, 0, *reversed(range(len(programs)))]
    for turn, number in enumerate(asked):
        if turn % 3 == 0:
            with pytest.raises(EvaluationFailed):
                programs[number].value("data.many.odd", json.dumps({"n": "x"}))
        assert programs[number].value("data.many.answer", json.dumps({"n": 1})) == number


def test_a_worker_that_ended_while_nobody_asked_is_started_anew() -> None:
    assert good(1) == 1
    os.kill(pid(), signal.SIGKILL)
    assert ends(pid())
    assert good(2) == 2


def test_it_ends_with_whoever_asked_even_in_the_middle_of_a_question(tmp_path: Path) -> None:
    program = """
import sys
from tests.policy.test_worker import bomb, good, pid, TEXT
from launchplane_gate.policy import start_within
from launchplane_gate.settings import EmbeddedSettings
start_within(EmbeddedSettings(timeout_s=2))
good(1)
print(pid(), flush=True)
bomb("never ends").value("data.bomb.satisfied", TEXT) if sys.argv[1] == "asking" else None
"""
    for doing in ("asking", "nothing"):
        asker = subprocess.Popen([sys.executable, "-c", program, doing], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert asker.stdout
        its = int(asker.stdout.readline())
        time.sleep(0.2)
        asker.kill()
        asker.wait()
        asker.stdout.close()
        assert ends(its), doing


def test_ctrl_c_ends_what_a_person_started(tmp_path: Path) -> None:
    program = """
from tests.policy.test_worker import bomb, good, TEXT
from launchplane_gate.policy import start_within
from launchplane_gate.settings import EmbeddedSettings
start_within(EmbeddedSettings(timeout_s=60))
good(1)
print("ready", flush=True)
try:
    bomb("never ends").value("data.bomb.satisfied", TEXT)
except KeyboardInterrupt:
    print(good(2), flush=True)
"""
    person = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert person.stdout and person.stdout.readline() == "ready\n"
    time.sleep(0.5)
    began = time.monotonic()
    os.killpg(person.pid, signal.SIGINT)  # as a terminal does: to every process that was started there
    assert person.stdout.read() == "2\n"
    assert person.wait(10) == 0 and time.monotonic() - began < 8
    person.stdout.close()


# -- a server that forks


def test_a_forked_child_has_a_worker_of_its_own_and_leaves_its_parents_alone() -> None:
    """Seen: replies that belonged to another process made a rule satisfied."""
    assert good(1) == 1
    ours = pid()
    its, answer = in_a_child(lambda: (good(2) == 2 and pid(), good(3)))
    assert answer == 3 and its != ours
    assert (good(4), pid()) == (4, ours)
    assert ends(its)


def test_a_child_that_is_forked_while_a_question_is_under_way_can_ask() -> None:
    ticking = bomb("never ends")
    asking = threading.Thread(target=lambda: pytest.raises(Unanswered, ticking.value, "data.bomb.satisfied", TEXT))  # noqa: RUF061  # in one expression
    asking.start()
    time.sleep(0.3)
    assert in_a_child(lambda: good(5)) == 5
    asking.join()
    assert good(6) == 6


# -- what is started is the engine that we know


@pytest.mark.parametrize("python", ["/bin/cat", "/bin/true", "/nowhere/python3", "/etc/passwd"])
def test_what_is_no_python_is_told_with_the_setting_that_names_one(python: str) -> None:
    with pytest.raises(EngineError, match="the embedded engine does not start with") as failed:
        start_within(EmbeddedSettings(timeout_s=1, python=python))
        good(1)
    assert "[embedded]" in failed.value.hint


LIAR = """#!{python}
import json, os, struct, sys
sys.path.insert(0, {root!r})
from launchplane_gate.policy.engines.embedded import serve, worker
def send(header, payload=b"", cut=0):
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    frame = serve.LENGTHS.pack(len(told), len(payload)) + told + payload
    os.write(1, frame[:len(frame) - cut])
send({{"id": 0, "digest": "", "engine": str(worker.engine_module().resolve())}})
while (frame := serve.receive(sys.stdin.buffer)):
    asked = json.loads(frame[0])
    right = {{"id": asked["id"], "digest": serve.digest(*frame)}}
    yes = b'{{"result": [{{"expressions": [{{"value": true}}]}}]}}'
    if asked["op"] == "load":
        send(right)
        continue
    {lie}
"""
LIES = {
    "the answer to another question": 'send(right | {"id": asked["id"] - 1}, yes)',
    "an answer that another question was read for": 'send(right | {"digest": "0" * 64}, yes)',
    "no header": 'send(b"[]", yes)',
    "no JSON": 'send(b"yes", yes)',
    "half an answer": "send(right, yes, cut=5)",
    "half an answer, and then nothing": "send(right, yes, cut=5); sys.exit()",
    "an answer that is far too large": 'os.write(1, struct.pack(">II", 2**31, 2**31))',
    "nothing": "pass",
    "two answers": "send(right, yes); send(right, yes)",
}


@pytest.mark.parametrize("lie", LIES)
def test_whatever_is_no_answer_to_this_question_is_none(tmp_path: Path, lie: str) -> None:
    program = tmp_path / "python3"
    program.write_text(LIAR.format(python=sys.executable, root=str(ROOT), lie=LIES[lie]))
    program.chmod(0o755)
    start_within(EmbeddedSettings(timeout_s=2, python=str(program)))
    started: list[int] = []
    with pytest.raises(Unanswered):
        for number in range(2):  # of two answers the first one may be right; the other one is to no question at all
            good(number)
            started.append(pid())
    assert all(map(ends, started))  # and its pipe is never read again
