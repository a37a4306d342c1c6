"""The process in which the embedded engine runs: it answers what comes in, until nothing more does.

It is started as a file, with nothing of ours around it: ``python serve.py FOLDER MEMORY_BYTES``, where the module
regorus is in the folder. A frame is two lengths, a header (JSON) and a payload; the answer to one has its ``id`` and
the digest of what was read. Nobody is waited for here: whoever asks ends this process when a question takes too long,
and an alarm does where that one has gone.
"""

import hashlib
import json
import os
import signal
import struct
import sys
from collections import OrderedDict
from contextlib import suppress
from types import ModuleType
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">II")
LARGEST = 64 * 1024 * 1024
PROGRAMS = 8  # as many are kept at most, parsed
LONGEST_ERROR = 64 * 1024


def digest(header: bytes, payload: bytes) -> str:
    return hashlib.sha256(LENGTHS.pack(len(header), len(payload)) + header + payload).hexdigest()


class Programs:
    """What was loaded: modules and data, by a name. Of each there is an engine that was never asked."""

    def __init__(self, regorus: ModuleType) -> None:
        self._regorus = regorus
        self._fresh: OrderedDict[str, Any] = OrderedDict()
        self._used: dict[str, Any] = {}
        self._parsed: tuple[str, Any] = ("", None)

    def load(self, header: dict[str, Any], payload: bytes) -> str:
        """Parsing is what takes time: programs that differ in their data share it."""
        told = json.loads(payload)
        modules = hashlib.sha256(json.dumps(told["modules"]).encode()).hexdigest()
        if self._parsed[0] != modules:
            engine = self._regorus.Engine()
            for path, text in told["modules"]:
                engine.add_policy(path, text)
            self._parsed = modules, engine
        fresh = self._parsed[1].clone()
        fresh.add_data_json(told["data"])
        name = header["program"]
        self._fresh[name] = fresh
        self._used.pop(name, None)
        while len(self._fresh) > PROGRAMS:
            oldest, _ = self._fresh.popitem(last=False)
            self._used.pop(oldest, None)
        return ""

    def evaluate(self, header: dict[str, Any], payload: bytes) -> str:
        return self._answer(header["program"], header["path"], payload.decode() if header["has_input"] else None)

    def evaluate_all(self, header: dict[str, Any], payload: bytes) -> str:
        """The answers to several inputs, as a list; an error at one of them is an error of all."""
        answers, start = [], 0
        for size in header["sizes"]:
            text = payload[start : start + size].decode()
            answers.append(self._answer(header["program"], header["path"], text))
            start += size
        return f"[{','.join(answers)}]"

    def _answer(self, name: str, path: str, policy_input: "str | None") -> str:
        if name not in self._fresh:
            raise KeyError(name)
        self._fresh.move_to_end(name)  # whatever becomes of it: whoever asks counts the same
        engine = self._used.pop(name, None) or self._fresh[name].clone()
        if policy_input is not None:
            engine.set_input_json(policy_input)
        answer = str(engine.eval_query_as_json(path))
        self._used[name] = engine  # not after an error: then it may hold the input of an earlier question
        return answer

    def cover(self, header: dict[str, Any], payload: bytes) -> str:
        """What evaluating some paths prints, and which lines of which modules it reaches, and does not."""
        engine = self._fresh[header["program"]].clone()
        engine.set_enable_coverage(True)
        engine.set_gather_prints(True)
        for path in json.loads(payload):
            with suppress(Exception):  # whether they hold is another question
                engine.eval_query_as_json(path)
        files = json.loads(engine.get_coverage_report_as_json())["files"]
        lines = {one["path"]: [one["covered"], one["not_covered"]] for one in files}
        return json.dumps({"printed": list(dict.fromkeys(engine.take_prints())), "lines": lines})

    def parse(self, header: dict[str, Any], payload: bytes) -> str:
        engine = self._regorus.Engine()
        engine.add_policy(header["path"], payload.decode())
        return str(engine.get_ast_as_json())


def serve(regorus: ModuleType, asked: BinaryIO, answers: BinaryIO) -> None:
    programs = Programs(regorus)
    does = {name: getattr(programs, name) for name in ("load", "evaluate", "evaluate_all", "cover", "parse")}
    hello = {"id": 0, "digest": "", "engine": os.path.realpath(str(regorus.__file__)), "python": sys.version_info[:2]}
    send(answers, hello, b"")
    while (frame := receive(asked)) is not None:
        header, payload = json.loads(frame[0]), frame[1]
        signal.setitimer(signal.ITIMER_REAL, header["seconds"])
        reply = {"id": header["id"], "digest": digest(*frame)}
        try:
            said = does[header["op"]](header, payload)
        except MemoryError:
            os._exit(3)
        except BaseException as error:  # noqa: BLE001  # a panic of the engine is no Exception
            signal.setitimer(signal.ITIMER_REAL, 0)
            send(
                answers, reply | {"error": type(error).__name__}, str(error)[:LONGEST_ERROR].encode("utf-8", "replace")
            )
        else:
            signal.setitimer(signal.ITIMER_REAL, 0)
            send(answers, reply, said.encode())


def receive(asked: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next frame; None where there is none, or not all of one."""
    lengths = asked.read(LENGTHS.size)
    if len(lengths) != LENGTHS.size:
        return None
    of_header, of_payload = LENGTHS.unpack(lengths)
    if of_header + of_payload > LARGEST:
        return None
    header, payload = asked.read(of_header), asked.read(of_payload)
    return (header, payload) if (len(header), len(payload)) == (of_header, of_payload) else None


def send(answers: BinaryIO, header: dict[str, Any], payload: bytes) -> None:
    told = json.dumps(header).encode()
    answers.write(LENGTHS.pack(len(told), len(payload)) + told + payload)
    answers.flush()


def limit(memory_bytes: int) -> None:
    """No more memory than that, where the system keeps to it; elsewhere whoever asks watches."""
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  # not everywhere

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(folder: str, memory_bytes: str) -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else is printed is no answer
    limit(int(memory_bytes))
    sys.path.insert(0, folder)
    import regorus  # noqa: PLC0415  # found by the line above

    serve(regorus, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
