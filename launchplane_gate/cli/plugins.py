"""``plugins``: what is loaded, and what could be."""

from __future__ import annotations

from typing import Any

import click

from launchplane_gate.cli.command import Command
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session


@click.command(cls=Command)
@pass_session
def plugins(session: Session) -> Answer:
    """What is loaded, and what could be.

    The plugins that the settings enable, with their hooks and drivers; then those that are only installed. A plugin is
    loaded if the settings have a table for it: [plugins.NAME].

    \b
    Example:
      launchplane-gate plugins
    """
    from datetime import UTC, datetime

    from launchplane_gate.plugins import installed, load_plugins
    from launchplane_gate.report.text import Table

    settings = session.settings()
    loaded = load_plugins(settings, now=lambda: datetime.now(UTC))
    found = installed()
    enabled: list[dict[str, Any]] = [
        {
            "name": name,
            "from": found[name].value,
            "hooks": loaded.hooks(name),
            "drivers": [driver for driver, plugin in loaded.driver_plugin.items() if plugin == name],
        }
        for name in loaded.names
    ]
    others = [{"name": name, "from": point.value} for name, point in sorted(found.items()) if name not in loaded.names]
    rows = [(one["name"], "enabled", ", ".join(one["hooks"]), ", ".join(one["drivers"]) or "-") for one in enabled]
    rows += [(one["name"], f"not enabled: add [plugins.{one['name']}]", "-", "-") for one in others]
    document = {"enabled": enabled, "not_enabled": others}
    if not rows:
        return Answer(document, ["No plugin is installed."])
    return Answer(document, [Table(rows, ("PLUGIN", "STATE", "HOOKS", "DRIVERS"), indent=0, prose=(-1, 2, 1))])
