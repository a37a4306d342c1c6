"""Signatures by SSH keys, as ``ssh-keygen -Y sign`` makes them: verified here, offline and without a program.

Source: PROTOCOL.sshsig of OpenSSH. A signature is over the namespace, the hash's name and the hash of the text, so one
that was made for another purpose proves nothing here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

NAMESPACE = "launchplane-gate"
MAX_CHARACTERS = 16 * 1024
KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
MIN_RSA_BITS = 2048

_ARMOR = re.compile(r"\s*-----BEGIN SSH SIGNATURE-----([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----\s*")


class BadSignature(ValueError):
    """Why a signature proves nothing."""


def public_key(line: str) -> bytes:
    """The key of a line such as ``ssh-ed25519 AAAA... alice@desk``, as it stands on the wire. Raises ValueError."""
    kind, _, rest = line.strip().partition(" ")
    if kind not in KINDS or "\n" in line or len(line) > MAX_CHARACTERS:
        raise ValueError(f"is no line of a public SSH key; it begins with one of {', '.join(KINDS)}")
    try:
        blob = base64.b64decode(rest.split(" ")[0], validate=True)
        _loaded(blob)
    except (binascii.Error, BadSignature) as error:
        raise ValueError(f"is no public SSH key: {error}") from None
    if _Parts(blob).text() != kind.encode():
        raise ValueError("is no public SSH key: it is of another kind than it says")
    return blob


def fingerprint(blob: bytes) -> str:
    """As ``ssh-keygen -l`` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def signer(text: bytes, signature: str) -> bytes:
    """The key, as it stands on the wire, that signed a text in our namespace. Raises BadSignature.

    Whose key that is, and whether it may, is for the caller to say.
    """
    armored = _ARMOR.fullmatch(signature) if len(signature) <= MAX_CHARACTERS else None
    if not armored:
        raise BadSignature("it is no SSH signature; `ssh-keygen -Y sign` makes one")
    try:
        parts = _Parts(base64.b64decode("".join(armored[1].split()), validate=True))
    except binascii.Error:
        raise BadSignature("it is no SSH signature: it is not base64") from None
    if parts.take(6) != b"SSHSIG" or parts.number() != 1:
        raise BadSignature("it is no SSH signature of version 1")
    key, namespace, reserved, hashed_by, made = (parts.text() for _ in range(5))
    parts.end()
    if namespace != NAMESPACE.encode():
        raise BadSignature(f"it was made for another purpose; sign with -n {NAMESPACE}")
    if hashed_by not in (b"sha256", b"sha512"):
        raise BadSignature("it hashes the text in another way than by sha256 or sha512")
    digest = hashlib.new(hashed_by.decode(), text).digest()
    signed = b"SSHSIG" + b"".join(_counted(part) for part in (namespace, reserved, hashed_by, digest))
    _verify(key, made, signed)
    return key


def _verify(key: bytes, made: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # only signatures need the library
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils  # noqa: PLC0415

    parts = _Parts(made)
    kind, value = parts.text(), parts.text()
    parts.end()
    public = _loaded(key)
    try:
        match public:
            case ed25519.Ed25519PublicKey() if kind == b"ssh-ed25519":
                public.verify(value, signed)
            case ec.EllipticCurvePublicKey() if kind == _Parts(key).text():
                numbers = _Parts(value)
                r, s = (int.from_bytes(numbers.text(), "big", signed=True) for _ in range(2))
                numbers.end()
                size = public.curve.key_size
                digest = hashes.SHA256() if size <= 256 else hashes.SHA384() if size <= 384 else hashes.SHA512()  # noqa: PLR2004  # RFC 5656
                public.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(digest))
            case rsa.RSAPublicKey() if kind in (b"rsa-sha2-256", b"rsa-sha2-512"):
                hashed = hashes.SHA256() if kind == b"rsa-sha2-256" else hashes.SHA512()
                public.verify(value, signed, padding.PKCS1v15(), hashed)
            case _:
                raise BadSignature("it was made in a way that does not fit its key")
    except (InvalidSignature, ValueError) as error:
        if isinstance(error, BadSignature):
            raise
        raise BadSignature("it is not of this text, or was not made with its key") from None


def _loaded(blob: bytes) -> PublicKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # only signatures need the library
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key  # noqa: PLC0415

    kind = _Parts(blob).text()
    if kind.decode("ascii", "replace") not in KINDS:
        raise BadSignature("its key is of another kind than " + ", ".join(KINDS))
    try:
        key = load_ssh_public_key(kind + b" " + base64.b64encode(blob))
    except (ValueError, UnsupportedAlgorithm):
        raise BadSignature("its key cannot be read") from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise BadSignature(f"its RSA key is shorter than {MIN_RSA_BITS} bits")
    return key


class _Parts:
    """What is left of bytes in SSH's own form. Raises BadSignature where they end too soon, or too late."""

    def __init__(self, left: bytes) -> None:
        self._left = left

    def take(self, length: int) -> bytes:
        if len(self._left) < length:
            raise BadSignature("it is cut off")
        taken, self._left = self._left[:length], self._left[length:]
        return taken

    def number(self) -> int:
        (number,) = struct.unpack(">I", self.take(4))
        return int(number)

    def text(self) -> bytes:
        return self.take(self.number())

    def end(self) -> None:
        if self._left:
            raise BadSignature("there is more of it than there should be")


def _counted(part: bytes) -> bytes:
    return struct.pack(">I", len(part)) + part
