"""What every command is given: the settings that were named, the gate behind them, and who asks."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.output import Output, tell

if TYPE_CHECKING:
    from launchplane_gate.gate import Gate
    from launchplane_gate.ledger import Ledger
    from launchplane_gate.model import Actor
    from launchplane_gate.plugins import Plugins
    from launchplane_gate.policy import Bundle, PolicyEngine
    from launchplane_gate.settings import EmbeddedSettings, Settings
    from launchplane_gate.sight import Sight
    from launchplane_gate.store import OwnStore

PROOF = "LAUNCHPLANE_GATE_OIDC_TOKEN"  # the variable that may hold a token
CHANGING = re.compile(r"[;,] \d+ s left( at most)?$|\d{4}-\d\d-\d\dT[\d:.]+Z")  # what makes no other step
LONGEST = 240  # of a line of progress
COUNT_EVERY_S = 10.0  # a pipe is told how long is left no more often


@dataclass
class Session:
    """One call of the program.

    ``changes``: it is there to change something, not to tell.
    ``acting``: from here on something may be changed outside.
    """

    config: Path | None = None
    outputs: list[Output] = field(default_factory=list)
    changes: bool = False
    acting: bool = False
    _plugins: Plugins | None = None

    def settings(self) -> Settings:
        from launchplane_gate.opening import hosted

        return hosted(self.policy_settings())

    def policy_settings(self) -> Settings:
        """The settings by themselves: for what is asked of policies alone, no host's records are looked at."""
        from launchplane_gate.settings import load_settings

        return load_settings(self.config)

    def has_settings(self) -> bool:
        """Whether a settings file was named or stands here, readable or not."""
        return bool(self.config or os.environ.get("LAUNCHPLANE_GATE_CONFIG") or Path("launchplane-gate.toml").exists())

    def plugins_named(self) -> tuple[str, ...] | None:
        """The plugins that the settings enable; None without settings."""
        from launchplane_gate.settings import plugins_named

        return plugins_named(self.config) if self.has_settings() else None

    def bundle(self, folders: Sequence[Path] = (), *, remembers: bool = False) -> Bundle:
        """The shipped policies with ``folders``, else with those of the settings, where there are settings.

        ``remembers``: see ``load_bundle``.
        """
        from launchplane_gate.policy import load_bundle

        return load_bundle(self.policy_folders(folders), remembers=remembers)

    def policy_folders(self, folders: Sequence[Path] = ()) -> list[Path]:
        """The shipped policies, and ``folders``, else those of the settings.

        What is asked of the embedded engine from here on is within the bounds that the settings name.
        """
        from launchplane_gate.policy import shipped_policies, start_within

        settings = self.policy_settings() if self.has_settings() else None
        start_within(self.engine_bounds())
        if settings and not folders:
            folders = settings.policy_folders
        return [shipped_policies(), *folders]

    def engine_bounds(self) -> EmbeddedSettings:
        """In which bounds the embedded engine is asked."""
        from launchplane_gate.settings import EmbeddedSettings

        return self.policy_settings().embedded if self.has_settings() else EmbeddedSettings()

    def engine(self, bundle: Bundle, *, remembers: bool = False) -> PolicyEngine:
        """The engine of the settings, where there are settings; else the embedded one.

        ``remembers``: what the policies proved before need not be proven again; for commands that cannot act.
        """
        from launchplane_gate.policy import open_engine

        return open_engine(bundle, self.policy_settings().opa if self.has_settings() else None, remembers=remembers)

    @contextmanager
    def gate(self, settings: Settings | None = None, *, to_read: bool = False) -> Iterator[Gate]:
        """``to_read``: for commands that look and check, and change nothing."""
        from launchplane_gate.gate import Gate

        with Gate.open(settings or self.settings(), to_read=to_read) as gate:
            _say_what_is_read(gate.ledger)
            self._plugins = gate.plugins
            yield gate

    @contextmanager
    def sight(self, settings: Settings) -> Iterator[Sight]:
        """To look at lanes, also where nobody can decide. What is read is said the first time only."""
        from launchplane_gate.sight import Sight

        with Sight.open(settings) as sight:
            if self._plugins is None:
                _say_what_is_read(sight.gate.ledger)
            self._plugins = sight.gate.plugins
            yield sight

    @contextmanager
    def records(self) -> Iterator[tuple[Settings, OwnStore, Ledger]]:
        """What was recorded, to be read, without policies, plugins or platforms: also while those are broken."""
        from launchplane_gate.opening import opened

        settings = self.settings()
        store, ledger = opened(settings, to_read=True)
        _say_what_is_read(ledger)
        try:
            yield settings, store, ledger
        finally:
            ledger.close()

    def actor(self) -> Actor:
        """Whom a token proves to ask; without one the person at the terminal, whom nobody has verified.

        The token is the environment's, or that of the platform that runs this process. Raises ActorUnproven or
        Undecided for one that proves nobody: it never makes place for the person.
        """
        from pydantic import SecretStr

        from launchplane_gate.errors import ActorUnproven
        from launchplane_gate.holders import known_user
        from launchplane_gate.model import Actor

        given = os.environ.get(PROOF)
        if given == "":
            raise ActorUnproven(f"{PROOF} is set, and empty", hint=f"Nothing was done. Fill {PROOF}, or unset it.")
        plugins = self.plugins()
        token = SecretStr(given) if given else plugins.token()
        if token:
            return plugins.actor(token)
        # Whom the machine does not know could have any name: no two of them are two people for certain.
        return Actor(subject=actor_subject(), person=None if known_user() else "")

    def plugins(self) -> Plugins:
        """The plugins of the gate, or where there is none, those of the settings."""
        from launchplane_gate.plugins import load_plugins

        if self._plugins is None:
            self._plugins = load_plugins(self.settings(), now=lambda: datetime.now(UTC))
        return self._plugins


def _say_what_is_read(ledger: Ledger) -> None:
    """Where that is not the ledger itself, or not the one that it should be."""
    if lost := ledger.behind_its_mark():
        tell([f"{lost}; until that is settled nothing is done but reading: `launchplane-gate ledger restore --help`"])
    if ledger.copied:
        tell([f"a copy of the ledger is read, as it stands now: {ledger.copied}"])


def actor_subject() -> str:
    from launchplane_gate.holders import this_user

    return f"unverified:{this_user()}@{socket.gethostname()}"


pass_session = click.make_pass_decorator(Session, ensure=True)


@contextmanager
def progress_shown(at_first: str = "gathering facts") -> Iterator[Callable[[str], None]]:
    """Show what is awaited, on standard error: a line that counts the time on a terminal, else one line a step."""
    from launchplane_gate.report.safe import one_line
    from launchplane_gate.report.words import brief

    if not sys.stderr.isatty() or not find_spec("rich"):
        yield _one_line_a_step(brief)
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    message = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="crop")
    )
    with Progress(
        SpinnerColumn("line"), TimeElapsedColumn(), message, expand=True, console=Console(stderr=True), transient=True
    ) as shown:
        task = shown.add_task(at_first, total=None)
        yield lambda message: shown.update(task, description=one_line(brief(message)))


def _one_line_a_step(brief: Callable[[str], str]) -> Callable[[str], None]:
    last, told_at = "", 0.0

    def tell_step(message: str) -> None:
        nonlocal last, told_at
        step, now = CHANGING.sub("", message), time.monotonic()
        if step != last or (step != message and now - told_at >= COUNT_EVERY_S):
            last, told_at = step, now
            with suppress(OSError):  # nobody listening must not become a reason for a deploy to fail
                tell([f"{brief(message)[:LONGEST]} ..."])

    return tell_step
