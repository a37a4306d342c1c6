"""The error of a host that the bridge does not know."""

from __future__ import annotations

from launchplane_gate.errors import SettingsError

_KNOW_IT = (
    "This Launchplane is not the one that the bridge knows. Nothing was wrapped; use the edit, or a gate that knows."
)


def unknown_host(what: str, hint: str = _KNOW_IT) -> SettingsError:
    return SettingsError(f"no gate was installed: {what}", hint=hint)
