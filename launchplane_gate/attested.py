"""Whether an attestation can be believed, and whether it is of what somebody takes it for; nobody else is asked.

What cannot be held to anything here is said to be, and is no part of the verdict. A statement that nobody signed who is
believed says nothing, whatever stands in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from launchplane_gate.attestation import PASSED, Promotion, Statement, artifact, read_statement, where_from
from launchplane_gate.attesting import library
from launchplane_gate.errors import GateError, in_a_sentence
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Contract, Lane, Run, lanes_of, short
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run

if TYPE_CHECKING:
    from launchplane_gate.signing import SSlibKey


class Point(Contract):
    """One thing that was looked at. ``open``: there is nothing here to hold it to."""

    what: str
    says: str
    state: Literal["holds", "differs", "open"]
    detail: str = ""


class Attested(Contract):
    """``statement``: what was signed, as it stands there; None where nobody is believed to have signed it."""

    product: str
    points: tuple[Point, ...]
    verdict: Literal["holds", "differs"]
    statement: Statement | None = None


@dataclass(frozen=True)
class Expected:
    """What an attestation is taken for. ``profile``, ``verifier`` and ``ledger``: as far as they are at hand."""

    product: str
    lane: str | None = None
    version: str | None = None
    profile: ProductProfile | None = None
    verifier: str | None = None
    ledger: Ledger | None = None


def held(content: bytes, keys: Sequence[tuple[str, SSlibKey]], expected: Expected) -> Attested:
    """Raises RequestError for what is no attestation of a gate, SettingsError without what checks signatures."""
    signing = library()
    envelope = signing.envelope_in(content)
    statement = read_statement(envelope.payload)
    key = signing.signed_by(envelope, [key for _, key in keys])
    if key is None:
        tried = ", ".join(f"{name} ({short(one.keyid)})" for name, one in keys)
        said = ", ".join(sorted(short(keyid) for keyid in envelope.signatures)) or "nobody"
        unsigned = _differs("signature", said, f"none of the keys here signed it: {tried}")
        return Attested(product=expected.product, points=(unsigned,), verdict="differs")
    name = next(name for name, one in keys if one is key)
    points = (_holds("signature", short(key.keyid), f"by {name}"), *_points(statement, expected))
    differs = any(point.state == "differs" for point in points)
    verdict: Literal["holds", "differs"] = "differs" if differs else "holds"
    return Attested(product=expected.product, points=points, verdict=verdict, statement=statement)


def _points(statement: Statement, expected: Expected) -> Iterator[Point]:
    summary, told = statement.predicate, statement.promotion
    yield _equal("verifier", summary.verifier.id, expected.verifier)
    yield _equal("result", summary.verification_result, PASSED)
    yield _equal("product", told.product, expected.product)
    yield _lane(told, expected)
    if expected.version:
        yield _equal("version", told.version or "none", expected.version)
    yield _subject(statement, expected.profile)
    yield from _ledger(told, expected.ledger)


def _lane(told: Promotion, expected: Expected) -> Point:
    if expected.lane:
        return _equal("lane", told.destination.rpartition("/")[2], expected.lane)
    if expected.profile is None:
        return _open("lane", told.destination, "no settings name the lanes of the product")
    known = [str(lane) for lane in lanes_of(expected.profile)]
    if told.destination in known:
        return _holds("lane", told.destination)
    return _differs("lane", told.destination, f"the product has {', '.join(known)}")


def _subject(statement: Statement, profile: ProductProfile | None) -> Point:
    """That what was signed is of one artifact throughout, and of the product's image."""
    told = statement.promotion.artifact_id
    says = ", ".join(f"{one.name}@sha256:{one.digest.get('sha256', '?')}" for one in statement.subject)
    try:
        is_one = statement.subject == (artifact(told),) and statement.predicate.resource_uri == where_from(told)
    except ValueError:
        is_one = False
    if not is_one:
        return _differs("subject", says, f"beside it stands {told}")
    if profile is None:
        return _open("subject", says, "no settings name the image of the product")
    return _equal("subject", says, f"{profile.image.repository}@{says.rpartition('@')[2]}")


def _ledger(told: Promotion, ledger: Ledger | None) -> Iterator[Point]:
    """What the ledger has of it, where that is the one in which it was recorded."""
    chain = told.chain
    says = f"{chain.lane} {chain.position} {chain.hash}"
    try:
        if ledger is None or ledger.ledger_id() != chain.ledger:
            yield _open("ledger", says, f"the ledger {short(chain.ledger)} is not here")
            return
        found = ledger.hash_at(Lane.parse(chain.lane), chain.position)
        yield _equal("ledger", says, f"{chain.lane} {chain.position} {found or 'nothing'}")
        yield _run(told, read_run(ledger, told.run))
    except (GateError, ValueError) as error:
        yield _differs("run", told.run, in_a_sentence(error))


def _run(told: Promotion, run: Run) -> Point:
    here = (run.status, run.product, str(run.destination), run.release and run.release.model_dump())
    said = (told.status, told.product, told.destination, told.release)
    decisions = [one.decision_id for one in (run.admitted, run.confirmed) if one]
    if said == here and [one.id for one in told.decisions] == decisions:
        return _holds("run", told.run, "as the ledger has it")
    return _differs("run", told.run, f"the ledger has it as {run.status} on {run.destination}, of {run.release}")


def _equal(what: str, says: str, expected: str | None) -> Point:
    if expected is None:
        return _open(what, says, "no settings say which one it is to be")
    return _holds(what, says) if says == expected else _differs(what, says, f"not {expected}")


def _holds(what: str, says: str, detail: str = "") -> Point:
    return Point(what=what, says=says, state="holds", detail=detail)


def _differs(what: str, says: str, detail: str = "") -> Point:
    return Point(what=what, says=says, state="differs", detail=detail)


def _open(what: str, says: str, detail: str) -> Point:
    return Point(what=what, says=says, state="open", detail=detail)
