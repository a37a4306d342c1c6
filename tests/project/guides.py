"""The texts for people, and what they show: commands, files and settings, in the order in which they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.places import ROOT


@dataclass(frozen=True)
class Guide:
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text()

    def blocks(self, language: str) -> list[str]:
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL)

    def block(self, language: str, has: str) -> str:
        """The first one that has these words."""
        return next(block for block in self.blocks(language) if has in block)

    def commands(self) -> list[str]:
        return [line.removeprefix("$ ") for block in self.blocks("console") for line in block.splitlines()]

    def typed(self) -> list[str]:
        """Commands that stand by themselves, between paragraphs."""
        return re.findall(r"^    (launchplane-gate .*)$", self.text.replace("\\\n", " "), re.MULTILINE)

    def files(self) -> dict[str, str]:
        """What it says that a file holds: the path in a line of its own, then a block."""
        return dict(re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL))


def plugin(name: str) -> Guide:
    return Guide(ROOT / "plugins" / f"launchplane_gate_{name.replace('-', '_')}" / "README.md")


README = Guide(ROOT / "README.md")
RUNBOOK = Guide(ROOT / "launchplane_gate" / "RUNBOOK.md")
SETTINGS = Guide(ROOT / "launchplane_gate" / "SETTINGS.md")
LEDGER = Guide(ROOT / "launchplane_gate" / "ledger" / "README.md")
POLICIES = Guide(ROOT / "policies" / "README.md")
PLUGINS = Guide(ROOT / "plugins" / "README.md")
CI = plugin("github-oidc")
EVERY = [Guide(path) for path in sorted(ROOT.rglob("*.md")) if not {".venv", ".tools"} & set(path.parts)]
TOUR = [README, LEDGER, CI, POLICIES]  # whose commands are typed one after the other, in the folder of the tour
