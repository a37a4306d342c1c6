"""What each lane runs, whether that is proven, and what can be done next: the operator's first look.

It changes nothing: what the policies would say to a promotion is asked as ``check`` asks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from launchplane_gate.commands import WHY, Gap, deploying, promoting
from launchplane_gate.errors import GateError, RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Question
from launchplane_gate.lane_records import LaneRecords, read_lane
from launchplane_gate.ledger import Ledger
from launchplane_gate.looking import Reported, difference, may_run, observe, reported
from launchplane_gate.model import (
    Actor,
    Contract,
    Decision,
    Hold,
    Lane,
    Mode,
    Observation,
    ReleaseIdentity,
    Request,
    RuleResult,
    Run,
    lanes_of,
)
from launchplane_gate.policy import Bundle
from launchplane_gate.policy_input import MayRun
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate.urls import without_query
from launchplane_gate.waivers import WaiverView, live_waivers
from launchplane_gate.ways import Standing, Way, What, standing_of, ways_on

AT_ONCE = 8
MAX_RUNS = 100  # of a lane that are looked through for one that published its release


Field = Literal["reason", "version"]
WANTED: tuple[Field, ...] = get_args(Field)


class Wanted(Contract):
    """What a rule wants of the request, by the field of it that it rests on, and which nobody has said yet."""

    code: str
    field: Field
    message: str


class Promotion(Contract):
    """What the policies say to promoting what a lane runs now.

    ``reason``: the first thing that stands against it, but for what is ``wanted`` of who asks; ``refused``: all of it.
    ``unknown``: no decision could be had, which is no yes, and ``reason`` says why.
    """

    to: str
    allowed: bool
    code: str = ""
    reason: str = ""
    wanted: tuple[Wanted, ...] = ()
    done: bool = False  # the destination runs it already
    refused: tuple[RuleResult, ...] = ()
    unknown: bool = False

    @property
    def passes_if_asked_well(self) -> bool:
        return self.allowed or bool(self.wanted and not (self.code or self.reason))  # a rule may refuse without a word


class LaneView(Contract):
    """``why`` says why a lane is not settled, ``differs`` how what the platform shows differs from the inventory.

    ``run_id`` is its last run that changed, touched or recorded anything, ``tried`` the release of the last one that
    was no mere report; ``resumable``: that run, where it was interrupted and nobody has tried to finish it; ``may_run``
    what the lane may run for all that is known; ``health`` what its URLs report, asked only where the other facts leave
    that open. ``busy``: who holds it for a run just now; ``unpublished``: the version, or the attestation, that what it
    runs lacks. ``next`` is what can be done, for people; ``command`` what to type for it, if there is something.
    ``ways``: all that can be done about a lane in doubt, as ``ways.ways_on`` has it; of these, ``aside`` is what to
    type instead where a record that the gate did not write keeps the lane from being settled, and says nothing of it,
    and ``back`` what to type to have an unsettled lane run again what was recorded there, where that is something else
    than ``command``. ``mode``: ``observe`` where what the policies refuse is done all the same.
    """

    product: str
    lane: Lane
    runs: ReleaseIdentity | None
    since: str | None
    settled: bool
    why: str
    hold: Hold | None
    observed: Observation | None
    differs: str
    run_id: str = ""
    tried: ReleaseIdentity | None = None
    resumable: str = ""
    may_run: tuple[MayRun, ...] = ()
    health: tuple[Reported, ...] = ()
    waivers: tuple[WaiverView, ...] = ()  # those that are live
    promotions: tuple[Promotion, ...] = ()
    next: str = ""
    command: str = ""
    aside: str = ""
    back: str = ""
    busy: str = ""
    unpublished: str = ""
    ways: tuple[Way, ...] = ()
    mode: Mode = "enforce"


@dataclass(frozen=True)
class _Path:
    """A path of promotion between two lanes; ``offer`` is None where the source has nothing to offer."""

    source: LaneView
    destination: LaneView
    offer: Promotion | None


def paths_of(bundle: Bundle, product: str) -> list[tuple[str, str]]:
    """The paths of promotion that the policies name for a product: from which lane to which."""
    policy = bundle.settings.products.get(product)
    return [(path.from_, path.to) for path in policy.paths] if policy else []


def the_path(bundle: Bundle, product: str, source: str | None, destination: str | None) -> tuple[str, str]:
    """From where to where to promote, where the caller names one end or none. Raises RequestError.

    Both named are taken as they are: whether that is a path is for the policies to say.
    """
    if source and destination:
        return source, destination
    known = paths_of(bundle, product)
    fitting = [path for path in known if source in (None, path[0]) and destination in (None, path[1])]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(f"{start} -> {end}" for start, end in known) or "none"
    raise RequestError(
        f"{product} has {len(fitting) or 'no'} promotion paths that fit; the policies name: {listed}",
        hint="Nothing was done. Name one: --from LANE --to LANE."
        if known
        else f"Nothing was done. Add one to products.{product}.paths in config/data.json of your policy folder.",
    )


def the_destination(bundle: Bundle, product: str, lane: str | None) -> str:
    """The lane that goes back, where the caller names none: the only one that is promoted to. Raises RequestError."""
    ends = dict.fromkeys(end for _, end in paths_of(bundle, product))
    if lane or len(ends) == 1:
        return lane or next(iter(ends))
    listed = ", ".join(ends) or "none"
    raise RequestError(
        f"{product} has {len(ends) or 'no'} lanes that are promoted to; the policies name: {listed}",
        hint="Nothing was done. Name the lane that goes back: --lane LANE.",
    )


def look(gate: Gate, profiles: Iterable[ProductProfile], actor: Actor) -> list[LaneView]:
    """Every lane of some products, as it is now: several at once, so that no platform keeps the others waiting."""
    places = [(profile, lane) for profile in profiles for lane in lanes_of(profile)]
    paths = {profile.product: paths_of(gate.bundle, profile.product) for profile, _ in places}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        views = list(pool.map(lambda place: look_at(gate, *place), places))
        ways = [
            (one, other)
            for one in views
            for other in views
            if one.product == other.product and (one.lane.instance, other.lane.instance) in paths[one.product]
        ]
        offers = list(pool.map(lambda way: _offer(gate, way[0], way[1], actor), ways))
    known = [_Path(one, other, offer) for (one, other), offer in zip(ways, offers, strict=True)]
    return [_with_next(gate, view, known) for view in views]


def look_at(gate: Gate, profile: ProductProfile, lane: Lane, *, with_health: bool = False) -> LaneView:
    """One lane, without what could be done next. ``with_health``: its URLs are asked whatever else is known."""
    records = read_lane(gate.store, gate.ledger, lane)
    stands = standing(gate, profile, lane, records=records)
    observed, differs = _observed(gate, profile, records)
    is_clear = stands.settled and not differs and not with_health
    samples = [] if is_clear else _samples(gate, profile, lane)
    waivers = live_waivers(gate.ledger, gate.bundle.settings, profile.product, lane)
    ways = ways_on(replace(stands, drifted=bool(differs)))
    return LaneView(
        product=profile.product,
        lane=lane,
        runs=records.release,
        since=records.inventory.updated_at if records.inventory else None,
        settled=stands.settled,
        why=_why(stands),
        hold=records.hold,
        observed=observed,
        differs=differs,
        run_id=stands.last.run_id if stands.last else "",
        tried=stands.tried,
        resumable=stands.last.run_id if stands.last and stands.resumable else "",
        may_run=tuple(may_run(records, gate.ledger, gate.ledger.runs_since_recorded(lane), observed, samples)),
        health=reported(samples),
        waivers=tuple(waivers),
        aside=_command_of(ways, "put aside"),
        busy=stands.busy,
        unpublished=_lacking(stands),
        ways=ways,
        mode="observe" if profile.product in gate.observed else "enforce",
    )


def standing(gate: Gate, profile: ProductProfile, lane: Lane, *, records: LaneRecords | None = None) -> Standing:
    paths = paths_of(gate.bundle, profile.product)
    return standing_of(gate.store, gate.ledger, profile, lane, paths, records=records)


def _why(stands: Standing) -> str:
    """Why a lane is unsettled, with what its last run had to say."""
    last = stands.last
    if not stands.why or last is None or last.status in ("recorded", "observed", "adopted", "restored"):
        return stands.why
    return f"{stands.why}: {last.detail}" if last.detail else stands.why


def _lacking(stands: Standing) -> str:
    """What of the release of a lane is not out; empty where nothing is missing."""
    if not stands.due:
        return ""
    publication, attestation = stands.due[0].publication, stands.due[0].attestation
    return publication.version if publication else attestation.name if attestation else ""


def _command_of(ways: Iterable[Way], what: What) -> str:
    return next((way.command for way in ways if way.what == what), "")


def _observed(gate: Gate, profile: ProductProfile, records: LaneRecords) -> tuple[Observation | None, str]:
    """What the platform says, and how it differs from the inventory."""
    try:
        observed = observe(gate.driver(profile), records.lane, within_s=gate.gather_timeout_s)
    except Exception as error:  # noqa: BLE001  # a platform that cannot be asked is a thing to show, not to stop at
        return None, f"the platform cannot be asked: {error}"
    return observed, difference(observed, records.release.artifact_id if records.release else None)


def _samples(gate: Gate, profile: ProductProfile, lane: Lane) -> list[Mapping[str, Any]]:
    """What the health URLs of a lane answer, each asked once; what could not be asked has no revision."""
    question = Question("confirm", profile, None, lane, None, gate.gather_timeout_s)
    health = gate.plugins.evidence_or_why(question).get("health")
    if isinstance(health, GateError):
        urls = profile.health_urls(lane.context, lane.instance)
        return [{"url": without_query(url), "detail": str(health)} for url in urls]
    found = health.get("destination") if isinstance(health, Mapping) else None
    return [sample for sample in found if isinstance(sample, Mapping)] if isinstance(found, list | tuple) else []


def published_as(ledger: Ledger, run: Run) -> str:
    """Under which version the release of a run is out, as the ledger knows it: by this run, or another one of its lane.

    Empty where it is not.
    """
    for run_id in [run.run_id, *ledger.runs(run.destination, limit=MAX_RUNS)]:
        other = read_run(ledger, run_id)
        if other.release == run.release and other.publication and other.publication.published:
            return other.publication.version
    return ""


def _is_as_recorded(view: LaneView) -> bool:
    return bool(view.settled and view.runs and not view.differs and not view.hold)


def _offer(gate: Gate, source: LaneView, destination: LaneView, actor: Actor) -> Promotion | None:
    """What the policies say to promoting along one path."""
    to = destination.lane.instance
    if not _is_as_recorded(source):
        return None
    if _is_as_recorded(destination) and destination.runs == source.runs:
        return Promotion(to=to, allowed=False, done=True, reason=f"{to} runs it too")
    request = Request(action="promote", product=source.product, source=source.lane.instance, destination=to)
    try:
        decision = gate.check(request, actor)
    except GateError as error:
        return Promotion(to=to, allowed=False, unknown=True, reason=str(error))
    return _as_decided(gate.bundle, to, decision)


def _as_decided(bundle: Bundle, to: str, decision: Decision) -> Promotion:
    if decision.allowed:
        return Promotion(to=to, allowed=True)
    wanted = {cause.code: found for cause in decision.causes if (found := _wanted(bundle, cause))}
    against = tuple(cause for cause in decision.causes if cause.code not in wanted)
    code, reason = (against[0].code, against[0].message) if against else ("", "")
    return Promotion(to=to, allowed=False, code=code, reason=reason, wanted=tuple(wanted.values()), refused=against)


def _wanted(bundle: Bundle, cause: RuleResult) -> Wanted | None:
    """What a rule wants of the request, if it rests on what is not said in one that only looks."""
    fields = bundle.request_read(cause.code)
    found = [Wanted(code=cause.code, field=field, message=cause.message) for field in WANTED if field in fields]
    return found[0] if found else None


def _with_next(gate: Gate, view: LaneView, ways: list[_Path]) -> LaneView:
    """The view with what can be done about the lane."""
    given = tuple(way.offer for way in ways if way.source.lane == view.lane and way.offer)
    taken = [way for way in ways if way.destination.lane == view.lane]
    ready = {way.source.lane.instance: way.offer for way in taken if way.offer and way.offer.passes_if_asked_well}
    here, said = view.lane.instance, [_said(offer) for offer in given]
    command = next((way.command for way in view.ways if way.source in (None, *ready)), "")
    if view.busy:
        said = [view.busy]
    elif view.hold:
        said = [f"held by {view.hold.subject}"]
    elif ready and not view.resumable and not view.unpublished:
        source, offer = next(iter(ready.items()))
        wanted = {one.field: WHY if one.field == "reason" else Gap("<version>") for one in offer.wanted}
        promotes = [way.command for way in view.ways if way.source == source and not wanted]
        named = promoting(view.product, source, here, paths_of(gate.bundle, view.product), **wanted)
        command = next(iter(promotes), named)
    elif taken and not _is_as_recorded(view):
        said = [f"after {way.source.lane.instance}" for way in taken if way.offer is None]
    elif not (taken or view.runs or view.ways):
        command = deploying(view.product, here)  # the first one
    if view.unpublished:
        said = [f"unpublished: {view.unpublished}", *said]
    back = _command_of(view.ways, "go back")
    told = {"promotions": given, "next": "; ".join(said), "command": command, "back": back if back != command else ""}
    return view.model_copy(update=told)


def _said(promotion: Promotion) -> str:
    if promotion.done:
        return promotion.reason
    if promotion.unknown:
        return f"not known whether to {promotion.to}"
    wanted = "; ".join(f"with --{one.field} ({one.code}: {one.message})" for one in promotion.wanted)
    if promotion.passes_if_asked_well:
        return ", ".join(filter(None, [f"can be promoted to {promotion.to}", wanted]))
    against = " ".join(filter(None, [promotion.code, promotion.reason]))
    return "; ".join(filter(None, [f"not to {promotion.to}: {against}", wanted]))


def settling(bundle: Bundle, product: str, records: LaneRecords, newest: ReleaseIdentity | None = None) -> str:
    """The command that settles a lane of which nobody saw what it runs. ``newest``: what it runs, if not recorded."""
    here, paths = records.lane.instance, paths_of(bundle, product)
    for start, end in paths:
        if end == here:
            return promoting(product, start, end, paths)
    return deploying(product, here, records.release or newest)
