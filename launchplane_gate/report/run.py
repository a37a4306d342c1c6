"""What became of a run, as text: what happened, then why, then what to type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from launchplane_gate.attesting import FOLDER
from launchplane_gate.commands import showing
from launchplane_gate.lanes import LaneView
from launchplane_gate.model import Decision, Observation, Publication, Run, Settling, short
from launchplane_gate.publications import given_up
from launchplane_gate.report.decision import admitted, decision_text, on_record, waived_text, what
from launchplane_gate.report.observed import aside_text
from launchplane_gate.report.seen import is_by_digest, may_run_text, seen_text
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import ago, brief, count, span
from launchplane_gate.ways import Standing, Way, ways_on, ways_out

ENDED = {
    "fail": "Failed: the deploy of {release} to {lane} did not pass.",
    "unknown": "Unknown: whether the deploy of {release} to {lane} passed cannot be told.",
    "unconfirmed": "Not confirmed: the deploy of {release} to {lane} passed, but that {lane} runs it is not proven.",
    "unrecorded": "Not recorded: {lane} was seen to run {release}, but the inventory could not be written.",
    "interrupted": "Interrupted: the {action} of {release} to {lane} did not come to its end.",
}
LOOKED = {  # of a run that deployed nothing
    "unconfirmed": "Not confirmed: that {lane} runs {release} is not proven.",
    "interrupted": "Interrupted: the look at {lane} did not come to its end.",
}


@dataclass(frozen=True)
class Aftermath:
    """A run, and how its destination stands now.

    ``took_s``: how long the deploy took, in seconds. ``seen``: what the platform showed when the run was confirmed.
    ``out_as``: the version under which its release is published, if it is.
    """

    run: Run
    lane: LaneView
    stands: Standing
    driver: str
    urls: int
    took_s: float | None
    seen: Observation | None = None
    out_as: str = ""


def run_text(after: Aftermath, *, every_rule: bool) -> list[Block]:
    return [*_run_text(after, every_rule=every_rule), *aside_text(after.run)]


def _run_text(after: Aftermath, *, every_rule: bool) -> list[Block]:
    run = after.run
    if run.replayed:
        return _repeat(after)
    if run.status in ("recorded", "observed"):
        return _recorded(after, every_rule=every_rule)
    if run.status == "unchanged":
        return _unchanged(after, every_rule=every_rule)
    if run.status == "denied" and run.admitted:
        return _denied(after, run.admitted, every_rule=every_rule)
    if run.status in ENDED:
        return _not_proven(after, every_rule=every_rule)
    return [
        f"{run.status.capitalize()}: {run.action} {_where(run)}. Nothing was deployed.",
        f"  {brief(run.detail)}",
        *_ways_on(after),
    ]


def _repeat(after: Aftermath) -> list[Block]:
    run = after.run
    if run.status == "open":
        return [
            f"Busy: this request is under way as {run.run_id}. Its repeat did nothing.",
            *ways_text(ways_on(after.stands, run)),
        ]
    lane = run.destination.instance
    if run.overlooked or run.status not in ("recorded", "unchanged"):
        said = f"Done before: this request ended {run.status} as {run.run_id}. Nothing was deployed again."
        return [said, *_ways_on(after)]
    ended = "was recorded as" if run.status == "recorded" else f"found that {lane} ran it already, as"
    return [
        f"Done before: this request {ended} {run.run_id}, and that is still true. Nothing was deployed again.",
        f"  {lane} runs {run.release}",
        *(publication_text(run) if run.publication else ()),
    ]


def published_text(run: Run) -> list[Block]:
    """What became of attesting and publishing a run."""
    signed = run.attestation
    attested = [f"Attested: {FOLDER}/{signed.name}, signed by {short(signed.key_id)}"] if signed and signed.made else []
    return [*attested, *publication_text(run)]


def publication_text(run: Run) -> list[Block]:
    """Whether the release of a run is published, or where it has none, attested; and how to go on where it is not."""
    publication, lane = run.publication, run.destination.instance
    if publication is None:
        return _attestation_text(run)
    detail = [f"  {brief(publication.detail)}"] if publication.detail else []
    if publication.published:
        out = f"Published: {publication.version} at {run.release}  {publication.url}".rstrip()
        if publication.is_whole:
            return [out, *detail, *_given_up(publication)]
        return [f"{out}, without {', '.join(publication.missing)}", *detail, *_way_out(run)]
    ended = "Recorded, not published" if run.status == "recorded" else "Not published"
    not_out = f"{ended}: {lane} runs {run.release}, and the release {publication.version} is not out."
    return [not_out, *detail, *_way_out(run)]


def release_text(run: Run, over: str) -> list[Block]:
    """What became of the release of a run, later. ``over``: why this run can never publish it, where that is so.

    How it comes out yet is one of the ways on.
    """
    publication = run.publication
    assert publication
    if not publication.published:
        said = [f"{publication.version} is not out: {brief(publication.detail)}"]
        left = _given_up(publication) if over or publication.never else []
        return [*said, *([f"  {over}"] if over else []), *left]
    latest = f"; {publication.latest} is the latest" if publication.latest not in (None, publication.version) else ""
    by = f", by {publication.author}" if publication.author else ""
    told = [f"  {brief(publication.detail)}"] if publication.detail else []
    out = [f"{publication.version} is out{by}{latest}  {publication.url}".rstrip(), *told]
    return [*out, *(_given_up(publication) if publication.is_whole else ())]


def _way_out(run: Run) -> list[Block]:
    """How a release comes out in the end: by finishing it, or, where that can never be, under another version."""
    publication = run.publication
    left = _given_up(publication) if publication and publication.never else []
    return [*left, *ways_text(ways_out(run))]


def _given_up(publication: Publication) -> list[Block]:
    return [f"  {said}"] if (said := given_up(publication)) else []


def _attestation_text(run: Run) -> list[Block]:
    if run.attestation is None or run.attestation.made:
        return []
    return [
        f"Recorded, not attested: {run.destination.instance} runs {run.release}, and nothing is signed of it.",
        f"  {brief(run.attestation.detail)}",
        *_way_out(run),
    ]


def _recorded(after: Aftermath, *, every_rule: bool) -> list[Block]:
    run = after.run
    text: list[Block] = [_title(run), Table(_steps(after), prose=(1,))]
    publication = run.publication
    if run.status == "observed":
        return [*text, *(_never_out(publication) if publication else ()), *_rules(run, every_rule=every_rule)]
    is_told = publication is None or publication.detail or publication.drafts or not publication.is_whole
    if is_told and (missing := publication_text(run)):
        text += ["", *missing]
    return [*text, *_rules(run, every_rule=every_rule)]


def _never_out(publication: Publication) -> list[Block]:
    return ["", f"The release {publication.version} is not out: what is only observed is not published."]


def _rules(run: Run, *, every_rule: bool) -> list[Block]:
    """What admitted and confirmed a run, if all of it is asked for; what was waived in any case."""
    text: list[Block] = []
    for asked, decision in (("admitted", run.admitted), ("confirmed", run.confirmed)):
        if every_rule and decision:
            text += ["", f"{asked} by:", *decision_text(decision, every_rule=True)]
        elif decision:
            text += waived_text(decision)
    return text


def _unchanged(after: Aftermath, *, every_rule: bool) -> list[Block]:
    """A promotion of what the lane was seen to run already; that it reports it, or shows it, only where it does."""
    run, view = after.run, after.lane
    since = f" (since {ago(view.since).removesuffix(' ago')}, {view.run_id})" if view.runs == run.release else ""
    how = f"{_by_digest(after)}{', and reports it' if _is_reported(after) else ''}"
    text: list[Block] = [f"{view.lane.instance} runs {run.release} already{since}{how}. Nothing was deployed."]
    if run.publication and not run.publication.is_whole:
        text += publication_text(run)
    elif after.out_as:
        text.append(f"  out as {after.out_as}")
    return [*text, *_rules(run, every_rule=every_rule)]


def _by_digest(after: Aftermath) -> str:
    release = after.run.release
    return ", shown by digest" if release and is_by_digest(after.seen, release.artifact_id) else ""


def _is_reported(after: Aftermath) -> bool:
    """Whether every health URL was seen to report the release: by the rule that looks at them."""
    results = after.run.confirmed.results if after.run.confirmed else ()
    return after.urls > 0 and any(one.code == "confirm.revision_live" and one.status == "pass" for one in results)


def _title(run: Run) -> str:
    to = run.destination.instance
    if run.action == "resume":
        return f"Finish {run.of_run}: {run.product} {run.release} on {to}"
    if run.source:
        return f"Promote {run.product} {run.release} from {run.source.instance} to {to}"
    if run.action == "rollback":
        return f"Roll {run.product} {to} back to {run.release}"
    if run.action == "reconcile":
        return f"Reconcile {run.product} {to}: {run.release}"
    if run.action == "evidence":
        return f"Reported: {run.product} {run.release} on {to}"
    return f"Deploy {run.product} {run.release} to {to}"


def _steps(after: Aftermath) -> list[tuple[str, str, str]]:
    run = after.run
    took = f", done in {span(after.took_s)}" if after.took_s is not None else ""
    was = f" (was {run.previous})" if run.previous and run.previous != run.release else ""
    reports = f", {count(after.urls, 'URL reports', 'URLs report')} {run.release}" if _is_reported(after) else ""
    looked_at = f"what {run.of_run} left" if run.of_run else "what somebody else deployed"
    steps = [("looked at", looked_at, "") if _is_a_look(run) else ("deployed", f"{after.driver}{took}", "")]
    if run.admitted:
        let_go = "admitted" if run.admitted.allowed else "observed"
        steps.insert(0, (let_go, admitted(run.admitted), run.admitted.decision_id))
    elif run.overlooked:
        steps.insert(0, ("observed", "no decision could be had", ""))
    if run.confirmed:
        steps.append(("confirmed", f"{admitted(run.confirmed)}{reports}{_by_digest(after)}", run.confirmed.decision_id))
    steps.append(("recorded", f"{run.destination.instance} runs {run.release}{was}", run.run_id))
    if run.attestation and run.attestation.made:
        steps.append(("attested", f"{FOLDER}/{run.attestation.name}, signed by {short(run.attestation.key_id)}", ""))
    if run.publication and run.publication.published:
        steps.append(("published", f"{run.publication.version} at {run.release}", ""))
    return steps


def _denied(after: Aftermath, decision: Decision, *, every_rule: bool) -> list[Block]:
    run = after.run
    return [
        f"Refused: {'report' if run.action == 'evidence' else run.action} {_where(run)}. Nothing was deployed.",
        "",
        *decision_text(decision, every_rule=every_rule),
        "",
        on_record(decision),
        *_kept(after),
    ]


def _kept(after: Aftermath) -> list[Block]:
    """What became of a report that is not the inventory."""
    run, lane = after.run, after.run.destination.instance
    if not _is_kept(run):
        return []
    kept = f"  The report is kept as {run.deployment_record_id}."
    if not run.touched:
        return [f"{kept} {lane} was seen to be as recorded, and stands as before."]
    seen = [("seen just now", seen_text(after.lane)), ("the inventory says", str(after.lane.runs or "nothing"))]
    return [kept, Table([fact for fact in seen if fact[1]]), _unsettled(after), *_ways_on(after)]


def _is_kept(run: Run) -> bool:
    return run.action == "evidence" and run.deployment_record_id is not None


def _is_a_look(run: Run) -> bool:
    return run.action in get_args(Settling)


def _where(run: Run) -> str:
    if run.admitted:
        return what(run.admitted)
    return f"{run.product} {run.source.instance} -> {run.destination.instance}" if run.source else str(run.destination)


def _not_proven(after: Aftermath, *, every_rule: bool) -> list[Block]:
    run, view, lane = after.run, after.lane, after.run.destination.instance
    ended = {**ENDED, **LOOKED} if _is_a_look(run) else ENDED
    text: list[Block] = [ended[run.status].format(release=run.release, lane=lane, action=run.action)]
    if run.confirmed and run.confirmed.refusals:
        text += ["", *decision_text(run.confirmed, every_rule=every_rule), ""]
    elif run.detail:
        text.append(f"  {brief(run.detail)}")
    says = str(view.runs) if view.runs else "nothing"
    kept = [f"  The report is kept as {run.deployment_record_id}."] if _is_kept(run) else []
    if not run.touched and not run.of_run:
        return [*text, f"Nothing was changed on {lane}; the inventory says {says}.", *kept, *_ways_on(after)]
    facts = [(f"{lane} may run", may_run_text(view)), ("seen just now", seen_text(view)), ("the inventory says", says)]
    return [*text, Table([fact for fact in facts if fact[1]]), _unsettled(after), *kept, *_ways_on(after)]


def _unsettled(after: Aftermath) -> str:
    lane, stands = after.run.destination.instance, after.stands
    if stands.settled:
        return f"{lane} has been settled since."
    back = f"a rollback to {stands.back}" if stands.back else ""
    if stands.is_promoted_to:
        ways = " or ".join(filter(None, ["a promotion to it", back]))
        return f"{lane} is unsettled; until it is settled, only {ways} is let through."
    ways = " or ".join(filter(None, ["a deploy", back]))
    return f"{lane} is unsettled; until {ways} settles it, nothing is promoted from it."


def _ways_on(after: Aftermath) -> list[Block]:
    return ways_text(ways_on(after.stands, after.run), run_id=after.run.run_id)


def ways_text(ways: Sequence[Way], run_id: str = "") -> list[Block]:
    """A line for each, since a command must not be folded. ``run_id``: of the run that is told in full elsewhere."""
    rows = [(f"{way.what}:", way.command) for way in ways]
    rows += [("in full:", showing(run_id))] if run_id else []
    width = max((len(label) for label, _ in rows), default=0)
    return [f"  {label:<{width}}   {command}" for label, command in rows]
