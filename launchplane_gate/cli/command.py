"""The options and the manners that all commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from launchplane_gate.cli.completing import offering
from launchplane_gate.cli.output import FORMATS, OF_ALL, Output, clash
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


def _output(formats: Sequence[str]) -> click.Option:
    return click.Option(
        ["--output"],
        metavar="FORMAT[=PATH]",
        multiple=True,
        help=f"{', '.join(formats)}: on standard output or in a file; may be given more than once.",
        callback=_keep_outputs,
        expose_value=False,
    )


class Command(click.Command):
    """A command that takes ``--config`` and ``--output`` too, and returns an Answer."""

    formats: tuple[str, ...] = OF_ALL
    changes = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += (CONFIG, _output(self.formats))
        for param in self.params:
            offering(param)

    def invoke(self, ctx: click.Context) -> Any:
        session = ctx.ensure_object(Session)
        session.changes, outputs = self.changes, session.outputs
        if problem := self._lacking(outputs) or clash(outputs):
            raise click.UsageError(problem, ctx)
        return super().invoke(ctx)

    def _lacking(self, outputs: Sequence[Output]) -> str:
        lacking = [output.format for output in outputs if output.format not in self.formats]
        return f"{lacking[0]!r} is no format of this command; it has: {', '.join(self.formats)}" if lacking else ""


class Changing(Command):
    """A command that is there to change something: how it ended stands, whether that can be told or not."""

    changes = True


class Reporting(Command):
    """A command whose Answer has a report, so that it is had in the formats of CI too."""

    formats = FORMATS


class Group(Command, click.Group):
    """Commands under one name, in the order in which they were added. Each says itself which formats it has."""

    formats = FORMATS
    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class ReportingGroup(Reporting, Group):
    """A group whose commands all have reports."""

    command_class = Reporting


def outputs_in(arguments: Sequence[str]) -> list[Output]:
    """The outputs that a command line names, also where the rest of it makes no sense."""
    session = Session()
    reader = click.Command("read", params=[_output(FORMATS)], add_help_option=False)
    reader.ignore_unknown_options = reader.allow_extra_args = True
    reader.make_context("read", list(arguments), obj=session, resilient_parsing=True)
    return session.outputs
