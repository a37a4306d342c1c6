"""``doctor``: whether the gate could decide and record now, and what to mend if not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer, message_lines
from launchplane_gate.cli.permissions import secret_files, state_folder
from launchplane_gate.cli.session import Session, pass_session, progress_shown
from launchplane_gate.cli.storage import storage
from launchplane_gate.errors import GateError

if TYPE_CHECKING:
    from launchplane_gate.gate import Gate
    from launchplane_gate.hookspecs import Progress
    from launchplane_gate.lane_records import LaneRecords
    from launchplane_gate.ledger import Ledger
    from launchplane_gate.model import Actor, Lane
    from launchplane_gate.plugins import Plugins
    from launchplane_gate.policy import Bundle, Proof
    from launchplane_gate.report.examined import Check, NotSeen, Told
    from launchplane_gate.settings import Settings
    from launchplane_gate.store import OwnStore
    from launchplane_gate.ways import Standing, Way

T = TypeVar("T")

SHOWN = 5  # of what is wrong with the ledger


class _Examination:
    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.left: list[NotSeen] = []

    def look(
        self, what: str, at: Callable[[], T], say: Callable[[T], str], better: Callable[[T], str] = lambda _: ""
    ) -> T | None:
        """Note what ``at`` gives, or what it raises; None where it raised. ``better``: what could be."""
        try:
            found = at()
            self.note(what, True, say(found), better(found))
        except GateError as error:
            self.note(what, False, "; ".join(message_lines(error)), error.hint)
        except Exception as error:  # noqa: BLE001  # whatever is wrong is what was looked for
            self.note(what, False, f"{type(error).__name__}: {error}", "Mend what it names.")
        else:
            return found
        return None

    def note(self, what: str, ok: bool, found: str, remedy: str) -> None:
        from launchplane_gate.report.examined import Check

        self.checks.append(Check(what, ok, found, remedy))

    def leave(self, what: str, why: str) -> None:
        """Note what is not looked at."""
        from launchplane_gate.report.examined import NotSeen

        self.left.append(NotSeen(what, why))


@dataclass(frozen=True)
class _Found:
    """What could be opened of a gate. ``gate`` and ``actor`` are None where no decision can be had."""

    settings: Settings
    bundle: Bundle | None
    plugins: Plugins | None
    store: OwnStore | None
    ledger: Ledger | None
    gate: Gate | None
    actor: Actor | None


@click.command(cls=Command)
@pass_session
def doctor(session: Session) -> Answer:
    """Find out what keeps the gate from deciding.

    It looks, asks, changes nothing, and ends with 0 if all is well, 3 otherwise. Settings, state folder, ledger and its
    chains, policies and their own tests, and the engine's load checks. Then it asks whom a decision would ask, a minute
    at most: each lane's platform, whether a deploy could begin there, every plugin's evidence, who publishes, who
    proves who asks. Each line says ok or not ok, and what to do. It says what a promotion would be refused for now,
    and of each lane in doubt what can be done, which is no fault and ends with 0 too, and what it did not look at.

    \b
    Example:
      launchplane-gate doctor
    """
    here = _Examination()
    with progress_shown("looking at settings, policies and ledger") as progress, ExitStack() as opened:
        found = _open(here, session, opened)
        heard = _examine(here, found, progress)
        doubts = _doubts(found) if found else []
        who = found.actor.subject if found and found.actor else ""
    return _answer(here.checks, replace(heard, not_seen=[*here.left, *heard.not_seen]), who, doubts)


def _answer(checks: list[Check], heard: Told, who: str, doubts: list[tuple[Standing, tuple[Way, ...]]]) -> Answer:
    from launchplane_gate.report.examined import examined_text

    wrong = any(not check.ok for check in checks)
    promotions = [{**decision.model_dump(mode="json"), "allowed": decision.allowed} for _, decision in heard.promotions]
    document = {
        "ok": not wrong,
        "checks": [asdict(check) for check in checks],
        "promotions": promotions,
        "not_looked_at": [asdict(one) for one in heard.not_seen],
        "lanes": [
            {"lane": str(stands.lane), "why": stands.why, "ways": [way.model_dump(mode="json") for way in ways]}
            for stands, ways in doubts
        ],
    }
    return Answer(document, examined_text(checks, heard, who, doubts), 3 if wrong else 0)


def _doubts(found: _Found) -> list[tuple[Standing, tuple[Way, ...]]]:
    """The lanes that something can be done about, with what; none while no policies or no ledger can be read."""
    from launchplane_gate.lanes import paths_of
    from launchplane_gate.model import lanes_of
    from launchplane_gate.ways import standing_of, ways_on

    doubts: list[tuple[Standing, tuple[Way, ...]]] = []
    if not (found.bundle and found.store and found.ledger):
        return doubts
    for profile in found.settings.profiles.values():
        paths = paths_of(found.bundle, profile.product)
        for lane in lanes_of(profile):
            with suppress(Exception):  # what keeps them from being read was looked for, and told
                stands = standing_of(found.store, found.ledger, profile, lane, paths)
                if ways := ways_on(stands):
                    doubts.append((stands, ways))
    return doubts


def _open(here: _Examination, session: Session, opened: ExitStack) -> _Found | None:
    """What the settings name, each part looked at by itself; then the gate, as a request would find it."""
    from launchplane_gate.policy import prove_engine

    settings = here.look("settings", session.settings, lambda found: str(found.path))
    bundle = here.look("policies", lambda: _bundle(settings), _say_bundle)
    opa = settings.opa if settings else None
    proof = here.look("engine", lambda: prove_engine(bundle, opa), partial(_say_engine, bundle)) if bundle else None
    if not bundle:
        here.leave("engine", "there are no policies to ask it about")
    if settings is None:
        return None
    here.look("state folder", lambda: state_folder(settings), str)
    if settings.unset:
        here.look("secrets", lambda: _secrets(settings), str)
    if settings.secret_files:
        here.look("secret files", lambda: secret_files(settings), str)
    if settings.attestation:
        here.look("attestation", lambda: _attestation(settings), str)
    here.look("storage", lambda: storage(settings), lambda found: found[0], lambda found: found[1])
    kept = here.look("ledger", lambda: _ledger(settings), str)
    loaded = here.look("plugins", lambda: _plugins(settings), lambda found: ", ".join(found.names) or "none is enabled")
    gate, actor = None, None
    needs = {"policies": bundle, "engine": proof, "ledger": kept, "plugins": loaded}
    if lacking := [what for what, found in needs.items() if found is None]:
        here.leave("gate, and who asks", f"not until these are well: {', '.join(lacking)}")
    else:
        gate = here.look(
            "gate", lambda: opened.enter_context(session.gate(settings, to_read=True)), lambda _: "it opens"
        )
        actor = here.look("who asks", session.actor, _say_actor) if gate else None
        if not gate:
            here.leave("who asks", "the gate does not open")
    store, ledger = _opened(settings)
    if ledger:
        opened.callback(ledger.close)
    return _Found(settings, bundle, gate.plugins if gate else loaded, store, ledger, gate, actor)


def _examine(here: _Examination, found: _Found | None, progress: Progress) -> Told:
    """What is recorded of each lane, and what comes of asking others."""
    from launchplane_gate.examining import Examination
    from launchplane_gate.model import lanes_of
    from launchplane_gate.report.examined import NotSeen, Told, told

    if found is None:
        return Told([], [], [NotSeen("what settings name", "they cannot be read, so nobody was asked")])
    profiles = list(found.settings.profiles.values())
    _tell_what_is_left(here, found)
    recorded = {}
    _tell_of_modes(here, found.settings)
    for profile in profiles:
        if found.bundle and profile.product not in found.bundle.settings.products:
            remedy = f"Add products.{profile.product} to config/data.json of a policy folder: its paths and its actors."
            here.note(profile.product, False, "the policies do not name this product: all is refused", remedy)
        for lane in lanes_of(profile):
            records = (
                here.look(f"{lane} records", partial(_records, found, lane), _say_records) if found.store else None
            )
            if records and records.release:
                recorded[lane] = records.release
    if found.plugins is None:
        why = "one of the plugins cannot be loaded, so nobody was asked"
        return Told([], [], [NotSeen("platforms, evidence, waivers and promotions", why)])
    asking = Examination(found.plugins, profiles, found.bundle, recorded, found.gate, found.actor)
    holds_records = found.store is None or found.store.holds_records()
    heard = told(asking.go(progress), holds_records=holds_records)
    here.checks += heard.checks
    if found.bundle:
        for profile in profiles:
            _tell_of_approvers(here, found.bundle, found.plugins, profile.product)
    return heard


def _tell_what_is_left(here: _Examination, found: _Found) -> None:
    """What cannot be looked at of the lanes, for want of something that was looked at before."""
    if not found.settings.profiles:
        here.leave("lanes", "the settings name no product")
    elif found.store is None:
        here.leave("records of the lanes", "the database that holds them cannot be opened")
    elif found.ledger is None:
        here.leave("deployments of the lanes", "only the ledger knows which of them matter")
    if found.plugins and found.bundle is None:
        here.leave("waivers and promotions", "only policies name paths and approvers")


def _tell_of_modes(here: _Examination, settings: Settings) -> None:
    """In which mode each product is. That one is observed is a choice, and told."""
    for product in sorted({*settings.profiles, *settings.observed}):
        if product not in settings.observed:
            here.note(f"{product} mode", True, "enforced: what its policies refuse is not done", "")
            continue
        how = f"`launchplane-gate observe report {product}` says what would have been refused; then take `mode` out."
        here.note(f"{product} mode", True, "observed, not enforced: what its policies refuse is done all the same", how)


def _tell_of_approvers(here: _Examination, bundle: Bundle, loaded: Plugins, product: str) -> None:
    """Whether an emergency could be let through where a path ends. That nobody could is a choice, and told."""
    from launchplane_gate.lanes import paths_of
    from launchplane_gate.report.waivers import nobody_text

    verifiers = {*loaded.verifiers, "ssh"}
    for instance in dict.fromkeys(end for _, end in paths_of(bundle, product)):
        listed = bundle.settings.approvers(product, instance)
        who = [f"{one.subject}, verified by {one.verified_by}" for one in listed if one.verified_by in verifiers]
        away = sorted({str(one.verified_by) for one in listed} - verifiers)
        found = f"can be approved by {'; '.join(who)}" if who else "nobody could approve one who is verified"
        if away:
            found += f"; here nobody verifies as {', '.join(away)} does"
        how = "" if who else " ".join(line.strip() for line in nobody_text(product, instance))
        here.note(f"{product}/{instance} waivers", True, found, how)


def _bundle(settings: Settings | None) -> Bundle:
    from launchplane_gate.policy import load_bundle, shipped_policies

    return load_bundle([shipped_policies(), *(settings.policy_folders if settings else ())])


def _say_bundle(bundle: Bundle) -> str:
    from launchplane_gate.model import short
    from launchplane_gate.report.words import count

    return f"revision {short(bundle.revision)}, {count(len(bundle.metadata), 'rule')}"


def _say_engine(bundle: Bundle, proof: Proof) -> str:
    from launchplane_gate.model import short
    from launchplane_gate.report.words import count, span

    base = bundle.settings.roll_call.base
    asked = {f"{action}/{phase}": len(codes) for action, phases in base.items() for phase, codes in phases.items()}
    calls = ", ".join(f"{question} {number}" for question, number in sorted(asked.items()))
    tests = f"{count(proof.tests, 'Rego test')} pass" if proof.tests else "no Rego test is served"
    return (
        f"{proof.name}, bundle revision {short(proof.revision)}; rules on the roll call: {calls}; "
        f"its self-test passed, {tests}, in {span(proof.took_s)}"
    )


def _secrets(settings: Settings) -> NoReturn:
    """Raises UsageError for the secrets that are not at hand."""
    from launchplane_gate.errors import UsageError

    errors = [one.error for one in settings.unset]
    hint = dict.fromkeys(error.hint.removeprefix("Nothing was done.").strip() for error in errors)
    stops = "Until then what needs it is refused."
    told = "; ".join(str(error).removeprefix("settings: ") for error in errors)
    raise UsageError(told, hint=" ".join(filter(None, [*hint, stops])))


def _attestation(settings: Settings) -> str:
    """Who signs, and whose signatures are believed. Raises SettingsError where promotions would be refused for it."""
    from launchplane_gate.attesting import attester_of, believed
    from launchplane_gate.model import short

    attester = attester_of(settings)
    assert settings.attestation  # it is looked at where there is one
    keys = ", ".join(f"{name} ({short(key.keyid)})" for name, key in believed(settings.attestation)) or "nobody"
    if attester is None:
        return f"nothing is signed; believed is {keys}"
    return f"signs as {settings.attestation.verifier} with {short(attester.key_id())}; believed is {keys}"


def _opened(settings: Settings) -> tuple[OwnStore | None, Ledger | None]:
    """Without what cannot be read, which is told of the ledger."""
    from launchplane_gate.opening import opened, records_in

    try:
        return opened(settings, to_read=True)
    except GateError:
        is_lost = settings.database_url is not None and not settings.store
        return (None if is_lost else records_in(settings)), None


def _ledger(settings: Settings) -> str:
    from launchplane_gate.errors import LedgerError, PastLost
    from launchplane_gate.ledger import FILE_NAME, FORMAT, MOVED
    from launchplane_gate.opening import opened, records_in
    from launchplane_gate.report.verified import in_one_line
    from launchplane_gate.verify import verify

    is_there = settings.database_url or any((settings.state_dir / name).exists() for name in (FILE_NAME, MOVED))
    if not is_there and not records_in(settings).holds_records():
        return "none yet; the first deploy starts it"
    store, ledger = opened(settings, to_read=True)
    try:
        if lost := ledger.behind_its_mark():
            raise PastLost(lost)
        found = verify(ledger, store)
    finally:
        ledger.close()
    if found.wrong:
        told = "; ".join(found.wrong[:SHOWN]) + ("; and more" if found.wrong[SHOWN:] else "")
        raise LedgerError(told, hint="`launchplane-gate decisions verify` lists it; a backup has the rest.")
    return f"schema {FORMAT}, {in_one_line(found)}"


def _plugins(settings: Settings) -> Plugins:
    from datetime import UTC, datetime

    from launchplane_gate.plugins import load_plugins

    return load_plugins(settings, now=lambda: datetime.now(UTC))


def _records(found: _Found, lane: Lane) -> LaneRecords | None:
    """A lane's records; without a ledger, which alone knows what matters of them, the inventory is tried and no more.

    Raises RecordUnreadable where one that matters cannot be read.
    """
    from launchplane_gate.errors import RecordUnreadable
    from launchplane_gate.lane_records import read_lane

    assert found.store  # or nobody asks
    if found.ledger is None:
        with suppress(FileNotFoundError):
            found.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
        return None
    records = read_lane(found.store, found.ledger, lane)
    if records.unreadable:
        raise RecordUnreadable(records.unreadable)
    return records


def _say_records(records: LaneRecords | None) -> str:
    from launchplane_gate.report.words import count

    if records is None:
        return "the inventory can be read"
    says = f"the inventory says {records.release or 'nothing'}" if records.inventory else "nothing in the inventory"
    return f"{count(len(records.deployments), 'deployment')} that may matter; {says}"


def _say_actor(actor: Actor) -> str:
    return f"{actor.subject}, verified by {actor.verified_by}" if actor.verified_by else actor.subject
