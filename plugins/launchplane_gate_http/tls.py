"""Whom a TLS connection is believed to reach.

Neither ``ssl.create_default_context`` nor what httpx makes of it is used: both write the keys of every connection to
the file that the environment variable SSLKEYLOGFILE names, and whoever has these reads what was asked, tokens and all.
"""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

import certifi

from launchplane_gate.errors import SettingsError


@cache
def usual_tls() -> ssl.SSLContext:
    """The usual authorities. Made once: loading the certificates takes longer than asking."""
    return _made()


def tls_trusting(ca_file: Path | None, place: str) -> ssl.SSLContext:
    """The usual authorities, and those of a file besides them. Raises SettingsError, which names ``place``."""
    if ca_file is None:
        return usual_tls()
    context = _made()
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError):
        raise SettingsError(f"settings: {place}: {ca_file} is not a file of certificates (PEM)") from None
    return context


def _made() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the certificate and the host's name
    context.load_verify_locations(certifi.where())
    return context
