"""What proves to a registry who asks."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True)
class Login:
    """One of three: a user name and its password, an identity token, or a bearer token that is ready for use."""

    username: str = ""
    password: SecretStr | None = None
    identity_token: SecretStr | None = None
    token: SecretStr | None = None

    @property
    def basic(self) -> str | None:
        """What a server that asks for a user name and a password is sent."""
        if self.password is None:
            return None
        pair = f"{self.username}:{self.password.get_secret_value()}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
