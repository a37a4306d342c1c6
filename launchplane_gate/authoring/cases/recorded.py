"""A case made of a decision on record: the facts that matter, and what came of each rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from launchplane_gate.authoring.cases.asking import Embedded
from launchplane_gate.authoring.cases.case import moment_of, waivers_of
from launchplane_gate.authoring.cases.cutting import (
    differences,
    fewest,
    in_groups,
    names_of_its_own,
    needed,
    renamed,
    smaller,
)
from launchplane_gate.authoring.cases.form import CaseWaiver
from launchplane_gate.authoring.cases.paths import Stated
from launchplane_gate.authoring.cases.questions import Layer, NoPlace, asked, moved
from launchplane_gate.authoring.changes import MISSING, Change
from launchplane_gate.errors import EngineError, RequestError
from launchplane_gate.model import Waiver
from launchplane_gate.moments import stamp
from launchplane_gate.policy import Bundle, decide

Statuses = Mapping[str, str]
_HOUR = timedelta(hours=1)
_KINDS = {  # by action and phase, where there is no good question of both
    "confirm": "deployed",
    "admit": "deployment",
    "standing": "standing_to_deploy",
}


@dataclass(frozen=True)
class Cut:
    """What is left of a question. ``differed``: in how many facts it was another than its base before."""

    base: str
    at: str | None
    facts: tuple[Change, ...]
    waivers: tuple[CaseWaiver, ...]
    question: Mapping[str, Any]
    differed: int
    statuses: Statuses


def base_for(questions: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Any]) -> str:
    """The good question that comes nearest."""
    for name, good in questions.items():
        if (good["action"], good["phase"]) == (asked["action"], asked["phase"]):
            return name
    return _KINDS[asked["phase"]]


def cut(
    bundle: Bundle,
    base: tuple[str, Mapping[str, Any]],
    question: Mapping[str, Any],
    offered: Sequence[Waiver],
    progress: Callable[[str], None],
) -> Cut:
    """Leave out all that changes no rule's result. Raises RequestError for a question that cannot be asked any more."""
    return _Cutting(bundle, progress).cut(*base, question, tuple(offered))


class _Cutting:
    def __init__(self, bundle: Bundle, progress: Callable[[str], None]) -> None:
        self._bundle = bundle
        self._engine = Embedded().of(bundle)
        self._progress = progress
        self._asked = 0

    def cut(self, name: str, start: Mapping[str, Any], question: Mapping[str, Any], offered: tuple[Waiver, ...]) -> Cut:
        wanted = self._statuses(question, offered, tell=True)
        assert wanted is not None  # else it was told
        differed = len(list(differences(start, question)))
        at_moment, start, question, offered = self._in_time(wanted, start, question, offered)
        question, offered = self._renamed(wanted, start, question, offered)
        offered = tuple(needed(offered, lambda fewer: self._statuses(question, fewer) == wanted))
        changes = fewest(
            list(differences(start, question)), lambda fewer: self._statuses_of(start, fewer, offered) == wanted
        )
        changes = self._smaller(wanted, start, changes, offered)
        left = _with(start, changes)
        waivers = self._in_short(wanted, left, offered)
        return Cut(name, at_moment, tuple(changes), waivers, left, differed, wanted)

    def _statuses(
        self, question: Mapping[str, Any], waivers: Sequence[Waiver], *, tell: bool = False
    ) -> Statuses | None:
        """What comes of each rule; None where it is no question."""
        self._asked += 1
        if self._asked % 100 == 0:
            self._progress(f"cutting it down, {self._asked} questions asked")
        try:
            now = moment_of(question)
            found = decide(self._engine, self._bundle, question, waivers=waivers, now=now, decision_id="case")
        except EngineError as error:
            if tell:
                raise RequestError(f"the decision cannot be asked again: {error}") from None
            return None
        return {one.code: one.status for one in found.results}

    def _statuses_of(
        self, start: Mapping[str, Any], changes: Sequence[Change], waivers: Sequence[Waiver]
    ) -> Statuses | None:
        try:
            return self._statuses(_with(start, changes), waivers)
        except NoPlace:
            return None

    def _in_time(
        self, wanted: Statuses, start: Mapping[str, Any], question: Mapping[str, Any], offered: tuple[Waiver, ...]
    ) -> tuple[str | None, Mapping[str, Any], Mapping[str, Any], tuple[Waiver, ...]]:
        """Asked at the moment of the base where that changes nothing; else the base is moved to the question's."""
        if "now" not in start or "now" not in question:
            return None, start, question, offered
        try:
            there = moved(question, start["now"])
            by = moment_of(there) - moment_of(question)
            moved_along = tuple(_moved(waiver, by) for waiver in offered)
            if self._statuses(there, moved_along) == wanted:
                return None, start, there, moved_along
            return question["now"], moved(start, question["now"]), question, offered
        except NoPlace:
            return None, start, question, offered

    def _renamed(
        self, wanted: Statuses, start: Mapping[str, Any], question: Mapping[str, Any], offered: tuple[Waiver, ...]
    ) -> tuple[Mapping[str, Any], tuple[Waiver, ...]]:
        """With the base's name for each thing, where no rule tells the two apart."""
        names = names_of_its_own(start, question)

        def under(kept: Sequence[Sequence[str]]) -> tuple[Mapping[str, Any], tuple[Waiver, ...]]:
            others = {own: name for own, name in names.items() if not any(own in group for group in kept)}
            return renamed(question, others), tuple(_renamed_waiver(one, others) for one in offered)

        kept = needed(in_groups(names), lambda fewer: self._statuses(*under(fewer)) == wanted)
        return under(kept)

    def _smaller(
        self, wanted: Statuses, start: Mapping[str, Any], changes: Sequence[Change], offered: tuple[Waiver, ...]
    ) -> list[Change]:
        """With each list and each object that is stated as a whole as small as it can be."""
        kept = list(changes)
        for index, change in enumerate(kept):
            value = change.value
            while True:
                for less in smaller(value):
                    tried = [*kept[:index], Change(change.path, less), *kept[index + 1 :]]
                    if self._statuses_of(start, tried, offered) == wanted:
                        value = less
                        kept = tried
                        break
                else:
                    break
        return kept

    def _in_short(
        self, wanted: Statuses, question: Mapping[str, Any], offered: Sequence[Waiver]
    ) -> tuple[CaseWaiver, ...]:
        """Each waiver as a case states it: by its rule alone, where that comes to the same."""
        said: list[CaseWaiver] = []
        for index, waiver in enumerate(offered):
            rest = tuple(map(_in_full, offered[index + 1 :]))
            short = (*said, CaseWaiver(rule=waiver.code), *rest)
            same = self._statuses(question, waivers_of(short, question)) == wanted
            said.append(CaseWaiver(rule=waiver.code) if same else _in_full(waiver))
        return tuple(said)


def _in_full(waiver: Waiver) -> CaseWaiver:
    approval = waiver.approval
    return CaseWaiver(
        rule=waiver.code,
        requested_by=waiver.requested_by,
        requested_at=stamp(waiver.requested_at),
        expires_at=stamp(waiver.expires_at),
        approved_by=approval.by if approval else None,
        how=approval.how if approval else "identity",
        lane=waiver.lane.instance,
        release=waiver.release,
    )


def _with(start: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """Those that are missing come last, the last one of a list first, as in the file of a case. Raises NoPlace."""
    ordered = sorted(changes, key=lambda change: change.value is MISSING)
    stated = tuple(Stated(change.path, change.value, "", 0, change.path) for change in ordered)
    return asked(start, [Layer(None, stated)])


def _moved(waiver: Waiver, by: timedelta) -> Waiver:
    def later(moment: datetime) -> datetime:
        return moment + by

    approval = waiver.approval and waiver.approval.model_copy(update={"at": later(waiver.approval.at)})
    times = {"requested_at": later(waiver.requested_at), "expires_at": later(waiver.expires_at)}
    return waiver.model_copy(update={**times, "approval": approval})


def _renamed_waiver(waiver: Waiver, names: Mapping[str, str]) -> Waiver:
    return Waiver.model_validate(renamed(waiver.model_dump(mode="json"), names))
