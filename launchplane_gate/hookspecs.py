"""What a plugin may implement, and what the gate hands to it.

A plugin is made by the callable that its entry point (group ``launchplane_gate``) names, called with a PluginConfig.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import pluggy
from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError

from launchplane_gate.errors import SettingsError
from launchplane_gate.model import (
    Bump,
    Contract,
    Lane,
    Observation,
    Outcome,
    Phase,
    Publication,
    ReleaseIdentity,
    Request,
    Run,
    Target,
)
from launchplane_gate.outlook import Outlook
from launchplane_gate.records import ProductProfile
from launchplane_gate.secret import UnsetSecret

hookspec = pluggy.HookspecMarker("launchplane_gate")
hookimpl = pluggy.HookimplMarker("launchplane_gate")

Progress = Callable[[str], None]
"""Told what is awaited, in a few words, whenever that changes."""


@dataclass(frozen=True)
class PluginConfig:
    """What the settings say to one plugin.

    ``options``: its table ``[plugins.NAME]``, with references to secrets already resolved; ``targets``: for each lane
    the table ``[products.P.lanes.L.target]``; ``base_dir``: the settings file's folder, to which relative paths in
    them refer; ``state_dir``: a folder of its own, made when first used;
    ``now``: the ledger's clock, for every time that the plugin stamps; ``plain_http``: the lanes whose health may be
    asked over plain http beyond this machine.
    """

    name: str
    options: Mapping[str, Any]
    targets: Mapping[Lane, Mapping[str, Any]]
    base_dir: Path
    state_dir: Path
    now: Callable[[], datetime]
    plain_http: frozenset[Lane] = frozenset()
    named: Callable[[], Mapping[Lane, Mapping[str, Any]]] = dict  # what the plugins name as targets

    def targets_now(self) -> Mapping[Lane, Mapping[str, Any]]:
        """``targets``, and those of lanes that no settings name, as plugins name them now (``gate_targets``).

        Raises GateError where that cannot be told. Ask when a target is needed: lanes appear while the gate runs.
        """
        return {**self.named(), **self.targets}


ContractT = TypeVar("ContractT", bound=Contract)


def _by_reference(value: object) -> object:
    if not isinstance(value, SecretStr):
        reference = '{ env = "NAME" } or { file = "PATH" }'
        raise ValueError(f"a secret is never written here, only referred to: {reference}")  # noqa: TRY004  # pydantic's
    return value


def _at_hand(value: object) -> object:
    if isinstance(value, UnsetSecret):
        value.get_secret_value()
    return value


LateSecret = Annotated[SecretStr, BeforeValidator(_by_reference)]
"""For an option that holds a secret which only some of what the plugin does needs.

It may be an UnsetSecret, which raises the SettingsError once its value is wanted.
"""

Secret = Annotated[LateSecret, BeforeValidator(_at_hand)]
"""For an option that holds a secret: the settings refer to it, and it is resolved before a plugin sees it.

One that is not at hand keeps the plugin from being loaded.
"""


def checked(check: Callable[[str], bool], what: str) -> AfterValidator:
    """Hold a secret to a form, where it is at hand; ``what`` says how it is to be."""

    def hold(secret: SecretStr) -> SecretStr:
        if not isinstance(secret, UnsetSecret) and not check(secret.get_secret_value()):
            raise ValueError(what)
        return secret

    return AfterValidator(hold)


def _fits_a_header(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


IN_A_HEADER = checked(_fits_a_header, "a token is printable ASCII without spaces")
"""For a secret that is sent in a header: ``Annotated[Secret, IN_A_HEADER]``."""


def read_table(contract: type[ContractT], table: Mapping[str, Any], place: str) -> ContractT:
    """Hold a table of the settings to a contract; ``place`` is its name there.

    Raises SettingsError, which names the key and never its value: that may be a secret.
    """
    try:
        return contract.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join([place, *(str(part) for part in first["loc"])])
        what = "is not a known key" if first["type"] == "extra_forbidden" else first["msg"]
        raise SettingsError(
            f"settings: {key}: {what}",
            hint=f"Nothing was done. Mend that key; {place} takes: {', '.join(contract.model_fields)}.",
        ) from None


@dataclass(frozen=True)
class Question:
    """What is about to be asked of the policies, for plugins that gather facts.

    ``source`` is None but for a promotion. ``runs``: what the destination's inventory names before the run.
    ``version``: the one that the release is to be published under, if it is. ``branches``: those that the policies
    allow releases of the product to come from. ``deadline_s`` bounds the whole call, in seconds. ``read``: the plugins
    whose evidence a rule of the roll call reads; None, where that may be any. ``goes_back``: it is a rollback, and its
    release may be older than what is kept: whoever knows where it would be fetched from looks in ``admit`` whether it
    is still there, whatever is read, and raises EvidenceFailed where it is not.
    """

    phase: Phase
    product: ProductProfile
    source: Lane | None
    destination: Lane
    release: ReleaseIdentity | None
    deadline_s: float
    runs: ReleaseIdentity | None = None
    version: str | None = None
    branches: tuple[str, ...] = ()
    read: frozenset[str] | None = None
    goes_back: bool = False

    def reads(self, plugin: str) -> bool:
        """Whether any rule reads the evidence of a plugin. Who refuses by raising looks whatever is read."""
        return self.read is None or plugin in self.read


class Approval(Protocol):
    """The capability that an admitting decision gives; it is redeemed once."""

    @property
    def run_id(self) -> str: ...
    @property
    def lane(self) -> Lane: ...
    @property
    def release(self) -> ReleaseIdentity: ...

    def write_seconds_left(self) -> float:
        """Ask right before each write outside: how long that one may take, in seconds, 10 at most.

        It renews the lane's lease. Raises NotSettled where the lease is over or the run nearly, LedgerError where the
        ledger cannot be told: let it pass, and write nothing more. It ends the deploy: failed, untouched, before
        redeem; unknown after it.
        """

    def run_seconds_left(self) -> float:
        """What is left until the run's own deadline, in seconds; 0 or less after it. Renews nothing.

        Or less: of what the caller lets the deploy take; and to what deploys in place of the driver, of the driver's
        ``deploy_timeout_s``. Whatever is read, waited for or watched ends by it.
        """

    def redeem(self, target: Target) -> AbstractContextManager[ReleaseIdentity]:
        """Open the one door to the platform, right before the first change.

        Raises Stale where a lane has changed since the decision, ApprovalVoid where this approval is spent or its
        lease is over. Leaving the block says that the deploy is triggered.
        """


class InventoryWriter(Protocol):
    """Writes what was approved, and nothing else."""

    def write(self) -> None:
        """Write the promotion record, then the inventory. Raises NotSettled where the lane has changed meanwhile."""


class Driver(Protocol):
    """A deployment platform.

    It may have ``deploy_timeout_s``: how long its ``deploy`` takes at most, in seconds, all waits included. The
    deadline of a run leaves room for it; for 600 s, where a driver has none. And it may have ``obstacle(lane,
    release)``: why no deploy to a lane could begin until somebody mends it, as ``deploy`` would find before it redeems;
    empty where it finds nothing. What passes by itself is no obstacle. ``release`` is None where it is not known which
    one comes next. It changes nothing; ``doctor`` asks it.
    """

    driver_id: str

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        """Read and check first; then, inside ``with approval.redeem(target) as release:``, make the change; then wait.

        Each write asks ``approval.write_seconds_left()`` before, each wait ``approval.run_seconds_left()``.

        An exception before redeem is ``fail``, untouched; after it ``unknown``. ``pass`` without redeem is ``unknown``.
        """

    def find(self, run: Run) -> Outcome:
        """Tell what became of an interrupted run's deploy; ``unknown`` where the platform does not tell."""

    def observe(self, lane: Lane) -> Observation:
        """Tell what the platform says is running now. A lane that is down is a fact, not an exception."""

    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        """Called once the deploy is confirmed: do what the platform needs, and call ``inventory.write()``."""


Act = Callable[[Approval, Progress], Outcome]
"""What deploys in one call of ``Gate.run``, in place of the ``deploy`` of the product's driver, as that would.

The driver's ``find``, ``observe`` and ``record`` stay in force, in this call and in any process after it.
"""


class Publisher(Protocol):
    """Where releases of products are published."""

    def publishes(self, product: ProductProfile) -> bool:
        """Whether the settings name this publisher for a product. Asks nobody."""

    def next_version(self, product: ProductProfile, bump: Bump) -> str:
        """The version that follows the product's latest release. Raises GateError where that is not known."""

    def publishes_as(self, product: ProductProfile) -> str:
        """Who makes releases of a product, as their author is shown: it is noted before one is made.

        Empty where that is told by what was made alone. Raises GateError where it cannot be known now.
        """

    def publish(
        self,
        product: ProductProfile,
        run: Run,
        progress: Progress,
        assets: Mapping[str, bytes] = {},
        others: Sequence[Run] = (),
    ) -> Publication:
        """Publish ``run.publication.version`` for exactly the commit of a recorded run, and read it back.

        A release is ours if it says which run made it, this one or one of the ``others`` of the same version and
        commit, and its author is among that run's ``publication.authors``. ``assets``: the files that the release has
        to carry, by name; each is read back. A release that is out without one is given it, where that can be; what is
        missing is named in ``Publication.missing``.

        Called again after a crash, a lost answer, or success: what is right already is left, and what is not ours is
        never moved or deleted. An exception says that the release is not published.
        """


@dataclass(frozen=True)
class Kept:
    """Where a host keeps its records. ``store`` has the methods of launchplane_gate.store.RecordStore.

    ``products``: those that are the gate's to look after; called whenever it is asked which there are.
    The ledger goes beside the records: into ``state_dir``, a folder of its own, or into our schema of the database at
    ``database_url``.
    """

    store: Any
    products: Callable[[], Iterable[ProductProfile]]
    state_dir: Path | None = None
    database_url: SecretStr | None = None


@hookspec
def gate_store(config: PluginConfig) -> Kept:  # type: ignore[empty-body]  # a specification
    """Say where a host keeps its records; called before all else where the settings say ``store = "NAME"``.

    It belongs to what the entry point names, as a static method: the plugin itself is made later, once there is a
    ledger. An exception means that the gate does not start; raise SettingsError for what is to be mended there.
    """


@hookspec
def gate_drivers() -> Iterable[Driver]:  # type: ignore[empty-body]  # a specification
    """Name the drivers that this plugin brings; called once, when the gate starts."""


@hookspec
def gate_targets() -> Mapping[Lane, Mapping[str, Any]]:  # type: ignore[empty-body]  # a specification
    """Name the targets of lanes that no settings name, such as those of a host's records: all that there are now.

    Called each time that a driver wants the target of a lane. What the settings name for a lane stands. An exception
    means that nothing is deployed, and that what runs is not known.
    """


@hookspec
def gate_evidence(question: Question) -> Mapping[str, Any] | Contract | None:
    """Contribute facts to a question, before the policies decide; they stand at ``input.evidence.<plugin>``.

    Called in both phases; in ``confirm`` again and again until the policies are content or the time is over. Say None
    for a thing looked for and not found; leave out what was not looked for. A Contract is taken as its JSON, without
    what was not set. An exception, and what is no JSON, is a refusal in ``admit`` and an unproven deploy in
    ``confirm``.

    What the entry point names may tell the shape of it: a Contract, as its attribute ``evidence_contract``. It stands
    in the JSON Schemas then, and a rule that misspells a part of it is found by ``launchplane-gate policy check``.
    """


@hookspec
def gate_outlook(url: str, request: Request, deadline_s: float) -> Outlook:  # type: ignore[empty-body]  # a specification
    """Say what a host that is asked from outside, at ``url``, shows of the lanes of a promotion.

    Called for each proposal that is to be decided on that, from several threads. ``deadline_s`` bounds the whole call,
    in seconds. Name in ``unseen`` what the host does not show, and leave it out of the facts: a rule that rests on it
    refuses, and is told to be not known. Raise RequestError for a product or a lane that is not there, Undecided where
    nothing can be had.
    """


@hookspec
def gate_cannot_meet(product: str, thresholds: Mapping[str, int]) -> str | None:
    """Say which threshold of a product's policy this plugin can never meet as it is set up, and what to change.

    Called once for each product, when the gate starts, which it does not then. None where every one can be met.
    """


@hookspec
def gate_publishers() -> Iterable[Publisher]:  # type: ignore[empty-body]  # a specification
    """Name the publishers that this plugin brings; called once, when the gate starts."""


@hookspec
def gate_token() -> SecretStr | None:
    """The token by which the platform that runs this process vouches for it; None where it runs elsewhere.

    Called by the command line, which has the token verified like any other. An exception means that nobody asks.
    """


@dataclass(frozen=True)
class Proven:
    """Whom a token proves to ask. ``person``: the human behind a subject that is none, such as a job of CI.

    Empty where nobody knows that human; None where the subject is a person. ``claims``: what else the token proves,
    for rules to read. ``token_id``: what its issuer calls this token and no other; it is spent then, by the first
    request that is admitted, and goes with ``until``: when the plugin itself takes it no longer. Without an id a token
    can be used by whoever has it, for whatever it proves, until it expires.
    """

    subject: str
    person: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)
    token_id: str | None = None
    until: datetime | None = None


@hookspec
def gate_actor(token: SecretStr) -> Proven | None:
    """Whom a token proves to ask: the actor is that, verified by the name of this plugin.

    None for a token of another issuer, or of none. Called before anything is asked of the policies. An exception means
    that nobody asks: raise ActorUnproven for what the token does not prove, and Undecided for what cannot be known
    now. Nothing of the token belongs into their words.
    """


@dataclass(frozen=True)
class Answered:
    """Somebody who was asked. ``whom``, for people; ``wrong``: what is, and what to do about it; empty for nothing."""

    whom: str
    wrong: str = ""


@hookspec
def gate_doctor(product: ProductProfile | None, deadline_s: float) -> Iterable[Answered]:  # type: ignore[empty-body]  # a specification
    """Ask those whom neither evidence nor a driver asks, such as who publishes, and change nothing.

    Called by ``doctor`` alone: once for each product, and once with None for what belongs to none of them. Nothing
    where there is nothing to ask. ``deadline_s`` bounds the call, in seconds. An exception says that they could not be
    asked; only what a GateError says is told, and nothing of a secret belongs into any of these words.
    """


@hookspec
def gate_recorded(run: Run) -> None:
    """Told of each run that was recorded. An exception is reported and changes nothing."""


@hookspec
def gate_unsettled(product: str, lane: Lane, why: str) -> None:
    """Told of each lane that a run left unsettled, and of each that ``inventory drift`` finds not as recorded.

    ``why`` is one sentence for people. A lane that stays so is told of again by the next run or look: keep what you
    told before, where that matters. An exception is reported and changes nothing.
    """
