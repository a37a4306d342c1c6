"""``ledger restore``: a backup in the place of the ledger, or on with the one that is there; what is lost is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from launchplane_gate.cli.command import Changing
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.ledger import Head, Ledger
    from launchplane_gate.model import Actor, Lane
    from launchplane_gate.policy import Bundle
    from launchplane_gate.report.text import Block
    from launchplane_gate.restoring import Loss, Seen
    from launchplane_gate.settings import Settings
    from launchplane_gate.store import RecordStore


@click.command(cls=Changing)
@click.argument("backup", metavar="[BACKUP]", type=click.Path(path_type=Path), required=False)
@click.option("--reason", required=True, help="Why, in one line; it stands in the chain of each lane that is behind.")
@pass_session
def restore(session: Session, backup: Path | None, reason: str) -> Answer:
    """Put a backup in the place of the ledger, or go on with the ledger that is there.

    What records, mark and platforms know and the ledger does not is lost: it is named, not brought back. Each lane that
    is behind says so in its chain and is unsettled until a deploy or promotion settles it; waivers and idempotency keys
    of such a lane are void. Who may, says the policy (`restore`). The ledger that was there is kept beside it.

    Without BACKUP: for a ledger in Postgres, once the server's own tools have restored it, and for one that you know to
    be the right one; where the file is gone or empty, a new one is begun.

    \b
    Examples:
      launchplane-gate ledger restore /backups/ledger.sqlite --reason "the disk was lost"
      launchplane-gate ledger restore --reason "the state folder was moved here by hand"
    """
    from launchplane_gate.errors import RequestError
    from launchplane_gate.waivers import NOTHING_SAVED, wrong_reason

    if wrong := wrong_reason(reason := reason.strip()):
        raise RequestError(wrong, hint=NOTHING_SAVED)
    restoring = _Restoring(session, reason)
    with progress_shown("asking what each lane runs") as progress:
        seen = restoring.look(progress)
        found, kept = restoring.put_back(backup, seen) if backup else restoring.go_on(seen)
    document = {
        "restored_from": str(backup) if backup else None,
        "kept": str(kept) if kept else None,
        "behind": [{"lane": str(loss.lane), "why": loss.why, **loss.past} for loss in found],
    }
    return Answer(document, restoring.text(backup, kept, found))


class _Restoring:
    """Raises StandingRefused for who may not, while nothing has been done."""

    def __init__(self, session: Session, reason: str) -> None:
        from datetime import UTC, datetime

        from launchplane_gate.line.standing import Asked, consent
        from launchplane_gate.model import lanes_of
        from launchplane_gate.restoring import Consent

        self.settings: Settings = session.settings()
        self.bundle: Bundle = session.bundle()
        actor: Actor = session.actor()
        profiles = self.settings.profiles.values()
        asked = Asked("restore", "", "", reason=reason)
        decided = consent(self.bundle, session.engine(self.bundle), profiles, asked, actor, now=datetime.now(UTC))
        self.consent = Consent(actor, reason, decided)
        self.products = {lane: profile.product for profile in profiles for lane in lanes_of(profile)}
        self._session = session

    def look(self, progress: Callable[[str], None]) -> dict[Lane, Seen]:
        """What the platform of each lane says, or why it could not be asked."""
        from launchplane_gate.line.parts import GATHER_TIMEOUT_S
        from launchplane_gate.looking import observe

        seen: dict[Lane, Seen] = {}
        for lane, product in self.products.items():
            progress(f"asking what {lane} runs")
            driver_id = self.settings.profile(product).driver_id
            try:
                driver = self._session.plugins().drivers[driver_id]
                seen[lane] = observe(driver, lane, within_s=GATHER_TIMEOUT_S)
            except Exception as error:  # noqa: BLE001  # whatever it is, nobody knows what that platform knows
                seen[lane] = str(error) if str(error) else type(error).__name__
        return seen

    def put_back(self, backup: Path, seen: dict[Lane, Seen]) -> tuple[list[Loss], Path | None]:
        """A ledger that is restored whole before it stands in the place of the other one."""
        from launchplane_gate.errors import LedgerError, UsageError
        from launchplane_gate.ledger import FILE_NAME, Ledger
        from launchplane_gate.opening import records_in
        from launchplane_gate.restoring import copied, heads_of, opened_copy, put_in_place

        state_dir = self.settings.state_dir
        if self.settings.database_url:
            hint = "Nothing was done. Restore it with the server's tools, then type this command without BACKUP."
            raise UsageError("the ledger is in Postgres, whose own tools put a backup back", hint=hint)
        known = [*heads_of(state_dir / FILE_NAME), *Ledger.marked(state_dir)]
        with copied(backup, state_dir) as copy:
            ledger = opened_copy(copy, backup)
            try:
                if wrong := ledger.verify().wrong:
                    raise LedgerError(f"the backup {backup} is not whole: {'; '.join(wrong[:3])}")
                ledger.let_go()
                found = self._enter(records_in(self.settings), ledger, known, seen)
                now = ledger.now().strftime("%Y%m%dT%H%M%SZ")
            finally:
                ledger.close()
            kept = put_in_place(copy, state_dir, now)
        with self._opened() as (_, ledger):
            ledger.mark_anew(state_dir)
        return found, kept

    def go_on(self, seen: dict[Lane, Seen]) -> tuple[list[Loss], Path | None]:
        """With the ledger that is there, or with a new one where there is none any more."""
        from datetime import UTC, datetime

        from launchplane_gate.ledger import Ledger
        from launchplane_gate.restoring import begin_where_none_is

        state_dir, kept = self.settings.state_dir, None
        marked = Ledger.marked(state_dir)
        if not self.settings.database_url:
            now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            kept = begin_where_none_is(state_dir, now, self.settings.state_group)
        with self._opened() as (store, ledger):
            found = self._enter(store, ledger, marked, seen)
            ledger.mark_anew(state_dir)
        return found, kept

    def _enter(self, store: RecordStore, ledger: Ledger, known: list[Head], seen: dict[Lane, Seen]) -> list[Loss]:
        from launchplane_gate.restoring import enter, losses

        found = losses(store, ledger, self.products, known, seen)
        enter(store, ledger, self.bundle, found, self.consent)
        return found

    @contextmanager
    def _opened(self) -> Iterator[tuple[RecordStore, Ledger]]:
        from launchplane_gate.opening import unmarked

        store, ledger = unmarked(self.settings)
        try:
            yield store, ledger
        finally:
            ledger.close()

    def text(self, backup: Path | None, kept: Path | None, found: list[Loss]) -> list[Block]:
        from launchplane_gate.lane_records import read_lane
        from launchplane_gate.lanes import settling
        from launchplane_gate.ledger import NOWHERE

        said: list[Any] = [f"The ledger is the one of {backup} now." if backup else "On with the ledger that is there."]
        if kept:
            said.append(f"The one that was there is kept as {kept}.")
        if not found:
            return [*said, "No lane is behind what is known of it: nothing was lost that anybody knows of."]
        is_are = "lane is" if len(found) == 1 else "lanes are"
        said.append(f"{len(found)} {is_are} behind, and unsettled until settled; waivers and keys of theirs are void:")
        said.append("  A hold that was put on them since is lost, too: `launchplane-gate lane hold` puts it back.")
        with self._opened() as (store, ledger):
            for loss in found:
                where = "what was asked about no lane" if loss.lane == NOWHERE else str(loss.lane)
                said.append(f"x {where}: {loss.why}")
                if loss.product:
                    records = read_lane(store, ledger, loss.lane)
                    said.append(f"  settle it: {settling(self.bundle, loss.product, records)}")
        return said
