"""``policy replay``: what was decided, asked again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from launchplane_gate.cli.command import Reporting
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.policy.folders import folders_named, opened_to_read
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.authoring.replay.running import Wanted
    from launchplane_gate.authoring.replay.sources import Source
    from launchplane_gate.policy import Bundle
    from launchplane_gate.report.points import Report

FLIPS = click.Choice(["allow-to-deny", "deny-to-allow", "any"])
MOST_WORKERS = 64
NOTHING = "Nothing was asked."
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@click.command(cls=Reporting)
@folders_named
@click.option("--export", metavar="FILE", type=click.Path(path_type=Path), help="What `decisions export` wrote.")
@click.option(
    "--sample", metavar="FILE", type=click.Path(path_type=Path), help="What `decisions export --for-replay` wrote."
)
@click.option("--sha256", metavar="DIGEST", help="Refuse a file that has another one.")
@click.option("--at", "revision", metavar="COMMIT", help="Take the sample from this commit of git, not from the disk.")
@click.option(
    "--fail-on", type=FLIPS, multiple=True, help="Exit 1 where a decision flips so; may be given several times."
)
@click.option("--strict", is_flag=True, help="Exit 3 where of a decision it is not known.")
@click.option(
    "--only", metavar="NAME", multiple=True, help="A product, or a rule: only that; may be given several times."
)
@click.option("--since", metavar="MOMENT", type=MOMENT, help="Only what was decided since: 2026-05-01, in UTC.")
@click.option("--every-rule", is_flag=True, help="Ask the rules, too, that are what they were when it was decided.")
@click.option("--workers", type=click.IntRange(1, MOST_WORKERS), help="Processes of the engine.  [default: one a core]")
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Keep in it how far this is, and go on from there.",
)
@pass_session
def replay(
    session: Session,
    folders: tuple[Path, ...],
    export: Path | None,
    sample: Path | None,
    sha256: str | None,
    revision: str | None,
    fail_on: tuple[str, ...],
    strict: bool,
    only: tuple[str, ...],
    since: datetime | None,
    every_rule: bool,
    workers: int | None,
    checkpoint: Path | None,
) -> Answer:
    """Ask again what was decided, under the policies as they are now: what flips, by rule and product.

    Every decision of the ledger is asked again on what it saw, with the waivers that it was offered, at the moment of
    then. Nothing is written, and nobody waits for it. Under the policies that decided, every stored result has to come
    out again; where one does not, that is told (exit 3). Where the chain is broken, nothing is told at all.

    After an edit those rules are asked that it touched, and those that rest on what it touched: what the others said
    holds. --every-rule asks them all.

    What a rule reads and an input never had is "not known", apart from what is denied now: nobody looked for it then.
    --strict makes exit 3 of it. --only a rule looks at the results of that rule alone, as if no other were asked.

    A sample is for CI. It has to be the one that you mean, not one that a pull request brings along: it is named by its
    digest (--sha256), or taken from a commit that is no part of the pull request (--at).

    \b
    Examples:
      launchplane-gate policy replay policies --fail-on deny-to-allow
      launchplane-gate policy replay --only inventory.source_fresh --since 2026-05-01
      launchplane-gate policy replay policies --sample sample.jsonl --at origin/main --output markdown
    """
    from launchplane_gate.authoring.replay.asking import Policies
    from launchplane_gate.authoring.replay.checkpoint import Checkpoint, read
    from launchplane_gate.authoring.replay.facts import reads_of
    from launchplane_gate.authoring.replay.running import replay as replay_all
    from launchplane_gate.authoring.replay.touched import every_rule as asks_all
    from launchplane_gate.authoring.replay.touched import touched_since
    from launchplane_gate.policy import EmbeddedEngine
    from launchplane_gate.report.replayed import Asked, document_of, exit_code, replayed_text

    _see_what_is_named(export, sample, sha256, revision)
    bundle = session.bundle(folders)
    EmbeddedEngine(bundle, remembers=True)  # what the gate would not load is asked nothing
    begun = (read(checkpoint) or {"bound": {}})["bound"].get("decisions") if checkpoint else None
    wanted = _wanted(bundle, only, since)
    with _source(session, export, sample, sha256, revision, begun) as source:
        policies = Policies(
            bundle,
            {"config": source.config(bundle.config)},
            reads_of(bundle.modules),
            source.before,
            rules=wanted.rules,
            exact=source.exact,
            touched=asks_all if every_rule else touched_since(source.policies, bundle),
        )
        bound = {"policies": bundle.revision, "decisions": source.identity, "wanted": [*_told(wanted), every_rule]}
        with progress_shown("asking again") as progress:
            tally = replay_all(
                source.decisions,
                policies,
                wanted,
                workers=workers or _cores(),
                bounds=session.engine_bounds(),
                checkpoint=Checkpoint(checkpoint, bound) if checkpoint else None,
                progress=progress,
                every_s=_every_s(),
            )
    asked = Asked(source.told, bundle.revision, tuple(fail_on), strict)

    def report() -> Report:
        from launchplane_gate.report.replayed import replayed_report

        return replayed_report(tally, asked, bundle)

    return Answer(document_of(tally, asked), replayed_text(tally, asked), exit_code(tally, asked), report=report)


def _see_what_is_named(export: Path | None, sample: Path | None, sha256: str | None, revision: str | None) -> None:
    if export and sample:
        raise click.UsageError("give --export or --sample, not both")
    if sample and not (sha256 or revision):
        why = "whoever edits the policies could bring along a sample in which nothing flips"
        raise click.UsageError(f"--sample needs --sha256 or --at: {why}")
    if revision and not sample:
        raise click.UsageError("--at is for a --sample")
    if sha256 and not (export or sample):
        raise click.UsageError("--sha256 is for a --sample or an --export")


def _wanted(bundle: Bundle, only: tuple[str, ...], since: datetime | None) -> Wanted:
    from launchplane_gate.authoring.replay.running import Wanted

    rules = frozenset(name for name in only if name in bundle.metadata)
    return Wanted(frozenset(only) - rules, rules, since.replace(tzinfo=UTC) if since else None)


def _told(wanted: Wanted) -> list[object]:
    return [sorted(wanted.products), sorted(wanted.rules), wanted.since.isoformat() if wanted.since else None]


@contextmanager
def _source(
    session: Session,
    export: Path | None,
    sample: Path | None,
    sha256: str | None,
    revision: str | None,
    begun: object,
) -> Iterator[Source]:
    from launchplane_gate.authoring.replay.sources import from_export, from_ledger, from_sample

    if export:
        with opened_to_read(export, NOTHING) as file:
            yield from_export(file, str(export), sha256)
    elif sample:
        with _at(revision, sample) if revision else opened_to_read(sample, NOTHING) as file:
            name = f"{sample} of {revision}" if revision else str(sample)
            yield from_sample(file, name, sha256)
    else:
        with session.records() as (_, _, ledger):
            yield from_ledger(ledger, begun)


def _at(revision: str, path: Path) -> IO[bytes]:
    from launchplane_gate.authoring.replay.from_git import file_at

    return file_at(revision, path)


def _cores() -> int:
    import os

    try:
        return min(len(os.sched_getaffinity(0)), MOST_WORKERS)
    except AttributeError:  # not on every system
        return min(os.cpu_count() or 1, MOST_WORKERS)


def _every_s() -> float:
    """A terminal shows a line that changes; of a pipe each one stays."""
    import sys

    return 1.0 if sys.stderr.isatty() else 10.0
