"""The options and the manners that all commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from launchplane_gate.cli.output import Output, clash
from launchplane_gate.cli.session import Session


def _keep_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Session).config = value


def _keep_outputs(context: click.Context, option: click.Parameter, value: Sequence[str]) -> None:
    for text in value:
        try:
            context.ensure_object(Session).outputs.append(Output.parse(text))
        except ValueError as error:
            raise click.BadParameter(str(error), context, option) from None


CONFIG = click.Option(
    ["--config"],
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The settings file.  [default: launchplane-gate.toml here, or $LAUNCHPLANE_GATE_CONFIG]",
    callback=_keep_config,
    expose_value=False,
)
OUTPUT = click.Option(
    ["--output"],
    metavar="FORMAT[=PATH]",
    multiple=True,
    help="text or json, on standard output or in a file; may be given more than once.",
    callback=_keep_outputs,
    expose_value=False,
)


class Command(click.Command):
    """A command that takes ``--config`` and ``--output`` too, and returns an Answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += (CONFIG, OUTPUT)

    def invoke(self, ctx: click.Context) -> Any:
        if problem := clash(ctx.ensure_object(Session).outputs):
            raise click.UsageError(problem, ctx)
        return super().invoke(ctx)


class Group(Command, click.Group):
    """Commands under one name, in the order in which they were added."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def outputs_in(arguments: Sequence[str]) -> list[Output]:
    """The outputs that a command line names, also where the rest of it makes no sense."""
    session = Session()
    reader = click.Command("read", params=[OUTPUT], add_help_option=False)
    reader.ignore_unknown_options = reader.allow_extra_args = True
    reader.make_context("read", list(arguments), obj=session, resilient_parsing=True)
    return session.outputs
