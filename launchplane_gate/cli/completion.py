"""``completion``: what makes a shell complete the command line, and the answer to a shell that asks."""

from __future__ import annotations

import os
from contextlib import redirect_stderr, suppress
from pathlib import Path

import click
from click.shell_completion import get_completion_class, shell_complete

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session

NAME = "launchplane-gate"
VARIABLE = "_LAUNCHPLANE_GATE_COMPLETE"
NOTHING_DONE = 3  # should it ever be asked by accident, in place of a command


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> Answer:
    """Print a script that has a shell complete commands, options, products and lanes.

    Products and lanes are those of the settings that are named on the line, or stand here. To have it in every shell
    that you start, add the line of yours to its own file:

    \b
      ~/.bashrc    eval "$(launchplane-gate completion bash)"
      ~/.zshrc     eval "$(launchplane-gate completion zsh)"      (below compinit)
      ~/.config/fish/config.fish
                   launchplane-gate completion fish | source

    It needs bash 4.4, or any zsh or fish of these years.

    \b
    Example:
      launchplane-gate completion bash
    """
    made = get_completion_class(shell)
    assert made  # of these three there is one
    script = made.source_template % made(click.Command(NAME), {}, NAME, VARIABLE).source_vars()
    return Answer({"shell": shell, "script": script}, script.rstrip("\n").split("\n"))


def asked_by_a_shell(program: click.Command) -> int | None:
    """Answer a shell that asks how a line goes on; gives the exit code, None where none asks.

    What goes wrong is not told: it would stand in the midst of what somebody types.
    """
    instruction = os.environ.get(VARIABLE)
    if not instruction or "COMP_WORDS" not in os.environ:
        return None
    with suppress(Exception), Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        shell_complete(program, {"obj": Session()}, NAME, VARIABLE, instruction)
    return NOTHING_DONE
