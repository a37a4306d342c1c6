"""What everybody may have of a look: what runs where, since when, how it is proven, and which rules say what.

It is made anew of what is known to be harmless: names of products, lanes and rules, revisions, moments, versions and
the gate's own words. Whatever else people, platforms or policies write is not taken along: who asked, why, where, and
each message and remedy, for they quote that.
"""

from __future__ import annotations

import re

from launchplane_gate.lanes import LaneView, Promotion, Wanted
from launchplane_gate.looking import Reported
from launchplane_gate.model import (
    Actor,
    Container,
    Decision,
    Hold,
    Observation,
    Publication,
    ReleaseIdentity,
    RuleResult,
    Run,
    unstamp,
)
from launchplane_gate.page.look import DecisionSeen, LaneSeen, Look, ProductSeen, RunSeen, Step
from launchplane_gate.policy_input import MayRun
from launchplane_gate.sight import NotTold
from launchplane_gate.words import noun_of

LEFT_OUT = "left out"
NOBODY = Actor(subject=LEFT_OUT)
_COMMIT, _DIGEST = re.compile(r"[0-9a-f]{40}"), re.compile(r"sha256:[0-9a-f]{64}")
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)


def public(look: Look) -> Look:
    return Look(
        at=look.at,
        products=tuple(map(_product, look.products)),
        decisions={name: _decision_seen(seen) for name, seen in look.decisions.items()},
        titles={code: _title(title) for code, title in look.titles.items()},
        not_told=tuple(NotTold(what=one.what, why="", command="") for one in look.not_told),
        public=True,
    )


def _product(product: ProductSeen) -> ProductSeen:
    return ProductSeen(product.name, tuple(map(_lane, product.lanes)), product.paths)


def _lane(lane: LaneSeen) -> LaneSeen:
    last = _run_seen(lane.last) if lane.last else None
    return LaneSeen(_view(lane.view, last), lane.urls, tuple(map(_run_seen, lane.runs)), last, lane.out_as)


def _view(view: LaneView, last: RunSeen | None) -> LaneView:
    is_seen = view.observed is not None and view.observed.reachable and view.observed.digests != "failed"
    return LaneView(
        product=view.product,
        lane=view.lane,
        runs=_release(view.runs),
        since=_moment(view.since),
        settled=view.settled,
        why="" if view.settled else _why(last),
        hold=_hold(view.hold),
        observed=_observed(view.observed),
        differs="" if not view.differs else _DIFFERS[is_seen],
        run_id=view.run_id,
        tried=_release(view.tried),
        may_run=tuple(_may_run(one) for one in view.may_run),
        health=_reported(view.health),
        promotions=tuple(_promotion(one) for one in view.promotions),
        mode=view.mode,
    )


_DIFFERS = {True: "what is seen running is not what is recorded", False: "its platform could not be asked"}


def _why(last: RunSeen | None) -> str:
    """From what the run ended as, not from what was said of that."""
    if last is None or last.run.status in ("recorded", "unchanged"):
        return "its records are not as its last run left them"
    commit = last.run.release.source_git_ref if last.run.release else "nothing"
    return f"its last run, a {noun_of(last.run.action, commit)}, ended {last.run.status}"


def _hold(hold: Hold | None) -> Hold | None:
    if hold is None:
        return None
    return Hold(reason=LEFT_OUT, subject=LEFT_OUT, since=_moment(hold.since) or "", until=_moment(hold.until))


def _observed(seen: Observation | None) -> Observation | None:
    if seen is None:
        return None
    return Observation(
        seen_at=_moment(seen.seen_at) or "",
        reachable=seen.reachable,
        artifact_id=_digest(seen.artifact_id),
        configured_artifact_id=_digest(seen.configured_artifact_id),
        digests=seen.digests,
        containers=tuple(
            Container(container_id=str(number), artifact_id=_digest(one.artifact_id))
            for number, one in enumerate(seen.containers)
        ),
        in_flight=seen.in_flight,
    )


def _reported(told: tuple[Reported, ...]) -> tuple[Reported, ...]:
    """Each commit once, without saying where it was reported."""
    commits = dict.fromkeys(one.revision for one in told if one.revision and _COMMIT.fullmatch(one.revision))
    return tuple(Reported(url="", revision=commit) for commit in commits)


def _promotion(told: Promotion) -> Promotion:
    wanted = tuple(Wanted(code=one.code, field=one.field, message="") for one in told.wanted)
    return Promotion(
        to=told.to, allowed=told.allowed, code=told.code, wanted=wanted, done=told.done, unknown=told.unknown
    )


def _run_seen(seen: RunSeen) -> RunSeen:
    steps = tuple(Step(step.kind, step.at, "", step.decision_id) for step in seen.steps)
    return RunSeen(_run(seen.run), steps, seen.became, _observed(seen.shown))


def _run(run: Run) -> Run:
    return Run(
        run_id=run.run_id,
        status=run.status,
        action=run.action,
        product=run.product,
        source=run.source,
        destination=run.destination,
        release=_release(run.release),
        previous=_release(run.previous),
        actor=NOBODY,
        reason="",
        started_at=run.started_at,
        of_run=run.of_run,
        touched=run.touched,
        redeemed=run.redeemed,
        admitted=_decision(run.admitted) if run.admitted else None,
        confirmed=_decision(run.confirmed) if run.confirmed else None,
        publication=_publication(run.publication),
        mode=run.mode,
    )


def _publication(told: Publication | None) -> Publication | None:
    return told and Publication(version=told.version, published=told.published, never=told.never)


def _decision_seen(seen: DecisionSeen) -> DecisionSeen:
    return DecisionSeen(_decision(seen.decision), seen.run_id, seen.repeats)


def _decision(decision: Decision) -> Decision:
    return Decision(
        decision_id=decision.decision_id,
        action=decision.action,
        phase=decision.phase,
        product=decision.product,
        source=decision.source,
        destination=decision.destination,
        release=_release(decision.release),
        actor=NOBODY,
        results=tuple(_result(result) for result in decision.results),
        engine="",
        policy_revision=decision.policy_revision,
        input_digest="",
        decided_at=decision.decided_at,
        mode=decision.mode,
    )


def _result(result: RuleResult) -> RuleResult:
    return RuleResult(
        code=result.code,
        status=result.status,
        title=_title(result.title),
        message="",
        remedy="",
        follows=result.follows,
    )


def _title(title: str) -> str:
    """The sentence of a rule, which its author wrote for everybody who is asked by it, and which quotes no fact."""
    return "" if _ADDRESS.search(title) else title


def _release(release: ReleaseIdentity | None) -> ReleaseIdentity | None:
    if release is None:
        return None
    return ReleaseIdentity(
        artifact_id=_digest(release.artifact_id) or "unnamed",
        source_git_ref=_commit(release.source_git_ref) or "unnamed",
    )


def _may_run(one: MayRun) -> MayRun:
    return MayRun(artifact_id=_digest(one.artifact_id), source_git_ref=_commit(one.source_git_ref))


def _commit(text: str | None) -> str | None:
    return text if text and _COMMIT.fullmatch(text) else None


def _digest(artifact: str | None) -> str | None:
    """Without the registry that it came from."""
    found = _DIGEST.fullmatch((artifact or "").rpartition("@")[2])
    return found[0] if found else None


def _moment(text: str | None) -> str | None:
    return text if text and unstamp(text) else None
