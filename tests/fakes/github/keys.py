"""RSA keys to sign with. To make one takes time, so the fakes of one test run share them by number."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class SigningKey:
    def __init__(self, private_key: RSAPrivateKey) -> None:
        self.private_key = private_key

    @staticmethod
    @cache
    def number(number: int) -> SigningKey:
        return SigningKey(generate_private_key(public_exponent=65537, key_size=2048))

    @property
    def public_key(self) -> RSAPublicKey:
        return self.private_key.public_key()

    @property
    def private_pem(self) -> str:
        """In the form in which GitHub gives it out."""
        return self.private_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
