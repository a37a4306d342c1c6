"""A snapshot of lanes: what the gate knows of each promotion, signed, to decide on it where the gate is not.

It is refused here, and by no rule, unless a key that the settings name signed it, lately: what is old says nothing of
what the lanes run now. ``now`` of a decision on it is when its facts were seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from launchplane_gate import private, strictjson
from launchplane_gate.attesting import attester_of, believed, library
from launchplane_gate.errors import GateError, PastLost, RequestError, SettingsError, Undecided, in_a_sentence
from launchplane_gate.model import Contract, Request, short, stamp, unstamp
from launchplane_gate.outlook import Outlook
from launchplane_gate.settings import Settings

if TYPE_CHECKING:  # where a snapshot is read, neither a gate nor what it stands on is
    from launchplane_gate.gate import Gate
    from launchplane_gate.hookspecs import Progress
    from launchplane_gate.records import ProductProfile

AT_ONCE = 8
ALL = "*"
Way = tuple["ProductProfile", str, str]
"""From which lane of a product to which, by instance."""

TAKE_A_NEW_ONE = (
    "Nothing was decided. Take a new one: `launchplane-gate lanes --export <file>`, where the gate is; snapshot_max_s "
    "in the settings says how old it may be."
)
CLOCKS = "Nothing was decided. One of the two machines has a wrong clock: set it, and take a new snapshot."
PIN = (
    'Nothing was decided. Name the public key of who exports: public_keys = ["attest.pub"] under [attestation] in the '
    "settings."
)
SIGN = (
    'Nothing was written. Name a key: key = { file = "attest.pem" } under [attestation] in the settings; '
    "`openssl genpkey -algorithm ed25519 -out attest.pem` makes one."
)


class SnapshotRefused(Undecided):
    """A snapshot of lanes that says nothing which may be believed of them now."""

    hint = TAKE_A_NEW_ONE


class Snapshot(Contract):
    """``exported_at``: before the first of its facts was looked for. ``gate``: the URI by which the gate is known."""

    schema_version: Literal[1] = 1
    exported_at: str
    gate: str
    outlooks: tuple[Outlook, ...]

    @property
    def told(self) -> list[dict[str, str]]:
        """Each path of promotion, and why nothing is known of it, where nothing is."""
        return [
            {
                "product": one.product,
                "from": one.source.instance,
                "to": one.destination.instance,
                "unknown": one.unseen.get(ALL, ""),
            }
            for one in self.outlooks
        ]

    def find(self, request: Request) -> Outlook:
        """What it tells of a promotion. Raises SnapshotRefused where that is nothing."""
        wanted = (request.product, request.source, request.destination)
        for one in self.outlooks:
            if (one.product, one.source.instance, one.destination.instance) == wanted:
                return one
        product, source, destination = wanted
        told = [f"{path['product']} {path['from']} -> {path['to']}" for path in self.told]
        raise SnapshotRefused(
            f"the snapshot says nothing of {product} {source} -> {destination}, but of: {', '.join(told) or 'none'}"
        )


def export(
    gate: Gate, settings: Settings, profiles: Iterable[ProductProfile], progress: Progress
) -> tuple[Snapshot, bytes]:
    """A snapshot of each path of promotion of some products, and the same, signed.

    What cannot be had of one is told there. Raises SettingsError without a key, PastLost.
    """
    attester = attester_of(settings)
    if attester is None:
        raise SettingsError("settings: there is no attestation.key to sign a snapshot with", hint=SIGN)
    attester.key_id()  # raises before anybody is asked
    at, ways = stamp(gate.ledger.now()), list(_ways(gate, profiles))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        outlooks = tuple(pool.map(lambda way: _outlook(gate, way, progress), ways))
    snapshot = Snapshot(exported_at=at, gate=attester.verifier.id, outlooks=outlooks)
    return snapshot, attester.seal_lanes(strictjson.dumps(snapshot.model_dump(mode="json")).encode())


def _ways(gate: Gate, profiles: Iterable[ProductProfile]) -> Iterable[Way]:
    for profile in profiles:
        known = {lane.instance for lane in profile.lanes}
        policy = gate.bundle.settings.products.get(profile.product)
        for path in policy.paths if policy else ():
            if {path.from_, path.to} <= known:
                yield profile, path.from_, path.to


def _outlook(gate: Gate, way: Way, progress: Progress) -> Outlook:
    profile, source, destination = way
    at = stamp(gate.ledger.now())
    try:
        return gate.outlook(profile.product, source, destination, progress)
    except PastLost:
        raise
    except GateError as error:
        lanes = {lane.instance: {"context": lane.context, "instance": lane.instance} for lane in profile.lanes}
        told = {"product": profile.product, "source": lanes[source], "destination": lanes[destination], "as_of": at}
        return Outlook.model_validate({**told, "unseen": {ALL: in_a_sentence(error)}})


def load(path: Path, settings: Settings, now: datetime) -> Snapshot:
    """Read a snapshot from a file, and see that it is to be believed. Raises as ``read`` does."""
    try:
        content = private.read_regular(path, library().MAX_LANES_BYTES + 1)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}", hint="Nothing was decided.") from None
    try:
        return read(content, settings, now)
    except (RequestError, SnapshotRefused) as error:
        raise type(error)(f"{path}: {error}", hint=error.hint) from None


def read(content: bytes, settings: Settings, now: datetime) -> Snapshot:
    """Raises RequestError for what is no snapshot, SnapshotRefused for one that is not to be believed (any more).

    Raises SettingsError where no key is named by which one could be.
    """
    keys = list(believed(settings.attestation)) if settings.attestation else []
    if not keys:
        raise SettingsError("settings: no key is named by which a snapshot could be believed", hint=PIN)
    signing = library()
    envelope = signing.envelope_in(content, signing.LANES)
    if signing.signed_by(envelope, [key for _, key in keys]) is None:
        signers = ", ".join(sorted(short(keyid) for keyid in envelope.signatures)) or "nobody"
        tried = ", ".join(f"{name} ({short(key.keyid)})" for name, key in keys)
        raise SnapshotRefused(f"it is signed by {signers}, and by none of the keys here: {tried}", hint=PIN)
    snapshot = _held_to_contract(envelope.payload, signing.LANES.hint)
    see_that_it_is_of_now(snapshot, now, settings.snapshot_max_s)
    _see_that_facts_are_of_their_moment(snapshot)
    return snapshot


def see_that_it_is_of_now(snapshot: Snapshot, now: datetime, max_s: int) -> None:
    """Raises SnapshotRefused for one that is older than that, or from the future, or of a time that is none."""
    for text in (snapshot.exported_at, *(one.as_of for one in snapshot.outlooks)):
        at = unstamp(text)
        if at is None:
            raise SnapshotRefused(f"it is of a time that is none: {text[:40]}")
        if at > now:
            raise SnapshotRefused(f"it is of {text}, which is in the future: now is {stamp(now)}", hint=CLOCKS)
        if now - at > timedelta(seconds=max_s):
            raise SnapshotRefused(f"it is of {text}, which is more than {max_s} s ago: now is {stamp(now)}")


def _see_that_facts_are_of_their_moment(snapshot: Snapshot) -> None:
    """What the rules take for now has to be what was held against the clock."""
    for one in snapshot.outlooks:
        if one.facts and one.facts.get("now") != one.as_of:
            raise SnapshotRefused(f"its facts of {one.product} are of another moment than it says")


def _held_to_contract(payload: bytes, hint: str) -> Snapshot:
    try:
        return Snapshot.model_validate(strictjson.loads(payload, max_bytes=library().MAX_LANES_BYTES))
    except strictjson.NotStrictJson as error:
        raise RequestError(f"it is no snapshot of lanes: it {error}", hint=hint) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        what = f"it is of another form than this gate knows: {place}: {first['msg']}"
        raise RequestError(
            what, hint="Nothing was decided. Export and check with the same version of the gate."
        ) from None
