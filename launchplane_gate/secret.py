"""Secrets, which the settings refer to: one that is not at hand stops whoever wants its value, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import SecretStr

from launchplane_gate import private
from launchplane_gate.errors import SettingsError

MAX_BYTES = 64 * 1024


class UnsetSecret(SecretStr):
    """What a reference of the settings stands for that leads nowhere. ``error`` says which one, and what to do.

    It is never taken for an empty secret, nor for none: to ask whether it is true, how long it is, or what it equals,
    raises its error as asking for its value does.
    """

    def __init__(self, error: SettingsError) -> None:
        super().__init__("")
        self.error = error

    def get_secret_value(self) -> NoReturn:
        """Raises the SettingsError, each time a new one: it may be wanted as long as a service runs."""
        raise SettingsError(str(self.error), hint=self.error.hint)

    def __len__(self) -> int:
        return len(self.get_secret_value())

    def __eq__(self, other: object) -> bool:
        return self.get_secret_value() == other

    def __hash__(self) -> int:
        return hash(self.get_secret_value())


def resolved(value: Any, place: str, base_dir: Path, environment: Mapping[str, str]) -> Any:
    """Replace each ``{env = "NAME"}`` and ``{file = "PATH"}`` by the secret that it refers to.

    One that is not at hand stops whoever wants it, and nobody else: see UnsetSecret.
    """
    if isinstance(value, list):
        return [resolved(item, place, base_dir, environment) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        if set(value) == {"env"} and isinstance(value["env"], str):
            return _from_environment(value["env"], place, environment)
        if set(value) == {"file"} and isinstance(value["file"], str):
            return _from_file(base_dir / value["file"], place)
    except SettingsError as error:
        return UnsetSecret(error)
    return {key: resolved(item, f"{place}.{key}", base_dir, environment) for key, item in value.items()}


def unset_in(value: Any) -> Iterator[UnsetSecret]:
    """Every secret in it that is not at hand."""
    if isinstance(value, UnsetSecret):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from unset_in(item)


def _from_environment(name: str, place: str, environment: Mapping[str, str]) -> SecretStr:
    if not environment.get(name):
        raise SettingsError(
            f"settings: {place}: the environment variable {name} is not set",
            hint=f'Nothing was done. Set {name}, or refer to a file: {{ file = "..." }}.',
        )
    return SecretStr(environment[name])


def _from_file(path: Path, place: str) -> SecretStr:
    try:
        content = private.read_regular(path, MAX_BYTES + 1)
        secret = content.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        what = f"settings: {place}: the secret file {path} cannot be read: {reason}"
        raise SettingsError(what, hint="Nothing was done. Put that file in its place, readable for us alone.") from None
    if not secret or len(content) > MAX_BYTES:
        what = f"settings: {place}: the secret file {path} is empty or too large"
        raise SettingsError(what, hint="Nothing was done. Write the secret into it.")
    return SecretStr(secret)
