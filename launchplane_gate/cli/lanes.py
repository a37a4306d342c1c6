"""``lanes``: the first thing that an operator types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.records import ProductProfile
    from launchplane_gate.settings import Settings


@click.command(cls=Command)
@click.argument("product", required=False)
@click.option("--export", "file", metavar="FILE", help="Write a signed snapshot instead, to check proposals on.")
@pass_session
def lanes(session: Session, product: str | None, file: str | None) -> Answer:
    """What each lane runs, and what can be done next.

    For each lane: the release that the inventory names, since when, whether that is settled (proven by the lane's last
    run), and whether it can be promoted, or the first rule that refuses. Nothing is changed. `41620cf?` is not proven:
    then it is told what the lane may run for all that is known, and what its health URLs report and its platform shows.

    With --export all that a promotion would be decided on is written to a file, for each path between the lanes, and
    signed with the key of [attestation]: `check promotion.yaml --snapshot FILE` decides on it where the gate is not.

    \b
    Examples:
      launchplane-gate lanes sellyouroutboard
      launchplane-gate lanes --export lanes.json
    """
    from launchplane_gate.lanes import look
    from launchplane_gate.report.lanes import lanes_text

    settings = session.settings()
    profiles = [settings.profile(product)] if product else list(settings.profiles.values())
    if file:
        return _exported(session, settings, profiles, Path(file))
    with session.gate(settings, to_read=True) as gate, progress_shown("looking at the lanes"):
        views = look(gate, profiles, session.actor())
    text = lanes_text(views, with_product=product is None) if views else [_no_products(settings.path.name)]
    return Answer({"lanes": [view.model_dump(mode="json") for view in views]}, text)


def _exported(session: Session, settings: Settings, profiles: list[ProductProfile], file: Path) -> Answer:
    from launchplane_gate.private import replacing
    from launchplane_gate.report.lanes import exported_text
    from launchplane_gate.snapshot import export

    with session.gate(settings, to_read=True) as gate, progress_shown("looking at the lanes") as progress:
        snapshot, content = export(gate, settings, profiles, progress)
    try:
        with replacing(file) as opened:
            opened.write(content)
    except OSError as error:
        raise click.UsageError(f"--export {file}: {error.strerror or error}") from None
    document = {"file": str(file), "exported_at": snapshot.exported_at, "paths": snapshot.told}
    return Answer(document, exported_text(str(file), snapshot))


def _no_products(file: str) -> str:
    return f"{file} names no products yet: add a table [products.NAME]. `launchplane-gate init` writes an example."
