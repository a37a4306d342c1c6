"""The conformance kit tells a driver that keeps its promises from one that does not, and which one it broke."""

from __future__ import annotations

import pytest

from launchplane_gate.testing import DriverPromises
from tests.testing import broken_drivers
from tests.testing.broken_drivers import BROKEN, GoodDriver

pytestmark = pytest.mark.thorough  # drivers that keep the promises are tried by each driver

PROMISES = {name for name in dir(DriverPromises) if name.startswith("test_")}

# Plugins that are installed beside pytest would be imported anew for each run, and this one collects garbage often.
ALONE = ("-p", "no:cacheprovider", "-p", "no:unraisableexception", "--disable-plugin-autoload")

TRIED = """
import pytest
from tests.testing.broken_drivers import {names}, BoardPlatform, BoardPromises

class Tried({names}):
    pass

class TestDriver(BoardPromises):
    @pytest.fixture
    def platform(self):
        return BoardPlatform(Tried)
"""


def named(driver: type[GoodDriver]) -> str:
    return driver.__name__


def tried(pytester: pytest.Pytester, *drivers: type[GoodDriver]) -> dict[str, list[pytest.TestReport]]:
    """What the kit says of a driver that is broken in all those ways at once: its reports, by the name of the test."""
    pytester.makepyfile(TRIED.format(names=", ".join(map(named, drivers))))
    result = pytester.inline_run(*ALONE, "-q")
    found: dict[str, list[pytest.TestReport]] = {}
    for report in result.getreports("pytest_runtest_logreport"):
        assert isinstance(report, pytest.TestReport)
        if report.when == "call" or not report.passed:
            found.setdefault(report.location[2].removeprefix("TestDriver."), []).append(report)
    return found


def broken(reports: dict[str, list[pytest.TestReport]]) -> set[str]:
    """The promises that were not kept; a skipped one was not either."""
    return {name for name, told in reports.items() if not all(report.passed for report in told)}


def names_in(driver: type[GoodDriver]) -> set[str]:
    """What a broken driver does in another way than the good one."""
    own = [cls for cls in driver.__mro__ if cls is not GoodDriver and issubclass(cls, GoodDriver)]
    return {name for cls in own for name in vars(cls) if not name.startswith("__")}


def apart() -> list[list[type[GoodDriver]]]:
    """The broken drivers, those together that break different promises in different places."""
    groups: list[list[type[GoodDriver]]] = []
    for driver in BROKEN:
        for group in groups:
            if not any(names_in(driver) & names_in(other) or BROKEN[driver] & BROKEN[other] for other in group):
                group.append(driver)
                break
        else:
            groups.append([driver])
    return groups


def test_a_driver_that_keeps_every_promise_passes_every_test(pytester: pytest.Pytester) -> None:
    reports = tried(pytester, GoodDriver)
    assert set(reports) == PROMISES
    assert broken(reports) == set()  # nothing is skipped either


@pytest.mark.parametrize("drivers", apart(), ids=lambda drivers: "+".join(map(named, drivers)))
def test_a_broken_driver_fails_exactly_the_promises_that_it_broke(
    pytester: pytest.Pytester, drivers: list[type[GoodDriver]]
) -> None:
    """Several at once, no two of which break the same promise: one by one would take a minute and show the same."""
    reports = tried(pytester, *drivers)
    expected = set().union(*(BROKEN[driver] for driver in drivers))
    assert broken(reports) == expected
    assert set(reports) == PROMISES
    for text in (report.longreprtext for name in expected for report in reports[name]):
        assert "broken promise:" in text and "expected:" in text and "seen:" in text


def test_every_promise_has_a_driver_that_breaks_it() -> None:
    assert set().union(*BROKEN.values()) == PROMISES
    drivers = {one for one in vars(broken_drivers).values() if isinstance(one, type) and issubclass(one, GoodDriver)}
    assert drivers == {GoodDriver, *BROKEN}
