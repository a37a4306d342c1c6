"""Good inputs, each broken in one fact, and the rules that are not satisfied then."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from launchplane_gate.authoring.changes import MISSING, Change, changed
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.decision import ask_rules
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from tests.places import CASES

HOLD = {"reason": "a release is cut", "subject": "carol", "since": "2026-05-07T11:00:00Z", "until": None}
OLDER = "ghcr.io/cbusillo/sellyouroutboard@sha256:3bc1a8747f499fffb0ed516da521bb51cb1b16f61fbb03bff62c9ad864139c53"
STALE = "215f71bc1a58639fe4bcd3b3609a4e68304184ab"

BREAKS: dict[str, list[Change]] = {
    "promote_admit": [
        Change(("source", "run", "settled"), False),
        Change(("source", "run"), MISSING),
        Change(("destination", "run", "open"), True),
        Change(("request", "expected", "source_git_ref"), STALE),
        Change(("source", "inventory"), None),
        Change(("source", "deployments", 1, "older"), False),
        Change(("source", "deployments", 0, "status"), "fail"),
        Change(("source", "observed", "containers", 1, "artifact_id"), OLDER),
        Change(("source", "observed", "in_flight"), True),
        Change(("source", "steady_since"), "2026-05-07T11:59:58.000000Z"),
        Change(("source", "hold"), HOLD),
        Change(("now",), "2026-05-09T12:00:00.000000Z"),
        Change(("now",), "not a moment"),
        Change(("actor", "subject"), "repo:somebody/else:ref:refs/heads/main"),
        Change(("evidence", "health", "source", 1, "revision"), STALE),
        Change(("evidence", "health"), MISSING),
        Change(("destination", "backups"), []),
        Change(("destination", "may_run", 0, "source_git_ref"), "41620cf13151d1a12f09d06007d67bdf791d200c"),
        Change(("release", "artifact_id"), OLDER),
        Change(("release", "source_git_ref"), "41620cf"),
        Change(("product", "lanes", 1, "health_url"), ""),
        Change(("request", "version"), "v0.2.9"),
        Change(("driver", "addressed"), "odoo"),
        Change(("destination", "rolled_back", 0, "source_git_ref"), "41620cf13151d1a12f09d06007d67bdf791d200c"),
    ],
    "promote_confirm": [
        Change(("outcome", "status"), "unknown"),
        Change(("outcome", "good_since"), None),
        Change(("evidence", "health", "destination", 0, "status"), 503),
        Change(("destination", "observed", "reachable"), False),
    ],
    "deploy_admit": [Change(("destination", "lane", "instance"), "prod")],
    "rollback_admit": [Change(("destination", "history"), []), Change(("destination", "run", "settled"), False)],
    "evidence_admit": [Change(("request", "reported"), "fail")],
    "approve_standing": [Change(("waiver", "approver"), "a[bot]")],
}


def case(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text())
    return told


@cache
def bundle() -> Bundle:
    """The shipped rules, with what the good inputs are decided on."""
    config = json.loads((CASES / "config.json").read_text())
    settings = Config.model_validate_json(json.dumps(config))
    return replace(load_bundle([shipped_policies()]), config=config, settings=settings)


def refused(policy_input: Mapping[str, Any]) -> list[str]:
    """The codes of the roll call that are not satisfied, by the engine itself."""
    made = bundle()
    driver, request = policy_input["driver"]["driver_id"], policy_input["request"]
    codes = made.roll_call(
        policy_input["action"], policy_input["phase"], driver, request["product"], request.get("version")
    )
    said = ask_rules(Interpreter(made.policies, made.data).ask, codes, policy_input)
    return [code for code in codes if not said[code].satisfied]


def each() -> Iterator[tuple[str, Change, dict[str, Any]]]:
    for name, changes in BREAKS.items():
        for change in changes:
            yield name, change, changed(case(name), [change])
