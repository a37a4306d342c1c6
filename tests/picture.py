"""Draw the demo's terminal as an SVG: ``python -m tests.picture FILE``."""

import os
import sys
from pathlib import Path

from rich.console import Console

from launchplane_gate.demo.story import tell

if __name__ == "__main__":
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, force_terminal=True, width=118, file=nowhere, highlight=False)
        ended = tell(console=console)
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(console.export_svg(title="make demo"))
    sys.exit(ended)
