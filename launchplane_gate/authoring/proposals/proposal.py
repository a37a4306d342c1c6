"""What ``promotion.yaml`` says: a promotion that somebody would like to see, as strictly read as a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints, ValidationError, field_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from launchplane_gate import private, strictyaml
from launchplane_gate.errors import BadFiles
from launchplane_gate.model import Contract, Expected, Identifier, Name, Request, Version
from launchplane_gate.policy import Finding

MAX_BYTES = 64 * 1024
MEND = "Nothing was decided. `launchplane-gate policy schema proposal` says what may stand in one."

Reason = Annotated[str, StringConstraints(max_length=1000)]


class Proposal(Contract):
    """A promotion of what one lane of a product runs to another."""

    model_config = ConfigDict(title="promotion.yaml")

    product: Name = Field(description="The product, as the settings of the gate or Launchplane call it.")
    from_: Name = Field(alias="from", description="The lane whose release is promoted.")
    to: Name = Field(description="The lane that it is promoted to.")
    artifact: Identifier | SkipJsonSchema[None] = Field(
        default=None, description="Refuse unless this is what is promoted: REPOSITORY@sha256:DIGEST."
    )
    ref: Identifier | SkipJsonSchema[None] = Field(
        default=None, description="Refuse unless this commit is promoted, 40 digits."
    )
    version: Version | SkipJsonSchema[None] = Field(
        default=None, description="Publish it as a release under this version: v1.2.3."
    )
    reason: Reason = Field(default="", description="Why, for those who read of it later.")

    @field_validator("artifact", "ref", "version", mode="before")
    @classmethod
    def _is_stated(cls, value: object) -> object:
        """What a template left empty must not pass for what was left out on purpose."""
        if value is None:
            raise PydanticCustomError("empty", "is empty: state it, or leave the key out")
        return value

    def request(self) -> Request:
        """Raises ValidationError for lanes that are one and the same."""
        return Request(
            action="promote",
            product=self.product,
            source=self.from_,
            destination=self.to,
            expected=Expected(artifact_id=self.artifact, source_git_ref=self.ref),
            version=self.version,
            reason=self.reason,
        )


@dataclass(frozen=True)
class Proposed:
    """A proposal with where it stands; ``file`` as it was named."""

    file: str
    request: Request
    document: strictyaml.Document

    def line(self, *keys: str) -> int:
        """Of the first of these keys that stands there; else of the first key of all."""
        return next((self.document.line((key,)) for key in keys if key in self.document.value), self._first)

    def line_told_of(self, problem: str) -> int:
        """Of the value that a sentence quotes."""
        quoted = (key for key, value in self.document.value.items() if f"{value!r}" in problem)
        return self.line(*quoted)

    @property
    def _first(self) -> int:
        return self.document.line((next(iter(self.document.value)),))


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, and on which line."""

    file: str
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


def read_all(files: Sequence[str]) -> list[Proposed]:
    """Raises BadFiles, which names each thing that is wrong with any of them."""
    read = [_read(file) for file in files]
    proposed = [one for one in read if isinstance(one, Proposed)]
    raise_for([*(one for one in read if isinstance(one, Fault)), *_twice(proposed)])
    return proposed


def raise_for(faults: Iterable[Fault]) -> None:
    """Raises BadFiles where there are any."""
    if found := list(faults):
        error = BadFiles("\n".join(map(str, found)), hint=MEND)
        error.findings = [Finding(fault.file, fault.line, fault.problem, MEND) for fault in found]
        raise error


def _read(file: str) -> Proposed | Fault:
    try:
        content = private.read_regular(Path(file), MAX_BYTES + 1)
        document = strictyaml.loads(content, max_bytes=MAX_BYTES)
    except OSError as error:
        return Fault(file, 1, f"it cannot be read: {error.strerror or error}")
    except strictyaml.NotStrictYaml as error:
        return Fault(file, error.line, f"it {error.problem}")
    if not isinstance(document.value, dict):
        return Fault(file, document.line(()), "it holds no keys: product, from and to are needed")
    try:
        return Proposed(file, Proposal.model_validate(document.value).request(), document)
    except ValidationError as error:
        return _fault(file, document, error)


def _fault(file: str, document: strictyaml.Document, error: ValidationError) -> Fault:
    found: list[Any] = list(error.errors(include_url=False, include_context=False))
    first = min(found, key=lambda one: one["type"] != "extra_forbidden")  # a key that is misspelt is missing, too
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "missing":
        return Fault(file, document.line(()), f"{key} is missing")
    known = [field.alias or name for name, field in Proposal.model_fields.items()]
    what = {
        "extra_forbidden": f"is no key of a proposal, which has: {', '.join(known)}",
        "string_type": f"is to be a text: put it into quotes if it is one ({str(first['input'])[:40]})",
        "string_pattern_mismatch": f"has not the form of one: {str(first['input'])[:80]!r}",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    return Fault(file, document.line((key,)), f"{key} {what}".strip())


def _twice(proposed: Sequence[Proposed]) -> Iterator[Fault]:
    first: dict[tuple[str, str], Proposed] = {}
    for one in proposed:
        lane = (one.request.product, one.request.destination)
        if lane in first:
            other = first[lane]
            where = f"{other.file}:{other.line('to')}"
            yield Fault(one.file, one.line("to"), f"{'/'.join(lane)} is proposed twice; the first is in {where}")
        first.setdefault(lane, one)
