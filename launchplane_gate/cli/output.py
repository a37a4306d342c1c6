"""Where a command's answer goes: ``--output FORMAT[=PATH]``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from launchplane_gate.errors import GateError
    from launchplane_gate.report.points import Report
    from launchplane_gate.report.text import Block

OF_ALL = ("text", "json", "markdown")
OF_REPORTS = ("github", "junit", "sarif")  # of commands whose answer has a report
FORMATS = (*OF_ALL, *OF_REPORTS)


@dataclass(frozen=True)
class Answer:
    """What a command found out: a document for programs, text for people, and the exit code.

    ``failed``: it is an error that is told here, not an answer. ``report``: the same for the tools of CI, made where
    one of their formats is asked for. ``page``: the answer as Markdown, where it is a page by itself.
    """

    document: Mapping[str, object]
    text: Sequence[Block]
    exit_code: int = 0
    failed: bool = False
    report: Callable[[], Report] | None = None
    page: str = ""


@dataclass(frozen=True)
class Output:
    """One form of an answer, and the file that it goes to; None: standard output."""

    format: str
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Output:
        """Read ``FORMAT[=PATH]``. Raises ValueError, also for a file that cannot be written: nothing is done yet."""
        form, separator, path = text.partition("=")
        if form not in FORMATS:
            raise ValueError(f"{form!r} is no format; there are: {', '.join(FORMATS)}")
        if separator and not path:
            raise ValueError(f"{text!r} names no file")
        if separator and (problem := _unwritable(Path(path))):
            raise ValueError(f"{path} cannot be written: {problem}")
        return cls(form, Path(path) if separator else None)


def _unwritable(path: Path) -> str:
    """Why a file cannot be written; empty where it can."""
    try:
        str(path).encode()
        if path.is_dir():
            return "it is a folder"
        if _is_device(path):
            return "" if os.access(path, os.W_OK) else "permission denied"
        with tempfile.TemporaryFile(dir=path.parent):
            return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)


def clash(outputs: Sequence[Output]) -> str:
    """Why these outputs cannot all be had; empty where they can."""
    if len({output.format for output in outputs if output.path is None}) > 1:
        return "only one --output can go to standard output; give the other a file: --output json=FILE"
    return ""


def deliver(answer: Answer, outputs: Sequence[Output]) -> list[str]:
    """Write an answer in every form that was asked for; gives which files could not be written, and why.

    Text goes to standard output unless a document does; what went wrong goes to standard error in any case. Files come
    first, so that what is on the screen can be believed.
    """
    unwritten = []
    for output in outputs:
        if output.path:
            try:
                _write(output.path, _rendered(answer, output.format))
            except BrokenPipeError:  # it is one, and nobody reads it any more
                pass
            except OSError as error:
                unwritten.append(f"{output.path}: {error.strerror or error}")
    on_screen = next((output.format for output in outputs if output.path is None), "text")
    if on_screen != "text":
        click.echo(_rendered(answer, on_screen), nl=False)
    elif not answer.failed:
        _show(answer)
    if answer.failed:
        click.echo(_rendered(answer, "text"), nl=False, err=True)
    return unwritten


class Screen:
    """Where one answer is shown after the other: each in the place of the last on a terminal, below it in a pipe."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def __enter__(self) -> Self:
        if self.is_terminal:
            click.echo("\x1b[?1049h\x1b[?25l", nl=False)  # a page of its own, without a cursor
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_terminal:
            click.echo("\x1b[?25h\x1b[?1049l", nl=False)

    def show(self, text: Sequence[Block]) -> None:
        from launchplane_gate.report.text import on_terminal, plain

        if not self.is_terminal:
            click.echo(plain([*text, ""]), nl=False)
            sys.stdout.flush()
            return
        lines = on_terminal(text, sys.stdout).splitlines()
        shown = "".join(f"{line}\x1b[K\r\n" for line in self._fitting(lines))
        click.echo(f"\x1b[H{shown}\x1b[J", nl=False)

    @staticmethod
    def _fitting(lines: list[str]) -> list[str]:
        """Those that a terminal has room for, the first ones first: a line may take several of its own."""
        size, taken = os.get_terminal_size(sys.stdout.fileno()), 2
        for number, line in enumerate(lines):
            taken += max(1, -(-len(click.unstyle(line)) // size.columns))
            if taken > size.lines and lines[number + 1 :]:
                return [*lines[: max(number - 1, 0)], f"... {len(lines) - max(number - 1, 0)} more lines"]
        return lines


def tell(lines: Sequence[str]) -> None:
    """Say on standard error what is no answer; each of the texts is one line."""
    from launchplane_gate.report.text import plain

    click.echo(plain(lines), nl=False, err=True)


def message_lines(error: GateError) -> list[str]:
    """What an error says: a line, but of policies and other files a line for each finding."""
    from launchplane_gate.errors import BadFiles, PolicyError

    return str(error).split("\n") if isinstance(error, PolicyError | BadFiles) else [str(error)]


def _show(answer: Answer) -> None:
    if not sys.stdout.isatty() and not os.environ.get("FORCE_COLOR"):  # rich's own rule
        click.echo(_rendered(answer, "text"), nl=False)
        return
    from launchplane_gate.report.text import on_terminal

    click.echo(on_terminal(answer.text, sys.stdout), nl=False, color=True)


def _rendered(answer: Answer, form: str) -> str:
    if form == "json":
        from launchplane_gate.report import json

        return json.document(answer.document)
    if form == "markdown" and answer.page:
        return answer.page
    if form in OF_REPORTS or (form == "markdown" and answer.report):
        return _reported(answer, form)
    from launchplane_gate.report import markdown, text

    return markdown.quoted(answer.text, answer.exit_code) if form == "markdown" else text.plain(answer.text)


def _reported(answer: Answer, form: str) -> str:
    from launchplane_gate.report import github, junit, markdown, sarif

    assert answer.report  # of a command that has none, these formats are refused
    report = answer.report()
    if form in ("github", "junit"):
        return github.document(report) if form == "github" else junit.document(report)
    if form == "sarif":
        return sarif.document(report, answer.exit_code)
    return markdown.document(report, answer.exit_code)


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _write(path: Path, content: str) -> None:
    """All of the file or nothing of it; a device or pipe is written to, never replaced."""
    if _is_device(path):
        path.write_text(content, "utf-8")
        return
    from launchplane_gate.private import mode_of_the_user, replacing

    with replacing(path, mode=mode_of_the_user()) as opened:
        opened.write(content.encode())
