"""Thresholds that the settings could never meet stop the start: better then than with every deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from launchplane_gate.errors import SettingsError
from launchplane_gate.gate import Gate
from tests.cli.test_cli import make_site


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
