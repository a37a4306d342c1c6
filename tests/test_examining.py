"""Asking others: side by side, in bounded time, and whoever does not answer is named."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from launchplane_gate.errors import Undecided
from launchplane_gate.examining import Examination, NotAsked
from launchplane_gate.hookspecs import Answered, Question, hookimpl
from launchplane_gate.model import Lane
from launchplane_gate.plugins import Plugins
from launchplane_gate.records import ProductProfile
from launchplane_gate.report.examined import told
from tests.conftest import PRODUCT, PROFILE, TESTING
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher


class Slow:
    """Evidence that comes late; ``most``: of how many questions at once."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.at_once, self.most = seconds, 0, 0
        self._lock = threading.Lock()

    @hookimpl
    def gate_evidence(self, question: Question) -> dict[str, Any]:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(self.seconds)
        with self._lock:
            self.at_once -= 1
        return {"seen": True}


def lanes_of_a_product(number: int) -> ProductProfile:
    [first, *_] = PROFILE.lanes
    lanes = tuple(first.model_copy(update={"instance": f"lane-{each}"}) for each in range(number))
    return PROFILE.model_copy(update={"lanes": lanes})


def test_those_who_are_slow_are_asked_side_by_side_and_waited_for_no_longer_than_the_deadline(
    platform: FakePlatform,
) -> None:
    slow, said = Slow(1.5), list[str]()
    plugins = Plugins({"fake": platform, "slow": slow})
    examination = Examination(plugins, [lanes_of_a_product(4)], None, {})
    began = time.monotonic()
    heard = told(examination.go(said.append, within_s=30), holds_records=False)
    assert time.monotonic() - began < 4 and slow.most == 4
    assert all(check.ok for check in heard.checks)
    assert said and said[0].startswith("waiting for ") and "evidence" in said[0] and said[0].endswith(" s left")
    slow.seconds = 20
    began = time.monotonic()
    heard = told(examination.go(said.append, within_s=1), holds_records=False)
    assert time.monotonic() - began < 3
    late = [check for check in heard.checks if not check.ok]
    assert [check.what for check in late] == [f"{PRODUCT}/lane-{each} evidence" for each in range(4)]
    assert all("no answer came within the 1 s that all may take" in check.found for check in late)


def test_whoever_was_not_reached_in_time_is_no_pass(platform: FakePlatform) -> None:
    plugins = Plugins({"fake": platform, "slow": Slow(20)})
    heard = Examination(plugins, [lanes_of_a_product(12)], None, {}).go(lambda _: None, within_s=1)
    late = [one for one in heard if isinstance(one.said, NotAsked) and one.said.late]
    assert {f"{PRODUCT}/lane-{each} evidence" for each in range(12)} <= {one.what for one in late}
    assert any("were over before" in one.said.why for one in late if isinstance(one.said, NotAsked))
    assert not [check for check in told(late, holds_records=False).checks if check.ok]


def test_a_driver_that_raises_or_tells_nothing_is_told(platform: FakePlatform) -> None:
    def away(lane: Lane) -> None:
        raise ConnectionError("no route")

    platform.observing = away
    publisher = FakePublisher((PRODUCT,), platform.now)
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "publisher": publisher})
    heard = told(Examination(plugins, [PROFILE], None, {}).go(lambda _: None), holds_records=False)
    wrong = {check.what: check.found for check in heard.checks if not check.ok}
    assert set(wrong) == {f"{lane} platform" for lane in (TESTING, f"{PRODUCT}/prod")}
    assert "could not observe" in wrong[f"{TESTING} platform"] and "no route" in wrong[f"{TESTING} platform"]
    whys = {one.what: one.why for one in heard.not_seen}
    assert "no `obstacle`" in whys[f"{TESTING} deploy"]
    assert whys["publisher"] == "whether its publisher may publish: the plugin has no `gate_doctor`"


def test_that_there_is_nobody_to_ask_is_told(platform: FakePlatform) -> None:
    elsewhere = PROFILE.model_copy(update={"driver_id": "elsewhere"})
    heard = told(
        Examination(Plugins({"fake": platform}), [elsewhere], None, {}).go(lambda _: None), holds_records=False
    )
    assert heard.checks == []
    assert {one.what: one.why for one in heard.not_seen if one.what != "fake"} == {
        f"{PRODUCT}/{lane} {what}": why
        for lane in ("testing", "prod")
        for what, why in (
            ("platform", "no plugin that is enabled brings its driver elsewhere"),
            ("evidence", "no plugin that is enabled gathers any"),
        )
    }


class Doctored:
    """What a plugin answers to ``gate_doctor``; raised, where it is an exception."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str | None] = []

    @hookimpl
    def gate_doctor(self, product: ProductProfile | None, deadline_s: float) -> Any:
        self.asked.append(product.product if product else None)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([Answered("the shop")], {"the shop: well"}),
        ([Answered("the shop"), Answered("the till", "it is locked")], {"the shop: well", "the till: it is locked"}),
        ([], set()),
        (["well"], {"the plugin doctored failed: it answers with something else than Answered"}),
        (None, {"the plugin doctored failed: TypeError"}),
        (OSError("token=hunter2"), {"the plugin doctored failed: OSError"}),
        (Undecided("the till does not answer"), {"the till does not answer"}),
    ],
)
def test_what_a_plugin_answers_is_told_once_for_each_product_and_once_for_none(answer: Any, found: set[str]) -> None:
    doctored = Doctored(answer)
    heard = Examination(Plugins({"doctored": doctored}), [PROFILE], None, {}).go(lambda _: None)
    checks = told(heard, holds_records=False).checks
    assert sorted(map(str, doctored.asked)) == ["None", PRODUCT]
    assert {check.found for check in checks} == found
    assert {check.what for check in checks} <= {"doctored", f"{PRODUCT} doctored"}
    assert [check.ok for check in checks] == [check.found.endswith(": well") for check in checks]
    assert all(check.remedy for check in checks if not check.ok)
