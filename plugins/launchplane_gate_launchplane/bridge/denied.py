"""What a gate raises in a host that has no exception of its own for it."""

from __future__ import annotations

import click


class GateDenied(click.ClickException):
    """The host answers 400 to a ClickException, and nothing else of its own; the bridge makes this status of that."""

    def __init__(self, *, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
