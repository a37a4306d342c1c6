"""Which calls the gate takes over: those about a lane of a product, unless the settings leave it alone by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal

from launchplane_gate.errors import Undecided, in_a_sentence
from launchplane_gate.records import ProductProfile
from launchplane_gate.store import RecordStore
from launchplane_gate_launchplane import calls
from launchplane_gate_launchplane.calls import Place
from launchplane_gate_launchplane.protocol import Call

Ungoverned = Literal["left alone", "nobody's"]


class Governed:
    """``products`` lists the host's profiles, and raises where one cannot be read.

    ``not_governed``: what the settings leave alone: products, drivers, contexts, and lanes as ``context/instance``.
    """

    def __init__(
        self, store: RecordStore, products: Callable[[], Iterable[Any]], not_governed: Collection[str] = ()
    ) -> None:
        self._store, self._products, self._not_governed = store, products, frozenset(not_governed)

    def product_of(self, call: Call) -> ProductProfile | Ungoverned:
        """The product that a call is about, where it is governed. Raises Undecided, RecordUnreadable.

        A caller may claim one product, and name the lane of another.
        """
        place, claimed = Place.of(call.request), self._profile(call.product)
        if claimed and (not place.context or calls.owns(claimed, place)) and not self._is_stated(claimed, place):
            return claimed
        if place.context:
            return self._owner(call.product, place)
        return "left alone" if self._names(call.product, place, claimed) else "nobody's"

    def on(self, place: Place) -> ProductProfile | None:
        """The governed product whose lane this is. Raises Undecided, RecordUnreadable."""
        owner = self._owner("", place)
        return owner if isinstance(owner, ProductProfile) else None

    def moved(self, product: str, context: str) -> dict[str, frozenset[str]]:
        """The governed lanes of a context once a product stands in it: of each instance, whose they are then.

        Raises Undecided.
        """
        found: dict[str, frozenset[str]] = {}
        for profile in self._listed(f"which lanes of {context} are governed"):
            for lane in profile.lanes:
                place = Place(context, lane.instance.strip())
                is_there = profile.product == product or calls.owns(profile, place)
                if is_there and not self._is_stated(profile, place):
                    found[place.instance] = found.get(place.instance, frozenset()) | {profile.product}
        return found

    def leaves_alone(self, place: Place) -> bool:
        """Whether the settings leave a lane alone. Raises Undecided, RecordUnreadable."""
        return self._owner("", place) == "left alone"

    def _owner(self, claimed: str, place: Place) -> ProductProfile | Ungoverned:
        listed = self._listed(f"whose lane {place.context}/{place.instance} is")
        owners = [profile for profile in listed if calls.owns(profile, place)]
        governed = [profile for profile in owners if not self._is_stated(profile, place)]
        if governed:
            return self._store.read_product_profile_record(governed[0].product)
        return "left alone" if owners or self._names(claimed, place, None) else "nobody's"

    def _listed(self, what: str) -> tuple[Any, ...]:
        """The host's profiles. Raises Undecided: a lane that may be governed is not let go."""
        try:
            return tuple(self._products())
        except Exception as error:  # whatever the host's store raises
            told = f"{what} cannot be told: {in_a_sentence(error)}"
            raise Undecided(told, hint="Nothing was done. Restore the product profile that cannot be read.") from error

    def _profile(self, product: str) -> ProductProfile | None:
        try:
            return self._store.read_product_profile_record(product) if product else None
        except FileNotFoundError:
            return None

    def _is_stated(self, profile: Any, place: Place) -> bool:
        return self._names(profile.product, place, profile)

    def _names(self, product: str, place: Place, profile: Any) -> bool:
        contexts = {place.context} if place.context else {lane.context for lane in profile.lanes} if profile else set()
        lanes = {f"{context}/{place.instance}" for context in contexts}
        drivers = {profile.driver_id} if profile else set()
        return not self._not_governed.isdisjoint({product, *drivers, *contexts, *lanes} - {""})
