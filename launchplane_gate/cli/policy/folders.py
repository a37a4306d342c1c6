"""What the commands on policies share."""

from __future__ import annotations

from pathlib import Path

import click

NO_OPA = "OPA was not asked: there is no `opa` on the PATH, and none was named by --opa."

folders_named = click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(path_type=Path))
