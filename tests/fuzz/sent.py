"""What strangers may send: anything at all, and what is nearly right, which gets further."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "0", "-1", "null", "~1", "sha256:", "\ud800", "\x00", "\u2028", "2026-01-01T00:00:00Z", "a" * 70]
    ),
)
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([2**53, -(2**53), 10**30, float("nan"), float("inf"), -0.0, 1e308])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)


def _places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [here, *(place for key, one in inner for place in _places(one, (*here, key)))]


@st.composite
def altered(draw: st.DrawFn, document: Any) -> Any:
    """A document with a part or two put in, replaced or taken out; now and then as it is."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 2))):
        *above, last = draw(st.sampled_from(_places(document))) or (None,)
        if last is None:
            return draw(VALUES)
        parent = document
        for key in above:
            parent = parent[key]
        how = draw(st.sampled_from(["replace", "remove", "add"]))
        if how == "replace":
            parent[last] = draw(VALUES)
        elif how == "remove":
            del parent[last]
        elif isinstance(parent, dict):
            parent[draw(TEXTS)] = draw(VALUES)
        else:
            parent.insert(last, draw(VALUES))
    return document


@st.composite
def mangled(draw: st.DrawFn, text: bytes) -> bytes:
    """Bytes with some cut out, put in or said twice."""
    for _ in range(draw(st.integers(0, 3))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 12))
        between = draw(st.one_of(st.binary(max_size=6), TEXTS.map(lambda one: one.encode("utf-8", "surrogatepass"))))
        again = text[at : at + length] if draw(st.booleans()) else b""
        text = text[:at] + between + again + text[at + length * draw(st.integers(0, 1)) :]
    return text


def sent(document: Any) -> st.SearchStrategy[bytes]:
    """A document as it may come: altered, mangled, in another encoding, or something else altogether."""
    as_json = altered(document).map(lambda one: json.dumps(one).encode())
    encoded = st.sampled_from(["utf-16", "utf-16-le", "utf-32", "utf-8-sig"]).map(json.dumps(document).encode)
    return st.one_of(
        st.just(json.dumps(document).encode()),
        as_json,
        mangled(json.dumps(document).encode()),
        encoded,
        st.binary(max_size=60),
    )
