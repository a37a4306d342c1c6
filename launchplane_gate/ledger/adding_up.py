"""What the entries add up to: the rows that the tables should hold, kept for runs and keys, never for entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from launchplane_gate.ledger import leave
from launchplane_gate.ledger.chain import ADDED, CLOSING
from launchplane_gate.ledger.holding import KEY_KEPT
from launchplane_gate.ledger.journal import FREED, KEEPS_ITS_KEY, scope_of

RESTORED = "restored"  # a past was lost before it: no waiver and no key from there counts any more


@dataclass
class AddedRun:
    """``columns``: of the row, as far as the entries tell them; ``is_whole``: all of them, as those of format 2 do."""

    lane: tuple[str, str]
    opened: int  # how many runs were before it
    is_whole: bool
    columns: dict[str, Any]


@dataclass
class AddedUp:
    """``keys``: request digest and run, by scope and key. ``policies``: how many decisions each revision made.

    ``tokens``: what the tokens were spent on first; ``spent_again``: what was admitted by one that was spent before.
    """

    runs: dict[str, AddedRun] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    waivers: dict[str, dict[str, Any]] = field(default_factory=dict)
    uses: set[tuple[str, str]] = field(default_factory=set)
    holds: dict[str, Any] = field(default_factory=dict)
    policies: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    spent_again: list[tuple[str, str]] = field(default_factory=list)
    _keys_of: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def take(self, entry: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        """Add the next entry. Raises KeyError, TypeError, ValueError or AttributeError for one that is not of ours."""
        kind, subject = entry["kind"], entry["subject"]
        decision = body.get("decision") or {}
        if entry["format"] is not None and decision:
            revision = decision["policy_revision"]
            self.policies[revision] = self.policies.get(revision, 0) + 1
        if spent := body.get("spent"):
            self._spend(subject, spent)
        if kind == RESTORED:
            self._lose_the_past_of((entry["context"], entry["instance"]))
        if kind in leave.KINDS:
            self._waiver(entry, body)
        elif kind in (leave.HELD, leave.FREED):
            self.holds[subject] = body["hold"] if kind == leave.HELD else None
        elif kind == FREED:
            self._free(subject)
        elif "run" in body or (entry["format"] is None and subject.startswith("r-") and kind not in ADDED):
            self._run(entry, body)
            self.uses |= {(waiver["waiver_id"], subject) for waiver in decision.get("waivers", ())}
        elif entry["format"] is None:
            self.uses |= {(waiver["waiver_id"], subject) for waiver in decision.get("waivers", ())}

    def _spend(self, subject: str, spent: Mapping[str, Any]) -> None:
        row = {name: spent[name] for name in ("token", "request_digest", "until")} | {"subject": subject}
        first = self.tokens.setdefault(row["token"], row)
        if row["request_digest"] != first["request_digest"]:
            self.spent_again.append((subject, first["subject"]))

    def _run(self, entry: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        kind, run_id, lane = entry["kind"], entry["subject"], (entry["context"], entry["instance"])
        status = kind if kind in CLOSING else "open"
        run = self.runs.get(run_id)
        if run is None:
            run = AddedRun(lane, len(self.runs), "run" in body, {"run_id": run_id})
            self.runs[run_id] = run
            self._reserve(run_id, body, is_open=status == "open")
        run.columns |= body.get("run", {})
        run.columns |= {"step": kind, "status": status, "context": lane[0], "instance": lane[1]}
        if status not in KEEPS_ITS_KEY and not body.get(KEY_KEPT):
            self._free(run_id)

    def _reserve(self, run_id: str, body: Mapping[str, Any], *, is_open: bool) -> None:
        reserved = {(scope_of(kind), name): "" for kind, name in body.get("names", {}).items() if is_open}
        if key := body.get("key"):
            reserved[key["scope"], key["key"]] = key["request_digest"]
        for place, digest in reserved.items():
            self.keys[place] = (digest, run_id)
        self._keys_of[run_id] = list(reserved)

    def _free(self, run_id: str) -> None:
        for place in self._keys_of.pop(run_id, ()):
            if self.keys[place][1] == run_id:
                del self.keys[place]

    def _lose_the_past_of(self, lane: tuple[str, str]) -> None:
        for run_id in [run_id for run_id in self._keys_of if self.runs[run_id].lane == lane]:
            self._free(run_id)
        for waiver in self.waivers.values():
            if (waiver["context"], waiver["instance"]) == lane:
                waiver["is_over"] = True

    def _waiver(self, entry: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        kind, waiver_id = entry["kind"], entry["subject"]
        if kind in (leave.REQUESTED, leave.FROM_BEFORE):
            told = body["waiver"] if kind == leave.REQUESTED else body
            self.waivers[waiver_id] = {
                "waiver_id": waiver_id,
                "context": entry["context"],
                "instance": entry["instance"],
                "artifact_id": told["release"]["artifact_id"],
                "source_git_ref": told["release"]["source_git_ref"],
                "expires": datetime.fromisoformat(told["expires_at"]).timestamp(),
                "is_over": False,
            }
        elif kind == leave.REVOKED:
            self.waivers[waiver_id]["is_over"] = True
