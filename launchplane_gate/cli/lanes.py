"""``lanes``: the first thing that an operator types."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown
from launchplane_gate.cli.watching import EVERY_S, watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from launchplane_gate.lanes import LaneView
    from launchplane_gate.overview import ProductView
    from launchplane_gate.records import ProductProfile
    from launchplane_gate.report.text import Block
    from launchplane_gate.settings import Settings
    from launchplane_gate.sight import NotTold


@click.command(cls=Command)
@click.argument("product", required=False)
@click.option("--all", "in_full", is_flag=True, help="How each is proven, what stands open, and the last runs too.")
@click.option("--unsettled", is_flag=True, help="Only the lanes that need somebody.")
@click.option("--watch", is_flag=True, help=f"Look again every {EVERY_S:.0f} s, until Ctrl-C.")
@click.option("--exit-status", "tells", is_flag=True, help="End with 1 where a lane needs somebody.")
@click.option("--export", "file", metavar="FILE", help="Write a signed snapshot instead, to check proposals on.")
@pass_session
def lanes(
    session: Session,
    product: str | None,
    in_full: bool,
    unsettled: bool,
    watch: bool,
    tells: bool,
    file: str | None,
) -> Answer:
    """What each lane runs, and what can be done next.

    First the lanes that need somebody: unsettled (what runs there is not proven by the lane's last run), drifted
    (something else is seen there), held, or not looked at. `41620cf?` is not proven: then it is told what the lane may
    run for all that is known, and what its health URLs report and its platform shows. Then, for each other lane, the
    release that the inventory names, since when, and whether it can be promoted, or the first rule that refuses.

    Nothing is changed. It works while policies do not load, or nobody answers for them, and says what is not told then.
    With --all a product stands in one screen. With --watch a terminal is drawn anew; a pipe gets a block for each
    change. With --exit-status it ends with 1 where a lane is unsettled, drifted, held or not looked at, else with 0.

    With --export all that a promotion would be decided on is written to a file, for each path between the lanes, and
    signed with the key of [attestation]: `check promotion.yaml --snapshot FILE` decides on it where the gate is not.

    \b
    Examples:
      launchplane-gate lanes
      launchplane-gate lanes sellyouroutboard --all
      launchplane-gate lanes --unsettled --watch
      launchplane-gate lanes --export lanes.json
    """
    if file:
        if in_full or unsettled or watch or tells:
            raise click.UsageError("--export writes a file: the other options are of what is shown")
        return _exported(session, product, Path(file))
    shown = _Shown(product, in_full, unsettled, tells)
    if not watch:
        return _looked(session, shown, progress_shown("looking at the lanes"))
    if any(output.format != "text" or output.path for output in session.outputs):
        raise click.UsageError("--watch shows text; a program asks again and again: lanes --output json")
    return watched(lambda: _looked(session, shown, nullcontext()))


@dataclass(frozen=True)
class _Shown:
    """What was asked for. ``tells``: by the exit code too."""

    product: str | None
    in_full: bool
    unsettled: bool
    tells: bool


def _looked(session: Session, shown: _Shown, meanwhile: AbstractContextManager[object]) -> Answer:
    from launchplane_gate.overview import in_trouble, products, trouble_of

    settings = session.settings()
    profiles = _profiles(settings, shown.product)
    with session.sight(settings) as sight, meanwhile:
        views, not_told = sight.look(profiles, session.actor())
        in_need = in_trouble(views)
        told = [view for view in views if not shown.unsettled or view in in_need]
        named = {view.product for view in told}
        full = [one for one in products(sight.gate, views) if one.product in named] if shown.in_full else []
    document: dict[str, object] = {
        "lanes": [{**view.model_dump(mode="json"), "trouble": trouble_of(view)} for view in told],
        "not_told": [asdict(one) for one in not_told],
    }
    if shown.in_full:
        document["products"] = [one.model_dump(mode="json", exclude={"lanes"}) for one in full]
    text = _text(shown, views, full, not_told) if views else [_no_products(settings.path.name)]
    return Answer(document, text, 1 if shown.tells and in_need else 0)


def _text(
    shown: _Shown, views: Sequence[LaneView], full: Sequence[ProductView], not_told: Sequence[NotTold]
) -> Sequence[Block]:
    from launchplane_gate.report.lanes import lanes_text, not_told_text
    from launchplane_gate.report.product import product_text

    of_all = shown.product is None
    if not full:
        return lanes_text(views, with_product=of_all, only_trouble=shown.unsettled, not_told=not_told)
    screens = [[*product_text(one, with_name=of_all), ""] for one in full]
    return [*(block for screen in screens for block in screen), *not_told_text(not_told)][:-1]


def _profiles(settings: Settings, product: str | None) -> list[ProductProfile]:
    return [settings.profile(product)] if product else list(settings.profiles.values())


def _exported(session: Session, product: str | None, file: Path) -> Answer:
    from launchplane_gate.private import replacing
    from launchplane_gate.report.lanes import exported_text
    from launchplane_gate.snapshot import export

    settings = session.settings()
    profiles = _profiles(settings, product)
    with session.gate(settings, to_read=True) as gate, progress_shown("looking at the lanes") as progress:
        snapshot, content = export(gate, settings, profiles, progress)
    try:
        with replacing(file) as opened:
            opened.write(content)
    except OSError as error:
        raise click.UsageError(f"--export {file}: {error.strerror or error}") from None
    session.changes = True
    document = {"file": str(file), "exported_at": snapshot.exported_at, "paths": snapshot.told}
    return Answer(document, exported_text(str(file), snapshot))


def _no_products(file: str) -> str:
    return f"{file} names no products yet: add a table [products.NAME]. `launchplane-gate init` writes an example."
