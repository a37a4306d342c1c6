"""Draw what the demo shows, one refusal and the page at its end, as an SVG: ``python -m tests.picture FILE``."""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.fakes.github import FakeGitHub
from tests.fakes.github.stage import set_up

WIDTH = 80
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # no fonts from elsewhere
REFUSAL = re.compile(r"^ 4  .*?(?=^ 5  )", re.MULTILINE | re.DOTALL)
PAGE = re.compile(r"^What was tried.*", re.MULTILINE | re.DOTALL)


def told(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The story as ``make demo`` tells it on a terminal, with a release at its end."""
    with tempfile.TemporaryDirectory() as folder, FakeGitHub() as github:
        stage = Path(folder) / "github.toml"
        stage.write_text(set_up(github, Path(folder) / "app.pem").toml())
        return demo("--github-stage", str(stage), *arguments)


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "launchplane_gate", "demo", *arguments]
    environment = dict(os.environ) | {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def drawn(shown: str, target: Path) -> None:
    """The heart of what was told, as a file."""
    console = Console(record=True, force_terminal=True, width=WIDTH, file=io.StringIO(), highlight=False)
    whole = Text.from_ansi(shown)
    refusal, page = REFUSAL.search(whole.plain), PAGE.search(whole.plain)
    assert refusal and page, whole.plain
    for part in (
        Text.assemble(("$ ", "dim"), "make demo\n"),
        Text("..."),
        whole[slice(*refusal.span())],
        Text("...\n"),
    ):
        console.print(part)
    console.print(whole[slice(*page.span())])
    target.parent.mkdir(parents=True, exist_ok=True)
    console.save_svg(str(target), title="make demo", code_format=FORMAT)


if __name__ == "__main__":
    ended = told()
    if ended.returncode:
        sys.exit(ended.stdout + ended.stderr)
    drawn(ended.stdout, Path(sys.argv[1]))
