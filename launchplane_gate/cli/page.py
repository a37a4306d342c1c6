"""``page``: what a team looks at in a browser."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.page.folder import Written
    from launchplane_gate.page.look import Look
    from launchplane_gate.report.text import Block


@click.command(cls=Command)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--public", is_flag=True, help="Leave out who asked, why, and every URL and message.")
@pass_session
def page(session: Session, folder: Path, public: bool) -> Answer:
    """Write pages of HTML that show the lanes in a browser.

    FOLDER gets index.html, with the lanes of each product and what a promotion now would meet; a page for each product,
    with its runs; and one for each decision behind them, which can be sent to somebody. Any web server can show them,
    and so can a file manager: they load nothing from elsewhere, and need no script to be read.

    They are as of one moment, which the first page tells: run it again, from a timer or at the end of a job. Only pages
    that changed are written, and only those that it wrote are ever replaced or taken away. Nothing else is changed.

    \b
    Examples:
      launchplane-gate page site
      launchplane-gate page --public /srv/www/lanes
    """
    from launchplane_gate.extras import needed

    with needed("page", "the page"):
        from launchplane_gate.page.drawing import draw
    from launchplane_gate.page import folder as site
    from launchplane_gate.page.look import look_through
    from launchplane_gate.page.public import public as for_everybody

    settings = session.settings()
    with session.sight(settings) as sight, progress_shown("looking at the lanes"):
        look = look_through(sight, list(settings.profiles.values()), session.actor())
    written = site.write(folder, draw(for_everybody(look) if public else look), look.at)
    return Answer(_document(folder, look, written), _text(folder, look, written))


def _document(folder: Path, look: Look, written: Written) -> dict[str, object]:
    from launchplane_gate.model import stamp
    from launchplane_gate.page.words import troubled

    return {
        "folder": str(folder),
        "looked_at": stamp(look.at),
        "written": list(written.written),
        "unchanged": len(written.unchanged),
        "removed": list(written.removed),
        "not_told": [asdict(one) for one in look.not_told],
        "in_trouble": [str(view.lane) for view in troubled(look)],
    }


def _text(folder: Path, look: Look, written: Written) -> list[Block]:
    from launchplane_gate.page.words import headline, marks, troubled
    from launchplane_gate.report.lanes import not_told_text
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import count

    index = shlex.quote(str(folder / "index.html"))
    told = f"Wrote {count(len(written.written), 'page')}, {len(written.unchanged)} are as they were: {index}"
    text: list[Block] = [told, f"{headline(look)}."]
    rows = [(f"{view.product}/{view.lane.instance}", marks(view)[0].word) for view in troubled(look)]
    if rows:
        text.append(Table(rows))
    if look.not_told:
        text += ["", *not_told_text(look.not_told)[:-1]]
    return text
