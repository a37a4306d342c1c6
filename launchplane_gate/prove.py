"""Whether everything that names the release of a lane names the same one, asked afresh.

What cannot be seen is never taken for equal: a platform that does not show by which digest its containers run is left
out of the verdict, and said to be; whatever could not be asked, or read in one piece, leaves it open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from launchplane_gate.errors import GateError, RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Question
from launchplane_gate.lane_records import LaneRecords, read_lane
from launchplane_gate.looking import observe
from launchplane_gate.model import Contract, Lane, Observation, ReleaseIdentity, Run
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate.store import version as version_of
from launchplane_gate.verify import altered_records

MAX_RUNS = 1000  # that are looked through for one that published a version
TRUE = ("recorded", "unchanged")  # what a run ends as whose lane was seen to run its release


class Identity(Contract):
    """What one place says. ``odd``: another release, or none where there has to be one.

    ``unseen``: this place does not show it. ``unknown``: it could not be asked.
    """

    what: str
    where: str
    artifact_id: str | None = None
    source_git_ref: str | None = None
    state: Literal["one", "odd", "unseen", "unknown"] = "one"
    detail: str = ""


class Proof(Contract):
    """``release`` is what most places name. ``verdict`` is ``one`` only where nothing is odd and nothing unknown.

    ``by_digest``: the platform shows that every running container is of that release's artifact.
    """

    product: str
    lane: Lane
    release: ReleaseIdentity | None
    version: str | None
    identities: tuple[Identity, ...]
    verdict: Literal["one", "differs", "unknown"]
    by_digest: bool = False


def prove(gate: Gate, profile: ProductProfile, lane: Lane) -> Proof:
    """Ask every place that names the release of a lane. What fails is told in the proof."""
    records = read_lane(gate.store, gate.ledger, lane)
    row = gate.ledger.last_effective(lane)
    run = read_run(gate.ledger, row.run_id) if row and row.status == "recorded" else None
    is_the_runs = bool(row and row.inventory_version == version_of(records.inventory))
    version = _version(gate, lane, run)
    said = [*_records(gate, records, run, is_the_runs=is_the_runs), *_platform(gate, profile, lane)]
    if records.release:
        said += _evidence(gate, profile, lane, records.release, version)
    release = _named_by_most(said)
    identities = tuple(_weighed(identity, release) for identity in said)
    return Proof(
        product=profile.product,
        lane=lane,
        release=release,
        version=version,
        identities=identities,
        verdict=_verdict(identities),
        by_digest={one.state for one in identities if one.what == "runs"} == {"one"},
    )


def _version(gate: Gate, lane: Lane, run: Run | None) -> str | None:
    """Under which version the run that a lane rests on was to be published, or a later one that left it unchanged."""
    for run_id in gate.ledger.runs(lane, limit=MAX_RUNS) if run else ():
        later = read_run(gate.ledger, run_id)
        if later.status in TRUE and later.release == (run and run.release) and later.publication:
            return later.publication.version
        if run and run_id == run.run_id:
            break
    return None


def lane_of_version(gate: Gate, profile: ProductProfile, version: str) -> Lane:
    """The lane that a version was promoted to. Raises RequestError."""
    for run_id in gate.ledger.runs(product=profile.product, limit=MAX_RUNS):
        run = read_run(gate.ledger, run_id)
        if run.status in TRUE and run.publication and run.publication.version == version:
            return run.destination
    raise RequestError(
        f"no promotion of {profile.product} that was recorded or unchanged is of the version {version}",
        hint="`launchplane-gate runs list` shows the promotions, `runs show` the version of each.",
    )


# -- what each place says


def _records(gate: Gate, records: LaneRecords, run: Run | None, *, is_the_runs: bool) -> Iterator[Identity]:
    lane = str(records.lane)
    if records.unreadable:
        yield Identity(what="inventory", where=lane, state="unknown", detail=records.unreadable)
        return
    if records.inventory is None or records.release is None:
        yield Identity(what="inventory", where=lane, state="odd", detail="it names no release")
        return
    inventory = _of("inventory", lane, records.release)
    altered = {"state": "odd", "detail": "it is not what the lane's last run wrote"}
    yield inventory if is_the_runs else inventory.model_copy(update=altered)
    deployment_id = records.inventory.deployment_record_id
    altered_ids = altered_records(gate.ledger, gate.store, run.run_id) if run else {}
    try:
        record = gate.store.read_deployment_record(deployment_id)
    except (FileNotFoundError, GateError) as error:
        yield Identity(what="deployment", where=deployment_id or lane, state="odd", detail=f"cannot be read: {error}")
    else:
        wrong = altered_ids.pop(deployment_id, "")
        if record.deploy.status != "pass":
            wrong = f"its status is {record.deploy.status}"
        yield Identity(
            what="deployment",
            where=deployment_id,
            artifact_id=record.artifact_identity.artifact_id if record.artifact_identity else None,
            source_git_ref=record.source_git_ref,
            state="odd" if wrong else "one",
            detail=wrong,
        )
    for record_id, wrong in altered_ids.items():
        if record_id != deployment_id:
            yield Identity(what="promotion", where=record_id, state="odd", detail=wrong)
    yield _decision(gate, records, run)


def _decision(gate: Gate, records: LaneRecords, run: Run | None) -> Identity:
    """What let the lane's last run go; its chain is verified, and that of the lane that was promoted from."""
    lane = records.lane
    if lost := gate.ledger.behind_its_mark() or records.lost:
        return Identity(what="decision", where=str(lane), state="odd", detail=lost)
    if run is None or run.admitted is None or run.admitted.release is None:
        return Identity(what="decision", where=str(lane), state="odd", detail="the lane's last run was not recorded")
    if wrong := [what for one in (lane, run.source) if one for what in gate.ledger.verify_lane(one).wrong]:
        return Identity(what="decision", where=run.admitted.decision_id, state="odd", detail="; ".join(wrong))
    return _of("decision", run.admitted.decision_id, run.admitted.release)


def _platform(gate: Gate, profile: ProductProfile, lane: Lane) -> Iterator[Identity]:
    driver = gate.driver(profile)
    try:
        seen = observe(driver, lane, within_s=gate.gather_timeout_s)
    except Exception as error:  # noqa: BLE001  # whatever a driver raises, it did not tell
        yield Identity(what="platform", where=driver.driver_id, state="unknown", detail=str(error))
        return
    if not seen.reachable:
        yield Identity(what="platform", where=driver.driver_id, state="unknown", detail=seen.detail)
        return
    if seen.in_flight is not False:
        why = "a deployment is under way" if seen.in_flight else "whether a deployment is under way is not known"
        yield Identity(what="platform", where=driver.driver_id, state="unknown", detail=why)
    if seen.digests == "shown":
        yield from _by_digest(seen, driver.driver_id)
        return
    set_to = seen.artifact_id or seen.configured_artifact_id
    if set_to:
        yield Identity(what="set to run", where=driver.driver_id, artifact_id=set_to)
    if seen.digests == "failed":
        why = "; ".join(filter(None, ["what runs could not be read", seen.detail]))
        yield Identity(what="runs", where=driver.driver_id, state="unknown", detail=why)
    elif set_to or seen.containers:
        why = f"what is missing: {seen.lacks}" if seen.lacks else seen.detail
        why = "; ".join(filter(None, ["by which digest it runs", why]))
        yield Identity(what="runs", where=driver.driver_id, state="unseen", detail=why)
    else:
        yield Identity(what="runs", where=driver.driver_id, state="odd", detail=seen.detail or "nothing runs")


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


def _evidence(
    gate: Gate, profile: ProductProfile, lane: Lane, release: ReleaseIdentity, version: str | None
) -> Iterator[Identity]:
    """What the plugins find: health as after a deploy, the rest as before one."""

    def question(phase: Literal["admit", "confirm"]) -> Question:
        return Question(phase, profile, None, lane, release, gate.gather_timeout_s, version=version)

    after, before = gate.plugins.evidence_or_why(question("confirm")), gate.plugins.evidence_or_why(question("admit"))
    yield from _health(after.get("health"), profile.health_urls(lane.context, lane.instance))
    yield from _labels(before.get("oci"), release)
    yield from _published(before.get("github"), version)


def _health(found: Any, urls: Iterable[str]) -> Iterator[Identity]:
    if isinstance(found, GateError):
        yield Identity(what="health", where="every URL", state="unknown", detail=str(found))
        return
    samples = [sample for sample in (found or {}).get("destination", ()) if isinstance(sample, Mapping)]
    for url in urls:
        here = [sample for sample in samples if sample.get("url") == url]
        told = {sample.get("revision") for sample in here}
        if len(told) == 1 and None not in told:
            yield Identity(what="health", where=url, source_git_ref=told.pop())
        else:
            why = next((str(sample.get("detail")) for sample in here if not sample.get("revision")), "")
            detail = why or (f"answers differ: {', '.join(sorted(map(str, told)))}" if told else "it was not asked")
            yield Identity(
                what="health", where=url, state="unknown" if None in told or not told else "odd", detail=detail
            )


def _labels(found: Any, release: ReleaseIdentity) -> Iterator[Identity]:
    what, where = "image label", release.artifact_id
    if isinstance(found, GateError):
        yield Identity(what=what, where=where, state="unknown", detail=str(found))
    elif not found:
        yield Identity(what=what, where=where, state="unseen", detail="no plugin looks into a registry for it")
    elif found.get("manifest") is None:
        yield Identity(what=what, where=where, state="odd", detail="the registry has no such image")
    else:
        for platform in found["manifest"]["platforms"]:
            revision = platform["revision"]
            detail = "" if revision else "it has no label org.opencontainers.image.revision"
            yield Identity(
                what=what,
                where=platform["platform"],
                artifact_id=found["artifact_id"],
                source_git_ref=revision,
                state="one" if revision else "odd",
                detail=detail,
            )


def _published(found: Any, version: str | None) -> Iterator[Identity]:
    if version is None:
        yield Identity(what="release", where="-", state="unseen", detail="no version was asked for with the promotion")
        return
    if isinstance(found, GateError):
        yield Identity(what="release", where=version, state="unknown", detail=str(found))
        return
    there = (found or {}).get("version")
    if not there:
        yield Identity(
            what="release", where=version, state="unseen", detail="no plugin looks for releases of the product"
        )
        return
    tag, release = there.get("tag"), there.get("release")
    commit = tag["commit"] if tag else None
    yield Identity(
        what="tag", where=version, source_git_ref=commit, state="one" if tag else "odd", detail=_missing(tag)
    )
    if release is None or release.get("draft"):
        detail = _missing(release) or "it is a draft"
        yield Identity(what="release", where=version, state="odd", detail=detail)
    else:
        yield Identity(what="release", where=str(release.get("url") or version), source_git_ref=commit)


def _missing(thing: Any) -> str:
    return "" if thing else "there is none"


def _of(what: str, where: str, release: ReleaseIdentity) -> Identity:
    return Identity(what=what, where=where, **release.model_dump())


# -- the verdict


def _named_by_most(said: Iterable[Identity]) -> ReleaseIdentity | None:
    """The release that most places name; of as many, the one that is named first, which is the inventory's."""
    artifacts, commits = Counter[str](), Counter[str]()
    for identity in said:
        artifacts.update(filter(None, [identity.artifact_id]))
        commits.update(filter(None, [identity.source_git_ref]))
    if not artifacts or not commits:
        return None
    return ReleaseIdentity(artifact_id=artifacts.most_common(1)[0][0], source_git_ref=commits.most_common(1)[0][0])


def _weighed(identity: Identity, release: ReleaseIdentity | None) -> Identity:
    if identity.state != "one" or release is None:
        return identity
    same = identity.artifact_id in (None, release.artifact_id) and identity.source_git_ref in (
        None,
        release.source_git_ref,
    )
    detail = f"another one, {identity.detail}" if identity.detail else "another one"
    return identity if same else identity.model_copy(update={"state": "odd", "detail": detail})


def _verdict(identities: tuple[Identity, ...]) -> Literal["one", "differs", "unknown"]:
    states = {identity.state for identity in identities}
    if "odd" in states:
        return "differs"
    proven = {identity.what for identity in identities if identity.state == "one"}
    return "one" if "unknown" not in states and {"inventory", "decision", "health"} <= proven else "unknown"
