"""The must-refuse questions about thresholds, for the figures that count for each product and each driver of a bundle.

The others are asked with figures of their own. These are good but for one thing, which is a second too old, too short
by a second or one too few; and what is an hour old is never proof, whatever the figures say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from launchplane_gate.policy.proof import questions
from launchplane_gate.policy.proof.questions import Break

HOUR_S = 3600
MOST_ANSWERS = 50  # of one health URL, in a question; whoever asks for more is asked about fewer
LONGEST_S = 100 * 366 * 86400  # what is older could not be written as a time


class Figures(NamedTuple):
    """What a configuration says for one product and one driver, as the rules read it, and what that comes to."""

    of_whom: str
    own: Mapping[str, int]
    of_driver: Mapping[str, int] | None
    thresholds: Mapping[str, int]
    settle_s: int

    @property
    def content(self) -> tuple[Any, ...]:
        return tuple(sorted(self.thresholds.items())), self.settle_s

    def within(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A configuration in which they count for the product and the driver of the questions."""
        decided = {**questions.PRODUCT_POLICY, "thresholds": self.own}
        drivers = {questions.DRIVER: self.of_driver} if self.of_driver else {}
        return {**config, "products": {questions.PRODUCT: decided}, "drivers": drivers}


def figures_of(config: Mapping[str, Any]) -> list[Figures]:
    """All that differ: of no product and of each one, with no driver and with each one."""
    base: Mapping[str, int] = config["thresholds"]
    found: dict[tuple[Any, ...], Figures] = {}
    for product, own in ("any product", {}), *_own(config):
        for driver, figure in ("any driver", None), *config["drivers"].items():
            settle_s = max((figure or base)["settle_s"], own.get("settle_s", 0))
            thresholds = {**base, **own, "settle_s": settle_s}
            figures = Figures(f"{product} on {driver}", own, figure, thresholds, settle_s)
            found.setdefault(figures.content, figures)
    return list(found.values())


def _own(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, int]]]:
    yield from ((name, product.get("thresholds", {})) for name, product in config["products"].items())


def breaks(figures: Figures) -> Iterator[tuple[Mapping[str, Any], Break]]:
    """Each good question, and what breaks it."""
    promotion, confirmation = good_of(figures)
    yield from ((promotion, broken) for broken in _of_promotion(figures, promotion))
    yield from ((confirmation, broken) for broken in _of_confirmation(figures, confirmation))


def good_of(figures: Figures) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A promotion of what was seen just now, and its confirmation, with as many answers as are asked for."""
    promotion, confirmation = (_seen_just_now(good, figures) for good in (questions.PROMOTION, questions.CONFIRMATION))
    return promotion, confirmation


def _seen_just_now(good: Mapping[str, Any], figures: Figures) -> Mapping[str, Any]:
    now, times = good["now"], min(figures.thresholds["health_matches"], MOST_ANSWERS)
    health = {
        side: [one | {"seen_at": now} for one in answers for _ in range(times)]
        for side, answers in good["evidence"]["health"].items()
    }
    changes = {
        "evidence.health": health,
        "source.observed.seen_at": now,
        "source.steady_since": _before(good, figures.settle_s),
        "source.run.confirmed_at": _before(good, figures.thresholds["source_soak_s"]),
    }
    return questions.changed(good, changes)


def _of_promotion(figures: Figures, good: Mapping[str, Any]) -> Iterator[Break]:
    thresholds = figures.thresholds
    for age_s in (thresholds["health_s"] + 1, HOUR_S + 1):
        yield ("release.source_revision",), {"evidence.health.source.0.seen_at": _before(good, age_s)}
    for age_s in (thresholds["observed_s"] + 1, HOUR_S + 1):
        yield ("inventory.source_running",), {"source.observed.seen_at": _before(good, age_s)}
    if thresholds["health_matches"] > 1:
        yield ("release.source_revision",), {"evidence.health.source.0": questions.ABSENT}
    if figures.settle_s > 0:
        yield ("inventory.source_running",), {"source.steady_since": _before(good, figures.settle_s - 1)}
    if thresholds["source_soak_s"] > 0:
        yield (
            ("inventory.source_soaked",),
            {"source.run.confirmed_at": _before(good, thresholds["source_soak_s"] - 1)},
        )
    yield (
        ("inventory.source_fresh",),
        {"source.deployments.0.finished_at": _before(good, thresholds["source_fresh_s"] + 1)},
    )


def _of_confirmation(figures: Figures, good: Mapping[str, Any]) -> Iterator[Break]:
    if figures.thresholds["health_matches"] > 1:
        yield ("confirm.revision_live",), {"evidence.health.destination.0": questions.ABSENT}
    if figures.settle_s > 0:
        just_then = {"outcome.good_since": _before(good, figures.settle_s - 1)}
        yield ("confirm.stayed_up",), just_then
        yield ("confirm.stayed_up",), {**just_then, "outcome.status": "unchanged", "outcome.touched": False}


def _before(good: Mapping[str, Any], age_s: int) -> str:
    now = datetime.fromisoformat(good["now"])
    return (now - timedelta(seconds=min(age_s, LONGEST_S))).strftime("%Y-%m-%dT%H:%M:%SZ")
