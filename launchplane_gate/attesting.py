"""Who signs for a gate, whose signatures are believed, and where what was signed is put."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from launchplane_gate import private
from launchplane_gate.attestation import Verifier
from launchplane_gate.errors import SettingsError
from launchplane_gate.extras import DISTRIBUTION, needed
from launchplane_gate.secret import MAX_BYTES
from launchplane_gate.settings import AttestationSettings, Settings

if TYPE_CHECKING:
    from launchplane_gate.signing import CryptoSigner, SSlibKey

FOLDER = "attestations"
KEY = "settings: attestation.key"


class Attester:
    """Signs for the gate; its key is read each time, so that it can be changed, or be there only when it is used."""

    def __init__(self, settings: AttestationSettings, state_dir: Path) -> None:
        self._settings, self._folder = settings, state_dir / FOLDER

    @property
    def verifier(self) -> Verifier:
        """The gate, as it is named in what it signs."""
        return Verifier(id=self._settings.verifier, version={DISTRIBUTION: version(DISTRIBUTION)})

    def key_id(self) -> str:
        """Of the key that would sign now. Raises SettingsError where there is none."""
        key_id: str = self._signer().public_key.keyid
        return key_id

    def sign(self, statement: bytes) -> tuple[bytes, str]:
        """A signed envelope, and the id of the key. Raises SettingsError."""
        signer = self._signer()
        return library().enveloped(statement, signer), signer.public_key.keyid

    def seal_lanes(self, lanes: bytes) -> bytes:
        """A signed envelope around what is told of lanes, which passes for no attestation. Raises SettingsError."""
        signing = library()
        sealed: bytes = signing.enveloped(lanes, self._signer(), signing.LANES)
        return sealed

    def put(self, name: str, content: bytes) -> None:
        """Have a file of the folder hold this. Raises OSError."""
        private.make_folder(self._folder)
        path = self._folder / name
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            with private.replacing(path) as file:
                file.write(content)

    def _signer(self) -> CryptoSigner:
        return _signer_of(self._settings)


def attester_of(settings: Settings) -> Attester | None:
    """None where the settings name no key to sign with."""
    table = settings.attestation
    return Attester(table, settings.state_dir) if table and table.signs else None


def believed(table: AttestationSettings) -> Iterator[tuple[str, SSlibKey]]:
    """The keys by which signatures are believed, each with what names it. Raises SettingsError."""
    for path in table.public_keys:
        yield path.name, public_key_in(path, "settings: attestation.public_keys")
    if not table.public_keys and table.signs:
        yield "attestation.key", _signer_of(table).public_key


def public_key_in(path: Path, place: str) -> SSlibKey:
    """Raises SettingsError for a file that is no public key."""
    what = f"{place}: {path}"
    try:
        content = private.read_regular(path, MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{what} cannot be read: {reason}") from None
    key: SSlibKey = library().public_key_in(content, what)
    return key


def library() -> ModuleType:
    """The module ``signing``, which is there for who installed what it needs. Raises SettingsError."""
    with needed("attest", "what signs and checks attestations"):
        from launchplane_gate import signing  # noqa: PLC0415  # what it stands on is an extra
    return signing


def _signer_of(table: AttestationSettings) -> CryptoSigner:
    signer: CryptoSigner = library().signer_of(table.private_key().get_secret_value(), KEY)
    return signer
