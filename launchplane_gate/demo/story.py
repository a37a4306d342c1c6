"""The story of the incident that this gate exists for, told with real processes on this machine.

Every step is the real command in a process of its own, and is held to what it should have ended as.
"""

from __future__ import annotations

import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.request import ProxyHandler, build_opener

from rich.console import Console
from rich.text import Text

from launchplane_gate.demo.release import release_program
from launchplane_gate.demo.workspace import PRODUCT, two_free_ports, write_workspace
from launchplane_gate.model import short

OLD = "215f71bc1a58639fe4bcd3b3609a4e68304184ab"
NEW = "41620cf13151d1a12f09d06007d67bdf791d200c"
BROKEN = "9c1d2e0b7a6f5e4d3c2b1a09f8e7d6c5b4a39281"
LYING = "e5a83b1f20c94d67a8b5e3f1c7d29064ab81f35e"
COMMANDS_TIMEOUT_S = 60


@dataclass(frozen=True)
class Step:
    """``arguments`` of the command; ``ends`` is its exit code; ``shows`` what its JSON document must hold."""

    tells: str
    arguments: list[str]
    ends: int
    shows: Callable[[dict[str, Any]], bool] = lambda _: True
    moves: Mapping[str, str] = field(default_factory=dict)  # lane -> the commit that its inventory names afterwards


def steps(artifacts: Mapping[str, str]) -> list[Step]:
    """The story. ``artifacts``: artifact id by commit."""

    def deploy(commit: str) -> list[str]:
        return ["deploy", PRODUCT, "--to", "testing", "--artifact", artifacts[commit], "--ref", commit, "--all"]

    promote = ["promote", PRODUCT, "--all"]
    first = [*promote, "--idempotency-key", "promotion-1"]
    return [
        Step(f"{short(OLD)} is deployed to testing.", deploy(OLD), 0, moves={"testing": OLD}),
        Step("What testing runs is promoted to prod, under an idempotency key.", first, 0, moves={"prod": OLD}),
        Step(f"A newer release, {short(NEW)}, is deployed to testing.", deploy(NEW), 0, moves={"testing": NEW}),
        Step(
            f"Somebody promotes {short(OLD)}, as the incident did: testing has moved on, so it is stale.",
            [*promote, "--artifact", artifacts[OLD], "--ref", OLD],
            1,
            lambda document: _refused_by(document, "inventory.source_current"),
        ),
        Step(
            "The first promotion is sent again under its key: its old answer is no longer true.",
            first,
            1,
            lambda document: document["error"]["kind"] == "StaleReplay",
        ),
        Step(
            "A release that crashes at its start is deployed to testing: the inventory stays as it was.",
            deploy(BROKEN),
            4,
            lambda document: document["status"] == "fail",
        ),
        Step(
            "A release answers with another revision than its own: deployed, but not proven, so not recorded.",
            deploy(LYING),
            5,
            lambda document: document["status"] == "unconfirmed",
        ),
        Step(
            "Nobody knows now what testing runs, so nothing is promoted from it.",
            promote,
            1,
            lambda document: _refused_by(document, "lane.settled"),
        ),
        Step(f"{short(NEW)} is deployed to testing again, which settles it.", deploy(NEW), 0),
        Step("And now it is promoted.", promote, 0, moves={"prod": NEW}),
        Step("What each lane runs:", ["lanes", PRODUCT], 0),
        Step("Every decision stands in a chain of hashes:", ["decisions", "verify"], 0),
    ]


def tell(keep: Path | None = None, *, console: Console | None = None) -> int:
    """Tell the story; 0 if every step ended as told. ``keep``: a new folder to leave the workspace in.

    The product's processes are stopped at the end, on Ctrl-C and on SIGTERM too.
    """
    console = console or Console(highlight=False)
    with _ending_on_sigterm(), _folder(keep) as folder:
        teller = _Teller(folder, console)
        try:
            told = teller.tell()
        finally:
            teller.stop_processes()
    if keep and told:
        console.print(f"\nIts settings, policies and records are left in {keep}.")
    return 0 if told else 1


class _Teller:
    def __init__(self, folder: Path, console: Console) -> None:
        self.folder, self.console = folder, console
        self.ports = two_free_ports()
        programs = {
            "release-1.py": release_program(OLD),
            "release-2.py": release_program(NEW),
            "broken.py": release_program(BROKEN, crashes=True),
            "lying.py": release_program(LYING, reports=NEW),
        }
        actor = f"unverified:{getpass.getuser()}@{socket.gethostname()}"
        written = write_workspace(
            folder, releases=programs, ports=self.ports, actor=actor, confirm_timeout_s=2.0, confirm_interval_s=0.2
        )
        self.artifacts = dict(zip((OLD, NEW, BROKEN, LYING), (written[name] for name in programs), strict=True))

    def tell(self) -> bool:
        say = partial(self.console.print, soft_wrap=True)
        say("[bold]launchplane-gate[/bold] stands between a control plane and production. It asks policies twice:")
        say("may this happen, and did exactly that happen? Only then does it write down what a lane runs.")
        say(f"\nThe product {PRODUCT} runs on this machine, in the lanes testing and prod. The story is true:")
        say("once, production was promoted from a stale record, through a replayed request.")
        began = time.monotonic()
        for number, step in enumerate(story := steps(self.artifacts), 1):
            say(f"\n[bold]{number}/{len(story)}  {step.tells}[/bold]")
            if not self._play(step):
                return False
        revision = self._prod_reports()
        say(f"\n[dim]$[/dim] curl http://127.0.0.1:{self.ports[1]}/health\nprod itself reports {short(revision)}")
        if revision != NEW:
            say(f"[bold red]This should have been {short(NEW)}.[/bold red]")
            return False
        seconds = time.monotonic() - began
        say(f"\n[bold]Every step ended as told, in {seconds:.0f} s.[/bold] Next: launchplane-gate init --example")
        return True

    def _play(self, step: Step) -> bool:
        """Type one command, show what a person would see, and hold it to the story."""
        before = self._inventories()
        self.console.print(Text.assemble(("$ ", "dim"), _typed(step.arguments)), soft_wrap=True)
        result = self._command(step.arguments)
        self.console.print(Text.from_ansi(result.output.rstrip()), soft_wrap=True)
        after = self._inventories()
        self.console.print(f"[dim]changed:[/dim] {_changes(before, after)}", soft_wrap=True)
        expected = {lane: before.get(lane) for lane in ("testing", "prod")} | dict(step.moves)
        if result.exit_code != step.ends or not step.shows(result.document):
            self.console.print(f"[bold red]This should have ended with {step.ends}, not {result.exit_code}.[/bold red]")
            return False
        if after != {lane: commit for lane, commit in expected.items() if commit}:
            self.console.print("[bold red]The inventory is not what it should be after this step.[/bold red]")
            return False
        return True

    def _command(self, arguments: list[str]) -> _Result:
        document = self.folder / "step.json"
        full = [sys.executable, "-m", "launchplane_gate", "--config", str(self.folder / "launchplane-gate.toml")]
        full += [*arguments, "--output", "text", "--output", f"json={document}"]
        environment = dict(os.environ) | {"COLUMNS": str(min(self.console.width, 120))}
        if self.console.is_terminal:
            environment["FORCE_COLOR"] = "1"
        done = subprocess.run(  # noqa: S603  # this very program, with arguments of our own
            full,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            timeout=COMMANDS_TIMEOUT_S,
            check=False,
        )
        found = json.loads(document.read_text()) if document.exists() else {}
        document.unlink(missing_ok=True)
        return _Result(done.returncode, done.stdout, found)

    def _inventories(self) -> dict[str, str]:
        folder = self.folder / "state" / "inventory" / PRODUCT
        return {path.stem: json.loads(path.read_text())["source_git_ref"] for path in sorted(folder.glob("*.json"))}

    def _prod_reports(self) -> str:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{self.ports[1]}/health", timeout=5) as answer:
            return str(json.loads(answer.read(65536))["revision"])

    def stop_processes(self) -> None:
        """Stop what the local driver started for this workspace, whatever state it is in."""
        from launchplane_gate_local import stop_all  # noqa: PLC0415  # a plugin, and needed only here

        stop_all(self.folder / "state" / "plugins" / "local")


@dataclass(frozen=True)
class _Result:
    exit_code: int
    output: str
    document: dict[str, Any]


def _typed(arguments: list[str]) -> str:
    """The command as a person types it; it is shown whole, so that it can be copied."""
    return " ".join(["launchplane-gate", *arguments])


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    moved = [
        f"the inventory says that {lane} runs {short(commit)}"
        + (f" (was {short(before[lane])})" if lane in before else "")
        for lane, commit in after.items()
        if before.get(lane) != commit
    ]
    return "; ".join(moved) or "nothing in the inventory"


def _refused_by(document: Mapping[str, Any], code: str) -> bool:
    results = document["admitted"]["results"]
    return document["status"] == "denied" and any(r["code"] == code and r["status"] == "fail" for r in results)


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
