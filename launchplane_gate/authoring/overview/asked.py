"""Which rules are asked, of what and by whose roll call."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from launchplane_gate.errors import UsageError
from launchplane_gate.model import Action, Phase
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.files import Folder
from launchplane_gate.policy.bundle.floor import OF_A_VERSION

CORE = "the core, where a version is asked for"


@dataclass(frozen=True)
class Asked:
    """A rule that is asked in a phase of an action.

    ``of``: what has it asked: every product, a driver, a product, or the core. ``listed_in``: the configuration that
    puts it on the roll call; empty where that is the core.
    """

    action: Action
    phase: Phase
    code: str
    of: str
    listed_in: str


@dataclass(frozen=True)
class OfProduct:
    """All that is asked of a product; ``driver_id`` is empty where nobody says which driver deploys it."""

    product: str
    driver_id: str
    asked: tuple[Asked, ...]


def asked_of(bundle: Bundle, product: str, driver_id: str) -> OfProduct:
    """Raises UsageError for a product of which the policies decide nothing: they refuse whatever is asked of it."""
    known = sorted(bundle.settings.products)
    if product not in known:
        near = difflib.get_close_matches(product, known, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        there = f"There are: {', '.join(known)}." if known else "There is none: a folder of your own introduces it."
        raise UsageError(f"no policy decides anything for a product {product!r}", hint=f"{meant}{there}")
    asked = [one for one in everything_asked(bundle) if one.of in ("", f"driver {driver_id}", f"product {product}")]
    asked += [one for one in of_the_core(bundle) if not _is_among(one, asked)]
    return OfProduct(product, driver_id, tuple(asked))


def everything_asked(bundle: Bundle) -> list[Asked]:
    """The roll call, by the order of actions and phases; ``of`` is empty for what is asked of every product."""
    found: list[Asked] = []
    for place, action, phase, codes in bundle.settings.roll_call.lists():
        _, whose, *rest = (str(part) for part in place)
        of = "" if whose == "base" else f"{whose.removesuffix('s')} {rest[0]}"
        found += [Asked(action, phase, code, of, _listed_in(bundle.folders, place, code)) for code in codes]
    whose_first = list(dict.fromkeys(one.of for one in found))
    return sorted(found, key=lambda one: (whose_first.index(one.of), *_when(one)))


def _when(one: Asked) -> tuple[int, int]:
    return get_args(Action).index(one.action), get_args(Phase).index(one.phase)


def of_the_core(bundle: Bundle) -> list[Asked]:
    """What the core has asked besides, where the policies have it."""
    return [
        Asked(action, phase, code, CORE, "")
        for (action, phase), codes in OF_A_VERSION.items()
        for code in codes
        if code in bundle.metadata
    ]


def _is_among(one: Asked, others: Iterable[Asked]) -> bool:
    return any((one.action, one.phase, one.code) == (other.action, other.phase, other.code) for other in others)


def _listed_in(folders: Sequence[Folder], place: Sequence[str | int], code: str) -> str:
    """The file that says so; what is added for a deploy is asked of a report of one, too, and is said there."""
    of_deploys = ["deploy" if part == "evidence" else part for part in place]
    for at in (place, of_deploys):
        for folder in folders:
            if code in _within(folder.config, at):
                return folder.config_file
    return ""


def _within(config: object, place: Sequence[str | int]) -> list[str]:
    for part in place:
        config = config.get(part, {}) if isinstance(config, dict) else {}
    return config if isinstance(config, list) else []
