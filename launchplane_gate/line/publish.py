"""Publishing the release of a recorded run: a step of its journal, that can be taken again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from launchplane_gate.commands import looking_at
from launchplane_gate.errors import LedgerError, RequestError, Stale, in_a_sentence
from launchplane_gate.hookspecs import Progress, Publisher
from launchplane_gate.lane_records import read_lane
from launchplane_gate.ledger import Lease, Ledger, Wish
from launchplane_gate.line.attest import attested, is_attested
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.parts import Parts
from launchplane_gate.line.standing import Asked, ask_or_raise, refuse_stranger
from launchplane_gate.model import Actor, Publication, Run
from launchplane_gate.on_record import on_record, spends
from launchplane_gate.publications import given_up, runs_of_commit, why_over
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate.settled import settled
from launchplane_gate.words import is_same_version

PUBLISH_S = 600.0  # what publishing may take, with the waits that a server asks for
OVER = "Promote what is to be released, with a version of its own."


def publish_recorded(errand: Errand, run: Run, *, decided: Mapping[str, Any] | None = None) -> Run:
    """Attest and publish what was recorded, unless it is; whatever becomes of it, the run stays recorded.

    ``decided``: see ``publish``.
    """
    run, assets = attested(errand.parts, run, lease=errand.held)
    if run.publication is None or run.publication.is_whole:
        return run
    publisher = errand.parts.plugins.publisher(errand.profile)
    held, progress = errand.held, errand.progress
    return publish(
        errand.parts.ledger,
        publisher,
        errand.profile,
        run,
        errand.actor,
        lease=held,
        progress=progress,
        decided=decided,
        assets=assets,
    )


def publish_again(parts: Parts, run_id: str, actor: Actor, progress: Progress) -> Run:
    """See Gate.publish."""
    refuse_stranger(parts, "publish", actor)
    run = read_run(parts.ledger, run_id)
    asked = Asked("publish", run.product, run.destination.instance, release=run.release)
    stands = ask_or_raise(parts, asked, actor)
    attests = parts.attester is not None and is_attested(run)
    if run.status not in ("recorded", "unchanged") or not (run.publication or attests):
        raise RequestError(
            f"run {run_id} ended {run.status}" if run.publication else f"run {run_id} names no version to publish",
            hint="Nothing was published. A promotion with --version or --bump that was recorded can be.",
        )
    profile = parts.profile(run.product)
    publisher = parts.plugins.publisher(profile) if run.publication else None
    lane, limits = run.destination, parts.limits
    terms, subject = limits.terms(PUBLISH_S), actor.subject
    wish = Wish(terms, wait_s=limits.lane_wait_s, waiting=progress, subject=subject, run_id=run_id)
    before = [entry.body for entry in parts.ledger.entries(subject=run_id)]
    if spent := spends(actor, "publish", {"run_id": run_id}, before=before):
        parts.ledger.see_unspent(spent["spent"])
    with parts.ledger.hold([lane], wish) as lease:
        _see_that_it_may_be_out(parts, run)
        run, assets = attested(parts, run, lease=lease)
        if publisher is None:
            return run
        decided = on_record(parts.ledger, parts.bundle, stands.decision, stands.facts)
        decided |= spent
        rest: dict[str, Any] = {"lease": lease, "progress": progress, "decided": decided, "assets": assets}
        return publish(parts.ledger, publisher, profile, run, actor, **rest)


def _see_that_it_may_be_out(parts: Parts, run: Run) -> None:
    """Raises Stale where the lane of a run does not run its release, or that is out under another version."""
    if why := why_over(parts.store, parts.ledger, run):
        hint = f"Nothing was published, and by this run nothing will be. {OVER}"
        left = given_up(run.publication) if run.publication else ""
        raise Stale(why, hint=f"{hint} {left}".rstrip())
    records = read_lane(parts.store, parts.ledger, run.destination)
    is_settled, unsettled = settled(records, parts.ledger, parts.ledger.last_effective(run.destination))
    if not is_settled:
        settle = f"`{looking_at(run.product)}` names what settles it; then run this again."
        raise Stale(f"{run.destination} is unsettled: {unsettled}", hint=f"Nothing was published. {settle}")


def publish(
    ledger: Ledger,
    publisher: Publisher,
    product: ProductProfile,
    run: Run,
    actor: Actor,
    *,
    lease: Lease,
    progress: Progress,
    decided: Mapping[str, Any] | None = None,
    assets: Mapping[str, bytes] | None = None,
) -> Run:
    """Have the release of a recorded run published; gives the run as it stands then.

    The caller has seen to it that the run is still true. What is recorded stands, and what is missing is told in
    ``publication``. ``decided``: what let the actor ask for it, and what that spends, where that is not the run's own;
    raises TokenSpent, with nothing published, where it may not be spent on this. ``assets``: the files that the release
    carries.
    """
    assert run.publication and run.release
    commit, known = run.release.source_git_ref, run.publication
    version, authors = known.version, known.authors
    intent = {"version": version, "commit": commit, "actor": actor.model_dump()}
    try:
        author, why = _author(publisher, product)
        authors = _with(authors, author)
        noted = {**intent, "author": author, **(decided or {})}
        ledger.note(run.run_id, run.destination, "publishing", noted, lease=lease)
        progress(f"publishing {version} at {run.release}")
        begun = run.model_copy(update={"publication": known.model_copy(update={"authors": authors})})
        others = _others(ledger, run)
        ended = _failed(begun, why) if why else _ended(publisher, product, begun, others, assets or {}, progress)
        ended = ended.model_copy(update={"authors": _with(authors, ended.author)})
        kind = "published" if ended.published else "unpublished"
        ledger.note(run.run_id, run.destination, kind, ended.model_dump(exclude={"authors"}), lease=lease)
    except LedgerError as error:
        ended = _failed(run, f"the ledger could not be told: {in_a_sentence(error)}")
    return run.model_copy(update={"publication": ended})


def _author(publisher: Publisher, product: ProductProfile) -> tuple[str, str]:
    """Whose a release will be, or why that is not known: then none is made."""
    try:
        return publisher.publishes_as(product), ""
    except Exception as error:  # noqa: BLE001  # whatever a publisher raises is what is missing
        return "", in_a_sentence(error)


def _with(authors: tuple[str, ...], author: str) -> tuple[str, ...]:
    return authors if not author or author in authors else (*authors, author)


def _others(ledger: Ledger, run: Run) -> list[Run]:
    """The other runs that were to publish the same: what they left is this one's, too."""
    assert run.publication and run.release
    found = runs_of_commit(ledger, run.product, run.release.source_git_ref)
    version = run.publication.version
    return [
        one
        for one in found
        if one.publication and one.run_id != run.run_id and is_same_version(one.publication.version, version)
    ]


def _ended(  # noqa: PLR0917  # what a publisher is given
    publisher: Publisher,
    product: ProductProfile,
    run: Run,
    others: Sequence[Run],
    assets: Mapping[str, bytes],
    progress: Progress,
) -> Publication:
    assert run.publication
    version = run.publication.version
    if run.attestation and not run.attestation.made:
        told = {"detail": f"it is not attested: {run.attestation.detail}"}
        is_out = {"missing": (run.attestation.name,)} if run.publication.published else {}
        return run.publication.model_copy(update=told | is_out)
    try:
        ended = publisher.publish(product, run, progress, assets, others)
    except Exception as error:  # noqa: BLE001  # whatever a publisher raises is what is missing
        return _failed(run, in_a_sentence(error))
    if not isinstance(ended, Publication) or ended.version != version:
        return _failed(run, "its publisher answered with another release")
    return ended


def _failed(run: Run, why: str) -> Publication:
    """What is known to be left of it is left still."""
    assert run.publication
    return run.publication.model_copy(update={"published": False, "url": "", "missing": (), "detail": why})
