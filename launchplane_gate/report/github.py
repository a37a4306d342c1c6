"""Commands to a runner of GitHub Actions, which shows each at its file and line of a pull request."""

from __future__ import annotations

from launchplane_gate.report.points import Outcome, Point, Report
from launchplane_gate.report.safe import one_line, unheard

COMMANDS: dict[Outcome, str] = {"fail": "error", "error": "error", "waived": "warning"}

# Source: ActionCommand of actions/runner, which reads them back in this way.
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


def document(report: Report) -> str:
    """A command for each point that is not well, then a line for whoever reads the log."""
    commands = [_command(point) for point in report.of(*COMMANDS)]
    return "".join(f"{line}\n" for line in [*commands, unheard(one_line(report.headline))])


def _command(point: Point) -> str:
    place = {"file": point.place.in_repository, "line": str(point.place.line)} if point.place else {}
    properties = {**place, "title": point.name}
    told = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    said = [one_line(text) for text in (point.message or point.title, point.remedy) if text]
    return f"::{COMMANDS[point.outcome]} {told}::{_escaped_data(said)}"


def _escaped(value: str, signs: dict[str, str]) -> str:
    return "".join(signs.get(sign, sign) for sign in one_line(value))


def _escaped_data(lines: list[str]) -> str:
    return "".join(_DATA.get(sign, sign) for sign in "\n".join(lines))
