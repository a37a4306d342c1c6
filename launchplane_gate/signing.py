"""Signing what a gate says, and seeing who signed: envelopes of DSSE, and keys in PEM.

It stands on securesystemslib, which only those install who attest; ``attesting`` imports it where something is signed
or checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey  # type: ignore[attr-defined]  # public, it says

from launchplane_gate import strictjson
from launchplane_gate.errors import RequestError, SettingsError

__all__ = ["CryptoSigner", "Envelope", "SSlibKey"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_BYTES = 1024 * 1024
MAX_LANES_BYTES = 16 * 1024 * 1024
MAKE_ONE = "Nothing was done. `openssl genpkey -algorithm ed25519 -out attest.pem` makes one."
TAKE_OUT = "Nothing was done. `openssl pkey -in attest.pem -pubout -out attest.pub` writes the public half of a key."
NO_ENVELOPE = "Nothing was checked. The gate leaves attestations in its state folder: attestations/RUN.intoto.json."


@dataclass(frozen=True)
class Kind:
    """What an envelope is around. ``article`` and ``hint`` are for what is none; one kind never passes for another."""

    payload_type: str
    article: str
    hint: str
    max_bytes: int


ATTESTATION = Kind(PAYLOAD_TYPE, "no attestation", NO_ENVELOPE, MAX_BYTES)
LANES = Kind(
    "application/vnd.launchplane-gate.lanes+json",
    "no snapshot of lanes",
    "Nothing was decided. `launchplane-gate lanes --export <file>` writes one, where the gate is.",
    MAX_LANES_BYTES,
)


def signer_of(pem: str, place: str) -> CryptoSigner:
    """What signs with a private key. Raises SettingsError, which names ``place`` and holds nothing of the key."""
    why = "is no private key of Ed25519 or ECDSA in PEM"
    try:
        key = load_pem_private_key(pem.encode(), password=None)
        if isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey):  # RSA is checked in more ways than one
            return CryptoSigner(key)
    except TypeError:
        why = "is encrypted, and nobody is asked for its passphrase"
    except (ValueError, UnsupportedAlgorithm):
        pass  # also of a curve that nobody would check; the words of these may hold a part of the key
    raise SettingsError(f"{place} {why}", hint=MAKE_ONE)


def new_key() -> tuple[bytes, bytes]:
    """A key that signs, and the one by which that is checked, in PEM."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), public


def public_key_in(pem: str, place: str) -> SSlibKey:
    """A key by which signatures are checked. Raises SettingsError."""
    try:
        key = load_pem_public_key(pem.encode())
        if isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey):
            return SSlibKey.from_crypto(key)
    except (ValueError, UnsupportedAlgorithm):
        pass
    raise SettingsError(f"{place} is no public key of Ed25519 or ECDSA in PEM", hint=TAKE_OUT)


def enveloped(payload: bytes, signer: CryptoSigner, kind: Kind = ATTESTATION) -> bytes:
    """A signed envelope around a payload, as one line of JSON."""
    envelope = Envelope(payload, kind.payload_type, {})
    envelope.sign(signer)
    return strictjson.dumps(envelope.to_dict()).encode() + b"\n"


def envelope_in(content: bytes, wanted: Kind = ATTESTATION) -> Envelope:
    """Raises RequestError for what is no envelope of that kind."""
    it = f"it is {wanted.article}"
    try:
        told = strictjson.loads(content, max_bytes=wanted.max_bytes)
        kind = told["payloadType"]
        envelope = Envelope.from_dict(told)
    except strictjson.NotStrictJson as error:
        raise RequestError(f"{it}: it {error}", hint=wanted.hint) from None
    except (KeyError, TypeError, ValueError, AttributeError):  # whatever of its form the library trips over
        raise RequestError(f"{it}: it has not the form of a DSSE envelope", hint=wanted.hint) from None
    if kind != wanted.payload_type:
        raise RequestError(f"{it}: it holds {str(kind)[:80]}, not {wanted.payload_type}", hint=wanted.hint)
    return envelope


def signed_by(envelope: Envelope, keys: Iterable[SSlibKey]) -> SSlibKey | None:
    """The first of the keys that signed it. What stands there as the id of a key is a hint, and nothing vouches for it.

    None too for a signature that cannot be read.
    """
    for key in keys:
        for signature in envelope.signatures.values():
            try:
                key.verify_signature(Signature(key.keyid, signature.signature), envelope.pae())
            except UnverifiedSignatureError:
                continue
            return key
    return None
