"""The rules on the embedded engine, on OPA and by the oracle: asked the same, each has to say the same of each rule.

On demand, for as many questions as wanted: ``python -m tests.policy.differential COUNT SEED``. It prints whatever
differs, and exits with 1 then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from launchplane_gate.policy import shipped_policies
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.protocol import EvaluationFailed
from tests import opa
from tests.places import CASES
from tests.policy import oracle
from tests.policy.mutations import questions

WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
NIGHT: Mapping[str, Any] = {
    "paths": [{"from": "testing", "to": "staging"}, {"from": "testing", "to": "prod"}],
    "actors": {
        "prod": [
            {"subject": "repo:cbusillo/*", "verified_by": "github-oidc", "may": ["approve", "adopt", "hold"]},
            {"subject": "unverified:*", "verified_by": None, "may": ["waive", "approve"]},
        ],
        "testing": [
            {"subject": "repo:cbusillo/other:*", "verified_by": "github-oidc", "may": []},
            {"subject": "repo:cbusillo/*", "verified_by": "github-oidc", "claims": {"environment": "production"}},
            {
                "subject": "unverified:*",
                "verified_by": None,
                "may": ["waive", "approve", "adopt", "release", "quarantine"],
            },
            {"subject": "carol", "verified_by": "github-oidc"},
        ],
    },
    "backup": {"prod": {}, "testing": {"max_age_s": 60}},
    "windows": {
        "prod": [
            {"days": ["Wednesday", "Saturday"], "from": "22:00", "to": "06:30", "zone": "America/New_York"},
            {"days": ["Thursday"], "from": "00:00", "to": "24:00", "zone": "UTC"},
        ],
        "testing": [{"days": WEEK, "from": "12:30", "to": "12:00", "zone": "Asia/Kathmandu"}],
    },
    "branches": ["main", "release/next"],
    "thresholds": {"health_matches": 1, "source_fresh_s": 36000, "source_soak_s": 0, "observed_s": 3600},
}
"""What is decided for a second product: other forms of whatever the first one has."""

Json = Any
Said = frozenset[str] | None
"""The codes of the rules that are satisfied; None where an engine ends in an error, which no rule may cause."""

CHUNK = 250  # questions that OPA is asked at once
CONFIG: dict[str, Any] = json.loads((CASES / "config.json").read_text())
CONFIG["products"] |= {"night": NIGHT, "bare": {}}
CONFIG["products"]["sellyouroutboard"] |= {"branches": ["main"]}

# Every rule is asked, on the roll call or not, and its message is made, as it is for a decision.
_ASKED = """package differential

satisfied := {sprintf("%v.%v", [category, name]) |
	some category, rules in data.gate.rules
	some name, rule in rules
	object.get(rule, "satisfied", false) == true
	is_string(object.get(rule, "message", ""))
}

each := [said | some question in input; said := satisfied with input as question]
"""


Engine = Callable[[Sequence[str]], list[Said]]


@dataclass
class Comparison:
    """``met``: how often each rule was satisfied; ``apart``: how often the answers for it differ, told in full."""

    asked: int = 0
    allowed: int = 0
    met: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def compare(count: int, seed: int, engines: Mapping[str, Engine]) -> Comparison:
    """Ask each engine of every rule, and the oracle: engines that agree with it agree with each other."""
    seen = Comparison()
    asked = questions(count, seed)
    while chunk := list(islice(asked, CHUNK)):
        texts = [json.dumps(question) for question in chunk]
        told = {name: ask(texts) for name, ask in engines.items()}
        for number, question in enumerate(chunk):
            right = oracle.satisfied(question, CONFIG)
            seen.met.update(right)
            seen.allowed += roll_call(question) <= right
            for name, answers in told.items():
                said = answers[number]
                if said != right:
                    wrong = sorted(right ^ said if said is not None else ["an error"])
                    seen.apart.update(wrong)
                    seen.differences.append(
                        f"question {seen.asked + number}: {name} and the oracle differ on {', '.join(wrong)}, "
                        f"satisfied by the oracle: {sorted(right.intersection(wrong))}\n{texts[number]}"
                    )
        seen.asked += len(chunk)
    return seen


def bundle_in(folder: Path) -> Path:
    """The shipped rules, with what the golden cases are decided on, and the one question that is asked here."""
    policies = shipped_policies()
    for path in policies.rglob("*.rego"):
        if not path.name.endswith("_test.rego"):
            there = folder / path.relative_to(policies)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(path.read_text())
    (folder / "config").mkdir()
    (folder / "config" / "data.json").write_text(json.dumps(CONFIG))
    (folder / "differential.rego").write_text(_ASKED)
    return folder


def on_embedded(bundle: Path) -> Engine:
    engine = Interpreter([(str(path), path.read_text()) for path in bundle.rglob("*.rego")], {"config": CONFIG})

    def ask(question: str) -> Said:
        try:
            return frozenset(engine.value("data.differential.satisfied", question))
        except EvaluationFailed:
            return None

    return lambda texts: [ask(text) for text in texts]


def on_opa(bundle: Path) -> Engine:
    """One process for many questions: by ``with``, each is asked as if it were the only one."""
    command = [str(opa.PROGRAM), "eval", "--format=raw", "--strict-builtin-errors", "--bundle", str(bundle)]

    def ask(texts: Sequence[str]) -> list[Said]:
        told = subprocess.run(
            [*command, "--stdin-input", "data.differential.each"],
            input=f"[{','.join(texts)}]",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if told.returncode == 0:
            return [frozenset(said) for said in json.loads(told.stdout)]
        if len(texts) == 1:
            assert "eval_" in told.stdout + told.stderr, told.stderr
            return [None]
        half = len(texts) // 2  # one error ends the answer to all of them
        return ask(texts[:half]) + ask(texts[half:])

    return ask


def roll_call(question: Json) -> frozenset[str]:
    """The rules that a question has to satisfy; one that there is not, where nothing is asked of any."""
    for action, phases in CONFIG["roll_call"]["base"].items():
        for phase, codes in phases.items():
            if (oracle.at(question, "action"), oracle.at(question, "phase")) == (action, phase):
                return frozenset(codes)
    return frozenset(["none"])


def main(count: int, seed: int) -> int:
    with TemporaryDirectory() as folder:
        bundle = bundle_in(Path(folder))
        engines = {"embedded": on_embedded(bundle)} | ({"opa": on_opa(bundle)} if opa.PROGRAM else {})
        seen = compare(count, seed, engines)
    asked = f"the oracle and {' and '.join(engines)}" + ("" if opa.PROGRAM else "; there is no opa at hand")
    print("\n".join(seen.differences))
    print(f"{seen.asked} questions to {asked}. {seen.allowed} of them are to be allowed.")
    print(f"{len(seen.differences)} differences.")
    return 1 if seen.differences else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
