"""The logins that `docker login` has left in a Docker configuration file.

Only what stands in the file itself is used: a credential helper is a program, and the gate runs none.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from launchplane_gate import private
from launchplane_gate.errors import SettingsError
from launchplane_gate.strictjson import NotStrictJson, loads
from launchplane_gate_oci.login import Login
from launchplane_gate_oci.reference import DOCKER_HUB, HUB_NAMES, is_registry

MAX_BYTES = 1024 * 1024
_WHOLE_REGISTRY = ("", "v1", "v2")


def read_logins(path: Path, place: str) -> dict[str, Login]:
    """The login of each registry in the file. Raises SettingsError, which never quotes what may be a secret."""
    document = _document(path, place)
    for key in ("credsStore", "credHelpers"):
        if document.get(key):
            raise SettingsError(
                f"settings: {place}: {path} names a credential helper ({key}); that is a program, and none is run",
                hint="Nothing was done. Name another file, with `auths` alone, or give the login in "
                '[plugins.oci.registries."HOST"].',
            )
    entries = document.get("auths", {})
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise SettingsError(f"settings: {place}: {path}: auths is no table of logins")
    logins = {}
    for name, entry in entries.items():
        registry = _registry(name)
        if registry is None:
            raise SettingsError(
                f"settings: {place}: {path}: auths has the entry {name[:100]!r}, which names no whole registry",
                hint='Nothing was done. Name another file, or give the login in [plugins.oci.registries."HOST"].',
            )
        if login := _login(entry, f"settings: {place}: {path}: auths: {name[:100]}"):
            logins[registry] = login
    return logins


def _document(path: Path, place: str) -> dict[str, Any]:
    try:
        document = loads(private.read_regular(path, MAX_BYTES + 1), max_bytes=MAX_BYTES)
    except OSError as error:
        raise SettingsError(f"settings: {place}: {path} cannot be read: {error.strerror}") from None
    except NotStrictJson:  # what it says of a key or a place may be a part of a secret
        raise SettingsError(f"settings: {place}: {path} is not JSON that can be relied on") from None
    if not isinstance(document, dict):
        raise SettingsError(f"settings: {place}: {path} is no Docker configuration file")
    return document


def _registry(name: str) -> str | None:
    """The registry that an entry is for: written as HOST, or as the URL of its API."""
    host, _, path = name.removeprefix("https://").removeprefix("http://").partition("/")
    if not is_registry(host) or path.strip("/") not in _WHOLE_REGISTRY:
        return None
    return DOCKER_HUB if host in HUB_NAMES else host


def _login(entry: dict[str, Any], place: str) -> Login | None:
    """None for an entry that holds nothing, as a credential helper leaves them behind."""
    given = {key: entry[key] for key in ("identitytoken", "auth", "username", "password") if entry.get(key)}
    if not all(isinstance(value, str) for value in given.values()):
        raise SettingsError(f"{place}: what stands there is no text")
    if "identitytoken" in given:
        return Login(identity_token=SecretStr(given["identitytoken"]))
    if "auth" in given:
        try:
            pair = base64.b64decode(given["auth"], validate=True).decode()
        except (binascii.Error, ValueError):
            raise SettingsError(f"{place}: its auth is not USER:PASSWORD in base64") from None
        username, _, password = pair.partition(":")
    else:
        username, password = given.get("username", ""), given.get("password", "")
    if bool(username) != bool(password):
        raise SettingsError(f"{place}: a user name and a password go together, and one of them is missing")
    return Login(username=username, password=SecretStr(password)) if password else None
