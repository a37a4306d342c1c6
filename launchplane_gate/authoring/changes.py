"""Single changes of a policy input: each of its facts with other values that it could have had.

What is tried of a fact: that it is missing or null; what its contract lets stand there; what stands under the same name
elsewhere in the input, as that of the other lane; for a number its neighbours, for a list less of it; and for a moment
those at which a threshold or a window of the policies begins or ends. The same input gives the same changes, in one
order, each once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from launchplane_gate.authoring.schema import shipped_schema
from launchplane_gate.model import stamp, unstamp
from launchplane_gate.policy.bundle.config import Config, Day, Threshold, Window

Step = str | int
Path = tuple[Step, ...]

MOST = 8  # values that are tried of one fact, of each kind
DAYS = get_args(Day)
_AT_THE_EDGE = timedelta(microseconds=1)


class _Missing:
    """In place of a value: the fact is not there at all."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@dataclass(frozen=True)
class Change:
    """One fact, by where it stands, and the value that it has instead; MISSING takes it out."""

    path: Path
    value: Any

    def __str__(self) -> str:
        said = "is missing" if self.value is MISSING else f"is {json.dumps(self.value, ensure_ascii=False)}"
        return f"{dotted(self.path)} {said}"


def dotted(path: Path) -> str:
    """A place as people write it: ``source.deployments[0].status``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def at(policy_input: Any, path: Path) -> Any:
    """What stands at a place; MISSING where nothing does."""
    here = policy_input
    for step in path:
        try:
            here = MISSING if isinstance(here, str) else here[step]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return here


def changed(policy_input: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The input with these changes, one after the other; the one that is given stays as it is.

    A change at a place that is not there is none, but for a new key of an object.
    """
    result: Any = policy_input
    for change in changes:
        result = _with(result, change.path, change.value)
    return dict(result)


def _with(here: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if isinstance(here, Mapping) and isinstance(step, str) and (rest == [] or step in here):
        if value is MISSING and not rest:
            return {name: fact for name, fact in here.items() if name != step}
        return {**here, step: _with(here.get(step), tuple(rest), value)}
    if isinstance(here, list | tuple) and isinstance(step, int) and 0 <= step < len(here):
        if value is MISSING and not rest:
            return [fact for index, fact in enumerate(here) if index != step]
        return [_with(fact, tuple(rest), value) if index == step else fact for index, fact in enumerate(here)]
    return here


def facts_in(policy_input: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each fact with its place: a whole object or list first, then what is in it."""
    if path:
        yield path, policy_input
    if isinstance(policy_input, Mapping):
        for name, fact in policy_input.items():
            yield from facts_in(fact, (*path, name))
    elif isinstance(policy_input, list | tuple):
        for index, fact in enumerate(policy_input):
            yield from facts_in(fact, (*path, index))


def single_changes(
    policy_input: Mapping[str, Any],
    settings: Config | None = None,
    *,
    of: Callable[[Path], bool] = lambda path: True,
) -> Iterator[Change]:
    """Every single change that is tried of an input, as the module says.

    ``settings``: of the policies, for the moments that matter to them. ``of``: the places to change facts at. The
    nonce, the action, the phase and the schema's version are what is asked, and no facts.
    """
    named = _by_name(policy_input)
    moments = [stamp(moment) for moment in moments_that_matter(policy_input, settings)] if settings else []
    for path, fact in facts_in(policy_input):
        if path[0] in ("nonce", "action", "phase", "schema_version") or not of(path):
            continue
        for value in _unique(_values(path, fact, named, moments), fact):
            yield Change(path, value)


def _values(path: Path, fact: Any, named: Mapping[str, list[Any]], moments: Sequence[str]) -> Iterator[Any]:
    yield MISSING
    yield None
    yield from allowed_at(path)
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    alike = [value for value in named.get(name, []) if isinstance(value, type(fact)) or fact is None]
    yield from alike[: MOST + 1]  # its own is among them
    if isinstance(fact, bool):
        yield not fact
    elif isinstance(fact, int):
        yield from (fact - 1, fact + 1, 0)
    elif isinstance(fact, str):
        yield ""
        if path == ("now",):
            yield from moments
        elif moment := unstamp(fact):
            yield from (stamp(moment - timedelta(days=1)), stamp(moment + timedelta(days=1)))
    elif isinstance(fact, list | tuple):
        yield []
        yield from ([one for other, one in enumerate(fact) if other != index] for index in range(min(len(fact), MOST)))


def _unique(values: Iterable[Any], but: Any) -> Iterator[Any]:
    seen = {_key(but)}
    for value in values:
        if (key := _key(value)) not in seen:
            seen.add(key)
            yield value


def _key(value: Any) -> str:
    return "missing" if value is MISSING else json.dumps(value, sort_keys=True, default=list)


def _by_name(policy_input: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What stands under one name anywhere: what is of one lane may be of the other, too."""
    named: dict[str, list[Any]] = {}
    for path, fact in facts_in(policy_input):
        if isinstance(path[-1], str) and fact is not None:
            of_name = named.setdefault(path[-1], [])
            if fact not in of_name:
                of_name.append(fact)
    return named


@cache
def allowed_at(path: Path) -> tuple[Any, ...]:
    """The only values that the contract lets stand at a place, where it names them; else none."""
    schema: Any = shipped_schema("authoring")
    for step in path:
        schema = (schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)) or {}
        if not isinstance(schema, Mapping):
            return ()
    if schema.get("type") == "boolean":
        return (True, False)
    return tuple(schema.get("enum", [schema["const"]] if "const" in schema else []))


# -- time


def moments_that_matter(
    policy_input: Mapping[str, Any], settings: Config, thresholds: Collection[Threshold] = get_args(Threshold)
) -> list[datetime]:
    """The moments, in their order, at which what the policies say may change with time alone.

    Each known moment and one of these thresholds of the product after it, right there and right after; the edges of the
    windows of the destination in the week to come.
    """
    product, destination = str(at(policy_input, ("request", "product"))), at(policy_input, ("destination", "lane"))
    instance = str(at(destination, ("instance",)))
    spans = {timedelta(seconds=seconds) for seconds in _spans(policy_input, settings, thresholds)}
    known = {moment for _, fact in facts_in(policy_input) if isinstance(fact, str) and (moment := unstamp(fact))}
    edges = {moment + span for moment in known for span in spans} | known
    moments = {edge + more for edge in edges for more in (timedelta(0), _AT_THE_EDGE)}
    if now := unstamp(str(at(policy_input, ("now",)))):
        of_product = settings.products.get(product)
        windows = of_product.windows.get(instance, ()) if of_product else ()
        moments.update(edge for window in windows for edge in edges_of(window, now))
    return sorted(moments)


def _spans(policy_input: Mapping[str, Any], settings: Config, thresholds: Collection[Threshold]) -> Iterator[int]:
    product, instance = (
        str(at(policy_input, ("request", "product"))),
        at(policy_input, ("destination", "lane", "instance")),
    )
    of_product = settings.products.get(product)
    for name, seconds in settings.thresholds_of(product).items():
        if name in thresholds and name.endswith("_s"):
            yield seconds
    if "settle_s" in thresholds:
        yield settings.settle_s(str(at(policy_input, ("driver", "driver_id"))), product)
    if "backup_s" in thresholds and of_product and str(instance) in of_product.backup:
        yield of_product.backup[str(instance)].max_age_s


def edges_of(window: Window, after: datetime) -> Iterator[datetime]:
    """When a window opens and closes in the week after a moment, in UTC."""
    zone = ZoneInfo(window.zone)
    today = after.astimezone(zone).date()
    for days in range(-1, len(DAYS) + 1):
        day = today + timedelta(days=days)
        if DAYS[day.weekday()] not in window.days:
            continue
        opens = datetime.combine(day, time.fromisoformat(window.from_), zone)
        whole = window.to == "24:00"
        ends = datetime.combine(day, time(0) if whole else time.fromisoformat(window.to), zone)
        if whole or window.to < window.from_:
            ends += timedelta(days=1)  # wall time: the day may have 23 hours
        yield from (edge for edge in (opens.astimezone(UTC), ends.astimezone(UTC)) if edge > after)
