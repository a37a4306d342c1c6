"""What only some need is an extra. Where one is missing, the command that brings it is named, and nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from launchplane_gate.errors import SettingsError

DISTRIBUTION = "launchplane-gate"


@contextmanager
def needed(extra: str, what: str) -> Iterator[None]:
    """Inside it stands the import of what an extra brings, for ``what``. Raises SettingsError where it is missing."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("launchplane_gate"):  # no extra brings what is ours
            raise
        raise missing(what, error, f"{DISTRIBUTION}[{extra}]") from error


def missing(what: str, error: ImportError, requirement: str) -> SettingsError:
    """That ``what`` lacks a module, which installing ``requirement`` brings."""
    why = f"needs {error.name}, which is not installed" if isinstance(error, ModuleNotFoundError) else f"fails: {error}"
    return SettingsError(f"{what} {why}; type: pip install '{requirement}'")
