"""SARIF 2.1.0, as code scanning and editors read it: a result for each point that is not well."""

from __future__ import annotations

import importlib.metadata
from typing import Any
from urllib.parse import quote

from launchplane_gate.report import json
from launchplane_gate.report.points import Outcome, Place, Point, Report
from launchplane_gate.report.safe import one_line

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: dict[Outcome, str] = {"fail": "error", "error": "error", "waived": "note"}


def document(report: Report, exit_code: int) -> str:
    """``exit_code`` is the command's. What stands at no line of a file is told as a notification, not as a result."""
    shown = report.of(*LEVELS)
    placed = [point for point in shown if point.place]
    codes = list(dict.fromkeys(point.code for point in placed))
    invocation = {
        "executionSuccessful": not report.of("error"),
        "exitCode": exit_code,
        "toolExecutionNotifications": [_notification(point) for point in shown if not point.place],
    }
    driver = {
        "name": "launchplane-gate",
        "version": importlib.metadata.version("launchplane-gate"),
        "rules": [_rule(next(point for point in placed if point.code == code)) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [_result(point, point.place, codes) for point in placed if point.place],
        "properties": {"command": report.name, **{name: one_line(value) for name, value in report.facts}},
    }
    return json.document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(point: Point) -> dict[str, Any]:
    told: dict[str, Any] = {"id": point.code}
    if point.title:
        told["shortDescription"] = {"text": one_line(point.title)}
    if point.remedy:
        told["help"] = {"text": one_line(point.remedy)}
    return told


def _result(point: Point, place: Place, codes: list[str]) -> dict[str, Any]:
    region = {"startLine": max(place.line, 1)}
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(place)}, "region": region}}
    return {
        "ruleId": point.code,
        "ruleIndex": codes.index(point.code),
        "level": LEVELS[point.outcome],
        "message": {"text": _said(point)},
        "locations": [location],
    }


def _notification(point: Point) -> dict[str, Any]:
    return {"level": LEVELS[point.outcome], "message": {"text": _said(point)}}


def _said(point: Point) -> str:
    named = "" if point.name == point.code else f"{point.name}: "
    return " ".join(one_line(text) for text in (f"{named}{point.message or point.title}", point.remedy) if text)


def _uri(place: Place) -> str:
    named = place.in_repository
    return f"file://{quote(named)}" if named.startswith("/") else quote(named)
