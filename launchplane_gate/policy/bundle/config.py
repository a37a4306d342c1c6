"""``config/data.json``: which rules are asked when, and what policy authors decide for a product."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from launchplane_gate.model import Action, Actor, Name, Phase, RuleCode, Text
from launchplane_gate.policy.bundle.floor import OF_A_VERSION
from launchplane_gate.policy.bundle.places import Place
from launchplane_gate.ssh import public_key

Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
Threshold = Literal[
    "source_fresh_s",
    "source_soak_s",
    "observed_s",
    "health_s",
    "health_matches",
    "backup_s",
    "waiver_max_s",
    "settle_s",
]
Loosening = Literal[  # what an entry has to name
    "rollback", "waive", "approve", "adopt", "restore", "hold", "release", "quarantine"
]
YEAR_S = 366 * 86400
SETTLE_MAX_S = 3600
SEPARATORS = ":/@|"
NAMES_AN_OWNER = 2  # separators in a pattern: repo:acme/
SSH = "ssh"  # who verified somebody that signed with a key of the policies


def _unique(entries: tuple[Any, ...]) -> tuple[Any, ...]:
    for index, entry in enumerate(entries):
        if entry in entries[:index]:
            raise ValueError(f"has an entry twice: {entry!s}")
    return entries


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone of the IANA database") from None
    return name


def _in_range(thresholds: dict[Threshold, int]) -> dict[Threshold, int]:
    if thresholds.get("health_matches", 1) < 1:
        raise ValueError("health_matches has to be 1 or more: no answer at all would be enough")
    if thresholds.get("waiver_max_s", 0) > YEAR_S:
        raise ValueError(f"waiver_max_s has to be {YEAR_S} or less: what is waived for longer is a policy to change")
    if thresholds.get("settle_s", 0) > SETTLE_MAX_S:
        raise ValueError(f"settle_s has to be {SETTLE_MAX_S} or less: a deploy waits for it, unlike for source_soak_s")
    return thresholds


Codes = Annotated[tuple[RuleCode, ...], Field(min_length=1), AfterValidator(_unique)]
PhaseCodes = Annotated[dict[Phase, Codes], Field(min_length=1)]
ActionCodes = Annotated[dict[Action, PhaseCodes], Field(min_length=1)]
Thresholds = Annotated[dict[Threshold, Annotated[int, Field(ge=0)]], Field(min_length=1), AfterValidator(_in_range)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Midnight = Literal["24:00"]
Zone = Annotated[
    str,
    StringConstraints(pattern=r"^(UTC|[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+)+)$"),  # the forms that name one place
    AfterValidator(_zone),
]


class Section(BaseModel):
    """Frozen, closed to unknown fields, and never converting: ``"5"`` is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Route(Section):
    """A way that releases may take from one lane of a product to another."""

    from_: Name = Field(alias="from")
    to: Name


def _ssh_key(line: str) -> str:
    public_key(line)  # raises ValueError
    return line


class ActorEntry(Section):
    """Who may ship to a lane, and what loosens, goes back or stops others there may ask for besides (``may``).

    A ``subject`` that ends with ``*`` is a pattern, and ends at a separator before it: ``repo:acme/shop*`` would name
    repositories of strangers. ``claims``: what else its verifier has to tell of it, each exactly. ``ssh_key``: of a
    person whom the gate itself verifies by a signature, ``ssh``.
    """

    subject: Text
    verified_by: Text | None
    may: Annotated[tuple[Loosening, ...], AfterValidator(_unique)] = ()
    claims: dict[Text, Text] = {}
    ssh_key: Annotated[str, AfterValidator(_ssh_key)] | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        prefix, star, rest = self.subject.partition("*")
        if star and (rest or not prefix or prefix[-1] not in SEPARATORS):
            raise ValueError(f"subject: {self.subject!r} is no pattern: one ends with a separator ({SEPARATORS}) and *")
        if star and self.verified_by and sum(prefix.count(mark) for mark in SEPARATORS) < NAMES_AN_OWNER:
            raise ValueError(f"subject: {self.subject!r} names everybody; a pattern names an owner, as repo:acme/*")
        if self.claims and self.verified_by in (None, SSH):
            raise ValueError("claims are what a verifier tells, such as github-oidc; of this one nobody tells any")
        if (self.verified_by == SSH) != bool(self.ssh_key):
            raise ValueError(f'an ssh_key goes with "verified_by": "{SSH}", and that with an ssh_key')
        if self.ssh_key and (star or self.may != ("approve",)):
            raise ValueError('who has an ssh_key is one person, who may "approve" and nothing else: "may": ["approve"]')
        return self

    def names(self, actor: Actor) -> bool:
        """Whether this is an entry of the actor; the rule ``actor.permitted`` says for what."""
        if self.verified_by != actor.verified_by:
            return False
        prefix, star, _ = self.subject.partition("*")
        return actor.subject.startswith(prefix) if star else actor.subject == self.subject


class BackupDemand(Section):
    """Where no age is named, ``thresholds.backup_s`` is it."""

    max_age_s: int = Field(default=0, ge=0)


class Window(Section):
    """On these days, from a time until before another; past midnight where the second is the earlier one."""

    days: Annotated[tuple[Day, ...], Field(min_length=1), AfterValidator(_unique)]
    from_: TimeOfDay = Field(alias="from")
    to: TimeOfDay | Midnight
    zone: Zone

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.from_ == self.to:
            raise ValueError("a window that ends as it starts is never open")
        return self


class ProductPolicy(Section):
    """What is absent is decided by the rules, which refuse where they need it.

    ``by_word``: the rules of which a waiver counts by the word of who requests it, without an approver who is verified.
    """

    paths: Annotated[tuple[Route, ...], AfterValidator(_unique)] = ()  # none: nothing of it is ever promoted
    actors: dict[Name, Annotated[tuple[ActorEntry, ...], Field(min_length=1), AfterValidator(_unique)]] = {}
    backup: dict[Name, BackupDemand] = {}
    windows: dict[Name, Annotated[tuple[Window, ...], Field(min_length=1), AfterValidator(_unique)]] = {}
    branches: Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(_unique)] = ()
    by_word: Annotated[tuple[RuleCode, ...], AfterValidator(_unique)] = ()
    thresholds: Thresholds = {}


class DriverPolicy(Section):
    """How long a lane of this driver has to stay good, in seconds, in place of ``thresholds.settle_s``."""

    settle_s: int = Field(ge=0, le=SETTLE_MAX_S)


class RollCall(Section):
    """The rules that are asked: ``base`` always, and those that a driver or a product adds.

    ``optional`` rules may be asked of nobody: they are there for those who add them. Where a version is asked for, the
    core has that asked whatever the roll call says.
    """

    base: ActionCodes = {}
    drivers: dict[Name, ActionCodes] = {}
    products: dict[Name, ActionCodes] = {}
    optional: Annotated[tuple[RuleCode, ...], AfterValidator(_unique)] = ()

    def codes(self, action: Action, phase: Phase, driver_id: str, product: str, version: str | None) -> tuple[str, ...]:
        additions = (self.base, self.drivers.get(driver_id, {}), self.products.get(product, {}))
        of_these = [code for added in additions for code in added.get(action, {}).get(phase, ())]
        of_a_version = OF_A_VERSION.get((action, phase), ()) if version is not None else ()
        return tuple(dict.fromkeys((*of_these, *of_a_version)))

    def lists(self) -> Iterator[tuple[Place, Action, Phase, tuple[str, ...]]]:
        """Each list of codes, with its place in the configuration, its action and its phase."""
        named: list[tuple[Place, ActionCodes]] = [(("base",), self.base)]
        named += [(("drivers", name), codes) for name, codes in self.drivers.items()]
        named += [(("products", name), codes) for name, codes in self.products.items()]
        for place, by_action in named:
            for action, by_phase in by_action.items():
                for phase, codes in by_phase.items():
                    yield ("roll_call", *place, action, phase), action, phase, codes


class Config(Section):
    """One file, or all of them merged. Only the merged one has to be whole."""

    roll_call: RollCall = RollCall()
    thresholds: Thresholds = {}
    drivers: dict[Name, DriverPolicy] = {}
    waivable: Annotated[tuple[RuleCode, ...], AfterValidator(_unique)] = ()
    products: dict[Name, ProductPolicy] = {}

    def names(self, actor: Actor) -> bool:
        """Whether any entry, of any lane of any product, names the actor."""
        products = self.products.values()
        return any(entry.names(actor) for one in products for entries in one.actors.values() for entry in entries)

    def actors_of(self, product: str, instance: str) -> tuple[ActorEntry, ...]:
        """Who is listed for a lane of a product."""
        return self.products.get(product, ProductPolicy()).actors.get(instance, ())

    def approvers(self, product: str, instance: str) -> tuple[ActorEntry, ...]:
        """Who may approve a waiver on a lane and is verified: nobody else's approval counts."""
        return tuple(one for one in self.actors_of(product, instance) if one.verified_by and "approve" in one.may)

    def by_word(self, product: str) -> tuple[str, ...]:
        return self.products.get(product, ProductPolicy()).by_word

    @property
    def missing_thresholds(self) -> list[str]:
        return [name for name in get_args(Threshold) if name not in self.thresholds]

    def thresholds_of(self, product: str) -> dict[str, int]:
        """The thresholds that count for a product: its own, or else those of all products."""
        own = self.products.get(product, ProductPolicy()).thresholds
        return {str(name): seconds for name, seconds in {**self.thresholds, **own}.items()}

    def waiver_max_s(self, product: str) -> int:
        """The longest that a waiver may run, in seconds: a product may say less than all products, never more."""
        own = self.products.get(product, ProductPolicy()).thresholds
        return min(self.thresholds["waiver_max_s"], own.get("waiver_max_s", YEAR_S))

    def settle_s(self, driver_id: str, product: str) -> int:
        """How long a lane has to stay good to be confirmed, in seconds: the driver's, which a product may only raise.

        ``products.settle_s`` of the policies says the same.
        """
        driver = self.drivers.get(driver_id)
        own = self.products.get(product, ProductPolicy()).thresholds
        return max(driver.settle_s if driver else self.thresholds["settle_s"], own.get("settle_s", 0))
