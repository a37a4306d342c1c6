"""The story of the incident that this gate exists for, told with real processes on this machine.

Every step is the real command in a process of its own, and is held to what it should have ended as.
"""

from __future__ import annotations

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
from rich.markup import escape
from rich.text import Text

from launchplane_gate.attesting import FOLDER
from launchplane_gate.demo.stage import Role, Stage, local_stage
from launchplane_gate.demo.workspace import LANES, PRODUCT
from launchplane_gate.holders import this_user
from launchplane_gate.model import short
from launchplane_gate.report.safe import one_line
from launchplane_gate.report.text import Table, plain

COMMANDS_TIMEOUT_S = 600
ATTESTATION = "<attestation>"
SAID = {"fail": "failed", "unconfirmed": "not confirmed", "unchanged": "it runs there already"}


@dataclass(frozen=True)
class Step:
    """``tried``: what, in few words, for the table at the end; empty for what only looks.

    ``arguments`` of the command, with ATTESTATION for the file of the last one; ``ends`` is its exit code, or those
    that it may have; ``shows`` what its JSON document must hold.
    """

    tried: str
    tells: str
    arguments: list[str]
    ends: int | tuple[int, ...]
    shows: Callable[[dict[str, Any]], bool] = lambda _: True
    moves: Mapping[str, str] = field(default_factory=dict)  # lane -> the commit that its inventory names afterwards


def steps(stage: Stage) -> list[Step]:
    """The story, as it goes on this stage."""
    first, second = (stage.releases[role].source_git_ref for role in ("first", "second"))
    old, new = short(first), short(second)

    def deploy(role: Role) -> list[str]:
        release = stage.releases[role]
        named = ["--artifact", release.artifact_id, "--ref", release.source_git_ref]
        return ["deploy", PRODUCT, "--to", "testing", *named, "--all"]

    promote = ["promote", PRODUCT, "--all"]
    keyed = [*promote, "--idempotency-key", "promotion-1"]
    return [
        Step(
            f"deploy {old} to testing", f"{old} is deployed to testing.", deploy("first"), 0, moves={"testing": first}
        ),
        Step(
            "promote it",
            "What testing runs is promoted to prod, under an idempotency key.",
            keyed,
            0,
            moves={"prod": first},
        ),
        Step(
            f"deploy {new} to testing",
            f"A newer release, {new}, is deployed to testing.",
            deploy("second"),
            0,
            moves={"testing": second},
        ),
        Step(
            f"promote {old} once more, from a stale record",
            f"Somebody promotes {old}, as the incident did: testing has moved on, so it is stale.",
            [*promote, "--artifact", stage.releases["first"].artifact_id, "--ref", first],
            1,
            lambda document: _refused_by(document, "inventory.source_current"),
        ),
        Step(
            "replay the first promotion",
            "The first promotion is sent again under its key: its old answer is no longer true.",
            keyed,
            1,
            lambda document: document["error"]["kind"] == "StaleReplay",
        ),
        *_broken_deploys(stage, deploy),
        Step(
            "a release that answers with another revision",
            "A release answers with another revision than its own: deployed, but not proven, so not recorded.",
            deploy("lying"),
            5,
            _is("unconfirmed"),
        ),
        Step(
            "promote what testing may run",
            "Nobody has proven now what testing runs, so nothing is promoted from it.",
            promote,
            1,
            lambda document: _refused_by(document, "lane.settled"),
        ),
        Step(f"deploy {new} again", f"{new} is deployed to testing again, which settles it.", deploy("second"), 0),
        _last_promotion(stage, promote, second),
        Step(
            "promote it once more",
            "It is promoted once more: prod runs it already, so nothing is deployed.",
            ["promote", PRODUCT],
            0,
            _is("unchanged"),
        ),
        Step("", "What each lane runs:", ["lanes", PRODUCT], 0),
        Step("", "Whatever names what prod runs names one release:", ["prove", PRODUCT], 0, _one),
        *_attested(stage),
        Step("", "Every decision stands in a chain of hashes:", ["decisions", "verify"], 0),
    ]


def _last_promotion(stage: Stage, promote: list[str], commit: str) -> Step:
    tried, moves = f"promote {short(commit)}", {"prod": commit}
    if not stage.publishes:
        return Step(tried, "And now it is promoted.", promote, 0, moves=moves)
    tells = "And now it is promoted, and published under the next version."
    return Step(tried, tells, [*promote, "--bump", "patch"], 0, _published, moves=moves)


def _attested(stage: Stage) -> Iterator[Step]:
    if stage.publishes:
        tells = "The release carries what was signed of its promotion. Whoever has the key's public half can check it:"
        yield Step("", tells, ["prove", PRODUCT, "--attestation", ATTESTATION], 0, _holds)


def _holds(document: dict[str, Any]) -> bool:
    return bool(document["verdict"] == "holds")


def _published(document: dict[str, Any]) -> bool:
    return bool(document["publication"]["published"] and document["attestation"]["made"])


def _one(document: dict[str, Any]) -> bool:
    return bool(document["verdict"] == "one" and document["by_digest"])


def _broken_deploys(stage: Stage, deploy: Callable[[Role], list[str]]) -> Iterator[Step]:
    """A release that does not run: what that ends as depends on what the platform tells."""
    if "missing" in stage.releases:
        tells = "A release whose image is in no registry is deployed: the inventory stays as it was."
        yield Step("an image that is in no registry", tells, deploy("missing"), 4, _is("fail"))
    tried, new = "a rebuild that never came up", str(stage.releases["second"])
    if stage.exit_fails:
        tells = f"{new} is built anew, and exits at its start: the same commit, but not the artifact that was deployed."
        yield Step(tried, tells, deploy("rebuild"), 4, _is("fail"))
    else:
        tells = (
            f"{new} is built anew, and exits at its start. Dokploy says done, and the old container goes on reporting"
        )
        tells += f" {new}: only Docker and the digest tell."
        yield Step(tried, tells, deploy("rebuild"), (4, 5), _is("fail", "unconfirmed"))


def _is(*statuses: str) -> Callable[[dict[str, Any]], bool]:
    return lambda document: document["status"] in statuses


def tell(
    keep: Path | None = None,
    *,
    console: Console | None = None,
    build: Callable[[Path, str], Stage] = local_stage,
) -> int:
    """Tell the story; 0 if every step ended as told. ``keep``: a new folder to leave the workspace in.

    ``build`` writes the stage into a folder, for an actor. What it starts is stopped at the end, on Ctrl-C and on
    SIGTERM too.
    """
    console = console or Console(highlight=False)
    with _ending_on_sigterm(), _folder(keep) as folder:
        stage = build(folder, f"unverified:{this_user()}@{socket.gethostname()}")
        try:
            told = _Teller(folder, stage, console).tell()
        finally:
            stage.strike()
    if keep and told:
        console.print(f"\nIts settings, policies and records are left in {_shown(str(keep))}.")
    return 0 if told else 1


class _Teller:
    def __init__(self, folder: Path, stage: Stage, console: Console) -> None:
        self.folder, self.stage, self.console = folder, stage, console
        self.tried: list[tuple[str, str, str, str, str]] = []
        self.in_doubt: dict[str, bool] = {}  # by lane, as its last run left it
        self.attestation = ""

    def tell(self) -> bool:
        say = partial(self.console.print, soft_wrap=True)
        say("[bold]launchplane-gate[/bold] stands between a control plane and production. It asks policies twice:")
        say("may this happen, and did exactly that happen? Only then does it write down what a lane runs.")
        where = _shown(self.stage.where)
        say(f"\nThe product {PRODUCT} runs {where}, in the lanes testing and prod. The story is true:")
        say("once, production was promoted from a stale record, through a replayed request.")
        began = time.monotonic()
        for number, step in enumerate(story := steps(self.stage), 1):
            say(f"\n[bold]{number}/{len(story)}  {_shown(step.tells)}[/bold]")
            if not self._play(number, step):
                return False
        revision = self._prod_reports()
        say(f"\n[dim]$[/dim] curl {_shown(self.stage.prod_url)}\nprod itself reports {_shown(short(revision))}")
        if revision != (wanted := self.stage.releases["second"].source_git_ref):
            say(f"[bold red]This should have been {_shown(short(wanted))}.[/bold red]")
            return False
        say("")
        for line in plain(
            [Table(self.tried, ("", "what was tried", "what the gate said", "testing", "prod"), 0)]
        ).split("\n"):
            say(Text(line))
        seconds = time.monotonic() - began
        say(f"[bold]Every step ended as told, in {seconds:.0f} s.[/bold] Next: launchplane-gate init --example")
        if self.stage.publishes:
            say(f"The release went to {_shown(self.stage.publishes)}; the README says how to publish on GitHub itself.")
        return True

    def _play(self, number: int, step: Step) -> bool:
        """Type one command, show what a person would see, and hold it to the story."""
        before = self._inventories()
        arguments = [self.attestation if word == ATTESTATION else word for word in step.arguments]
        self.console.print(Text.assemble(("$ ", "dim"), _typed(arguments)), soft_wrap=True)
        result = self._command(arguments)
        if signed := result.document.get("attestation"):
            self.attestation = str(self.folder / "state" / FOLDER / signed["name"])
        self.console.print(Text.from_ansi(result.output.rstrip()), soft_wrap=True)
        after = self._inventories()
        self.console.print(f"[dim]changed:[/dim] {_shown(_changes(before, after))}", soft_wrap=True)
        if step.tried:
            if lane := result.document.get("lane"):
                self.in_doubt[lane["lane"]["instance"]] = not lane["settled"]
            stands = [short(after.get(lane, "-")) + "?" * self.in_doubt.get(lane, False) for lane in LANES]
            self.tried.append((str(number), step.tried, _said(result.document), stands[0], stands[1]))
        expected = {lane: before.get(lane) for lane in ("testing", "prod")} | dict(step.moves)
        wanted = step.ends if isinstance(step.ends, tuple) else (step.ends,)
        if result.exit_code not in wanted or not step.shows(result.document):
            ends = " or ".join(map(str, wanted))
            self.console.print(f"[bold red]This should have ended with {ends}, not {result.exit_code}.[/bold red]")
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
        done = subprocess.run(  # noqa: S603 # nosec B603  # this very program, with arguments of our own
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
        with build_opener(ProxyHandler({})).open(self.stage.prod_url, timeout=5) as answer:
            return str(json.loads(answer.read(65536))["revision"])


@dataclass(frozen=True)
class _Result:
    exit_code: int
    output: str
    document: dict[str, Any]


def _typed(arguments: list[str]) -> str:
    """The command as a person types it; it is shown whole, so that it can be copied."""
    return one_line(" ".join(["launchplane-gate", *arguments]))


def _shown(text: str) -> str:
    """What others wrote, for a console that reads markup."""
    return escape(one_line(text))


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    moved = [
        f"the inventory says that {lane} runs {short(commit)}"
        + (f" (was {short(before[lane])})" if lane in before else "")
        for lane, commit in after.items()
        if before.get(lane) != commit
    ]
    return "; ".join(moved) or "nothing in the inventory"


def _said(document: Mapping[str, Any]) -> str:
    """What the gate said, in few words."""
    if "error" in document:
        stale = document["error"]["kind"] == "StaleReplay"
        return "refused: no longer true" if stale else str(document["error"]["message"])
    status, publication = str(document["status"]), document["publication"]
    if status == "denied":
        refused = [one["code"] for one in document["admitted"]["results"] if one["status"] == "fail"]
        return f"refused: {refused[0]}"
    return SAID.get(status, status) + (f", {publication['version']}" if publication else "")


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
