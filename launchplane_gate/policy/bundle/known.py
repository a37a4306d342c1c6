"""What the static check knows of values, and of what a body has looked at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from launchplane_gate.policy.bundle.syntax import Tree

_PLACES = frozenset({"span", "eidx", "sidx", "qidx"})
_MAY_BE_LOOKED_AT = frozenset({"Var", "RefDot", "RefBrack", "Call"})


class Known(NamedTuple):
    """What is known of a value, wherever it has one.

    ``kinds`` are among text, whole, number, array, set, list (one of the two), object and collection (one of the
    three); ``of`` is known of each entry of a collection. ``bits`` bounds a whole number. ``sure`` says that there is
    a value, whatever the facts are.
    """

    kinds: frozenset[str] = frozenset()
    of: Known | None = None
    bits: int = 0
    sure: bool = False


FACT_BITS = 53
TEXT = Known(frozenset({"text"}))
BOOLEAN = Known(frozenset({"boolean"}))
COUNT = Known(frozenset({"whole", "number"}), bits=32)
WHOLE = Known(frozenset({"whole", "number"}), bits=FACT_BITS)
MOMENT = Known(frozenset({"whole", "number"}), bits=62)
ARRAY = Known(frozenset({"array", "list", "collection"}))
SET = Known(frozenset({"set", "list", "collection"}))
OBJECT = Known(frozenset({"object", "collection"}))

NULL = Known(sure=True)
NOTHING = Known()


@dataclass
class Scope:
    """What is known at one place: of the variables there are, and of what was looked at, by how it is spelt."""

    names: dict[str, Known] = field(default_factory=dict)
    looked_at: dict[str, Known] = field(default_factory=dict)
    must_be_sure: bool = False
    taken: frozenset[str] = frozenset()

    def within(self, *, must_be_sure: bool = False, taken: Iterable[str] = ()) -> Scope:
        """The same for a part of it; ``taken`` are names that are given to what stands there, and so are not free."""
        return Scope(dict(self.names), dict(self.looked_at), self.must_be_sure or must_be_sure, self.taken.union(taken))

    def seen(self, node: Tree) -> Known:
        """What looking at this expression has told."""
        return self.looked_at.get(spelt(node), NOTHING) if _MAY_BE_LOOKED_AT & node.keys() else NOTHING

    def learn(self, node: Tree, known: Known) -> None:
        if known == NOTHING or not _MAY_BE_LOOKED_AT & node.keys():
            return
        place = spelt(node)
        self.looked_at[place] = both(self.looked_at.get(place, NOTHING), known)


def sure(known: Known) -> Known:
    return known._replace(sure=True)


def both(one: Known, other: Known) -> Known:
    """What is known by either way of looking."""
    of = both(one.of, other.of) if one.of and other.of else one.of or other.of
    bits = min(one.bits, other.bits) if one.bits and other.bits else one.bits or other.bits
    return Known(one.kinds | other.kinds, of=of, bits=bits, sure=one.sure)


def either(known: Sequence[Known]) -> Known:
    """What is known of each."""
    first, *rest = known
    for other in rest:
        of = either([first.of, other.of]) if first.of and other.of else None
        first = Known(
            first.kinds & other.kinds, of=of, bits=max(first.bits, other.bits), sure=first.sure and other.sure
        )
    return first


def spelt(node: Tree) -> str:
    """The same for what is the same expression, wherever it stands."""
    [(kind, inner)] = node.items()
    match kind:
        case "Var":
            return str(inner["value"])
        case "RefDot":
            return f"{spelt(inner['refr'])}[{inner['field'][1]!r}]"
        case "RefBrack":
            return f"{spelt(inner['refr'])}[{spelt(inner['index'])}]"
        case "String" | "RawString" | "Number":
            return repr(inner["value"])
    return json.dumps(_bare(node), sort_keys=True)


def _bare(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _bare(value) for key, value in node.items() if key not in _PLACES}
    return (
        [_bare(item) for item in node if not (isinstance(item, dict) and "start" in item)]
        if isinstance(node, list)
        else node
    )
