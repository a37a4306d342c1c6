"""The story is told with real processes on this machine, and its end is what came of them.

Every step is the real command in a process of its own, and is held to what it should have ended as.
"""

from __future__ import annotations

import json
import signal
import socket
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.request import ProxyHandler, build_opener

from rich.console import Console
from rich.text import Text

from launchplane_gate.attesting import FOLDER
from launchplane_gate.demo.outcomes import Outcomes
from launchplane_gate.demo.stage import Stage, local_stage
from launchplane_gate.demo.steps import ATTESTATION, Step, steps
from launchplane_gate.demo.typed import Ended, prepare, typed
from launchplane_gate.demo.workspace import LANES, PRODUCT
from launchplane_gate.holders import this_user
from launchplane_gate.model import short
from launchplane_gate.report.safe import one_line, unheard

WIDEST = 120
INDENT = 4
BEGINS = (
    "launchplane-gate stands between a control plane and production. It asks policies twice: may this happen, and did "
    "exactly that happen? Only then does it write down what a lane runs.",
    "The product {product} runs {where}, in the lanes testing and prod. The story is true: once, production was "
    "promoted from a stale record, through a replayed request.",
)


def tell(
    keep: Path | None = None,
    *,
    console: Console | None = None,
    build: Callable[[Path, str], Stage] = local_stage,
    everything: bool = False,
) -> int:
    """Tell the story; 0 if every step ended as told. ``keep``: a new folder to leave the workspace in.

    ``build`` writes the stage into a folder, for an actor. What it starts is stopped at the end, on Ctrl-C and on
    SIGTERM too. ``everything`` that the commands print is shown. Its processes are forked: to be told where no other
    thread runs.
    """
    console = console or Console(highlight=False)
    with _ending_on_sigterm(), _folder(keep) as folder:
        stage = build(folder, f"unverified:{this_user()}@{socket.gethostname()}")
        try:
            told = _Teller(folder, stage, console, everything=everything).tell()
        finally:
            stage.strike()
        if told and keep:
            console.print(Text(one_line(f"Its settings, policies and records are left in {keep}.")), soft_wrap=True)
    return 0 if told else 1


class _Teller:
    def __init__(self, folder: Path, stage: Stage, console: Console, *, everything: bool) -> None:
        self.folder, self.stage, self.console, self.everything = folder, stage, console, everything
        self.settings = folder / "launchplane-gate.toml"
        self.outcomes = Outcomes()
        self.attestation = ""

    def tell(self) -> bool:
        began = time.monotonic()
        for paragraph in BEGINS:
            self._say(paragraph.format(product=PRODUCT, where=self.stage.where), "")
        prepare(self.settings)
        for number, step in enumerate(steps(self.stage), 1):
            self._say(f"{number:2}  {step.tells}", style="bold", hangs=INDENT)
            if not self._play(number, step):
                return False
        reports, wanted = self._prod_reports(), self.stage.releases["second"].source_git_ref
        self._say("", "What was tried, and what came of it:", "", style="bold")
        self._show(self.outcomes.page(self._width))
        self._say("", f"prod itself reports {short(reports)}.")
        if reports != wanted:
            return self._wrong(f"It should have been {short(wanted)}.")
        self._say(f"Every step ended as told, in {time.monotonic() - began:.0f} s.", style="bold")
        if self.stage.publishes:
            self._say(f"The release went to {self.stage.publishes}.")
        self._say("Next: launchplane-gate init --example tour")
        return True

    def _play(self, number: int, step: Step) -> bool:
        """Type one command, show what came of it, and hold it to the story."""
        before = self._inventories()
        arguments = [self.attestation if word == ATTESTATION else word for word in step.arguments]
        if self.everything and step.tried:
            arguments.append("--all")
        ended = typed(arguments, self.settings, self._environment())
        after = self._inventories()
        if signed := ended.document.get("attestation"):
            self.attestation = str(self.folder / "state" / FOLDER / signed["name"])
        if self.everything or step.whole or ended.exit_code:
            self._show_whole(arguments, ended)
        else:
            self._say(" " * INDENT + _in_a_line(ended), hangs=INDENT)
        if not self._is_as_told(step, ended, {**before, **step.moves}, after):
            return False
        if step.tried:
            self.outcomes.note(number, step.tried, ended.document, after)
        elif step.arguments[0] == "lanes":
            self.outcomes.note_lanes(ended.document)
        return True

    def _is_as_told(self, step: Step, ended: Ended, expected: Mapping[str, str], after: Mapping[str, str]) -> bool:
        wanted = step.ends if isinstance(step.ends, tuple) else (step.ends,)
        if ended.exit_code not in wanted or not step.shows(dict(ended.document)):
            if not (self.everything or ended.exit_code):
                self._show_whole(step.arguments, ended)
            return self._wrong(f"This should have ended with {' or '.join(map(str, wanted))}, not {ended.exit_code}.")
        if after != expected:
            return self._wrong("The inventory is not what it should be after this step.")
        return True

    def _show_whole(self, arguments: list[str], ended: Ended) -> None:
        """The command as a person types it, whole, so that it can be copied; and what they see."""
        self._show(one_line(" ".join(["$ launchplane-gate", *arguments])), style="dim")
        self._show((ended.err if self.everything or not ended.out else "") + ended.out)
        self._say("")

    @property
    def _width(self) -> int:
        return max(40, min(self.console.width, WIDEST))

    def _environment(self) -> dict[str, str]:
        colour = {"FORCE_COLOR": "1"} if self.console.is_terminal else {}
        return {"COLUMNS": str(self._width), **colour}

    def _inventories(self) -> dict[str, str]:
        folder = self.folder / "state" / "inventory" / PRODUCT
        found = {path.stem: json.loads(path.read_text())["source_git_ref"] for path in folder.glob("*.json")}
        return {lane: found[lane] for lane in LANES if lane in found}

    def _prod_reports(self) -> str:
        with build_opener(ProxyHandler({})).open(self.stage.prod_url, timeout=5) as answer:
            return str(json.loads(answer.read(65536))["revision"])

    def _say(self, *lines: str, style: str = "", hangs: int = 0) -> None:
        """Lines of ours, folded; ``hangs``: by how much what is folded stands further in."""
        for line in lines:
            folded = textwrap.wrap(one_line(line), self._width, subsequent_indent=" " * hangs, break_on_hyphens=False)
            for part in folded or [""]:
                self.console.print(Text(part, style=style), soft_wrap=True)

    def _show(self, text: str, style: str = "") -> None:
        """What a command said, as it is."""
        self.console.print(Text.from_ansi(unheard(text.rstrip()), style=style), soft_wrap=True)

    def _wrong(self, what: str) -> bool:
        self._say(what, style="bold red")
        return False


def _in_a_line(ended: Ended) -> str:
    """What came of a command that ended well: what a lane runs by what it recorded, or what it says first."""
    if ended.document.get("status") not in ("recorded", "published"):
        return _said_first(ended.out)
    lane, published = ended.document["lane"], ended.document["publication"]
    runs = f"recorded: {lane['lane']['instance']} runs {short(lane['runs']['source_git_ref'])}"
    return runs + (f", published as {published['version']}" if published else "")


def _said_first(out: str) -> str:
    """The first sentence, however it was folded."""
    lines: list[str] = []
    for line in out.splitlines():
        lines.append(line.strip())
        if not line or line.endswith("."):
            break
    return " ".join(lines).strip()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=False)
        yield keep.absolute()
    else:
        with tempfile.TemporaryDirectory(prefix="launchplane-gate-demo-") as folder:
            yield Path(folder)


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
