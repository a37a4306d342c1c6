"""What the ledger knows of versions: which runs were to publish one, what became of that, and who made it."""

from __future__ import annotations

from collections.abc import Iterable

from launchplane_gate.lane_records import read_lane
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Publication, Run
from launchplane_gate.policy_input import Made, ReleasedVersion
from launchplane_gate.runs import read_run
from launchplane_gate.store import RecordStore
from launchplane_gate.words import is_same_version


def runs_of_commit(ledger: Ledger, product: str, commit: str) -> list[Run]:
    """The recorded runs of a product that named a version, of one commit, the first one first."""
    return [read_run(ledger, run_id) for run_id in ledger.runs_with_a_version(product, commit)]


def versions_of(runs: Iterable[Run]) -> list[ReleasedVersion]:
    """The versions of a commit; one that can never be published is none, so that another one may take its place."""
    found: dict[str, ReleasedVersion] = {}
    for run in runs:
        told = run.publication
        if told is None or run.release is None or told.never:
            continue
        known = found.get(told.version)
        found[told.version] = ReleasedVersion(
            version=told.version,
            source_git_ref=run.release.source_git_ref,
            published=told.published or bool(known and known.published),
            made=(*(known.made if known else ()), *_made(run.run_id, told)),
        )
    return list(found.values())


def due_version(runs: Iterable[Run]) -> str | None:
    """The version of a commit that was to be published last, and is not out yet; None where one is out."""
    known = versions_of(runs)
    return known[-1].version if known and not any(version.published for version in known) else None


def why_over(store: RecordStore, ledger: Ledger, run: Run) -> str:
    """Why a recorded run can never publish what it was to; empty while its lane runs that release.

    By whatever run it got there. A lane of which nobody knows what it runs may come to run it again.
    """
    assert run.release
    version, runs = run.publication and run.publication.version, read_lane(store, ledger, run.destination).release
    if runs is not None and runs != run.release:
        is_rebuilt = runs.source_git_ref == run.release.source_git_ref
        now = f"{run.destination} runs {runs} now{', another build of it' if is_rebuilt else ''}"
        return f"{now}; {version or 'the attestation'} is of what run {run.run_id} recorded"
    for other in runs_of_commit(ledger, run.product, run.release.source_git_ref):
        out = other.publication
        if version and out and out.published and not is_same_version(out.version, version):
            return f"{run.release} is out as {out.version}, by run {other.run_id}; a commit has one version"
    return ""


def is_due(store: RecordStore, ledger: Ledger, run: Run) -> bool:
    """Whether what a run recorded was to be published or attested, is not, and still can be."""
    publication, attestation = run.publication, run.attestation
    is_out = publication is None or publication.is_whole
    if run.status not in ("recorded", "unchanged") or (is_out and (attestation is None or attestation.made)):
        return False
    return not (why_over(store, ledger, run) or _is_out_by_another(ledger, run))


def _is_out_by_another(ledger: Ledger, run: Run) -> bool:
    if run.publication is None or run.release is None:
        return False
    of_commit = runs_of_commit(ledger, run.product, run.release.source_git_ref)
    others = [one.publication for one in of_commit if one.publication and one.run_id != run.run_id]
    return any(one.is_whole and is_same_version(one.version, run.publication.version) for one in others)


def given_up(publication: Publication) -> str:
    """What is to be done about drafts that will never be published; empty where there are none."""
    return f"Left there, of no use any more: {', '.join(publication.drafts)}; delete it" if publication.drafts else ""


def _made(run_id: str, told: Publication) -> Iterable[Made]:
    authors: tuple[str | None, ...] = told.authors
    if not authors and told.published:  # by a gate that noted no authors, and read it back
        authors = (None,)
    return tuple(Made(run_id=run_id, author=author) for author in authors)
