"""``check promotion.yaml``: what the policies say to promotions that a repository proposes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from launchplane_gate.cli.command import Reporting, ReportingGroup
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.authoring.proposals.deciding import Ask, Checked
    from launchplane_gate.model import Request
    from launchplane_gate.outlook import Outlook
    from launchplane_gate.report.points import Report

NAME = "proposals"


class TakesFiles(ReportingGroup):
    """A group whose command ``proposals`` is meant where files are named in place of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [word for word in args if not word.startswith("-")]
        if not any(word in self.commands for word in words) and any(map(_is_a_file, words)) and "--input" not in args:
            args = [NAME, *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        return self.commands[NAME] if found is None and _is_a_file(cmd_name) else found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        return super().shell_complete(ctx, incomplete) or [CompletionItem(incomplete, type="file")]


def _is_a_file(word: str) -> bool:
    """By its look, whether it is there or not: a file that is missing is to be told of as one."""
    return word.endswith((".yaml", ".yml")) or Path(word).is_file()


@click.command(NAME, cls=Reporting)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--from-launchplane", "url", metavar="URL", help="Decide on what a running Launchplane shows.")
@click.option("--snapshot", "snapshot", metavar="FILE", help="Decide on what `lanes --export FILE` wrote.")
@click.option("--as", "subject", metavar="SUBJECT", help="Say what this one would be answered.  [default: who asks]")
@click.option("--all", "every_rule", is_flag=True, help="Show every rule, not the first refusals alone.")
@pass_session
def check_proposals(
    session: Session,
    files: tuple[str, ...],
    url: str | None,
    snapshot: str | None,
    subject: str | None,
    every_rule: bool,
) -> Answer:
    """Ask what the policies say to promotions that files propose, and do nothing.

    A file says product, from and to, and may say artifact, ref, version and reason; `policy schema proposal` is its
    JSON Schema. Allowed ends with 0, refused with 1, and with 3 where a fact that it takes is not known. Facts are
    those that the gate finds now; or what a Launchplane shows, asked with the token of this job (plugin
    launchplane-api); or a snapshot of lanes that a key of the settings signed, as of when it was taken.

    `check FILE...` is short for this.

    \b
    Examples:
      launchplane-gate check promotion.yaml
      launchplane-gate check promotion.yaml --as repo:acme/shop:environment:prod
      launchplane-gate check promotion.yaml --snapshot lanes.json
      launchplane-gate check promotion.yaml --from-launchplane https://launchplane.example.org
    """
    from datetime import UTC, datetime

    from launchplane_gate.authoring.proposals.deciding import decided, exit_code
    from launchplane_gate.authoring.proposals.proposal import read_all
    from launchplane_gate.report.proposals import headline, proposals_text

    if url and snapshot:
        raise click.UsageError("--from-launchplane and --snapshot cannot go together")
    proposed = read_all(files)
    with _asking(session, url, snapshot, subject) as ask:
        checked = decided(proposed, ask)
    text = proposals_text(checked, every_rule=every_rule, now=datetime.now(UTC))

    def report() -> Report:
        from launchplane_gate.report.told import proposals_report

        return proposals_report(checked, headline(checked, datetime.now(UTC)))

    return Answer(_document(checked, url, snapshot), text, exit_code(checked), report=report)


@contextmanager
def _asking(session: Session, url: str | None, snapshot: str | None, subject: str | None) -> Iterator[Ask]:
    from launchplane_gate.authoring.proposals.deciding import Carried, acting_as, by_state

    if not url and not snapshot:
        with session.gate(to_read=True) as gate, progress_shown() as progress:
            yield by_state(gate, acting_as(gate.bundle, subject, session.actor), progress)
        return
    find = _shown_by(session, url) if url else _told_by(session, str(snapshot))
    bundle = session.bundle(remembers=True)
    engine = session.engine(bundle, remembers=True)
    yield Carried(bundle, engine, acting_as(bundle, subject, session.actor), find).ask


def _told_by(session: Session, file: str) -> Callable[[Request], Outlook]:
    """Raises RequestError, SnapshotRefused."""
    from datetime import UTC, datetime

    from launchplane_gate import snapshot

    told = snapshot.load(Path(file), session.policy_settings(), datetime.now(UTC))
    return told.find


def _shown_by(session: Session, url: str) -> Callable[[Request], Outlook]:
    from launchplane_gate.authoring.proposals.deciding import by_plugins

    return by_plugins(session.plugins(), url)


def _document(checked: Sequence[Checked], url: str | None, snapshot: str | None) -> dict[str, object]:
    facts = {"from": "launchplane", "url": url} if url else {"from": "snapshot", "file": snapshot} if snapshot else None
    return {
        "proposals": [one.model_dump(mode="json") for one in checked],
        "allowed": all(one.status == "allowed" for one in checked),
        "facts": facts or {"from": "state"},
    }
