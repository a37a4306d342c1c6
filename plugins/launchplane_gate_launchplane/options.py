"""The table ``[plugins.launchplane]`` of the settings."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from launchplane_gate.hookspecs import Secret
from launchplane_gate.model import Contract, Text
from launchplane_gate_generic_web import GenericWebOptions


class Options(Contract):
    """Where Launchplane keeps its records, as it is told itself: ``state_dir``, or ``database_url``, which is a secret.

    ``dokploy``: what ``[plugins.generic-web]`` is for its products, for those of the driver ``verireel``, if there are.
    ``not_governed``: what the gate leaves alone: products, drivers, contexts, and lanes as ``context/instance``.
    """

    state_dir: Text | None = None
    database_url: Secret | None = None
    dokploy: GenericWebOptions | None = None
    not_governed: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if (self.state_dir is None) == (self.database_url is None):
            raise ValueError("name one place of the records: state_dir, or database_url")
        return self
