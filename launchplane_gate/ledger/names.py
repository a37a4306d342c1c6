"""Names that are easy to say."""

from __future__ import annotations

import secrets


def new_id(prefix: str) -> str:
    """A name for a run, decision or hold: ``r-7Q2M4KXB``."""
    return prefix + "-" + "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(8))
