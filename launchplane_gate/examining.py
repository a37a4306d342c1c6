"""What a decision, a deploy and a publication would ask of others, asked now, side by side, changing nothing.

Each lane's platform and its evidence, whether a deploy could begin there, whoever publishes or proves who asks, and
along each path what the policies would say to a promotion, asked as ``check promote`` asks it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

from launchplane_gate.bounded import Deadline, start
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Answered, Driver, Progress, Question
from launchplane_gate.lanes import paths_of
from launchplane_gate.line.parts import GATHER_TIMEOUT_S
from launchplane_gate.looking import observe
from launchplane_gate.model import Actor, Decision, Lane, Observation, ReleaseIdentity, Request, lanes_of
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle
from launchplane_gate.records import ProductProfile

WITHIN_S = 60.0  # all that is asked of others
AT_ONCE = 8
TELL_EVERY_S = 1.0
TOLD_AT_ONCE = 3  # of those that are waited for

OF_OTHERS = {  # the hooks by which a plugin may ask somebody whom nothing but ``gate_doctor`` asks here
    "gate_publishers": "whether its publisher may publish",
    "gate_token": "whether the platform vouches for this process",
    "gate_actor": "whether it can prove who asks",
    "gate_recorded": "whether it can tell of what was recorded",
    "gate_unsettled": "whether it can tell of a lane that is unsettled",
}


@dataclass(frozen=True)
class Obstacle:
    """What would keep every deploy to a lane from beginning; empty for nothing."""

    driver_id: str
    what: str


@dataclass(frozen=True)
class Evidence:
    """What a plugin found out of a lane and a release; an exception, where it found out nothing."""

    facts: Mapping[str, Any] | Exception | None
    release: ReleaseIdentity | None

    @property
    def looked(self) -> bool:
        """Whether anybody was asked: an empty answer leaves out all."""
        return self.facts is None or isinstance(self.facts, Exception) or bool(self.facts)


@dataclass(frozen=True)
class NotAsked:
    """``late``: the time was over."""

    why: str
    late: bool = False


Said = Observation | Obstacle | Evidence | tuple[Answered, ...] | Decision | NotAsked | Exception


@dataclass(frozen=True)
class Heard:
    """What came of one question; ``what`` it was, for people: ``shop/testing platform``."""

    what: str
    said: Said


@dataclass(frozen=True)
class Ask:
    """A question that may take its time. ``ask`` gives what was heard: one thing, or one for each who was asked."""

    what: str
    ask: Callable[[], Said | list[Heard]]


@dataclass(frozen=True)
class Examination:
    """What is asked about. ``gate`` and ``actor`` are None where no decision can be had.

    ``recorded``: the release of each lane that has one.
    """

    plugins: Plugins
    profiles: Sequence[ProductProfile]
    bundle: Bundle | None
    recorded: Mapping[Lane, ReleaseIdentity]
    gate: Gate | None = None
    actor: Actor | None = None

    def go(self, progress: Progress, *, within_s: float = WITHIN_S) -> list[Heard]:
        """Ask all of them, ``AT_ONCE`` at a time, and wait for ``within_s`` seconds and no longer."""
        questions = list(self._questions())
        told = dict(_all_answers([ask for ask in questions if isinstance(ask, Ask)], within_s, progress))
        heard: list[Heard] = []
        for question in questions:
            said = told[question.what] if isinstance(question, Ask) else question.said
            heard += said if isinstance(said, list) else [Heard(question.what, said)]
        return heard

    def _questions(self) -> Iterator[Ask | Heard]:
        """What is asked, and what nobody can be asked, in the order in which it is told."""
        for profile in self.profiles:
            for lane in lanes_of(profile):
                yield from self._of_lane(profile, lane)
            yield from self._of_plugins(profile)
        yield from self._of_plugins(None)
        for plugin in self.plugins.names:
            yield from self._left_out(plugin)
        for profile in self.profiles:
            yield from self._promotions(profile)

    def _of_lane(self, profile: ProductProfile, lane: Lane) -> Iterator[Ask | Heard]:
        driver = self.plugins.drivers.get(profile.driver_id)
        if not driver:
            yield Heard(
                f"{lane} platform", NotAsked(f"no plugin that is enabled brings its driver {profile.driver_id}")
            )
        else:
            yield Ask(f"{lane} platform", partial(observe, driver, lane, within_s=GATHER_TIMEOUT_S))
            yield self._obstacle(driver, profile, lane)
        yield Ask(f"{lane} evidence", partial(self._evidence, profile, lane))

    def _obstacle(self, driver: Driver, profile: ProductProfile, lane: Lane) -> Ask | Heard:
        what, obstacle = f"{lane} deploy", getattr(driver, "obstacle", None)
        if obstacle is None:
            why = f"the driver {driver.driver_id} does not tell before a deploy whether one could begin: no `obstacle`"
            return Heard(what, NotAsked(why))
        comes = next(iter(self._promoted_to(profile, lane)), None)
        return Ask(what, lambda: Obstacle(driver.driver_id, str(obstacle(lane, comes) or "")))

    def _promoted_to(self, profile: ProductProfile, lane: Lane) -> list[ReleaseIdentity]:
        """What a promotion to a lane would deploy, along each path of which that is known."""
        paths = paths_of(self.bundle, profile.product) if self.bundle else []
        sources = [one for one in lanes_of(profile) if (one.instance, lane.instance) in paths]
        return [self.recorded[one] for one in sources if one in self.recorded]

    def _evidence(self, profile: ProductProfile, lane: Lane) -> list[Heard]:
        """Of the lane's own release, else of the one that would come."""
        releases = [*filter(None, [self.recorded.get(lane)]), *self._promoted_to(profile, lane)]
        release = releases[0] if releases else None
        named = self.bundle.settings.products.get(profile.product) if self.bundle else None
        question = Question(
            phase="admit",
            product=profile,
            source=None,
            destination=lane,
            release=release,
            deadline_s=GATHER_TIMEOUT_S,
            branches=named.branches if named else (),
        )
        found = self.plugins.evidence_or_why(question)
        heard = [Heard(f"{lane} {plugin}", Evidence(facts, release)) for plugin, facts in found.items()]
        return heard or [Heard(f"{lane} evidence", NotAsked("no plugin that is enabled gathers any"))]

    def _of_plugins(self, profile: ProductProfile | None) -> Iterator[Ask]:
        for plugin in self.plugins.names:
            if "gate_doctor" in self.plugins.hooks(plugin):
                what = f"{profile.product} {plugin}" if profile else plugin
                yield Ask(what, partial(self._doctor, what, plugin, profile))

    def _doctor(self, what: str, plugin: str, profile: ProductProfile | None) -> list[Heard]:
        answered = self.plugins.doctor(plugin, profile, GATHER_TIMEOUT_S)
        return [Heard(what, tuple(answered))] if answered else []

    def _left_out(self, plugin: str) -> Iterator[Heard]:
        hooks = self.plugins.hooks(plugin)
        if "gate_doctor" not in hooks:
            told = [what for hook, what in OF_OTHERS.items() if hook in hooks]
            if told:
                yield Heard(plugin, NotAsked(f"{', '.join(told)}: the plugin has no `gate_doctor`"))

    def _promotions(self, profile: ProductProfile) -> Iterator[Ask | Heard]:
        for source, destination in paths_of(self.bundle, profile.product) if self.bundle else []:
            what = f"{profile.product} {source} -> {destination}"
            if self.gate is None or self.actor is None:
                yield Heard(what, NotAsked("no decision can be had until what is not ok is mended"))
                continue
            request = Request(action="promote", product=profile.product, source=source, destination=destination)
            yield Ask(what, partial(self.gate.check, request, self.actor))


def _all_answers(asks: Iterable[Ask], within_s: float, progress: Progress) -> Iterator[tuple[str, Said | list[Heard]]]:
    """What each of them gives, or raises, by what it is; of those that give nothing in time, that they did not."""
    deadline, waiting = Deadline(within_s), deque(asks)
    asked: dict[Future[Said | list[Heard]], str] = {}
    while (waiting or asked) and deadline.left_s():
        while waiting and len(asked) < AT_ONCE:
            ask = waiting.popleft()
            asked[start(ask.ask, ask.what)] = ask.what
        done, _ = wait(asked, min(TELL_EVERY_S, deadline.left_s()), FIRST_COMPLETED)
        for answer in done:
            yield asked.pop(answer), _given(answer)
        if asked and not done:
            progress(f"waiting for {_named(list(asked.values()))}, {deadline.left_s():.0f} s left")
    for what in asked.values():
        yield what, NotAsked(f"no answer came within the {within_s:.0f} s that all may take", late=True)
    for ask in waiting:
        yield ask.what, NotAsked(f"the {within_s:.0f} s that all may take were over before", late=True)


def _given(answer: Future[Said | list[Heard]]) -> Said | list[Heard]:
    error = answer.exception()
    if isinstance(error, Exception):
        return error
    return answer.result()


def _named(whats: Sequence[str]) -> str:
    more = len(whats) - TOLD_AT_ONCE
    return ", ".join(whats[:TOLD_AT_ONCE]) + (f" and {more} more" if more > 0 else "")
