"""Whether a server holds what we mean: our modules, our configuration, and no more than a good promotion's yes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError, PolicyError
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.rego_tests import RegoTest
from launchplane_gate.policy.decision import ANSWER, read_answer
from launchplane_gate.policy.engines.opa.server import NO_BUNDLE, NOTHING_THERE, OpaServer, Provenance, ServedModule
from launchplane_gate.policy.engines.protocol import Undefined
from launchplane_gate.policy.proof import questions
from launchplane_gate.policy.proof.must_refuse import GOOD, asked_of_every_bundle, check_must_refuse, roll_call_of

ROOTS = ("gate", "config", "gate_test")
CONFIG = "data.config"

OTHERS = (
    "Nothing was deployed. Give OPA the bundle that `launchplane-gate policy bundle` makes of the policies that the "
    "settings name; or, where OPA is right, give the gate the policies that it serves."
)
WRONG = "Nothing was deployed. Mend the policies that the message names, and give OPA the bundle of the mended ones."
PINNED = (
    "Nothing was deployed. Serve the bundle of that revision again; or, where the new one is meant, name it as "
    "opa.revision in the settings."
)


class Examination(NamedTuple):
    """What an examined server holds. ``tests`` counts those that passed there: none where they are not served."""

    provenance: Provenance
    revision: str
    tests: int
    took_s: float


def examine(server: OpaServer, bundle: Bundle, pinned: str | None) -> Examination:
    """Compare what a server holds with a bundle, and have it prove itself. Raises EngineError where it does not."""
    started = time.monotonic()
    provenance, config = _config(server)
    modules = server.modules()
    revision = _revision(server, provenance, modules, pinned)
    _compare(server, bundle, modules, config)
    try:
        check_must_refuse(bundle, _Served(server, bundle))
    except PolicyError as error:
        raise EngineError(f"{server.where} serves policies that must not decide: {error}", hint=WRONG) from None
    tests = _run_tests(server, bundle, modules)
    if _config(server) != (provenance, config):
        raise EngineError(f"{server.where} took another bundle while it was examined")
    return Examination(provenance, revision, tests, time.monotonic() - started)


def _config(server: OpaServer) -> tuple[Provenance, str]:
    said = server.ask(CONFIG, {})
    if said.value is NOTHING_THERE:
        raise EngineError(f"{server.where} has no configuration of the gate", hint=NO_BUNDLE)
    return said.provenance, strictjson.dumps(said.value)


def _revision(server: OpaServer, provenance: Provenance, modules: Sequence[ServedModule], pinned: str | None) -> str:
    """The revision of the bundle that the gate's modules come from: they are called by its name."""
    ours = [module for module in modules if module.root in ROOTS]
    for name, revision in provenance.revisions:
        if ours and revision and all(module.id.startswith(f"{name}/") for module in ours):
            if pinned not in (None, revision):
                what = f"{server.where} serves the revision {revision[:80]}, and the settings pin {pinned}"
                raise EngineError(what, hint=PINNED)
            return revision
    raise EngineError(
        f"{server.where} has no one bundle with a revision that holds the gate's policies", hint=NO_BUNDLE
    )


def _compare(server: OpaServer, bundle: Bundle, modules: Sequence[ServedModule], config: str) -> None:
    """Raises EngineError for a module that is missing, another or one too many, or another configuration.

    What stands in other packages is not looked at: no module of a bundle reads it.
    """
    known = {module.text: module.path for module in bundle.modules}
    held = Counter(module.text for module in modules if module.text in known)
    odd = {known[text] for text, times in held.items() if times > 1}
    odd |= {path for path, text in bundle.policies if text not in held}
    odd |= {module.id for module in modules if module.text not in known and module.root in (*ROOTS, None)}
    if odd:
        more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""  # noqa: PLR2004  # enough to know where to look
        what = f"its policies are not this gate's: {', '.join(sorted(odd)[:3])}{more}"
    elif config != strictjson.dumps(bundle.config):
        what = f"its configuration is not this gate's: data.config differs{_first_difference(config, bundle.config)}"
    else:
        return
    raise EngineError(f"{server.where}: {what}", hint=OTHERS)


def _first_difference(config: str, ours: Mapping[str, Any]) -> str:
    served = json.loads(config)
    if not isinstance(served, dict):
        return ""
    names = [name for name in sorted(served.keys() | ours.keys()) if served.get(name) != ours.get(name)]
    return f" at {names[0]}" if names else ""


class _Served:
    """A server's answers to the questions of the must-refuse check, all of them had by one query.

    The server is not told of the product that they are about: the query says ``with``, and nothing of it stays there.
    """

    QUERY = (
        "policy := input.product_policy; answers := {i: answer | some i, asked in input.asked; "
        f"answer := {ANSWER} with input as asked with data.config.products[{json.dumps(questions.PRODUCT)}] as policy}}"
    )

    def __init__(self, server: OpaServer, bundle: Bundle) -> None:
        self._bundle = bundle
        asked = [*GOOD, *(question.policy_input for question in asked_of_every_bundle())]
        answers = server.query(self.QUERY, {"asked": asked, "product_policy": questions.PRODUCT_POLICY}).get("answers")
        if not isinstance(answers, dict):
            raise EngineError(f"{server.where} gave no answers to what has to be refused")
        # by identity: each question is made once a process, and writing them all out again would take longest
        self._answers = {id(one): answers[str(i)] for i, one in enumerate(asked) if str(i) in answers}

    def answer(self, asked: Mapping[str, Any]) -> Any:
        try:
            return self._answers[id(asked)]
        except KeyError:
            raise Undefined(f"{ANSWER} is undefined") from None

    def satisfies(self, code: str, asked: Mapping[str, Any]) -> bool:
        try:
            answer = self.answer(asked)
        except Undefined:
            return False
        return read_answer(answer, roll_call_of(self._bundle, asked), asked)[code].satisfied


def _run_tests(server: OpaServer, bundle: Bundle, modules: Sequence[ServedModule]) -> int:
    """Run those of the bundle's tests that are served; gives how many passed. Raises EngineError for a failing one."""
    served = {module.text for module in modules}
    paths = {module.path for module in bundle.modules if module.text in served}
    tests = {_name(test): test for test in bundle.tests if test.path in paths and not test.is_todo}
    if not tests:
        return 0
    # all of them at once, in a variable that is not part of the answer: one by one took three times as long
    each = f'some t in {json.dumps(list(tests))}; object.get(everything, split(t, "."), 0) == true'
    held = server.query(f"held := {{t | everything := data.gate_test; {each}}}", {}).get("held")
    failed = [test for name, test in tests.items() if not isinstance(held, list) or name not in held]
    if failed:
        named = ", ".join(f"{test.file}:{test.line}: {test.name}" for test in failed[:3])
        raise EngineError(f"{server.where}: Rego tests do not hold there: {named}", hint=WRONG)
    return len(tests)


def _name(test: RegoTest) -> str:
    return test.rule.removeprefix("data.gate_test.")
