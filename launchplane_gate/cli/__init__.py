"""The command line. A command reads, asks and returns an Answer; ``Program.main`` alone ends with output and exit code.

Modules in here import click and the standard library only; what a command needs is imported when it runs.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import click

from launchplane_gate.cli import streams
from launchplane_gate.cli.check import check
from launchplane_gate.cli.command import Command, Group, outputs_in
from launchplane_gate.cli.completion import NAME, asked_by_a_shell, completion
from launchplane_gate.cli.decisions import decisions
from launchplane_gate.cli.demo import demo
from launchplane_gate.cli.deploy import deploy, promote, publish, rollback
from launchplane_gate.cli.doctor import doctor
from launchplane_gate.cli.init import init
from launchplane_gate.cli.inventory import inventory
from launchplane_gate.cli.lane import lane
from launchplane_gate.cli.lanes import lanes
from launchplane_gate.cli.ledger import ledger
from launchplane_gate.cli.observe import observe
from launchplane_gate.cli.output import OF_ALL, Answer, Output, deliver, message_lines, tell
from launchplane_gate.cli.page import page
from launchplane_gate.cli.plugins import plugins
from launchplane_gate.cli.policy import policy
from launchplane_gate.cli.prove import prove
from launchplane_gate.cli.runs import runs
from launchplane_gate.cli.session import Session
from launchplane_gate.cli.stopping import Stopped, heed_signals
from launchplane_gate.cli.waivers import waiver
from launchplane_gate.errors import GateError, StandingRefused

if TYPE_CHECKING:
    from launchplane_gate.policy import Finding
    from launchplane_gate.report.points import Report

DEBUG = "LAUNCHPLANE_GATE_DEBUG"
_BYTE = re.compile("[\ud800-\udfff]")  # that was no part of a letter
INTERRUPTED = 130

SECTIONS: dict[str, list[click.Command]] = {
    "Begin": [demo, init],
    "Ship": [lanes, check, deploy, promote, rollback, publish, prove],
    "Look back": [inventory, runs, decisions, page, observe],
    "Look after": [waiver, lane, policy, ledger, plugins, doctor, completion],
}


class Program(Group):
    """The root command."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run one command, tell what it found out or what went wrong, and exit."""
        gc.set_threshold(200_000)  # loading policies makes that many objects; looking for cycles took a tenth of it
        streams.ready()
        if (code := asked_by_a_shell(self)) is not None:
            sys.exit(code)
        session = Session()
        answer = self._asked(list(sys.argv[1:] if args is None else args), session)
        sys.exit(_told(answer, session))

    def _asked(self, arguments: list[str], session: Session) -> Answer:
        try:
            _see_that_they_are_text(arguments)
            with self.make_context(NAME, arguments[:], obj=session) as context:
                answer: Answer = self.invoke(context)
                return answer
        except click.exceptions.Exit as done:  # --help and --version have said what they had to
            sys.exit(_ended(done.exit_code, session))
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last place that can tell
            if isinstance(error, click.UsageError):
                session.outputs = _had_by(
                    error, outputs_in(arguments)
                )  # the parser may have stopped before it read them
            return failure(error, acting=session.acting)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(command.name or "", command.get_short_help_str(90)) for command in commands])


def _had_by(error: click.UsageError, outputs: Sequence[Output]) -> list[Output]:
    """Those in which the command would have answered: what is no format of it is not written."""
    command = error.ctx.command if error.ctx else None
    formats = command.formats if isinstance(command, Command) else OF_ALL
    return [output for output in outputs if output.format in formats]


def _see_that_they_are_text(arguments: Sequence[str]) -> None:
    """Raises click.UsageError for bytes that are no UTF-8: to Python they are surrogates, which no record takes."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        shown = _BYTE.sub(lambda byte: f"\\x{ord(byte[0]) & 0xFF:02x}", argument)
        if shown == argument:
            continue
        option, is_one, value = shown.partition("=")
        if is_one and option.startswith("--"):
            raise click.UsageError(f"{option}: '{value}' is not UTF-8")
        raise click.UsageError(f"'{shown}'{f', after {before},' if before.startswith('-') else ''} is not UTF-8")


def _told(answer: Answer, session: Session) -> int:
    """Write an answer where it was asked for; gives the exit code."""
    try:
        unwritten = deliver(answer, session.outputs)
    except KeyboardInterrupt as error:
        streams.give_up(sys.stdout)
        return answer.exit_code if session.changes or answer.exit_code else failure(error, acting=False).exit_code
    except Exception as error:  # noqa: BLE001  # it ends as what it tells of
        _trace(error)
        unwritten = [f"internal error: {type(error).__name__}: {error}"]
    return _ended(answer.exit_code, session, unwritten)


def _ended(exit_code: int, session: Session, unwritten: Sequence[str] = ()) -> int:
    """The exit code of a command of which something may not have been written.

    It is the command's own where something was changed, was refused or went wrong, however little of it could be told.
    What only tells has not done what it was asked for where that cannot be written. That nobody reads is no error.
    """
    sys.stdout.flush()
    if lost := streams.lost(sys.stdout):
        unwritten = [*unwritten, lost.strerror or str(lost)]
    if not unwritten:
        return exit_code
    ended = f"  The command itself ended with exit code {exit_code}."
    again = " `launchplane-gate lanes` tells what it left." if session.acting else ""
    tell([*(f"{NAME}: the answer could not be written: {why}" for why in unwritten), ended + again])
    return exit_code if session.changes else exit_code or 3


def failure(error: BaseException, *, acting: bool) -> Answer:
    """What went wrong, with what is left and what to do next."""
    if isinstance(error, StandingRefused):
        return _refusal(error)
    if isinstance(error, GateError):
        findings = getattr(error, "findings", ())  # of policies in bad form
        return _error(
            type(error).__name__,
            str(error),
            error.hint,
            error.exit_code,
            lines=message_lines(error),
            findings=findings,
        )
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        told = _error("UsageError", "no command was named", "", 2)
        return replace(told, text=error.message.split("\n"))  # its help, which is ours
    if isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else NAME
        return _error("UsageError", error.format_message(), f"Nothing was done. See `{path} --help`.", 2)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        left = "`launchplane-gate lanes` tells what it left." if acting else "Nothing was done."
        stopped = error if isinstance(error, Stopped) else None
        return _error("Interrupted", str(stopped or "interrupted"), left, stopped.exit_code if stopped else INTERRUPTED)
    _trace(error)
    message = f"internal error: {type(error).__name__}: {error}"
    left = "`launchplane-gate lanes` tells what it left. " if acting else ""
    return _error("InternalError", message, f"{left}Set {DEBUG}=1 to see where.", 5 if acting else 3)


def _trace(error: BaseException) -> None:
    if os.environ.get(DEBUG):
        tell([f"| {line}" for line in "".join(traceback.format_exception(error)).rstrip().split("\n")])


def _refusal(error: StandingRefused) -> Answer:
    """A request that is no run, refused: an answer, and no error."""
    from launchplane_gate.report.decision import refused_text

    document = {**error.decision.model_dump(mode="json"), "allowed": False}
    text = refused_text(error.action, error.decision)

    def report() -> Report:
        from launchplane_gate.report.told import decision_report

        return decision_report(error.action, str(text[0]), error.decision)

    return Answer(document, text, error.exit_code, report=report)


def _error(
    kind: str, message: str, hint: str, exit_code: int, *, lines: Sequence[str] = (), findings: Sequence[Finding] = ()
) -> Answer:
    document = {"error": {"kind": kind, "message": message, "hint": hint, "exit_code": exit_code}}
    first, *more = lines or [message]
    told = [f"{NAME}: {first}", *more, *([f"  {hint}"] if hint else [])]

    def report() -> Report:
        from launchplane_gate.report.told import error_report

        return error_report(NAME, kind, message, hint, findings)

    return Answer(document, told, exit_code, failed=True, report=report)


@click.group(
    cls=Program,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
    epilog="Each command explains itself: launchplane-gate COMMAND --help",
)
@click.version_option(package_name=NAME, prog_name=NAME, message="%(prog)s %(version)s")
def program() -> None:
    """A policy gate between a control plane and production.

    Every deploy, promotion and rollback is put to the policies before it happens, and again before it is recorded. What
    is not proven is refused, and the refusal names the command to type next.

    \b
    New here?   launchplane-gate demo             the story that it exists for, in a minute
                launchplane-gate init --example   two lanes of your own on this machine

    \b
    Exit codes: 0 done, allowed, or nothing to do                           1 denied or stale, nothing happened
                2 bad usage, nothing happened                               3 no decision, nothing happened
                4 the deploy failed                                         5 something happened that is not proven
                6 it runs, but its release is not published                 7 the lane is busy
                8 nothing runs there that could be proven (prove)
    """


for _commands in SECTIONS.values():
    for _command in _commands:
        program.add_command(_command)


def main() -> NoReturn:
    """The entry point."""
    heed_signals()
    try:
        program.main()
    finally:
        gc.freeze()  # the process ends: looking once more for cycles in all that it loaded took a seventh of a command
