"""What was looked at on a lane, in words that claim no more than that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from launchplane_gate.lanes import LaneView
from launchplane_gate.model import Observation, short
from launchplane_gate.policy_input import MayRun
from launchplane_gate.report.words import brief, count


def may_run_text(view: LaneView) -> str:
    """``e5a83b1 or 41620cf``: what a lane may run for all that is known, its recorded release last."""
    recorded = view.runs and (view.runs.artifact_id, view.runs.source_git_ref)
    ordered = sorted(view.may_run, key=lambda one: (one.artifact_id, one.source_git_ref) == recorded)
    named = _named(ordered)
    if view.runs is None and not _is_seen_running(view.observed):
        named.append("nothing")
    return " or ".join(filter(None, [", ".join(named[:-1]), named[-1]])) if named else "nothing that is known"


def _named(releases: Sequence[MayRun]) -> list[str]:
    """Each by its commit; by its artifact too where another has that commit, or it has none that is known."""
    commits = Counter(release.source_git_ref for release in releases)

    def name(release: MayRun) -> str:
        commit, artifact = release.source_git_ref, brief(release.artifact_id or "")
        if commit is None:
            return f"{artifact} (of a commit that is not known)"
        if commits[commit] == 1:
            return short(commit)
        return f"{short(commit)} ({artifact or 'of an artifact that is not known'})"

    return [name(release) for release in releases]


def _is_seen_running(observed: Observation | None) -> bool:
    return observed is not None and bool(observed.containers or observed.artifact_id)


def seen_text(view: LaneView) -> str:
    """``health reports 41620cf, digest shown: 302ad7b``: what was seen of a lane just now."""
    return ", ".join(filter(None, [_health_text(view), platform_text(view.observed) or brief(view.differs)]))


def _health_text(view: LaneView) -> str:
    """What health reports, each revision once; empty where nobody asked."""
    if not view.health:
        return ""
    told = list(dict.fromkeys(one.revision for one in view.health))
    if told == [None]:
        return f"health reports no revision ({brief(view.health[0].detail)})"
    if len(told) == 1:
        return f"health reports {short(told[0] or '')}"
    each = [f"{short(one.revision) if one.revision else 'no revision'} at {one.url}" for one in view.health]
    return f"health reports {', '.join(each)}"


def platform_text(observed: Observation | None) -> str:
    """``digest shown: 302ad7b on 2 containers``, or why there is none; empty where nothing was observed."""
    if observed is None or not observed.reachable:
        return ""
    if observed.digests == "failed":
        return f"what runs could not be read: {brief(observed.detail)}"
    if observed.digests == "shown":
        if not observed.containers:
            return f"nothing is seen running: {brief(observed.detail)}"
        return f"digest shown: {', '.join(containers_text(observed))}"
    set_to = observed.artifact_id or observed.configured_artifact_id
    return "digest not shown" + (f", set to run {brief(set_to)}" if set_to else "")


def containers_text(observed: Observation) -> list[str]:
    """``302ad7b``, or where there are several containers ``302ad7b on 2 containers``: each artifact once."""
    found = Counter(container.artifact_id for container in observed.containers)
    named = {artifact: brief(artifact).rpartition("sha256:")[2] if artifact else "none" for artifact in found}
    if len(observed.containers) == 1:
        return list(named.values())
    return [f"{named[artifact]} on {count(number, 'container')}" for artifact, number in found.items()]


def is_by_digest(observed: Observation | None, artifact_id: str) -> bool:
    """Whether each running container was seen to be of an artifact, by its digest."""
    if observed is None or not observed.reachable or observed.digests != "shown":
        return False
    return {container.artifact_id for container in observed.containers} == {artifact_id}


def lacking_text(lacks: str) -> str:
    """What keeps digests from being shown, in the words of an observation's ``lacks``."""
    return f"what is missing: {lacks.rstrip('.')}."
