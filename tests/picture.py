"""Draw the heart of the demo's terminal as an SVG: ``python -m tests.picture FILE``."""

import os
import re
import sys
import tempfile
from functools import partial
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from launchplane_gate.demo.stage import local_stage
from launchplane_gate.demo.story import tell
from tests.fakes.github import FakeGitHub
from tests.fakes.github.stage import set_up

WIDTH = 118
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # no fonts from elsewhere


def recorded() -> Console:
    return Console(
        record=True,
        force_terminal=True,
        width=WIDTH,
        file=Path(os.devnull).open("w"),
        highlight=False,
    )


def told(console: Console) -> int:
    """The story as ``make demo`` tells it, with a release at its end."""
    with tempfile.TemporaryDirectory() as folder, FakeGitHub() as github:
        stage = Path(folder) / "github.toml"
        stage.write_text(set_up(github, Path(folder) / "app.pem").toml())
        return tell(console=console, build=partial(local_stage, github=stage))


def drawn(whole: Console, target: Path) -> None:
    """The heart of what was told, as a file."""
    heart = recorded()
    lines = Text.from_ansi(whole.export_text(styles=True)).split("\n")
    found = [(re.match(r"(\d+)/\d+  ", line.plain), number) for number, line in enumerate(lines)]
    starts = {int(step[1]): number for step, number in found if step}
    for line in [*lines[:5], *lines[starts[4] - 1 : starts[7]], *lines[starts[11] :]]:
        heart.print(line, soft_wrap=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    heart.save_svg(str(target), title="make demo", code_format=FORMAT)


if __name__ == "__main__":
    told_to = recorded()
    ended = told(told_to)
    drawn(told_to, Path(sys.argv[1]))
    sys.exit(ended)
