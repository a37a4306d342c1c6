"""Keys of the tests' own, and a verifier of attestations that shares nothing with the gate."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
AnyKey = PrivateKey | rsa.RSAPrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


def private_pem(key: AnyKey) -> bytes:
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption())


def public_pem(key: AnyKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def write_key(folder: Path, key: PrivateKey | None = None) -> PrivateKey:
    """A key pair in ``attest.pem`` and ``attest.pub``, as openssl writes them."""
    key = key or ed25519.Ed25519PrivateKey.generate()
    (folder / "attest.pem").write_bytes(private_pem(key))
    (folder / "attest.pem").chmod(0o600)
    (folder / "attest.pub").write_bytes(public_pem(key))
    return key


def pae(kind: str, payload: bytes) -> bytes:
    """What a signature of DSSE is over. Source: https://github.com/secure-systems-lab/dsse, protocol.md."""
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind.encode(), str(len(payload)).encode(), payload])


def verified(content: bytes, key: PublicKey) -> dict[str, Any]:
    """The statement in an envelope that a key signed; raises InvalidSignature."""
    envelope = json.loads(content)
    payload, [signature] = base64.b64decode(envelope["payload"]), envelope["signatures"]
    signed, over = base64.b64decode(signature["sig"]), pae(envelope["payloadType"], payload)
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signed, over)
    else:
        key.verify(signed, over, ec.ECDSA(hashes.SHA256()))
    statement: dict[str, Any] = json.loads(payload)
    return statement
