"""Which rules an edit touched: they, what rests on it, and all of them where that cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from launchplane_gate.authoring.replay.asking import Policies
from launchplane_gate.authoring.replay.facts import reads_of
from launchplane_gate.authoring.replay.touched import Touched, touched_since
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.packing import packed
from launchplane_gate.policy.bundle.syntax import Source
from tests.authoring.test_replay_running import decision, run
from tests.policy.test_policy_decision import waiver

pytestmark = pytest.mark.thorough  # with a module that is


def since(then: Bundle, now: Bundle) -> Touched:
    return touched_since({then.revision: packed(then)}.get, now)


def of(then: Bundle, now: Bundle, **stored: Any) -> frozenset[str] | None:
    return since(then, now)(decision(1, revision=then.revision, **stored))


def written(bundle: Bundle, path: str, edit: Callable[[str], str]) -> Bundle:
    """The bundle as it was when one of its modules was another."""
    modules = [Source(one.path, one.file, edit(one.text)) if one.path == path else one for one in bundle.modules]
    assert modules != list(bundle.modules)
    return replace(bundle, modules=tuple(modules), revision="0" * 64)


def configured(bundle: Bundle, **config: Any) -> Bundle:
    return replace(bundle, config={**bundle.config, **config}, revision="0" * 64)


def commented(text: str) -> str:
    return f"{text}\n# another one\n"


def test_a_rule_is_touched_by_its_own_text_and_its_test_touches_nothing(bundle: Bundle) -> None:
    rule = "gate/rules/window/open"
    assert of(written(bundle, f"{rule}.rego", commented), bundle) == frozenset({"window.open"})
    assert of(written(bundle, f"{rule}_test.rego", commented), bundle) == frozenset()


def test_a_library_touches_what_rests_on_it(bundle: Bundle) -> None:
    touched = of(written(bundle, "gate/lib/windows.rego", commented), bundle)
    assert touched is not None and "window.open" in touched and "lane.path_allowed" not in touched


def test_configuration_touches_what_reads_it(bundle: Bundle) -> None:
    touched = of(configured(bundle, thresholds={**bundle.config["thresholds"], "source_soak_s": 1}), bundle)
    assert touched is not None and "inventory.source_soaked" in touched and "release.commit_full" not in touched


def test_the_roll_call_touches_nothing_by_itself(bundle: Bundle) -> None:
    assert of(configured(bundle, roll_call={"base": {}}), bundle) == frozenset()


def test_what_asks_them_touches_every_rule(bundle: Bundle) -> None:
    assert of(written(bundle, "gate/decision.rego", commented), bundle) is None


def test_under_the_policies_that_decided_or_under_unknown_ones_each_may_be_touched(bundle: Bundle) -> None:
    assert of(bundle, bundle) is None
    assert touched_since(lambda _: None, bundle)(decision(1)) is None


def test_whether_a_waiver_counts_may_be_configured_otherwise(bundle: Bundle) -> None:
    offered = (waiver(),)
    assert of(configured(bundle, waivable=[]), bundle) == frozenset()
    assert of(configured(bundle, waivable=[]), bundle, offered=offered) is None
    assert of(configured(bundle, roll_call={"base": {}}), bundle, offered=offered) == frozenset()


def test_what_another_engine_said_is_not_taken_at_its_word(bundle: Bundle) -> None:
    policies = Policies(
        bundle, {"config": bundle.config}, reads_of(bundle.modules), lambda _: {}, touched=lambda _: frozenset()
    )
    tally = run([decision(1)], policies)
    assert (tally.counts["spared"], tally.counts["allow-to-deny"]) == (0, 1)
