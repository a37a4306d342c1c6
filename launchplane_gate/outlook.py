"""What is known of a promotion before anybody asks for it: facts that can be carried to where somebody does."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from launchplane_gate.model import Actor, Contract, Lane, Name, Request, Waiver
from launchplane_gate.records import ProductProfile
from launchplane_gate.urls import without_query

ASKED = frozenset({"actor", "request", "nonce"})
"""What a policy input has of who asks, and for what."""


class Outlook(Contract):
    """All that the policies would be told of promoting what one lane runs to another, but for who asks and for what.

    ``facts``: the rest of a policy input of ``admit``, as it was at ``as_of``; none where it could not be had.
    ``unseen``: what nobody could observe, by its path (``source.run``; ``*`` is all of it), each with why. It is left
    out of the facts, or stands there as what a rule refuses. ``waivers``: those of the destination, for the release.
    """

    product: Name
    source: Lane
    destination: Lane
    as_of: str
    facts: dict[str, Any] = Field(default_factory=dict)
    unseen: dict[str, str] = Field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    def question(self, request: Request, actor: Actor) -> dict[str, Any]:
        """The policy input, once somebody asks."""
        return {
            **self.facts,
            "nonce": secrets.token_hex(16),
            "actor": actor.model_dump(),
            "request": {
                "product": request.product,
                "reason": request.reason,
                "version": request.version,
                "expected": request.expected.stated(),
                "dry_run": True,
            },
        }


def without_the_asker(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A policy input, without what ``Outlook.question`` adds."""
    return {name: fact for name, fact in facts.items() if name not in ASKED}


def product_facts(profile: ProductProfile) -> dict[str, Any]:
    """What the policies are told of a product: a fixed part of its profile, and of URLs no query."""
    lanes = [
        {
            "context": lane.context,
            "instance": lane.instance,
            "base_url": without_query(lane.base_url),
            "health_url": without_query(lane.health_url),
        }
        for lane in profile.lanes
    ]
    return {
        "product": profile.product,
        "repository": profile.repository,
        "driver_id": profile.driver_id,
        "image": {"repository": profile.image.repository},
        "health_path": without_query(profile.health_path),
        "lanes": lanes,
    }
