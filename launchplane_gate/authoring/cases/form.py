"""What may stand in the file of a case."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from launchplane_gate.model import Actor, Name, ReleaseIdentity, RuleCode, Text
from launchplane_gate.moments import unstamp

Result = Literal["satisfied", "not satisfied", "waived", "not known"]
REFUSING: tuple[Result, ...] = ("not satisfied", "not known")


def _moment(text: str) -> str:
    if unstamp(text) is None:
        raise ValueError(f"{text!r} is no time; one is written as 2026-05-07T12:00:00Z")
    return text


Moment = Annotated[str, AfterValidator(_moment)]


class Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_REQUESTER = Actor(subject="requester", verified_by="github-oidc")
_APPROVER = Actor(subject="approver", verified_by="github-oidc")


class CaseWaiver(Form):
    """A waiver that is there; one that states its rule alone is live, and approved by somebody verified."""

    rule: RuleCode = Field(description="The rule that it lets pass.")
    requested_by: Actor = Field(default=_REQUESTER, description="Who requested it.")
    requested_at: Moment | None = Field(default=None, description="An hour before the question, where none is named.")
    expires_at: Moment | None = Field(default=None, description="An hour after the question, where none is named.")
    approved_by: Actor | None = Field(default=_APPROVER, description="Who approved it; null: nobody did.")
    how: Literal["identity", "signature", "word", "claimed"] = Field(
        default="identity",
        description="How that is known: as they were verified, by their SSH key, by word alone, merely claimed.",
    )
    lane: Name | None = Field(
        default=None, description="The lane that it is for; the destination, where none is named."
    )
    release: ReleaseIdentity | None = Field(
        default=None, description="What it is for; the release that is asked about."
    )


class CaseFile(Form):
    """A case for the policies of launchplane-gate: a good question, what differs, and what is expected."""

    case: Text = Field(description="What it shows, in a sentence.")
    base: Text = Field(description="The good question that it starts from, or another case.")
    at: Moment | None = Field(default=None, description="When it is asked: every time of the base moves along.")
    facts: dict[str, Any] = Field(
        default={}, description="The facts that differ from the base, by nested maps or by dotted paths."
    )
    without: tuple[Text, ...] = Field(default=(), description="The facts of the base that are missing, by their paths.")
    waivers: tuple[CaseWaiver, ...] = Field(default=(), description="The waivers that are there.")
    expect: Literal["allowed", "refused"] = Field(description="What the policies decide.")
    rules: dict[RuleCode, Result] = Field(
        default={}, description="What comes of a rule; whatever is not named is satisfied."
    )
