"""The table ``[plugins.launchplane-api]`` of the settings."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from launchplane_gate.hookspecs import IN_A_HEADER, LateSecret
from launchplane_gate.model import Contract, Identifier


class Options(Contract):
    """By which token a Launchplane is asked: ``token``; or that of this job of GitHub Actions, for an ``audience``.

    ``timeout_s`` bounds each whole answer. ``ca_file``: authorities besides the usual ones, in PEM.
    """

    token: Annotated[LateSecret, IN_A_HEADER] | None = None
    audience: Identifier | None = None
    timeout_s: float = Field(default=10, gt=0, le=60)
    ca_file: str | None = None

    @model_validator(mode="after")
    def _names_one_token(self) -> Self:
        if (self.token is None) == (self.audience is None):
            raise ValueError("name one of the two: token, or the audience of the job's own")
        return self
