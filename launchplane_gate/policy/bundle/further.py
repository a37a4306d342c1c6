"""What folders of policies make of the configuration together: each one may add to those before it, and tighten.

What came first is never loosened, whatever the order: a threshold of all products or of one, a time to settle, the age
of a backup. What is decided for a product, such as who may ship, is decided by the folder that introduces it.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from launchplane_gate.policy.bundle.config import SETTLE_MAX_S
from launchplane_gate.policy.bundle.files import Folder
from launchplane_gate.policy.bundle.places import Place, told
from launchplane_gate.policy.bundle.syntax import Finding

HIGHER_IS_TIGHTER = frozenset({"health_matches", "source_soak_s", "settle_s"})
"""Of each other threshold, which is an age or how long a waiver runs, less is tighter."""

_ADDED_TO = ("thresholds", "backup")  # the parts of a product that another folder may say something of
NOT_OF_A_REPORT = "lane.not_bypassed"  # where a path ends, evidence.approved says what may arrive
_EMPTY: Mapping[str, Any] = {
    "roll_call": {"base": {}, "drivers": {}, "products": {}},
    "thresholds": {},
    "drivers": {},
    "waivable": [],
    "products": {},
}
_OPTIONAL: Place = ("roll_call", "optional")
_LEAVE_OUT = "Leave it out: what came first can be tightened, and nothing else."


@dataclass(frozen=True)
class Change:
    """What a further folder makes different, in words; ``file`` is its configuration."""

    file: str
    what: str


def tighter(name: str, one: int | None, other: int | None) -> int | None:
    """The tighter one of two figures of a threshold; None is no figure."""
    known = [figure for figure in (one, other) if figure is not None]
    pick = max if name in HIGHER_IS_TIGHTER else min
    return pick(known) if known else None


def merged(folders: list[Folder]) -> tuple[dict[str, Any], list[Change], list[Finding]]:
    """The configuration that all folders make, what further ones change, and what they may not say."""
    merging = _Merging()
    for folder in folders:
        merging.take(folder)
    return merging.result(), merging.changes, merging.findings


@dataclass
class _Merging:
    config: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(dict(_EMPTY)))
    changes: list[Change] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    introduced_by: dict[str, str] = field(default_factory=dict)
    added_to_deploys: list[tuple[Place, str]] = field(default_factory=list)
    folder: Folder | None = None  # the one at hand
    is_first: bool = True

    def take(self, folder: Folder) -> None:
        self.is_first, self.folder = self.folder is None, folder
        said = folder.config
        self._roll_call(said.get("roll_call", {}), _codes_of(folder))
        self._thresholds(said.get("thresholds", {}))
        self._drivers(said.get("drivers", {}))
        self._waivable(said.get("waivable", []), _codes_of(folder))
        for name, product in said.get("products", {}).items():
            self._product(name, product)

    def result(self) -> dict[str, Any]:
        """With nothing in it that a later folder tightened for all: the rules read what they find.

        A report is asked whatever is added for a deploy: who deploys by hand gets past nothing by reporting it. What
        is added in standing stands in admit, too, and is asked there.
        """
        for (_, *whose, _, phase), code in self.added_to_deploys:
            asked = self.config["roll_call"]
            for key in (*whose, "evidence"):
                asked = asked.setdefault(key, {})
            asked = asked.setdefault(phase, [])
            if code not in (*asked, NOT_OF_A_REPORT):
                asked.append(code)
        for product in self.config["products"].values():
            own = product.get("thresholds", {})
            for name in own.keys() - {"settle_s"}:
                own[name] = tighter(name, own[name], self.config["thresholds"].get(name))
            for demand in product.get("backup", {}).values():
                if "max_age_s" in demand:
                    demand["max_age_s"] = tighter("backup_s", demand["max_age_s"], self._figure(product, "backup_s"))
        return self.config

    def _refuse(self, place: Place, message: str, remedy: str = _LEAVE_OUT, *, entry: Place = ()) -> None:
        assert self.folder
        line = self.folder.line_of((*place, *entry))
        self.findings.append(Finding(self.folder.config_file, line, f"{told(place)}: {message}", remedy))

    def _changed(self, what: str) -> None:
        if self.folder and not self.is_first:
            self.changes.append(Change(self.folder.config_file, what))

    def _tightens(self, place: Place, name: str, before: int | None, value: int, of_whom: str) -> bool:
        """Whether a figure is tighter than the one before it; one that is looser is refused."""
        if before is not None and tighter(name, before, value) != value:
            self._refuse(place, f"{value} is looser than {before}, which is decided already")
            return False
        if value != before:
            self._changed(f"{name} {value if before is None else f'{before} -> {value}'} for {of_whom}")
        return True

    # -- the parts of a configuration

    def _roll_call(self, said: Mapping[str, Any], brought: Collection[str]) -> None:
        roll_call = self.config["roll_call"]
        for place, asked, of_whom in _lists(said):
            codes = roll_call
            for key in place[1:-1]:
                codes = codes.setdefault(key, {})
            codes = codes.setdefault(place[-1], [])
            for code in asked:
                if code in codes:
                    self._refuse(place, f"{code} is there already", entry=(code,))
                elif place == _OPTIONAL and not self.is_first and code not in brought:
                    self._refuse(place, f"{code} is no rule of this folder", entry=(code,))
                else:
                    codes.append(code)
                    self._changed(f"adds rule {code} to {of_whom}")
                    is_of_a_deploy = place[-2:-1] == ("deploy",) and place[-1] != "standing"
                    if is_of_a_deploy and not (self.is_first and place[1] == "base"):
                        self.added_to_deploys.append((place, code))

    def _thresholds(self, said: Mapping[str, int]) -> None:
        for name, value in said.items():
            if self._tightens(("thresholds", name), name, self.config["thresholds"].get(name), value, "all products"):
                self.config["thresholds"][name] = value

    def _drivers(self, said: Mapping[str, Any]) -> None:
        """A driver that no folder before names is introduced with any time to settle, as a product is."""
        for name, driver in said.items():
            place: Place = ("drivers", name, "settle_s")
            if name not in self.config["drivers"]:
                self._changed(f"introduces the driver {name}")
            before = self.config["drivers"].get(name, {}).get("settle_s")
            if self._tightens(place, "settle_s", before, driver["settle_s"], f"the driver {name}"):
                self.config["drivers"][name] = {"settle_s": driver["settle_s"]}

    def _waivable(self, said: list[str], brought: Collection[str]) -> None:
        for code in said:
            if code in self.config["waivable"]:
                self._refuse(("waivable",), f"{code} is there already", entry=(code,))
            elif not self.is_first and code not in brought:
                message = f"{code} is no rule of this folder, which may let only its own be waived"
                self._refuse(("waivable",), message, entry=(code,))
            else:
                self.config["waivable"].append(code)
                self._changed(f"lets {code} be waived")

    def _product(self, name: str, said: Mapping[str, Any]) -> None:
        assert self.folder
        if name in self.introduced_by:
            self._more_of(name, said)
        else:
            self.introduced_by[name] = self.folder.config_file
            self.config["products"][name] = copy.deepcopy(
                {part: decided for part, decided in said.items() if part not in _ADDED_TO}
            )
            self._changed(f"introduces the product {name}")
            for code in said.get("by_word", ()):
                self._changed(f"lets a waiver of {code} count by word for {name}")
        self._own_thresholds(name, said)
        self._backup(name, said)

    def _more_of(self, name: str, said: Mapping[str, Any]) -> None:
        have, file = self.config["products"][name], self.introduced_by[name]
        for part, decided in said.items():
            if part not in _ADDED_TO and decided != have.get(part):
                self._refuse(
                    ("products", name, part),
                    f"decided already, by {file}: who introduces a product decides that",
                    f"Say it in {file}, or name the folder that is to introduce {name} before that one.",
                )

    def _own_thresholds(self, name: str, said: Mapping[str, Any]) -> None:
        product = self.config["products"][name]
        for threshold, value in said.get("thresholds", {}).items():
            place: Place = ("products", name, "thresholds", threshold)
            before = self._figure(product, threshold)
            if threshold == "settle_s" and value < (least := self._least_to_settle()):
                self._refuse(place, f"{value} is looser than {least}, which every driver asks for")
            elif self._tightens(place, threshold, before, value, name):
                product.setdefault("thresholds", {})[threshold] = value

    def _least_to_settle(self) -> int:
        asked: list[int] = [self.config["thresholds"].get("settle_s", 0), SETTLE_MAX_S]
        asked += [driver["settle_s"] for driver in self.config["drivers"].values()]
        return min(asked)

    def _figure(self, product: Mapping[str, Any], threshold: str) -> int | None:
        """What counts for a product so far. Its own time to settle only ever adds to that of its driver."""
        own: int | None = product.get("thresholds", {}).get(threshold)
        return own if threshold == "settle_s" else tighter(threshold, own, self.config["thresholds"].get(threshold))

    def _backup(self, name: str, said: Mapping[str, Any]) -> None:
        product = self.config["products"][name]
        for lane, demand in said.get("backup", {}).items():
            wanted = product.setdefault("backup", {})
            if lane not in wanted:
                wanted[lane] = {}
                self._changed(f"wants a backup of {name}/{lane}")
            age_s = demand.get("max_age_s")
            before = tighter("backup_s", wanted[lane].get("max_age_s"), self._figure(product, "backup_s"))
            place: Place = ("products", name, "backup", lane, "max_age_s")
            if age_s is not None and self._tightens(place, "age of a backup", before, age_s, f"{name}/{lane}"):
                wanted[lane]["max_age_s"] = age_s


def _codes_of(folder: Folder) -> frozenset[str]:
    """The codes of the rules whose modules a folder brings."""
    parts = [source.path.removesuffix(".rego").split("/") for source in folder.sources if not source.is_test]
    return frozenset(".".join(path[2:]) for path in parts if path[:2] == ["gate", "rules"])


def _lists(said: Mapping[str, Any]) -> Iterator[tuple[Place, list[str], str]]:
    """Each list of codes of a roll call, with its place, and where it is asked in words."""
    named: list[tuple[Place, Mapping[str, Any], str]] = [(("base",), said.get("base", {}), "")]
    named += [(("drivers", name), codes, f" of the driver {name}") for name, codes in said.get("drivers", {}).items()]
    named += [(("products", name), codes, f" of {name}") for name, codes in said.get("products", {}).items()]
    for place, by_action, of_whom in named:
        for action, by_phase in by_action.items():
            for phase, codes in by_phase.items():
                yield ("roll_call", *place, action, phase), codes, f"{action}/{phase}{of_whom}"
    if said.get("optional"):
        yield _OPTIONAL, said["optional"], "those that may be asked of nobody"
