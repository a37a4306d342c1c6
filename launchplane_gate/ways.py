"""The ways on: what can be done now about a lane that is in doubt, or about what a run left, and what to type for it.

Made from what the ledger and the store know of a run and its lane, and nothing else: no policy is asked, and whoever
looks from wherever, whenever, is told the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from launchplane_gate.commands import (
    deploying,
    going_back,
    looking_at,
    looking_for_faults,
    promoting,
    publishing,
    putting_aside,
    reconciling,
    releasing,
    restoring,
    resuming,
    showing,
)
from launchplane_gate.lane_records import LaneRecords, read_lane
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Contract, Lane, ReleaseIdentity, Run, lanes_of
from launchplane_gate.publications import is_due, runs_of_commit
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate.settled import settled
from launchplane_gate.store import RecordStore

What = Literal[
    "restore it",  # the ledger, which knows less than the records do
    "release it",  # the lane, which is held
    "finish it",  # the run that was interrupted, or what it was to publish
    "settle it",
    "try again",
    "look again",
    "go back",
    "put aside",  # a record that says nothing of what the lane runs
    "publish it",  # under another version
    "find out",  # why no decision can be had
]
NOTHING_HAPPENED = ("undecided", "stale")
NOT_PROVEN = ("fail", "unknown", "unconfirmed", "unrecorded", "interrupted")


class Way(Contract):
    """``command`` is whole, and to be pasted; what the reader alone knows stands in it as ``<why>``.

    ``source``: the lane that it promotes from, if it does.
    """

    what: What
    command: str
    source: str | None = None


@dataclass(frozen=True)
class Standing:
    """How a lane stands by ledger and records, as far as it says what can be done about it.

    ``why`` says why it is not settled; ``lost``, what of its past the ledger does not know. ``busy``: who holds it for
    a run just now. ``paths``: of its product; ``sources``: the lanes that a promotion to it could begin from, which are
    settled, with what they run. ``last``: its last run that changed, touched or recorded anything; ``tried``: the
    release of the last one that was no mere report. ``resumable``: whether ``last`` was interrupted and nobody has
    tried to finish it; ``seen_again``: whether a look may settle the lane. ``back``: where a rollback would lead while
    it is unsettled. ``other``: the record that the gate did not write and that unsettles it. ``due``: the runs that
    brought what it runs and whose release is not out. ``drifted``: it is seen to be not as recorded.
    """

    product: str
    lane: Lane
    paths: tuple[tuple[str, str], ...]
    settled: bool
    why: str
    runs: ReleaseIdentity | None
    held: bool = False
    lost: str = ""
    busy: str = ""
    sources: Mapping[str, ReleaseIdentity] = field(default_factory=dict)
    last: Run | None = None
    tried: ReleaseIdentity | None = None
    resumable: bool = False
    seen_again: bool = False
    back: ReleaseIdentity | None = None
    other: str = ""
    due: tuple[Run, ...] = ()
    drifted: bool = False

    @property
    def is_promoted_to(self) -> bool:
        return any(end == self.lane.instance for _, end in self.paths)


def standing_of(
    store: RecordStore,
    ledger: Ledger,
    profile: ProductProfile,
    lane: Lane,
    paths: Sequence[tuple[str, str]],
    *,
    records: LaneRecords | None = None,
) -> Standing:
    """``records``: of the lane, where they were read already."""
    records = records or read_lane(store, ledger, lane)
    row, brought = ledger.last_effective(lane), ledger.last_bringing(lane)
    is_settled, why = settled(records, ledger, row)
    last = read_run(ledger, row.run_id) if row else None
    tried = last if brought == row else read_run(ledger, brought.run_id) if brought else None
    return Standing(
        product=profile.product,
        lane=lane,
        paths=tuple(paths),
        settled=is_settled,
        why="" if is_settled else why,
        runs=records.release,
        held=records.hold is not None,
        lost=records.lost,
        busy=ledger.held_by(lane),
        sources=dict(_sources(store, ledger, profile, lane, paths)),
        last=last,
        tried=tried.release if tried else None,
        resumable=_is_resumable(ledger, last) and not records.others,
        seen_again=bool(tried and tried.release and not tried.overlooked) and not records.others,
        back=next(iter(ledger.way_back(lane)), None),
        other=records.others[0].record_id if records.others else "",
        due=tuple(_due(store, ledger, records, last)) if is_settled and last else (),
    )


def ways_on(stands: Standing, run: Run | None = None) -> tuple[Way, ...]:
    """What can be done about a lane, the first thing first; of a run, about what that one left."""
    return tuple(_of_lane(stands) if run is None else _of_run(stands, run))


def ways_out(run: Run) -> tuple[Way, ...]:
    """How the release of a run comes out in the end: by finishing it; where that can never be, as another version."""
    publication = run.publication
    if not (publication and publication.never and run.release):
        return (Way(what="finish it", command=publishing(run.run_id)),)
    more = {"version": publication.instead} if publication.instead else {"bump": "patch"}
    source = run.source.instance if run.source else ""
    again = promoting(run.product, source, run.destination.instance, (), ref=run.release.source_git_ref, **more)
    return (Way(what="publish it", command=again),)


def _is_resumable(ledger: Ledger, last: Run | None) -> bool:
    if last is None or last.status != "interrupted":
        return False
    return ledger.runs(last.destination, limit=1) == [last.run_id]


def _sources(
    store: RecordStore, ledger: Ledger, profile: ProductProfile, lane: Lane, paths: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, ReleaseIdentity]]:
    for source in lanes_of(profile):
        if (source.instance, lane.instance) in paths:
            records = read_lane(store, ledger, source)
            if records.release and settled(records, ledger, ledger.last_effective(source))[0]:
                yield source.instance, records.release


def _due(store: RecordStore, ledger: Ledger, records: LaneRecords, last: Run) -> Iterator[Run]:
    known = {last.run_id: last}  # one that names no version may have been to be attested
    if records.release:
        of_commit = reversed(runs_of_commit(ledger, last.product, records.release.source_git_ref))
        known |= {run.run_id: run for run in of_commit if run.destination == records.lane}
    yield from (run for run in known.values() if is_due(store, ledger, run))


# -- a lane


def _of_lane(stands: Standing) -> Iterator[Way]:
    if stands.lost:
        yield Way(what="restore it", command=restoring())
        return
    if stands.held:
        yield Way(what="release it", command=releasing(stands.product, stands.lane.instance))
    if stands.last and stands.last.status == "open":
        yield Way(what="look again", command=showing(stands.last.run_id))
    elif not stands.settled or stands.drifted:
        yield from _settling(stands)
    elif stands.due:
        yield from ways_out(stands.due[0])


def _settling(stands: Standing) -> Iterator[Way]:
    product, here, last = stands.product, stands.lane.instance, stands.last
    brings = stands.runs if stands.settled else stands.tried or stands.runs
    was_tried = last is not None and last.status in NOT_PROVEN
    again: What = "try again" if was_tried else "settle it"
    is_back = last is not None and last.action == "rollback"
    if stands.resumable and last:
        yield Way(what="finish it", command=resuming(last.run_id))
    if stands.is_promoted_to and not is_back:  # nobody wants what is to go promoted once more
        for source, release in stands.sources.items():
            version = _version_due(last, release)
            typed = promoting(product, source, here, stands.paths, version=version)
            yield Way(what="settle it", command=typed, source=source)
    if not stands.is_promoted_to and not (is_back and was_tried):
        yield Way(what=again, command=deploying(product, here, brings))
    if stands.back and not stands.settled and (is_back or stands.is_promoted_to or stands.back != brings):
        yield Way(what=again if stands.back == brings else "go back", command=going_back(product, here))
    if stands.seen_again and not stands.resumable:
        yield Way(what="look again", command=reconciling(product, here))
    if stands.other:
        yield Way(what="put aside", command=putting_aside(product, here, stands.other))


def _version_due(last: Run | None, release: ReleaseIdentity) -> str | None:
    """Under which version a promotion was to be published that did not come so far."""
    if last is None or last.release != release or last.publication is None or last.publication.published:
        return None
    return last.publication.version


# -- a run


def _of_run(stands: Standing, run: Run) -> Iterator[Way]:
    if any(run.run_id == one.run_id for one in stands.due):
        yield from ways_out(run)
    elif run.status == "open":
        yield Way(what="look again", command=showing(run.run_id))
    elif run.status not in NOTHING_HAPPENED and not stands.settled and _left_it_so(stands, run):
        yield from _of_lane(stands)
    elif run.status in (*NOTHING_HAPPENED, *NOT_PROVEN) and not _came_after(stands, run):
        if run.status == "undecided":
            yield Way(what="find out", command=looking_for_faults())
        yield from _again(run, stands)


def _left_it_so(stands: Standing, run: Run) -> bool:
    """Whether a run has to do with why its lane is not settled."""
    is_last = stands.last is not None and stands.last.run_id == run.run_id
    is_kept_report = run.action == "evidence" and run.deployment_record_id is not None
    return is_last or run.status in NOT_PROVEN or is_kept_report


def _came_after(stands: Standing, run: Run) -> bool:
    return stands.last is not None and stands.last.started_at > run.started_at


def _again(run: Run, stands: Standing) -> Iterator[Way]:
    """The same request once more, where it is known in full."""
    product, here = run.product, run.destination.instance
    reason = run.reason if run.reason.isprintable() else ""
    match run.action:
        case "deploy":
            typed = deploying(product, here, run.release, reason=reason)
        case "promote" if run.source:
            more = {"version": run.publication.version if run.publication else None, "reason": reason}
            if run.release:  # nothing else is promoted by trying it again
                more |= {"artifact": run.release.artifact_id, "ref": run.release.source_git_ref}
            typed = promoting(product, run.source.instance, here, stands.paths, **more)
        case "rollback":
            typed = going_back(product, here, run.release, reason=reason)
        case "resume" if run.of_run:
            typed = resuming(run.of_run)
        case "reconcile":
            typed = reconciling(product, here, reason=reason)
        case _:
            typed = looking_at(product)
    yield Way(what="look again" if typed == looking_at(product) else "try again", command=typed)
