"""Bundles as small as they can be: every rule of the floor, each saying yes where the evidence lists its code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from launchplane_gate.policy import Bundle, shipped_policies
from launchplane_gate.policy.bundle.floor import DECISION_PATH, FLOOR, FLOOR_CODES

# The rest of a rule that takes longer than anybody waits, of a reason of some length.
ENDLESS = """
satisfied if {
	is_string(input.request.reason)
	letters := split(input.request.reason, "")
	every a in letters {
		every b in letters {
			every c in letters {
				every d in letters { concat("", [a, b, c, d]) != "no" }
			}
		}
	}
}

message := "It says no." if not satisfied
"""
A_TEST = """package gate_test.small

import data.gate.rules.lane.settled

test_no_fact_is_a_no if not settled.satisfied with input as {"evidence": {}}
"""

THRESHOLDS = {
    "source_fresh_s": 60,
    "source_soak_s": 0,
    "observed_s": 60,
    "health_s": 60,
    "health_matches": 1,
    "backup_s": 3600,
    "waiver_max_s": 3600,
    "settle_s": 15,
}


def rule(code: str, body: str | None = None) -> str:
    """The text of a rule; ``body`` is what stands below its package."""
    says_yes = f'satisfied if "{code}" in input.evidence.satisfied\n\nmessage := "as listed"\n'
    header = (
        f"# METADATA\n# title: Title of {code}\n# custom:\n#   remedy: Remedy of {code}\npackage gate.rules.{code}\n\n"
    )
    return header + (says_yes if body is None else body)


def path_of(code: str) -> str:
    return f"gate/rules/{code.replace('.', '/')}.rego"


def a_test(code: str) -> str:
    """A test of a rule, as every rule has to have one; it holds whatever the rule says."""
    return f"package gate_test.rules.{code}\n\ntest_it if true\n{_names([path_of(code)])}"


def config() -> dict[str, Any]:
    base: dict[str, Any] = {}
    for (action, phase), codes in FLOOR.items():
        base.setdefault(action, {})[phase] = list(codes)
    return {
        "roll_call": {"base": base, "drivers": {}, "products": {}},
        "thresholds": dict(THRESHOLDS),
        "waivable": ["lane.not_bypassed"],
        "products": {},
    }


def small(folder: Path) -> Path:
    """Write the small bundle."""
    decision = (shipped_policies() / DECISION_PATH).read_text()
    rules = {path_of(code): rule(code) for code in FLOOR_CODES}
    return write(
        folder,
        {**rules, DECISION_PATH: decision, "gate/small_test.rego": A_TEST + _names(rules)},
        config(),
        tested=False,
    )


def without_tests(folder: Path) -> Path:
    """Write the shipped rules, with one quick test in place of theirs."""
    shutil.copytree(shipped_policies(), folder, ignore=shutil.ignore_patterns("*_test.rego"), dirs_exist_ok=True)
    rules = [file.relative_to(folder).as_posix() for file in (folder / "gate" / "rules").rglob("*.rego")]
    return write(folder, {"gate/quick_test.rego": "package gate_test.quick\n\ntest_it if true\n" + _names(rules)})


def _names(rules: Iterable[str]) -> str:
    """A function that names rules, by their paths, so that they are not without a test; nobody calls it."""
    said = [f"data.{path.removesuffix('.rego').replace('/', '.')}.satisfied" for path in sorted(rules)]
    return "\nnames(_) := [\n\t" + ",\n\t".join(said) + ",\n]\n"


def further(folder: Path, codes: Iterable[str] = (), added: Mapping[str, Any] | None = None) -> Path:
    """Write a folder that adds rules to another bundle, asked of each promotion, and entries to its configuration."""
    codes = list(codes)
    asked = {"roll_call": {"base": {"promote": {"admit": codes}}}} if codes else {}
    return write(folder, {path_of(code): rule(code) for code in codes}, {**asked, **(added or {})})


def unchecked(bundle: Bundle, code: str, body: str) -> Bundle:
    """A bundle in which one rule says what the static check lets nobody say: what loads ends in no error."""
    modules = tuple(
        replace(module, text=rule(code, body)) if module.path == path_of(code) else module for module in bundle.modules
    )
    return replace(bundle, modules=modules)


def write(
    folder: Path, files: Mapping[str, str], data: Mapping[str, Any] | None = None, *, tested: bool = True
) -> Path:
    """Write files, by their paths, and the configuration; a test, too, for a rule that is new there and has none."""
    texts = dict(files)
    for path in files:
        category, _, name = path.removeprefix("gate/rules/").removesuffix(".rego").partition("/")
        beside = f"gate/rules/{category}/{name}_test.rego"
        if path == path_of(f"{category}.{name}") and tested and not (folder / path).exists():
            texts.setdefault(beside, a_test(f"{category}.{name}"))
    if data is not None:
        texts["config/data.json"] = json.dumps(data)
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder
