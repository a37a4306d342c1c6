"""Loading plugins: only those that the settings enable, and every one of those or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

import pluggy
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from launchplane_gate import hookspecs
from launchplane_gate.bounded import Deadline, NoAnswerInTime, answer_of, start
from launchplane_gate.errors import (
    ActorUnproven,
    EvidenceFailed,
    GateError,
    RequestError,
    SettingsError,
    Undecided,
    in_a_sentence,
)
from launchplane_gate.evidence import NoEvidence, as_evidence
from launchplane_gate.extras import DISTRIBUTION, missing
from launchplane_gate.hookspecs import Answered, Driver, Kept, PluginConfig, Proven, Publisher, Question
from launchplane_gate.model import Actor, Lane, Request, Run, Text, Token
from launchplane_gate.outlook import Outlook
from launchplane_gate.records import ProductProfile
from launchplane_gate.settings import Settings
from launchplane_gate.strictjson import digest

GROUP = "launchplane_gate"
OURS = "ssh"  # no plugin verifies anybody by this name: `verified_by` names the plugin that did
DEPLOY_S = 600.0  # what a driver's deploy may take, where the driver does not say
LONGEST_DEPLOY_S = 86400.0


def deploy_timeout_of(driver: Driver) -> float:
    """The most that a deploy of a driver may take, in seconds."""
    limit_s: float = getattr(driver, "deploy_timeout_s", DEPLOY_S)
    return limit_s


class Plugins:
    """The plugins of a gate; ``drivers`` by driver id. Raises SettingsError where one cannot be loaded."""

    def __init__(self, plugins: Mapping[str, object]) -> None:
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        if OURS in plugins:
            raise SettingsError(f"plugins: {OURS!r} is how the gate calls its own verifier; call the plugin otherwise")
        try:
            for name, plugin in plugins.items():
                self._manager.register(plugin, name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise SettingsError(f"plugins: {error}") from None
        self.drivers: dict[str, Driver] = {}
        self.driver_plugin: dict[str, str] = {}
        for implementation in self._manager.hook.gate_drivers.get_hookimpls():
            for driver in cast(Iterable[Driver], implementation.function()):
                self._add(driver, implementation.plugin_name)
        self.publishers: list[Publisher] = [
            publisher
            for implementation in self._manager.hook.gate_publishers.get_hookimpls()
            for publisher in cast(Iterable[Publisher], implementation.function())
        ]

    def named(self, name: str) -> object:
        """A plugin, as its entry point made it; None where it is not enabled."""
        return self._manager.get_plugin(name)

    def _add(self, driver: Driver, plugin: str) -> None:
        if driver.driver_id in self.drivers:
            raise SettingsError(
                f"plugins: both {self.driver_plugin[driver.driver_id]} and {plugin} bring {driver.driver_id!r}",
                hint="Enable one of the two.",
            )
        limit_s = deploy_timeout_of(driver)
        if type(limit_s) not in (int, float) or not 0 < limit_s <= LONGEST_DEPLOY_S:
            raise SettingsError(
                f"plugins: the driver {driver.driver_id} of {plugin} says deploy_timeout_s = {limit_s!r}",
                hint=f"It is to be a number of seconds, more than 0 and at most {LONGEST_DEPLOY_S:.0f}.",
            )
        self.drivers[driver.driver_id] = driver
        self.driver_plugin[driver.driver_id] = plugin

    @property
    def names(self) -> list[str]:
        return sorted(name for name, _ in self._manager.list_name_plugin())

    @property
    def verifiers(self) -> list[str]:
        """The plugins that can prove who asks."""
        return sorted(one.plugin_name for one in self._manager.hook.gate_actor.get_hookimpls())

    def hooks(self, name: str) -> list[str]:
        """The hooks that a plugin implements."""
        callers = self._manager.get_hookcallers(self._manager.get_plugin(name)) or []
        return sorted(caller.name for caller in callers)

    def evidence(self, question: Question) -> dict[str, Any]:
        """What every plugin contributes, by plugin. Raises EvidenceFailed, with the plugin's name."""
        found = self.evidence_or_why(question)
        for facts in found.values():
            if isinstance(facts, EvidenceFailed):
                raise facts
        return found

    def evidence_or_why(self, question: Question) -> dict[str, Any]:
        """What every plugin contributes, by plugin; an EvidenceFailed for each that raises, or takes too long.

        All are asked at once, and ``question.deadline_s`` is for all of them.
        """
        found: dict[str, Any] = {}
        deadline = Deadline(question.deadline_s)
        asked = {
            implementation.plugin_name: start(partial(implementation.function, question), implementation.plugin_name)
            for implementation in self._manager.hook.gate_evidence.get_hookimpls()
        }
        for name, answer in asked.items():
            try:
                found[name] = as_evidence(answer_of(answer, deadline.left_s()))
            except Exception as error:  # noqa: BLE001  # whatever a plugin raises, it is a fact that is missing
                why = f"evidence of the plugin {name}: {error}"
                if isinstance(error, NoAnswerInTime):
                    why = f"evidence of the plugin {name}: {error}, {question.deadline_s:.0f} s"
                elif isinstance(error, NoEvidence):
                    why = f"evidence of the plugin {name} cannot be put to the policies: {error}"
                elif not isinstance(error, GateError):
                    why = f"the plugin {name} failed: {type(error).__name__}: {error}"
                found[name] = EvidenceFailed(why)
                found[name].__cause__ = error
        return found

    def doctor(self, plugin: str, product: ProductProfile | None, deadline_s: float) -> list[Answered]:
        """What a plugin that implements ``gate_doctor`` finds when it asks. Raises GateError."""
        [ask] = [one for one in self._manager.hook.gate_doctor.get_hookimpls() if one.plugin_name == plugin]
        try:
            answered = list(cast(Iterable[Any], ask.function(product, deadline_s)))
        except Exception as error:
            if isinstance(error, GateError):
                raise
            # Its words may hold a secret.
            raise Undecided(f"the plugin {plugin} failed: {type(error).__name__}") from None
        if not all(isinstance(one, Answered) for one in answered):
            raise Undecided(f"the plugin {plugin} failed: it answers with something else than Answered")
        return answered

    def cannot_meet(self, product: str, thresholds: Mapping[str, int]) -> list[str]:
        """Why thresholds of a product could never be met, a sentence each."""
        return list(self._answers("gate_cannot_meet", product, thresholds).values())

    def targets(self) -> dict[Lane, Mapping[str, Any]]:
        """What the plugins name as targets of lanes, as it is now. Raises Undecided where that cannot be told."""
        named: dict[Lane, Mapping[str, Any]] = {}
        try:
            answered = self._answers("gate_targets")
        except GateError as error:
            raise Undecided(f"the targets of the lanes cannot be told now: {in_a_sentence(error)}") from error
        for plugin, targets in answered.items():
            if both := named.keys() & targets.keys():
                raise Undecided(f"more plugins than {plugin} name a target of {min(map(str, both))}")
            named |= targets
        return named

    def publisher(self, product: ProductProfile) -> Publisher:
        """The one publisher of a product. Raises RequestError where there is none, or more than one."""
        found = [publisher for publisher in self.publishers if publisher.publishes(product)]
        if len(found) != 1:
            raise RequestError(
                f"{len(found) or 'no'} plugins publish releases of {product.product}",
                hint="Nothing was done. Name the product in the table of one that does, or promote without a version.",
            )
        return found[0]

    def see_that_one_looks_out(self) -> None:
        """Raises SettingsError unless exactly one plugin reads what a host shows from outside."""
        found = sorted(one.plugin_name for one in self._manager.hook.gate_outlook.get_hookimpls())
        if len(found) != 1:
            raise SettingsError(
                f"settings: {len(found) or 'no'} plugins read what a Launchplane shows: {_listed(found)}",
                hint="Nothing was decided. Enable one: a table [plugins.launchplane-api].",
            )

    def outlook(self, url: str, request: Request, deadline_s: float) -> Outlook:
        """What a host at ``url`` shows of a promotion. Raises GateError where that is nothing to decide on."""
        found = list(self._answers("gate_outlook", url, request, deadline_s).values())
        if len(found) != 1 or not isinstance(found[0], Outlook):
            raise Undecided(
                "the plugin that reads a Launchplane failed: it answers with something else than an outlook"
            )
        return found[0]

    def token(self) -> SecretStr | None:
        """The token by which this process's platform vouches for it, if it does. Raises as ``actor`` does."""
        return next(iter(self._answers("gate_token").values()), None)

    def actor(self, token: SecretStr) -> Actor:
        """Whom a token proves to ask. Raises ActorUnproven or Undecided; nobody has been proven to ask then."""
        found = self._answers("gate_actor", token)
        if len(found) != 1:
            who = "more than one enabled plugin takes" if found else "no enabled plugin knows the issuer of"
            raise ActorUnproven(
                f"{who} the token; those that take tokens: {_listed(self.verifiers)}",
                hint="Nothing was done. Enable the one that knows its issuer, such as [plugins.github-oidc].",
            )
        [(plugin, proven)] = found.items()
        if isinstance(proven, Proven):
            with suppress(ValidationError, TypeError):
                return _actor(plugin, proven)
        raise Undecided(f"the plugin {plugin} failed: it names nobody whom a record could hold")

    def _answers(self, hook: str, *arguments: object) -> dict[str, Any]:
        """What is not None of what the plugins answer, by plugin; the first that raises ends it."""
        found = {}
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                found[implementation.plugin_name] = implementation.function(*arguments)
            except Exception as error:
                if isinstance(error, GateError):
                    raise
                # What else it raises may have words that hold the token.
                raise Undecided(f"the plugin {implementation.plugin_name} failed: {type(error).__name__}") from None
        return {plugin: answer for plugin, answer in found.items() if answer is not None}

    def recorded(self, run: Run) -> list[str]:
        """Tell every observer of a recorded run; gives what went wrong there, a sentence each."""
        return _told(self._manager.hook.gate_recorded, run=run)

    def unsettled(self, product: str, lane: Lane, why: str) -> list[str]:
        """Tell every observer of a lane that is not as recorded; gives the same."""
        return _told(self._manager.hook.gate_unsettled, product=product, lane=lane, why=why)


def _actor(plugin: str, proven: Proven) -> Actor:
    """Raises ValidationError or TypeError for what a record could not hold."""
    actor = Actor(subject=proven.subject, verified_by=plugin, person=proven.person, claims=dict(proven.claims))
    if proven.token_id is None and proven.until is None:
        return actor
    name = TypeAdapter(Text).validate_python(proven.token_id)
    return actor.proven_by(Token.model_validate({"digest": digest([plugin, name]), "until": proven.until}))


def _told(hook: pluggy.HookCaller, **what: Any) -> list[str]:
    wrong = []
    for implementation in hook.get_hookimpls():
        try:
            implementation.function(*(what[name] for name in implementation.argnames))
        except Exception as error:  # noqa: BLE001  # an observer changes nothing, whatever it raises
            wrong.append(f"the plugin {implementation.plugin_name} failed: {type(error).__name__}: {error}")
    return wrong


def installed() -> dict[str, EntryPoint]:
    """Every plugin on this machine by name, loaded or not. Raises SettingsError where two have one name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in found and found[point.name].value != point.value:
            raise SettingsError(f"plugins: {point.value} and {found[point.name].value} are both called {point.name}")
        found[point.name] = point
    return found


def is_shipped(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == DISTRIBUTION


def evidence_contracts(names: Iterable[str] | None = None) -> dict[str, type[BaseModel] | None]:
    """The shape of the evidence of each of these plugins, or of the shipped ones; none is made for that.

    None where one contributes evidence, or may do so, and does not tell its shape. Raises SettingsError.
    """
    available = installed()
    if names is None:
        names = [name for name, point in available.items() if is_shipped(point)]
    found: dict[str, type[BaseModel] | None] = {}
    for name in sorted(names):
        make = _loaded(_available(name, available))
        contract = getattr(make, "evidence_contract", None)
        if contract or not isinstance(make, type) or hasattr(make, "gate_evidence"):
            found[name] = contract
    return found


def kept_by(plugin: str, settings: Settings) -> Kept:
    """Where the host of a plugin keeps its records. Raises SettingsError for a plugin that does not know."""
    point = _available(plugin, installed())
    tell = getattr(_loaded(point), "gate_store", None)
    if tell is None:
        raise SettingsError(f"settings: store: the plugin {plugin} brings no store of records")
    found = _called(point, tell, _config(plugin, settings, lambda: datetime.now(UTC)))
    if not isinstance(found, Kept):
        raise SettingsError(f"the plugin {plugin} does not say where the records are kept, but {type(found).__name__}")
    return found


def load_plugins(settings: Settings, *, now: Callable[[], datetime]) -> Plugins:
    """Load the plugins that have a table ``[plugins.NAME]``, and see that each product has its driver.

    A host may have products that nobody here deploys: those are refused when somebody asks for one.
    """
    available, made = installed(), dict[str, object]()
    loaded: list[Plugins] = []  # one, once each of them is made

    def named() -> Mapping[Lane, Mapping[str, Any]]:
        return loaded[0].targets() if loaded else {}

    for name in settings.plugins:
        point = _available(name, available)
        made[name] = _called(point, _loaded(point), replace(_config(name, settings, now), named=named))
    plugins = Plugins(made)
    loaded.append(plugins)
    for product, profile in () if settings.store else settings.profiles.items():
        if profile.driver_id not in plugins.drivers:
            raise SettingsError(
                f"settings: products.{product}.driver: no enabled plugin brings the driver {profile.driver_id!r}; "
                f"there are: {_listed(plugins.drivers)}",
                hint=f"Nothing was done. Enable one that does: a table [plugins.{profile.driver_id}].",
            )
    return plugins


def _available(name: str, available: Mapping[str, EntryPoint]) -> EntryPoint:
    if name not in available:
        raise SettingsError(
            f"settings: plugins.{name}: there is no such plugin; installed are: {_listed(available)}",
            hint=f"Nothing was done. Install the package that brings {name}, or take its table out.",
        )
    return available[name]


def _loaded(point: EntryPoint) -> Callable[[PluginConfig], object]:
    try:
        return cast(Callable[[PluginConfig], object], point.load())
    except ModuleNotFoundError as error:
        raise _lacking(point, error) or _unloadable(point, error) from error
    except Exception as error:
        raise _unloadable(point, error) from error


def _config(name: str, settings: Settings, now: Callable[[], datetime]) -> PluginConfig:
    return PluginConfig(
        name=name,
        options=settings.plugins[name],
        targets=settings.targets,
        base_dir=settings.base_dir,
        state_dir=settings.state_dir / "plugins" / name,
        now=now,
        plain_http=settings.plain_http,
    )


def _called(point: EntryPoint, make: Callable[[PluginConfig], object], config: PluginConfig) -> object:
    try:
        return make(config)
    except GateError:
        raise
    except Exception as error:
        raise _unloadable(point, error) from error


def _lacking(point: EntryPoint, error: ModuleNotFoundError) -> SettingsError | None:
    """An extra that is called like the plugin brings what it lacks; None where its distribution has none."""
    own = point.module.partition(".")[0]
    if not error.name or error.name.partition(".")[0] == own or point.dist is None:
        return None
    if point.name not in (point.dist.metadata.get_all("Provides-Extra") or ()):
        return None
    return missing(f"the plugin {point.name}", error, f"{point.dist.name}[{point.name}]")


def _unloadable(point: EntryPoint, error: Exception) -> SettingsError:
    return SettingsError(f"the plugin {point.name} cannot be loaded: {type(error).__name__}: {error}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
