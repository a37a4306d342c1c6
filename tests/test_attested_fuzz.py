"""Whatever a stranger's file holds, it is believed only as it was signed, and never trips who reads it."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from launchplane_gate import signing
from launchplane_gate.attestation import Asker, Chained, NotLookedAt, Promotion, Verifier, decided, stating
from launchplane_gate.attested import Attested, Expected, held
from launchplane_gate.errors import RequestError
from launchplane_gate.model import Decision, RuleResult
from launchplane_gate.report.attested import attested_text
from launchplane_gate.report.text import plain
from tests.conftest import ACTOR, PROD, PRODUCT, PROFILE, TESTING, A
from tests.keys import pae, private_pem

KEY = Ed25519PrivateKey.generate()
SIGNER = signing.signer_of(private_pem(KEY).decode(), "the key")
EXPECTED = Expected(product=PRODUCT, lane="prod", profile=PROFILE, verifier="https://gate.example.org")

DECISION = Decision(
    decision_id="d-1",
    action="promote",
    phase="confirm",
    product=PRODUCT,
    source=TESTING,
    destination=PROD,
    release=A,
    actor=ACTOR,
    results=(RuleResult(code="a.b", status="pass", title="", message="", remedy=""),),
    engine="an engine",
    policy_revision="f" * 64,
    input_digest="e" * 64,
    decided_at="2026-11-23T07:00:00.000000Z",
)
PROMOTION = Promotion(
    run="r-1",
    action="promote",
    status="recorded",
    product=PRODUCT,
    source=str(TESTING),
    destination=str(PROD),
    artifact_id=A.artifact_id,
    source_git_ref=A.source_git_ref,
    actor=Asker(subject=ACTOR.subject),
    decisions=(decided(DECISION),),
    chain=Chained(ledger="1" * 32, lane=str(PROD), position=7, hash="0" * 64),
    not_looked_at=NotLookedAt(rules=("c.d",)),
)
STATEMENT = stating(PROMOTION, DECISION, Verifier(id="https://gate.example.org")).as_bytes()
SIGNED = signing.enveloped(STATEMENT, SIGNER)

LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))
PICKS = st.lists(st.integers(0, 20), min_size=1, max_size=6)


def read(content: bytes) -> Attested | None:
    """What became of a file; None for one that is no attestation. Whatever else is raised fails the test."""
    try:
        attested = held(content, [("key", SIGNER.public_key)], EXPECTED)
    except RequestError:
        return None
    assert plain(attested_text(attested))
    return attested


def changed(document: Any, picks: list[int], value: Any) -> Any:
    """The document with something in it replaced: what the picks lead to, or the last thing on their way."""
    document = deepcopy(document)
    part, place = document, None
    for pick in picks:
        inner = part if place is None else part[place]
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner))) if isinstance(inner, list) else []
        if not keys:
            break
        part, place = inner, keys[pick % len(keys)]
    part[place] = value
    return document


def test_what_was_signed_holds() -> None:
    attested = read(SIGNED)
    assert attested and attested.verdict == "holds"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_rubbish_is_no_attestation(content: bytes) -> None:
    assert read(content) is None


@settings(deadline=None)
@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_a_byte_that_changed_is_seen(at: int, by: int) -> None:
    altered = bytearray(SIGNED)
    altered[at] ^= by
    attested = read(bytes(altered))
    unchanged = attested is not None and attested.verdict == "holds" and attested.statement
    if (
        unchanged
    ):  # only what is not signed may have changed: the id of a key, which is a hint, and the space at the end
        assert unchanged.as_bytes() == STATEMENT


@settings(deadline=None)
@given(PICKS, VALUES)
def test_an_envelope_of_another_form_is_told(picks: list[int], value: Any) -> None:
    read(json.dumps(changed(json.loads(SIGNED), picks, value)).encode())


@settings(deadline=None)
@given(PICKS, VALUES, st.booleans())
def test_a_statement_of_another_form_is_told_whoever_signed_it(picks: list[int], value: Any, is_signed: bool) -> None:
    envelope = json.loads(SIGNED)
    payload = json.dumps(changed(json.loads(STATEMENT), picks, value)).encode()
    envelope["payload"] = base64.b64encode(payload).decode()
    if is_signed:
        over = KEY.sign(pae(envelope["payloadType"], payload))
        envelope["signatures"][0]["sig"] = base64.b64encode(over).decode()
    attested = read(json.dumps(envelope).encode())
    if attested and not is_signed and json.loads(payload) != json.loads(STATEMENT):
        assert (attested.verdict, attested.statement) == ("differs", None)
