"""``prove --attestation``: whether a file is what the gate signed, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session

if TYPE_CHECKING:
    from launchplane_gate.ledger import Ledger
    from launchplane_gate.settings import Settings
    from launchplane_gate.signing import SSlibKey

MAX_BYTES = 1024 * 1024
EXIT_CODES = {"holds": 0, "differs": 1}


def prove_attestation(
    session: Session, product: str, file: Path, keys: Sequence[Path], *, lane: str | None, version: str | None
) -> Answer:
    """Hold a file to keys, settings and ledger, as far as they are at hand. Raises UsageError."""
    from launchplane_gate.attested import Expected, held
    from launchplane_gate.report.attested import attested_text

    content = _read(file)
    settings = session.settings() if session.has_settings() else None
    table = settings.attestation if settings else None
    with _ledger(settings) as ledger:
        expected = Expected(
            product=product,
            lane=lane,
            version=version,
            profile=settings.profile(product) if settings else None,
            verifier=table.verifier if table else None,
            ledger=ledger,
        )
        attested = held(content, _keys(settings, keys), expected)
    document = {"file": str(file), **attested.model_dump(mode="json", by_alias=True)}
    return Answer(document, attested_text(attested), EXIT_CODES[attested.verdict])


def _read(file: Path) -> bytes:
    """Raises RequestError."""
    from launchplane_gate import private
    from launchplane_gate.errors import RequestError

    try:
        return private.read_regular(file, MAX_BYTES + 1)
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}", hint="Nothing was checked.") from None


def _keys(settings: Settings | None, files: Sequence[Path]) -> list[tuple[str, SSlibKey]]:
    """The keys that are named here, else those of the settings. Raises UsageError where there is none."""
    from launchplane_gate.attesting import believed, public_key_in
    from launchplane_gate.errors import RequestError

    if files:
        return [(path.name, public_key_in(path, "--key")) for path in files]
    if settings and settings.attestation and (keys := list(believed(settings.attestation))):
        return keys
    raise RequestError(
        "no key is known by which a signature could be believed",
        hint="Nothing was checked. Give the public key: --key FILE; or name it in the settings: "
        "attestation.public_keys.",
    )


@contextmanager
def _ledger(settings: Settings | None) -> Iterator[Ledger | None]:
    """The ledger, where there is one that can be read: a file can be held to its keys without."""
    from launchplane_gate.errors import GateError
    from launchplane_gate.opening import opened

    ledger = None
    if settings:
        with suppress(GateError):
            _, ledger = opened(settings, to_read=True)
    try:
        yield ledger
    finally:
        if ledger:
            ledger.close()
