"""What a rule says of itself. No result depends on it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from launchplane_gate.model import RuleCode, Text


class Custom(BaseModel):
    """``follows``: the rules of which a refusal explains one of this rule."""

    model_config = ConfigDict(frozen=True)

    remedy: Text
    follows: tuple[RuleCode, ...] = ()


class RuleMetadata(BaseModel):
    """The annotations that are shown; OPA knows more of them, and a rule may have those too."""

    model_config = ConfigDict(frozen=True)

    title: Text
    description: str = ""
    custom: Custom

    @property
    def remedy(self) -> str:
        return self.custom.remedy

    @property
    def follows(self) -> tuple[RuleCode, ...]:
        return self.custom.follows
