"""Thresholds that the settings could never meet stop the start: better then than with every deploy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from launchplane_gate.errors import SettingsError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import hookimpl
from launchplane_gate.plugins import Plugins
from tests.cli.test_cli import make_site
from tests.conftest import ACTOR, A, MakeGate, deploy
from tests.fakes.platform import FakeHealth, FakePlatform


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "[plugins.health]",
            "[plugins.health]\nmatches = 2",
            "plugins.health.matches is 2; the policies want 3 answers",
        ),
    ],
)
def test_what_could_never_be_met_stops_the_start(tmp_path: Path, old: str, new: str, says: str) -> None:
    site = make_site(tmp_path / "site")
    text = site.settings.read_text()
    assert old in text
    with Gate.open(site.settings):
        pass
    site.settings.write_text(text.replace(old, new, 1))
    with pytest.raises(SettingsError, match=says):
        Gate.open(site.settings)


class NeverLooks:
    @hookimpl
    def gate_cannot_meet(self, product: str, thresholds: Mapping[str, int]) -> str:
        return f"plugins.never looks at {product} not even once, and {thresholds['health_matches']} times are wanted"


def test_a_product_that_appears_while_the_gate_is_open_is_asked_about_before_its_deploy(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "never": NeverLooks()})
    gate = make_gate(plugins=plugins)
    for ask in (gate.run, gate.check):
        with pytest.raises(SettingsError, match="not even once"):
            ask(deploy(A), ACTOR)
    assert platform.deploys == [] and gate.ledger.runs() == []
