"""The driver that plugins/README.md shows keeps every promise, in the hands of the kit as it is shown there."""

import re

import pytest

from tests.places import ROOT

pytestmark = pytest.mark.thorough  # a whole driver is written and proven

README = ROOT / "plugins" / "README.md"


def samples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def test_the_example_store_keeps_every_promise_but_of_what_is_torn(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_store=samples()[3])
    passed, skipped, failed = pytester.inline_run("-p", "no:cacheprovider").listoutcomes()
    assert failed == [] and len(passed) > 10
    assert all("torn" in report.nodeid for report in skipped)


def test_the_example_driver_keeps_every_promise(pytester: pytest.Pytester) -> None:
    driver, _, kit, _ = samples()
    pytester.makepyfile(launchplane_gate_printer=driver, test_printer=kit)
    result = pytester.inline_run("-p", "no:cacheprovider", "--disable-plugin-autoload")
    passed, skipped, failed = result.listoutcomes()
    assert failed == []
    assert len(passed) > 20
    unproven = {  # what paper cannot do
        "test_a_change_in_between_is_not_undone",
        "test_a_digest_is_told_only_where_all_run_it",
        "test_a_rebuild_is_recorded_only_where_it_runs",
        "test_a_release_that_dies_soon_is_not_recorded",
        "test_a_write_takes_no_longer_than_it_may",
        "test_secrets_stay_out_of_sight",
        "test_two_lanes_on_one_target_are_refused",
        "test_what_cannot_be_read_is_told_as_failed",
    }
    assert {report.nodeid.rpartition("::")[2] for report in skipped} == unproven
