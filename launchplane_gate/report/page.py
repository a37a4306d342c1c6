"""A set of policies as one page of Markdown, for those who are asked by them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from launchplane_gate.authoring.overview.asked import Asked
from launchplane_gate.authoring.overview.rules import NotProvided, RuleOverview
from launchplane_gate.policy import Bundle
from launchplane_gate.report.points import Place
from launchplane_gate.report.safe import one_line
from launchplane_gate.report.words import count

_CODE = re.compile(r"(`[^`]+`)")
_MEANS = re.compile(r"([\\`*_\[\]<>|#&@])")
EVERY = "every product"


@dataclass(frozen=True)
class Page:
    """``asked``: the roll call, with what the core has asked; ``unread``: facts that no rule rests on."""

    bundle: Bundle
    rules: Sequence[RuleOverview]
    asked: Sequence[Asked]
    unread: Sequence[str]
    not_provided: Sequence[NotProvided]

    def markdown(self) -> str:
        lines = [
            "# Policies",
            "",
            f"{count(len(self.rules), 'rule')} of {count(len(self.bundle.folders), 'folder')}, revision "
            f"`{self.bundle.revision}`. Written by `launchplane-gate policy docs`.",
            "",
            *self._roll_call(),
            *self._facts(),
            "## Rules",
            "",
            *(line for rule in self.rules for line in self._rule(rule)),
        ]
        return "\n".join(lines).rstrip("\n") + "\n"

    def _roll_call(self) -> Iterator[str]:
        yield from ("## What is asked", "", "| of | action | phase | rules |", "|---|---|---|---|")
        for (of, action, phase), group in groupby(self.asked, key=lambda one: (one.of, one.action, one.phase)):
            yield f"| {_text(of or EVERY)} | {action} | {phase} | {', '.join(_link(one.code) for one in group)} |"
        yield ""
        unasked = sorted({rule.code for rule in self.rules} - {one.code for one in self.asked})
        if unasked:
            yield f"Asked where a product adds them: {', '.join(map(_link, unasked))}."
            yield ""

    def _facts(self) -> Iterator[str]:
        yield from ("## Facts", "", "Read, and provided by nobody:", "")
        yield from (f"- {_text(one.where)}: {_text(one.what)}. {_text(one.remedy)}" for one in self.not_provided)
        yield from (() if self.not_provided else ("- none",))
        yield from (
            "",
            "In a policy input, and no rule rests on them (of what is handed on as a whole, each part counts as read):",
            "",
        )
        yield from (f"- `{fact}`" for fact in self.unread)
        yield from (() if self.unread else ("- none",))
        yield ""

    def _rule(self, rule: RuleOverview) -> Iterator[str]:
        yield from (f"### {_text(rule.code)}", "", f"{_text(rule.said.title)}.", "")
        if rule.said.description:
            yield from (_text(rule.said.description), "")
        yield f"- asked of: {_asked(one for one in self.asked if one.code == rule.code)}"
        yield f"- needs: {', '.join(f'`{fact}`' for fact in rule.facts) or 'nothing'}"
        yield f"- where it refuses: {_text(rule.said.remedy)}"
        if rule.said.follows:
            yield f"- follows from: {', '.join(map(_link, rule.said.follows))}"
        yield f"- can be waived: {'yes' if rule.code in self.bundle.settings.waivable else 'no'}"
        yield f"- stands in: `{Place(rule.file).in_repository}`"
        for file, tests in groupby(rule.tests, key=lambda test: test.file):
            yield f"- tests in `{Place(file).in_repository}`: {', '.join(f'`{test.name}`' for test in tests)}"
        if rule.cases:
            yield f"- cases: {', '.join(f'`{name}` ({expected})' for name, expected in rule.cases)}"
        yield ""

    def document(self) -> dict[str, Any]:
        return {
            "revision": self.bundle.revision,
            "roll_call": [{**asdict(one), "of": one.of or EVERY} for one in self.asked],
            "rules": [self._of_rule(rule) for rule in self.rules],
            "unread": list(self.unread),
            "not_provided": [asdict(one) for one in self.not_provided],
        }

    def _of_rule(self, rule: RuleOverview) -> Mapping[str, Any]:
        return {
            "code": rule.code,
            "title": rule.said.title,
            "description": rule.said.description,
            "remedy": rule.said.remedy,
            "follows": list(rule.said.follows),
            "waivable": rule.code in self.bundle.settings.waivable,
            "file": rule.file,
            "facts": list(rule.facts),
            "tests": [{"name": test.rule.removeprefix("data."), "file": test.file} for test in rule.tests],
            "cases": [{"name": name, "expects": expected} for name, expected in rule.cases],
        }


def _asked(asked: Iterable[Asked]) -> str:
    told: dict[str, list[str]] = {}
    for one in asked:
        told.setdefault(f"{one.action}{f', of {_text(one.of)}' if one.of else ''}", []).append(one.phase)
    return "; ".join(f"{what} ({', '.join(phases)})" for what, phases in told.items()) or "nobody"


def _link(code: str) -> str:
    """To its heading, by the name that GitHub gives that."""
    return f"[{_text(code)}](#{code.replace('.', '')})"


def _text(text: str) -> str:
    """What others wrote, as text: it is no markup, and what stands between backquotes is code."""
    parts = _CODE.split(one_line(text))
    return "".join(
        part.replace("|", r"\|") if number % 2 else _MEANS.sub(r"\\\1", part) for number, part in enumerate(parts)
    )
