"""JUnit's XML, as Jenkins, GitLab and the like read it: a suite, with a case for each point."""

from __future__ import annotations

from collections import Counter
from html import escape

from launchplane_gate.report.points import Point, Report
from launchplane_gate.report.safe import one_line

ELEMENTS = {"fail": "failure", "error": "error", "skipped": "skipped"}


def document(report: Report) -> str:
    outcomes = Counter(point.outcome for point in report.points)
    figures = {
        "tests": str(len(report.points)),
        "failures": str(outcomes["fail"]),
        "errors": str(outcomes["error"]),
        "skipped": str(outcomes["skipped"]),
        "time": _seconds(sum(point.duration_s for point in report.points)),
    }
    facts = [f"<property{_attributes(name=name, value=value)}/>" for name, value in report.facts]
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<testsuites{_attributes(name='launchplane-gate', **figures)}>",
        f"<testsuite{_attributes(name=report.name, **figures)}>",
        *(["<properties>", *facts, "</properties>"] if facts else []),
        *(_case(report, point) for point in report.points),
        f"<system-out>{_text(report.headline)}</system-out>",
        "</testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _case(report: Report, point: Point) -> str:
    name = point.name.removeprefix(f"{point.group}.")
    of_file = {"file": point.place.in_repository, "line": str(point.place.line)} if point.place else {}
    case = _attributes(name=name, classname=point.group or report.name, time=_seconds(point.duration_s), **of_file)
    element = ELEMENTS.get(point.outcome)
    if element is None:
        told = f"<system-out>{_text(point.message)}</system-out>" if point.outcome == "waived" else ""
        return f"<testcase{case}>{told}</testcase>"
    if element == "skipped":
        return f"<testcase{case}><skipped/></testcase>"
    message = _attributes(message=point.message or point.title, type=point.code)
    where = f"{point.place}: " if point.place else ""
    said = [f"{where}{point.message or point.title}", point.remedy]
    text = "\n  ".join(_text(line) for line in said if line)
    return f"<testcase{case}><{element}{message}>{text}</{element}></testcase>"


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{_text(value)}"' for name, value in values.items())


def _text(value: str) -> str:
    """No sign of it is XML's, and ``##[`` is no command to a runner where this is shown in a log."""
    return escape(one_line(value)).replace("##", "&#35;&#35;")


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.3f}"
