"""Publishing the release of a recorded run: a step of its journal, that can be taken again."""

from __future__ import annotations

from launchplane_gate.errors import LedgerError, in_a_sentence
from launchplane_gate.hookspecs import Progress, Publisher
from launchplane_gate.ledger import Lease, Ledger
from launchplane_gate.model import Actor, Publication, Run
from launchplane_gate.records import ProductProfile


def publish(
    ledger: Ledger,
    publisher: Publisher,
    product: ProductProfile,
    run: Run,
    actor: Actor,
    *,
    lease: Lease,
    progress: Progress,
) -> Run:
    """Have the release of a recorded run published; gives the run as it stands then.

    The caller has seen to it that the run is still true. Nothing is raised: what is recorded stands, and what is
    missing is told in ``publication``.
    """
    assert run.publication and run.release
    version = run.publication.version
    intent = {"version": version, "commit": run.release.source_git_ref, "actor": actor.model_dump()}
    try:
        ledger.note(run.run_id, run.destination, "publishing", intent, lease=lease)
        progress(f"publishing {version} at {run.release}")
        ended = _ended(publisher, product, run, version, progress)
        kind = "published" if ended.published else "unpublished"
        ledger.note(run.run_id, run.destination, kind, ended.model_dump(), lease=lease)
    except LedgerError as error:
        detail = f"the ledger could not be told: {in_a_sentence(error)}"
        ended = Publication(version=version, published=False, detail=detail)
    return run.model_copy(update={"publication": ended})


def _ended(publisher: Publisher, product: ProductProfile, run: Run, version: str, progress: Progress) -> Publication:
    try:
        ended = publisher.publish(product, run, progress)
    except Exception as error:  # noqa: BLE001  # whatever a publisher raises is what is missing
        return Publication(version=version, published=False, detail=in_a_sentence(error))
    if not isinstance(ended, Publication) or ended.version != version:
        return Publication(version=version, published=False, detail="its publisher answered with another release")
    return ended
