"""What each place says of the release that a lane runs. Nothing that fails is raised: it is what that place says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from launchplane_gate.errors import GateError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Question
from launchplane_gate.lane_records import LaneRecords
from launchplane_gate.ledger import Row
from launchplane_gate.looking import observe
from launchplane_gate.model import Lane, Observation, ReleaseIdentity, Run
from launchplane_gate.policy_input import ReleasedVersion
from launchplane_gate.prove.proof import Identity, of_release
from launchplane_gate.publications import runs_of_commit, versions_of
from launchplane_gate.records import ProductProfile
from launchplane_gate.settled import settled
from launchplane_gate.store import version as version_of
from launchplane_gate.urls import without_query
from launchplane_gate.verify import altered_records
from launchplane_gate.words import is_same_version

LABEL = "org.opencontainers.image.revision"
MISSING = "there is none"

# -- what was recorded


def recorded(gate: Gate, records: LaneRecords, run: Run | None) -> Iterator[Identity]:
    """``run``: the lane's last one, where that was recorded."""
    row = gate.ledger.last_naming(records.lane)
    yield _inventory(records, row)
    altered = altered_records(gate.ledger, gate.store, row.run_id) if row else {}
    if records.named:
        yield _deployment(gate, records, altered.pop(records.named, ""))
    for record_id, wrong in altered.items():
        yield Identity(what="promotion", where=record_id, state="odd", detail=wrong)
    for other in records.others:
        detail = "a deployment record that the gate did not write"
        yield Identity(what="deployment", where=other.record_id, state="odd", detail=detail)
    yield _decision(gate, records, run)


def _inventory(records: LaneRecords, row: Row | None) -> Identity:
    lane = str(records.lane)
    if records.inventory is None and records.unreadable:
        return Identity(what="inventory", where=lane, state="unknown", detail=records.unreadable)
    if records.release is None:
        return Identity(what="inventory", where=lane, state="odd", detail="it names no release")
    inventory = of_release("inventory", lane, records.release)
    if row and row.inventory_version == version_of(records.inventory):
        return inventory
    altered = {"state": "odd", "detail": "it is not what the lane's last run wrote"}
    return inventory.model_copy(update=altered)


def _deployment(gate: Gate, records: LaneRecords, wrong: str) -> Identity:
    try:
        record = gate.store.read_deployment_record(records.named)
    except (FileNotFoundError, GateError) as error:
        return Identity(what="deployment", where=records.named, state="odd", detail=f"cannot be read: {error}")
    if record.deploy.status != "pass":
        wrong = f"its status is {record.deploy.status}"
    return Identity(
        what="deployment",
        where=records.named,
        artifact_id=record.artifact_identity.artifact_id if record.artifact_identity else None,
        source_git_ref=record.source_git_ref,
        state="odd" if wrong else "one",
        detail=wrong,
    )


def _decision(gate: Gate, records: LaneRecords, run: Run | None) -> Identity:
    """What let the lane's last run go; its chain is verified, and that of the lane that was promoted from."""
    lane = records.lane
    if lost := gate.ledger.behind_its_mark() or records.lost:
        return Identity(what="decision", where=str(lane), state="odd", detail=lost)
    if run is None or run.admitted is None or run.admitted.release is None:
        _, why = settled(records, gate.ledger, gate.ledger.last_effective(lane))
        return Identity(what="decision", where=str(lane), state="odd", detail=f"none that the lane rests on: {why}")
    if wrong := [what for one in (lane, run.source) if one for what in gate.ledger.verify_lane(one).wrong]:
        return Identity(what="decision", where=run.admitted.decision_id, state="odd", detail="; ".join(wrong))
    return of_release("decision", run.admitted.decision_id, run.admitted.release)


# -- what the platform shows


def look(gate: Gate, profile: ProductProfile, lane: Lane) -> tuple[str, Observation | None, list[Identity]]:
    """The driver's id, what it observes, and what keeps that from being known; None where nothing is."""
    driver = gate.driver(profile)

    def unknown(why: str) -> list[Identity]:
        return [Identity(what="platform", where=driver.driver_id, state="unknown", detail=why)]

    try:
        seen = observe(driver, lane, within_s=gate.gather_timeout_s)
    except Exception as error:  # noqa: BLE001  # whatever a driver raises, it did not tell
        return driver.driver_id, None, unknown(str(error))
    if not seen.reachable:
        return driver.driver_id, None, unknown(seen.detail)
    if seen.in_flight is not False:
        why = "a deployment is under way" if seen.in_flight else "whether a deployment is under way is not known"
        return driver.driver_id, seen, unknown(why)
    return driver.driver_id, seen, []


def platform(gate: Gate, profile: ProductProfile, lane: Lane) -> Iterator[Identity]:
    driver_id, seen, said = look(gate, profile, lane)
    yield from said
    if seen:
        yield from _by_digest(seen, driver_id) if seen.digests == "shown" else _not_by_digest(seen, driver_id)


def _by_digest(seen: Observation, driver_id: str) -> Iterator[Identity]:
    """What the running containers were pulled by, each artifact once: another one beside the release's is odd."""
    if not seen.containers:
        yield Identity(what="runs", where=driver_id, state="odd", detail=seen.detail or "nothing runs")
    for artifact in dict.fromkeys(container.artifact_id for container in seen.containers):
        own = [container for container in seen.containers if container.artifact_id == artifact]
        told = f"{len(own)} container{'' if len(own) == 1 else 's'}"
        idle = sum(container.state != "running" for container in own)
        if artifact is None:
            detail = f"{told} of an image that has no digest"
            yield Identity(what="runs", where=driver_id, state="unknown", detail=detail)
        else:
            detail = f"digest shown on {told}" + (f", {idle} of them not serving" if idle else "")
            yield Identity(what="runs", where=driver_id, artifact_id=artifact, detail=detail)


def _not_by_digest(seen: Observation, driver_id: str) -> Iterator[Identity]:
    set_to = seen.artifact_id or seen.configured_artifact_id
    if set_to:
        yield Identity(what="set to run", where=driver_id, artifact_id=set_to)
    if seen.digests == "failed":
        why = "; ".join(filter(None, ["what runs could not be read", seen.detail]))
        yield Identity(what="runs", where=driver_id, state="unknown", detail=why)
    elif set_to or seen.containers:
        why = f"what is missing: {seen.lacks}" if seen.lacks else seen.detail
        why = "; ".join(filter(None, ["by which digest it runs", why]))
        yield Identity(what="runs", where=driver_id, state="unseen", detail=why)
    else:
        yield Identity(what="runs", where=driver_id, state="odd", detail=seen.detail or "nothing runs")


# -- what the plugins find


def evidence(
    gate: Gate, profile: ProductProfile, lane: Lane, release: ReleaseIdentity | None, version: str | None
) -> Iterator[Identity]:
    """Health as after a deploy, the rest as before one, where it is known of which release."""

    def found(phase: Literal["admit", "confirm"]) -> dict[str, Any]:
        question = Question(phase, profile, None, lane, release, gate.gather_timeout_s, version=version)
        return gate.plugins.evidence_or_why(question)

    yield from _health(found("confirm").get("health"), profile.health_urls(lane.context, lane.instance))
    if release:
        before = found("admit")
        yield from _in_its_form(_label, before.get("oci"), "image label", release.artifact_id)
        known = versions_of(runs_of_commit(gate.ledger, profile.product, release.source_git_ref))
        yield from _in_its_form(partial(_published, known), before.get("github"), "release", version or "-")


def samples_at(urls: Iterable[str], found: Any) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Each health URL of a lane, as it may be told, with what it was found to answer, where it was asked."""
    told = found.get("destination") if isinstance(found, Mapping) else None
    samples = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list | tuple) else []
    for url in map(without_query, urls):
        yield url, [sample for sample in samples if sample.get("url") == url]


def _health(found: Any, urls: Iterable[str]) -> Iterator[Identity]:
    if isinstance(found, GateError):
        yield Identity(what="health", where="every URL", state="unknown", detail=str(found))
        return
    for url, here in samples_at(urls, found):
        told = {sample.get("revision") for sample in here}
        if len(told) == 1 and None not in told:
            yield Identity(what="health", where=url, source_git_ref=told.pop())
        else:
            why = next((str(sample.get("detail")) for sample in here if not sample.get("revision")), "")
            detail = why or (f"answers differ: {', '.join(sorted(map(str, told)))}" if told else "it was not asked")
            yield Identity(
                what="health", where=url, state="unknown" if None in told or not told else "odd", detail=detail
            )


def _in_its_form(
    read: Callable[[Any, str], Iterable[Identity]], found: Any, what: str, where: str
) -> Iterator[Identity]:
    """What is read of the evidence of a plugin, which need not be one of ours; of none that failed."""
    if isinstance(found, GateError):
        yield Identity(what=what, where=where, state="unknown", detail=str(found))
        return
    try:
        yield from list(read(found or {}, where))
    except (AttributeError, KeyError, TypeError, ValueError):
        yield Identity(what=what, where=where, state="unknown", detail="the evidence has not the form that is known")


def _label(found: Any, artifact_id: str) -> Iterator[Identity]:
    """One place, however many platforms the image has: each of them has to name the one release."""

    def is_so(state: Literal["one", "odd", "unseen"], detail: str, commit: str | None = None) -> Identity:
        return Identity(
            what="image label",
            where=artifact_id,
            artifact_id=found.get("artifact_id"),
            source_git_ref=commit,
            state=state,
            detail=detail,
        )

    if not found:
        yield is_so("unseen", "no plugin looks into a registry for it")
    elif found["manifest"] is None:
        yield is_so("odd", "the registry has no such image")
    else:
        on = defaultdict[str | None, list[str]](list)
        for platform in found["manifest"]["platforms"]:
            on[platform["revision"]].append(platform["platform"])
        labels = [f"{revision or f'no label {LABEL}'} on {', '.join(named)}" for revision, named in on.items()]
        if len(on) == 1 and (only := next(iter(on))):
            yield is_so("one", f"on {', '.join(on[only])}", only)
        else:
            yield is_so("odd", "; ".join(labels) or "it is an image of no platform")


def _published(known: Sequence[ReleasedVersion], found: Any, version: str) -> Iterator[Identity]:
    if version == "-":
        yield Identity(what="release", where="-", state="unseen", detail="no version was asked for with the promotion")
    elif not (there := found.get("version")):
        detail = "no plugin looks for releases of the product"
        yield Identity(what="release", where=version, state="unseen", detail=detail)
    else:
        commit = there["tag"]["commit"] if there["tag"] else None
        tag_wrong, wrong = "" if commit else MISSING, _not_ours(there["release"], known, version)
        yield Identity(what="tag", where=version, source_git_ref=commit, state=_odd(tag_wrong), detail=tag_wrong)
        where = version if wrong else str(there["release"].get("url") or version)
        own = None if wrong else commit
        yield Identity(what="release", where=where, source_git_ref=own, state=_odd(wrong), detail=wrong)


def _not_ours(release: Any, known: Sequence[ReleasedVersion], version: str) -> str:
    """Why a release is not the one that a run of this version made; empty for that one."""
    if release is None:
        return MISSING
    if release["draft"]:
        return "it is a draft"
    if release["prerelease"]:
        return "it is a pre-release"
    author, marks = release["author"], release["marked_by"]
    made = [by for one in known if is_same_version(one.version, version) for by in one.made if by.run_id in marks]
    if author and any(by.author in (author, None) for by in made):
        return ""
    return f"it is by {author or 'somebody unknown'}, and no run of this version made it"


def _odd(wrong: str) -> Literal["one", "odd"]:
    return "odd" if wrong else "one"
