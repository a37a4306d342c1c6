"""Whatever figures a product or a driver has, proof that is stale by them, or an hour old, is none."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.policy import BadForm, Bundle, EmbeddedEngine, load_bundle
from launchplane_gate.policy.decision import ask_rules
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.proof import figures, questions
from launchplane_gate.policy.proof.figures import figures_of
from launchplane_gate.policy.proof.must_refuse import check_must_refuse, roll_call_of
from tests.fakes import bundles

pytestmark = pytest.mark.thorough  # every bundle that is loaded is asked as much of its own figures

LIBRARY = "gate/lib/products.rego"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.without_tests(tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="module")
def shipped(rules: Path) -> Bundle:
    return load_bundle([rules])


def with_figures(bundle: Bundle, of_all: dict[str, int], own: dict[str, int], of_driver: int | None = None) -> Bundle:
    """The same rules with other figures, as no load would let them be."""
    config: dict[str, Any] = {**bundle.config, "thresholds": {**bundle.config["thresholds"], **of_all}}
    config["products"] = {"shop": {"thresholds": own}}
    config["drivers"] = {} if of_driver is None else {"slow": {"settle_s": of_driver}}
    return dataclasses.replace(bundle, config=config)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    ("name", "code"), [("health_s", "release.source_revision"), ("observed_s", "inventory.source_running")]
)
def test_what_is_an_hour_old_is_no_proof(shipped: Bundle, name: str, code: str, own: bool) -> None:
    """Seen: it let a promotion on proof an hour old through, with thresholds of a product alone."""
    for seconds, stale in ((3600, False), (3601, True), (10**9, True)):
        loose = {name: seconds}
        bundle = with_figures(shipped, {} if own else loose, loose if own else {})
        if not stale:
            check_must_refuse(bundle)
            continue
        with pytest.raises(BadForm, match=f"{code} lets through what has to be refused") as refused:
            check_must_refuse(bundle)
        assert f"by the thresholds of {'shop' if own else 'any product'} on any driver" in str(refused.value)


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"health_matches": 1},
        {"health_matches": 9, "health_s": 0, "observed_s": 0},
        {"settle_s": 3600, "source_soak_s": 10**9, "source_fresh_s": 10**12},
        {"health_matches": 10**6},
    ],
)
@pytest.mark.parametrize("of_driver", [None, 0, 1, 3600])
def test_the_shipped_rules_go_by_the_figures_that_count(
    shipped: Bundle, own: dict[str, int], of_driver: int | None
) -> None:
    bundle = with_figures(shipped, {}, own, of_driver)
    check_must_refuse(bundle)
    for one in figures_of(bundle.config):
        interpreter = Interpreter(bundle.policies, {"config": one.within(bundle.config)})
        asked = [broken for _, (codes, _) in figures.breaks(one) for broken in codes]
        for good, (codes, changes) in figures.breaks(one):
            changed = questions.changed(good, changes)
            said = ask_rules(interpreter.ask, roll_call_of(bundle, changed), changed)
            assert [code for code in codes if said[code].satisfied] == []
            if own.get("health_matches", 0) < 50 and own.get("source_fresh_s", 0) == 0:
                before = ask_rules(interpreter.ask, roll_call_of(bundle, good), good)
                assert [code for code in asked if code in before and not before[code].satisfied] == []


@pytest.mark.parametrize(
    ("was", "instead", "says"),
    [
        (
            "number := object.get(own, name, ",
            "number := object.get({}, name, ",
            "release.source_revision refuses a good",
        ),
        ("max([of_driver, of_product])", "max([of_driver, 0])", "inventory.source_running lets through"),
        ("max([of_driver, of_product])", "max([15, of_product])", "inventory.source_running lets through"),
        ("max([of_driver, of_product])", "min([of_driver, of_product])", "inventory.source_running lets through"),
    ],
)
def test_a_library_that_goes_by_other_figures_is_refused(tmp_path: Path, was: str, instead: str, says: str) -> None:
    folder = bundles.without_tests(tmp_path / "rules")
    text = (folder / LIBRARY).read_text()
    assert was in text
    (folder / LIBRARY).write_text(text.replace(was, instead))
    added = {
        "products": {"shop": {"thresholds": {"health_s": 60, "settle_s": 30}}},
        "drivers": {"slow": {"settle_s": 20}},
    }
    further = bundles.write(tmp_path / "further", {}, added)
    with pytest.raises(BadForm, match=says):
        EmbeddedEngine(load_bundle([folder, further]))


def test_figures_that_are_the_same_are_asked_about_once(shipped: Bundle) -> None:
    products: dict[str, Any] = {name: {} for name in "abc"} | {
        "d": {"thresholds": {"health_s": 60}},
        "e": {"thresholds": {"health_s": 60}},
    }
    config = {**shipped.config, "products": products}
    assert [one.of_whom for one in figures_of(config)] == [
        "any product on any driver",
        "any product on local",
        "d on any driver",
        "d on local",
    ]
