"""``launchplane-gated``: Launchplane's own command line, its service among it, with the gate in it.

The settings are those of ``launchplane-gate``: LAUNCHPLANE_GATE_CONFIG, or launchplane-gate.toml in the current folder.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import click

from launchplane_gate.errors import GateError
from launchplane_gate_launchplane import bridge
from launchplane_gate_launchplane.embedding import embedded_gate
from launchplane_gate_launchplane.host import module, named


def install(settings: Path | str | None = None) -> None:
    """Put the gate of a settings file into the host of this process: by its edit, or where it has none by the bridge.

    Raises what opening the gate raises, and SettingsError for a host that is not known; nothing was put in then.
    """
    if find_spec("control_plane.gate"):
        host = module("gate")
        host.install(embedded_gate(settings, deny=host.GateDenied))
    else:
        bridge.install(embedded_gate(settings, deny=bridge.GateDenied))


def main() -> None:
    """Do what the host is told to on the command line; nothing of it without the gate."""
    try:
        command_line = named("cli", "main")
        install()
    except GateError as error:
        click.echo(f"{error}\n{error.hint}", err=True)
        sys.exit(error.exit_code)
    command_line(prog_name="launchplane-gated")


if __name__ == "__main__":
    main()
