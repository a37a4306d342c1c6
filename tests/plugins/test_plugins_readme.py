"""The driver that plugins/README.md shows keeps every promise, in the hands of the kit as it is shown there."""

import re

import pytest

from tests.places import ROOT

README = ROOT / "plugins" / "README.md"


def test_the_example_driver_keeps_every_promise(pytester: pytest.Pytester) -> None:
    driver, kit = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    pytester.makepyfile(launchplane_gate_printer=driver, test_printer=kit)
    result = pytester.inline_run("-p", "no:cacheprovider", "--disable-plugin-autoload")
    passed, skipped, failed = result.listoutcomes()
    assert failed == []
    assert len(passed) > 20
    unproven = {"test_secrets_stay_out_of_sight", "test_two_lanes_on_one_target_are_refused"}  # paper has neither
    assert {report.nodeid.rpartition("::")[2] for report in skipped} == unproven
