"""Draw the heart of the demo's terminal as an SVG: ``python -m tests.picture FILE``."""

import os
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from launchplane_gate.demo.story import tell

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


if __name__ == "__main__":
    whole, heart = recorded(), recorded()
    ended = tell(console=whole)
    lines = Text.from_ansi(whole.export_text(styles=True)).split("\n")
    starts = {line.plain.split("/")[0]: number for number, line in enumerate(lines) if "/12  " in line.plain}
    for line in [*lines[:5], *lines[starts["4"] - 1 : starts["6"]], *lines[starts["12"] :]]:
        heart.print(line, soft_wrap=False)
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    heart.save_svg(str(target), title="make demo", code_format=FORMAT)
    sys.exit(ended)
