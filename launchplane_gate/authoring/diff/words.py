"""What differs between two sets of policies, in words, and whether it loosens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.config import ActorEntry, Config, ProductPolicy, Window
from launchplane_gate.policy.bundle.further import tighter

T = TypeVar("T")
Effect = Literal["loosens", "tightens", "unclear", "neither"]
"""``unclear``: it is written differently, and what that comes to only inputs can tell."""


@dataclass(frozen=True)
class Difference:
    """``about``: the roll call, thresholds, waivable, products or rules."""

    about: str
    what: str
    effect: Effect


def differences(a: Bundle, b: Bundle) -> list[Difference]:
    """From ``a`` to ``b``, in the order in which people ask."""
    one, other = a.settings, b.settings
    return [
        *_of_roll_call(one, other),
        *_of_thresholds(one, other),
        *_of_waivable(one, other),
        *_of_products(one, other),
        *_of_rules(a, b),
    ]


def directions(found: Iterable[Difference]) -> tuple[bool, ...]:
    """Which ways decisions may flip by these: from denied to allowed (True), from allowed to denied (False)."""
    effects = {one.effect for one in found}
    return tuple(loosens for loosens in (True, False) if {"unclear", "loosens" if loosens else "tightens"} & effects)


def _of_roll_call(a: Config, b: Config) -> Iterator[Difference]:
    before, after = _asked(a), _asked(b)
    for (whose, where), codes in {**after, **before}.items():
        of_all = after.get(("", where), ()), before.get(("", where), ())
        left, came = (set(before.get((whose, where), ())), set(after.get((whose, where), ())))
        for code in codes if (whose, where) in before else ():
            if code not in came and code not in of_all[0]:
                yield Difference("roll call", f"{code} is no longer asked of {where}{whose}", "loosens")
        for code in after.get((whose, where), ()):
            if code not in left and code not in of_all[1]:
                yield Difference("roll call", f"{code} is asked of {where}{whose}", "tightens")


def _asked(config: Config) -> dict[tuple[str, str], tuple[str, ...]]:
    """The rules that are asked, by whose they are in words, and of which action in which phase."""
    found = {}
    for place, action, phase, codes in config.roll_call.lists():
        whose = {"base": "", "drivers": " on the driver ", "products": " of "}[str(place[1])]
        found[whose + ("" if place[1] == "base" else str(place[2])), f"{action}/{phase}"] = codes
    return found


def _of_thresholds(a: Config, b: Config) -> Iterator[Difference]:
    yield from _figures(dict(a.thresholds), dict(b.thresholds), "all products")
    for driver in sorted(a.drivers.keys() | b.drivers.keys()):
        one, other = (
            (config.drivers[driver].settle_s if driver in config.drivers else config.thresholds["settle_s"])
            for config in (a, b)
        )
        yield from _figures({"settle_s": one}, {"settle_s": other}, f"the driver {driver}")
    for product in sorted(a.products.keys() & b.products.keys()):
        own = a.products[product].thresholds.keys() | b.products[product].thresholds.keys()
        one_of, other_of = (
            {name: figure for name, figure in config.thresholds_of(product).items() if name in own} for config in (a, b)
        )
        yield from _figures(one_of, other_of, product)


def _figures(a: Mapping[Any, int], b: Mapping[Any, int], whose: str) -> Iterator[Difference]:
    for name in sorted(a.keys() | b.keys()):
        one, other = a.get(name), b.get(name)
        if one != other:
            effect: Effect = "tightens" if tighter(name, one, other) == other else "loosens"
            yield Difference("thresholds", f"{name} {one} -> {other} for {whose}", effect)


def _of_waivable(a: Config, b: Config) -> Iterator[Difference]:
    yield from (Difference("waivable", f"{code} may be waived", "loosens") for code in _only(b.waivable, a.waivable))
    yield from (
        Difference("waivable", f"{code} may no longer be waived", "tightens") for code in _only(a.waivable, b.waivable)
    )


def _of_products(a: Config, b: Config) -> Iterator[Difference]:
    for name in sorted(a.products.keys() | b.products.keys()):
        if name not in a.products:
            yield Difference("products", f"{name} is introduced: what nobody could ship may be shipped", "loosens")
        elif name not in b.products:
            yield Difference("products", f"{name} is gone: whatever is asked of it is refused", "tightens")
        else:
            one, other = a.products[name], b.products[name]
            yield from _of_paths(name, one, other)
            yield from _of_actors(name, one, other)
            yield from _of_windows(name, one, other)
            yield from _of_backups(name, a, b)
            yield from _of_lists(name, one, other)


def _of_actors(name: str, a: ProductPolicy, b: ProductPolicy) -> Iterator[Difference]:
    for lane in sorted(a.actors.keys() | b.actors.keys()):
        one, other = a.actors.get(lane, ()), b.actors.get(lane, ())
        for entry in _only(other, one):
            yield Difference("products", f"{name}/{lane} lists {_who(entry)}", "loosens")
        for entry in _only(one, other):
            yield Difference("products", f"{name}/{lane} no longer lists {_who(entry)}", "tightens")


def _who(entry: ActorEntry) -> str:
    claims = [f"{claim} {wanted}" for claim, wanted in entry.claims.items()]
    return f"{entry.subject} ({', '.join((entry.verified_by or 'unverified', *claims, *entry.may))})"


def _of_windows(name: str, a: ProductPolicy, b: ProductPolicy) -> Iterator[Difference]:
    for lane in sorted(a.windows.keys() | b.windows.keys()):
        before, after = a.windows.get(lane, ()), b.windows.get(lane, ())
        if before and not after:
            yield Difference("products", f"{name}/{lane} is always open", "loosens")
        elif not before:
            yield Difference("products", f"{name}/{lane} is open in windows alone", "tightens")
        elif before != after:
            for window in _only(after, before):
                yield Difference("products", f"{name}/{lane} is open {_when(window)}, too", "loosens")
            for window in _only(before, after):
                yield Difference("products", f"{name}/{lane} is no longer open {_when(window)}", "tightens")


def _when(window: Window) -> str:
    return f"{', '.join(window.days)} from {window.from_} to {window.to} ({window.zone})"


def _of_lists(name: str, a: ProductPolicy, b: ProductPolicy) -> Iterator[Difference]:
    for code in _only(b.by_word, a.by_word):
        yield Difference("products", f"a waiver of {code} counts by word for {name}", "loosens")
    for code in _only(a.by_word, b.by_word):
        yield Difference("products", f"a waiver of {code} no longer counts by word for {name}", "tightens")
    for branch in _only(b.branches, a.branches):
        yield Difference("products", f"commits of {name} may come from {branch}", "loosens")
    for branch in _only(a.branches, b.branches):
        yield Difference("products", f"commits of {name} no longer come from {branch}", "tightens")


def _of_paths(name: str, a: ProductPolicy, b: ProductPolicy) -> Iterator[Difference]:
    for path in _only(b.paths, a.paths):
        yield Difference("products", f"{name} may be promoted from {path.from_} to {path.to}", "loosens")
    for path in _only(a.paths, b.paths):
        is_open = path.to not in {other.to for other in b.paths}
        after = f", and {path.to} may be deployed to directly" if is_open else ""
        said = f"{name} is no longer promoted from {path.from_} to {path.to}{after}"
        yield Difference("products", said, "loosens" if is_open else "tightens")


def _of_backups(name: str, a: Config, b: Config) -> Iterator[Difference]:
    before, after = (config.products[name].backup for config in (a, b))
    for lane in sorted(before.keys() | after.keys()):
        if lane not in after:
            yield Difference("products", f"{name}/{lane} needs no backup", "loosens")
        elif lane not in before:
            yield Difference("products", f"{name}/{lane} needs a backup", "tightens")
        elif (one := _age_s(a, name, lane)) != (other := _age_s(b, name, lane)):
            said = f"a backup of {name}/{lane} may be {one} -> {other} s old"
            yield Difference("products", said, "loosens" if other > one else "tightens")


def _age_s(config: Config, name: str, lane: str) -> int:
    demand = config.products[name].backup[lane]
    return demand.max_age_s if "max_age_s" in demand.model_fields_set else config.thresholds_of(name)["backup_s"]


def _of_rules(a: Bundle, b: Bundle) -> Iterator[Difference]:
    before, after = (dict(bundle.policies) for bundle in (a, b))
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            yield Difference("rules", f"{path} is gone", "unclear")
        elif path not in before:
            yield Difference("rules", f"{path} is new", "neither")
        elif before[path] != after[path]:
            yield Difference("rules", f"{path} is written differently", "unclear")


def _only(these: Iterable[T], those: Iterable[T]) -> list[T]:
    but = list(those)
    return [one for one in these if one not in but]
